"""A page as one HTML file that asks the network for nothing: style, script and pictures are inside.

It reads on a phone, on paper, in light and dark, without the script, and with a screen reader.
"""

from __future__ import annotations

import re
from html import escape
from importlib import resources

from unweave.bench.report import colours
from unweave.bench.report.page import (
    Block,
    Facts,
    Figures,
    Group,
    HeatMap,
    Highlights,
    Items,
    Page,
    Row,
    Section,
    Table,
    Text,
    shown,
)

_LONG = 120  # rows of a heat map that are folded away
_WIDE = 14  # columns that need a sheet of paper turned round
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(page: Page) -> str:
    """The document, UTF-8 text that ends with a line break."""
    style = _packaged("style.css") + colours.rules()
    body = "".join(_section(section, slug(section.title)) for section in page.sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(page.title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{escape(page.title)}</h1>
<p class="lead">{escape(page.lead)}</p>
<p class="stamp">{escape(page.stamp)}</p>
{_contents(page)}
</header>
<main>
{body}</main>
<script>
{_packaged("sort.js")}</script>
</body>
</html>
"""


def slug(words: str) -> str:
    """A heading as an anchor: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "part"


def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _contents(page: Page) -> str:
    lines = []
    for section in page.sections:
        anchor = slug(section.title)
        links = [(anchor, section.title)]
        links += [(f"{anchor}-{slug(part.title)}", part.title) for part in section.sections]
        items = "".join(f'<li><a href="#{a}">{escape(words)}</a></li>' for a, words in links)
        lines.append(f"<ul>{items}</ul>")
    return f'<nav aria-label="Contents">{"".join(lines)}</nav>'


def _section(section: Section, anchor: str) -> str:
    head = f'<h{section.level} id="{anchor}">{escape(section.title)}</h{section.level}>'
    blocks = "".join(block_html(block) for block in section.blocks)
    parts = "".join(_section(part, f"{anchor}-{slug(part.title)}") for part in section.sections)
    return f"<section>\n{head}\n{blocks}{parts}</section>\n"


def block_html(block: Block) -> str:
    """One block, with a line break behind it."""
    match block:
        case Table():
            return _table(block)
        case HeatMap():
            return _heat_map(block)
        case Figures():
            return _figures(block)
        case Text(text, caution):
            role = ' class="caution" role="note"' if caution else ""
            return f"<p{role}>{escape(text)}</p>\n"
        case Items(items):
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>\n"
        case Facts(facts):
            pairs = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in facts)
            return f'<dl class="facts">{pairs}</dl>\n'
        case Highlights(items):
            cards = "".join(
                f'<div><div class="what">{escape(what)}</div><div class="figure">{escape(figure)}'
                f'</div><div class="beside">{escape(beside)}</div></div>'
                for what, figure, beside in items
            )
            return f'<div class="highlights">{cards}</div>\n'


def _table(table: Table) -> str:
    best = table.best()
    heads = f'<th scope="col">{escape(table.label)}</th>'
    for column in table.columns:
        unit = f'<span class="unit">{escape(column.unit)}</span>' if column.unit else ""
        side = ' class="words"' if column.words else ""
        heads += f'<th scope="col"{side}>{escape(column.name)}{unit}</th>'
    bodies = "".join(_group(table, group, g, best) for g, group in enumerate(table.groups))
    notes = "".join(f'<p class="small">{escape(note)}</p>' for note in table.notes)
    caption = _caption(table.title, table.aggregation)
    inside = f'<table class="sortable">{caption}<thead><tr>{heads}</tr></thead>{bodies}</table>'
    return f"{_sheet(_scroll(inside, table.title) + notes, len(table.columns))}\n"


def _group(table: Table, group: Group, g: int, best: set[tuple[int, int, int]]) -> str:
    head = ""
    if len(table.groups) > 1 and group.title:
        span = len(table.columns) + 1
        cell = f'<th colspan="{span}" scope="rowgroup">{escape(group.title)}</th>'
        head = f'<tr class="group">{cell}</tr>'
    rows = "".join(_row(table, row, (g, r), best) for r, row in enumerate(group.rows))
    return f"<tbody>{head}{rows}</tbody>\n"


def _row(table: Table, row: Row, place: tuple[int, int], best: set[tuple[int, int, int]]) -> str:
    note = f'<span class="note">{escape(row.note)}</span>' if row.note else ""
    cells = []
    for c, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True)):
        text = escape(shown(cell, column.decimals))
        text = f"<strong>{text}</strong>" if (*place, c) in best else text
        cells.append(f'<td class="words">{text}</td>' if column.words else f"<td>{text}</td>")
    label = f'<th scope="row">{escape(row.label)}{note}</th>'
    return f'<tr class="{row.kind}">{label}{"".join(cells)}</tr>\n'


def _heat_map(heat: HeatMap) -> str:
    heads = "".join(
        f'<th scope="col" class="{kind}">{escape(name)}</th>'
        for name, kind in zip(heat.columns, heat.kinds, strict=True)
    )
    rows = "".join(
        f'<tr><th scope="row" title="{escape(track)}">{escape(track)}</th>'
        f"{''.join(_heat_cell(value, heat) for value in values)}</tr>\n"
        for track, values in zip(heat.rows, heat.values, strict=True)
    )
    caption = _caption(heat.title, f"{heat.aggregation}, {heat.unit}", _scale(heat))
    inside = (
        f'<table class="heat sortable">{caption}<thead><tr><th scope="col">Track</th>{heads}</tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )
    found = _sheet(_scroll(inside, heat.title), len(heat.columns))
    if len(heat.rows) > _LONG:
        found = f"<details><summary>{len(heat.rows)} tracks</summary>{found}</details>"
    return found + "\n"


def _heat_cell(value: float, heat: HeatMap) -> str:
    text = shown(value, 1)
    if value != value:
        return f"<td>{text}</td>"
    return f'<td class="h{colours.step(value, heat.low, heat.high)}">{text}</td>'


def _scale(heat: HeatMap) -> str:
    ramp = "".join(f'<i class="h{n}"></i>' for n in range(colours.STEPS))
    low, high = f"≤ {shown(heat.low, 0)}", f"≥ {shown(heat.high, 0)} {heat.unit}"
    return (
        f'<span class="scale" aria-hidden="true">{low}<span class="ramp">{ramp}</span>{high}</span>'
    )


def _figures(block: Figures) -> str:
    each = "".join(
        "<figure>"
        + figure.svg
        + (f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else "")
        + "</figure>\n"
        for figure in block.figures
    )
    caption = f'<p class="small">{escape(block.caption)}</p>' if block.caption else ""
    return f'<div class="figures">{each}</div>{caption}\n'


def _caption(title: str, aggregation: str, more: str = "") -> str:
    how = f'<span class="how">{escape(aggregation)}</span>'
    return f"<caption><span>{escape(title)}{how}{more}</span></caption>"


def _scroll(table: str, title: str) -> str:
    """A frame that scrolls sideways, by key too, so that the page never does."""
    name = escape(title)
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">{table}</div>'


def _sheet(inside: str, columns: int) -> str:
    """What is wide is printed on a sheet of its own, turned round."""
    return f'<div class="wide">{inside}</div>' if columns > _WIDE else inside
