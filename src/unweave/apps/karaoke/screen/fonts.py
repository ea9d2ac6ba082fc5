"""Fonts that have the glyphs of a song: given, found on the system, or carried by a package.

Looked through are the folders of fontconfig, of macOS and of Windows, then what Matplotlib carries
(DejaVu, under the licence of Bitstream Vera) and last what Pillow carries (Aileron, CC0, Latin
only). Bold fonts without serifs come first. fontTools reads which characters a font has.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import ImageFont, features

from unweave.core.files import shown
from unweave.errors import InputError, UsageError

_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_OUTLINES = ("glyf", "CFF ", "CFF2")  # others are pictures of one size
_NAMED = 12  # characters that an error lists
_JOINER = "\u200d"
_KEY_CAP = "\u20e3"
_LAST = ("italic", "oblique", "mono", "emoji", "symbol", "math", "display")
# They have a glyph for every character: its number, or the name of its script in a box.
_NOT_FONTS = ("lastresort", "unifontupper", "adobeblank")


@dataclass(frozen=True, slots=True)
class Face:
    """A font file, or the font that Pillow carries (`path` None), and the characters it has."""

    path: Path | None
    covers: frozenset[int]

    def has(self, text: str) -> bool:
        """Whether it has the glyphs of `text`."""
        return not self.lacks(text)

    def lacks(self, text: str) -> list[str]:
        """The characters that it can neither draw nor put together of their parts."""
        return [c for c in unicodedata.normalize("NFC", text) if is_drawn(c) and not self._has(c)]

    def _has(self, character: str) -> bool:
        parts = unicodedata.normalize("NFD", character)
        return ord(character) in self.covers or all(ord(part) in self.covers for part in parts)

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """Pillow's font, `size_px` pixels to the em; bold where a variable font can be."""
        return _sized(self.path, size_px)

    @property
    def name(self) -> str:
        return shown(self.path) if self.path else "the font of Pillow"


def chosen(texts: Iterable[str], given: Path | None = None) -> tuple[Face, ...]:
    """Fonts with all glyphs of `texts`, the one to prefer first.

    given: the only one that may be taken. Pictures that lack are passed over (`lacking` has them).
    Raises InputError, which names the letters that lack, and UsageError where Pillow cannot shape
    them.
    """
    needed = _needed(texts)
    _check_shaping("".join(needed))
    if given is not None:
        face = face_of(given)
        letters = [each for each in needed if not is_picture(each)]
        if lacks := face.lacks("".join(letters)):
            raise InputError(
                f"{shown(given)}: the font has no glyph for {listed(lacks)}; give another font "
                "with --font, or none, so that one is looked for"
            )
        return (face,)
    groups: dict[str, list[str]] = {}
    for cluster in needed:
        groups.setdefault(_script(cluster), []).append(cluster)
    faces: list[Face] = []
    seen: list[Face] = []
    for face in _candidates():
        seen.append(face)
        whole = [name for name, group in groups.items() if all(map(face.has, group))]
        if whole or not needed:
            faces.append(face)
        for name in whole:
            del groups[name]
        if not groups:
            return tuple(faces)
    missing: list[str] = []
    for cluster in (each for group in groups.values() for each in group):
        if not any(face.has(cluster) for face in faces):
            found = next((face for face in seen if face.has(cluster)), None)
            missing += [cluster] if found is None and not is_picture(cluster) else []
            faces += [found] if found else []
    if missing:
        raise InputError(
            f"no font here has a glyph for {listed(missing)}; install one for this script (Noto "
            "has all of them), or give one with --font"
        )
    return tuple(faces)


def lacking(texts: Iterable[str], faces: Sequence[Face]) -> list[str]:
    """The clusters that none of `faces` has, each once."""
    return [each for each in _needed(texts) if not any(face.has(each) for face in faces)]


def is_picture(cluster: str) -> bool:
    """Whether it is an emoji, a note, a heart, a key cap: nothing that is sung."""
    return unicodedata.category(cluster[0]) in ("So", "Sk") or _KEY_CAP in cluster


def clusters(text: str) -> list[str]:
    """`text` in letters, each with the signs above, below and beside that belong to it."""
    found: list[str] = []
    for c in text:
        joined = unicodedata.category(c).startswith("M") or c == _JOINER
        if found and (joined or found[-1].endswith(_JOINER)):
            found[-1] += c
        else:
            found.append(c)
    return found


