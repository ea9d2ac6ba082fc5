"""What will be written is known before work starts, and clashes are refused with a way out."""

import os
import shlex
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from tests.jobs.fakes import asked, write_noise
from unweave.errors import UsageError
from unweave.jobs import prepare
from unweave.jobs.inputs import InputFile
from unweave.jobs.plan import plan
from unweave.models import cards
from unweave.registry import choose_stems
from unweave.request import Output, SeparationRequest, SeparatorRef

STEMS = ("vocals", "accompaniment")


def wanted(stems: tuple[str, ...] = STEMS, **output: object) -> SeparationRequest:
    return SeparationRequest(
        separator=SeparatorRef(name="any"), stems=stems, output=Output(**output)
    )


def jobs(
    *paths: str, template: str = "{name}/{stem}.{ext}", request: SeparationRequest | None = None
):
    found = [InputFile(Path(path)) for path in paths]
    return plan(found, request or wanted(), Path("out"), template)


def test_default_places():
    [job] = jobs("music/song.mp3")
    assert job.outputs == {
        "vocals": Path("out/song/vocals.wav"),
        "accompaniment": Path("out/song/accompaniment.wav"),
    }
    assert job.report == Path("out/song/report.json")


def test_sub_folder_of_a_folder_input_is_kept():
    found = [InputFile(Path("m/d/e/song.mp3"), Path("d/e"))]
    [job] = plan(found, wanted(), Path("out"))
    assert job.report == Path("out/d/e/song/report.json")


def test_flat_template_puts_the_report_beside():
    [job] = jobs("song.mp3", template="{name}_{stem}.{ext}")
    assert job.outputs["vocals"] == Path("out/song_vocals.wav")
    assert job.report == Path("out/song_report.json")


def test_extension_is_the_formats():
    [job] = jobs("song.mp3", request=wanted(stems=("vocals",), format="flac"))
    assert job.outputs["vocals"] == Path("out/song/vocals.flac")


@pytest.mark.parametrize(
    ("first", "second", "way_out"),
    [
        ("song.mp3", "song.wav", "{name}.{input_ext}"),
        ("a/song.mp3", "b/song.mp3", "{parent}"),
        ("Song.mp3", "song.wav", "{name}.{input_ext}"),
        ("a/Ärger.mp3", "b/" + unicodedata.normalize("NFD", "ärger") + ".mp3", "{parent}"),
        ("a/new\nline.mp3", "b/new\tline.mp3", "{parent}"),
    ],
)
def test_two_inputs_for_one_file_are_refused_and_the_way_out_works(first, second, way_out):
    with pytest.raises(UsageError) as error:
        jobs(first, second)
    message = str(error.value)
    assert Path(first).suffix in message
    assert Path(second).suffix in message
    assert way_out in message
    assert "\n" not in message
    template = shlex.split(message)[shlex.split(message).index("--filename-template") + 1]
    assert len(jobs(first, second, template=template)) == 2


def test_a_clash_without_a_way_out_says_so():
    with pytest.raises(UsageError, match="two runs"):
        jobs("x/a/song.mp3", "y/a/song.mp3")


def test_a_clash_is_found_among_thousands():
    names = [f"{n}.mp3" for n in range(3000)]
    assert len(jobs(*names)) == 3000
    with pytest.raises(UsageError, match=r"77\.wav"):
        jobs(*names, "77.wav")


def test_every_clash_is_told_or_counted():
    pairs = [f"{n}.{ending}" for n in range(3) for ending in ("mp3", "wav")]
    with pytest.raises(UsageError) as error:
        jobs("alone.mp3", *pairs)
    for n in range(3):
        assert f"{n}.mp3 and {n}.wav would both be written to out/{n}/vocals.wav" in str(
            error.value
        )
    assert "alone" not in str(error.value)
    many = [f"{n}.{ending}" for n in range(900) for ending in ("mp3", "wav")]
    with pytest.raises(UsageError, match=r"; and 895 more such pairs; use --filename-template '"):
        jobs(*many)


def test_two_stems_for_one_file_are_refused():
    with pytest.raises(UsageError, match="two of its stems"):
        jobs("song.mp3", request=wanted(stems=("a/b", "a_b")))
    with pytest.raises(UsageError, match="two of its stems"):
        jobs("song.mp3", request=wanted(stems=("Vocals", "vocals")))


def test_a_file_where_another_needs_a_folder_is_refused():
    # 'a' becomes the folder vocals.wav, and 'b' a file of that name
    with pytest.raises(UsageError, match="both"):
        plan(
            [InputFile(Path("x.mp3"), Path("vocals.wav")), InputFile(Path("y.mp3"))],
            wanted(stems=("vocals",)),
            Path("out"),
            "{stem}.{ext}",
        )


def test_stem_names_cannot_leave_the_folder():
    [job] = jobs("song.mp3", request=wanted(stems=("../../evil", "/etc/passwd", "C:\\x")))
    assert sorted(str(path) for path in job.outputs.values()) == [
        "out/song/.._.._evil.wav",
        "out/song/C__x.wav",
        "out/song/_etc_passwd.wav",
    ]


