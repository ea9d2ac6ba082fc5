"""Checkpoints of Music Source Separation Training (MSST): how its YAML says that they are run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unweave.models.layers.recognise import Settings, Told, table

OVERLAP = 4  # where nobody says: as in most of its configurations


def told(settings: Settings) -> Told:
    """What stands in a file of MSST; tables `model` and `training` count before the others."""
    found = Told(settings, "model")
    found.values = {**table(settings, "audio"), **table(settings, "inference"), **found.values}
    return found


def facts(told: Told, stems: int, chunk: int, published: Sequence[str]) -> dict[str, object]:
    """What a card says of any network that MSST runs, but for what it is built of.

    stems: how many it makes. chunk: the samples that it takes at once, published: what its stems
    are called, where nobody says. A recording is cut and joined as `demix` of MSST does it: each
    sample lies in `num_overlap` chunks, which fade over a tenth of their length. Raises
    WeightsError.
    """
    target = told.values.get("target_instrument")
    alone = stems == 1 and isinstance(target, str)
    if alone:
        told.values["sources"] = [target]
    rate = told.sample_rate_hz("sample_rate")
    length = int(told.get("chunk_size", chunk, f"chunks of {chunk} samples"))
    overlap = int(told.get("num_overlap", OVERLAP, f"{OVERLAP} chunks over each sample"))
    names = told.stems(stems, published)
    return {
        "stems": names,
        **({"target": names[0]} if alone else {}),
        "sample_rate_hz": rate,
        "normalise_track": told.get("normalize", False),
        "segment": segment(length, overlap),
    }


def segment(length: int, overlap: int) -> Mapping[str, object]:
    """A card's segment for chunks of `length` samples, of which each sample lies in `overlap`."""
    return {
        "length": length,
        "hop": length // overlap,
        "window": "linear",
        "fade": length // 10,
        "edge": "reflect",
    }
