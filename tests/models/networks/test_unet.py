"""The U-Net: Jansson's shape, the larger one, masks that sum to one, trainable, any length."""

import numpy as np
import pytest
import torch

from tests.models.networks import waveform
from unweave.core.typed import typed
from unweave.models.unet.model import UNet, UNetConfig

SMALL = {"frame_size": 128, "hop": 64, "filters": (8, 8), "stride_bins": (2, 2)}
SMALL |= {"kernel_bins": (5, 5), "stride_frames": (2, 2), "kernel_frames": (5, 5)}
TWO = {"filters": (8, 8), "stride_bins": (2, 2), "kernel_bins": (5, 5)}
TINY = {"frame_size": 128, "hop": 64, "stride_frames": (2, 2), "kernel_frames": (5, 5), **TWO}
LARGER = {
    **TINY, "stride_bins": (4, 2), "stride_frames": (1, 2), "kernel_bins": (8, 4),
    "kernel_frames": (3, 4), "blocks": 1, "recurrent": 8, "mask": "complex", "dropout": 0.0,
}  # fmt: skip
KINDS = {"plain": TINY, "larger": LARGER}
MONO = {"stems": ("voice", "accompaniment"), "channels": 1}


def made(kind: str, **changes: object) -> UNet:
    torch.manual_seed(0)
    return UNet(UNetConfig(**{**MONO, **KINDS[kind], **changes}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_segments(kind: str, channels: int) -> None:
    network = made(kind, channels=channels).eval()
    waveform.check_segments(network, channels=channels, stems=2, lengths=(1, 64, 65, 1001))


@pytest.mark.parametrize("kind", KINDS)
def test_the_stems_sum_to_the_mix(kind: str) -> None:
    mix = torch.randn(2, 1, 1000)
    with torch.inference_mode():
        torch.testing.assert_close(made(kind).eval()(mix).sum(1), mix, atol=1e-5, rtol=1e-5)


def test_a_plain_mask_lies_between_nothing_and_all_and_a_complex_one_turns_phases() -> None:
    with torch.inference_mode():
        plain, larger = made("plain").eval(), made("larger").eval()
        spectrum = plain.transform.analyse(torch.randn(1, 1, 1000))
        mask = plain.mask(spectrum)
        assert not mask.is_complex()
        assert 0 <= mask.min() <= mask.max() <= 1
        assert larger.mask(spectrum).imag.abs().max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_louder_sound_has_the_same_mask(kind: str) -> None:
    network, mix = made(kind).eval(), torch.randn(1, 1, 4000)
    with torch.inference_mode():
        quiet, loud = network(0.01 * mix), network(mix)
    torch.testing.assert_close(100 * quiet, loud, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_reaches_every_parameter(kind: str) -> None:
    assert waveform.unreached(made(kind), torch.randn(2, 1, 2000)) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision(kind: str) -> None:
    waveform.check_mixed_precision(made(kind, dropout=0.0), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_one_batch_is_overfitted(kind: str) -> None:
    network = made(kind, dropout=0.0, filters=(12, 16))
    assert waveform.overfit(network, waveform.two_voices(), 70, 1e-2) > 10


@pytest.mark.parametrize("kind", KINDS)
def test_behind_the_contract(kind: str) -> None:
    weights = waveform.random_arrays(made(kind))
    weights["up.1.conv.weight"] *= np.float16(1e-3)  # or masks would be of thousands
    waveform.check_behind_the_contract("unet", KINDS[kind], weights, additive=True)


def test_the_published_size() -> None:
    """9.8 million parameters in one network, as the paper says."""
    with torch.device("meta"):
        network = UNet(UNetConfig())
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 9.8


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"stems": ("a",)}, "two stems"), ({"filters": (8,)}, "each level"), ({"mask": "any"}, "mask"),
     ({"kernel_bins": (1, 5)}, "stride")],
)  # fmt: skip
def test_settings_that_mean_nothing(changes: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        typed(UNetConfig, {**TINY, **changes})
