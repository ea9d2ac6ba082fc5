"""What is known of the RoFormers before they are built: see `models/roformer/model.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ADDED, BARE = "added", "bare"  # forms of `value_residual`
REVISION = 2  # goes up when the same weights give other bytes than before
ROWS_BYTES = 64e6  # of what goes through a block at a time: `TOKENS_AT_ONCE` of fast.py
USUAL_BANDS = 62  # of BS-RoFormers


def bytes_per_sample(config: Mapping[str, Any], stems: int, channels: int, samples: int) -> float:
    """Working memory for a sample of a segment of `samples`, of a network with these settings.

    Two sets of tokens and four of the spectrum's numbers, of each hop; the stems; and rows.
    """
    from unweave.models.roformer.bands import on_mel_scale

    frame, bands = config.get("frame_size", 2048), config.get("mel_bands", 0)
    bins = frame // 2 + 1
    if bands:
        edges = on_mel_scale(bands, config.get("mel_rate_hz", 44100), frame)
        bins = sum(end - first for first, end in edges)
    tokens = (bands or len(config.get("bands", ())) or USUAL_BANDS) * config.get("width", 256)
    per_hop = 4 * (2 * tokens + 4 * 2 * channels * bins)
    hop = max(config.get("hop", 512), 1)
    return per_hop / hop + 16 * stems * channels + ROWS_BYTES / max(samples, 1)


def additive(options: Mapping[str, object]) -> bool:
    """Every stem is made by itself, but for one that is what the others leave of the mix."""
    return bool(options.get("remainder", False))
