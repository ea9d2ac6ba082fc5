"""What lies behind the words: a picture, a colour, or the cover of the song."""

from __future__ import annotations

import io
import re
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

from unweave.audio.info import Cover
from unweave.core.files import content, readable, shown
from unweave.errors import InputError, UsageError, quoted

PLAIN = "#101826"
_LIGHT = 0.45  # of a picture's own: white words are read on any
_BLUR = 60  # a cover is blurred by its height divided by this: it is small, and is enlarged


def background(given: Path | str | None, cover: Cover | None, size: tuple[int, int]) -> Image.Image:
    """An RGB picture of `size` (width, height): pictures fill it, and are darkened.

    Raises InputError for a picture that cannot be read, UsageError for a colour that is none.
    """
    if isinstance(given, str) and given.startswith("#"):
        if not re.fullmatch("#[0-9a-fA-F]{6}", given):
            raise UsageError(f"{quoted(given)} is no colour; write it as #RRGGBB, as in {PLAIN}")
        return Image.new("RGB", size, given)
    if given is not None:
        with readable(Path(given)):
            data = content(Path(given))
        try:
            return _filled(data, size)
        except _BROKEN as error:
            raise InputError(
                f"{shown(given)}: cannot be read as a picture; give a JPEG or PNG, or a colour as "
                f"in {PLAIN}"
            ) from error
    if cover is not None:
        try:
            return _filled(cover.data, size).filter(ImageFilter.GaussianBlur(size[1] / _BLUR))
        except _BROKEN:
            pass  # a cover that nobody asked for
    return Image.new("RGB", size, PLAIN)


# What Pillow raises for damaged and for monstrous pictures.
_BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def _filled(data: bytes, size: tuple[int, int]) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        opened.draft("RGB", size)  # a large JPEG is decoded smaller
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    fitted = ImageOps.fit(upright, size, Image.Resampling.LANCZOS)
    return fitted.point([round(_LIGHT * value) for value in range(256)] * 3)
