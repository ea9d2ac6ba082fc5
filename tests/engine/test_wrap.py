"""Any rate, any channels, any length: the parts sum to the mix, sample for sample."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.fakes import halves
from unweave.core.plan import Segmentation
from unweave.engine.signal import Fifo
from unweave.engine.wrap import channel_groups, separate_blocks
from unweave.errors import UsageError
from unweave.types import Spec

RATE = 8000
SEGMENTED = {"segmentation": Segmentation(length_s=0.1, fade_s=0.02, context_s=0.01)}


def run(
    wave: np.ndarray, rate: int, block: int = 999, **facts: object
) -> tuple[np.ndarray, np.ndarray]:
    separator = halves(**(SEGMENTED | {"sample_rate_hz": RATE, "channels": 2} | facts))
    blocks: Iterator[np.ndarray] = (wave[:, n : n + block] for n in range(0, wave.shape[1], block))
    rows = channel_groups(separator.spec, wave.shape[0])
    parts = list(
        separate_blocks(separator, blocks, rate, rows, device="cpu", batch=2, warn=pytest.fail)
    )
    return np.concatenate([p[0] for p in parts], -1), np.concatenate([p[1] for p in parts], -1)


@settings(deadline=None, max_examples=40)
@given(
    length=st.integers(1, 20000),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000]),
    channels=st.sampled_from([1, 2, 3, 5, 24]),
    block=st.integers(1, 9000).map(lambda n: max(n, 400)),
)
def test_parts_sum_to_the_mix(length: int, rate: int, channels: int, block: int) -> None:
    wave = np.random.default_rng(length).normal(size=(channels, length)).astype(np.float32)
    mix, stems = run(wave, rate, block)
    np.testing.assert_array_equal(mix, wave)
    assert stems.shape == (2, channels, length)
    np.testing.assert_allclose(stems.sum(0), wave, atol=2e-6)


def test_a_stem_at_another_rate_stays_in_its_place() -> None:
    time_s = np.arange(96000) / 48000
    wave = np.sin(2 * np.pi * 440 * time_s, dtype=np.float32)[None] * np.ones((2, 1), np.float32)
    _, stems = run(wave, 48000)
    np.testing.assert_allclose(stems[0, :, 2000:-2000], 0.25 * wave[:, 2000:-2000], atol=1e-4)


def test_without_a_rest_the_remainder_is_the_residual() -> None:
    wave = np.random.default_rng(0).normal(size=(2, 5000)).astype(np.float32)
    _, stems = run(wave, 44100, additive=False, complement=None)
    assert stems.shape[0] == 3
    np.testing.assert_allclose(stems.sum(0), wave, atol=2e-6)
    assert np.square(stems[2]).sum() > 0.1 * np.square(wave).sum()  # what 8 kHz cannot hold


def test_the_rest_may_stand_anywhere() -> None:
    wave = np.random.default_rng(0).normal(size=(2, 3000)).astype(np.float32)
    _, stems = run(wave, RATE, stems=("rest", "some"))
    np.testing.assert_allclose(stems[1], 0.75 * wave, atol=1e-6)
    np.testing.assert_allclose(stems[0], 0.25 * wave, atol=1e-6)


SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")


@pytest.mark.parametrize(
    ("channels", "names", "groups", "text"),
    [
        (1, (), ((0,),), "mono, repeated as left and right and averaged again"),
        (2, ("FL", "FR"), ((0, 1),), "2 channels together"),
        (3, (), ((0, 1), (2,)), "3 channels: 1+2, 3"),
        (6, SURROUND, ((0, 1), (4, 5), (2,), (3,)), "6 channels: FL+FR, BL+BR, FC, LFE"),
        (4, ("FL", "FC", "FR", "BC"), ((0, 2), (1,), (3,)), "4 channels: FL+FR, FC, BC"),
    ],
)
def test_channels_meet_a_stereo_model(
    channels: int, names: tuple[str, ...], groups: tuple[tuple[int, ...], ...], text: str
) -> None:
    rows = channel_groups(Spec(name="s", stems=("a",), channels=2), channels, names)
    assert (rows.groups, rows.text) == (groups, text)
    wave = np.random.default_rng(1).normal(size=(channels, 50)).astype(np.float32)
    np.testing.assert_allclose(rows.join(rows.split(wave)[:, None])[0], wave, atol=1e-7)


def test_a_model_of_another_width_is_refused() -> None:
    with pytest.raises(UsageError, match="takes 4 channels, the recording has 2"):
        channel_groups(Spec(name="s", stems=("a",), channels=4), 2)


@given(st.lists(st.integers(0, 9), max_size=8), st.lists(st.integers(0, 9), max_size=8))
def test_fifo_keeps_order(pushes: list[int], pops: list[int]) -> None:
    fifo, at, out = Fifo(), 0, 0
    for size in pushes:
        fifo.push(np.arange(at, at + size, dtype=np.float32)[None])
        at += size
    for size in pops:
        if size <= fifo.length:
            np.testing.assert_array_equal(
                fifo.pop(size)[0] if size else [], np.arange(out, out + size)
            )
            out += size
    assert fifo.length == at - out
