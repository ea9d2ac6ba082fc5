"""The colours of heat maps: a ramp whose lightness only falls, so that it needs no sense of hue.

Readers with any colour vision, and grey printers, see the same order. On dark ground the ramp is
turned round: what is high always stands out from the page.
"""

from __future__ import annotations

import math

STEPS = 16
# Corner stones, dark to light: navy, blue, green-grey, pale yellow (sRGB, 0 to 255).
_CORNERS = ((18, 32, 82), (36, 98, 152), (118, 178, 174), (250, 244, 208))


def step(value: float, low: float, high: float) -> int:
    """Which of the steps a value has; the ends take what lies beyond."""
    if not high > low:
        return STEPS // 2
    place = (value - low) / (high - low)
    return min(STEPS - 1, max(0, math.floor(min(1.0, max(0.0, place)) * STEPS)))


def rules() -> str:
    """The style of the steps: `.h0` is low. Print and light pages, then dark ones."""
    light = "".join(_rule(n, 1.0 - n / (STEPS - 1)) for n in range(STEPS))
    dark = "".join(_rule(n, n / (STEPS - 1)) for n in range(STEPS))
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{ {dark} }}\n"


def _rule(n: int, lightness: float) -> str:
    colour = _ramp(lightness)
    ink = "#000" if _luminance(colour) > 0.18 else "#fff"
    red, green, blue = (round(part) for part in colour)
    return f".h{n}{{background:#{red:02x}{green:02x}{blue:02x};color:{ink}}}"


def _ramp(place: float) -> tuple[float, float, float]:
    """The colour at `place`, 0 the darkest, 1 the lightest, straight between the corner stones."""
    scaled = place * (len(_CORNERS) - 1)
    n = min(int(scaled), len(_CORNERS) - 2)
    share = scaled - n
    red, green, blue = (
        (1 - share) * a + share * b for a, b in zip(_CORNERS[n], _CORNERS[n + 1], strict=True)
    )
    return red, green, blue


def _luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance as WCAG 2 defines it; above 0.18 black ink reads better than white."""
    parts = (part / 255 for part in colour)
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
