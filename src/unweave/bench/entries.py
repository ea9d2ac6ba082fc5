"""What is benchmarked: separators with their options, and oracles, each with a label of its own.

`repet-sim:distance_s=2,frames=50` is the separator `repet-sim` with two options. The label says the
options that are not the defaults, in the order of their names, so that the same work has the same
label however it was asked for. A trained card is called by its name rather than by its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from unweave.bench.names import ORACLES
from unweave.core.errors import UsageError
from unweave.core.stem_names import RESIDUAL
from unweave.request import SeparatorRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the benchmark. `separator` is None for an oracle."""

    label: str
    name: str
    separator: SeparatorRef | None = None
    stems: tuple[str, ...] = ()  # that it gives; an oracle gives what the track has

    @property
    def kind(self) -> str:
        return "oracle" if self.separator is None else "separator"

    @property
    def options(self) -> Mapping[str, object]:
        """All that are in force."""
        return {} if self.separator is None else self.separator.options

    @property
    def identity(self) -> str | None:
        """Of the separator with its options."""
        return None if self.separator is None else self.separator.identity()


def entries(
    separators: Iterable[str],
    oracle_names: Iterable[str] = (),
    settings: Mapping[str, object] | None = None,
) -> list[Entry]:
    """The rows asked for, separators first, each once.

    settings: options for every separator, before its own. Raises UsageError for an unknown name or
    option, or where there is nothing to do.
    """
    found = [_separator(text, settings or {}) for text in separators]
    found += [_oracle(name) for name in oracle_names]
    if not found:
        raise UsageError("nothing to benchmark; name a --separator or an --oracle")
    return list({entry.label: entry for entry in _distinct(found)}.values())


def label_of(name: str, options: Mapping[str, object]) -> str:
    """`repet-sim`, or `repet-sim:distance_s=2,frames=50`."""
    if not options:
        return name
    words = ",".join(f"{key}={_word(options[key])}" for key in sorted(options))
    return f"{name}:{words}"


def _oracle(name: str) -> Entry:
    if name not in ORACLES:
        raise UsageError(f"no oracle is called {name!r}; there are {', '.join(ORACLES)}")
    return Entry(label=name, name=name)


def _separator(text: str, settings: Mapping[str, object]) -> Entry:
    from unweave import catalog
    from unweave.core import parameters

    model, _, words = text.partition(":")
    pairs: Sequence[str] = [word for word in words.split(",") if word.strip()]
    given = {**settings, **parameters.parse(pairs)}
    separator, outputs = catalog.resolve(model, given)
    said = {name: separator.options[name] for name in given}
    return Entry(
        label=label_of(separator.name, parameters.changed(catalog.declared(model), said)),
        name=separator.name,
        separator=separator,
        stems=tuple(stem for stem in outputs if stem != RESIDUAL),
    )


def _distinct(found: Sequence[Entry]) -> list[Entry]:
    """The rows, those of another card than the one that its name stands for with that card's hash.

    A run of one's own is often called as the recipe, and as a model of ours.
    """
    from unweave import catalog

    known = set(catalog.names())
    names = {entry.name for entry in found} & known
    cards = {name: catalog.resolve(name, {})[0].card_sha256 for name in names}
    meant: dict[str, set[str | None]] = {}
    for entry in found:
        meant.setdefault(entry.name, {cards[entry.name]} if entry.name in cards else set())
        meant[entry.name].add(_card(entry))
    return [
        entry
        if len(meant[entry.name]) == 1 or _card(entry) in (None, cards.get(entry.name))
        else replace(entry, label=_pinned(entry))
        for entry in found
    ]


def _card(entry: Entry) -> str | None:
    return None if entry.separator is None else entry.separator.card_sha256


def _pinned(entry: Entry) -> str:
    card = _card(entry)
    assert card is not None
    return f"{entry.name}@{card[:8]}{entry.label.removeprefix(entry.name)}"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
