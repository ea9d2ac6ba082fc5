import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.separators.songs import sdr_db
from unweave import registry
from unweave.engine.run import separate_array
from unweave.errors import UsageError, WeightsError
from unweave.separators.nmf import Nmf

RATE_HZ = 16000


def notes(pitches: tuple[float, ...], seconds: float, seed: int, harmonics: int) -> np.ndarray:
    """Notes of 0.25 s in random order, with as many harmonics as an instrument has."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(RATE_HZ // 4) / RATE_HZ
    shape = np.exp(-6 * time_s)
    parts = []
    for _ in range(int(seconds * 4)):
        hz = pitches[rng.integers(len(pitches))]
        tone = sum(np.cos(2 * np.pi * n * hz * time_s + n) / n for n in range(1, harmonics + 1))
        parts.append(shape * tone * rng.uniform(0.3, 1))
    wave = np.concatenate(parts)
    return (0.1 * wave / wave.std()).astype(np.float32)


def noises(seconds: float, seed: int) -> np.ndarray:
    """Strokes of high noise, three in a second."""
    rng = np.random.default_rng(seed)
    wave = np.diff(rng.normal(size=int(seconds * RATE_HZ) + 1))
    strokes = np.exp(-20 * (np.arange(len(wave)) / RATE_HZ % (1 / 3)))
    return (0.1 * wave * strokes / (wave * strokes).std()).astype(np.float32)


def flute(seconds: float, seed: int) -> np.ndarray:
    return notes((262.0, 330.0, 392.0, 523.0), seconds, seed, 3)


def separate(wave: np.ndarray, **options: object) -> np.ndarray:
    with torch.inference_mode():
        mix = torch.from_numpy(np.atleast_2d(wave))[None]
        return registry.load("nmf", **options)(mix, RATE_HZ)[0].numpy()


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Dictionaries of a flute and of strokes."""
    target = tmp_path_factory.mktemp("cards") / "duo.toml"
    learner = Nmf(components=8)
    learned = learner.learn(
        {"flute": [tensor(flute(4, 1))], "strokes": [tensor(noises(4, 2))]}, RATE_HZ, steps=5
    )
    learned.write(target)
    return str(target)


def tensor(wave: np.ndarray) -> Tensor:
    return torch.from_numpy(np.atleast_2d(wave))


def test_tones_and_strokes_are_told_apart_without_being_told_anything() -> None:
    tones, strokes = flute(4, 3), noises(4, 4)
    found = separate(tones + strokes)
    scores = [[sdr_db(true, got[0]) for got in found] for true in (tones, strokes)]
    assert max(scores[0]) > 5
    assert max(scores[1]) > 5
    np.testing.assert_allclose(found.sum(0)[0], tones + strokes, atol=1e-5)


def test_sources_are_ordered_by_energy() -> None:
    found = separate(flute(2, 3) + noises(2, 4), sources=3, iterations=80)
    energies = (found**2).sum((1, 2)).tolist()
    assert energies == sorted(energies, reverse=True)


def test_silence_on_one_side_stays_there() -> None:
    tones, strokes = flute(3, 3), noises(3, 4)
    found = separate(np.stack([tones, strokes]))
    for stem, channel in ((0, 1), (1, 0)) if found[0, 0].std() > found[0, 1].std() else (
        (0, 0), (1, 1)
    ):  # fmt: skip
        assert found[stem, channel].std() < 0.05 * found[1 - stem, channel].std()


@pytest.mark.parametrize(
    "options",
    [
        {"divergence": "euclid", "components": 6},
        {"divergence": "itakura-saito", "exponent": 2.0, "components": 6},
        {"start": "nndsvd", "components": 6},
        {"restarts": 2, "iterations": 20, "components": 6},
        {"sources": 3, "power": 2.0, "iterations": 50},
    ],
)
def test_other_ways_lose_nothing_and_give_the_same_twice(options: dict) -> None:
    mix = flute(2, 5) + noises(2, 6)
    found = separate(mix, **options)
    assert len(found) == options.get("sources", 2)
    np.testing.assert_allclose(found.sum(0)[0], mix, atol=1e-5)
    np.testing.assert_array_equal(found, separate(mix, **options))
    assert min(stem.std() for stem in found) > 1e-3


