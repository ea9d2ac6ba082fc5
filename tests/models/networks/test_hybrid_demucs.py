"""Hybrid Demucs: equal to the original, trainable, any length; its parts by plain definitions."""

import math
from dataclasses import replace

import pytest
import torch

from tests.models.networks import waveform
from unweave.models.cards import Card
from unweave.models.hybrid_demucs.convert import convert
from unweave.models.hybrid_demucs.model import HybridDemucs, HybridDemucsConfig, build
from unweave.models.layers import fast_levels
from unweave.models.layers.spectra import Spectra
from unweave.models.layers.waveform import Blstm, LocalAttention, TwoWays

SMALL = {"width": 8, "frame_size": 256, "norm_from": 2, "lstm_from": 2, "attention_from": 2}


def narrow(card: Card) -> Card:
    """A card's network made small, with segments of less than a second."""
    plan = replace(card.segment, length=8192, hop=6144)
    size = {"frame_size": 1024} if card.config.get("bands") else {}  # a band has a few bins
    return replace(card, config={**card.config, **SMALL, **size}, segment=plan)


MONO = {"stems": ("voice", "accompaniment"), "channels": 1}


@pytest.mark.parametrize(
    "name",
    ["hybrid_demucs", "hybrid_demucs_old", "hybrid_demucs_magnitudes", "hybrid_demucs_bands"],
)
def test_equals_the_original(name: str) -> None:
    pair = waveform.recorded(name)
    network = build(pair.stem_names, pair.channels, pair.config, convert({"weights": pair.weights}))
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, network(pair.mix)) > 122


@pytest.mark.parametrize("name", ["hybrid_demucs", "hybrid_demucs_bands"])
def test_equals_the_original_when_rearranged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_levels, "NUMBERS_AT_ONCE", 3000)  # several groups, the last smaller
    monkeypatch.setattr(fast_levels, "FRAMES_AT_ONCE", 10)
    monkeypatch.setattr(fast_levels, "BINS_AT_ONCE", 4)
    pair = waveform.recorded(name)
    network = build(pair.stem_names, pair.channels, pair.config, convert({"weights": pair.weights}))
    network.prepare_for_cpu()
    with torch.inference_mode():
        assert waveform.below_db(pair.stems, network(pair.mix)) > 122
    waveform.check_idle_threads(network, pair.mix)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"old_padding": True},
        {"shared_levels": 0},
        {"shared_levels": 2},
        {"stride": 2},
        {"magnitudes": True},
        {"bands": (0.1, 0.3), "banded_levels": 1},
    ],
)
def test_segments(changes: dict) -> None:
    settings = SMALL | changes
    if "stride" in changes:
        settings |= {"frame_size": 64}
    network = HybridDemucs(HybridDemucsConfig(**settings)).eval()
    waveform.check_segments(network, channels=2, stems=4, lengths=(1, 2, 63, 64, 65, 1000))


def test_gradient_reaches_every_parameter() -> None:
    """But for the biases of attention's keys: they add the same to all logits that compete."""
    network = HybridDemucs(HybridDemucsConfig(**SMALL))
    left = waveform.unreached(network, torch.randn(2, 2, 3000))
    assert {name for name in left if not name.endswith("attention.key.bias")} == set()


def test_one_batch_is_overfitted() -> None:
    torch.manual_seed(0)
    network = HybridDemucs(HybridDemucsConfig(**MONO, **SMALL | {"frame_size": 64}))
    assert waveform.overfit(network, waveform.two_voices(), steps=100, rate=1e-2) > 15


@pytest.mark.parametrize("length", [1, 64, 100, 1000])
def test_waves_of_spectra_are_the_waves(length: int) -> None:
    time = torch.arange(length)
    wave = torch.stack([torch.cos(0.7 * time), torch.cos(0.2 * time)])[None]
    spectra = Spectra(256)
    parts = spectra.analyse(wave)
    assert parts.shape == (1, 4, 128, math.ceil(length / 64))
    back = spectra.synthesise(parts, length, torch.zeros(1), torch.ones(1))
    assert back.shape == wave.shape
    # The ends lack frames that would reach over them, and everything lacks the top bin.
    assert length < 1000 or waveform.below_db(wave[..., 160:-160], back[..., 160:-160]) > 95


def test_spectra_are_those_of_frames_around_the_hops() -> None:
    wave = torch.randn(1, 1, 1000)
    parts = Spectra(256).analyse(wave)
    window = torch.hann_window(256)
    start = 5 * 64 - 96
    frame = torch.fft.rfft(wave[0, 0, start : start + 256] * window) / 16
    torch.testing.assert_close(parts[0, 0, :, 5], frame.real[:-1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(parts[0, 1, :, 5], frame.imag[:-1], atol=1e-5, rtol=1e-4)


def test_local_attention_by_its_definition() -> None:
    torch.manual_seed(0)
    layer, x = LocalAttention(8, heads=2, decays=3), torch.randn(1, 8, 11)
    torch.nn.init.normal_(layer.decay.weight)
    with torch.inference_mode():
        got = layer(x)
        q, k, v, gates = (f(x)[0] for f in (layer.query, layer.key, layer.content, layer.decay))
        mixed = torch.zeros(8, 11)
        for head in range(2):
            some = slice(4 * head, 4 * head + 4)
            for at in range(11):
                logits = torch.zeros(11)
                for other in range(11):
                    logits[other] = q[some, at] @ k[some, other] / 2
                    for decay in range(3):
                        gate = torch.sigmoid(gates[3 * head + decay, at]) / 2
                        logits[other] -= (decay + 1) * abs(at - other) * gate / math.sqrt(3)
                logits[at] = -100
                mixed[some, at] = v[some] @ logits.softmax(0)
        want = x + layer.project(mixed[None])
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("time", [9, 12, 13, 37])
def test_chunked_lstm_keeps_the_middle_of_each_chunk(time: int) -> None:
    torch.manual_seed(0)
    layer, x = Blstm(4, chunk=8), torch.randn(2, 4, time)
    with torch.inference_mode():
        got = layer(x)
        filled = torch.nn.functional.pad(x, (0, 8))
        want = torch.zeros_like(x)
        for first in range(0, time, 4):
            chunk = layer.steps(filled[..., first : first + 8])
            keep = range(0 if first == 0 else 2, 8)  # the next chunk overwrites the end
            for n in keep:
                if first + n < time:
                    want[..., first + n] = chunk[..., n]
    torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
def test_lstm_is_the_same_with_its_directions_apart(layers: int) -> None:
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(6, 5, num_layers=layers, bidirectional=True)
    with torch.inference_mode():
        x = torch.randn(9, 2, 6)
        torch.testing.assert_close(TwoWays(lstm)(x)[0], lstm(x)[0], atol=1e-6, rtol=1e-5)


def test_behind_the_contract() -> None:
    weights = waveform.random_arrays(HybridDemucs(HybridDemucsConfig(**MONO, **SMALL)))
    waveform.check_behind_the_contract("hybrid_demucs", SMALL, weights)


def test_published_size() -> None:
    counted = waveform.parameters(lambda: HybridDemucs(HybridDemucsConfig()))
    assert counted == 83_637_832  # 84M (Défossez 2021)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frame_size": 2048}, "4 times a power of the stride"),
        ({"frame_size": 4096, "stride": 1}, "4 times a power of the stride"),
        ({"frame_size": 16}, "at least 64"),
        ({"width": 7}, "width is at least 8"),
        (SMALL | {"attention_from": 0}, "attention of 4 heads"),
    ],
)
def test_settings_that_mean_nothing_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(("a", "b"), 1, config, {})
