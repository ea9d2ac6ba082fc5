"""The little of YAML that annotations of datasets use: nested maps, lists of words, quoted words.

No types, anchors, flow style or tags: every scalar is text. What is beyond that is not understood,
and never executed.
"""

from __future__ import annotations

from typing import TypeAlias

Node: TypeAlias = "str | list[str] | dict[str, Node]"
_Lines: TypeAlias = list[tuple[int, str]]  # indent and content


def parse(text: str) -> dict[str, Node]:
    """The map that a document holds; an empty one where it is something else."""
    lines: _Lines = []
    for line in text.splitlines():
        content = line.strip()
        if content and not content.startswith("#") and content not in ("---", "..."):
            lines.append((len(line) - len(line.lstrip()), content))
    node = _block(lines)
    return node if isinstance(node, dict) else {}


def _block(lines: _Lines) -> Node:
    """The node that the lines are; they are taken from the list."""
    if not lines:
        return ""
    indent, first = lines[0]
    if first.startswith("- ") or first == "-":
        items = []
        while lines and lines[0][0] == indent and lines[0][1].startswith("-"):
            items.append(_word(lines.pop(0)[1][1:]))
        return items
    found: dict[str, Node] = {}
    while lines and lines[0][0] >= indent:
        key, colon, rest = lines.pop(0)[1].partition(":")
        if not colon:  # the rest of a long word, on a line of its own
            continue
        deeper = lines and (
            lines[0][0] > indent or (lines[0][0] == indent and lines[0][1].startswith("- "))
        )
        found[_word(key)] = _block(lines) if deeper and not rest.strip() else _word(rest)
    return found


def _word(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
    return text
