"""Where channels belong: which of FFmpeg's layouts each output format is given.

Lossy formats treat some places in their own way (an LFE channel keeps only its low frequencies), so
channels whose places are not known are never called an LFE where it can be helped.
"""

from __future__ import annotations

import av

# The consumer formats know one pair of surround speakers; behind or beside is the same to them.
_ALIKE = {"quad(side)": "quad", "5.0(side)": "5.0", "5.1(side)": "5.1"}
_AAC = {"mono", "stereo", "2.1", "3.0", "4.0", "quad", "5.0", "5.1", "6.1", "7.1"}
_AAC_ANY = {3: "3.0", 4: "quad", 5: "5.0", 6: "hexagonal", 7: "7.0", 8: "octagonal"}
# Those of Opus' places that FFmpeg puts in the right order; the others are written without places.
_OPUS = {"mono", "stereo", "3.0", "quad", "5.1", "7.1"}

VORBIS_ORDER = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 5, 6, 4, 3),
    8: (0, 2, 1, 6, 7, 4, 5, 3),
}
"""Position in a Vorbis stream -> position in FFmpeg's order, for the counts where they differ."""


def layout_for(format: str, layout: str | None, channels: int) -> str:
    """The name of the layout to write `channels` channels with, given what the source says."""
    if channels <= 2:
        return ("mono", "stereo")[channels - 1]
    known = _known(layout, channels)
    alike = _ALIKE.get(known or "", known)
    if format == "m4a":
        return alike if alike in _AAC else _AAC_ANY[channels]
    if format == "opus":
        return alike if alike in _OPUS else f"{channels} channels"
    return known or f"{channels} channels"


def _known(layout: str | None, channels: int) -> str | None:
    """`layout` if FFmpeg knows it and its places are those of `channels` channels."""
    if layout is None:
        return None
    try:
        parsed = av.AudioLayout(layout)
    except ValueError:
        return None
    named = all(channel.name != "NONE" for channel in parsed.channels)
    return parsed.name if named and parsed.nb_channels == channels else None
