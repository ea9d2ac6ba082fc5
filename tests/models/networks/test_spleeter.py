"""The network: fast equals readable, masks sum to one, quirks are where they should be.

Parity with the TensorFlow original is in tests/contract/test_spleeter_parity.py.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from unweave.models.cards import Card
from unweave.models.spleeter.fast import BLOCK, FastUNets, block_dilated, block_transposed
from unweave.models.spleeter.model import Spleeter, SpleeterConfig, build

SMALL = {"filters": (4, 8, 8, 16, 16, 32), "frames": 64, "bins": 128, "frame_size": 512, "hop": 128}


def random_weights(config: SpleeterConfig) -> dict[str, np.ndarray]:
    """Weights under which every level matters: unit-sized activations, odd signs and variances."""
    generator = torch.Generator().manual_seed(7)
    weights = {}
    for stem in config.stems:
        with torch.device("meta"):
            shapes = Spleeter(config).nets[0].state_dict()
        for name, value in shapes.items():
            tensor = torch.randn(value.shape, generator=generator)
            if name.endswith("conv.weight"):
                tensor /= (value[0].numel() if "down" in name else value[:, 0].numel() / 4) ** 0.5
            elif name.endswith("var"):
                tensor = tensor.abs() + 0.5
            weights[f"{stem}.{name}"] = tensor.numpy()
    return weights


def narrow(card: Card) -> Card:
    """A small card, its segment that of the frames."""
    config = card.config | SMALL
    length = SpleeterConfig(**SMALL).segment
    hop = SMALL["frames"] * SMALL["hop"]
    segment = replace(card.segment, length=length, hop=hop, before=SMALL["frame_size"])
    return replace(card, config=config, segment=segment)


def drawn(card: Card) -> dict[str, np.ndarray]:
    return random_weights(SpleeterConfig(stems=card.stems, **card.config))


def make(stems: tuple[str, ...] = ("vocals", "accompaniment"), **changes: object) -> Spleeter:
    options = {k: changes.pop(k) for k in ("bandwidth", "mask_exponent", "wiener") if k in changes}
    settings = SMALL | changes
    weights = random_weights(SpleeterConfig(stems=stems, **settings))
    return build(stems, 2, settings, weights, **options)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoder_activation": "elu", "decoder_activation": "elu"},
        {"stems": ("vocals", "drums", "bass", "piano", "other"), "softmax": True},
    ],
)
@pytest.mark.parametrize("batch", [1, 3])
def test_fast_networks_equal_the_readable_ones(changes: dict, batch: int) -> None:
    network = make(**changes)
    magnitudes = torch.rand(batch, 2, 64, 128) * 4
    fast = FastUNets(list(network.nets))
    with torch.inference_mode():
        for want, got in zip(network.nets(magnitudes), fast(magnitudes), strict=True):
            assert want.std() > 0.1  # the logits are not all alike
            torch.testing.assert_close(fast.restore(got), want, atol=1e-4, rtol=1e-4)


def test_blocks_equal_the_convolutions_they_replace() -> None:
    x = torch.randn(2, 6, 8, 12)
    up = nn.ConvTranspose2d(6, 1, 5, stride=2, padding=2, output_padding=1)
    weight, bias = block_transposed(up.weight, up.bias)
    blocks = nn.functional.conv2d(x, weight, bias, stride=2, padding=1)
    torch.testing.assert_close(nn.functional.pixel_shuffle(blocks, BLOCK), up(x))
    dilated = nn.Conv2d(1, 2, 4, dilation=2, padding=3)
    weight, bias = block_dilated(dilated.weight, dilated.bias)
    got = nn.functional.conv2d(blocks, weight, bias, padding=1)
    torch.testing.assert_close(nn.functional.pixel_shuffle(got, BLOCK), dilated(up(x)))


@pytest.mark.parametrize("stems", [("vocals", "accompaniment"), ("a", "b", "c", "other")])
@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_masks_sum_to_one_also_in_silence(stems: tuple[str, ...], exponent: float) -> None:
    network = make(stems=stems, mask_exponent=exponent)
    magnitudes = torch.rand(1, 2, 64, 128)
    magnitudes[:, :, :8] = 0
    with torch.inference_mode():
        masks = torch.stack(list(network.masks(magnitudes)))
    torch.testing.assert_close(masks.sum(0), torch.ones(1, 2, 64, 128))
    torch.testing.assert_close(
        masks[:, :, :, :8], torch.full((len(stems), 1, 2, 8, 128), 1 / len(stems))
    )


def test_full_bandwidth_keeps_everything_and_model_bandwidth_only_what_it_sees() -> None:
    mix = torch.randn(1, 2, SpleeterConfig(**SMALL).segment)
    with torch.inference_mode():
        full, model = make()(mix), make(bandwidth="model")(mix)
    network = make()
    inside = slice(512, -512)  # where all windows overlap
    torch.testing.assert_close(full.sum(1), mix * network.fade, atol=1e-5, rtol=0)
    kept = model.sum(1)[..., inside]
    spectrum = torch.fft.rfft(kept * torch.hann_window(kept.shape[-1])).abs().square()
    share = spectrum[..., spectrum.shape[-1] * 128 // 250 :].sum() / spectrum.sum()
    assert share < 1e-4  # nothing above the last bin the network sees (128 of 257)


def test_wiener_stems_sum_to_the_mix() -> None:
    network = make(wiener=1)
    mix = torch.randn(1, 2, network.config.segment)
    with torch.inference_mode():
        stems = network(mix)
    lost = (stems.sum(1) - mix * network.fade).square().sum() / mix.square().sum()
    assert 10 * torch.log10(lost) < -50