def test_a_seed_is_another_start() -> None:
    mix = flute(2, 5) + noises(2, 6)
    first, other = (separate(mix, components=6, iterations=5, seed=seed) for seed in (0, 1))
    assert np.abs(first - other).max() > 1e-4


def test_dictionaries_separate_what_they_know(card: str) -> None:
    tones, strokes = flute(4, 7), noises(4, 8)
    found = separate(tones + strokes, dictionaries=card)
    assert sdr_db(tones, found[0, 0]) > 21
    assert sdr_db(strokes, found[1, 0]) > 21


def test_tuning_tells_stems_apart_better() -> None:
    """Two instruments whose spectra overlap."""
    low = [notes((131.0, 165.0, 196.0), 6, seed, 8) for seed in (1, 2)]
    high = [notes((262.0, 330.0, 392.0), 6, seed, 8) for seed in (3, 4)]
    scores = []
    for steps in (0, 40):
        learned = Nmf(components=12).learn(
            {"low": [tensor(low[0])], "high": [tensor(high[0])]}, RATE_HZ, steps=steps
        )
        separator = Nmf()
        object.__setattr__(separator, "_known", learned)
        with torch.inference_mode():
            found = separator(tensor(low[1] + high[1])[None], RATE_HZ)[0].numpy()
        scores.append(sdr_db(low[1], found[0, 0]) + sdr_db(high[1], found[1, 0]))
    assert scores[1] > scores[0] + 1


def test_a_free_stem_is_learned_from_the_recording(card: str, tmp_path: Path) -> None:
    learned = Nmf(components=8).learn({"flute": [tensor(flute(4, 1))]}, RATE_HZ)
    learned.write(tmp_path / "flute.toml")
    tones, strokes = flute(4, 7), noises(4, 8)
    options = {"dictionaries": str(tmp_path / "flute.toml"), "components": 4}
    separator = registry.load("nmf", free="rest", **options)
    assert separator.spec.stems == ("flute", "rest")
    assert separator.spec.segmentation is None
    found = separate(tones + strokes, free="rest", **options)
    assert sdr_db(tones, found[0, 0]) > 21
    assert sdr_db(strokes, found[1, 0]) > 21
    adapted = separate(tones + strokes, dictionaries=card, free="strokes")
    assert np.abs(adapted - separate(tones + strokes, dictionaries=card)).max() > 1e-3
    assert sdr_db(tones, adapted[0, 0]) > 21


def test_with_dictionaries_a_recording_streams(card: str) -> None:
    mix = (flute(25, 9) + noises(25, 10))[: 24 * RATE_HZ]
    separator = registry.load("nmf", dictionaries=card)
    assert separator.spec.segmentation is not None
    streamed = separate_array(separator, np.stack([mix, 0.5 * mix]), RATE_HZ, warn=pytest.fail)
    whole = separate(np.stack([mix, 0.5 * mix]), dictionaries=card)
    for n, stem in enumerate(separator.spec.stems):
        inner = slice(RATE_HZ, -RATE_HZ)  # frames lie elsewhere from one segment to the next
        assert sdr_db(whole[n][:, inner], streamed[stem][:, inner]) > 52


