"""Presets: a file makes a separator of others, under a name, with an identity of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unweave
from unweave import presets, registry
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.ensemble import Ensemble
from unweave.errors import UsageError
from unweave.request import SeparatorRef, differences

RATE_HZ = 8000
ENSEMBLE = """
version = 1
title = "Two ways to find a voice"
stems = ["vocals", "accompaniment"]

[use.ensemble]
algorithm = "avg_wave"
weights = [2, 1]
members = ["repet", { separator = "mir1k-dnn", options = { wiener = 1 } }]
"""
CHAIN = """
version = 1
title = "The background, taken apart"
stems = ["vocals", "harmonic", "percussive"]

[use.shifts]
count = 2
[use.shifts.separator.chain]
first = "repet"
stem = "accompaniment"
then = "hpss"
"""


@pytest.fixture
def song(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "song.wav"
    soundfile.write(path, rng.uniform(-0.3, 0.3, (2 * RATE_HZ, 2)).astype(np.float32), RATE_HZ)
    return path


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(text: str, name: str = "mine") -> str:
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize("name", presets.names())
def test_what_ships_is_whole(name: str) -> None:
    found = registry.describe(name)
    assert isinstance(found, registry.Preset)
    request = registry.request(name)
    assert request.stems == found.stems
    assert [member.name for member in request.separator.members] == [
        member.separator for member in found.members()
    ]
    assert request.separator.weights_sha256 is not None


def test_equals_its_adapters(song: Path, write) -> None:  # type: ignore[no-untyped-def]
    by_hand = Ensemble(
        (unweave.load("repet"), unweave.load("mir1k-dnn", wiener=1)), "avg_wave", (2.0, 1.0)
    )
    expected = unweave.separate(song, model=by_hand)
    found = unweave.separate(song, model=write(ENSEMBLE))
    assert list(found) == ["vocals", "accompaniment"]
    for stem in found:
        np.testing.assert_allclose(found[stem], expected[stem], atol=1e-6)


def test_parts_are_parts_of_parts(song: Path, write) -> None:  # type: ignore[no-untyped-def]
    stems = unweave.separate(song, model=write(CHAIN))
    mix, _ = soundfile.read(song, dtype="float32")
    np.testing.assert_allclose(sum(stems.values()), mix.T, atol=1e-6)
    loaded = registry.load(write(CHAIN))
    assert isinstance(loaded.members[0].separator, Chain)  # type: ignore[union-attr]


def test_every_member_counts(write) -> None:  # type: ignore[no-untyped-def]
    one = registry.request(write(ENSEMBLE))
    assert SeparatorRef.from_json(json.loads(json.dumps(one.separator.as_json()))) == one.separator
    repet, dnn = one.separator.members
    assert dnn.options["wiener"] == 1
    for member in (
        replace(dnn, revision=7),
        replace(dnn, weights_sha256="0" * 64),
        replace(dnn, options={**dnn.options, "wiener": 2}),
    ):
        other = replace(one, separator=replace(one.separator, members=(repet, member)))
        assert other.identity() != one.identity()
        assert [what for what in differences(other, one) if "mir1k-dnn" in what or "wiener" in what]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENSEMBLE.replace("version = 1", "version = 2"), "version must be one of 1"),
        (ENSEMBLE.replace("avg_wave", "best"), "algorithm must be one of"),
        (ENSEMBLE.replace("weights = [2, 1]", "weight = [2, 1]"), "there is no 'weight'"),
        (ENSEMBLE.replace('"accompaniment"]', '"band"]'), "it makes vocals, accompaniment"),
        (ENSEMBLE.replace("use.ensemble", "use.choir"), "use must hold 'separator', or one of"),
        (ENSEMBLE.replace('"repet",', '"repeet",'), "perhaps you mean repet"),
        (ENSEMBLE.replace("wiener = 1", "wiener = -1"), "wiener must be"),
        (ENSEMBLE.replace("wiener = 1", "wien = 1"), "no option 'wien'"),
        (ENSEMBLE.partition("[use")[0] + "use = 3", "use must be a name or a table; got 3"),
        (CHAIN.replace('then = "hpss"', "then = 3"), "then must be a name or a table; got 3"),
        (CHAIN.replace("count = 2", "count = 0"), "shifts must be at least 1"),
    ],
)
def test_a_wrong_file_is_one_line(write, text: str, words: str) -> None:  # type: ignore[no-untyped-def]
    path = write(text)
    with pytest.raises(UsageError) as caught:
        registry.request(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_preset_of_itself_has_no_end(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.toml"
    write(CHAIN.replace('"repet"', f'"{path}"'))
    with pytest.raises(UsageError, match="is a cycle") as caught:
        registry.request(str(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_a_preset_has_no_options(write) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="has no option 'wiener'"):
        registry.request(write(ENSEMBLE), {"wiener": 1})
