"""Demucs v1, v2 and v3: equal to the original packages', trainable, any length."""

import math
from dataclasses import replace

import pytest
import torch

from tests.models.networks import waveform
from unweave.models.cards import Card
from unweave.models.demucs.convert import convert
from unweave.models.demucs.model import V1, V2, V3, Demucs, DemucsConfig, build, resample

SMALL = {"width": 8, "depth": 3}
TINY = {"width": 4, "depth": 3}
# v3 with everything that lies in its deeper levels.
DEEP = dict(V3) | {"norm_from": 1, "compress": 2, "lstm_from": 1, "attention_from": 2}


def narrow(card: Card) -> Card:
    """A card's network made small, with segments of less than a second."""
    config = {**card.config, **SMALL, "norm_from": 2, "lstm_from": 2, "attention_from": 3}
    if card.segment.edge != "fitted":
        return replace(card, config=config, segment=replace(card.segment, length=8192, hop=8192))
    network = Demucs(DemucsConfig(stems=card.stems, channels=card.channels, **config))
    length = network.valid_length(8192)
    kept = length - (length - 8192) // 2 * 2
    step = network.valid_length(length) - network.valid_length(length - network.config.stride**3)
    plan = replace(
        card.segment,
        length=length,
        hop=int(0.75 * kept),
        context=(length - kept) // 2,
        margin=network.margin,
        step=step,
    )
    return replace(card, config=config, segment=plan)


MONO = {"stems": ("voice", "accompaniment"), "channels": 1}


@pytest.mark.parametrize(
    ("name", "least_db"),
    [
        ("demucs_padded", 130),
        ("demucs_v1", 130),
        ("demucs_v2", 130),
        ("demucs_v3", 126),
        ("demucs_v3_plain", 123),
    ],
)
def test_equals_the_original(name: str, least_db: float) -> None:
    pair = waveform.recorded(name)
    network = build(pair.stem_names, pair.channels, pair.config, convert({"weights": pair.weights}))
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, network(pair.mix)) > least_db


@pytest.mark.parametrize(
    "changes", [{}, V1, V2, dict(V2) | {"fill": False}, DEEP, {"lstm_layers": 0, "growth": 1}]
)
def test_segments(changes: dict) -> None:
    network = Demucs(DemucsConfig(**dict(changes) | TINY)).eval()
    waveform.check_segments(network, channels=2, stems=4, lengths=(1, 2, 3, 341, 1000, 1001))


@pytest.mark.parametrize("changes", [{}, V1, V2])
def test_valid_lengths_stay_and_leave_nothing_over(changes: dict) -> None:
    network = Demucs(DemucsConfig(**dict(changes) | TINY))
    config = network.config
    for length in (1, 100, 5000, 5001):
        valid = network.valid_length(length)
        assert valid >= length
        if config.padded:
            assert network.valid_length(valid) == valid
        steps = valid * (2 if config.resample else 1)
        for _ in range(config.depth):
            assert (steps - config.kernel) % config.stride == 0
            steps = (steps - config.kernel) // config.stride + 1


