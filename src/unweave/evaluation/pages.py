"""The templates of reports and tables; their text needs Jinja2."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from unweave.errors import UsageError
from unweave.evaluation.text import markdown_text, shown

if TYPE_CHECKING:
    from jinja2 import Environment


def slug(words: str) -> str:
    """A heading as an anchor: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "part"


@cache
def environment() -> Environment:
    """Templates in `report/templates`, with the filters md, shown and slug. Raises UsageError."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
    except ImportError:
        raise UsageError(
            "reports need Jinja2; install it with: pip install 'unweave[bench]'"
        ) from None
    found = Environment(
        loader=PackageLoader("unweave.evaluation.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"md": markdown_text, "shown": shown, "slug": slug}
    return found
