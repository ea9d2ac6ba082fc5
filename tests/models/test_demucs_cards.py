"""Cards of Demucs v1 to v3 and Conv-TasNet: networks of the published sizes, cut as published.

Entries and values are those of the original classes (demucs 4.1.0 and 2.0.3) with the settings of
each model. Those of the four members of `mdx` and that of `hdemucs_mmi` are, as float16, as large
as files of them that others made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.contract import trials
from tests.models.networks import waveform
from unweave.engine.adapters.bag import Bag
from unweave.engine.adapters.ensemble import Ensemble
from unweave.engine.adapters.track_normalised import TrackNormalised
from unweave.models import architectures, cards
from unweave.models.layers.waveform import Blstm

PUBLISHED = [
    ("hdemucs_mmi", 395, 83_637_832),
    ("mdx_0d19c1c6", 252, 88_984_040),
    ("mdx_7ecf8ec1", 252, 88_984_040),
    ("mdx_c511e2ab", 377, 83_607_872),
    ("mdx_7d865c68", 481, 83_884_248),
    ("mdx_extra_e51eebcc", 395, 83_637_832),
    ("mdx_extra_a1d90b5c", 395, 83_633_984),
    ("mdx_extra_5d2d6c55", 395, 83_633_984),
    ("mdx_extra_cfa93e08", 395, 83_637_832),
    ("repro_mdx_a_9a6b4851", 284, 133_753_064),
    ("repro_mdx_a_1ef250f1", 284, 133_753_064),
    ("repro_mdx_a_fa0cb7f9", 395, 83_637_832),
    ("repro_mdx_a_902315c2", 395, 83_637_832),
    ("demucs", 66, 265_679_496),
    ("demucs_extra", 66, 265_679_496),
    ("demucs48_hq", 66, 149_462_504),
    ("tasnet", 366, 10_977_872),
    ("tasnet_extra", 366, 10_977_872),
    ("demucs_light", 66, 265_679_496),
    ("demucs_light_extra", 66, 265_679_496),
]


@cache
def network(name: str) -> nn.Module:
    card = cards.card(name)
    config, kind = architectures.model(card.architecture).NETWORK
    with torch.device("meta"):
        made: nn.Module = kind(config(stems=card.stems, channels=card.channels, **card.config))
    return made


@pytest.mark.parametrize(("name", "entries", "values"), PUBLISHED)
def test_the_network_is_that_of_the_published_file(name: str, entries: int, values: int) -> None:
    state = network(name).state_dict()
    assert len(state) == entries
    assert sum(value.numel() for value in state.values()) == values


@pytest.mark.parametrize("name", [name for name, _, _ in PUBLISHED])
def test_segments_are_what_the_network_takes(name: str) -> None:
    """For whole segments and short ones, what the original pads each to."""
    card = cards.card(name)
    plan, made = card.segment, network(name)
    if plan.edge == "short":  # v1, which pads by itself
        return
    takes = made.valid_length if card.architecture == "demucs" else lambda length: length
    song = 3 * plan.hop
    for left in (plan.kept, plan.kept - 1, plan.kept // 2, 44100, 9001):
        start, stop, kept = plan.contents(0, left)
        assert (stop - start, kept - start) == (takes(left), (takes(left) - left) // 2)
    assert plan.hop == int(0.75 * plan.kept)
    assert plan.contents(1, song)[2] == plan.hop


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mdx", Ensemble),
        ("mdx_extra", Bag),
        ("repro_mdx_a", Ensemble),
        ("repro_mdx_a_time_only", Bag),
        ("repro_mdx_a_hybrid_only", Bag),
    ],
)
def test_the_level_of_a_recording_is_taken_out_once_for_a_whole_bag(name: str, kind: type) -> None:
    """Members that take other segments than their neighbours are an ensemble."""
    made = trials.with_random_weights(name)
    assert isinstance(made, TrackNormalised)
    assert isinstance(made.separator, kind)
    assert not any(isinstance(member, TrackNormalised) for member in made.separator.members)


def to_tanh() -> Callable[[torch.Tensor], torch.Tensor]:
    exact = F.gelu
    return lambda x, approximate="none": exact(x, approximate="tanh")


def other_epsilon(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.eps = 1e-4


def whole_lstm(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, Blstm):
            module.chunk = None


def nothing(network: nn.Module) -> None:
    pass


@pytest.mark.parametrize(
    ("broken", "gelu", "equal"),
    [
        (nothing, None, True),
        (nothing, to_tanh, False),
        (other_epsilon, None, False),
        (whole_lstm, None, False),
    ],
)
def test_one_broken_operator_is_heard(
    broken: Callable[[nn.Module], None],
    gelu: Callable[[], Callable[[torch.Tensor], torch.Tensor]] | None,
    equal: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The recorded pair lies below 100 dB with GELU by tanh, another epsilon, an LSTM in one go."""
    pair = waveform.recorded("demucs_v3")
    if gelu is not None:
        monkeypatch.setattr(F, "gelu", gelu())
    weights = architectures.converter("demucs")({"": pair.weights})
    build = architectures.model("demucs").build
    made = build(pair.stem_names, pair.channels, pair.config, weights)
    broken(made)
    with torch.inference_mode():
        assert (waveform.below_db(pair.stems, made(pair.mix)) > 100) == equal
