"""Hybrid Demucs rearranged for inference on a CPU: the same sums, fewer trips to memory.

The levels that are neither normalised nor banded become those of `models/layers/fast_levels.py`,
and the two directions of an LSTM may run side by side.

`tests/models/networks/test_hybrid_demucs.py` holds this equal to the readable network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

from unweave.models.layers.fast_levels import BinsDown, BinsUp, TimeDown, TimeUp
from unweave.models.layers.waveform import Blstm, TwoWays

if TYPE_CHECKING:
    from unweave.models.hybrid_demucs.model import HybridDemucs

Made = Callable[[nn.Module], nn.Module]


def rearrange(network: HybridDemucs) -> None:
    """Put rearranged levels and LSTMs in the place of the readable ones."""
    config = network.config
    deep = min(config.norm_from, config.lstm_from, config.attention_from)

    def levels(found: nn.ModuleList, make: Made) -> nn.ModuleList:
        plain = [one.level.number < deep and not one.level.banded for one in found]
        return nn.ModuleList(
            make(one) if fits else one for one, fits in zip(found, plain, strict=True)
        )

    network.spectrum_down = levels(network.spectrum_down, _down(BinsDown))
    network.time_down = levels(network.time_down, _down(TimeDown))
    if config.context == 1:
        network.spectrum_up = levels(network.spectrum_up, _up(BinsUp))
        network.time_up = levels(network.time_up, _up(TimeUp))
    for one in [*network.modules()]:
        if isinstance(one, Blstm) and isinstance(one.lstm, nn.LSTM):
            one.lstm = TwoWays(one.lstm)


def _down(kind: type[BinsDown] | type[TimeDown]) -> Made:
    return lambda level: kind(level.conv, level.residual, level.rewrite)


def _up(kind: type[BinsUp] | type[TimeUp]) -> Made:
    return lambda level: kind(
        level.gate.conv, None, level.stretch.conv, outermost=level.level.number == 0
    )
