"""Conv-TasNet: equal to asteroid's and to the Demucs authors', trainable, any length."""

from dataclasses import replace

import pytest
import torch
from benchmarks.networks.cost import cost

from tests.models.networks import waveform
from unweave.errors import WeightsError
from unweave.models.cards import Card
from unweave.models.conv_tasnet.convert import convert
from unweave.models.conv_tasnet.model import SPEECH, ConvTasNet, ConvTasNetConfig, build

SMALL = {"filters": 16, "kernel": 16, "hop": 8, "bottleneck": 8, "hidden": 16}
SMALL |= {"blocks": 3, "repeats": 2}


def narrow(card: Card) -> Card:
    """A card's network made small, with segments of less than a second."""
    plan = replace(card.segment, length=8192, hop=6144)
    return replace(card, config={**card.config, **SMALL}, segment=plan)


MONO = {"stems": ("voice", "accompaniment"), "channels": 1}


@pytest.mark.parametrize(
    "name", ["conv_tasnet_asteroid_skip", "conv_tasnet_asteroid_plain", "conv_tasnet_music"]
)
def test_equals_the_original(name: str) -> None:
    pair = waveform.recorded(name)
    weights = convert({"weights": pair.weights})
    network = build(pair.stem_names, pair.channels, pair.config, weights)
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, network(pair.mix)) > 127


@pytest.mark.parametrize(
    "changes", [{}, {"fill": False}, {"mask": "softmax", "skip": 6, "bias": True}]
)
def test_segments(changes: dict) -> None:
    network = ConvTasNet(ConvTasNetConfig(**SMALL | changes)).eval()
    waveform.check_segments(network, channels=2, stems=4, lengths=(1, 2, 15, 16, 17, 24, 1001))


def test_the_end_is_filled_up_to_whole_frames() -> None:
    network = ConvTasNet(ConvTasNetConfig(**SMALL)).eval()
    mix = torch.randn(1, 2, 1001)
    assert network.valid_length(1001) == 1008
    filled = torch.nn.functional.pad(mix, (0, 7))
    with torch.inference_mode():
        assert torch.equal(network(mix), network(filled)[..., :1001])
        assert network(mix)[..., -1].abs().max() > 0


def test_the_end_is_left_out_as_published() -> None:
    network = ConvTasNet(ConvTasNetConfig(**SMALL, fill=False)).eval()
    mix = torch.randn(1, 2, 1001)
    with torch.inference_mode():
        stems = network(mix)
        assert torch.equal(stems[..., :1000], network(mix[..., :1000]))
    assert not stems[..., 1000:].any()


def test_softmax_masks_sum_to_one_and_relu_masks_may_exceed_it() -> None:
    features = torch.rand(2, 16, 50) * 10
    for mask in ("softmax", "relu"):
        network = ConvTasNet(ConvTasNetConfig(mask=mask, **SMALL)).eval()
        with torch.inference_mode():
            masks = network.estimate(features)
        assert masks.shape == (2, 4, 16, 50)
        if mask == "softmax":
            torch.testing.assert_close(masks.sum(1), torch.ones(2, 16, 50))
        else:
            assert masks.min() == 0
            assert masks.max() > 1


def test_gradient_reaches_every_parameter() -> None:
    mix = torch.randn(2, 2, 4000)
    assert waveform.unreached(ConvTasNet(ConvTasNetConfig(**SMALL)), mix) == set()
    # With skip paths, what the last block hands on goes nowhere (Luo & Mesgarani, figure 1B).
    with_skips = ConvTasNet(ConvTasNetConfig(**SMALL, skip=6, bias=True))
    last = {"blocks.5.residual.weight", "blocks.5.residual.bias"}
    assert waveform.unreached(with_skips, mix) == last


def test_one_batch_is_overfitted() -> None:
    torch.manual_seed(0)
    network = ConvTasNet(ConvTasNetConfig(**MONO, **SMALL))
    stems = waveform.two_voices()
    assert waveform.overfit(network, stems, steps=150, rate=1e-2) > 15


def test_behind_the_contract() -> None:
    weights = waveform.random_arrays(ConvTasNet(ConvTasNetConfig(**MONO, **SMALL)))
    waveform.check_behind_the_contract("conv_tasnet", SMALL, weights)


def test_published_sizes() -> None:
    music = cost(lambda: ConvTasNet(ConvTasNetConfig()), 2, 44100, segment_s=1.0)
    assert music.parameters == 10_977_872  # 11.0M (Défossez et al. 2019, table 1)
    frames, widths = 4410, 40 * (2 * 256 * 512 + 512 * 3) + 256 * 256 + 256 * 1024
    ends = 2 * 20 * 256 * (1 + 4)
    assert music.multiply_adds_per_s == pytest.approx(frames * (widths + ends), rel=1e-3)
    speech = ConvTasNetConfig(stems=("one", "other"), **SPEECH)
    assert waveform.parameters(lambda: ConvTasNet(speech)) == 5_050_545  # asteroid's


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"taps": 4}, "taps is odd"),
        ({"hop": 21}, "hop is 1 to kernel"),
        ({"mask": "tanh"}, "mask must be one of relu, sigmoid, softmax"),
        ({"input_norm": "none"}, "input_norm must be one of channel, global"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(("a", "b"), 1, config, {})


def test_weights_are_loaded_strictly() -> None:
    weights = waveform.random_arrays(ConvTasNet(ConvTasNetConfig(**MONO, **SMALL)))

    def load(arrays: dict) -> None:
        build(*MONO.values(), SMALL, arrays)

    load(weights)
    with pytest.raises(WeightsError, match=r"lack 1 arrays, as 'encoder\.weight'"):
        load({name: value for name, value in weights.items() if name != "encoder.weight"})
    with pytest.raises(WeightsError, match="unknown arrays, as 'more'"):
        load(weights | {"more": weights["encoder.weight"]})
    with pytest.raises(WeightsError, match=r"'masks\.weight' has shape \(8, 32, 1\)"):
        load(weights | {"masks.weight": weights["masks.weight"].swapaxes(0, 1)})
