"""What a licence allows, as far as its name says it."""

from __future__ import annotations

import re

# What may be used, changed, sold and passed on for naming the authors (SPDX identifiers, and what
# people write for them). Licences that ask for the same licence, such as GPL, are not among them.
PERMISSIVE = (
    r"MIT|MIT-0|BSD|BSD-[23]-Clause|0BSD|ISC|Zlib|Apache(-| )2(\.0)?|Unlicense|BSL-1\.0|"
    r"CC0(-1\.0)?|CC(-| )BY(-| )[1-4]\.0"
)


def permissive(licence_weights: str) -> bool:
    """Whether the text begins with the name of a permissive licence, and does not go on otherwise.

    >>> permissive("MIT (from a paper)"), permissive("CC BY-NC 4.0"), permissive("not stated")
    (True, False, False)
    """
    return re.fullmatch(PERMISSIVE, short(licence_weights), re.IGNORECASE) is not None


def short(licence_weights: str) -> str:
    """The licence without what is said of it: up to a bracket, a comma or a semicolon."""
    return re.split(r"[(,;:]", licence_weights, maxsplit=1)[0].strip()