@cache
def face_of(path: Path) -> Face:
    """The first font of a file. Raises InputError where there is none that can be drawn."""
    try:
        # It leaves a damaged file open that it opened itself.
        with path.open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
            if not any(table in font for table in _OUTLINES):
                raise InputError(f"{shown(path)}: the font has no outlines; give another one")
            return Face(path, frozenset(font.getBestCmap() or ()))
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{shown(path)}: no such font; check the spelling") from error
    # fontTools raises whatever a damaged file leads to.
    except Exception as error:
        raise InputError(
            f"{shown(path)}: cannot be read as a font; give a TTF, OTF or TTC file"
        ) from error


def folders() -> list[Path]:
    """Where fonts may lie on this system, and those that packages carry."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
        windows = Path(os.environ.get("WINDIR", "C:/Windows"))
        found = [windows / "Fonts", local / "Microsoft/Windows/Fonts"]
    elif sys.platform == "darwin":
        places = ["/Library/Fonts", "/System/Library/Fonts", "/Network/Library/Fonts"]
        found = [home / "Library/Fonts", *map(Path, places)]
    else:
        data = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        own = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
        found = [own / "fonts", home / ".fonts"]
        found += [Path(each) / "fonts" for each in data.split(":") if each]
    return [folder for folder in [*found, *_carried()] if folder.is_dir()]


def _carried() -> list[Path]:
    spec = find_spec("matplotlib")
    if spec is None or not spec.origin:
        return []
    return [Path(spec.origin).parent / "mpl-data/fonts/ttf"]


def _candidates() -> Iterator[Face]:
    """Every font here, the one to prefer first; what is no font is passed over."""
    files = [path for folder in folders() for path in _files(folder)]
    logging.getLogger("fontTools").setLevel(logging.CRITICAL)  # of other people's fonts
    for path in sorted(files, key=_rank):
        try:
            yield face_of(path)
        except InputError:
            continue
    yield _pillows()


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            plain = name.lower().replace("-", "").replace("_", "")
            if name.lower().endswith(_SUFFIXES) and not plain.startswith(_NOT_FONTS):
                yield Path(root, name)


def _rank(path: Path) -> tuple[bool | str, ...]:
    name = path.stem.lower()
    return (
        any(word in name for word in _LAST),
        "bold" not in name and "wght" not in name,
        "serif" in name or "sans" not in name,
        "condensed" in name or "semi" in name or "extra" in name,
        name,
    )


@cache
def _pillows() -> Face:
    with TTFont(_bytes_of_pillows(), lazy=True) as font:
        return Face(None, frozenset(font.getBestCmap() or ()))


def _bytes_of_pillows() -> io.BytesIO:
    font = ImageFont.load_default(16)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return io.BytesIO(font.font_bytes)


@cache
def _sized(path: Path | None, size_px: int) -> ImageFont.FreeTypeFont:
    if path is None:
        return ImageFont.truetype(_bytes_of_pillows(), size_px)
    try:
        font = ImageFont.truetype(str(path), size_px)
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be drawn; give another font") from error
    try:
        font.set_variation_by_name("Bold")
    except (OSError, ValueError, NotImplementedError):
        pass  # it does not vary, or has no such name
    return font


def _needed(texts: Iterable[str]) -> list[str]:
    """The clusters that are drawn, each once, in their order."""
    every = dict.fromkeys(each for text in texts for each in clusters(text))
    return [each for each in every if any(map(is_drawn, each))]


def is_drawn(character: str) -> bool:
    """Whether it has a shape of its own; joiners, marks of direction and spaces have none."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Zs", "Zl", "Zp") and not (
        0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF
    )


def _script(cluster: str) -> str:
    """The first word of its name: LATIN, HEBREW, DEVANAGARI, CJK, ..."""
    return unicodedata.name(cluster[0], "?").split()[0]


def _check_shaping(needed: str) -> None:
    if features.check("raqm"):
        return
    hard = [
        c
        for c in dict.fromkeys(unicodedata.normalize("NFC", needed))
        if unicodedata.bidirectional(c) in ("R", "AL") or unicodedata.category(c) in ("Mn", "Mc")
    ]
    if hard:
        raise UsageError(
            f"Pillow has no raqm here, without which it cannot shape {listed(hard)}; install "
            "FriBidi, or a wheel of Pillow that has both"
        )


def listed(texts: Iterable[str]) -> str:
    """Their characters, as an error names them."""
    characters = [c for c in dict.fromkeys("".join(texts)) if is_drawn(c)]
    said = [f"{c} (U+{ord(c):04X})" if c.isprintable() else shown(c) for c in characters[:_NAMED]]
    more = len(characters) - _NAMED
    return ", ".join(said) + (f" and {more} more" if more > 0 else "")
