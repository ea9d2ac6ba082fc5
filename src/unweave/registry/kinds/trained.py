"""Trained models: cards, of one network or of a bag of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from unweave import plugins
from unweave.engine.allocator import no_collection, use_large_pages
from unweave.engine.limits import room_for_torch
from unweave.errors import UsageError
from unweave.models import architectures, cards, options, store
from unweave.models.cards import Card
from unweave.options import WIENER, Option
from unweave.registry.kinds import Declared, Described, Part, filtered, part_of

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

names = cards.names
known = cards.known
describe = cards.card
card_sha256 = cards.sha256
place = plugins.place


def origin(name: str) -> str:
    return cards.card(name).origin


def card(name: str) -> Card | None:
    found = cards.card(name)
    return found if found.bag is None else None


def declared(name: str) -> tuple[Option, ...]:
    own = _own(cards.card(name))
    return own if WIENER in own else (*own, WIENER)


def code(name: str) -> str:
    return architectures.origin(cards.card(name).architecture)


def revision(name: str) -> int:
    return options.revision(cards.card(name))


def parts(name: str, values: Mapping[str, object], declared: Declared) -> tuple[Part, ...]:
    """The members of a bag; all of them have the bag's options."""
    found = cards.card(name)
    taken = {item.name for item in _own(found)}
    given = {key: value for key, value in values.items() if key in taken}
    return tuple(Part(name=member, options=given) for member in _members(found))


def make(name: str, values: Mapping[str, Any], parts: Sequence[AnySeparator]) -> AnySeparator:
    found = cards.card(name)
    own = {item.name for item in _own(found)}
    if found.bag is not None:
        plain = {**_in_force(name, values), WIENER.name: WIENER.default}
        made = _bag(found, parts, plain)
    else:
        given = {key: value for key, value in values.items() if key in own}
        spec = options.spec(found, options.in_force(found, given))
        made = Described(spec, found, partial(_network, found, given))
    if WIENER.name not in own:
        made = filtered(made, values.get(WIENER.name, 0))
    if found.normalise_track:
        from unweave.engine.adapters.track_normalised import Highest, TrackNormalised

        level = None if found.bag else options.level(found)
        made = TrackNormalised(made, Highest(found.segment, level) if level else None)
    return made


def check(card: Card) -> None:
    """Whether a card's weights and settings can be right, before any work.

    Raises WeightsError for weights that are not the card's, UsageError for settings that its
    network does not have. Those of packages are not looked at: it takes the import of torch.
    """
    store.check(card)
    if not card.origin:
        room_for_torch()
        from unweave.models import adapter

        adapter.check_config(card)


def _members(card: Card) -> tuple[str, ...]:
    """What a bag is made of; nothing for a network."""
    bag, path = card.bag, card.path
    if bag is None or path is None:  # unweave's own name no paths
        return () if bag is None else bag.members
    return tuple(part_of(path, member) for member in bag.members)


def _own(card: Card) -> tuple[Option, ...]:
    """The options of the network, or of a bag's networks."""
    within = [card.place]
    while card.bag is not None:
        try:
            card = cards.card(_members(card)[0])
        except UsageError as error:
            raise UsageError(f"{card.place}: {error}") from error
        if card.place in within:
            raise UsageError(f"{within[0]}: {' -> '.join((*within, card.place))} is a cycle")
        within.append(card.place)
    return options.declared(card)


def _in_force(name: str, values: Mapping[str, object]) -> dict[str, object]:
    return {item.name: values.get(item.name, item.default) for item in declared(name)}


def _bag(card: Card, members: Sequence[Any], options: Mapping[str, object]) -> Any:
    """A bag; an ensemble where the members take different segments."""
    from unweave.engine.adapters.bag import Bag
    from unweave.engine.adapters.ensemble import Ensemble
    from unweave.engine.adapters.track_normalised import around

    bag = card.bag
    assert bag is not None

    def joined(*inner: Any) -> Any:
        specs = [member.spec for member in inner]
        sound = {(spec.stems, spec.sample_rate_hz, spec.channels) for spec in specs}
        if len(sound) == 1 and len({spec.segmentation for spec in specs}) > 1:
            return Ensemble(inner, weights=bag.matrix, name=card.name, options=options)
        return Bag(inner, bag.matrix, card.name, options)  # which says what does not fit

    try:
        return around(joined, *members)
    except UsageError as error:
        raise UsageError(f"{card.place}: {error}") from error


def _network(card: Card, values: Mapping[str, Any]) -> Any:
    # A download is here, in the thread that Ctrl-C interrupts.
    weights = [store.weights(card)] if store.needs_download(card) else []
    if options.large_pages(card):
        use_large_pages()
    with ThreadPoolExecutor(1) as pool, no_collection():
        reading = [] if weights else [pool.submit(store.weights, card)]  # while torch is imported
        from unweave.models import adapter
    # Importing torch leaves cycles with the frames of its callers, so this one lets its arrays go.
    weights += [each.result() for each in reading]
    reading.clear()
    return adapter.NeuralSeparator(card, values, weights.pop())