@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_an_output_that_is_an_input_is_refused(tmp_path, monkeypatch, link):
    monkeypatch.chdir(tmp_path)
    Path("out/song").mkdir(parents=True)
    Path("out/song/vocals.wav").write_bytes(b"x")
    source = Path("out/song/vocals.wav")
    if link:
        source = Path("song.wav")
        link(Path("out/song/vocals.wav").absolute(), source)
    with pytest.raises(UsageError, match="is an input") as error:
        plan([InputFile(source)], wanted(), Path("out"), "song/{stem}.{ext}")
    assert "-o" in str(error.value)


@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_an_output_over_a_file_that_an_option_names_is_refused(tmp_path, monkeypatch, link):
    monkeypatch.chdir(tmp_path)
    write_noise(Path("song.wav"), seconds=0.1)
    write_noise(Path("out/song/noise.wav"), seconds=0.1)
    noise = "out/song/noise.wav"
    if link:
        noise = "n.wav"
        link(Path("out/song/noise.wav").absolute(), noise)
    request = asked("spectral-subtraction", {"noise": noise})
    with pytest.raises(UsageError, match=r"\.wav: is the file of the option noise.*with -o$"):
        prepare(["song.wav"], request, Path("out"), overwrite=True)
    assert prepare(["song.wav"], request, Path("elsewhere")).jobs


@pytest.mark.parametrize("ending", ["toml", "safetensors"])
def test_an_output_over_the_card_or_its_weights_is_refused(tmp_path, monkeypatch, ending):
    monkeypatch.chdir(tmp_path)
    card = tmp_path / "m.toml"
    shutil.copy(cards.path("spleeter-2stems"), card)
    card.with_suffix(".safetensors").touch()
    Path("out").mkdir()
    Path("out/vocals.wav").symlink_to(Path(f"m.{ending}").absolute())
    request = replace(wanted(), separator=SeparatorRef(name="m", model=str(card)))
    with pytest.raises(UsageError, match=rf"m\.{ending}: is a file of the model .*m\.toml"):
        plan([InputFile(Path("song.mp3"))], request, Path("out"), "{stem}.{ext}")


def test_choose_stems():
    offered = ("vocals", "accompaniment")
    assert choose_stems((), offered, "m") == offered
    assert choose_stems(None, offered, "m") == offered
    assert choose_stems("vocals", offered, "m") == ("vocals",)
    assert choose_stems("accompaniment, vocals", offered, "m") == offered
    assert choose_stems(["accompaniment,vocals"], offered, "m") == offered
    for nothing in ("", [""], [" , "], ["vocals", ""]):
        with pytest.raises(UsageError, match="no stem is named; it has vocals, accompaniment"):
            choose_stems(nothing, offered, "m")
    assert choose_stems(["accompaniment", " vocals ,"], offered, "m") == offered
    loose = (*offered, "residual")
    assert choose_stems((), loose, "m") == offered
    assert choose_stems(["residual", "vocals"], loose, "m") == ("vocals", "residual")
    with pytest.raises(UsageError, match=r"no stem 'drums'.*vocals, accompaniment, residual; th"):
        choose_stems(["drums"], loose, "m")
    with pytest.raises(UsageError, match="no residual, as its stems sum to the mix; it has vocals"):
        choose_stems(["residual", "vocals"], offered, "m")
    with pytest.raises(UsageError, match=r"no stem 'drums'.*vocals, accompaniment; these have"):
        choose_stems(["vocals,drums"], offered, "m")


def test_prepare_refuses_before_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("song.mp3").touch()
    Path("empty").mkdir()
    out = Path("out")
    assert len(prepare(["song.mp3"], asked(), out).jobs) == 1
    assert asked().stems == ("vocals", "accompaniment")
    for how, says in [
        ({"model": "spleter"}, "spleeter-2stems"),
        ({"format": "xyz"}, "xyz"),
        ({"format": "mp3", "bit_depth": 24}, "bit depth"),
    ]:
        with pytest.raises(UsageError, match=says):
            asked(**how)
    for inputs, says in [
        (["*.flac"], "no file matches"),
        (["empty", "*.flac"], "empty"),
        ([], "no files"),
    ]:
        with pytest.raises(UsageError, match=says):
            prepare(inputs, asked(), out)
    # A missing file among others is a failure of that file, not of the command.
    batch = prepare(["song.mp3", "gone.mp3", "*.flac"], asked(), out)
    assert len(batch.jobs) == 1
    assert [str(item.path) for item in batch.missed] == ["gone.mp3", "*.flac"]


def test_a_synonym_means_the_stem_that_the_model_has():
    offered = ("vocals", "accompaniment")
    for word in ("instrumental", "karaoke", "Music", "backing"):
        assert choose_stems([word], offered, "m") == ("accompaniment",)
    assert choose_stems("voice,instrumental", offered, "m") == offered
    assert choose_stems(["music"], ("music", "speech"), "m") == ("music",)
    with pytest.raises(
        UsageError,
        match=r"m has no stem 'karaoke'; it has drums; these have it: .*2stems \(79 MB, MIT",
    ):
        choose_stems(["karaoke"], ("drums",), "m")
