"""What is benchmarked: separators with their options, and oracles, each with a label of its own.

`repet-sim:distance_s=2,frames=50` is the separator `repet-sim` with two options, and
`package.module:Class` one that somebody else wrote; estimates were made elsewhere. A label says the
options that are not the defaults, in the order of their names, so that the same work has the same
label however it was asked for. A trained card is called by its name rather than by its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from unweave.core.stem_names import RESIDUAL
from unweave.datasets.track import Track
from unweave.engine.compose import AnySeparator
from unweave.engine.loading import complete
from unweave.errors import UsageError
from unweave.evaluation import foreign
from unweave.evaluation.names import ORACLES
from unweave.request import SeparatorRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the benchmark. `separator` is None for an oracle."""

    label: str
    name: str
    kind: str  # separator or oracle
    ref: SeparatorRef | None = None  # which separator; None for an oracle, and for `folder`
    stems: tuple[str, ...] = ()  # that it gives; an oracle gives what the track has
    separator: AnySeparator | None = None  # one in memory
    imported: str = ""  # the import path of one that the registry does not know ...
    given_options: Mapping[str, object] = field(
        default_factory=dict
    )  # ... and what to make it with
    folder: Path | None = None  # of estimates made elsewhere

    @property
    def options(self) -> Mapping[str, object]:
        """All that are in force."""
        return {} if self.ref is None else self.ref.options

    @property
    def identity(self) -> str | None:
        """Of the separator with its options."""
        return None if self.ref is None else self.ref.identity()

    @property
    def separates(self) -> bool:
        return self.ref is not None

    @property
    def has_identity(self) -> bool:
        """Whether equal entries give equal bytes: the code of other packages is unknown."""
        return self.ref is None or self.ref.model is not None

    def estimates(self, track: Track) -> Mapping[str, Path]:
        """The files of a track's estimates by stem; none where they are made here."""
        return foreign.estimates(self.folder, track) if self.folder is not None else {}

    def given(self, track: Track) -> tuple[str, ...]:
        """The stems that there will be, with what they leave; none for an oracle."""
        if self.folder is not None:
            return tuple(self.estimates(track))
        return (*self.stems, RESIDUAL) if self.kind == "separator" else ()

    def load(self) -> AnySeparator:
        """The separator, its weights in memory."""
        from unweave import registry

        if self.separator is not None:
            return self.separator
        assert self.ref is not None
        if self.imported:
            return foreign.separator(self.imported, self.given_options)
        return complete(registry.load_pinned(self.ref))


def entries(
    separators: Iterable[str | AnySeparator],
    oracle_names: Iterable[str] = (),
    settings: Mapping[str, object] | None = None,
    estimates: Mapping[str, Path] | None = None,
) -> list[Entry]:
    """The entries asked for, separators first, each once.

    settings: options for every separator, before its own. estimates: `{label: folder}`. Raises
    UsageError for an unknown name or option, two entries of one label, or nothing to do, InputError
    for a folder that there is not.
    """
    found = [_separator(item, settings or {}) for item in separators]
    found += [_oracle(name) for name in oracle_names]
    distinct: dict[str, Entry] = {}
    for entry in _distinct(found):
        other = distinct.setdefault(entry.label, entry)
        if other != entry and not (other.has_identity and entry.has_identity):
            raise UsageError(f"two separators are called {entry.label}; give one another name")
    for label, folder in (estimates or {}).items():
        foreign.check_folder(label, folder)
        if label in distinct:
            raise UsageError(f"--estimates {label}={folder}: another entry is called {label}; "
                             "give it another name")  # fmt: skip
        _check_own_name(label, f"--estimates {label}={folder}")
        distinct[label] = Entry(label=label, kind="separator", name=label, folder=folder)
    if not distinct:
        raise UsageError("no entry to benchmark; name a --separator, an --oracle or --estimates")
    return list(distinct.values())


def models(separators: Iterable[str]) -> list[str]:
    """The names and cards among them, without options; import paths left out."""
    return [item.partition(":")[0] for item in separators if not _is_import_path(item)]


def label_of(name: str, options: Mapping[str, object]) -> str:
    """`repet-sim`, or `repet-sim:distance_s=2,frames=50`."""
    if not options:
        return name
    words = ",".join(f"{key}={_word(options[key])}" for key in sorted(options))
    return f"{name}:{words}"


def _check_own_name(name: str, said: str) -> None:
    """Raises UsageError where what others made is called as something of unweave.

    Its scores would lie where those of the other lie.
    """
    from unweave import registry

    if name in ORACLES or name in registry.names():
        raise UsageError(f"{said}: {name} is a separator of unweave; give yours another name")


def _oracle(name: str) -> Entry:
    if name not in ORACLES:
        raise UsageError(f"unknown oracle {name!r}; there are {', '.join(ORACLES)}")
    return Entry(label=name, kind="oracle", name=name)


def _separator(item: str | AnySeparator, settings: Mapping[str, object]) -> Entry:
    from unweave import registry
    from unweave.options import changed, parse

    if not isinstance(item, str):
        found = foreign.checked(item, f"{item!r:.80}")
        name, said = found.spec.name, found.spec.options
        if name in registry.names():
            said = changed(registry.declared(name), said)
        return replace(_foreign(found, said), separator=found)
    model, _, words = item.partition(":")
    if _is_import_path(item):
        name, _, words = words.partition(":")
        given = {**settings, **parse(word for word in words.split(",") if word.strip())}
        path = f"{model}:{name}"
        entry = _foreign(foreign.separator(path, given), given)
        _check_own_name(entry.name, item)
        return replace(entry, imported=path, given_options=given)
    pairs: Sequence[str] = [word for word in words.split(",") if word.strip()]
    given = {**settings, **parse(pairs)}
    ref, outputs = registry.resolve(model, given)
    said = {name: ref.options[name] for name in given}
    return Entry(
        label=label_of(ref.name, changed(registry.declared(model), said)),
        kind="separator",
        name=ref.name,
        ref=ref,
        stems=tuple(stem for stem in outputs if stem != RESIDUAL),
    )


def _is_import_path(item: str) -> bool:
    from unweave import registry

    model, _, words = item.partition(":")
    return model not in registry.names() and foreign.is_import_path(model, words)


def _foreign(separator: AnySeparator, said: Mapping[str, object]) -> Entry:
    spec = separator.spec
    return Entry(
        label=label_of(spec.name, said),
        kind="separator",
        name=spec.name,
        ref=SeparatorRef(
            name=spec.name, weights_sha256=spec.weights_sha256, options=dict(spec.options)
        ),
        stems=tuple(stem for stem in spec.outputs if stem != RESIDUAL),
    )


def _distinct(found: Sequence[Entry]) -> list[Entry]:
    """The entries; one whose card is not the registered one of its name gets the card's hash.

    A training of one's own often has the name of its recipe, and that of a packaged model.
    """
    from unweave import registry

    known = set(registry.names())
    names = {entry.name for entry in found} & known
    cards = {name: registry.resolve(name, {})[0].card_sha256 for name in names}
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
    return None if entry.ref is None else entry.ref.card_sha256


def _pinned(entry: Entry) -> str:
    card = _card(entry)
    assert card is not None
    return f"{entry.name}@{card[:8]}{entry.label.removeprefix(entry.name)}"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
