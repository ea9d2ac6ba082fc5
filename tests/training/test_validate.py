"""Validation: silent stems are left out, every track weighs the same."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unweave.datasets.track import MIR_1K
from unweave.errors import InputError
from unweave.training import audio, validate
from unweave.training.recipe import Data, read
from unweave.training.run import train

RATE_HZ = 8000


@pytest.fixture
def copy(stems_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stems_folder, tmp_path / "copy"))


def silence(root: Path, track: str, stem: str) -> None:
    soundfile.write(root / track / f"{stem}.wav", np.zeros(2 * RATE_HZ, np.float32), RATE_HZ)


def held(root: Path, *names: str):
    data = Data(root=str(root), sample_rate_hz=RATE_HZ, channels=1, validation_tracks=names)
    return audio.split(data).validation


def run(recipe: Path, folder: Path, root: Path, *overrides: str) -> tuple[list[str], dict]:
    said: list[str] = []
    found = train(read(recipe, [f"data.root={root}", *overrides]), folder, say=said.append)
    return said, found.scores


def test_a_silent_stem_is_left_out_and_said_once(copy, recipe_file, tmp_path) -> None:
    silence(copy, "c", "vocals")
    said, scores = run(recipe_file, tmp_path / "run", copy)
    assert said[0] == ("vocals is silent in 1 of 1 validation tracks and is not scored there: c")
    assert sum("silent" in line for line in said) == 1
    assert scores.keys() == {"accompaniment", "mean"}
    assert np.isfinite(scores["mean"])
    assert (tmp_path / "run" / "small.safetensors").exists()


def test_one_silent_track_of_two_takes_nothing_from_the_other(copy, recipe_file, tmp_path) -> None:
    silence(copy, "c", "vocals")
    said, scores = run(recipe_file, tmp_path / "run", copy, "data.validation_tracks=['b', 'c']")
    assert said[0].startswith("vocals is silent in 1 of 2 validation tracks")
    assert scores.keys() == {"vocals", "accompaniment", "mean"}
    assert all(np.isfinite(value) for value in scores.values())


def test_nothing_to_score_is_refused_before_the_first_step(copy, recipe_file, tmp_path) -> None:
    for stem in ("vocals", "accompaniment"):
        silence(copy, "c", stem)
    with pytest.raises(InputError, match="can be scored") as caught:
        run(recipe_file, tmp_path / "run", copy)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_stems_that_never_sound_together_are_refused(copy, recipe_file, tmp_path) -> None:
    """BSS Eval scores no window in which a stem is silent."""
    for stem, first in (("vocals", True), ("accompaniment", False)):
        wave = np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32) * 0.1
        wave[RATE_HZ:] *= not first
        wave[:RATE_HZ] *= first
        soundfile.write(copy / "c" / f"{stem}.wav", wave, RATE_HZ, "FLOAT")
    (track,) = held(copy, "c")
    assert np.isnan(validate.score(track, {s: track.stem(s) for s in track.stems})["vocals"])
    with pytest.raises(InputError, match="never sound together"):
        run(recipe_file, tmp_path / "run", copy)


def test_what_is_said_to_be_scored_is_scored(copy) -> None:
    """Silences are found without the metric; they are those of the metric."""
    silence(copy, "b", "vocals")
    silence(copy, "c", "accompaniment")
    tracks = held(copy, "b", "c")
    lines = validate.silences(tracks, ("vocals", "accompaniment"))
    assert [line.split(" is silent")[0] for line in lines] == ["vocals", "accompaniment"]
    for track, silent in zip(tracks, ("vocals", "accompaniment"), strict=True):
        rng = np.random.default_rng(1)
        guesses = {s: rng.standard_normal((1, 2 * RATE_HZ)).astype(np.float32) for s in track.stems}
        found = validate.score(track, guesses)
        assert {stem for stem, value in found.items() if np.isnan(value)} == {silent}


@pytest.mark.parametrize("protocol", ["bss-eval-v4", MIR_1K])
def test_silence_for_a_stem_that_sounds_is_a_score(stems_folder, protocol: str) -> None:
    """Left out, a network that gives nothing at all would win."""
    (track,) = held(stems_folder, "c")
    track = replace(track, protocol=protocol)
    mix = track.mix()
    found = validate.score(track, {"vocals": np.zeros_like(mix), "accompaniment": mix})
    right = validate.score(track, {s: track.stem(s) for s in ("vocals", "accompaniment")})
    assert found["vocals"] < right["vocals"] - 10


def test_each_track_weighs_one_whatever_its_protocol() -> None:
    rows = [{"vocals": 2.0}, {"vocals": 4.0, "accompaniment": 10.0}, {"vocals": float("nan")}]
    assert validate.average(rows) == {"vocals": 3.0, "accompaniment": 10.0, "mean": 6.5}
    assert validate.average([{"vocals": float("nan")}]) == {}


def test_a_mixed_set_is_scored_by_track(stems_folder: Path, recipe_file: Path) -> None:
    """A clip of MIR-1K, however long, counts as much as a song."""
    from unweave.training import export

    recipe = read(recipe_file)
    state = export.network(recipe).state_dict()
    clip, song = held(stems_folder, "b", "c")
    tracks = [replace(clip, protocol=MIR_1K), song]
    both = validate.average(validate.rows(recipe, state, tracks))
    alone = [validate.average(validate.rows(recipe, state, [track])) for track in tracks]
    assert both["vocals"] == pytest.approx((alone[0]["vocals"] + alone[1]["vocals"]) / 2)
    assert both["accompaniment"] == pytest.approx(alone[1]["accompaniment"])


def test_weights_are_kept_though_nothing_was_scored(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network whose every estimate is beyond the metric: the last weights are there."""
    monkeypatch.setattr(validate, "rows", lambda *_: [{"vocals": float("nan")}])
    said: list[str] = []
    found = train(read(recipe_file), tmp_path / "run", say=said.append)
    assert found.scores == {}
    assert found.card.exists()
    assert any("no score" in line for line in said)
