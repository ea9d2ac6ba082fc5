"""Presets on the command line: listed, run, skipped, verified as any separator is."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.test_presets import CHAIN, ENSEMBLE, RATE_HZ


@pytest.fixture
def song(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "song.wav"
    soundfile.write(path, rng.uniform(-0.3, 0.3, (2 * RATE_HZ, 2)).astype(np.float32), RATE_HZ)
    return path


def test_files_are_skipped_and_verified_by_its_identity(  # type: ignore[no-untyped-def]
    say, song: Path, tmp_path: Path
) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text(ENSEMBLE)
    command = ("separate", str(song), "-m", str(preset), "-o", str(tmp_path / "o"), "--json")
    first = json.loads(say(*command).out)["files"][0]["report"]
    assert [each["name"] for each in first["request"]["separator"]["members"]] == [
        "repet", "mir1k-dnn"
    ]  # fmt: skip
    assert json.loads(say(*command).out)["counts"]["skipped"] == 1
    assert "agrees" in say("verify", str(tmp_path / "o" / "song")).out
    preset.write_text(ENSEMBLE.replace("[2, 1]", "[1, 1]"))
    changed = say(*command)
    assert changed.code != 0
    assert "another card of mine" in changed.err
    differs = say("verify", str(tmp_path / "o" / "song"))
    assert differs.code != 0
    assert "mine.toml); name the card" in differs.err


def test_it_is_listed_and_shown(say) -> None:  # type: ignore[no-untyped-def]
    listed = say("models", "list").out
    assert "Presets, made of others" in listed
    assert "spleeter-hpss" in listed
    shown = say("models", "show", "spleeter-hpss").out
    assert "made of: spleeter-2stems, hpss" in shown
    assert shown.splitlines()[-1].startswith("options: none of its own")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENSEMBLE.replace('"repet",', '"repeet",'), "perhaps you mean repet"),
        (ENSEMBLE.replace("wiener = 1", "wien = 1"), "no option 'wien'"),
        (ENSEMBLE.replace('"accompaniment"]', '"band"]'), "it makes vocals, accompaniment"),
        (CHAIN.replace('stem = "accompaniment"', 'stem = "band"'), "repet has no stem 'band'"),
        (CHAIN.replace('first = "repet"', ""), "chain: it lacks 'first'"),
        (CHAIN.replace('"repet"', '"mine.toml"'), "mine.toml is a cycle"),
    ],
)
def test_a_broken_one_is_not_shown_as_a_whole_one(  # type: ignore[no-untyped-def]
    say, here: Path, text: str, words: str
) -> None:
    Path("mine.toml").write_text(text)
    for more in ([], ["--json"]):
        said = say("models", "show", "mine.toml", *more)
        assert said.code == 2
        assert words in said.err + said.out
        assert "mine.toml: " in said.err + said.out
