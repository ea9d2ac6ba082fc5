"""What people may choose from: models by the weights that they need, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from unweave.errors import UnweaveError
from unweave.models import cards, store
from unweave.models.cards import Card
from unweave.models.licences import permissive, short

MOST_NAMED = 2  # of models that have a stem: of those that anyone may use, and of the others


def members() -> set[str]:
    """The models that are there for a bag of models: lists for people leave them out."""
    found: set[str] = set()
    for name in cards.names():
        try:
            bag = cards.card(name).bag
        except UnweaveError:
            continue
        found |= set(bag.members) if bag else set()
    return found


def size_bytes(found: Iterable[Card]) -> int:
    """What the weights of all these cards take; 0 where nobody states it of one."""
    sizes = [each.weights.size_bytes or each.download_bytes for each in found]
    return sum(sizes) if all(sizes) else 0


def in_words(found: Mapping[str, Sequence[Card]]) -> str:
    """Some of these separators, by name with the cards that they need: those that are here first,
    then by licence and size, techniques last. Of models with the same weights the first is named.
    """
    named: dict[tuple[str, ...], list[tuple[tuple[object, ...], bool, str]]] = {}
    for name, needed in found.items():
        here = all(map(store.here, needed))
        free = all(permissive(card.licence_weights) for card in needed)
        size = size_bytes(needed)
        licences = " and ".join(dict.fromkeys(short(card.licence_weights) for card in needed))
        words = [f"{size / 1e6:.0f} MB" if size else "size not stated", licences] * bool(needed)
        words += ["here"] * (here and bool(needed))
        order = (not needed, not here, not free, not size, size)
        weights = tuple(card.weights_sha256 for card in needed) or (name,)
        said = f"{name} ({', '.join(words)})" if words else name
        named.setdefault(weights, []).append((order, free, said))
    first = sorted(map(min, named.values()))
    few = [[each for each in first if each[1] == free][:MOST_NAMED] for free in (True, False)]
    return ", ".join(words for _, _, words in sorted([*few[0], *few[1]]))
