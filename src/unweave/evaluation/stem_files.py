"""Files of stems: which sound files a folder holds, and whether they can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from unweave.core.files import shown
from unweave.datasets._find import is_sound
from unweave.errors import InputError
from unweave.evaluation import pairing, rounding
from unweave.types import Wave

_CUT, _PADDED = ": cut", ": padded"  # how a warning of a change ends
_MIXES = ("mix", "mixture")  # what may lie beside stems and is none


def find(place: Path) -> Mapping[str, Path]:
    """The sound files of a folder by stem (their names in lower case), or a single file.

    Raises InputError where there is nothing, or two files of one stem.
    """
    if place.is_file():
        return {place.stem.lower(): place}
    if not place.is_dir():
        raise InputError(f"{shown(place)}: no such file or folder; check the spelling")
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        stem = path.stem.lower()
        if not path.is_file() or not is_stem(path.name):
            continue
        if stem in found:
            raise InputError(
                f"{shown(path)}: is the same stem as {shown(found[stem].name)}; keep one of them"
            )
        found[stem] = path
    if not found:
        raise InputError(f"{shown(place)}: holds no sound files; give a folder of stems")
    return found


def is_stem(name: str) -> bool:
    """Whether a file of that name is a stem: sound, not hidden, and not the mix beside stems."""
    path = Path(name)
    return is_sound(path) and not name.startswith(".") and path.stem.lower() not in _MIXES


def check_distinct(paths: Iterable[Path]) -> None:
    """Raises InputError, naming both, where two files mean the same stem by other words."""
    by_stem = {path.stem.lower(): path for path in paths}
    if found := pairing.clash(by_stem):
        one, other = (by_stem[stem] for stem in found)
        raise InputError(
            f"{shown(other)}: is the same stem as {shown(one.name)}; keep one of them, or map "
            "one of the estimates with --map"
        )


def check_alike(
    references: Sequence[Path], estimates: Sequence[Path]
) -> tuple[int, tuple[str, ...]]:
    """The rate in Hz that all files have, and the lossy codecs of the references.

    Raises InputError, naming two, where rates or channel counts differ.
    """
    from unweave.audio.reader import probe

    paths = (*references, *estimates)
    infos = [probe(path) for path in paths]
    first = infos[0]
    for path, info in zip(paths, infos, strict=True):
        pairs = (
            ("Hz", info.sample_rate_hz, first.sample_rate_hz),
            ("channel(s)", info.channels, first.channels),
        )
        for unit, is_, must in pairs:
            if is_ != must:
                raise InputError(
                    f"{shown(path)}: has {is_} {unit}, {shown(paths[0])} has {must}; "
                    "convert one of them"
                )
    lossy = {info.codec for info in infos[: len(references)] if info.lossy}
    return first.sample_rate_hz, tuple(sorted(lossy))


def read(path: Path) -> Wave:
    """The whole of a file, float32 `(channel, time)`. Raises InputError, also for samples that are
    not finite."""
    from unweave.audio.reader import decoded

    wave = decoded(path)[0].samples
    if not np.isfinite(wave).all():
        raise InputError(
            f"{shown(path)}: holds samples that are not finite (NaN or infinity); make it anew"
        )
    return wave


def fitted(wave: Wave, length: int, what: str, warnings: list[str]) -> Wave:
    """A wave of `length` samples, cut or padded with silence at its end, and what was done."""
    extra = wave.shape[-1] - length
    if extra > 0:
        warnings.append(f"{what} is {extra} samples longer than the references{_CUT}")
        return wave[:, :length]
    if extra < 0:
        warnings.append(f"{what} is {-extra} samples shorter than the references{_PADDED}")
        return np.pad(wave, ((0, 0), (0, -extra)))
    return wave


def tells_change(warning: str) -> bool:
    """Whether a warning is about a stem that was altered before it was scored."""
    return warning.endswith((_CUT, _PADDED, rounding.CLIPPED))
