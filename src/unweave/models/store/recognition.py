"""What a checkpoint is, by its names and shapes: the facts that a card has to say of it.

An architecture may know its own forms (`recognise`); else a model of which there is a card is
looked for whose network takes all of the arrays, as for one that was trained further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from unweave.errors import Unfit, Unstated, UnweaveError, WeightsError
from unweave.models import architectures, cards
from unweave.models.cards import Card
from unweave.models.readers import Arrays

Settings = Mapping[str, object]
STUMBLES = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError,
    AssertionError, StopIteration,
)  # fmt: skip


def recognised(arrays: Arrays, settings: Settings) -> dict[str, object]:
    """What a card has to say of a checkpoint, and under `arrays` what its network takes.

    Raises WeightsError where no network takes it, UsageError for a plug-in that is broken.
    """
    doubt, network = None, ""
    for name in architectures.names():
        try:
            facts = architectures.recognised(name, arrays, settings)
            if facts is not None:
                convert = facts.pop("convert", architectures.has(name, "convert"))
                role = str(facts.pop("role", ""))
                ours = architectures.converter(name)({role: arrays}) if convert else arrays
                return {"architecture": name, **facts, "arrays": ours}
        except Unstated as error:  # a network that has the same shapes may run in another way
            raise WeightsError(f"taken for {name}, but {error}") from error
        except (WeightsError, *STUMBLES) as error:
            reason = error if isinstance(error, WeightsError) else "its settings or shapes differ"
            doubt, network = WeightsError(f"taken for {name}, but {reason}"), name
            break
    unfit: list[Unfit] = []
    strange: set[str] = set()  # architectures that share no name with the checkpoint
    for card in _kinds(network):
        if card.architecture in strange:
            continue
        taken = _taken(card, arrays)
        if not isinstance(taken, Unfit):
            return {**_like(card, settings), "arrays": taken}
        unfit.append(taken)
        if arrays.keys() <= set(taken.names):
            strange.add(card.architecture)
    raise doubt or WeightsError(_unknown(arrays, unfit))


def _kinds(architecture: str) -> Iterator[Card]:
    """One card of each network that there is, or of those of an architecture that is named; the
    user's own are the last."""
    seen = set()
    found = []
    for name in cards.names():
        with suppress(UnweaveError):  # of a package whose card is wrong
            found.append(cards.card(name))
    for card in sorted(found, key=lambda card: not card.origin):
        key = repr((card.architecture, sorted(card.config.items()), card.stems, card.channels))
        wanted = card.bag is None and architecture in ("", card.architecture)
        if wanted and key not in seen:
            seen.add(key)
            yield card


def _taken(card: Card, arrays: Arrays) -> Arrays | Unfit:
    """The arrays as the network of `card` takes them, or which of them it does not."""
    from unweave.models import adapter, options

    role = next((file.role for each in card.sources for file in each.contents), "")
    unfit = Unfit("", sorted(arrays))
    for convert in {card.convert, False}:
        try:
            ours = architectures.converter(card.architecture)({role: arrays}) if convert else arrays
            adapter.network(card, options.in_force(card, {}), ours)
        except (UnweaveError, *STUMBLES) as error:
            # A converter may stumble over what is not of its network.
            if isinstance(error.__cause__, Unfit) and not convert:
                unfit = error.__cause__
            continue
        return dict(ours)
    return unfit


def _unknown(arrays: Arrays, unfit: Sequence[Unfit]) -> str:
    """What to say of arrays that no network takes: the first that does not fit the nearest one."""
    nearest = min(unfit, key=lambda each: len(each.names), default=Unfit("", sorted(arrays)))
    unknown = [name for name in arrays if name in nearest.names] or nearest.names
    return (
        f"no network of unweave takes these {len(arrays)} arrays; the first that does not fit is "
        f"{next(iter(unknown), 'none')!r:.80}; --config names the settings of the training"
    )


def _like(card: Card, settings: Settings) -> dict[str, object]:
    """The facts of `card` that are its network's, with the stems that the checkpoint names."""
    names = _stems(settings)
    stems = names if len(names) == len(card.stems) else card.stems
    renamed = dict(zip(card.stems, stems, strict=True))
    segment = {key: value for key, value in asdict(card.segment).items() if value is not None}
    return {
        "architecture": card.architecture,
        "stems": list(stems),
        **{key: renamed[each] for key in ("target", "complement") if (each := getattr(card, key))},
        "sample_rate_hz": card.sample_rate_hz,
        "channels": card.channels,
        "normalise_track": card.normalise_track,
        "segment": segment,
        "config": dict(card.config),
        "notes": f"taken for a network as that of {card.name}, by its names and shapes",
    }


def _stems(settings: Settings) -> tuple[str, ...]:
    """The stems that a checkpoint or its YAML names, as Demucs and MSST write them."""
    for table, key in (("kwargs", "sources"), ("training", "instruments")):
        inner = settings.get(table)
        found = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(found, (list, tuple)) and all(isinstance(each, str) for each in found):
            return tuple(each.lower() for each in found)
    return ()
