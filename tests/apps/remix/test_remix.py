"""`unweave.remix`: from a song to its files, with a separator whose stems are known."""

import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import unweave
from tests.apps.remix.sounds import RATE_HZ, MidSide, noise, read, stems_of, write
from unweave.apps._shared import material
from unweave.apps._shared.levels import Meter
from unweave.apps.remix import projects
from unweave.apps.remix.mix import Mix, Strip
from unweave.audio.reader import probe
from unweave.audio.stem_file.check import check
from unweave.audio.stem_file.reader import StemReader
from unweave.errors import Cancelled, InputError, OutputError, UsageError


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav", noise())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out" / "song"


def muffled(wave: np.ndarray) -> np.ndarray:
    """Without the highest fifth of its frequencies, where meters of the true peak differ."""
    spectrum = np.fft.rfft(wave)
    spectrum[:, spectrum.shape[1] * 4 // 5 :] = 0
    return np.fft.irfft(spectrum, wave.shape[1]).astype(np.float32)


def _remix(song: Path, folder: Path, **changes: object) -> dict:
    return unweave.remix(song, folder.parent, model=MidSide(), **changes)


def test_at_unity_the_output_is_the_input(song: Path, folder: Path) -> None:
    report = _remix(song, folder, sensitivity=0.5, gain={"vocals": 0.0}, pan={"band": 0.0})
    np.testing.assert_array_equal(read(folder / "remix.wav"), read(song))
    assert report["gain_db"] == 0
    assert {path.name for path in folder.iterdir()} == {"remix.wav", "remix.json"}
    assert json.loads((folder / "remix.json").read_text()) == report


@pytest.mark.parametrize("gain_db", [-60.0, 12.0])
def test_a_gain_moves_a_known_stem_by_what_was_asked(
    song: Path, folder: Path, gain_db: float
) -> None:
    report = _remix(song, folder, gain={"voice": gain_db})
    vocals, band = stems_of(read(song))
    expected = 10 ** (gain_db / 20) * vocals + band
    np.testing.assert_allclose(read(folder / "remix.wav"), expected, atol=1e-6)
    levels = {item["stem"]: item for item in report["levels"]}
    moved = levels["vocals"]["after"]["loudness_lufs"], levels["vocals"]["before"]["loudness_lufs"]
    if gain_db > -60:  # below the gate there is no loudness
        assert moved[0] - moved[1] == pytest.approx(gain_db, abs=0.02)
    assert levels["band"]["after"] == levels["band"]["before"]


def test_mute_and_solo_leave_what_they_say(song: Path, folder: Path) -> None:
    vocals, band = stems_of(read(song))
    _remix(song, folder, solo="vocals")
    np.testing.assert_allclose(read(folder / "remix.wav"), vocals, atol=1e-6)
    _remix(song, folder, mute=["vocals"], overwrite=True)
    np.testing.assert_allclose(read(folder / "remix.wav"), band, atol=1e-6)


def test_stems_sum_to_the_remix_and_say_where_they_begin(song: Path, folder: Path) -> None:
    changes = {"pan": {"band": 0.3}, "tilt": {"vocals": 2.0}, "sensitivity": 0.6}
    report = _remix(song, folder, stems=True, start=0.25, **changes)
    names = [item["path"] for item in report["stems"]]
    assert names == ["remix.wav", "01 vocals.wav", "02 band.wav"]
    remix, *stems = [read(folder / name) for name in names]
    np.testing.assert_allclose(sum(stems), remix, atol=1e-6)
    assert remix.shape == (2, round(1.25 * RATE_HZ))
    for name in names:
        assert probe(folder / name).tags["time_reference"] == "2000"


def test_every_export_opens_with_what_the_remix_has(song: Path, folder: Path) -> None:
    mix = Mix(
        stems={"vocals": Strip(gain=((0.0, 0.0), (1.0, -6.0)))},
        tempo=120.0,
        markers=((0.5, "Verse"),),
    )
    report = _remix(song, folder, mix=mix, export=projects.KINDS, bit_depth=16)
    assert [item["kind"] for item in report["exports"]] == list(projects.KINDS)
    assert {path.name for path in folder.iterdir()} == {
        "remix.wav", "remix.json", "01 vocals.wav", "02 band.wav", "song.stem.mp4",
        "song.stem.m4a", "song.dawproject", "song.rpp", "song markers.txt", "song.zip",
    }  # fmt: skip
    vocals, band = (read(folder / name) for name in ("01 vocals.wav", "02 band.wav"))
    with StemReader(folder / "song.stem.m4a") as reader:
        assert [label.name for label in reader.metadata.labels] == [
            "vocals", "band", "Silence", "Silence 2",
        ]  # fmt: skip
        blocks = np.concatenate(list(reader.blocks(1000)), axis=-1)
    np.testing.assert_array_equal(blocks[:3], [read(folder / "remix.wav"), vocals, band])
    assert not blocks[3:].any()
    for kind in ("stem.mp4", "stem.m4a"):
        assert check(folder / f"song.{kind}") == []
    labels = (folder / "song markers.txt").read_text().splitlines()
    assert [line.split("\t")[2] for line in labels] == ["vocals gain 0 dB", "Verse",
                                                       "vocals gain -6 dB"]  # fmt: skip
    project = (folder / "song.rpp").read_text()
    assert 'FILE "01 vocals.wav"' in project
    assert "TEMPO 120 4 4" in project
    with zipfile.ZipFile(folder / "song.dawproject") as opened:
        tree = ElementTree.fromstring(opened.read("project.xml"))
        assert [each.get("name") for each in tree.find("Structure")] == ["vocals", "band", "Master"]
        inside = opened.read("audio/01 vocals.wav")
    assert inside == (folder / "01 vocals.wav").read_bytes()
    with zipfile.ZipFile(folder / "song.zip") as opened:
        assert set(opened.namelist()) == {
            "song.rpp", "song markers.txt", "stems/01 vocals.wav", "stems/02 band.wav", "remix.wav",
            "song.stem.mp4", "song.stem.m4a", "song.dawproject", "loudness.json",
        }  # fmt: skip
        levels = json.loads(opened.read("loudness.json"))
    assert levels["levels"] == report["levels"]


def test_a_project_alone_has_the_stems_inside_only(song: Path, folder: Path) -> None:
    report = _remix(song, folder, export="dawproject")
    assert [item["stem"] for item in report["stems"]] == ["remix"]
    assert {path.name for path in folder.iterdir()} == {
        "remix.wav", "remix.json", "song.dawproject",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stems", "expected"),
    [
        (["vocals", "accompaniment"], "vocals | accompaniment | - | -"),
        (["vocals", "bass", "other", "drums"], "drums | bass | other | vocals"),
        (["vocals", "drums", "bass", "other", "residual"],
         "drums | bass | other = other + residual | vocals"),
        (["drums", "bass", "other", "vocals", "guitar", "piano"],
         "drums | bass | other = other + guitar + piano | vocals"),
        (["a", "b", "c", "d", "e"], "a | b | c | other = d + e"),
    ],
)  # fmt: skip
def test_a_stem_file_holds_four(stems: list[str], expected: str) -> None:
    words = [
        slot.name + (f" = {' + '.join(slot.sources)}" if len(slot.sources) > 1 else "")
        if slot.sources
        else "-"
        for slot in projects.slots(stems)
    ]
    assert " | ".join(words) == expected


def test_a_stem_file_is_taken_as_it_is(song: Path, folder: Path, monkeypatch) -> None:
    _remix(song, folder, export="stem.m4a")
    monkeypatch.setattr("unweave.api.separate_file", None)
    again = folder.parent / "again"
    report = unweave.remix(folder / "song.stem.m4a", again, mute="band")
    assert (report["input"]["kind"], report["separation"]) == ("stem file", None)
    assert [item["stem"] for item in report["levels"]] == ["mix", "vocals", "band", "residual"]
    vocals, _ = stems_of(read(song))
    np.testing.assert_allclose(read(again / "song" / "remix.wav"), vocals, atol=4 / 2**15)
    assert unweave.remix(folder / "song.stem.m4a", again, mute="band") == report
    with pytest.raises(UsageError, match=r"song.stem.m4a has no stem 'drums'; it has vocals, band"):
        unweave.remix(folder / "song.stem.m4a", again, mute="drums")


def test_a_stem_file_without_names_has_them_in_the_customary_order(
    tmp_path: Path, stem_mp4
) -> None:
    song = stem_mp4(tmp_path / "A.stem.mp4", frames=8000)
    report = unweave.remix(song, tmp_path / "out", solo="bass")
    names = [item["stem"] for item in report["levels"]]
    assert names == ["mix", "drums", "bass", "other", "vocals", "residual"]
    assert "names no stems; they are taken as drums, bass, other, vocals" in report["warnings"][0]
    with StemReader(song) as reader:
        stems = np.concatenate(list(reader.blocks(1000)), axis=-1)
    np.testing.assert_allclose(read(tmp_path / "out" / "A" / "remix.wav"), stems[2], atol=1e-6)


def test_so_are_the_stems_that_separate_wrote(song: Path, tmp_path: Path, monkeypatch) -> None:
    unweave.separate_file(song, tmp_path / "stems", MidSide(), format="flac", bit_depth=24)
    monkeypatch.setattr("unweave.api.separate_file", None)
    stems = tmp_path / "stems" / "song"
    report = unweave.remix(stems, tmp_path / "out", gain={"vocals": -6}, stems=True)
    vocals, band = stems_of(read(song))
    np.testing.assert_allclose(
        read(tmp_path / "out" / "song" / "remix.wav"), 10 ** (-6 / 20) * vocals + band, atol=1e-6
    )
    assert report["separation"]["request"]["separator"]["name"] == "mid-side"
    (stems / "band.flac").write_bytes(b"another")
    with pytest.raises(InputError, match=r"band.flac: has changed since .*report.json was written"):
        unweave.remix(stems, tmp_path / "out2")
    song.unlink()
    with pytest.raises(InputError, match=r"song.wav, is not there as it was; put it back"):
        unweave.remix(stems, tmp_path / "out2")


def test_what_would_clip_shares_one_gain_that_is_reported(song: Path, folder: Path) -> None:
    report = _remix(song, folder, gain={"vocals": 30}, stems=True, format="flac")
    vocals, band = stems_of(read(song))
    loud = 10**1.5 * vocals
    peak = max(np.abs(loud).max(), np.abs(loud + band).max())
    assert report["gain_db"] == pytest.approx(-20 * np.log10(peak), abs=0.001)
    assert report["execution"]["passes"] == 2
    [warning] = report["warnings"]
    assert "all files are" in warning
    gain = 10 ** (report["gain_db"] / 20)
    np.testing.assert_allclose(read(folder / "02 band.flac"), gain * band, atol=1e-5)


@pytest.mark.parametrize(
    ("format", "wanted", "limited"),
    [("wav", -20.0, False), ("flac", -20.0, False), ("flac", -8.0, True), ("wav", -8.0, True)],
)
def test_a_loudness_is_reached_and_its_true_peak_is_held(
    song: Path, folder: Path, format: str, wanted: float, limited: bool
) -> None:
    write(song, muffled(noise()))
    report = _remix(song, folder, mute="band", loudness=wanted, format=format, stems=True)
    remix, vocals, band = (read(folder / item["path"]) for item in report["stems"])
    meter = Meter(RATE_HZ, 2)
    meter.push(remix)
    heard = meter.levels()
    assert heard.lufs == pytest.approx(wanted, abs=0.15)
    assert 20 * np.log10(heard.true_peak) <= -1
    [level] = [item["after"] for item in report["levels"] if item["stem"] == "mix"]
    assert level["loudness_lufs"] == pytest.approx(heard.lufs, abs=0.02)
    assert (report["limited_db"] > 0) == limited
    np.testing.assert_allclose(vocals + band, remix, atol=1e-4)
    assert report["warnings"] == []


def test_a_loudness_out_of_reach_is_told(song: Path, folder: Path) -> None:
    report = _remix(song, folder, loudness=0.0)
    [warning] = report["warnings"]
    assert "at 0 LUFS its peaks would be limited by more than 12 dB" in warning
    assert report["limited_db"] == pytest.approx(12, abs=0.5)


def test_a_match_brings_a_stem_to_its_reference(song: Path, folder: Path) -> None:
    reference = write(song.with_name("ref.wav"), noise(seed=5, level=0.1))
    report = _remix(song, folder, match={"vocals": reference})
    levels = {item["stem"]: item["after"] for item in report["levels"]}
    [matched] = report["match"]
    assert matched["stem"] == "vocals"
    from unweave.apps.remix import spectrum

    wanted = spectrum.of_file(reference).loudness_lufs
    assert levels["vocals"]["loudness_lufs"] == pytest.approx(wanted, abs=0.3)
    assert list(report["references"]) == [str(reference)]


def test_what_is_done_is_not_done_again_and_nothing_is_written_over(
    song: Path, folder: Path
) -> None:
    def again(**changes: object) -> dict:
        return unweave.remix(song, folder.parent, model="hpss", **changes)

    report = again(gain={"percussive": -3}, stems=True)
    before = (folder / "remix.wav").stat().st_mtime_ns
    assert again(gain={"percussive": -3}, stems=True) == report
    assert (folder / "remix.wav").stat().st_mtime_ns == before
    with pytest.raises(
        OutputError, match=r"remix.wav is there, made from another recording or with other"
    ):
        again(gain={"percussive": -4}, stems=True)
    (folder / "01 harmonic.wav").unlink()  # what is left is the same remix's own, and gives way
    names = {item["path"] for item in again(gain={"percussive": -3}, stems=True)["stems"]}
    assert names <= {path.name for path in folder.iterdir()}
    assert again(gain={"percussive": -4}, overwrite=True)["mix"] == {
        "stems": {"percussive": {"gain": -4.0}}
    }


def test_what_a_killed_run_left_goes(song: Path, folder: Path) -> None:
    left = folder / ".unweave-remix" / "separated"
    left.mkdir(parents=True)
    (left / "vocals.wav").write_bytes(b"half")
    _remix(song, folder)
    assert {path.name for path in folder.iterdir()} == {"remix.wav", "remix.json"}


@pytest.mark.parametrize("after", [1, 4])
def test_a_run_that_is_stopped_leaves_nothing(song: Path, folder: Path, after: int) -> None:
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        _remix(song, folder, stems=True, should_stop=lambda: next(asked) >= after)
    assert not folder.exists()


def test_progress_goes_forward(song: Path, folder: Path) -> None:
    told: list[float] = []
    _remix(song, folder, on_progress=lambda at: told.append(at.done_s))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(3.0)


def test_the_same_request_gives_the_same_bytes(song: Path, folder: Path) -> None:
    kinds = ("stem.m4a", "dawproject")
    first = _remix(song, folder, export=kinds, gain={"vocals": -3})
    second = _remix(song, folder, export=kinds, gain={"vocals": -3}, overwrite=True)
    for files in ("stems", "exports"):
        assert [item["sha256"] for item in first[files]] == [
            item["sha256"] for item in second[files]
        ]


def test_a_remix_is_no_recording_for_those_who_take_a_folder(song: Path, folder: Path) -> None:
    from unweave.jobs.inputs import expand

    _remix(song, folder, stems=True, export="stem.mp4")
    found, _, passed_over = expand([folder], folder.parent / "elsewhere")
    assert (found, [item.path.name for item in passed_over]) == ([], ["remix.json"])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"gain": {"drums": 1}}, UsageError, "mid-side has no stem 'drums'; it has vocals, band"),
        ({"gain": {"vocals": float("nan")}}, UsageError, "gain of vocals: must be a number from"),
        ({"sensitivity": 1.5}, UsageError, "sensitivity: must be a number from 0 to 1; got 1.5"),
        ({"loudness": 3}, UsageError, "loudness: must be a number from -60 to 0 LUFS"),
        ({"export": "wav"}, UsageError, "there is no export 'wav'; choose stem.mp4, stem.m4a"),
        ({"export": "labels"}, UsageError, "labels are the markers and the points of a mix"),
        ({"export": "rpp", "format": "m4a"}, UsageError, "a REAPER project takes .wav, .flac"),
        ({"match": {"vocals": "gone.wav"}}, InputError, "gone.wav: cannot be read: no such file"),
        ({"format": "aiff"}, UsageError, "format must be one of"),
        ({"mix": "gone.toml"}, InputError, "gone.toml: cannot be read: no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    song: Path, folder: Path, changes: dict, error: type, message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        _remix(song, folder, **changes)
    assert "\n" not in str(raised.value)
    assert not folder.exists()


@pytest.mark.parametrize("changes", [{"pan": {"harmonic": 0.5}}, {"export": "stem.mp4"}])
def test_what_takes_stereo_says_so(tmp_path: Path, folder: Path, changes: dict) -> None:
    mono = write(tmp_path / "song.wav", noise(channels=1))
    with pytest.raises(UsageError, match=r"song.wav: has 1 channel\(s\); .* takes stereo"):
        unweave.remix(mono, folder.parent, model="hpss", **changes)
    assert not folder.exists()


def test_the_song_is_never_written_over(tmp_path: Path) -> None:
    song = write(tmp_path / "remix" / "remix.wav", noise())
    with pytest.raises(UsageError, match=r"remix.wav: is an input, and would be written over"):
        unweave.remix(song, tmp_path, model=MidSide(), overwrite=True)


def test_files_that_are_read_are_not_written_over(song: Path, folder: Path) -> None:
    reference = write(folder / "remix.wav", noise(seed=5))
    before = reference.read_bytes()
    with pytest.raises(UsageError, match=r"out/song/remix.wav: is read, and would be written over"):
        _remix(song, folder, match={"vocals": reference}, overwrite=True)
    assert reference.read_bytes() == before


def test_a_reference_that_is_no_sound_is_told_before_any_work(song: Path, folder: Path) -> None:
    song.with_name("words.txt").write_text("no sound")
    with pytest.raises(InputError, match=r"words.txt"):
        _remix(
            song, folder, match={"vocals": song.with_name("words.txt")}, should_stop=lambda: True
        )


def test_stems_may_be_called_as_what_a_remix_has() -> None:
    names = ["remix", "mix", "zip", "Residual", "vocals", "voice"]
    assert material._apart(names) == (
        "remix 2", "mix 2", "zip 2", "Residual 2", "vocals", "voice 2",
    )  # fmt: skip


def test_a_long_name_of_four_byte_signs_has_exports(song: Path, folder: Path) -> None:
    long = song.rename(song.with_name("🎵" * 60 + ".wav"))
    report = _remix(long, folder, export="dawproject")
    [project] = report["exports"]
    assert len(project["path"].encode()) < 200


SCHEMAS = Path(__file__).parents[4] / "shared" / "reference" / "dawproject"


@pytest.mark.parametrize("published", [False, True])
def test_the_project_of_a_remix_is_a_dawproject(song: Path, folder: Path, published: bool) -> None:
    if published and not SCHEMAS.is_dir():
        pytest.skip("the published schema is not part of the project")
    strip = Strip(gain=((0.0, 0.0), (1.0, -6.0)))
    mix = Mix(
        stems={"vocals": strip}, tempo=((0.0, 90.0), (1.0, 120.5)), markers=((0.5, 'A <&> "Ö"'),)
    )
    _remix(song, folder, mix=mix, export="dawproject", start=0.25)
    with zipfile.ZipFile(folder / "song.dawproject") as opened:
        documents = {name: opened.read(f"{name}.xml") for name in ("project", "metadata")}
        files = set(opened.namelist())
    if published:
        import xmlschema

        for schema, name in (("Project.xsd", "project"), ("MetaData.xsd", "metadata")):
            xmlschema.XMLSchema10(str(SCHEMAS / schema)).validate(io.BytesIO(documents[name]))
    project = ElementTree.fromstring(documents["project"])
    tracks = project.findall("Structure/Track")
    assert [each.get("name") for each in tracks] == ["vocals", "band", "Master"]
    assert {each.get("path") for each in project.iter("File")} < files
    assert {each.get("duration") for each in project.iter("Clip")} == {"1.25"}
    markers = [(each.get("time"), each.get("name")) for each in project.iter("Marker")]
    assert markers == [("0.25", 'A <&> "Ö"'), ("0.75", "vocals gain -6 dB")]
    points = [(each.get("time"), each.get("value")) for each in project.iter("RealPoint")]
    assert points == [("0", "90"), ("1.125", "120.5")]
    ids = [each.get("id") for each in project.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
