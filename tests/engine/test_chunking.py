"""Segments as other programs cut them: plans give what straightforward versions of those give.

The network is a stub whose output depends on the place in the segment and on what lies around, so
that a segment, a window or an edge that is off by one sample shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.core.test_plan import plans
from tests.engine.test_stream import cut
from unweave.core.plan import Plan
from unweave.engine.stream import stream
from unweave.types import Wave

STEMS, TAPS = 2, 9

Network = Callable[[Wave], Wave]
"""`(channel, time)` to `(stem, channel, time)`."""


@cache
def _gains(length: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(length).uniform(0.5, 1, (STEMS, 1, length)))


def stub(mix: Tensor, sample_rate_hz: int = 8000) -> Tensor:
    """`(batch, channel, time)` to stems: a filter, then a gain that depends on the place."""
    taps = torch.from_numpy(np.random.default_rng(1).normal(0, 0.3, (STEMS, 1, TAPS)))
    batch, channels, length = mix.shape
    wave = F.conv1d(mix.double().reshape(-1, 1, length), taps, padding=TAPS // 2)
    stems = wave.reshape(batch, channels, STEMS, length).transpose(1, 2) * _gains(length)
    return stems.float()


def network(mix: Wave) -> Wave:
    return stub(torch.from_numpy(np.ascontiguousarray(mix, np.float32))[None])[0].double().numpy()


def joined(mix: Wave, chunks: Iterator[tuple[int, Wave, np.ndarray]]) -> Wave:
    """Sum of weights times stems over the sum of weights, all in float64."""
    result, counter = np.zeros((STEMS, *mix.shape)), np.zeros(mix.shape[-1])
    for start, stems, weights in chunks:
        stop = start + len(weights)
        result[..., start:stop] += stems * weights
        counter[start:stop] += weights
    return result / counter


def demucs(mix: Wave, segment: int, context: int = 0, overlap: float = 0.25) -> Wave:
    """A triangle, an overlap, and context around the centre of each chunk."""

    def chunks() -> Iterator[tuple[int, Wave, np.ndarray]]:
        half = segment // 2
        rising = [*range(1, half + 1), *range(segment - half, 0, -1)]
        triangle = np.array(rising) / max(rising)
        for offset in range(0, mix.shape[1], int((1 - overlap) * segment)):
            length = min(segment, mix.shape[1] - offset)
            extra = segment + 2 * context - length
            start = offset - extra // 2
            stop = start + length + extra
            known = mix[:, max(0, start) : stop]
            zeros = max(0, -start), max(0, stop - mix.shape[1])
            stems = network(np.pad(known, ((0, 0), zeros)))
            yield offset, stems[..., extra // 2 : extra // 2 + length], triangle[:length]

    return joined(mix, chunks())


def demucs_as_it_takes(mix: Wave, segment: int, takes: Callable[[int], int]) -> Wave:
    """The same for a model that takes some lengths: each chunk has what it `takes` at the least."""

    def chunks() -> Iterator[tuple[int, Wave, np.ndarray]]:
        for offset in range(0, mix.shape[1], int(0.75 * segment)):
            length = min(segment, mix.shape[1] - offset)
            extra = takes(length) - length
            start = offset - extra // 2
            known = mix[:, max(0, start) : start + length + extra]
            zeros = max(0, -start), max(0, start + length + extra - mix.shape[1])
            stems = network(np.pad(known, ((0, 0), zeros)))
            half = segment // 2
            triangle = np.array([*range(1, half + 1), *range(segment - half, 0, -1)]) / half
            yield offset, stems[..., extra // 2 : extra // 2 + length], triangle[:length]

    return joined(mix, chunks())


def msst(mix: Wave, chunk: int, overlaps: int) -> Wave:
    """Linear fades, reflected borders, and a short last chunk reflected or filled with zeros."""
    step, fade, length = chunk // overlaps, chunk // 10, mix.shape[1]
    border = chunk - step
    if bordered := length > 2 * border and border > 0:
        mix = np.pad(mix, ((0, 0), (border, border)), mode="reflect")

    def chunks() -> Iterator[tuple[int, Wave, np.ndarray]]:
        for start in range(0, mix.shape[1], step):
            part = mix[:, start : start + chunk]
            known = part.shape[1]
            pad = ((0, 0), (0, chunk - known))
            part = np.pad(part, pad, mode="reflect" if known > chunk // 2 else "constant")
            window = np.ones(chunk)
            if start:
                window[:fade] = np.linspace(0, 1, fade)
            if start + step < mix.shape[1]:
                window[-fade:] = np.linspace(1, 0, fade)
            yield start, network(part)[..., :known], window[:known]

    result = joined(mix, chunks())
    return result[..., border:-border] if bordered else result


def msst_demucs(mix: Wave, chunk: int, overlaps: int) -> Wave:
    """Plain averages, zeros at the end."""

    def chunks() -> Iterator[tuple[int, Wave, np.ndarray]]:
        for start in range(0, mix.shape[1], chunk // overlaps):
            part = mix[:, start : start + chunk]
            known = part.shape[1]
            stems = network(np.pad(part, ((0, 0), (0, chunk - known))))
            yield start, stems[..., :known], np.ones(known)

    return joined(mix, chunks())


def audio_separator(mix: Wave, chunk: int, overlaps: int) -> Wave:
    """Hamming windows; what would reach beyond the end is the last whole chunk instead."""
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(chunk) / (chunk - 1))

    def chunks() -> Iterator[tuple[int, Wave, np.ndarray]]:
        for start in range(0, mix.shape[1], chunk // overlaps):
            first = min(start, max(0, mix.shape[1] - chunk))
            part = mix[:, first : first + chunk]
            yield first, network(part), window[: part.shape[1]]

    return joined(mix, chunks())


def uvr(mix: Wave, chunk: int, border: int) -> Wave:
    """Hann windows over three quarters of a chunk; the last ones are as long as what is left of the
    mix with zeros up to whole inner parts of chunks, and a border."""
    inner, length = chunk - 2 * border, mix.shape[1]
    zeros = np.zeros((2, border)), np.zeros((2, inner + border - length % inner))
    padded = np.concatenate([zeros[0][: len(mix)], mix, zeros[1][: len(mix)]], axis=1)

    def chunks() -> Iterator[tuple[int, Wave, np.ndarray]]:
        for start in range(0, padded.shape[1], int(0.75 * chunk)):
            part = padded[:, start : start + chunk]
            known = part.shape[1]
            stems = network(np.pad(part, ((0, 0), (0, chunk - known))))
            yield start, stems[..., :known], np.hanning(known)

    with np.errstate(invalid="ignore"):  # nothing weighs the first sample of the border
        result: Wave = joined(padded, chunks())
    return result[..., border : border + length]


def mdx23c(mix: Wave, chunk: int, overlaps: int) -> Wave:
    """As many zeros before and after that every sample lies in as many chunks as there are."""
    hop, length = chunk // overlaps, mix.shape[1]
    behind = hop - (length - chunk) % hop + chunk - hop
    mix = np.pad(mix, ((0, 0), (chunk - hop, behind)))
    result = np.zeros((STEMS, *mix.shape))
    for start in range(0, mix.shape[1] - chunk + 1, hop):
        result[..., start : start + chunk] += network(mix[:, start : start + chunk])
    return result[..., chunk - hop : chunk - hop + length] / overlaps


def spleeter(mix: Wave, segment: int, hop: int, before: int) -> Wave:
    """Segments that are only added up, in float32 and in order: equal to the last bit."""
    count = -(-(mix.shape[1] + before) // hop)
    padded = np.zeros((2, count * hop + segment), np.float32)
    padded[:, before : before + mix.shape[1]] = mix
    result = np.zeros((STEMS, *padded.shape), np.float32)
    for start in range(0, count * hop, hop):
        result[..., start : start + segment] += network(padded[:, start : start + segment]).astype(
            np.float32
        )
    return result[..., before : before + mix.shape[1]]


def noise(length: int, channels: int = 2) -> Wave:
    wave = np.random.default_rng(length).uniform(-0.3, 0.3, (channels, length))
    return wave.astype(np.float32)


def streamed(mix: Wave, plan: Plan, sizes: list[int], batch: int = 2, device: str = "cpu") -> Wave:
    blocks = stream(stub, cut(mix[None], sizes), plan, 8000, device=device, batch=batch, warn=print)
    return np.concatenate(list(blocks), axis=-1)[0]


def agree(mix: Wave, plan: Plan, want: Wave) -> None:
    """Whole, and in blocks of random sizes."""
    sizes = np.random.default_rng(mix.shape[1]).integers(1, 90, 2000).tolist()
    whole = streamed(mix, plan, [])
    assert whole.shape == want.shape
    np.testing.assert_allclose(whole, want, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(streamed(mix, plan, sizes, batch=3), whole)


L = 120
LENGTHS = [1, 2, 13, 59, 60, 61, 90, 119, 120, 121, 180, 181, 209, 210, 240, 241, 420, 999, 1000]


@pytest.mark.parametrize("context", [0, 10])
@pytest.mark.parametrize("length", LENGTHS)
def test_demucs(length: int, context: int) -> None:
    plan = Plan(length=L + 2 * context, hop=90, window="triangle", context=context, edge="centred")
    mix = noise(length)
    agree(mix, plan, demucs(mix, L, context))


@pytest.mark.parametrize(
    ("context", "step", "margin"), [(0, 1, 0), (5, 16, 0), (6, 13, 0), (15, 16, 23)]
)
@pytest.mark.parametrize("length", LENGTHS)
def test_demucs_with_fitted_segments(length: int, context: int, step: int, margin: int) -> None:
    whole = L + 2 * context
    plan = Plan(
        length=whole,
        hop=90,
        window="triangle",
        context=context,
        step=step,
        margin=margin,
        edge="fitted",
    )
    mix = noise(length)

    def takes(samples: int) -> int:
        return whole - (whole - margin - samples) // step * step

    agree(mix, plan, demucs_as_it_takes(mix, L, takes))


@pytest.mark.parametrize("overlaps", [2, 3, 4, 8])
@pytest.mark.parametrize("length", LENGTHS)
def test_msst(length: int, overlaps: int) -> None:
    plan = Plan(length=L, hop=L // overlaps, window="linear", fade=L // 10, edge="reflect")
    mix = noise(length)
    agree(mix, plan, msst(mix, L, overlaps))


@pytest.mark.parametrize("overlaps", [1, 2, 4])
@pytest.mark.parametrize("length", LENGTHS)
def test_msst_in_its_demucs_mode(length: int, overlaps: int) -> None:
    plan = Plan(length=L, hop=L // overlaps, window="none", edge="zeros")
    mix = noise(length)
    agree(mix, plan, msst_demucs(mix, L, overlaps))


@pytest.mark.parametrize("overlaps", [1, 2, 8])
@pytest.mark.parametrize("length", LENGTHS)
def test_audio_separator(length: int, overlaps: int) -> None:
    plan = Plan(length=L, hop=L // overlaps, window="hamming", edge="anchored")
    mix = noise(length)
    agree(mix, plan, audio_separator(mix, L, overlaps))


@pytest.mark.parametrize("border", [10, 30])
@pytest.mark.parametrize("length", LENGTHS)
def test_uvr(length: int, border: int) -> None:
    step = L - 2 * border
    facts = {"before": border, "step": step, "margin": border, "edge": "padded"}
    plan = Plan(length=L, hop=90, window="hann", **facts)
    mix = noise(length)
    agree(mix, plan, uvr(mix, L, border))


@pytest.mark.parametrize("overlaps", [1, 2, 8])
@pytest.mark.parametrize("length", LENGTHS)
def test_mdx23c(length: int, overlaps: int) -> None:
    hop = L // overlaps
    plan = Plan(length=L, hop=hop, window="none", before=L - hop)
    mix = noise(length)
    agree(mix, plan, mdx23c(mix, L, overlaps))


@pytest.mark.parametrize("length", LENGTHS)
def test_spleeter_to_the_last_bit(length: int) -> None:
    plan = Plan(length=L, hop=105, before=20, window="own")
    mix = noise(length)
    np.testing.assert_array_equal(streamed(mix, plan, [7, 50]), spleeter(mix, L, 105, 20))


@settings(deadline=None, max_examples=300)
@given(
    plans(),
    st.integers(1, 300),
    st.lists(st.integers(1, 120), max_size=6),
    st.integers(1, 4),
)
def test_an_identity_gives_the_mix(plan: Plan, length: int, sizes: list[int], batch: int) -> None:
    mix = noise(length)
    calls = []

    def identity(segment: Tensor, sample_rate_hz: int) -> Tensor:
        calls.append(segment.shape[-1])
        return segment[:, None].clone()

    blocks = stream(
        identity, cut(mix[None], sizes), plan, 8000, device="cpu", batch=batch, warn=print
    )
    stems = np.concatenate(list(blocks), axis=-1)
    assert stems.shape == (1, 1, *mix.shape)
    np.testing.assert_allclose(stems[0, 0], mix, rtol=0, atol=1e-6)
    assert max(calls) <= plan.length
    if plan.edge in ("zeros", "padded", "reflect", "centred"):
        assert set(calls) == {plan.length}


@pytest.mark.parametrize(
    "edge", ["zeros", "padded", "reflect", "centred", "short", "fitted", "anchored", "inside"]
)
def test_memory_is_that_of_segments_and_not_of_the_recording(edge: str) -> None:
    """How far the input is ahead of the stems, over a long recording."""
    plan = Plan(length=400, hop=50, window="hann", edge=edge)
    taken = given = most = 0

    def blocks() -> Iterator[Wave]:
        nonlocal taken
        for _ in range(1000):
            taken += 100
            yield np.zeros((1, 1, 100), np.float32)

    def zero(segment: Tensor, sample_rate_hz: int) -> Tensor:
        return segment[:, None].clone()

    for stems in stream(zero, blocks(), plan, 8000, device="cpu", batch=2, warn=print):
        given += stems.shape[-1]
        most = max(most, taken - given)
    assert given == taken == 100_000
    assert most <= 5 * plan.length
