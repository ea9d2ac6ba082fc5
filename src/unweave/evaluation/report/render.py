"""A report as one HTML file that asks the network for nothing, and as Markdown.

The page reads on a phone, on paper, in light and dark, without its script, and with a screen
reader: style, script and charts are inside. The templates lie in `templates/`.
"""

from __future__ import annotations

from unweave.evaluation.pages import environment
from unweave.evaluation.report.document import Report


def html(report: Report) -> str:
    """The page, UTF-8 text that ends with a line break."""
    return environment().get_template("report.html").render(report=report).lstrip()


def markdown(report: Report) -> str:
    """The page's twin in GitHub's dialect: every table and sentence, and what each chart shows."""
    return environment().get_template("report.md").render(report=report).lstrip()
