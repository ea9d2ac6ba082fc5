"""What the tests of the screen share: a font, songs, and a slow decoder of CD+G."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np

from unweave.lyrics import Line, Lyrics, Syllable

# Matplotlib carries it; it has Latin, Greek, Cyrillic, Hebrew and Arabic, no Indic script.
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


def line(text: str, *times: float | tuple[float, float], singer: int = 1) -> Line:
    """A word for each time; a time alone is a start, and the word ends as the next begins."""
    words = text.split(" ")
    syllables = []
    for n, (word, time) in enumerate(zip(words, times, strict=True)):
        start_s, end_s = time if isinstance(time, tuple) else (time, None)
        space = " " if n < len(words) - 1 else ""
        syllables.append(Syllable(word + space, start_s, end_s))
    return Line(tuple(syllables), singer)


def song(*lines: Line, **tags: str) -> Lyrics:
    return Lyrics(tuple(lines), tags)


class Screen:
    """A CD+G player: `pixels` (216, 300) are indices of `colours` (16, 3), 4 bits each."""

    def __init__(self) -> None:
        self.pixels = np.zeros((216, 300), np.uint8)
        self.colours = np.zeros((16, 3), np.uint8)
        self.border = 0

    def take(self, packet: bytes) -> None:
        assert len(packet) == 24
        if packet[0] & 0x3F != 9:
            assert packet == bytes(24)
            return
        data = [byte & 0x3F for byte in packet[4:20]]
        instruction = packet[1] & 0x3F
        if instruction == 1:
            self.pixels[:] = data[0] & 15
        elif instruction == 2:
            self.border = data[0] & 15
        elif instruction in (6, 38):
            self._tile(data, instruction == 38)
        elif instruction in (30, 31):
            for n in range(8):
                high, low = data[2 * n], data[2 * n + 1]
                colour = (high >> 2, (high & 3) << 2 | low >> 4, low & 15)
                self.colours[n + 8 * (instruction == 31)] = colour
        else:
            raise AssertionError(f"instruction {instruction}")

    def _tile(self, data: Sequence[int], xor: bool) -> None:
        colours, row, column = [each & 15 for each in data[:2]], data[2] & 31, data[3] & 63
        assert row < 18
        assert column < 50
        for y in range(12):
            for x in range(6):
                colour = colours[data[4 + y] >> (5 - x) & 1]
                at = 12 * row + y, 6 * column + x
                self.pixels[at] = self.pixels[at] ^ colour if xor else colour


def played(data: bytes) -> Iterator[tuple[int, Screen]]:
    """The screen after each packet, and the packet's number."""
    screen = Screen()
    assert len(data) % 24 == 0
    for n in range(len(data) // 24):
        screen.take(data[24 * n : 24 * n + 24])
        yield n, screen
