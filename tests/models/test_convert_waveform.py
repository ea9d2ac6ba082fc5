"""asteroid's and the Demucs authors' weights arrive under our names; others are refused.

That the renamed weights give the original's output is in tests/networks.
"""

import numpy as np
import pytest

from tests.models.networks.waveform import recorded
from unweave.errors import WeightsError
from unweave.models import architectures

PAIRS = [
    ("conv_tasnet", "conv_tasnet_asteroid_skip"),
    ("conv_tasnet", "conv_tasnet_music"),
    ("demucs", "demucs_v2"),
    ("demucs", "demucs_padded"),
    ("hybrid_demucs", "hybrid_demucs"),
    ("htdemucs", "htdemucs"),
    ("htdemucs", "htdemucs_plain"),
]


@pytest.mark.parametrize(("family", "name"), PAIRS)
def test_nothing_is_lost(family: str, name: str) -> None:
    theirs = dict(recorded(name).weights)
    ours = architectures.converter(family)({"weights": theirs})
    assert len(ours) == len(theirs)
    assert sorted(float(v.sum(dtype="f4")) for v in ours.values()) == pytest.approx(
        sorted(float(v.sum(dtype="f4")) for v in theirs.values()), abs=1e-5
    )


def test_names_say_what_a_layer_is() -> None:
    def ours(family: str, name: str) -> dict[float, str]:
        convert = architectures.converter(family)
        pair = recorded(name).weights
        marked = {k: np.full_like(v, n) for n, (k, v) in enumerate(pair.items())}
        at = {k: n for n, k in enumerate(pair)}
        back = {int(v.flat[0]): k for k, v in convert({"weights": marked}).items()}
        return {k: back[n] for k, n in at.items()}

    names = ours("hybrid_demucs", "hybrid_demucs")
    assert names["encoder.2.dconv.layers.1.3.linear.bias"] == "meet.residual.1.lstm.linear.bias"
    start = "shared_down.0.residual.0"
    assert names["encoder.3.dconv.layers.0.4.proj.weight"] == f"{start}.attention.project.weight"
    assert names["encoder.3.dconv.layers.0.5.weight"] == f"{start}.expand.weight"
    assert names["encoder.1.dconv.layers.0.4.weight"] == "spectrum_down.1.residual.0.expand.weight"
    assert names["encoder.0.dconv.layers.0.6.scale"] == "spectrum_down.0.residual.0.scale.scale"
    assert names["tencoder.2.conv.bias"] == "merge.bias"
    assert names["decoder.0.norm2.bias"] == "shared_up.0.stretch.norm.bias"
    assert names["decoder.1.rewrite.weight"] == "part.gate.conv.weight"
    assert names["decoder.3.conv_tr.weight"] == "spectrum_up.1.stretch.conv.weight"
    assert names["tdecoder.0.conv_tr.weight"] == "part_time.conv.weight"
    assert names["tdecoder.2.rewrite.bias"] == "time_up.1.gate.conv.bias"
    names = ours("htdemucs", "htdemucs")
    assert names["tencoder.1.dconv.layers.1.3.bias"] == "time_down.1.residual.1.expand.bias"
    assert names["decoder.0.rewrite.weight"] == "spectrum_up.0.gate.weight"
    start = "crosstransformer.layers"
    assert names[f"{start}_t.0.norm2.bias"] == "transformer.time.0.norm_forward.bias"
    assert names[f"{start}.1.norm2.bias"] == "transformer.spectrum.1.norm_other.bias"
    assert names[f"{start}.1.norm3.bias"] == "transformer.spectrum.1.norm_forward.bias"
    names = ours("conv_tasnet", "conv_tasnet_music")
    # The second repeat's first block is the fourth of all.
    assert names["separator.network.2.1.0.net.3.net.1.weight"] == "blocks.3.prelu2.weight"
    names = ours("conv_tasnet", "conv_tasnet_asteroid_skip")
    assert names["masker.TCN.5.shared_block.5.gamma"] == "blocks.5.norm2.weight"


@pytest.mark.parametrize(("family", "name"), PAIRS)
@pytest.mark.parametrize(
    "stranger", ["more", "encoder.9", "encoder.0.more.weight", "other.0.conv.weight"]
)
def test_unknown_parameters_are_refused(family: str, name: str, stranger: str) -> None:
    theirs = recorded(name).weights | {stranger: np.zeros(3, np.float32)}
    with pytest.raises(WeightsError, match="unknown parameter"):
        architectures.converter(family)({"weights": theirs})
