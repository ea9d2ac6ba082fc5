"""Open-Unmix equals the original, whole and in segments, and its options do what they say.

The pairs are from benchmarks/openunmix/record.py, which says what they are; whole songs are
compared by benchmarks/openunmix/compare.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import CPU
from tests.contract.trials import card_of
from tests.models.networks import waveform
from unweave.core.plan import Plan
from unweave.engine.adapters.precision import DTYPES, Precision
from unweave.engine.adapters.select import spared
from unweave.engine.run import separate_array
from unweave.errors import WeightsError
from unweave.models import cards
from unweave.models.adapter import NeuralSeparator
from unweave.models.cards import Card
from unweave.models.openunmix import model
from unweave.models.openunmix.convert import LEGACY, convert
from unweave.models.openunmix.model import Net, OpenUnmix, OpenUnmixConfig, build
from unweave.signal import wiener_em

SMALL = {"hidden": 8, "seen": 100, "frame_size": 256, "hop": 64, "block": 30}
BLOCK = SMALL["block"] * SMALL["hop"]  # samples
# As on the cards: segments start on blocks, and neighbours fade in a block that both see whole.
FRAME = SMALL["hop"]
SEGMENT = Plan(
    length=4 * BLOCK + (5 + 2 * 32) * FRAME,
    fade=5 * FRAME,
    context=32 * FRAME,
    before=2 * BLOCK,
    edge="short",
)
STEMS = ("vocals", "drums", "bass", "other")
PAIRS = ["openunmix", "openunmix_mono"]
OPTIONS: dict[str, dict[str, Any]] = {
    "stems": {},
    "stems_raw": {"niter": 0},
    "stems_twice": {"niter": 2},
    "stems_residual": {"residual": True},
}


def narrow(card: Card) -> Card:
    return replace(card, config={**card.config, **SMALL}, segment=SEGMENT)


def drawn(card: Card) -> dict[str, np.ndarray]:
    return waveform.random_arrays(
        OpenUnmix(OpenUnmixConfig(stems=card.stems, channels=card.channels, **card.config))
    )


def by_role(weights: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """The files of a recorded pair."""
    files: dict[str, dict[str, np.ndarray]] = {}
    for name, value in weights.items():
        role, _, rest = name.partition("/")
        files.setdefault(role, {})[rest] = value
    return files


def agreement_db(name: str, key: str = "stems") -> float:
    """How far ours is below what the original made of the recorded mix."""
    pair = waveform.recorded(name)
    with np.load(waveform.DATA / f"{name}.npz") as file:
        want = torch.from_numpy(file[key])
    weights = convert(by_role(dict(pair.weights)))
    network = build(pair.stem_names, pair.channels, pair.config, weights, **OPTIONS[key])
    with torch.inference_mode():
        return waveform.below_db(want, network(pair.mix))


@pytest.mark.parametrize("key", OPTIONS)
@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_original(name: str, key: str) -> None:
    assert agreement_db(name, key) > 105


def another_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        model, "normalised", lambda norm, x, usual=model.normalised: usual(_loose(norm), x)
    )


def _loose(norm: nn.Module) -> nn.Module:
    norm.eps = 1e-3
    return norm


def the_skip_on_the_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Net, "follow", lambda net, x: torch.cat([net.lstm(x)[0], x], dim=-1))


def a_filter_without_its_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiener_em, "EPSILON", 1e-4)


def silence_beyond_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        model, "mirrored", lambda x, before, after: nn.functional.pad(x, (before, after))
    )


@pytest.mark.parametrize(
    "broken",
    [
        another_epsilon,
        the_skip_on_the_other_side,
        a_filter_without_its_guard,
        silence_beyond_the_ends,
    ],
)
@pytest.mark.parametrize("name", PAIRS)
def test_one_broken_operator_shows(
    name: str, broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert agreement_db(name) < 80


def forgetful() -> dict[str, np.ndarray]:
    """Random weights whose LSTMs know nothing but their frame: gates that forget are shut."""
    arrays = drawn(card(**SMALL))
    for name in arrays:
        if ".lstm.weight_hh" in name:
            arrays[name] = np.zeros_like(arrays[name])
        if ".lstm.bias_ih" in name:
            quarter = len(arrays[name]) // 4
            arrays[name][quarter : 2 * quarter] = -60
    return arrays


def card(**config: Any) -> Card:
    facts = {"stems": STEMS, "channels": 2, "segment": SEGMENT, "complement": None}
    return card_of("trial", architecture="openunmix", config=config, **facts)


def separated(wave: np.ndarray, weights: dict[str, np.ndarray], **options: Any) -> Tensor:
    """The stems `(stem, channel, time)` through the engine, in segments."""
    separator = NeuralSeparator(card(**SMALL), options, weights)
    stems = separate_array(separator, wave, 8000, execution=CPU, warn=pytest.fail)
    return torch.from_numpy(np.stack([stems[stem] for stem in STEMS]))


def whole(wave: np.ndarray, weights: dict[str, np.ndarray], **options: Any) -> Tensor:
    network = build(STEMS, 2, SMALL, weights, **options)
    with torch.inference_mode():
        stems: Tensor = network(torch.from_numpy(wave)[None])[0]
    return stems


def noise(length: int) -> np.ndarray:
    rng = np.random.default_rng(length)
    return (0.1 * rng.standard_normal((2, length))).astype(np.float32)


@pytest.mark.parametrize("length", [1, 100, 129, 3 * BLOCK])
def test_a_song_in_one_segment_is_the_whole_songs(length: int) -> None:
    weights = drawn(card(**SMALL))
    np.testing.assert_array_equal(separated(noise(length), weights), whole(noise(length), weights))


@pytest.mark.parametrize("length", [5 * BLOCK, 13 * BLOCK + 777])
def test_segments_lie_on_the_filters_blocks(length: int) -> None:
    """Where the LSTM remembers nothing, a segment's edge is the only thing left to differ."""
    weights = forgetful()
    want = whole(noise(length), weights)
    assert waveform.below_db(want, separated(noise(length), weights)) > 100
    # Where it remembers, what lies beyond the context is missing.
    weights = drawn(card(**SMALL))
    want = whole(noise(length), weights)
    assert waveform.below_db(want, separated(noise(length), weights)) < 100


