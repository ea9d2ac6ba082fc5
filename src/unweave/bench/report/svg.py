"""The few shapes of SVG that the plots need. Colours are classes: the page's style sets them.

So one picture serves light, dark and print, its words stay text, and equal scores give equal bytes.
Units are those of the view box; the page scales the picture to its column.
"""

from __future__ import annotations

import math
from html import escape

FONT = 12.0  # the height of text in units of the view box


def number(value: float) -> str:
    """A coordinate: a hundredth is finer than any screen shows."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def tag(name: str, /, *children: str, **attributes: float | str) -> str:
    """`<name ...>children</name>`; children are markup, `class_` stands for class."""
    words = [name]
    for key, value in attributes.items():
        text = value if isinstance(value, str) else number(value)
        words.append(f'{key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    inside = "".join(children)
    return f"<{' '.join(words)}>{inside}</{name}>" if inside else f"<{' '.join(words)}/>"


def text(x: float, y: float, words: str, class_: str = "", anchor: str = "start") -> str:
    """Words whose middle line is at y."""
    attributes: dict[str, float | str] = {"x": x, "y": y + 0.35 * FONT}
    if anchor != "start":
        attributes["text_anchor"] = anchor
    if class_:
        attributes["class_"] = class_
    return tag("text", escape(words), **attributes)


def title(words: str) -> str:
    """What a pointer that rests on the shape is told."""
    return tag("title", escape(words))


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def picture(width: float, height: float, alt: str, *children: str) -> str:
    box = f"0 0 {number(width)} {number(height)}"
    return tag("svg", *children, viewBox=box, role="img", aria_label=alt)


def width_of(words: str, bold: bool = False) -> float:
    """About how wide the words are in any of the page's fonts; rather too wide than cut off."""
    narrow, wide = "ilj.,-'|()[] tfr:;!", "mwMW@%=+"
    sizes = (0.42 if c in narrow else 0.95 if c in wide else 0.66 for c in words)
    return sum(sizes) * FONT * (1.06 if bold else 1.0)


def fitted(words: str, width: float, bold: bool = False) -> str:
    """The words, cut with an ellipsis where they are wider than `width`."""
    if width_of(words, bold) <= width:
        return words
    while words and width_of(words + "…", bold) > width:
        words = words[:-1]
    return words.rstrip() + "…"


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """At most `most` round numbers from `low` to `high`: 1, 2 or 5 times a power of ten."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(
        power * factor
        for factor in (1, 2, 5, 10, 20)
        if math.floor(high / (power * factor)) - math.ceil(low / (power * factor)) < most
    )
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten from `low` to `high`; powers alone over three decades."""
    factors = (1, 2, 5) if high / low < 1000 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = (factor * 10.0**power for power in powers for factor in factors)
    return [tick for tick in every if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
