"""A model of scale: hours, bytes and cost of a large catalogue, by the speeds that cards state.

    python -m benchmarks.cluster.scale
    python -m benchmarks.cluster.scale --model roformer=2.5 --cores 2    # another, as measured here

A card's real-time factor was measured on two cores. Workers are independent, so N cores are N / 2
such pairs; what does not grow with them is the store. Its limit is where recordings in and stems
out take as long as the separation.
"""

from __future__ import annotations

import argparse

from unweave.models import cards

MEASURED_CORES = 2  # of the cards' factors
MODELS = ("spleeter-2stems", "htdemucs")
STEM_BITS = 44_100 * 2 * 32  # a second, float32
FLAC = 0.6  # of 16 bits: its bytes to those of its samples, roughly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=4.0, help="of a song")
    parser.add_argument("--input-mbit", type=float, default=0.32, help="a second, of a song")
    parser.add_argument("--store-gbit", type=float, default=25.0, help="a second, of the store")
    parser.add_argument("--price", type=float, default=0.04, help="of a core, an hour")
    parser.add_argument("--cores", type=int, nargs="+", default=[64, 1_000, 10_000])
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FACTOR[:STEMS]")
    parser.add_argument("--format", choices=("wav", "flac16"), default="flac16")
    how = parser.parse_args()
    found = []
    for name in MODELS:
        card = cards.card(name)
        assert card.real_time_factor is not None
        found.append((name, card.real_time_factor, len(card.stems)))
    for text in how.model:
        name, _, facts = text.partition("=")
        factor, _, stems = facts.partition(":")
        found.append((name, float(factor), int(stems or 2)))
    sound_s = how.songs * how.minutes * 60
    head = "model | cores | hours | in | out | traffic | cost | limit | store limits from"
    print(f"| {head} |")
    print("|" + "---|" * len(head.split("|")))
    for name, factor, stems in found:
        core_s = sound_s * factor * MEASURED_CORES
        stem_bits = STEM_BITS if how.format == "wav" else STEM_BITS / 2 * FLAC
        in_bits, out_bits = sound_s * how.input_mbit * 1e6, sound_s * stem_bits * stems
        store_s = (in_bits + out_bits) / (how.store_gbit * 1e9)
        for cores in how.cores:
            seconds = max(core_s / cores, store_s)
            limit = "the store" if store_s > core_s / cores else "the cores"
            print(
                f"| {name} | {cores} | {seconds / 3600:.0f} | {in_bits / 8e12:.1f} TB "
                f"| {out_bits / 8e12:.1f} TB | {(in_bits + out_bits) / seconds / 1e9:.2f} Gbit/s "
                f"| {seconds / 3600 * cores * how.price:.0f} | {limit} "
                f"| {core_s / store_s:.0f} cores |"
            )
    print()
    print("| songs | of | in | stems | store | price of a core |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {how.songs} | {how.minutes:g} min | {how.input_mbit:g} Mbit/s | {how.format} "
        f"| {how.store_gbit:g} Gbit/s | {how.price:g} an hour |"
    )


if __name__ == "__main__":
    main()
