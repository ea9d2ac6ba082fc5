"""The page `docs/model-table.md`: every model that unweave knows by name, from its cards.

    .venv/bin/python -m scripts.model_table

A test holds the page to the cards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from unweave import registry
from unweave.models import cards
from unweave.models.cards import Card, Score
from unweave.models.licences import short
from unweave.registry.offers import members, size_bytes

PAGE = Path(__file__).parent.parent / "docs" / "model-table.md"
HEAD = """# The models in a table

Made from the cards by `.venv/bin/python -m scripts.model_table`. `unweave models show NAME` has all
of one: where its weights come from, their SHA-256, the licence in full, the segment, and what is
not confirmed. Weights are fetched when you say so. Members of bags, and what packages bring, are
not listed.

Scores are of different sets of songs, and a model may have been trained on some of them: compare
within one set, and see [metrics.md](metrics.md).
"""
TITLES = {  # of architectures, in the order in which a reader meets them
    "roformer": "RoFormers",
    "tfc_tdf": "MDX23C and drum kits (TFC-TDF v3)",
    "mdx_net": "MDX-Net",
    "scnet": "SCNet",
    "htdemucs": "HT Demucs",
    "hybrid_demucs": "Hybrid Demucs",
    "demucs": "Demucs on waves",
    "conv_tasnet": "Conv-TasNet",
    "openunmix": "Open-Unmix",
    "spleeter": "Spleeter",
}
MOST_STEMS = 8  # of one model that are named


def page() -> str:
    """The whole page."""
    order = list(TITLES)
    inner = members()
    found = [cards.card(name) for name in cards.names() if name not in inner]
    ours = [card for card in found if card.origin == "unweave"]
    ours.sort(key=lambda card: (order.index(_network(card)), card.name))
    parts = [HEAD]
    for network, group in groupby(ours, _network):
        parts.append("\n".join([f"## {TITLES[network]}", "", *_table(list(group))]) + "\n")
    return "\n".join(parts)


def _network(card: Card) -> str:
    """The architecture of a card, or of a bag's members."""
    return card.architecture or min(each.architecture for each in _needed(card))


def _needed(card: Card) -> list[Card]:
    return registry.with_weights(card.name)


def _table(group: Sequence[Card]) -> Iterator[str]:
    yield "| model | what it is | stems | MB | licence of the weights | scores in dB |"
    yield "|---|---|---|--:|---|---|"
    for card in group:
        size = size_bytes(_needed(card))
        cells = (
            f"`{card.name}`",
            card.title,
            _stems(card.stems),
            f"{size / 1e6:.0f}" if size else "not stated",
            short(card.licence_weights),
            _scores(card.scores),
        )
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _stems(stems: Sequence[str]) -> str:
    named = ", ".join(stems[:MOST_STEMS])
    return f"{named} and {len(stems) - MOST_STEMS} more" if len(stems) > MOST_STEMS else named


def _scores(scores: Sequence[Score]) -> str:
    """What was measured alike stands together."""
    told = []
    for (data, metric), group in groupby(scores, lambda score: (score.data, score.metric)):
        each = ", ".join(f"{score.stem or 'mean'} {score.value_db:.2f}" for score in group)
        told.append(f"{data}, {metric}: {each}")
    return "; ".join(told)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
