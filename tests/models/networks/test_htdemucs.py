"""HT Demucs: equal to the original, trainable, any length; what is wrong in one operator shows."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from tests.models.networks import waveform
from unweave.models.cards import Card
from unweave.models.htdemucs import fast, transformer
from unweave.models.htdemucs.convert import convert
from unweave.models.htdemucs.model import HTDemucs, HTDemucsConfig, build
from unweave.models.htdemucs.transformer import Attention, Layer, places, steps
from unweave.models.layers import fast_levels

SMALL = {"width": 8, "frame_size": 256, "levels": 2, "length": 0, "bottleneck": 16, "heads": 2}
SMALL |= {"layers": 2, "hidden": 2.0, "compress": 4}
MONO = {"stems": ("voice", "accompaniment"), "channels": 1}
EQUAL_DB = 120


def narrow(card: Card) -> Card:
    """A card of the network with a small one, for segments of a tenth of a second."""
    config = SMALL | {"length": 4096 if card.config["length"] else 0}
    config |= {"bottleneck": 16 if card.config["bottleneck"] else 0}
    cut = replace(card.segment, length=4096, hop=card.segment.hop * 4096 // card.segment.length)
    return replace(card, config=config, segment=cut)


def agreement(name: str, prepare: Callable[[HTDemucs], None] = lambda network: None) -> float:
    """How far our network lies below the original's output, in dB."""
    pair = waveform.recorded(name)
    network = build(pair.stem_names, pair.channels, pair.config, convert({"": pair.weights}))
    prepare(network)
    with torch.inference_mode():
        return waveform.below_db(pair.stems, network(pair.mix))


@pytest.mark.parametrize("name", ["htdemucs", "htdemucs_plain"])
def test_equals_the_original(name: str) -> None:
    assert agreement(name) > EQUAL_DB


@pytest.mark.parametrize("name", ["htdemucs", "htdemucs_plain"])
def test_equals_the_original_when_rearranged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_levels, "NUMBERS_AT_ONCE", 3000)  # several groups, the last smaller
    monkeypatch.setattr(fast, "HIDDEN_AT_ONCE", 1000)
    monkeypatch.setattr(fast_levels, "BINS_AT_ONCE", 4)
    assert agreement(name, HTDemucs.prepare_for_cpu) > EQUAL_DB


def test_idle_threads_take_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "HIDDEN_AT_ONCE", 1000)
    monkeypatch.setattr(fast_levels, "BINS_AT_ONCE", 4)
    pair = waveform.recorded("htdemucs")
    network = build(pair.stem_names, pair.channels, pair.config, convert({"": pair.weights}))
    network.prepare_for_cpu()
    waveform.check_idle_threads(network, pair.mix)


def test_another_form_of_gelu_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(F, "gelu", partial(F.gelu, approximate="tanh"))
    assert agreement("htdemucs") < EQUAL_DB


@pytest.mark.parametrize("norm", ["layer_norm", "group_norm"])
def test_another_epsilon_is_noticed(monkeypatch: pytest.MonkeyPatch, norm: str) -> None:
    exact = getattr(F, norm)
    monkeypatch.setattr(F, norm, lambda *given: exact(*given[:-1], 1e-6))
    assert agreement("htdemucs") < EQUAL_DB


def test_another_position_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer, "places", lambda *shape: places(*shape).roll(1, 0))
    assert agreement("htdemucs") < EQUAL_DB
    monkeypatch.undo()
    monkeypatch.setattr(transformer, "steps", lambda *shape: steps(*shape).roll(1, 0))
    assert agreement("htdemucs") < EQUAL_DB


@pytest.mark.parametrize(
    "changes",
    [{}, {"bottleneck": 0, "branches_up": False}, {"stride": 2, "frame_size": 32}],
)
def test_segments(changes: dict) -> None:
    network = HTDemucs(HTDemucsConfig(**SMALL | changes)).eval()
    waveform.check_segments(network, channels=2, stems=4, lengths=(1, 2, 63, 64, 65, 1000))


