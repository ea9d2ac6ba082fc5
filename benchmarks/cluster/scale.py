"""A model of scale: hours, bytes and cost of a large catalogue, by speeds that were measured.

    python -m benchmarks.cluster.scale
    python -m benchmarks.cluster.scale --on-cores mine=2.5:4 --on-cards mine=80:4    # others

Seconds that two cores take for a second of sound are those that cards of models state, and of a
RoFormer those of the table `zoo-speed` in docs/performance.md. No graphics card was at hand: their
speeds are published ones, each with its source, until `benchmarks.cluster.card` has measured some.
Workers need no other, so N of them take an Nth of the time; what does not grow with them is the
store. Its limit is where recordings in and stems out take as long as the separation.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.zoo.sizes import TITLES

from unweave.models import cards

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
MEASURED_CORES = 2  # of all factors
MODELS = ("spleeter-2stems", "htdemucs")
ROFORMER = TITLES["mel-384x6"]
STEM_BITS = 44_100 * 2 * 32  # a second, float32
FLAC = 0.6  # of 16 bits: its bytes to those of its samples, roughly


@dataclass(frozen=True, slots=True)
class Speed:
    """speed: seconds of sound that one core, or one card, separates in a second."""

    model: str
    stems: int
    speed: float
    source: str


PUBLISHED = (
    Speed("spleeter-4stems", 4, 100.0, "one card; Hennequin et al., JOSS 5(50), 2154, 2020"),
    Speed("htdemucs", 4, 200.0, "RTX 5090; README of pymss 2.1.12"),
    Speed("BS-RoFormer of viperx (1296)", 2, 109.0, "RTX 5090; README of pymss 2.1.12"),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """What a catalogue takes with so many workers. store_workers: where the store limits."""

    hours: float
    in_tb: float
    out_tb: float
    gbit_s: float
    by_store: bool
    store_workers: float


def scale(
    speed: Speed, workers: int, sound_s: float, in_mbit: float, stem_bits: float, store_gbit: float
) -> Scale:
    """workers: cores or cards. stem_bits: of a second of a stem. store_gbit: a second, of the
    store."""
    in_bits, out_bits = sound_s * in_mbit * 1e6, sound_s * stem_bits * speed.stems
    work_s, store_s = sound_s / speed.speed, (in_bits + out_bits) / (store_gbit * 1e9)
    seconds = max(work_s / workers, store_s)
    return Scale(
        hours=seconds / 3600,
        in_tb=in_bits / 8e12,
        out_tb=out_bits / 8e12,
        gbit_s=(in_bits + out_bits) / seconds / 1e9,
        by_store=store_s > work_s / workers,
        store_workers=work_s / store_s,
    )


def on_cores() -> Iterator[Speed]:
    """Of one core; a RoFormer only where its table is on the page."""
    for name in MODELS:
        card = cards.card(name)
        assert card.real_time_factor is not None
        yield _of_factor(name, len(card.stems), card.real_time_factor, "its card")
    factor = measured_factor(PAGE.read_text("utf-8"), ROFORMER)
    if factor is not None:
        yield _of_factor(ROFORMER, 2, factor, "zoo-speed in docs/performance.md")


def measured_factor(page: str, title: str) -> float | None:
    """The real-time factor of a network in the table `zoo-speed` of a page, of the longest sound;
    None where there is no such row."""
    block = re.search(r"<!-- measured: zoo-speed -->(.*?)<!-- end -->", page, re.S)
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in (block[1].splitlines() if block else [])
        if line.startswith("|")
    ]
    if not rows or "real-time factor" not in rows[0]:
        return None
    column, found = rows[0].index("real-time factor"), dict[float, float]()
    for row in rows[1:]:
        named = re.fullmatch(rf"{re.escape(title)}, ([\d.]+) s", row[0])
        if named:
            found[float(named[1])] = float(row[column])
    return found[max(found)] if found else None


def _of_factor(name: str, stems: int, factor: float, source: str) -> Speed:
    return Speed(name, stems, 1 / (factor * MEASURED_CORES), source)


def _typed(text: str) -> tuple[str, float, int]:
    name, _, facts = text.partition("=")
    number, _, stems = facts.partition(":")
    return name, float(number), int(stems or 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=4.0, help="of a song")
    parser.add_argument("--input-mbit", type=float, default=0.32, help="a second, of a song")
    parser.add_argument("--store-gbit", type=float, default=25.0, help="a second, of the store")
    parser.add_argument("--core-price", type=float, default=0.04, help="of a core, an hour")
    parser.add_argument("--card-price", type=float, default=1.0, help="of a card, an hour")
    parser.add_argument("--cores", type=int, nargs="+", default=[64, 1_000, 10_000])
    parser.add_argument("--cards", type=int, nargs="+", default=[1, 16, 128])
    parser.add_argument("--on-cores", action="append", default=[], metavar="NAME=FACTOR[:STEMS]")
    parser.add_argument("--on-cards", action="append", default=[], metavar="NAME=SPEED[:STEMS]")
    parser.add_argument("--format", choices=("wav", "flac16"), default="flac16")
    how = parser.parse_args()
    cores, on_cards = [*on_cores()], [*PUBLISHED]
    for text in how.on_cores:
        name, factor, stems = _typed(text)
        cores.append(_of_factor(name, stems, factor, "given"))
    for text in how.on_cards:
        name, speed, stems = _typed(text)
        on_cards.append(Speed(name, stems, speed, "given"))
    sound_s = how.songs * how.minutes * 60
    stem_bits = STEM_BITS if how.format == "wav" else STEM_BITS / 2 * FLAC
    for what, speeds, numbers, price in (
        ("cores", cores, how.cores, how.core_price),
        ("cards", on_cards, how.cards, how.card_price),
    ):
        head = f"model | {what} | hours | in | out | traffic | cost | limit | store limits from"
        print(f"| {head} |\n|" + "---|" * len(head.split("|")))
        for speed in speeds:
            for number in numbers:
                found = scale(speed, number, sound_s, how.input_mbit, stem_bits, how.store_gbit)
                limit = "the store" if found.by_store else f"the {what}"
                print(
                    f"| {speed.model} | {number} | {found.hours:.0f} | {found.in_tb:.1f} TB "
                    f"| {found.out_tb:.1f} TB | {found.gbit_s:.2f} Gbit/s "
                    f"| {found.hours * number * price:.0f} | {limit} "
                    f"| {found.store_workers:.0f} {what} |"
                )
        print()
    print("| speeds of | times real time | of one | source |\n|---|---|---|---|")
    for what, speeds in (("core", cores), ("card", on_cards)):
        for speed in speeds:
            print(f"| {speed.model} | {speed.speed:.2f} | {what} | {speed.source} |")
    print("\n| songs | of | in | stems | store | price of a core | price of a card |")
    print("|" + "---|" * 7)
    print(
        f"| {how.songs} | {how.minutes:g} min | {how.input_mbit:g} Mbit/s | {how.format} "
        f"| {how.store_gbit:g} Gbit/s | {how.core_price:g} an hour | {how.card_price:g} an hour |"
    )


if __name__ == "__main__":
    main()
