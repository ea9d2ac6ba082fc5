"""Where each stem goes: a template filled in, always inside the output folder.

A template such as `{name}/{stem}.{ext}` is the user's and may make folders; the values put in come
from files and weights and may not. Separators, control characters and the like in a value become
`_`, and a template that would leave the folder is refused.
"""

from __future__ import annotations

import os
import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from unweave.core.file_names import safe, unprintable
from unweave.core.files import shortened
from unweave.errors import UsageError

OPTION = "--filename-template"
DEFAULT_TEMPLATE = "{name}/{stem}.{ext}"
FIELDS = ("name", "stem", "ext", "model", "input_ext", "parent")

_LONGEST_PART_BYTES = 230


def check_template(template: str) -> None:
    """Refuse a template that is malformed, has unknown fields, or would leave the output folder.

    Raises UsageError with the template, what is wrong, and the fields there are.
    """
    found = fields(template, FIELDS, OPTION)
    for needed in ("stem", "ext"):
        if needed not in found:
            raise _refused(
                template,
                f"needs {{{needed}}}, as in {DEFAULT_TEMPLATE!r}, so that no file "
                "is written over another",
            )
    if "\\" in template or any(map(unprintable, template)):
        raise _refused(template, "has a backslash or control character; use / between folders")
    parts = template.split("/")
    if template.startswith(("/", "~")) or re.match(r"[A-Za-z]:", template) or ".." in parts:
        raise _refused(template, "leaves the output folder; use -o to choose the folder")
    if template.endswith("/"):
        raise _refused(template, "names a folder; end it with a file name such as {stem}.{ext}")


def fill(template: str, values: Mapping[str, str]) -> Path:
    """The relative path that `template` gives; every value is made safe first."""
    text = template.format_map({key: safe(value) for key, value in values.items()})
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    return Path(*(shortened(part, _LONGEST_PART_BYTES) for part in parts))


def same_file_key(path: Path) -> str:
    """Equal for two paths that some file system takes for one: links, letter case, Unicode form."""
    text = os.path.realpath(path)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def fields(template: str, known: Sequence[str], option: str) -> list[str]:
    """The fields of a template, which was given with an option.

    Raises UsageError for one that is malformed, or has fields that are not known.
    """
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise _refused(template, f"cannot be read ({error})", option) from None
    for _, field, spec, conversion in parsed:
        if field is not None and (spec or conversion):
            raise _refused(template, f"formats {{{field}}}; write the bare field", option)
        if field is not None and field not in known:
            there_are = ", ".join(f"{{{each}}}" for each in known)
            why = f"has the unknown field {{{field}}}; there are {there_are}"
            raise _refused(template, why, option)
    return [field for _, field, _, _ in parsed if field is not None]


def _refused(template: str, why: str, option: str = OPTION) -> UsageError:
    return UsageError(f"{option} {template!r} {why}")
