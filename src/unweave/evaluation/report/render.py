"""A report as one HTML file that asks the network for nothing, and as Markdown.

The page reads on a phone, on paper, in light and dark, without its script, and with a screen
reader: style, script and charts are inside. The templates lie in `templates/`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from unweave.errors import UsageError
from unweave.evaluation.report.document import Report
from unweave.evaluation.table import Table, markdown_text, shown

if TYPE_CHECKING:
    from jinja2 import Environment


def html(report: Report) -> str:
    """The page, UTF-8 text that ends with a line break."""
    return _environment().get_template("report.html").render(report=report).lstrip()


def markdown(report: Report) -> str:
    """The page's twin in GitHub's dialect: every table and sentence, and what each chart shows."""
    return _environment().get_template("report.md").render(report=report).lstrip()


def table_html(table: Table) -> str:
    """One table, for a notebook."""
    module = _environment().get_template("table.html").module
    return str(module.table_html(table))  # type: ignore[attr-defined]


def slug(words: str) -> str:
    """A heading as an anchor: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "part"


@cache
def _environment() -> Environment:
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
    found.tests["table"] = lambda block: isinstance(block, Table)
    return found