@pytest.mark.parametrize("changes", [V1, V2])
def test_a_segment_may_bring_what_convolutions_take_from_its_ends(changes: dict) -> None:
    """Stems of the middle are those of the middle alone, but for what its ends have beside them."""
    settings = dict(changes) | TINY | {"lstm_layers": 0, "normalise": False}
    torch.manual_seed(0)
    filled = Demucs(DemucsConfig(**settings)).eval()
    whole = Demucs(DemucsConfig(**settings, fill=False)).eval()
    whole.load_state_dict(filled.state_dict())
    length = whole.valid_length(2000)
    extra, margin = length - 2000, whole.margin
    mix = torch.randn(1, 2, length, generator=torch.Generator().manual_seed(1))
    mix[..., : extra // 2] = mix[..., extra // 2 + 2000 :] = 0
    with torch.inference_mode():
        got, want = whole(mix), filled(mix[..., extra // 2 :][..., :2000])
    torch.testing.assert_close(got[..., extra // 2 :][..., :2000], want, atol=1e-6, rtol=1e-5)
    assert not got[..., : margin // 2].any()
    assert not got[..., length - margin // 2 :].any()
    assert got[..., margin // 2].any()


def test_normalised_stems_follow_the_mix_in_level_and_offset() -> None:
    torch.manual_seed(0)
    network = Demucs(DemucsConfig(**TINY)).eval()
    mix = torch.randn(1, 2, 1500)
    with torch.inference_mode():
        one, louder = network(mix), network(3 * mix + 0.5)
    torch.testing.assert_close(louder, 3 * one + 0.5, atol=1e-4, rtol=1e-4)
    plain = Demucs(DemucsConfig(**TINY, normalise=False)).eval()
    with torch.inference_mode():
        one, louder = plain(mix), plain(3 * mix + 0.5)
    assert waveform.below_db(3 * one + 0.5, louder) < 40


def test_resampling_keeps_the_band_and_stays_in_time() -> None:
    time = torch.arange(4000, dtype=torch.float64)

    def tone(share: float, at: torch.Tensor) -> torch.Tensor:
        return torch.sin(math.pi * share * at)[None, None]

    def middle(x: torch.Tensor) -> torch.Tensor:
        return x[..., 200:-200]

    # The share of the slower rate's band, and how far below the tone the error lies there, dB.
    for share, below_db in ((0.01, 106), (0.3, 106), (0.85, 48)):
        doubled = resample(tone(share, time), 1, 2)
        want = tone(share, torch.arange(8000, dtype=torch.float64) / 2)
        assert waveform.below_db(middle(want), middle(doubled)) > below_db
        halved = resample(tone(share / 2, time), 2, 1)
        want = tone(share, torch.arange(2000, dtype=torch.float64))
        assert waveform.below_db(middle(want), middle(halved)) > below_db
    above = middle(resample(tone(0.6, time), 2, 1))
    assert above.abs().max() < 1e-3
    torch.testing.assert_close(resample(torch.ones(1, 2, 50), 1, 2), torch.ones(1, 2, 100))


@pytest.mark.parametrize("changes", [{}, V1, V2])
def test_gradient_reaches_every_parameter(changes: dict) -> None:
    network = Demucs(DemucsConfig(**dict(changes) | TINY))
    assert waveform.unreached(network, torch.randn(2, 2, 2000)) == set()


def test_one_batch_is_overfitted() -> None:
    torch.manual_seed(0)
    network = Demucs(DemucsConfig(**MONO, width=8, depth=3, resample=False))
    assert waveform.overfit(network, waveform.two_voices(), steps=150, rate=1e-2) > 15


def test_initial_weights_are_brought_together() -> None:
    torch.manual_seed(0)
    network = Demucs(DemucsConfig(width=16, depth=4))
    torch.manual_seed(0)
    plain = torch.nn.Conv1d(2, 16, 8, 4).requires_grad_(False)  # drawn first there too
    scale = math.sqrt(float(plain.weight.std()) / 0.1)
    conv = network.encoder[0].conv.requires_grad_(False)
    torch.testing.assert_close(conv.weight, plain.weight / scale)
    torch.testing.assert_close(conv.bias, plain.bias / scale)


def test_behind_the_contract() -> None:
    weights = waveform.random_arrays(Demucs(DemucsConfig(**MONO, **TINY)))
    waveform.check_behind_the_contract("demucs", TINY, weights)


def test_published_sizes() -> None:
    """266M and 649M parameters (Défossez et al. 2021, table 1; 2019)."""
    for settings, parameters in ((V2, 265_679_496), (V1, 648_548_208)):
        config = DemucsConfig(**settings)
        assert waveform.parameters(lambda c=config: Demucs(c)) == parameters


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"context": 2}, "context is odd"),
        ({"stride": 9}, "stride is 1 to kernel"),
        ({"depth": 0}, "at least 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(("a", "b"), 1, config, {})
