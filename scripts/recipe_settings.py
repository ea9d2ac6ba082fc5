"""The tables of a recipe's settings in `docs/training.md`, made from the dataclasses.

    .venv/bin/python -m scripts.recipe_settings

Settings of recipes say their meaning where they are declared, those of networks in the comment
beside the field; `USUAL` has what several networks share. A test holds the page to this.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

from unweave.models import architectures
from unweave.options import options_of
from unweave.training.export import FROM_DATA
from unweave.training.recipe import TABLES, Recipe

PAGE = Path(__file__).parents[1] / "docs" / "training.md"
BEGIN, END = "<!-- settings: python -m scripts.recipe_settings -->", "<!-- end of settings -->"
USUAL = {
    "frame_size": "samples of a frame",
    "hop": "samples from frame to frame",
    "layers": "how many",
    "width": "numbers in a layer",
    "depth": "levels",
    "levels": "how many",
    "filters": "channels of each level, from the outermost in",
    "stride_bins": "of each level, along bins",
    "stride_frames": "of each level, along frames",
    "kernel_bins": "of each level, along bins",
    "kernel_frames": "of each level, along frames",
    "kernel": "samples or steps that a convolution sees",
    "stride": "steps from one of its places to the next",
    "blocks": "how many",
    "heads": "of attention among spectral tokens",
    "temporal_width": "of temporal tokens",
    "temporal_heads": "of attention among temporal tokens",
    "mask": "what the stems' spectra are made with",
    "normalise": "the mix has a level of one while the network works",
    "padded": "convolutions reach beyond the ends of the sound",
    "dropout": "share of values that are zero while it learns",
    "norm_groups": "groups that are normalised together",
    "bias": "convolutions have one",
}


def text() -> str:
    """The section, in Markdown."""
    lines = ["At the top of the file:", "", *_table(_top())]
    for name, kind in TABLES.items():
        lines += ["", f"`[{name}]`: {_first_line(kind)}", "", *_table(_declared(kind))]
    lines += ["", "`[network]` has `name`, one of these, and that network's own settings:"]
    for name in trainable():
        lines += ["", f"`{name}`", "", *_table(_network(name))]
    return "\n".join(lines)


def trainable() -> list[str]:
    """The networks that can be trained."""
    return [name for name in architectures.names() if hasattr(architectures.model(name), "NETWORK")]


def page(old: str) -> str:
    """The page with its section as it should be."""
    head, _, rest = old.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{text()}\n\n{END}{rest.partition(END)[2]}"


Row = tuple[str, str, str]


def _top() -> Iterator[Row]:
    yield "name", "the file's", "of the run's folder, the card and the weights"
    yield from _declared(Recipe)


def _declared(kind: type) -> Iterator[Row]:
    known = {item.name: item for item in options_of(kind)}
    for field in fields(kind):
        if field.name in known:
            limits = known[field.name].limits
            meaning = known[field.name].meaning + (f" ({limits})" if limits else "")
        elif "names" in field.metadata:
            meaning = field.metadata["names"]
        else:
            continue
        yield field.name, _value(field.default), meaning


def _network(name: str) -> Iterator[Row]:
    kind = architectures.model(name).NETWORK[0]
    source = inspect.getsource(kind)
    for field in fields(kind):
        if field.name in FROM_DATA:
            continue
        found = re.search(rf"^    {field.name}: [^#\n]*  # (.*)$", source, re.MULTILINE)
        meaning = found[1] if found else USUAL[field.name]
        yield field.name, _value(field.default), meaning


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0].rstrip(".").lower()


def _value(default: object) -> str:
    if default is MISSING:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        items = ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in default)
        return f"`[{items}]`"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default}`"


def _table(rows: Iterator[Row]) -> list[str]:
    return [
        "| setting | default | what it is |",
        "|---|---|---|",
        *(f"| `{name}` | {default} | {meaning} |" for name, default, meaning in rows),
    ]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
