"""What can be asked for, and what of it is refused before anything is read."""

from __future__ import annotations

import pytest

import unweave
from tests import LONG
from tests.server.conftest import SHARED_TOKEN
from unweave.core.file_names import safe
from unweave.errors import UsageError
from unweave.server.client import ServiceError
from unweave.server.kinds import KINDS, check
from unweave.server.refusals import Refused

LYRICS = "[00:00.10]La la\n[00:00.60]lo lo\n"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("remix", {"mix": "/etc/passwd"}),
        ("remix", {"match": {"vocals": "/etc/passwd"}}),
        ("remix", {"output_dir": "/tmp"}),
        ("remix", {"executor": None}),
        ("karaoke", {"font": "/etc/passwd"}),
        ("karaoke", {"background": "/etc/passwd"}),
        ("karaoke", {"stems_dir": "/tmp"}),
        ("restore", {"noise_from": "/etc/passwd"}),
        ("restore", {"dereverb_model": "/etc/passwd"}),
        ("analyze", {"stems_from": "/etc"}),
        ("analyze", {"model": None, "window_s": 1}),
        ("benchmark", {"separators": ["os:system"]}),
        ("benchmark", {"separators": "hpss"}),
        ("benchmark", {"estimates": {"a": "/etc"}}),
        ("benchmark", {"output": "/tmp"}),
        ("pull", {"model": "/etc/passwd"}),
        ("pull", {"path": "x"}),
        ("separate", {"max_memory_mb": 1}),
        ("separate", {"stems": {"a": 1}}),
        ("separate", {"stems": ["no-such"]}),
        ("separate", {"model": "+".join(["repet"] * 100)}),
        ("separate", {"model": "repet+/etc/passwd"}),
    ],
)
def test_no_option_names_a_place_or_is_unknown(kind, options) -> None:
    with pytest.raises((Refused, UsageError)):
        check(
            kind, {"model": "hpss", **options} if kind not in ("pull", "benchmark") else options, {}
        )


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("remix", {"gain": {"percussive": -6}, "solo": ["harmonic"], "format": "flac"}),
        ("karaoke", {"key": 2, "background": "#102030", "video": "mp4"}),
        ("restore", {"preset": "tape"}),
        ("analyze", {"export": ["csv"]}),
        ("separate", {"start": "0:01", "shifts": 1}),
    ],
)
def test_the_same_options_are_the_same_job(kind, options) -> None:
    first = check(kind, {"model": "hpss", **options}, {})
    again = check(kind, {**options, "model": "hpss"}, {})
    other = check(kind, {**options, "model": "hpss", "end": 5}, {})
    assert first == again
    assert first.identity != other.identity
    assert first.model == "hpss"


def test_a_model_whose_weights_are_not_here_is_to_be_fetched(monkeypatch) -> None:
    from unweave.models import store

    monkeypatch.setattr(store, "needs_download", lambda card: True)
    with pytest.raises(Refused) as caught:
        check("separate", {"model": "umxhq"}, {})
    assert (caught.value.status, caught.value.code) == (409, "model_missing")
    assert check("separate", {}, {}).model == "spleeter-2stems"  # which is fetched unasked


def test_kinds_that_the_operator_does_not_offer(idle, clip) -> None:
    with pytest.raises(ServiceError, match="no kind 'sing'"):
        idle.client(SHARED_TOKEN).submit({"upload": "x"}, "sing")


