"""What is benchmarked: separators with their options, and oracles, each with a label of its own.

`nmf:rank=8,seed=3` is the separator `nmf` with two options. The label says the options that are
not the defaults, in the order of their names, so that the same work has the same label however it
was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from unweave.bench.names import ORACLES
from unweave.core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the benchmark. `options` are those that are not defaults."""

    label: str
    kind: str  # separator or oracle
    name: str
    stems: tuple[str, ...] = ()  # that it gives; an oracle gives what the track has
    options: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of those that options name
    card_sha256: str | None = None
    weights_sha256: str | None = None


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
    return list({entry.label: entry for entry in found}.values())


def label_of(name: str, options: Mapping[str, object]) -> str:
    """`nmf`, or `nmf:rank=8,seed=3`."""
    if not options:
        return name
    words = ",".join(f"{key}={_word(options[key])}" for key in sorted(options))
    return f"{name}:{words}"


def _oracle(name: str) -> Entry:
    if name not in ORACLES:
        raise UsageError(f"no oracle is called {name!r}; there are {', '.join(ORACLES)}")
    return Entry(label=name, kind="oracle", name=name)


def _separator(text: str, settings: Mapping[str, object]) -> Entry:
    from unweave import catalog
    from unweave.core import parameters

    name, _, words = text.partition(":")
    pairs: Sequence[str] = [word for word in words.split(",") if word.strip()]
    options = {**settings, **parameters.parse(pairs)}
    in_force, stems = catalog.in_force(name, options)
    facts = catalog.describe(name)
    weights = (
        catalog.load(name, **options).spec.weights_sha256
        if isinstance(facts, catalog.Technique)
        else facts.weights.sha256
    )
    changed = parameters.changed(catalog.options(name), in_force)
    return Entry(
        label=label_of(name, changed),
        kind="separator",
        name=name,
        stems=stems,
        options=changed,
        weights_sha256=weights,
    )


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
