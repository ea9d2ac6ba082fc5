"""All packets of a song in order.

What lights up goes out at its time. What is drawn ahead of its time, rows and cards, takes the
packets that are left, one row after the other.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from unweave.apps.karaoke.cdg import drawing, packets
from unweave.apps.karaoke.cdg.drawing import LIT, Change, Drawn
from unweave.apps.karaoke.screen.colours import WHITE, Colour, lit, unlit
from unweave.apps.karaoke.screen.fonts import Face
from unweave.apps.karaoke.screen.rows import cut_into_lines
from unweave.apps.karaoke.screen.text import laid
from unweave.apps.karaoke.screen.timing import PLACES, Timing

_BACK, _TITLE = 0, 7  # in the table of colours
_SINGERS = range(1, 7)  # what has not been sung; what has been is `LIT` further on
_BACKGROUND: Colour = (16, 24, 48)
_REPEATS = 4  # a scratch on a disc costs a packet


@dataclass(slots=True)
class _Order:
    """Packets to draw from a time on, and the changes of what they draw.

    replaces: what is no longer there when the first of them has gone out.
    """

    at_s: float
    packets: deque[bytes]
    changes: list[Change] = field(default_factory=list)
    replaces: list[_Order] = field(default_factory=list)
    gone: bool = False


def stream(timing: Timing, card: Sequence[bytes], faces: Sequence[Face], count: int) -> bytes:
    """`count` packets. card: those that draw the title card, where there is time for it."""
    made = bytearray()
    orders = chain([_begun(timing)], _orders(timing, card, faces))
    coming = next(orders, None)
    drawn: deque[_Order] = deque()
    due: list[tuple[int, int, Change, _Order]] = []
    change: deque[bytes] = deque()
    serial = 0
    for n in range(count):
        while coming and coming.at_s * packets.RATE_HZ <= n:
            drawn.append(coming)
            for each in coming.changes:
                # In the middle of its packets it is on time.
                first = round(each.at_s * packets.RATE_HZ) - len(each.packets) // 2
                heapq.heappush(due, (first, serial, each, coming))
                serial += 1
            coming = next(orders, None)
        while not change and due and due[0][0] <= n:
            order = due[0][3]
            if not order.gone and order.packets:  # it is not all there yet
                break
            each = heapq.heappop(due)[2]
            if not order.gone:
                change.extend(each.packets)
        if change:
            made += change.popleft()
            continue
        while drawn and not drawn[0].packets:
            drawn.popleft()
        if drawn:
            for other in drawn[0].replaces:
                other.gone = True
            made += drawn[0].packets.popleft()
        else:
            made += packets.EMPTY
    return bytes(made)


def _begun(timing: Timing) -> _Order:
    """The colours, on an empty screen."""
    singers = _singers(timing)
    table = [(0, 0, 0)] * 16
    table[_BACK], table[_TITLE] = _BACKGROUND, WHITE
    for singer, colour in singers.items():
        table[colour] = unlit(singer, duet=len(singers) > 1)
        table[colour ^ LIT] = lit(singer)
    tables = packets.colour_tables(table)
    return _Order(0.0, deque([*_clear(), packets.border_preset(_BACK), *tables]))


def _singers(timing: Timing) -> dict[int, int]:
    """The colour of each."""
    singers = sorted({shown.row.singer for shown in timing.shown})
    return {singer: _SINGERS[n % len(_SINGERS)] for n, singer in enumerate(singers)}


def _orders(timing: Timing, card: Sequence[bytes], faces: Sequence[Face]) -> Iterator[_Order]:
    """Everything after the beginning, in the order of time, each made when it is asked for."""
    if timing.title_to_s:
        yield _Order(0.0, deque(card))
        yield _Order(timing.title_to_s, deque(_clear()))
    singers = _singers(timing)
    clears = deque(timing.clear_s)
    there: dict[int, tuple[Drawn, _Order]] = {}
    for shown in timing.shown:
        if shown.from_s >= clears[0]:
            yield _Order(clears.popleft(), deque(_clear()), replaces=_all(there))
            there = {}
        row = drawing.row(shown, faces)
        colour = singers[shown.row.singer]
        before = there.get(shown.place)
        over = before[0].ink if before else None
        order = _Order(
            shown.from_s,
            deque(drawing.tiles(row.ink, row.tile_row, colour, over=over, rtl=row.rtl)),
            [*drawing.lights(row), *drawing.countdown(shown, row, colour ^ LIT)],
            [before[1]] if before else [],
        )
        there[shown.place] = (row, order)
        yield order
    yield _Order(clears[0], deque(_clear()), replaces=_all(there))


def _all(there: dict[int, tuple[Drawn, _Order]]) -> list[_Order]:
    return [order for _, order in there.values()]


def card_packets(card: Sequence[str], faces: Sequence[Face]) -> list[bytes]:
    """The packets that draw title and artist."""

    def width(text: str) -> float:
        return laid(text, faces, drawing.SIZE_PX).width

    lines = list(card)
    for share in range(1, 100):  # smaller letters, until there are places for all lines
        limit = share * drawing.WIDTH
        lines = [line for text in card if text for line in cut_into_lines(text, width, limit)]
        if len(lines) <= PLACES:
            break
    first = (PLACES - len(lines)) // 2
    made: list[bytes] = []
    for n, line in enumerate(lines):
        ink, _, _ = drawing.line(line, faces)
        made += drawing.tiles(ink, drawing.TOP + (first + n) * drawing.PLACE + 1, _TITLE)
    return made


def _clear() -> list[bytes]:
    return [packets.memory_preset(_BACK, n) for n in range(_REPEATS)]
