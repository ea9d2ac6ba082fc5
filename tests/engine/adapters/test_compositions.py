"""Separators made of separators, against the same written down straight away on whole arrays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests import CPU
from tests.engine.fakes import Halves, halves
from tests.engine.test_chunking import demucs, noise, stub
from unweave.core.plan import Plan, Segmentation
from unweave.engine.adapters.augmented import Augmented
from unweave.engine.adapters.bag import Bag
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.complement import Complement
from unweave.engine.adapters.ensemble import Ensemble
from unweave.engine.adapters.select import select
from unweave.engine.adapters.shifts import Shifts
from unweave.engine.adapters.track_normalised import Highest, TrackNormalised, around
from unweave.engine.adapters.wiener import Wiener
from unweave.engine.compose import AnySeparator, Composition, leaves
from unweave.engine.run import separate_array, separate_file
from unweave.engine.wrap import channel_groups, separate_blocks
from unweave.errors import UsageError
from unweave.joining import ALGORITHMS
from unweave.request import Execution, SeparationRequest, SeparatorRef
from unweave.types import Separator, Spec, Wave

RATE = 8000
DEMUCS = Plan(length=120, hop=90, window="triangle", edge="centred")
SHORT = Plan(length=64, hop=16, window="linear", fade=6, edge="reflect")


@dataclass(frozen=True)
class Stub:
    """Two stems, different with every `gain`, that do not sum to the mix."""

    plan: Plan | None = DEMUCS
    gain: float = 1.0
    stems: tuple[str, ...] = ("a", "b")
    rate: int | None = RATE
    calls: list[tuple[int, ...]] = field(default_factory=list, compare=False)

    @property
    def spec(self) -> Spec:
        return Spec(
            name=f"stub-{self.gain:g}",
            stems=self.stems,
            sample_rate_hz=self.rate,
            channels=2,
            segmentation=self.plan and self.plan.in_seconds(self.rate or RATE),
        )

    def to(self, device: str) -> Separator:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        self.calls.append(tuple(mix.shape))
        return torch.tanh(self.gain * stub(mix))[:, : len(self.stems)]


def run(separator: AnySeparator, mix: Wave, rate: int = RATE) -> dict[str, Wave]:
    two = Execution(device="cpu", batch=2)
    return separate_array(separator, mix, rate, execution=two, warn=pytest.fail)


def stacked(separator: AnySeparator, mix: Wave) -> Wave:
    found = run(separator, mix)
    return np.stack([found[stem] for stem in separator.spec.stems])


LENGTHS = [1, 50, 119, 120, 121, 1000]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("seed", [0, 1])
def test_demucs_with_shifts_and_the_level_of_the_track(length: int, seed: int) -> None:
    """All that `demucs` does around a model, as its `apply_model` and `Separator` do it."""
    mix = noise(length) * 2 + np.float32(0.1)
    if length == 1:
        mix = np.float32([[0.2], [0.3]])
    channel_mean = mix.astype(np.float64).mean(0)
    mean, deviation = channel_mean.mean(), channel_mean.std(ddof=1) if length > 1 else 0.0
    normal, draw, most = (mix - mean) / (deviation + 1e-8), random.Random(seed), RATE // 2
    padded = np.pad(normal, ((0, 0), (most, 0)))
    want = np.zeros((2, 2, length))
    for _ in range(3):
        offset = draw.randint(0, most)
        shifted = demucs(padded[:, offset:].astype(np.float32), 120)
        want += shifted[..., most - offset :] / 3
    want = want * (deviation + 1e-8) + mean
    separator = TrackNormalised(Shifts(Linear(), 3, seed))
    np.testing.assert_allclose(stacked(separator, mix), want, rtol=0, atol=2e-6)


@dataclass(frozen=True)
class Linear(Stub):
    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        return stub(mix)


HAMMING = Plan(length=128, hop=16, window="hamming", edge="anchored")
OWN = Plan(length=128, hop=104, before=32, window="own")


@pytest.mark.parametrize("plan", [DEMUCS, SHORT, HAMMING, OWN])
def test_files_give_what_arrays_give(plan: Plan, tmp_path: Path) -> None:
    """The level of the track too, for which they are read twice."""
    mix = noise(9001)
    soundfile.write(tmp_path / "song.wav", mix.T, RATE, "FLOAT")
    separator = TrackNormalised(Stub(replace_lengths(plan, 10)))
    assert separator.spec.needs_track_stats
    report = separate_file(
        tmp_path / "song.wav",
        {"a": tmp_path / "a.wav"},
        tmp_path / "report.json",
        lambda: separator,
        SeparationRequest(
            separator=SeparatorRef(name=separator.spec.name), stems=("a",), execution=CPU
        ),
    )
    assert report["stems"][0]["samples"] == mix.shape[1]
    found, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_array_equal(found.T, run(separator, mix)["a"])


def loudest(wave: Wave) -> Wave:
    return np.abs(wave).max((1, 2))


def test_a_network_may_have_its_own_measure_of_the_level() -> None:
    """The highest level of any segment becomes 1; of members alike, that of the whole does."""
    mix = 3 * noise(9001)
    plain, measure = Stub(OWN), Highest(OWN, loudest)
    peak = np.abs(mix).max()
    found = run(TrackNormalised(plain, measure), mix)["a"]
    np.testing.assert_allclose(found, peak * run(plain, mix / peak)["a"], atol=1e-5)
    two = TrackNormalised(Stub(OWN, 2.0), measure)
    alike = around(
        lambda *inner: Bag(inner, ((1, 1), (1, 1))), TrackNormalised(plain, measure), two
    )
    assert alike == TrackNormalised(Bag((plain, two.separator), ((1, 1), (1, 1))), measure)
    members = two, TrackNormalised(plain)
    assert around(lambda *inner: inner, *members) == members  # type: ignore[arg-type,return-value,comparison-overlap]


def test_a_recording_that_cannot_be_read_twice_is_refused_in_one_line() -> None:
    separator = TrackNormalised(Stub())
    groups = channel_groups(separator.spec, 2)
    blocks = separate_blocks(
        separator, iter([noise(500)]), RATE, groups, device="cpu", batch=1, warn=print
    )
    with pytest.raises(UsageError, match="cannot be read twice; save it to a file") as caught:
        list(blocks)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_bag_is_the_weighted_mean_of_each_stem(length: int) -> None:
    members = Stub(gain=1), Stub(gain=2), Stub(gain=3)
    weights = (1.0, 0.0), (3.0, 1.0), (0.0, 2.0)
    mix = noise(length)
    parts = np.stack([stacked(member, mix) for member in members])
    shares = np.array(weights)[:, :, None, None]
    want = (parts * shares).sum(0) / shares.sum(0)
    np.testing.assert_allclose(stacked(Bag(members, weights), mix), want, rtol=0, atol=1e-6)
    np.testing.assert_allclose(stacked(Bag(members), mix), parts.mean(0), rtol=0, atol=1e-6)


def test_only_the_members_are_run_that_the_stems_need() -> None:
    members = Stub(gain=1), Stub(gain=2), Stub(gain=3)
    bag = Bag(members, ((1.0, 0.0), (3.0, 1.0), (0.0, 2.0)))
    mix = noise(500)
    want = run(bag, mix)["b"]
    for member in members:
        member.calls.clear()
    found = run(select(bag, ["b"]), mix)
    assert list(found) == ["b", "residual"]
    np.testing.assert_array_equal(found["b"], want)
    assert [bool(member.calls) for member in members] == [False, True, True]


def expected(algorithm: str, parts: Wave) -> Wave:
    """`(member, channel, time)` joined as `numpy` has it."""
    values = parts.astype(np.float64)
    if algorithm == "ensemble_wav":
        slices = zip(*(np.array_split(part, 240, axis=-1) for part in values), strict=True)
        chosen = [min(same, key=lambda part: np.abs(part).sum()) for same in slices]
        return np.concatenate(chosen, axis=-1)
    last = algorithm.startswith("uvr")
    how, what = algorithm.removeprefix("uvr_").replace("spec", "fft").split("_")
    values = values[::-1] if last else values
    if what == "fft":
        window = np.hanning(2049)[:-1]
        length = parts.shape[-1]
        count = 1 + -(-length // 1024)
        padded = np.pad(values, ((0, 0), (0, 0), (1024, count * 1024)))
        frames = [padded[..., n * 1024 :][..., :2048] * window for n in range(count)]
        values = np.fft.rfft(np.stack(frames, axis=-2))
    if how == "avg":
        joined = values.mean(0)
    elif how == "median":
        joined = np.median(values.real, 0) + 1j * np.median(values.imag, 0)
        joined = joined if what == "fft" else joined.real
    else:
        chosen = np.abs(values).argmin(0) if how == "min" else np.abs(values).argmax(0)
        joined = np.take_along_axis(values, chosen[None], 0)[0]
    if what == "wave":
        return joined
    out, total = np.zeros((parts.shape[1], (count + 1) * 1024)), np.zeros((count + 1) * 1024)
    for n in range(count):
        out[:, n * 1024 :][:, :2048] += np.fft.irfft(joined[:, n]) * window
        total[n * 1024 :][:2048] += window**2
    return (out / np.maximum(total, 1e-30))[:, 1024 : 1024 + length]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("members", "length"), [(2, 1), (2, 3000), (3, 80_000)])
def test_an_ensemble_joins_members_of_other_segments(
    algorithm: str, members: int, length: int
) -> None:
    plans = replace_lengths(DEMUCS, 100), replace_lengths(SHORT, 300), None
    parts = [Stub(plan, gain) for plan, gain in zip(plans, (1.0, 2.0, 3.0), strict=True)][:members]
    mix = noise(length)
    want = expected(algorithm, np.stack([run(part, mix)["a"] for part in parts]))
    found = run(Ensemble(tuple(parts), algorithm), mix)["a"]
    np.testing.assert_allclose(found, want, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("algorithm", "chosen"),
    [("max_fft", 0), ("min_fft", 0), ("uvr_max_spec", 1), ("uvr_min_spec", 1)],
)
def test_of_equally_loud_members_the_first_counts_and_for_uvr_the_last(
    algorithm: str, chosen: int
) -> None:
    """A member and the same upside down are as loud in every bin."""
    parts = Linear(), Inverted()
    mix = noise(9000)
    want = run(parts[chosen], mix)["a"]
    found = run(Ensemble(parts, algorithm), mix)["a"]
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-6)


@dataclass(frozen=True)
class Inverted(Stub):
    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        return -stub(mix)


def replace_lengths(plan: Plan, factor: int) -> Plan:
    return replace(
        plan, **{name: factor * getattr(plan, name) for name in ("length", "hop", "fade", "before")}
    )


def test_an_ensemble_with_weights_for_each_stem() -> None:
    """As the bags of Demucs have them: members that no stem needs are not run."""
    parts = Stub(DEMUCS, 1.0), Stub(SHORT, 2.0)
    first, second = parts[0].spec.stems
    both = Ensemble(parts, weights=((1.0, 3.0), (1.0, 0.0)))
    mix = noise(4001)
    one, two = (run(part, mix) for part in parts)
    found = run(both, mix)
    np.testing.assert_allclose(found[first], (one[first] + two[first]) / 2, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[second], one[second], rtol=0, atol=1e-6)
    for part in parts:
        part.calls.clear()
    only = run(select(both, [second]), mix)
    np.testing.assert_allclose(only[second], one[second], rtol=0, atol=1e-6)
    assert parts[0].calls
    assert not parts[1].calls


def test_an_ensemble_of_other_rates_and_stems() -> None:
    parts = Stub(gain=1, stems=("a",)), Stub(gain=2, rate=RATE // 2), Stub(gain=3, stems=("c",))
    ensemble = Ensemble(parts, weights=(1.0, 3.0, 1.0))
    assert ensemble.spec.stems == ("a", "b", "c")
    assert ensemble.spec.sample_rate_hz is None
    mix = noise(5001)
    one, two, three = (run(part, mix) for part in parts)
    found = run(ensemble, mix)
    np.testing.assert_allclose(found["a"], (one["a"] + 3 * two["a"]) / 4, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["b"], two["b"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["c"], three["c"], rtol=0, atol=1e-6)
    parts[0].calls.clear()
    parts[2].calls.clear()
    only = run(select(ensemble, ["b"]), mix)
    np.testing.assert_allclose(only["b"], found["b"], rtol=0, atol=1e-6)
    assert parts[0].calls == parts[2].calls == []


def test_a_chain_separates_a_stem_further() -> None:
    first, then = Stub(gain=1, stems=("a", "drums")), Stub(SHORT, 2, stems=("kick", "snare"))
    chain = Chain(first, "drums", then)
    assert chain.spec.stems == ("a", "kick", "snare")
    mix = noise(1234)
    before = run(first, mix)
    after = run(then, before["drums"])
    found = run(chain, mix)
    for stem, want in (("a", before["a"]), ("kick", after["kick"]), ("snare", after["snare"])):
        np.testing.assert_array_equal(found[stem], want)
    then.calls.clear()
    run(select(chain, ["a"]), mix)
    assert then.calls == []
    assert run(select(chain, ["kick"]), mix).keys() == {"kick", "residual"}


def test_the_second_of_a_chain_may_need_the_level_of_its_stem() -> None:
    first, then = Stub(stems=("a", "drums")), TrackNormalised(Stub(SHORT, 2, ("kick", "snare")))
    mix = noise(1234)
    want = run(then, run(first, mix)["drums"])
    found = run(Chain(first, "drums", then), mix)
    np.testing.assert_array_equal(found["kick"], want["kick"])


def test_what_the_others_leave_may_be_separated_further() -> None:
    facts = {"segmentation": Segmentation(length_s=0.01), "sample_rate_hz": RATE, "channels": 2}
    first = Halves(halves(**facts, stems=("voice", "rest")).spec, 0.25)
    then = Halves(halves(**facts, stems=("bass", "other"), complement="other").spec, 0.5)
    chain = Chain(first, "rest", then)
    assert (chain.spec.outputs, chain.spec.complement) == (("voice", "bass", "other"), "other")
    mix = noise(777)
    found = run(chain, mix)
    np.testing.assert_allclose(found["bass"], 0.375 * mix, atol=1e-6)
    np.testing.assert_allclose(sum(found.values()), mix, atol=1e-6)
    assert select(chain, ["other"]) is chain


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_complement_has_all_that_the_stems_leave(rate: int) -> None:
    separator = Complement(Stub(stems=("vocals",)), "instrumental")
    assert separator.spec.outputs == ("vocals", "instrumental")
    mix = noise(3001)
    found = run(separator, mix, rate)
    np.testing.assert_array_equal(
        found["vocals"], run(Stub(stems=("vocals",)), mix, rate)["vocals"]
    )
    np.testing.assert_allclose(found["instrumental"], mix - found["vocals"], rtol=0, atol=1e-6)
    both = Ensemble((separator, Complement(Stub(gain=2, stems=("vocals",)))))
    found = run(both, mix, rate)
    np.testing.assert_allclose(sum(found.values()), mix, rtol=0, atol=2e-6)


def test_augmentation_is_undone_on_the_stems() -> None:
    separator, mix = Stub(), noise(500)
    swapped, inverted = stacked(separator, mix[::-1])[:, ::-1], -stacked(separator, -mix)
    want = (stacked(separator, mix) + swapped + inverted) / 3
    np.testing.assert_allclose(stacked(Augmented(separator), mix), want, rtol=0, atol=1e-6)
    want = (stacked(separator, mix) + inverted) / 2
    found = stacked(Augmented(separator, swap=False), mix)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-6)


def composed(factor: int) -> dict[str, Composition]:
    """One of each, with segments that are longer by a factor."""
    long, short = replace_lengths(DEMUCS, factor), replace_lengths(SHORT, factor)
    one, two = Stub(long), Stub(short, 2)
    bag = Bag((one, Stub(long, 2)))
    return {
        "shifts": Shifts(one, 3),
        "normalised": TrackNormalised(one),
        "ensemble": Ensemble((one, two), "median_wave"),
        "spectra": Ensemble((one, two), "max_fft"),
        "chain": Chain(one, "b", Stub(short, 2, ("c", "d"))),
        "complement": Complement(one),
        "all": TrackNormalised(Complement(Shifts(Ensemble((bag, Augmented(two))), 2))),
    }


COMPOSED = composed(1)


@settings(deadline=None, max_examples=25)
@given(
    name=st.sampled_from(sorted(COMPOSED)),
    length=st.integers(1, 2000),
    rate=st.sampled_from([RATE, 11025, 16000, 44100]),
    channels=st.sampled_from([1, 2, 3, 5]),
    block=st.integers(50, 1500),
    batch=st.integers(1, 3),
)
def test_nothing_is_lost(
    name: str, length: int, rate: int, channels: int, block: int, batch: int
) -> None:
    separator, mix = COMPOSED[name], noise(length, channels)

    def blocks() -> Iterator[Wave]:
        return (mix[:, n : n + block] for n in range(0, length, block))

    parts = list(
        separate_blocks(
            separator,
            blocks(),
            rate,
            channel_groups(separator.spec, channels),
            device="cpu",
            batch=batch,
            warn=pytest.fail,
            again=blocks,
        )
    )
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts], -1), mix)
    stems = np.concatenate([part[1] for part in parts], -1)
    assert stems.shape == (len(separator.spec.outputs), channels, length)
    assert np.isfinite(stems).all()
    np.testing.assert_allclose(stems.sum(0), mix, atol=1e-5)


@pytest.mark.parametrize("name", sorted(COMPOSED))
def test_the_bytes_do_not_depend_on_blocks_or_workers(name: str) -> None:
    mix, found = noise(900), []
    for block, batch in ((900, 1), (133, 3)):

        def blocks(block: int = block) -> Iterator[Wave]:
            return (mix[:, n : n + block] for n in range(0, 900, block))

        parts = separate_blocks(
            COMPOSED[name],
            blocks(),
            RATE,
            channel_groups(COMPOSED[name].spec, 2),
            device="cpu",
            batch=batch,
            warn=pytest.fail,
            again=blocks,
        )
        found.append(np.concatenate([stems for _, stems in parts], -1))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", ["shifts", "ensemble", "spectra", "chain", "complement", "all"])
def test_memory_does_not_grow_with_the_recording(name: str) -> None:
    """How far the mix is ahead of the stems, over a long recording."""
    taken = given = most = 0

    def blocks() -> Iterator[Wave]:
        for _ in range(80):
            yield np.zeros((2, 10_000), np.float32)

    def counted() -> Iterator[Wave]:
        nonlocal taken
        for block in blocks():
            taken += block.shape[-1]
            yield block

    separator = composed(100)[name]
    for wave, _ in separate_blocks(
        separator,
        counted(),
        RATE,
        channel_groups(separator.spec, 2),
        device="cpu",
        batch=2,
        warn=pytest.fail,
        again=blocks,
    ):
        given += wave.shape[-1]
        most = max(most, taken - given)
    assert given == taken == 800_000
    assert most < (500_000 if name == "spectra" else 200_000)


def test_a_member_that_fails_stops_all_and_gives_the_threads_back() -> None:
    @dataclass(frozen=True)
    class Broken(Stub):
        def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
            raise RuntimeError("broken")

    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="broken"):
        run(Ensemble((Stub(), Broken())), noise(5000))
    assert torch.get_num_threads() == before


def test_what_is_run_at_a_time_is_known() -> None:
    assert all(isinstance(separator, Composition) for separator in COMPOSED.values())
    assert not isinstance(Bag((Stub(),)), Composition)
    assert [leaf.spec.name for leaf in leaves(COMPOSED["all"])] == ["bag", "stub-2"] * 2
    assert len(leaves(Shifts(Stub(), 5))) == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bag((Stub(), Stub(SHORT))), "differ in segmentation; put them into an ensemble"),
        (lambda: Bag((Stub(), Stub(stems=("a",)))), "differ in stems"),
        (lambda: Bag((Stub(),), ((1.0,),)), "a row of stems for each member"),
        (lambda: Bag((Stub(),), ((1.0, 0.0),)), "nor all 0 for a stem"),
        (lambda: Ensemble((Stub(),), "sum"), "algorithm must be one of avg_wave, .* got 'sum'"),
        (lambda: Ensemble((Stub(),), "max_fft", (1.0,)), "max_fft takes no weights"),
        (lambda: Ensemble((Stub(),), weights=(1.0, 2.0)), "one above 0 for each member"),
        (lambda: Ensemble((Stub(),), weights=((1.0,),)), "a row of weights has one, not negative"),
        (lambda: Ensemble((Stub(),), weights=((1.0, 0.0),)), "no member has a weight"),
        (lambda: Chain(Stub(), "c", Stub()), "has no stem 'c'; it gives a, b"),
        (lambda: Chain(Stub(), "b", Stub()), "two stems would be called a"),
        (lambda: Complement(Stub(), "a"), "has a stem 'a'"),
        (lambda: Shifts(Stub(), 0), "at least 1; got 0"),
        (lambda: select(Stub(), ["c"]), "stems must be some of a, b; got c"),
        (lambda: Wiener(Shifts(Stub()), 1), "put the Wiener filter around its members"),
        (lambda: Bag((Shifts(Stub()),)), "put the bag around its members"),
        (lambda: Augmented(Shifts(Stub())), "put the augmentation around its members"),
        (
            lambda: Ensemble((Stub(), halves(channels=1))).spec,
            "its members take 1 and 2 channels; all must take as many",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(make, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
