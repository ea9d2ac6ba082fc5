"""Pictures as an encoder takes them: three planes, brightness, and colour at half the size.

Frames are composed in this form, so that nothing is converted anew for each of them.
"""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image

Bytes = npt.NDArray[np.uint8]


class Planes:
    """A picture of even `width` and `height` in YUV 4:2:0, BT.709, limited range.

    `flat` is all of it as PyAV has it, `(height * 3 / 2, width)`; `luma` (height, width) and the
    two of `chroma` (height / 2, width / 2) are views of it.
    """

    def __init__(self, flat: Bytes) -> None:
        self.flat = flat
        self.height, self.width = flat.shape[0] * 2 // 3, flat.shape[1]
        size = self.height * self.width
        line = flat.reshape(-1)
        half = (self.height // 2, self.width // 2)
        self.luma = line[:size].reshape(self.height, self.width)
        self.chroma = (
            line[size : size * 5 // 4].reshape(half),
            line[size * 5 // 4 :].reshape(half),
        )

    def copy(self) -> Planes:
        return Planes(self.flat.copy())

    def part(self, x: int, y: int, width: int, height: int) -> Planes:
        """A copy of a part; all four numbers even."""
        made = Planes(np.empty((height * 3 // 2, width), np.uint8))
        made.luma[:] = self.luma[y : y + height, x : x + width]
        for to, of in zip(made.chroma, self.chroma, strict=True):
            to[:] = of[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
        return made

    def paste(self, other: Planes, x: int, y: int, left: int = 0, right: int | None = None) -> None:
        """Put the columns `[left, right)` of `other` in, its upper left corner at the even x, y."""
        right = other.width if right is None else right
        self.luma[y : y + other.height, x + left : x + right] = other.luma[:, left:right]
        first, last = left // 2, (right + 1) // 2
        for to, of in zip(self.chroma, other.chroma, strict=True):
            rows = slice(y // 2, (y + other.height) // 2)
            to[rows, x // 2 + first : x // 2 + last] = of[:, first:last]

    def frame(self) -> av.VideoFrame:
        """A copy for an encoder."""
        made = av.VideoFrame.from_ndarray(self.flat, "yuv420p")
        made.colorspace = Colorspace.ITU709
        made.color_range = ColorRange.MPEG
        made.color_primaries = ColorPrimaries.BT709
        made.color_trc = ColorTrc.BT709
        return made


def planes(picture: Image.Image) -> Planes:
    """Of an RGB picture of even width and height."""
    frame = av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24")
    made = frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    return Planes(np.ascontiguousarray(made.to_ndarray()))
