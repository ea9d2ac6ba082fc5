"""Phases from another separator: against the same written down straight away on whole arrays."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import unweave
from tests.engine.adapters.test_compositions import DEMUCS, RATE, SHORT, Stub, run
from tests.engine.fakes import halves
from tests.engine.test_chunking import noise
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.ensemble import Ensemble
from unweave.engine.adapters.phase_fix import PhaseFix
from unweave.engine.adapters.select import select
from unweave.errors import UsageError
from unweave.types import Wave

WINDOW = np.hanning(2049)[:-1]


def spectra(wave: Wave) -> np.ndarray:
    count = 1 + -(-wave.shape[-1] // 1024)
    padded = np.pad(wave.astype(np.float64), ((0, 0), (1024, count * 1024)))
    frames = [padded[:, n * 1024 :][:, :2048] * WINDOW for n in range(count)]
    return np.fft.rfft(np.stack(frames, axis=-2))


def back(found: np.ndarray, length: int) -> np.ndarray:
    size = (found.shape[1] + 1) * 1024
    out, total = np.zeros((len(found), size)), np.zeros(size)
    for n in range(found.shape[1]):
        out[:, n * 1024 :][:, :2048] += np.fft.irfft(found[:, n]) * WINDOW
        total[n * 1024 :][:2048] += WINDOW**2
    return (out / np.maximum(total, 1e-30))[:, 1024 : 1024 + length]


def fixed(target: Wave, reference: Wave, how: dict[str, float]) -> np.ndarray:
    one, other = spectra(target), spectra(reference)
    hz = np.arange(1025) * RATE / 2048
    share = np.interp(hz, (how["low_hz"], how["high_hz"]), (0.0, how["weight"])) + how["base"]
    apart = np.angle(other) - np.angle(one)
    apart -= 2 * np.pi * np.round(apart / (2 * np.pi))  # the shorter way round
    return back(np.abs(one) * np.exp(1j * (np.angle(one) + share * apart)), target.shape[-1])


@pytest.mark.parametrize(
    ("length", "base"), [(1, 0.1), (3000, 0.0), (3000, 0.1), (3000, 0.25), (80_000, 0.1)]
)
def test_the_phase_is_gradually_the_references(length: int, base: float) -> None:
    target, reference = Stub(DEMUCS), Stub(SHORT, 2, ("b", "a"))
    how = {"low_hz": 200.0, "high_hz": 2500.0, "base": base, "weight": 0.8}
    mix = noise(length)
    ones, others = run(target, mix), run(reference, mix)
    separator = PhaseFix(target, reference, ("a",), **how)
    found = run(separator, mix)
    np.testing.assert_allclose(found["a"], fixed(ones["a"], others["a"], how), atol=3e-6)
    np.testing.assert_array_equal(found["b"], ones["b"])
    np.testing.assert_array_equal(run(select(separator, ["a"]), mix)["a"], found["a"])
    reference.calls.clear()
    np.testing.assert_array_equal(run(select(separator, ["b"]), mix)["b"], ones["b"])
    assert reference.calls == []


@pytest.mark.parametrize("stem", ["some", "rest"])
def test_a_stem_may_be_what_the_others_leave(stem: str) -> None:
    """A separator whose stems sum to its mix makes all of them for the last one."""
    target, reference, mix = halves(channels=2), Stub(SHORT, 2, ("rest", "some")), noise(3000)
    how = {"low_hz": 200.0, "high_hz": 2500.0, "base": 0.1, "weight": 0.8}
    for one, other in ((target, reference), (reference, target)):
        found = run(PhaseFix(one, other, (stem,), **how), mix)
        ones, others = run(one, mix), run(other, mix)
        want = fixed(ones[stem], others[stem], how)
        np.testing.assert_allclose(found[stem], want, atol=3e-6)
        [same] = {"some", "rest"} - {stem}
        left = one is target and same == "rest"  # then it is still what the other one leaves
        np.testing.assert_array_equal(found[same], mix - found[stem] if left else ones[same])


def test_one_stem_is_fixed_within_ensembles_and_chains() -> None:
    how = {"low_hz": 200.0, "high_hz": 2500.0, "base": 0.1, "weight": 0.8}
    target, reference, other = halves(channels=2), Stub(SHORT, 2, ("rest", "some")), Stub(DEMUCS)
    fix, mix = PhaseFix(target, reference, ("some",), **how), noise(3000)

    def want(of: Wave) -> np.ndarray:
        return fixed(run(target, of)["some"], run(reference, of)["some"], how)

    alike = Stub(DEMUCS, stems=("some", "rest"))
    for stems in (["some"], ["rest", "some"]):
        found = run(select(Ensemble((fix, alike)), stems), mix)
        mean = (want(mix) + run(alike, mix)["some"]) / 2
        np.testing.assert_allclose(found["some"], mean, atol=3e-6)
    for stems in (["a"], ["a", "rest"]):
        found = run(select(Chain(fix, "some", other), stems), mix)
        then = run(other, want(mix).astype(np.float32))
        np.testing.assert_allclose(found["a"], then["a"], atol=3e-6)
    first = run(other, mix)
    found = run(select(Chain(other, "a", fix), ["some"]), mix)
    np.testing.assert_allclose(found["some"], want(first["a"]), atol=3e-6)


def test_the_preset_of_the_page_runs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "ensembles.md").read_text(encoding="utf-8")
    [preset] = [
        each for each in re.findall(r"```toml\n(.*?)```", text, re.S) if "phase_fix" in each
    ]
    (tmp_path / "mine.toml").write_text(preset)
    model, mix = str(tmp_path / "mine.toml"), noise(RATE)
    found = unweave.separate(mix, RATE, model=model)
    plain = unweave.separate(mix, RATE, model="repet")
    np.testing.assert_array_equal(found["vocals"], plain["vocals"])
    assert np.abs(found["accompaniment"] - plain["accompaniment"]).max() > 1e-3


def test_a_share_of_nothing_changes_nothing_and_of_one_takes_the_phase() -> None:
    target, reference, mix = Stub(DEMUCS), Stub(SHORT, 2), noise(9000)
    ones, others = run(target, mix), run(reference, mix)
    found = run(PhaseFix(target, reference, base=0, weight=0), mix)
    np.testing.assert_allclose(found["a"], ones["a"], atol=1e-6)
    found = run(PhaseFix(target, reference, base=1, weight=0), mix)
    one, other = spectra(ones["b"]), spectra(others["b"])
    want = back(np.abs(one) * np.exp(1j * np.angle(other)), 9000)
    np.testing.assert_allclose(found["b"], want, atol=3e-6)


def test_the_share_by_frequency() -> None:
    separator = PhaseFix(Stub(), Stub(gain=2))
    share = separator.share(torch.tensor([0.0, 500.0, 2750.0, 5000.0, 20000.0]))
    np.testing.assert_allclose(share, [0.1, 0.1, 0.5, 0.9, 0.9], rtol=1e-6)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"reference": Stub(stems=("c", "d"))}, "gives a, b and stub-1 c, d, none alike"),
        ({"stems": ("c",)}, "stems must be some of a, b; got c"),
        ({"low_hz": 5000.0}, "low_hz must be at least 0 and below high_hz; got 5000, 5000"),
        ({"low_hz": -1.0}, "low_hz must be"),
        ({"weight": -0.1}, "base and weight must be at least 0"),
        ({"weight": 9.0}, "at most 4 together"),
        ({"base": float("nan")}, "base and weight"),
    ],
)
def test_what_cannot_be_is_one_line(facts: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        PhaseFix(**{"separator": Stub(), "reference": Stub(gain=2), **facts})
    assert "\n" not in str(caught.value)
