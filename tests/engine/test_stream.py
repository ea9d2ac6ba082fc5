"""A separator that does nothing must give the mix back, however the sound is cut."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.fakes import Halves, halves
from unweave.core.plan import Plan
from unweave.engine.stream import _call, _in_batches, stream
from unweave.types import Spec


def cut(wave: np.ndarray, sizes: list[int]) -> Iterator[np.ndarray]:
    at = 0
    for size in [*sizes, wave.shape[-1]]:
        if at < wave.shape[-1]:
            yield wave[..., at : at + size]
        at += size


def run(wave: np.ndarray, plan: Plan | None, sizes: list[int], **kwargs: object) -> np.ndarray:
    settings_ = {"device": "cpu", "batch": 2, "warn": print} | kwargs
    separator = settings_.pop("separator", halves())
    return np.concatenate(
        list(stream(separator, cut(wave, sizes), plan, 8000, **settings_)), axis=-1
    )


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(1, 400),
    rows=st.integers(1, 3),
    overlap=st.integers(0, 10),
    margin=st.integers(0, 7),
    body=st.integers(11, 60),
    extra=st.integers(0, 30),
    padded=st.booleans(),
    sizes=st.lists(st.integers(1, 120), max_size=6),
    batch=st.integers(1, 4),
)
def test_what_goes_in_comes_out(
    length: int,
    rows: int,
    overlap: int,
    margin: int,
    body: int,
    extra: int,
    padded: bool,
    sizes: list[int],
    batch: int,
) -> None:
    before = margin + overlap + min(extra, body - 1)
    size = 2 * margin + 2 * overlap + body
    edge = "zeros" if padded else "inside"
    plan = Plan(length=size, fade=overlap, context=margin, before=before, edge=edge)
    wave = np.random.default_rng(length).normal(size=(rows, 2, length)).astype(np.float32)
    stems = run(wave, plan, sizes, batch=batch)
    assert stems.shape == (rows, 2, 2, length)
    np.testing.assert_allclose(stems.sum(1), wave, atol=1e-5)
    np.testing.assert_allclose(stems[:, 0], wave * 0.25, atol=1e-6)


PLAN = Plan(length=64, fade=8, context=4)


def test_context_is_input_only() -> None:
    class Edges(Halves):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            mix = mix.clone()
            mix[..., :4] = 99
            mix[..., -4:] = 99
            return super().__call__(mix, sample_rate_hz)

    wave = np.random.default_rng(0).normal(size=(1, 1, 500)).astype(np.float32)
    stems = run(wave, PLAN, [100], separator=Edges(halves().spec))
    np.testing.assert_allclose(stems.sum(1), wave, atol=1e-5)


@pytest.mark.parametrize("length", [1, 40, 52, 53, 64, 65, 100, 500])
def test_inside_nothing_but_the_recording_is_input(length: int) -> None:
    """As many segments as with zeros, each a segment long where it can be."""
    seen: list[np.ndarray] = []

    class Listener(Halves):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            seen.append(mix[0, 0].numpy().copy())
            return super().__call__(mix, sample_rate_hz)

    wave = 1 + np.arange(length, dtype=np.float32)[None, None]  # a sample says where it was
    grid = replace(PLAN, edge="inside")
    run(wave, grid, [30], separator=Listener(halves().spec), batch=1)
    assert len(seen) == grid.count(length)
    for piece in seen:
        np.testing.assert_array_equal(np.diff(piece), 1)
        assert piece[0] >= 1
        assert piece[-1] <= length
    first, *others = seen
    assert (first[0], first[-1]) == (1, min(length, PLAN.length - PLAN.offset))
    assert all(len(piece) == min(length, PLAN.length) for piece in others)


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_hold_segments_of_one_length(batch: int) -> None:
    lengths = []

    class Listener(Halves):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            lengths.append(tuple(mix.shape))
            return super().__call__(mix, sample_rate_hz)

    parts = [np.full((2, 1, size), size, np.float32) for size in (5, 9, 9, 9, 4)]
    call = partial(_call, Listener(halves().spec), 8000, "cpu")
    done = list(_in_batches(call, iter(parts), batch, "cpu", print))
    assert [part.shape for part in done] == [(2, 2, 1, size) for size in (5, 9, 9, 9, 4)]
    assert all((part.sum(1) == part.shape[-1]).all() for part in done)
    assert max(rows for rows, *_ in lengths) == batch


def test_the_bytes_do_not_depend_on_workers_or_blocks() -> None:
    class Sines(Halves):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            return super().__call__(
                torch.sin(torch.fft.irfft(torch.fft.rfft(mix), n=mix.shape[-1])), sample_rate_hz
            )

    wave = np.random.default_rng(0).normal(size=(2, 2, 900)).astype(np.float32)
    separator = Sines(halves().spec)
    first = run(wave, PLAN, [900], separator=separator, batch=1)
    for batch, sizes in [(2, [1, 7, 300]), (5, [64] * 10), (1, [450])]:
        np.testing.assert_array_equal(
            run(wave, PLAN, sizes, separator=separator, batch=batch), first
        )


def test_no_plan_sees_the_whole_signal_once() -> None:
    lengths = []

    class Whole(Halves):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            lengths.append(mix.shape[-1])
            return super().__call__(mix, sample_rate_hz)

    wave = np.ones((1, 1, 777), np.float32)
    run(wave, None, [100, 300], separator=Whole(halves().spec))
    assert lengths == [777]


@pytest.mark.parametrize("rows", [1, 3])
def test_batches_keep_order_and_an_exhausted_memory_halves_them(rows: int) -> None:
    calls = []

    class Small(Halves):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            calls.append(mix.shape[0])
            if mix.shape[0] > 2:
                raise torch.OutOfMemoryError("too much")
            return super().__call__(mix, sample_rate_hz)

    notes: list[str] = []
    parts = [np.full((rows, 1, 5), n, np.float32) for n in range(9)]
    call = partial(_call, Small(Spec(name="s", stems=("a", "b"))), 8000, "cpu")
    sizes: list[int] = []
    done = list(_in_batches(call, iter(parts), 8, "cpu", notes.append, sizes.append))
    assert [part.shape for part in done] == [(rows, 2, 1, 5)] * 9
    assert [float(part[0].sum(0)[0, 0]) for part in done] == list(range(9))
    assert calls[:3] == [8, 4, 2]
    assert sizes == [4, 2]
    assert notes == [
        "out of memory on cpu: going on with 4 segments at once",
        "out of memory on cpu: going on with 2 segments at once",
    ]


def test_a_failing_segment_stops_the_stream() -> None:
    class Broken(Halves):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        run(np.ones((1, 1, 500), np.float32), PLAN, [], separator=Broken(halves().spec))


def test_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()
    run(np.ones((1, 1, 500), np.float32), PLAN, [])
    assert torch.get_num_threads() == before
