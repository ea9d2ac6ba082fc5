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
from unweave.errors import InputError, UsageError
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


BOTH = ["harmonic", "percussive"]
HALF = 'version = 1\ntitle = "t"\nstems = {stems}\nuse = {use}\n'


@pytest.mark.parametrize(
    ("stems", "use", "words"),
    [
        (["a"], "{ bag = { members = [] } }", "members must be one separator or more"),
        (["a"], "{ ensemble = { members = [] } }", "members must be one separator or more"),
        (["no"], '{ ensemble = { members = ["hpss"], stems = ["no"] } }', "got no"),
        (["harmonic"], '{ select = { separator = "hpss", stems = [] } }', "got none"),
        (["no"], '{ select = { separator = "hpss", stems = ["no"] } }', "some of harmonic, perc"),
        (["harmonic"] * 2, '{ select = { separator = "hpss", stems = ["harmonic", "harmonic"] } }',
         "got harmonic, harmonic"),
        (["vocals"], '{ select = { separator = { chain = { first = "repet", stem = "accompaniment",'
         ' then = "hpss" } }, stems = ["vocals"] } }', "has no segments of its own: put select"),
        (BOTH, '{ shifts = { separator = "hpss", most_s = -0.5 } }', "most_s"),
        (BOTH, '{ shifts = { separator = "hpss", count = 1000000 } }', "count"),
        (BOTH, '{ wiener = { separator = "hpss", iterations = 0 } }', "least 1"),
        (["harmonic", "residual"], '{ complement = { separator = { select = { separator = "hpss",'
         ' stems = ["harmonic"] } }, called = "residual" } }', "no stem is called 'residual'"),
    ],
)  # fmt: skip
def test_parts_that_cannot_be_are_one_line_before_work(write, stems, use, words) -> None:  # type: ignore[no-untyped-def]
    path = write(HALF.format(stems=json.dumps(stems), use=use))
    with pytest.raises(UsageError, match=words) as caught:
        registry.request(path)
    assert str(caught.value).startswith(path)


def test_its_paths_are_meant_from_its_own_folder(tmp_path, song, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for folder, seed in (("a", 1), ("b", 2)):
        noise = np.random.default_rng(seed).uniform(-0.1, 0.1, (RATE_HZ, 2))
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "noise.wav", noise, RATE_HZ)
    here = tmp_path / "a"
    part = '{ separator = "spectral-subtraction", options = { noise = "noise.wav" } }'
    stems = '["signal", "noise"]'
    (here / "inner.toml").write_text(HALF.format(stems=stems, use=part))
    (here / "outer.toml").write_text(HALF.format(stems=stems, use='{ separator = "inner.toml" }'))
    identities = []
    for folder in (here, tmp_path / "b", tmp_path):
        monkeypatch.chdir(folder)
        request = registry.request(str(here / "outer.toml"))
        (file,) = registry.all_files(request.separator)
        assert Path(file.path) == here / "noise.wav"
        identities.append(request.identity())
    assert len(set(identities)) == 1
    unweave.separate_file(song, tmp_path / "o", str(here / "outer.toml"))
    assert unweave.verify(tmp_path / "o" / "song").agrees
    moved = here.rename(tmp_path / "moved")
    again = unweave.verify(tmp_path / "o" / "song", model=str(moved / "outer.toml"))
    assert again.agrees, again
    (tmp_path / "b" / "noise.wav").replace(moved / "noise.wav")
    with pytest.raises(InputError, match=r"the file of the option noise, .*noise.wav, differs"):
        unweave.verify(tmp_path / "o" / "song", model=str(moved / "outer.toml"))


def test_the_seed_of_a_member_is_in_the_file(write) -> None:  # type: ignore[no-untyped-def]
    path = write(HALF.format(stems='["component-1"]', use='"nmf"'))
    with pytest.raises(UsageError, match="its file sets the seeds of its members"):
        registry.request(path, seed=1)
