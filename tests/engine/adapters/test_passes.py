"""Members one after another: the same bytes, one loaded at a time, nothing held that grows."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.adapters.test_compositions import (
    DEMUCS,
    RATE,
    SHORT,
    Stub,
    composed,
    replace_lengths,
)
from tests.engine.test_chunking import noise
from unweave.engine import spool
from unweave.engine import stream as streams
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.complement import Complement
from unweave.engine.adapters.ensemble import Ensemble
from unweave.engine.adapters.passes import Passes
from unweave.engine.adapters.phase_fix import PhaseFix
from unweave.engine.adapters.renamed import Renamed
from unweave.engine.adapters.shifts import Shifts
from unweave.engine.adapters.track_normalised import TrackNormalised
from unweave.engine.compose import AnySeparator, leaves
from unweave.engine.loading import Deferred, complete, together_mb, weights_mb
from unweave.engine.wrap import channel_groups, separate_blocks
from unweave.errors import UsageError
from unweave.types import Separator, Spec, Wave

ENSEMBLE = Ensemble((Stub(DEMUCS), Stub(SHORT, 2), Stub(DEMUCS, 3)), "median_fft")
THEN = Stub(SHORT, 2, ("c", "d"))
CASES: dict[str, AnySeparator] = {
    **composed(1),
    "slices": Ensemble((Stub(DEMUCS), Stub(SHORT, 2)), "ensemble_wav"),
    "phases": PhaseFix(Stub(DEMUCS), Stub(SHORT, 2)),
    "phases of one": PhaseFix(Stub(DEMUCS), Complement(Stub(SHORT, 2, ("a",)), called="b"), ("b",)),
    "renamed": Renamed(Stub(DEMUCS), ("b", "a"), ("voice", "band")),
    "ensemble, then": Chain(ENSEMBLE, "b", THEN),
    "then, ensemble": Chain(Stub(DEMUCS), "b", Renamed(ENSEMBLE, ("a", "b"), ("c", "d"))),
    "chain of chains": Chain(Chain(Stub(DEMUCS), "b", THEN), "d", Stub(DEMUCS, 1, ("e", "f"))),
    "other rates": Ensemble((Stub(rate=RATE), Stub(rate=RATE // 2))),
    "levels": TrackNormalised(Complement(Ensemble((Shifts(Stub(DEMUCS), 2), Stub(SHORT))))),
}


def separated(
    separator: AnySeparator, mix: Wave, rate: int = RATE, block: int = 700, batch: int = 2
) -> Wave:
    def blocks() -> Iterator[Wave]:
        return (mix[:, n : n + block] for n in range(0, mix.shape[-1], block))

    groups = channel_groups(separator.spec, len(mix))
    found = list(
        separate_blocks(
            separator, blocks(), rate, groups, device="cpu", batch=batch, warn=pytest.fail,
            again=blocks,
        )
    )  # fmt: skip
    np.testing.assert_array_equal(np.concatenate([wave for wave, _ in found], -1), mix)
    return np.concatenate([stems for _, stems in found], -1)


@settings(deadline=None, max_examples=25)
@given(
    name=st.sampled_from(sorted(CASES)),
    length=st.integers(1, 2000),
    rate=st.sampled_from([RATE, 11025, 44100]),
    channels=st.sampled_from([1, 2, 3]),
    block=st.integers(50, 1500),
)
def test_the_bytes_are_those_of_members_side_by_side(
    name: str, length: int, rate: int, channels: int, block: int
) -> None:
    mix = noise(length, channels)
    want = separated(CASES[name], mix, rate)
    np.testing.assert_array_equal(separated(Passes(CASES[name]), mix, rate, block, 1), want)


@dataclass(frozen=True)
class Weights:
    """A member that says when it is loaded, and which of them there are."""

    spec: Spec
    weights_mb: float = 10.0
    loads: list[str] = field(default_factory=list, compare=False)
    alive: weakref.WeakSet[Separator] = field(default_factory=weakref.WeakSet, compare=False)

    def to(self, device: str) -> Weights:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        raise AssertionError("is not loaded")

    def load(self) -> Separator:
        gc.collect()
        assert not self.alive, "another one is loaded"
        made = Loaded(SHORT if "2" in self.spec.name else DEMUCS, float(self.spec.name[-1]))
        self.loads.append(self.spec.name)
        self.alive.add(made)
        return made


@dataclass(frozen=True, eq=False)
class Loaded(Stub):
    """One that a set can hold."""


def test_one_member_is_loaded_at_a_time() -> None:
    one, two = Stub(DEMUCS, 1), Stub(SHORT, 2)
    first = Weights(one.spec)
    second = Weights(two.spec, 30.0, first.loads, first.alive)
    assert isinstance(first, Deferred)
    mix = noise(3000)
    for made, ready, loads in (
        (Ensemble((first, second, first)), Ensemble((one, two, one)), ["1", "2", "1"]),
        (Shifts(first, 3), Shifts(one, 3), ["1"]),
        (
            Chain(first, "b", Renamed(second, ("a", "b"), ("c", "d"))),
            Chain(one, "b", Renamed(two, ("a", "b"), ("c", "d"))),
            ["1", "2"],
        ),
    ):
        first.loads.clear()
        passes = Passes(made)
        np.testing.assert_array_equal(separated(passes, mix), separated(ready, mix))
        assert [name[-1] for name in first.loads] == loads
        [needs_most] = leaves(passes)
        assert weights_mb(needs_most) == (10.0 if isinstance(made, Shifts) else 30.0)
    assert together_mb(Ensemble((first, second))) > 40
    assert together_mb(Ensemble((one, two))) < 1


def test_weights_that_no_stem_needs_are_not_read() -> None:
    both = Weights(Stub(gain=1, stems=("a",)).spec), Weights(Stub(gain=2, stems=("b",)).spec)
    separator = complete(Ensemble(both), ["b"])
    assert (both[0].loads, both[1].loads) == ([], ["stub-2"])
    assert [isinstance(leaf, Weights) for leaf in leaves(separator)] == [True, False]


@pytest.mark.parametrize("name", ["chain", "all", "slices"])
def test_memory_does_not_grow_with_the_recording(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BLOCK", 4096)
    monkeypatch.setattr(streams, "BLOCK", 4096)

    def most(seconds: int) -> int:
        def blocks() -> Iterator[Wave]:
            for _ in range(seconds):
                yield np.zeros((2, RATE), np.float32)

        tracemalloc.start()
        separator = Passes(long[name])
        groups = channel_groups(separator.spec, 2)
        for _ in separate_blocks(
            separator, blocks(), RATE, groups, device="cpu", batch=1, warn=pytest.fail, again=blocks
        ):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    plans = replace_lengths(DEMUCS, 30), replace_lengths(SHORT, 30)
    two = Stub(plans[0]), Stub(plans[1], 2)
    long = {
        **composed(30),
        "slices": Ensemble(two, "ensemble_wav"),
    }
    most(1)
    # Threads may be some blocks ahead, in one run more than in another.
    long_one = min(most(20) for _ in range(2))
    assert long_one < most(8) + 200_000  # of 768,000 that the rest of the mix takes


def test_a_recording_that_cannot_be_read_twice_is_refused_in_one_line() -> None:
    separator = Passes(ENSEMBLE)
    groups = channel_groups(separator.spec, 2)
    with pytest.raises(UsageError, match="read twice") as caught:
        list(
            separate_blocks(
                separator, iter([noise(500)]), RATE, groups, device="cpu", batch=1, warn=print
            )
        )
    assert "\n" not in str(caught.value)