def test_short_segments_are_filled_up_and_longer_ones_refused() -> None:
    torch.manual_seed(0)
    network = HTDemucs(HTDemucsConfig(**MONO, **SMALL | {"length": 700})).eval()
    mix = torch.randn(1, 1, 500)
    with torch.inference_mode():
        filled = network(F.pad(mix, (0, 200)))[..., :500]
        assert torch.equal(network(mix), filled)
        with pytest.raises(ValueError, match="at most 700 samples here, got 701"):
            network(torch.randn(1, 1, 701))
    assert network.train()(torch.randn(1, 1, 900)).shape[-1] == 900


def test_gradient_reaches_every_parameter() -> None:
    network = HTDemucs(HTDemucsConfig(**SMALL))
    assert waveform.unreached(network, torch.randn(2, 2, 3000)) == set()


def test_mixed_precision() -> None:
    torch.manual_seed(0)
    waveform.check_mixed_precision(HTDemucs(HTDemucsConfig(**SMALL)), channels=2)


def test_one_batch_is_overfitted() -> None:
    torch.manual_seed(0)
    network = HTDemucs(HTDemucsConfig(**MONO, **SMALL))
    voices = waveform.two_voices(length=1024)
    assert waveform.overfit(network, voices, steps=40, rate=2e-2) > 12


def test_attention_by_its_definition() -> None:
    torch.manual_seed(0)
    layer, x, other = Attention(8, heads=2), torch.randn(1, 5, 8), torch.randn(1, 7, 8)
    with torch.inference_mode():
        got = layer(x, other)
        query = layer.project(x)[0, :, :8]
        key, value = layer.project(other)[0, :, 8:16], layer.project(other)[0, :, 16:]
        mixed = torch.zeros(5, 8)
        for some in (slice(0, 4), slice(4, 8)):
            for at in range(5):
                shares = (key[:, some] @ query[at, some] / 2).softmax(0)
                mixed[at, some] = shares @ value[:, some]
        want = layer.out(mixed[None])
    torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


def test_layers_attend_to_themselves_or_to_the_other_sequence() -> None:
    torch.manual_seed(0)
    x, other = torch.randn(1, 5, 8), torch.randn(1, 7, 8)
    for cross in (False, True):
        layer = Layer(8, 2, 16, cross=cross)
        torch.nn.init.ones_(layer.attention_scale)
        with torch.inference_mode():
            same = torch.equal(layer(x, other), layer(x, 2 * other + x.mean()))
        assert same != cross


def test_positions_by_their_definition() -> None:
    found = places(frames=3, bins=2, width=8)
    for frame in range(3):
        for bin_ in range(2):
            angles = [n * 10000 ** (-k / 4) for n in (frame, bin_) for k in (0, 2)]
            want = [f(angle) for angle in angles for f in (math.sin, math.cos)]
            assert found[2 * frame + bin_].tolist() == pytest.approx(want, abs=1e-6)
    angles = [4 / 10000 ** (k / 3) for k in range(4)]
    want = [f(angle) for f in (math.cos, math.sin) for angle in angles]
    assert steps(5, 8)[4].tolist() == pytest.approx(want, abs=1e-6)


def test_behind_the_contract() -> None:
    weights = waveform.random_arrays(HTDemucs(HTDemucsConfig(**MONO, **SMALL)))
    waveform.check_behind_the_contract("htdemucs", SMALL, weights)


@pytest.mark.parametrize(
    ("changes", "arrays", "parameters"),
    [
        ({}, 533, 41_984_456),
        ({"stems": tuple("abcdef"), "bottleneck": 0}, 525, 27_414_996),
    ],
)
def test_published_size(changes: dict, arrays: int, parameters: int) -> None:
    with torch.device("meta"):
        state = HTDemucs(HTDemucsConfig(**changes)).state_dict()
    assert (len(state), sum(value.numel() for value in state.values())) == (arrays, parameters)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"stride": 3}, "stride is even"),
        ({"levels": 0}, "levels are 1 or more, got 4 and 0"),
        ({"frame_size": 4100}, "frame_size is a multiple of 512 above 1024, got 4100"),
        ({"frame_size": 1024}, "frame_size is a multiple of 512 above 1024, got 1024"),
        ({"width": 15}, "width is at least 16"),
        ({"heads": 7}, "of the 7 heads, got 512"),
        ({"bottleneck": 4}, "a token's width is 8 or more"),
        ({"heads": 0}, "of the 0 heads"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(("a", "b"), 1, config, {})
