"""SpecTNT: tokens are bins and frames, masks sum to one, trainable, any length."""

import pytest
import torch
from benchmarks.networks.cost import cost

from tests.models.networks import waveform
from unweave.models.spectnt.model import SpecTnt, SpecTntConfig, build, features, rotate

SMALL = {"frame_size": 128, "hop": 64, "filters": 8, "units": 1, "blocks": 2, "width": 8}
SMALL |= {"heads": 2, "temporal_width": 16, "temporal_heads": 2}
TINY = {"frame_size": 64, "hop": 32, "filters": 8, "units": 1, "stride": 2, "patch": 2}
TINY |= {"blocks": 2, "width": 8, "heads": 2, "temporal_width": 16, "temporal_heads": 2}
MONO = {"stems": ("voice", "accompaniment"), "channels": 1}
KINDS = [{"mask": "complex"}, {"mask": "magnitude"}]


def network(**changes: object) -> SpecTnt:
    torch.manual_seed(0)
    return SpecTnt(SpecTntConfig(**MONO | TINY | changes)).eval()


@pytest.mark.parametrize("changes", [*KINDS, {"stride": 1}, {"stride": 4, "positions": "none"}])
def test_segments(changes: dict) -> None:
    three = network(**changes, channels=2, stems=("a", "b", "c"))
    waveform.check_segments(three, channels=2, stems=3, lengths=(1, 2, 31, 32, 33, 1001))


@pytest.mark.parametrize("changes", KINDS)
def test_masks_sum_to_one_and_stems_to_the_mix(changes: dict) -> None:
    mix = torch.randn(2, 1, 1001)
    net = network(**changes)
    with torch.inference_mode():
        masks = net.masks(net.transform.analyse(mix))
        stems = net(mix)
    torch.testing.assert_close(masks.sum(1), torch.ones_like(masks[:, 0]))
    torch.testing.assert_close(stems.sum(1), mix, atol=1e-5, rtol=1e-5)
    assert (masks[:, 0] - masks[:, 1]).abs().max() > 0.01  # they do part the mix
    assert masks.is_complex() == (changes["mask"] == "complex")


def test_permuted_frames_permute_what_the_transformers_give_unless_frames_have_places() -> None:
    x, order = torch.randn(2, 8, 11, 8), torch.randperm(11)  # (batch, width, frame, token)
    for positions, same in (("none", True), ("rotary", False)):
        net = network(positions=positions)
        with torch.inference_mode():
            out, permuted = net.attend(x), net.attend(x[:, :, order])
        assert torch.allclose(permuted, out[:, :, order], atol=1e-5) == same


def test_permuted_bins_permute_what_the_transformers_give_unless_bins_have_places() -> None:
    x, order = torch.randn(2, 8, 11, 8), torch.randperm(8)
    net = network()
    with torch.inference_mode():
        assert not torch.allclose(net.attend(x[..., order]), net.attend(x)[..., order], atol=1e-3)
        net.places.zero_()
        torch.testing.assert_close(net.attend(x[..., order]), net.attend(x)[..., order])


def test_attention_is_over_the_bins_of_a_frame_and_over_the_frames() -> None:
    """One block: the class token and the bins of each frame, then one embedding for each frame."""
    net, seen = network(blocks=1), []
    for attention in (net.blocks[0].spectral.attention, net.blocks[0].temporal.attention):
        attention.register_forward_hook(lambda _, args, __: seen.append(tuple(args[0].shape)))
    with torch.inference_mode():
        net.attend(torch.randn(3, 8, 11, 8))
    assert seen == [(3 * 11, 1 + 8, 8), (3, 11, 16)]


def test_frames_tell_each_other_what_they_hold() -> None:
    net, x = network(), torch.randn(1, 8, 11, 8)
    other = x.clone()
    other[:, :, 2] = torch.randn(8, 8)  # all bins of one frame
    with torch.inference_mode():
        moved = (net.attend(other) - net.attend(x)).abs().amax((0, 1, 3))
    assert (moved > 1e-5).all()
    for block in net.blocks:  # what frames know of each other goes through the class tokens alone
        torch.nn.init.zeros_(block.down.weight)
    with torch.inference_mode():
        moved = (net.attend(other) - net.attend(x)).abs().amax((0, 1, 3))
    assert moved.nonzero().flatten().tolist() == [2]


