"""DNN, DRNN and LSTM masks: the masking layer, what recurs, trainable, any length."""

import pytest
import torch

from tests.models.networks import waveform
from unweave.models.mask_inference.model import MaskInference, MaskInferenceConfig

SMALL = {"frame_size": 128, "hop": 64, "width": 16}
MONO = {"stems": ("voice", "accompaniment"), "channels": 1}
KINDS = {
    "dnn": {"recurrent": ()},
    "drnn-2": {"recurrent": (2,)},
    "srnn": {"recurrent": (1, 2, 3)},
    "blstm": {"recurrent": (2, 3), "lstm": True, "exponent": 0.5, "context": 1},
}


def made(kind: str, **changes: object) -> MaskInference:
    torch.manual_seed(0)
    return MaskInference(MaskInferenceConfig(**{**SMALL, **MONO, **KINDS[kind], **changes}))


@pytest.mark.parametrize("kind", KINDS)
def test_segments(kind: str) -> None:
    network = made(kind, channels=2, stems=("a", "b", "c")).eval()
    waveform.check_segments(network, channels=2, stems=3, lengths=(1, 63, 64, 65, 1001))


@pytest.mark.parametrize("kind", KINDS)
def test_the_masking_layer_sums_to_the_mix(kind: str) -> None:
    network, mix = made(kind), torch.randn(2, 1, 1000)
    with torch.inference_mode():
        masks = network.masks(network.transform.analyse(mix))
        stems = network(mix)
    assert masks.min() >= 0
    torch.testing.assert_close(masks.sum(1), torch.ones_like(masks[:, 0]))
    torch.testing.assert_close(stems.sum(1), mix, atol=1e-5, rtol=1e-5)


def test_the_masking_layer_as_the_paper_writes_it() -> None:
    network = made("dnn")
    spectrum = network.transform.analyse(torch.randn(1, 1, 640))
    x = network.neighbours((spectrum.abs() / float(level_of(spectrum)))[:, 0])
    for layer in network.layers:
        x = (x @ layer.linear.weight.T + layer.linear.bias).clamp(min=0)
    a, b = network.out(x).abs().chunk(2, dim=-1)
    expected = a / (a + b + 1e-10) * spectrum[:, 0]
    torch.testing.assert_close(network.estimate(spectrum)[:, 0, 0], expected)


def level_of(spectrum: torch.Tensor) -> torch.Tensor:
    return spectrum.abs().square().mean((1, 3)).mean().sqrt()


def test_context_is_the_frame_between_its_neighbours_with_edges_repeated() -> None:
    x = torch.arange(8.0).reshape(1, 4, 2)
    rows = made("dnn").neighbours(x)[0].tolist()
    assert rows[0] == [0, 1, 0, 1, 2, 3]
    assert rows[1] == [0, 1, 2, 3, 4, 5]
    assert rows[3] == [4, 5, 6, 7, 6, 7]


@pytest.mark.parametrize(
    ("kind", "back", "ahead"),
    [("dnn", False, False), ("drnn-2", True, False), ("srnn", True, False), ("blstm", True, True)],
)
def test_what_recurs_remembers_and_an_lstm_sees_ahead(kind: str, back: bool, ahead: bool) -> None:
    network = made(kind)
    x = torch.randn(1, 9, network.config.context * 65, requires_grad=True)
    y = x
    for layer in network.layers:
        y = layer(y)
    y[:, 4].square().sum().backward()
    reach = x.grad.abs().amax((0, 2))
    assert bool(reach[:4].any()) == back
    assert reach[4] > 0
    assert bool(reach[5:].any()) == ahead


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_reaches_every_parameter(kind: str) -> None:
    assert waveform.unreached(made(kind), torch.randn(2, 1, 2000)) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision(kind: str) -> None:
    waveform.check_mixed_precision(made(kind), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_one_batch_is_overfitted(kind: str) -> None:
    assert waveform.overfit(made(kind, width=64), waveform.two_voices(), 60, 1e-2) > 12


@pytest.mark.parametrize("kind", KINDS)
def test_behind_the_contract(kind: str) -> None:
    weights = waveform.random_arrays(made(kind))
    config = SMALL | KINDS[kind]
    waveform.check_behind_the_contract("mask_inference", config, weights, additive=True)


def test_the_published_size() -> None:
    with torch.device("meta"):
        network = MaskInference(MaskInferenceConfig())
    weights = 1539 * 1000 + 2 * 1000 * 1000 + 1000 * 1026 + 1000 * 1000
    biases = 1000 + 2 * 1000 + 1000 + 1026
    assert sum(p.numel() for p in network.parameters()) == weights + biases


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"context": 2}, "context"), ({"recurrent": (4,)}, "recurrent"),
     ({"width": 5, "lstm": True}, "width")],
)  # fmt: skip
def test_settings_that_mean_nothing(changes: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        MaskInferenceConfig(**changes)