@pytest.mark.parametrize("options", [{"niter": 0}, {"niter": 1}, {"niter": 1, "residual": True}])
def test_only_what_is_asked_for_is_computed(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the filter a stem needs no other; with it all are needed."""
    ran = []
    follow = Net.follow
    monkeypatch.setattr(Net, "follow", lambda net, x: ran.append(net) or follow(net, x))
    weights = drawn(card(**SMALL))
    separator = NeuralSeparator(card(**SMALL), options, weights)
    mix = torch.from_numpy(noise(2000))[None]
    with torch.inference_mode():
        want = separator(mix, 8000)
        ran.clear()
        chosen = spared(separator, ["drums", "other"])
        got = chosen(mix, 8000)
    assert len(ran) == (4 if options["niter"] else 2)
    if options["niter"]:
        assert chosen is separator
        return
    assert chosen.spec.stems == ("drums", "other")
    assert chosen.to("cpu").spec == chosen.spec
    assert torch.equal(got, want[:, [1, 3]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_networks_may_compute_in_16_bits(dtype: str) -> None:
    separator = NeuralSeparator(card(**SMALL), {}, drawn(card(**SMALL)))
    mix = torch.from_numpy(noise(4000))[None]
    with torch.inference_mode():
        exact, found = separator(mix, 8000), Precision(separator, dtype)(mix, 8000)
    assert found.dtype == torch.float32
    assert 20 < waveform.below_db(exact, found) < 100


@pytest.mark.parametrize("name", ["umx", "umxhq", "umxl", "umxse"])
def test_cards_segments_lie_on_blocks(name: str) -> None:
    """Neighbours fade within a block that both see whole, and all starts are those of blocks."""
    found = cards.card(name)
    config = OpenUnmixConfig(stems=found.stems, channels=found.channels, **found.config)
    segment, block = found.segment, config.block * config.hop
    assert segment.hop % block == segment.offset % block == 0
    fades = segment.hop + segment.start(0) + segment.context  # the first sample of the first fade
    assert fades % block >= config.frame_size // 2
    assert fades % block + segment.fade <= block - config.frame_size // 2
    # What the neighbour before sees is this block and all of it, what the one after sees one more.
    assert segment.start(0) + segment.length >= (fades // block + 1) * block
    assert segment.start(1) <= (fades // block - 1) * block


def test_a_last_frame_that_hardly_reaches_does_not_make_a_click() -> None:
    config = SMALL | {"hop": 128}
    made = OpenUnmixConfig(stems=("speech", "noise"), channels=1, **config)
    network = build(made.stems, 1, config, waveform.random_arrays(OpenUnmix(made)))
    with torch.inference_mode():
        stems = network(torch.from_numpy(noise(20 * 128 + 127)[:1])[None])
    assert stems[..., -128:].abs().max() < 10 * stems[..., :-128].abs().max()


def published(hidden: int, channels: int = 2) -> Net:
    with torch.device("meta"):
        return Net(OpenUnmixConfig(hidden=hidden, channels=channels))


def test_published_sizes() -> None:
    for hidden, parameters in ((512, 8_893_348), (1024, 28_257_188)):
        net = published(hidden)
        assert sum(each.numel() for each in net.parameters()) == parameters
        assert len(net.state_dict()) == 46


def files() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    rng = np.random.default_rng(0)
    net = Net(OpenUnmixConfig(**SMALL))
    for stem in STEMS:
        yield (
            stem,
            {
                name: rng.standard_normal(tuple(value.shape)).astype(np.float32)
                for name, value in net.state_dict().items()
            },
        )


def test_every_array_of_four_files_arrives_untouched() -> None:
    theirs = dict(files())
    ours = convert(theirs)
    assert ours.keys() == OpenUnmix(OpenUnmixConfig(**SMALL)).state_dict().keys()
    for stem, arrays in theirs.items():
        for name, value in arrays.items():
            np.testing.assert_array_equal(ours[f"nets.{stem}.{name}"], value)


def test_of_a_file_of_2019_three_buffers_are_left_out_and_no_other() -> None:
    theirs = dict(files())
    usual = convert(theirs)
    theirs["bass"] |= dict.fromkeys(LEGACY, np.zeros(3, np.float32))
    assert convert(theirs).keys() == usual.keys()
    theirs["drums"]["transform.1.window"] = np.zeros(3, np.float32)
    with pytest.raises(WeightsError, match=r"^drums: .*unknown parameter 'transform.1.window'"):
        convert(theirs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.pop("bass"), "lack 46 arrays, as 'nets.bass"),
        (lambda f: f.update(piano=f["bass"]), "46 unknown arrays, as 'nets.piano"),
        (lambda f: f["bass"].pop("fc1.weight"), "lack 1 arrays, as 'nets.bass.fc1.weight'"),
        (
            lambda f: f["bass"].update({"fc1.weight": np.zeros((8, 3), np.float32)}),
            r"'nets.bass.fc1.weight' has shape \(8, 3\)",
        ),
    ],
)
def test_files_that_do_not_fit(change: Callable[[dict], object], words: str) -> None:
    theirs = dict(files())
    change(theirs)
    with pytest.raises(WeightsError, match=words):
        build(STEMS, 2, SMALL, convert(theirs))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"hidden": 7}, "hidden is even"),
        ({"seen": 130}, "seen is 1 to 129 bins"),
        ({"hop": 63}, "frames of 256 samples at a hop of 63"),
        ({"hop": 256}, "hop is at most half"),
        ({"block": 0}, "block at least 1"),
        ({"width": 3}, "width"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(STEMS, 2, SMALL | config, {})
    with pytest.raises(ValueError, match="1 or 2 channels, got 3"):
        build(STEMS, 3, SMALL, {})