def test_a_model_whose_name_is_made_of_names(at_work, clip, tmp_path) -> None:
    client = at_work.client()
    options = {"model": "repet+ft2d", "ensemble": "min_wave", "format": "wav"}
    job = client.submit(clip, **options)
    assert (job["model"], job["stems"]) == ("repet+ft2d", ["vocals", "accompaniment"])
    with at_work.http() as http:
        said = http.get("/models/repet+ft2d").json()
        assert said["stems"] == job["stems"]
        assert "ensemble" in {option["name"] for option in said["options"]}
        chain = http.get("/models/repet%3Evocals%3Ehpss").json()
        assert chain["stems"] == ["harmonic", "percussive", "accompaniment"]
        for name, status in (
            ("repet+hpss", 400),
            ("repet+no", 404),
            ("+", 400),
            ("a%2Fb+hpss", 404),
        ):
            refused = http.get(f"/models/{name}")
            assert refused.status_code == status, (name, refused.text)
        assert http.get(f"/models/{'+'.join(['repet'] * 100)}").status_code == 422
    paths = {path.stem: path for path in client.download(client.wait(job), tmp_path / "service")}
    unweave.separate_file(clip, tmp_path / "own", filename_template="{stem}.{ext}", **options)
    for stem in job["stems"]:
        assert paths[stem].read_bytes() == (tmp_path / "own" / f"{stem}.wav").read_bytes()


def test_one_stem_and_what_is_left_of_an_ensemble(at_work, clip, tmp_path) -> None:
    client = at_work.client()
    options = {"model": "repet+ft2d", "ensemble": "max_fft", "stems": ["vocals", "residual"]}
    paths = client.download(client.wait(client.submit(clip, **options)), tmp_path / "service")
    unweave.separate_file(clip, tmp_path / "own", filename_template="{stem}.{ext}", **options)
    expected = {f"{stem}.wav" for stem in options["stems"]}
    for folder in ("service", "own"):
        assert {path.name for path in (tmp_path / folder).glob("*.wav")} == expected
    for path in paths:
        if path.suffix == ".wav":
            assert path.read_bytes() == (tmp_path / "own" / path.name).read_bytes()


@LONG
@pytest.mark.parametrize(
    ("kind", "options", "file"),
    [
        ("karaoke", {"model": "repet", "lyrics": LYRICS}, "backing.wav"),
        ("remix", {"model": "hpss", "gain": {"percussive": -3}}, "remix.wav"),
        ("analyze", {"model": "hpss", "export": ["csv"]}, "analysis.json"),
        ("restore", {"preset": "podcast"}, "restored.wav"),
        ("pull", {"model": "hpss"}, None),
    ],
)
def test_every_kind_does_its_work(at_work, song, kind, options, file) -> None:
    client = at_work.client()
    job = client.submit(None if kind == "pull" else song, kind, **options)
    done = client.wait(job)
    names = [each["name"] for each in done["files"]]
    assert file is None or file in names, names
    assert all(name == safe(name) for name in names)


@LONG
def test_a_benchmark_of_an_allowed_folder(tmp_path, stem_mp4) -> None:
    from tests.server.conftest import running

    stem_mp4(tmp_path / "musdb18" / "test" / "A - B.stem.mp4", frames=44100)
    with running(tmp_path, allow_paths=(tmp_path,)) as found:
        client = found.client()
        source = {"path": str(tmp_path / "musdb18")}
        options = {"dataset": "musdb18", "split": "test", "separators": ["repet"]}
        done = client.wait(client.submit(source, "benchmark", **options))
    assert any(each["name"].endswith(".json") for each in done["files"])


def test_the_table_is_whole() -> None:
    for name, kind in KINDS.items():
        assert kind.title, name
        assert kind.source in ("sound", "stems", "folder", ""), name


def test_files_that_a_job_has_made_have_plain_names(tmp_path) -> None:
    from unweave.server.worker import made_files

    song = tmp_path / "song" / "extra"
    song.mkdir(parents=True)
    for name in ("a.wav", "b.wav", "extra/c.csv", ".hidden"):
        (tmp_path / "song" / name).write_bytes(b"the same")
    stems = [{"stem": name, "path": f"{name}.wav", "sha256": "x", "bytes": 8} for name in "ab"]
    assert made_files(tmp_path / "nothing", {}) == []
    found = made_files(tmp_path, {"stems": stems})
    assert [(file["name"], file["stem"]) for file in found] == [
        ("a.wav", "a"),
        ("b.wav", "b"),
        ("extra-c.csv", None),
    ]
    assert [file["path"] for file in found] == ["song/a.wav", "song/b.wav", "song/extra/c.csv"]
