"""The packets of CD+G: 24 bytes each, 300 a second, four to a sector of the disc.

"CD+G Revealed: Playing back Karaoke tracks in Software" (Jim Bumgardner), which describes the
subcode channels R to W of the Red Book: a command, an instruction, two bytes of parity Q, sixteen
of data, four of parity P, of which six bits each count. A file has no parity: a recorder makes it.
The screen has 300 x 216 pixels in 16 colours out of 4096, in tiles of 6 x 12.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

BYTES = 24
RATE_HZ = 300
SECTOR = 4  # packets
TILE_WIDTH, TILE_HEIGHT = 6, 12
COLUMNS, ROWS = 50, 18
EMPTY = bytes(BYTES)

_GRAPHICS = 0x09
_MEMORY, _BORDER, _TILE, _LOW, _HIGH, _XOR = 1, 2, 6, 30, 31, 38


def memory_preset(colour: int, repeat: int = 0) -> bytes:
    """The whole screen in one colour; players pass over those with a `repeat`, from 1 to 15."""
    return _packet(_MEMORY, (colour, repeat))


def border_preset(colour: int) -> bytes:
    """What lies around the screen in one colour."""
    return _packet(_BORDER, (colour,))


def colour_tables(colours: Sequence[tuple[int, int, int]]) -> tuple[bytes, bytes]:
    """The two packets that set 16 colours: red, green and blue from 0 to 255, of which the upper
    four bits count."""
    data = []
    for red, green, blue in colours:
        value = (red >> 4) << 8 | (green >> 4) << 4 | blue >> 4
        data += [value >> 6, value & 0x3F]
    return _packet(_LOW, data[:16]), _packet(_HIGH, data[16:])


def tile(row: int, column: int, colours: tuple[int, int], bits: Sequence[int]) -> bytes:
    """A tile: twelve rows of six pixels, the left one in bit 5; `colours` of a 0 and of a 1."""
    return _packet(_TILE, (*colours, row, column, *bits))


def xor_tile(row: int, column: int, colour: int, bits: Sequence[int]) -> bytes:
    """A tile in which the colours of the pixels with a 1 become theirs XOR `colour`."""
    return _packet(_XOR, (0, colour, row, column, *bits))


def _packet(instruction: int, data: Iterable[int]) -> bytes:
    return bytes((_GRAPHICS, instruction, 0, 0, *data)).ljust(BYTES, b"\0")
