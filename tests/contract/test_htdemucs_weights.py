"""The published weights of HT Demucs, where somebody has fetched them; no test fetches them."""

import numpy as np
import pytest

import unweave
from unweave.models import cards, store

RATE_HZ = 44100


@pytest.fixture(scope="module")
def fetched() -> None:
    if not store.cached(cards.card("htdemucs")):
        pytest.skip("not in the cache: unweave models pull htdemucs (research only)")


@pytest.mark.usefixtures("fetched")
def test_a_drum_goes_to_the_drums_and_a_low_tone_to_the_bass() -> None:
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    beat = time % 0.5
    noise = np.random.default_rng(0).standard_normal(time.size)
    drum = 0.5 * np.exp(-40 * beat) * (noise + 2 * np.sin(2 * np.pi * 60 * beat))
    note = np.where(time % 2 < 1, 55.0, 73.4)
    bass = 0.3 * sum(np.sin(2 * np.pi * n * note * time) / n for n in range(1, 6))
    mix = np.stack([drum + bass, drum + bass]).astype(np.float32)
    stems = unweave.separate(mix, RATE_HZ, model="htdemucs", device="cpu")
    power = {name: float(np.square(stem, dtype=np.float64).sum()) for name, stem in stems.items()}
    assert sdr_db(drum, stems["drums"]) > 5
    assert sdr_db(bass, stems["bass"]) > 5
    assert power["vocals"] < 0.05 * power["bass"]


def sdr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    lost = np.square(reference - estimate).sum() / np.square(np.stack([reference] * 2)).sum()
    return float(-10 * np.log10(lost))
