"""A track whose stems are files of their own, whatever the folders are called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unweave.datasets import _find
from unweave.datasets._audio import Header
from unweave.datasets.track import ACCOMPANIMENT, Part, Sum, Track

MIXES = ("mixture", "mix")


def track_of(
    name: str, split: str, files: Mapping[str, Path], errors: _find.Errors
) -> Track | None:
    """The track made of `files`, by stem; one may be the mix, else the mix is the sum.

    All must have one rate, channel count and length. None, with what is wrong in `errors`, where
    that is not so.
    """
    headers = {stem: errors.header(file) for stem, file in files.items()}
    sure = {stem: header for stem, header in headers.items() if header is not None}
    if len(sure) < len(headers) or not alike(sure, files, errors):
        return None
    parts = {stem: Part(file) for stem, file in files.items() if stem not in MIXES}
    stems = tuple(parts)
    if ACCOMPANIMENT in parts and set(stems) - {ACCOMPANIMENT, "vocals"}:
        stems = tuple(stem for stem in stems if stem != ACCOMPANIMENT)
    if not stems:
        errors.add(next(iter(files.values())), "is a mix without stems")
        return None
    mix = next((Part(files[mix]) for mix in MIXES if mix in files), None)
    header = next(iter(sure.values()))
    return Track(
        name=name,
        split=split,
        sample_rate_hz=header.sample_rate_hz,
        channels=header.channels,
        samples=header.samples,
        stems=stems,
        files=tuple(files.values()),
        mixture=mix or Sum(tuple(parts[stem] for stem in stems)),
        sources=parts,
    )


def alike(
    headers: Mapping[str, Header],
    files: Mapping[str, Path],
    errors: _find.Errors,
    *,
    length_too: bool = True,
) -> bool:
    """Whether all have one rate, channel count and length; an error for each unlike the first."""
    first = next(iter(headers))
    wanted, so_far = headers[first], len(errors.found)
    for stem, header in headers.items():
        pairs = [
            (header.sample_rate_hz, wanted.sample_rate_hz, "Hz"),
            (header.channels, wanted.channels, "channel(s)"),
            (header.samples, wanted.samples, "samples"),
        ]
        for has, must, unit in pairs if length_too else pairs[:2]:
            if has != must:
                errors.add(files[stem], f"has {has} {unit}, {files[first].name} has {must}")
                break
    return len(errors.found) == so_far