def test_rotated_tokens_know_how_far_apart_they_are() -> None:
    query, key = torch.randn(8), torch.randn(8)
    dots = rotate(query.expand(20, 8)) @ rotate(key.expand(20, 8)).T
    torch.testing.assert_close(dots[3, 7], dots[12, 16])
    torch.testing.assert_close(dots[5, 5], query @ key)
    assert (dots[3, 7] - dots[3, 8]).abs() > 1e-3
    torch.testing.assert_close(rotate(query.expand(20, 8)).norm(dim=1), query.norm().expand(20))


@pytest.mark.parametrize("exponent", [0.3, 1.0])
def test_what_it_sees_does_not_depend_on_the_level(exponent: float) -> None:
    spectrum = torch.randn(2, 1, 7, 33, dtype=torch.complex64)
    seen = features(spectrum, exponent)
    assert seen.shape == (2, 3, 7, 32)
    again = features(1e-3 * spectrum, exponent)
    torch.testing.assert_close(again, seen, atol=1e-4, rtol=1e-4)
    ratios = (spectrum[..., 1:-1] / spectrum[..., :1]).abs() ** exponent
    torch.testing.assert_close(
        seen[:, :1, :, 1:] / seen[:, :1, :, :1], ratios, atol=1e-3, rtol=1e-2
    )
    parts = torch.complex(seen[:, 1], seen[:, 2])[:, None]
    torch.testing.assert_close(parts.angle(), spectrum[..., :-1].angle())
    torch.testing.assert_close(parts.abs(), seen[:, :1], atol=2e-3, rtol=2e-3)  # but for silence


@pytest.mark.parametrize("changes", KINDS)
def test_gradient_reaches_every_parameter(changes: dict) -> None:
    assert waveform.unreached(network(**changes), torch.randn(2, 1, 2000)) == set()


@pytest.mark.parametrize("changes", KINDS)
def test_mixed_precision(changes: dict) -> None:
    waveform.check_mixed_precision(network(**changes, dropout=0.0), 1)


@pytest.mark.parametrize("changes", KINDS)
def test_one_batch_is_overfitted(changes: dict) -> None:
    net = network(**changes, dropout=0.0)
    assert waveform.overfit(net, waveform.two_voices(), steps=80, rate=1e-2) > 15


@pytest.mark.parametrize("changes", KINDS)
def test_behind_the_contract(changes: dict) -> None:
    weights = waveform.random_arrays(network(**changes))
    waveform.check_behind_the_contract("spectnt", TINY | changes, weights, additive=True)


def test_the_published_widths() -> None:
    """3 blocks, spectral width 96 and temporal width 96: 0.69 M parameters in the transformers."""
    layer = 3 * 96 * 96 + 96 * 96 + 96 + 2 * 4 * 96 * 96 + 4 * 96 + 96 + 2 * 2 * 96
    block = 2 * layer + 2 * (96 * 96 + 96)
    with torch.device("meta"):
        blocks = SpecTnt(SpecTntConfig()).blocks
    assert sum(parameter.numel() for parameter in blocks.parameters()) == 3 * block
    found = cost(lambda: SpecTnt(SpecTntConfig()), 1, 16000, segment_s=1.0)
    assert found.multiply_adds_per_s > 0.5e9


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"mask": "ratio"}, "mask must be one of complex, magnitude"),
        ({"positions": "learnt"}, "positions must be one of rotary, none"),
        ({"exponent": 0.0}, "exponent is above 0"),
        ({"stride": 3}, "stride \\* patch divides"),
        ({"width": 90}, "heads divide width"),
        ({"temporal_width": 24, "temporal_heads": 8}, "twice temporal_heads"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(("a", "b"), 1, config, {})
