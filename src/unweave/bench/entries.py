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

from unweave.bench import foreign
from unweave.bench.names import ORACLES
from unweave.core.errors import UsageError
from unweave.core.parameters import Parameter
from unweave.core.stem_names import RESIDUAL
from unweave.core.types import Separator
from unweave.datasets.track import Track

IMPORTED = "import:"  # before the import path of a separator that the catalog does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the benchmark. `options` are all that are in force."""

    label: str
    kind: str  # separator or oracle
    name: str
    model: str = ""  # what the catalog loads it by: its name, or the path of its card
    given_options: Mapping[str, object] = field(default_factory=dict)  # to load it with
    stems: tuple[str, ...] = ()  # that it gives; an oracle gives what the track has
    options: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of those that options name
    card_sha256: str | None = None
    weights_sha256: str | None = None
    separator: Separator | None = None  # one in memory
    folder: Path | None = None  # of estimates made elsewhere

    @property
    def separates(self) -> bool:
        return self.kind == "separator" and self.folder is None

    @property
    def has_identity(self) -> bool:
        """Whether equal entries give equal bytes: nobody knows what code of others holds."""
        return self.separator is None and not self.model.startswith(IMPORTED)

    def estimates(self, track: Track) -> Mapping[str, Path]:
        """The files of a track's estimates by stem; none where they are made here."""
        return foreign.estimates(self.folder, track) if self.folder is not None else {}

    def given(self, track: Track) -> tuple[str, ...]:
        """The stems that there will be, with what they leave; none for an oracle."""
        if self.folder is not None:
            return tuple(self.estimates(track))
        return (*self.stems, RESIDUAL) if self.kind == "separator" else ()

    def load(self) -> Separator:
        """The separator, its weights in memory."""
        from unweave import catalog

        if self.separator is not None:
            return self.separator
        if self.model.startswith(IMPORTED):
            return foreign.separator(self.model.removeprefix(IMPORTED), self.given_options)
        return catalog.load(self.model, **self.given_options)


def entries(
    separators: Iterable[str | Separator],
    oracle_names: Iterable[str] = (),
    settings: Mapping[str, object] | None = None,
    estimates: Mapping[str, Path] | None = None,
) -> list[Entry]:
    """The rows asked for, separators first, each once.

    settings: options for every separator, before its own. estimates: `{label: folder}`. Raises
    UsageError for an unknown name or option, two rows of one label, or nothing to do, InputError
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
            raise UsageError(f"--estimates {label}={folder}: another row is called {label}; "
                             "give it another name")  # fmt: skip
        distinct[label] = Entry(label=label, kind="separator", name=label, folder=folder)
    if not distinct:
        raise UsageError("nothing to benchmark; name a --separator, an --oracle or --estimates")
    return list(distinct.values())


def label_of(name: str, options: Mapping[str, object]) -> str:
    """`repet-sim`, or `repet-sim:distance_s=2,frames=50`."""
    if not options:
        return name
    words = ",".join(f"{key}={_word(options[key])}" for key in sorted(options))
    return f"{name}:{words}"


def _oracle(name: str) -> Entry:
    if name not in ORACLES:
        raise UsageError(f"no oracle is called {name!r}; there are {', '.join(ORACLES)}")
    return Entry(label=name, kind="oracle", name=name)


def _separator(item: str | Separator, settings: Mapping[str, object]) -> Entry:
    from unweave import catalog
    from unweave.core import parameters

    if not isinstance(item, str):
        found = foreign.checked(item, f"{item!r:.80}")
        name, said = found.spec.name, found.spec.options
        if name in catalog.names():
            said = parameters.changed(catalog.options(name), said)
        return replace(_foreign(found, said), separator=found)
    model, _, words = item.partition(":")
    if model not in catalog.names() and foreign.is_import_path(model, words):
        name, _, words = words.partition(":")
        given = {**settings, **parameters.parse(word for word in words.split(",") if word.strip())}
        path = f"{model}:{name}"
        entry = _foreign(foreign.separator(path, given), given)
        return replace(entry, model=f"{IMPORTED}{path}", given_options=given)
    pairs: Sequence[str] = [word for word in words.split(",") if word.strip()]
    given = {**settings, **parameters.parse(pairs)}
    in_force, outputs = catalog.in_force(model, given)
    facts, declared = catalog.describe(model), catalog.options(model)
    said = {name: in_force[name] for name in given}
    if isinstance(facts, catalog.Technique):
        weights = catalog.load(model, **given).spec.weights_sha256
    else:
        weights = facts.weights.sha256
    return Entry(
        label=label_of(facts.name, parameters.changed(declared, said)),
        kind="separator",
        name=facts.name,
        model=model,
        given_options=given,
        stems=tuple(stem for stem in outputs if stem != RESIDUAL),
        options=in_force,
        files=_files(declared, in_force),
        card_sha256=catalog.card_sha256(model),
        weights_sha256=weights,
    )


def _foreign(separator: Separator, said: Mapping[str, object]) -> Entry:
    spec = separator.spec
    return Entry(
        label=label_of(spec.name, said),
        kind="separator",
        name=spec.name,
        stems=tuple(stem for stem in spec.outputs if stem != RESIDUAL),
        options=dict(spec.options),
        weights_sha256=spec.weights_sha256,
    )


def _files(declared: Iterable[Parameter], options: Mapping[str, object]) -> dict[str, str]:
    """The SHA-256 of the content of each file that an option names."""
    from unweave.datasets.track import sha256

    paths = {item.name: options[item.name] for item in declared if item.file}
    return {name: sha256(Path(path)) for name, path in paths.items() if isinstance(path, str)}


def _distinct(found: Sequence[Entry]) -> list[Entry]:
    """The rows, those of another card than the one that its name stands for with that card's hash.

    A run of one's own is often called as the recipe, and as a model of ours.
    """
    from unweave import catalog

    known = set(catalog.names())
    ours = {name: catalog.card_sha256(name) for name in {e.name for e in found} & known}
    meant: dict[str, set[str | None]] = {}
    for entry in found:
        meant.setdefault(entry.name, {ours[entry.name]} if entry.name in ours else set())
        meant[entry.name].add(entry.card_sha256)
    return [
        entry
        if len(meant[entry.name]) == 1 or entry.card_sha256 in (None, ours.get(entry.name))
        else replace(entry, label=_pinned(entry))
        for entry in found
    ]


def _pinned(entry: Entry) -> str:
    assert entry.card_sha256 is not None
    return f"{entry.name}@{entry.card_sha256[:8]}{entry.label.removeprefix(entry.name)}"


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
