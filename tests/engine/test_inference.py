"""What overlap, shifts, precision and a complement make of a separator, and which take them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.engine.adapters.test_compositions import DEMUCS, RATE, SHORT, Linear, Stub, run, stacked
from tests.engine.fakes import halves
from tests.engine.test_chunking import demucs, noise
from unweave.core.plan import EDGES, Plan
from unweave.engine import inference as inferring
from unweave.engine.adapters.augmented import Augmented
from unweave.engine.adapters.bag import Bag
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.complement import Complement
from unweave.engine.adapters.ensemble import Ensemble
from unweave.engine.adapters.overlap import Overlap
from unweave.engine.adapters.precision import Precision
from unweave.engine.adapters.shifts import Shifts
from unweave.engine.adapters.track_normalised import TrackNormalised
from unweave.engine.inference import check_complement, check_precision, run_with
from unweave.errors import UsageError
from unweave.request import Inference
from unweave.types import Spec

LENGTHS = [1, 119, 121, 1000]


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("length", LENGTHS)
def test_an_overlap_is_that_of_demucs(length: int, overlap: float) -> None:
    mix = noise(length)
    separator = run_with(Linear(), Inference(overlap=overlap))
    want = demucs(mix, 120, overlap=overlap)
    np.testing.assert_allclose(stacked(separator, mix), want, rtol=0, atol=2e-6)


def test_its_own_overlap_changes_nothing() -> None:
    separator = run_with(Stub(), Inference(overlap=0.25))
    assert separator.spec.plan(RATE) == DEMUCS
    mix = noise(700)
    np.testing.assert_array_equal(stacked(separator, mix), stacked(Stub(), mix))


@settings(deadline=None, max_examples=40)
@given(
    edge=st.sampled_from(EDGES),
    window=st.sampled_from(["cross-fade", "linear", "triangle", "hann", "none"]),
    overlap=st.floats(0, 0.95),
    length=st.integers(1, 700),
    rate=st.sampled_from([RATE, None]),
)
def test_whatever_the_overlap_nothing_is_lost(edge, window, overlap, length, rate) -> None:
    plan = Plan(length=90, hop=70, window=window, fade=20, edge=edge)
    separator = halves(
        segmentation=plan.in_seconds(RATE), channels=2, sample_rate_hz=rate, complement=None
    )
    found = run(run_with(separator, Inference(overlap=overlap)), mix := noise(length))
    np.testing.assert_allclose(found["some"], 0.25 * mix, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["rest"], 0.75 * mix, rtol=0, atol=1e-5)


OWN = Plan(length=128, hop=104, before=32, window="own")


@pytest.mark.parametrize(
    ("separator", "how", "words"),
    [
        (
            Stub(OWN),
            {"overlap": 0.5},
            "stub-1: its own transform sets how far its segments overlap",
        ),
        (Stub(None), {"overlap": 0.5}, "stub-1 takes the whole recording at once"),
        (Ensemble((Stub(), Stub(None, 2))), {"overlap": 0.5}, "stub-2 takes the whole recording"),
        (Stub(Plan(length=20)), {"overlap": 0.96}, "stub-1: an overlap of 0.96 leaves no step"),
        (Stub(), {"precision": "bfloat16"}, "stub-1 computes in float32 alone"),
        (
            Chain(Stub(), "b", Stub(stems=("c",))),
            {"precision": "float16"},
            "chain computes in float32 alone",
        ),
    ],
)
def test_what_a_separator_does_not_take_is_one_line(separator, how, words) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        run_with(separator, Inference(**how))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tta", ["swap", "invert", "both"])
def test_augmentation_is_the_mean_over_changed_mixes(tta: str) -> None:
    """Of every member, and inside of overlap and shifts."""
    mix, separator = noise(500), Stub()
    plain = stacked(separator, mix)
    swapped, inverted = stacked(separator, mix[::-1])[:, ::-1], -stacked(separator, -mix)
    every = {"swap": [swapped], "invert": [inverted], "both": [swapped, inverted]}[tta]
    found = run_with(separator, Inference(tta=tta))
    want = sum(every, plain) / (1 + len(every))
    np.testing.assert_allclose(stacked(found, mix), want, rtol=0, atol=1e-6)
    how = Inference(tta=tta, overlap=0.5, shifts=2)
    augmented = Augmented(Linear(), tta != "invert", tta != "swap")
    assert run_with(Linear(), how) == Shifts(Overlap(augmented, 0.5), 2, 0)


def test_one_channel_has_none_to_swap() -> None:
    mono = halves(channels=1)
    with pytest.raises(UsageError, match="takes one channel: there is none to swap"):
        run_with(mono, Inference(tta="swap"))
    assert run_with(mono, Inference(tta="both")) == Augmented(mono, swap=False)
    both = run_with(Ensemble((mono, halves())), Inference(tta="swap"))
    assert both.members == (mono, Augmented(halves(), invert=False))


def test_shifts_and_overlap_lie_inside_of_the_level_of_the_track() -> None:
    """As in Demucs: the level is that of the recording, without the zeros of a shift."""
    how = Inference(overlap=0.5, shifts=3, shift_seed=7)
    bag = Bag((Linear(), Linear(gain=2)))
    found = run_with(TrackNormalised(bag), how)
    assert found == TrackNormalised(Shifts(Overlap(bag, 0.5), 3, 7))
    both = run_with(Ensemble((Linear(), TrackNormalised(bag))), replace(how, overlap=None))
    assert both.members == (Shifts(Linear(), 3, 7), TrackNormalised(Shifts(bag, 3, 7)))
    mix = noise(500)
    other = run_with(TrackNormalised(bag), replace(how, shift_seed=8))
    np.testing.assert_array_equal(stacked(found, mix), stacked(found, mix))
    assert np.abs(stacked(found, mix) - stacked(other, mix)).max() > 1e-3


# ---- members and complements ----


def test_members_that_no_stem_needs_are_left_out() -> None:
    members = Stub(gain=1), Stub(gain=2), Stub(SHORT, 3, ("c",))
    whole = Ensemble((Bag(members[:2], ((1.0, 0.0), (0.0, 1.0))), members[2]))
    mix = noise(500)
    want = run(whole, mix)
    for stems, used in (("a", [0]), ("b", [1]), ("c", [2]), ("bc", [1, 2])):
        for member in members:
            member.calls.clear()
        found = run(run_with(whole, Inference(), tuple(stems)), mix)
        assert [n for n, member in enumerate(members) if member.calls] == used
        for stem in stems:
            np.testing.assert_array_equal(found[stem], want[stem])


def test_what_all_members_are_needed_for_is_not_narrowed() -> None:
    bag = Bag((Stub(), Stub(gain=2)))
    for stems in (("a",), ("a", "b"), ("a", "residual")):  # every member has a part in each
        assert run_with(bag, Inference(), stems) is bag
    with pytest.raises(UsageError, match="bag: stems must be some of a, b, residual; got c"):
        run_with(bag, Inference(), ("c",))


@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("normalised", [False, True])
def test_a_complement_is_what_the_chosen_stems_leave(rate: int, normalised: bool) -> None:
    members = Stub(gain=1), Stub(gain=2)
    separator = Bag(members, ((1.0, 0.0), (0.0, 1.0)))
    separator = TrackNormalised(separator) if normalised else separator
    mix = noise(3001)
    made = run_with(separator, Inference(complement="instrumental"), ("b",))
    found = run(made, mix, rate)
    assert list(found) == ["b", "instrumental"]
    assert not members[0].calls
    np.testing.assert_array_equal(found["b"], run(separator, mix, rate)["b"])
    np.testing.assert_array_equal(found["instrumental"], mix - found["b"])  # to the last bit


def test_a_complement_of_stems_that_sum_to_the_mix() -> None:
    facts = {"segmentation": DEMUCS.in_seconds(RATE), "channels": 2, "sample_rate_hz": RATE}
    separator = halves(**facts)
    for stem, share in (("some", 0.25), ("rest", 0.75)):  # the second is a complement itself
        found = run(run_with(separator, Inference(complement="left"), (stem,)), noise(700))
        assert list(found) == [stem, "left"]
        np.testing.assert_allclose(found["left"], (1 - share) * noise(700), rtol=0, atol=1e-6)
    inner = Complement(separator, "left", ("some",))
    assert (inner.spec.outputs, inner.spec.complement) == (("some", "left"), "left")


SPEC = Spec(name="m", stems=("vocals", "drums"))


@pytest.mark.parametrize(
    ("name", "spec", "taken", "words"),
    [
        ("drums", SPEC, ["vocals"], "m gives vocals, drums, residual: choose another name"),
        ("residual", SPEC, ["vocals"], "choose another name for the complement than 'residual'"),
        ("rest", SPEC, ["residual"], "the residual is what all stems leave"),
        ("rest", replace(SPEC, additive=True, complement="drums"), ["vocals", "drums"],
         "m: its stems sum to the mix and leave nothing for 'rest'"),
    ],
)  # fmt: skip
def test_a_complement_that_cannot_be_is_one_line(name, spec, taken, words) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        check_complement(name, spec, taken)
    assert "\n" not in str(caught.value)


# ---- precision ----


MATRIX = Plan(length=64)


@dataclass(frozen=True)
class Layer(Stub):
    """A product of matrices, as networks have them; keeps which arithmetic it was called in."""

    plan: Plan | None = MATRIX

    @property
    def spec(self) -> Spec:
        return replace(super().spec, mixed_precision=True)

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        matrix = torch.from_numpy(np.random.default_rng(2).normal(0, 0.1, (64, 64))).float()
        product = mix @ matrix
        self.calls.append(product.dtype)  # type: ignore[arg-type]
        return torch.stack([product, 2 * product], dim=1)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_networks_multiply_in_it_and_all_else_does_not(precision: str) -> None:
    mix, layer, stub = noise(600), Layer(), Stub(stems=("c",))
    separator = TrackNormalised(Ensemble((layer, stub)))
    exact = run(separator, mix)
    layer.calls.clear()
    made = run_with(separator, Inference(precision=precision))
    assert made == TrackNormalised(Ensemble((Precision(layer, precision), stub)))
    found = run(made, mix)
    assert set(layer.calls) == {getattr(torch, precision)}
    assert found["a"].dtype == np.float32
    error = np.square(found["a"] - exact["a"]).sum() / np.square(exact["a"]).sum()
    least = {"bfloat16": 40, "float16": 60}[precision]  # 8 and 11 bits
    assert least < -10 * math.log10(error) < least + 25


def test_a_device_without_it_is_refused_in_one_line(monkeypatch) -> None:
    check_precision("float32", "cpu")
    monkeypatch.setattr(inferring, "_on_cpu", lambda precision: precision == "bfloat16")
    check_precision("bfloat16", "cpu")
    with pytest.raises(UsageError, match="this processor has no instructions for float16") as error:
        check_precision("float16", "cpu")
    assert "\n" not in str(error.value)
    monkeypatch.undo()
    assert [inferring._on_cpu(precision) in (True, False) for precision in ("bfloat16", "float16")]
