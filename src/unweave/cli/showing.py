"""What is known of a separator, in lines, for `unweave models show`."""

from __future__ import annotations

import json
import re
from typing import Any


def options(options: dict[str, Any]) -> list[str]:
    """The options, one line each: name, default, meaning, and what a value may be."""
    lines = ["options (--set NAME=VALUE):"]
    for name, facts in options.items():
        default = "none" if facts["default"] is None else json.dumps(facts["default"])
        kind = "" if facts["choices"] else facts["type"]
        if facts["unit"]:
            kind += f" in {facts['unit']}"
        allowed = ", ".join(filter(None, (kind, facts["limits"])))
        lines.append(f"  {name} = {default}: {_plain(facts['meaning'])} ({allowed})")
    return lines


def prose(doc: str) -> list[str]:
    """A docstring as plain text: without its title, and without the marks of Markdown."""
    text = _plain(doc.partition("\n")[2].strip())
    return ["", *text.splitlines(), ""] if text else []


def _plain(markdown: str) -> str:
    """Text without the marks of Markdown; a star of a formula, as in `|L|_*`, stays."""
    text = markdown.replace("**", "").replace("`", "")
    return re.sub(r"(?<![\w*])\*(\w[^*]*)\*(?!\w)", r"\1", text)


def flat(facts: dict[str, Any], indent: str = "") -> list[str]:
    """`key: value` lines of what is known; what is nested is indented below its key."""
    lines: list[str] = []
    for key, value in facts.items():
        label = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(value, dict) and value:
            lines += [label, *flat(value, indent + "  ")]
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            lines.append(label)
            for item in value:
                lines += flat(item, indent + "  ")
        elif isinstance(value, (list, tuple)) and value:
            lines.append(f"{label} {', '.join(map(str, value))}")
        elif isinstance(value, bool):
            lines.append(f"{label} {'yes' if value else 'no'}")
        elif value not in (None, {}, "", [], ()):
            lines.append(f"{label} {value}")
    return lines
