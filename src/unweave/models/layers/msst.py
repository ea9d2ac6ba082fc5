"""Checkpoints of Music Source Separation Training (MSST): how its YAML says that they are run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unweave.errors import WeightsError, quoted
from unweave.models.layers.recognise import Settings, Told, table

OVERLAP = 4  # where nobody says: as in its own configurations


def told(settings: Settings) -> Told:
    """What stands in a file of MSST; tables `model` and `training` count before the others."""
    settings = {**table(settings, "config"), **settings}  # newer checkpoints hold their YAML
    found = Told(settings, "model")
    found.values = {**table(settings, "audio"), **table(settings, "inference"), **found.values}
    return found


def facts(told: Told, heads: int, chunk: int, published: Sequence[str]) -> dict[str, object]:
    """What a card says of any network that MSST runs, but for what it is built of.

    heads: how many stems the network makes. A card has a `complement` where one more is what they
    leave of the mix. chunk: the samples that it takes at once, published: what its stems are
    called, where nobody says. Raises WeightsError.
    """
    names = _alone(told) if heads == 1 else []
    stems = names or told.stems(heads, published)
    rate = told.sample_rate_hz("sample_rate")
    length = int(told.get("chunk_size", chunk, f"chunks of {chunk} samples"))
    overlap = int(told.get("num_overlap", OVERLAP, f"{OVERLAP} chunks over each sample"))
    return {
        "stems": stems,
        **dict(zip(("target", "complement"), names, strict=False)),
        "sample_rate_hz": rate,
        "normalise_track": told.get("normalize", False),
        "segment": segment(length, overlap),
    }


def segment(length: int, overlap: int) -> dict[str, Any]:
    """A card's segment for chunks of `length` samples, each sample in `overlap` of them, that fade
    over a tenth of their length, as `demix` of MSST cuts and joins them. Raises WeightsError."""
    if not 1 <= overlap <= length:
        raise WeightsError(f"its setting 'num_overlap' is 1 or more; got {quoted(overlap)}")
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
    nothing where they name none to train for."""
    target, names = told.values.get("target_instrument"), told.values.get("sources")
    if not isinstance(target, str) or not target:
        return []
    known = names if isinstance(names, (list, tuple)) else ()
    others = [each.lower() for each in known if isinstance(each, str)]
    others = [each for each in others if each != target.lower()]
    return [target.lower(), *(others if len(others) == 1 and others != ["residual"] else [])]
