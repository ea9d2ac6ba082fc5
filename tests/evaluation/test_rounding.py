"""Lossy references are scored as 16-bit samples, everything else as it is."""

import json

import numpy as np
import pytest
import soundfile

import unweave
from tests.evaluation import fakes
from tests.evaluation.test_benchmark import give, go
from unweave.core.status import Status
from unweave.datasets import folder
from unweave.errors import UsageError
from unweave.evaluation import aggregate, rounding, scores
from unweave.evaluation.evaluate import evaluate_files
from unweave.evaluation.report import build, document
from unweave.evaluation.report.comparison import comparisons

RATE_HZ = 44100


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A song of two stems as Ogg Vorbis and as WAV, and estimates of them: two seconds each."""
    root = tmp_path_factory.mktemp("material")
    stems = fakes.waves(("vocals", "accompaniment"), 2 * RATE_HZ, 1)
    found = {stem: 0.9 * wave + 0.1 * other for (stem, wave), other in zip(
        stems.items(), reversed(stems.values()), strict=True)}  # fmt: skip
    for name, waves, ending in (
        ("lossy/song", stems, "ogg"),
        ("exact/song", stems, "flac"),
        ("found", found, "wav"),
    ):
        (root / name).mkdir(parents=True)
        for stem, wave in waves.items():
            subtype = {"wav": "FLOAT", "flac": "PCM_24", "ogg": "VORBIS"}[ending]
            soundfile.write(root / name / f"{stem}.{ending}", wave.T, RATE_HZ, subtype=subtype)
    return root


def test_rounded_samples_are_those_of_a_16_bit_file(tmp_path):
    wave = np.array([[0.3, -0.70001, 1.5, -1.5, 0.0, 1e-6]], np.float32)
    soundfile.write(tmp_path / "x.wav", np.clip(wave.T, -1, 1), 8000, subtype="PCM_16")
    found = rounding.rounded(wave, 16)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, soundfile.read(tmp_path / "x.wav", dtype="float32")[0][None], atol=2**-15
    )
    assert set(np.mod(found * 2**15, 1).ravel()) == {0.0}
    assert (found.max(), found.min()) == (1 - 2**-15, -1.0)
    assert rounding.rounded(wave, None) is wave


def test_samples_above_full_scale_are_counted():
    wave = np.array([[1.5, 1.0, -1.0], [-1.2, 0.2, 3.0]], np.float32)
    assert rounding.clipped(wave, 16) == 3
    assert rounding.clipped(wave, None) == 0
    assert rounding.warnings({"vocals": wave, "bass": wave / 4}, 16) == [
        "the estimate of vocals has 3 of 6 samples above full scale: clipped by the rounding to "
        "16 bits"
    ]


def test_a_benchmark_and_an_evaluation_say_what_rounding_clips(material, monkeypatch, tmp_path):
    for stem in ("vocals", "accompaniment"):
        wave = soundfile.read(material / "found" / f"{stem}.wav", dtype="float32")[0]
        wave[:3] = 1.5 if stem == "vocals" else 0.0
        (tmp_path / "theirs/song").mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / f"theirs/song/{stem}.wav", wave, RATE_HZ, subtype="FLOAT")
    give(monkeypatch, folder.tracks(material / "lossy"))
    words = f"the estimate of vocals has 3 of {2 * RATE_HZ} samples above full scale"
    asked = {"separators": (), "oracles": (), "estimates": {"theirs": tmp_path / "theirs"}}
    result = go(tmp_path / "out", **asked)
    (line,) = result.changed()
    assert line.startswith(f"song: theirs: {words}")
    exact = go(tmp_path / "exact", rounding="none", **asked)
    assert exact.changed() == []
    found = evaluate_files(material / "lossy/song", tmp_path / "theirs/song")
    assert [warning for warning in found.warnings if warning.startswith(words)]


def test_the_codec_of_the_references_decides():
    assert rounding.bits("auto", ("aac",)) == 16
    assert rounding.bits("auto", ()) is None
    assert rounding.bits("16-bit", ()) == 16
    assert rounding.bits("none", ("aac",)) is None
    with pytest.raises(UsageError, match="auto, 16-bit, none"):
        rounding.bits("float", ())


def test_files_of_a_lossy_codec_are_scored_as_16_bit_samples(material):
    (track,) = folder.tracks(material / "lossy")
    assert track.lossy_codecs() == ("vorbis",)
    assert folder.tracks(material / "exact")[0].lossy_codecs() == ()
    found = evaluate_files(material / "lossy/song", material / "found")
    assert found.scores.rounded_to_bits == 16
    assert found.scores.lossy_references == ("vorbis",)
    assert all("rounded to 16 bits" in table.aggregation for table in found.tables())
    references = {stem: rounding.rounded(track.stem(stem), 16) for stem in track.stems}
    estimates = {
        stem: rounding.rounded(soundfile.read(path, dtype="float32")[0][None], 16)
        for stem in track.stems
        for path in [material / "found" / f"{stem}.wav"]
    }
    expected = unweave.evaluate(references, estimates, RATE_HZ)
    assert expected.scores.rounded_to_bits is None
    for stem in track.stems:
        assert found[stem] == expected[stem]
    floats = evaluate_files(material / "lossy/song", material / "found", rounding="none")
    assert floats.scores.rounded_to_bits is None
    assert floats["vocals"] != found["vocals"]
    assert not any("rounded" in table.aggregation for table in floats.tables())
    exact = evaluate_files(material / "exact/song", material / "found")
    assert exact.scores.rounded_to_bits is None


def test_a_benchmark_rounds_says_so_and_keeps_both_apart(material, monkeypatch, tmp_path):
    fakes.offer(monkeypatch)
    give(monkeypatch, folder.tracks(material / "lossy"))
    (done,) = go(tmp_path, oracles=())
    facts = json.loads(done.path.read_text())["unweave"]
    assert (facts["rounded_to_bits"], facts["lossy_references"]) == (16, ["vorbis"])
    assert go(tmp_path, oracles=())[0].status is Status.SKIPPED
    kept = scores.read(done.path)
    (again,) = go(tmp_path, oracles=(), rounding="none")
    assert again.error == ""
    assert (again.status, again.scores.rounded_to_bits) == (Status.DONE, None)
    found = aggregate.tables([kept, again.scores])
    assert [table.rounded_to_bits for table in found] == [None, None, None, 16, 16, 16]
    with pytest.raises(ValueError, match="cannot stand in one table"):
        aggregate.csdr_table([kept, again.scores])
    assert [study.rounded_to_bits for study in comparisons([kept, again.scores])] == [None, 16]
    words = json.dumps(document(build(tmp_path)))
    assert "not rounded to 16 bits" in words
