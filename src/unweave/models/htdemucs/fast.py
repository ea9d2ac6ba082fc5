"""HT Demucs rearranged for inference on a CPU: see `models/layers/fast_levels.py`.

`tests/models/networks/test_htdemucs.py` holds this equal to the readable network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from unweave.models.layers.fast_levels import BinsDown, BinsUp, TimeDown, TimeUp

if TYPE_CHECKING:
    from unweave.models.htdemucs.model import HTDemucs


def rearrange(network: HTDemucs) -> None:
    """Put rearranged levels in the place of the readable ones."""
    network.spectrum_down = nn.ModuleList(
        BinsDown(level.conv, level.residual, level.rewrite) for level in network.spectrum_down
    )
    network.time_down = nn.ModuleList(
        TimeDown(level.conv, level.residual, level.rewrite) for level in network.time_down
    )
    if network.config.context == 1:
        network.spectrum_up = nn.ModuleList(
            BinsUp(level.gate, level.residual, level.stretch, outermost=level.outermost)
            for level in network.spectrum_up
        )
        network.time_up = nn.ModuleList(
            TimeUp(level.gate, level.residual, level.stretch, outermost=level.outermost)
            for level in network.time_up
        )