def test_the_card_says_what_it_is(card: str) -> None:
    spec = registry.load("nmf", dictionaries=card).spec
    assert spec.weights_sha256 is not None
    assert spec.weights_sha256 in Path(card).read_text()
    assert spec.sample_rate_hz == RATE_HZ
    assert spec.stems == ("flute", "strokes")
    assert spec.options["dictionaries"] == card
    applied = tomllib.loads(Path(card).read_text())["settings"]
    assert {name: spec.options[name] for name in applied} == applied
    assert registry.load("nmf", **spec.options).spec == spec
    assert registry.load("nmf", dictionaries=Path(card)).spec == spec


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda card, spectra: card.unlink(), "cannot be read"),
        (lambda card, spectra: spectra.unlink(), "cannot be read"),
        (lambda card, spectra: card.write_text("stems = ["), "not a card of dictionaries"),
        (lambda card, spectra: card.write_text("technique = 'nmf'"), "it lacks"),
        (lambda card, spectra: card.write_bytes(b"\xff\xfe"), "not a card of dictionaries"),
        (lambda card, spectra: edit(card, '"nmf"', '"rpca"'), "not for nmf"),
        (lambda card, spectra: edit(card, '"strokes"', '"drums"'), "different stems"),
        (lambda card, spectra: edit(card, "0.064", "0.032"), "257 frequencies"),
        (lambda card, spectra: edit(card, '"kl"', '"lk"'), "divergence must be one of"),
        (lambda card, spectra: edit(card, "overlap = 4", "overlap = 3"), "one of 2, 4, 8, 16"),
        (lambda card, spectra: edit(card, "rate_hz = 16000", "rate_hz = 0"), "not a card"),
        (lambda card, spectra: spectra.write_bytes(b"no"), "SHA-256 differs"),
    ],
)
def test_a_damaged_card_is_refused_in_one_line(card, tmp_path, change, words) -> None:
    there = tmp_path / "duo.toml", tmp_path / "duo.safetensors"
    for source, target in zip(
        (Path(card), Path(card).with_suffix(".safetensors")), there, strict=True
    ):
        target.write_bytes(source.read_bytes())
    change(*there)
    with pytest.raises(WeightsError, match=words) as caught:
        registry.load("nmf", dictionaries=str(there[0]))
    assert "\n" not in str(caught.value)
    assert "duo." in str(caught.value)


def edit(card: Path, old: str, new: str) -> None:
    assert old in card.read_text()
    card.write_text(card.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": 1}, "nmf: sources must be a whole number, at least 2"),
        ({"components": 0}, "nmf: components must be a whole number or none, at least 1"),
        ({"components": -3}, "nmf: components must be a whole number or none, at least 1"),
        ({"components": 2, "sources": 3}, "nmf: components must be no fewer than sources, 3"),
        ({"most_components": 1}, "nmf: most_components must be a whole number, at least 2"),
        ({"divergence": "is"}, "nmf: divergence must be one of euclid, kl, itakura-saito"),
        ({"exponent": float("nan")}, "nmf: exponent must be a number, above 0"),
        ({"exponent": 0}, "nmf: exponent must be a number, above 0"),
        ({"power": -1}, "nmf: power must be a number, above 0"),
        ({"start": "svd"}, "nmf: start must be one of random, nndsvd"),
        ({"restarts": 0}, "nmf: restarts must be a whole number, at least 1"),
        ({"iterations": 0}, "nmf: iterations must be a whole number or none, at least 1"),
        ({"tolerance": -1e-3}, "nmf: tolerance must be a number, at least 0"),
        ({"timing": 1.5}, "nmf: timing must be a number, at least 0, at most 1"),
        ({"window_s": float("inf")}, "nmf: window_s must be a number"),
        ({"overlap": 3}, "nmf: overlap must be one of 2, 4, 8, 16"),
        ({"free": "voice"}, "nmf: free goes with dictionaries"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        registry.load("nmf", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_s": 0.1}, "nmf: window_s cannot be set with dictionaries"),
        ({"divergence": "euclid"}, "nmf: divergence cannot be set with dictionaries"),
        ({"sources": 3}, "nmf: sources cannot be set with dictionaries"),
        ({"components": 3}, "nmf: components are those of the dictionaries"),
        ({"components": 3, "free": "strokes"}, "nmf: components are those of the dictionaries"),
    ],
)
def test_options_that_contradict_the_card_are_refused(card, options, message) -> None:
    with pytest.raises(UsageError, match=message):
        registry.load("nmf", dictionaries=card, **options)


def test_more_components_than_rank_are_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="200 components are more than the rank") as caught:
        separate(flute(1, 0), components=200)
    assert "\n" not in str(caught.value)


def test_too_little_to_learn_from_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="too few for 500 components"):
        Nmf(components=500).learn({"flute": [tensor(flute(1, 0))]}, RATE_HZ)
