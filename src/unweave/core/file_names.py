"""What people and files call things, as parts of the names of files."""

from __future__ import annotations

import os
import re
import unicodedata

from unweave.core.files import shortened

# Leaves room for the words around the value and a temporary suffix in a 255 byte file name.
LONGEST_BYTES = 180
_ELSEWHERE = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe(value: str, *, everywhere: bool = os.name == "nt", longest: int = LONGEST_BYTES) -> str:
    """`value` as part of one file name: no separator, control character, drive or lone dots.

    everywhere: also without what other systems refuse, for files that go from one to another.
    longest: in bytes of UTF-8; a hash stands for what is cut.
    """
    text = "".join("_" if char in "/\\" or unprintable(char) else char for char in value)
    text = re.sub(r"^([A-Za-z]):", r"\1_", text)
    if everywhere:
        text = _ELSEWHERE.sub("_", text).rstrip(". ")
        text = f"_{text}" if _RESERVED.fullmatch(text) else text
    if not text.strip(". "):  # '', '.', '..' and blanks are folders, or invisible
        text = "_" * max(1, len(text))
    return shortened(text, longest)


def unprintable(char: str) -> bool:
    """Whether a character is a control, a lone surrogate (an undecodable byte), or ends a line."""
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
