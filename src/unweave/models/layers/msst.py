"""Checkpoints of Music Source Separation Training (MSST): how its YAML says that they are run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unweave.models.layers.recognise import LARGEST, Settings, Told, table

OVERLAP = 4  # where nobody says: as in its own configurations


def told(settings: Settings) -> Told:
    """What stands in a file of MSST; tables `model` and `training` count before the others."""
    settings = {**table(settings, "config"), **settings}  # newer checkpoints hold their YAML
    found = Told(settings, "model")
    found.values = {**table(settings, "audio"), **table(settings, "inference"), **found.values}
    return found


def facts(
    told: Told, heads: int, chunk: int, published: Sequence[str], frame: int
) -> dict[str, object]:
    """What a card says of any network that MSST runs, but for what it is built of.

    heads: how many stems the network makes. A card has a `complement` where one more is what they
    leave of the mix. chunk: the samples that it takes at once, published: what its stems are
    called, where nobody says. frame: samples of its transform, which no chunk is shorter than.
    Raises WeightsError.
    """
    names = _alone(told) if heads == 1 else []
    stems = names or told.stems(heads, published)
    rate = told.sample_rate_hz("sample_rate")
    chunks = frame, LARGEST
    length = int(told.get("chunk_size", chunk, f"chunks of {chunk} samples", chunks))
    overlaps = 1, length
    overlap = int(told.get("num_overlap", OVERLAP, f"{OVERLAP} chunks over each sample", overlaps))
    return {
        "stems": stems,
        **dict(zip(("target", "complement"), names, strict=False)),
        "sample_rate_hz": rate,
        "normalise_track": told.get("normalize", False),
        "segment": segment(length, overlap),
    }


def segment(length: int, overlap: int) -> dict[str, Any]:
    """A card's segment for chunks of `length` samples, each sample in `overlap` of them, that fade
    over a tenth of their length, as `demix` of MSST cuts and joins them."""
    if overlap == 1:  # nothing overlaps, and nothing fades
        return {"length": length, "hop": length, "window": "none", "edge": "reflect"}
    return {
        "length": length,
        "hop": length // overlap,
        "window": "linear",
        "fade": length // 10,
        "edge": "reflect",
    }


def _alone(told: Told) -> list[str]:
    """The stem that a network is trained for, and the other one, if its settings name one other;
    nothing where they name none to train for. Raises WeightsError."""
    target = told.get("target_instrument", "")
    if not target:
        return []
    names = told.names()
    if not names:
        told.assume(f"no name for what the {target.lower()} leave of the mix")
    others = [each for each in names if each != target.lower()]
    return [target.lower(), *(others if len(others) == 1 and others != ["residual"] else [])]
