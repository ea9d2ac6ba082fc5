"""`spleeter-2stems` gives what the TensorFlow original gives: recorded excerpts, at least 94 dB.

`benchmarks/spleeter/record.py` made the recordings and says what they are; whole songs are compared
by `benchmarks/spleeter/compare.py`.
"""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from unweave import registry
from unweave.audio.reader import Reader
from unweave.engine.wrap import channel_groups, separate_blocks

RECORDED = Path(__file__).parents[1] / "data" / "spleeter-original"
EXCERPTS = ((0, 33075), (498137, 542237), (904664, 959664))  # as in record.py
GAIN = 0.9
SHIFT = 264600


@pytest.fixture(scope="module")
def stems(song: Path) -> np.ndarray:
    """`(stem, channel, time)` of the example, played twice from its seventh second on."""
    with Reader(song) as reader:
        wave = np.concatenate(list(reader.blocks(44100)), axis=-1)
    separator = registry.load("spleeter-2stems", bandwidth="model").to("cpu")
    rows = channel_groups(separator.spec, 2)
    blocks = separate_blocks(
        separator,
        [np.roll(np.tile(wave, 2), -SHIFT, axis=-1)],
        44100,
        rows,
        device="cpu",
        batch=2,
        warn=pytest.fail,
    )
    return np.concatenate([stems for _, stems in blocks], axis=-1)


@pytest.mark.parametrize(("n", "stem"), [(0, "vocals"), (1, "accompaniment")])
@pytest.mark.parametrize("excerpt", range(len(EXCERPTS)))
def test_excerpts_agree_with_the_original(
    stems: np.ndarray, n: int, stem: str, excerpt: int
) -> None:
    recorded, _ = soundfile.read(RECORDED / f"{stem}.flac", always_2d=True)
    begins = np.cumsum([0, *(b - a for a, b in EXCERPTS)])
    want = recorded[begins[excerpt] : begins[excerpt + 1]].T / GAIN
    got = stems[n, :, slice(*EXCERPTS[excerpt])]
    error = np.sum((want - got) ** 2)
    agreement_db = 10 * np.log10(np.sum(want**2) / error)
    assert agreement_db >= 94
