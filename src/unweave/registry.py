"""Every separator by name: the only place that turns a name into one, importing only that one.

Classical techniques are the files of `separators/`, each with its frozen dataclass under the name
`TECHNIQUE`; trained ones are cards (`models/cards.py`); presets are made of others (`presets.py`).
Other packages add to all three by entry points (`plugins.py`).

`resolve` says everything of a separator that a request holds, before its weights are read; `load`
gives it; `check` makes sure that both speak of the same one.
"""

from __future__ import annotations

import gc
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import plugins, presets, separators
from unweave.audio.files import advice, shown
from unweave.core.atomic import sha256
from unweave.core.stem_names import RESIDUAL, canonical
from unweave.engine.limits import enough_memory, room_for_torch
from unweave.errors import InputError, UsageError
from unweave.models import cards, store
from unweave.models import options as trained
from unweave.models.cards import Card
from unweave.options import SEED, WIENER, Option, build, checked, options_of
from unweave.presets import Member, Preset
from unweave.request import Execution, OptionFile, Output, SeparationRequest, SeparatorRef
from unweave.types import Audio, Separator, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from unweave.engine.compose import AnySeparator

DEFAULT = "spleeter-2stems"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """The facts about a classical technique."""

    name: str
    title: str
    doc: str  # the file's docstring, for the documentation
    stems: tuple[str, ...]
    paper: str
    licence: str


def names() -> list[str]:
    """All names, sorted."""
    return sorted({*cards.names(), *techniques(), *presets.names()})


def techniques() -> list[str]:
    """The names of the classical techniques, those of plug-ins among them, sorted."""
    return sorted({*_own_techniques(), *plugins.found(plugins.SEPARATORS)} - set(cards.names()))


def origin(name: str) -> str:
    """The distribution that a separator comes from."""
    if presets.known(name):
        return presets.preset(name).origin
    if cards.known(name):
        return cards.card(name).origin
    if name in _own_techniques():
        return "unweave"
    return plugins.origin(plugins.found(plugins.SEPARATORS)[name])


@cache
def _own_techniques() -> frozenset[str]:
    return frozenset(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(separators.__path__)
        if not module.name.startswith("_")
    )


def describe(name: str) -> Card | Technique | Preset:
    """The facts about a separator, without its weights. Raises UsageError for an unknown name."""
    if presets.known(name):
        return presets.preset(name)
    if cards.known(name):
        return cards.card(name)
    technique = _technique(name)
    doc = sys.modules[technique.__module__].__doc__ or ""
    spec = technique().spec
    return Technique(
        name=name,
        title=doc.partition("\n")[0].strip(),
        doc=doc,
        stems=spec.stems,
        paper=spec.paper,
        licence=spec.licence,
    )


def declared(name: str) -> tuple[Option, ...]:
    """The options that `load` takes for a separator, without its weights.

    Raises UsageError for an unknown name.
    """
    own = _own_options(name)
    return own if WIENER in own or presets.known(name) else (*own, WIENER)


def members(name: str) -> tuple[Member, ...]:
    """What a preset or a bag of models is made of; nothing for any other name.

    Raises UsageError for an unknown name.
    """
    found = _members(name)
    _check_finite(name, found, ())
    return found


def _members(name: str) -> tuple[Member, ...]:
    if presets.known(name):
        return tuple(presets.preset(name).members())
    if cards.known(name) and (bag := cards.card(name).bag) is not None:
        return tuple(Member(separator=member) for member in bag.members)
    return ()


def _check_finite(name: str, members: Iterable[Member], within: tuple[str, ...]) -> None:
    """Raises UsageError where something is a member of itself."""
    within = (*within, name)
    for member in members:
        if member.separator in within:
            raise UsageError(f"{name}: {' -> '.join(within)} -> {member.separator} is a cycle")
        _check_finite(member.separator, _members(member.separator), within)


def with_weights(name: str) -> list[Card]:
    """The cards whose weights a separator needs. Raises UsageError for an unknown name."""
    found = [card for member in members(name) for card in with_weights(member.separator)]
    if not found and cards.known(name) and not presets.known(name):
        return [cards.card(name)]
    return list({card.place: card for card in found}.values())


def request(
    model: str = DEFAULT,
    options: Mapping[str, object] | None = None,
    *,
    stems: str | Iterable[str] | None = None,
    seed: object = 0,
    output: Output = Output(),
    execution: Execution = Execution(),
) -> SeparationRequest:
    """What people ask for, with every value in force.

    options: the separator's own. stems: names as people write them (see `choose_stems`), none for
    all that the separator gives. seed: for a separator that uses chance and is not given another.
    Raises UsageError for a model, an option, a value or a stem that there is not, WeightsError for
    weights that are not their card's, InputError for an option's file that cannot be read.
    """
    given = {**(options or {})}
    SEED.check(seed, model)
    if seed and any(item.name == SEED.name for item in declared(model)):
        given = {SEED.name: seed, **given}
    separator, outputs = resolve(model, given)
    return SeparationRequest(
        separator=separator,
        stems=choose_stems(stems, outputs, model),
        output=output,
        execution=execution,
    )


def resolve(model: str, options: Mapping[str, object]) -> tuple[SeparatorRef, tuple[str, ...]]:
    """The separator called `model` with all options in force, and the names it can write.

    Its weights are not loaded. Raises as `request` does.
    """
    given = {
        item.name: os.path.abspath(value)
        if item.names_a_file and isinstance(value := options[item.name], (str, os.PathLike))
        else options[item.name]
        for item in declared(model)
        if item.name in options
    }
    given |= {name: value for name, value in options.items() if name not in given}
    values = _with_sound(model, given)
    spec = _spec(model, values)
    place, revision = model, 1
    if presets.known(model):
        place = presets.place(model)
    elif cards.known(model):
        place, revision = cards.place(model), trained.revision(cards.card(model))
        for card in with_weights(model):
            store.check(card)
    else:
        revision = _technique_revision(model)
    in_memory = any(isinstance(value, Audio) for value in given.values())
    separator = SeparatorRef(
        name=spec.name,
        model=None if in_memory else place,
        revision=revision,
        card_sha256=_card_sha256(model),
        weights_sha256=spec.weights_sha256,
        options=dict(spec.options),
        files=_files(model, given),
        members=tuple(
            resolve(member.separator, _for_member(model, member, values))[0]
            for member in members(model)
        ),
    )
    return separator, spec.outputs


def _for_member(model: str, member: Member, values: Mapping[str, object]) -> dict[str, object]:
    """The options of a member: those of a preset are its own, those of a bag the bag's."""
    return dict(member.options if presets.known(model) else _without_wiener(values))


def _without_wiener(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != WIENER.name}


def _spec(model: str, values: Mapping[str, Any]) -> Spec:
    """What the separator is, with all options in force, before weights are read."""
    if presets.known(model):
        return presets.build(
            presets.preset(model),
            lambda member: Described(
                _spec(member.separator, _with_sound(member.separator, member.options))
            ),
        ).spec
    if not cards.known(model):
        return load(model, **values).spec
    card = cards.card(model)
    in_force = {item.name: values.get(item.name, item.default) for item in declared(model)}
    if card.bag is not None:
        inner = _without_wiener(values)
        return _bag(
            card, [Described(_spec(name, inner)) for name in card.bag.members], in_force
        ).spec
    return Spec(
        name=card.name,
        stems=card.stems,
        sample_rate_hz=card.sample_rate_hz,
        channels=card.channels,
        segmentation=card.segment.in_seconds(card.sample_rate_hz),
        complement=card.complement,
        additive=trained.additive(card, in_force),
        licence=card.licence_weights,
        weights_sha256=card.weights.sha256,
        options=in_force,
    )


@dataclass(frozen=True, slots=True)
class Described:
    """Stands for a separator whose weights are not needed yet."""

    spec: Spec

    def to(self, device: str) -> Described:
        return self

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        raise NotImplementedError(f"{self.spec.name} is described, not loaded")


def _bag(card: Card, members: Sequence[Separator], options: Mapping[str, object]) -> Separator:
    from unweave.engine.adapters.bag import Bag

    assert card.bag is not None
    try:
        return Bag(tuple(members), card.bag.matrix, card.name, options)
    except UsageError as error:
        raise UsageError(f"{card.place}: {error}") from error


def check(separator: SeparatorRef, model: str, loaded: AnySeparator) -> None:
    """Raises InputError where what was loaded as `model` is not what `separator` says."""
    weights_sha256 = loaded.spec.weights_sha256
    _check_hashes(separator, model)
    if weights_sha256 != separator.weights_sha256:
        raise InputError(f"{shown(model)}: the weights changed meanwhile; run it again")
    for file in _all_files(separator):
        if _hash(Path(file.path)) != file.sha256:
            raise InputError(f"{shown(file.path)}: changed meanwhile; run it again")


def load_pinned(separator: SeparatorRef, sound: Mapping[str, Audio] | None = None) -> AnySeparator:
    """The separator that a request names, with the weights and files that it names.

    sound: of options whose sound is in memory, by name. Raises as `load` does, and InputError where
    something changed meanwhile.
    """
    name = separator.model or separator.name
    loaded = load(name, **{**separator.options, **(sound or {})})
    check(separator, name, loaded)
    return loaded


def files_read(separator: SeparatorRef) -> dict[Path, str]:
    """The files that the work reads besides the recording, and what each is, for errors."""
    found: dict[Path, str] = {}
    for file in _all_files(separator):
        path, what = Path(file.path), f"the file of the option {file.option}"
        # Dictionaries are a card with weights beside it.
        found |= {path: what, path.with_suffix(".safetensors"): what}
    if separator.model is None:
        return found
    what = f"a file of the model {shown(separator.model)}"
    if presets.known(separator.model):
        found[presets.preset(separator.model).path] = what
    for card in with_weights(separator.model):
        found |= dict.fromkeys([store.path(card), *filter(None, [card.path])], what)
    return found


def _all_files(separator: SeparatorRef) -> Iterator[OptionFile]:
    """The files that its options name, and those of its members."""
    yield from separator.files
    for member in separator.members:
        yield from _all_files(member)


def _check_hashes(separator: SeparatorRef, model: str) -> None:
    """Raises InputError where a card or a preset is not the one that `separator` names."""
    if _card_sha256(model) != separator.card_sha256:
        raise InputError(f"{shown(model)}: changed meanwhile; run it again")
    for member in separator.members:
        _check_hashes(member, member.model or member.name)


def load(name: str = DEFAULT, /, **given: object) -> AnySeparator:
    """The separator called `name`, with its weights; `to(device)` makes it ready to run.

    given: its own options, and `wiener`, the rounds of a multichannel Wiener filter, for any of
    them. The path of a recording stands for its sound. Raises UsageError for an unknown name,
    option or value before weights or recordings are read, WeightsError where weights are missing,
    InputError for a recording that cannot be read, MemoryLimitError.
    """
    with enough_memory():
        room_for_torch()
        return _load(name, _with_sound(name, given))


def _load(name: str, values: dict[str, Any]) -> AnySeparator:
    if presets.known(name):
        return presets.build(
            presets.preset(name), lambda member: load(member.separator, **member.options)
        )
    rounds = 0 if WIENER in _own_options(name) else values.pop(WIENER.name, 0)
    separator = (
        _trained(cards.card(name), values) if cards.known(name) else _classical(name, values)
    )
    if not rounds:
        return separator
    from unweave.engine.adapters.wiener import Wiener

    return Wiener(separator, rounds)


def technique(name: str, given: Mapping[str, object]) -> Any:
    """A classical technique itself, for what it can do besides separating: no filter behind it.

    Raises UsageError for an unknown name, option or value.
    """
    return build(_technique(name), given)


def choose_stems(
    asked: str | Iterable[str] | None, outputs: Sequence[str], model: str
) -> tuple[str, ...]:
    """The stems to write, in the model's order: without the residual where `asked` is None or ().

    `asked` holds names, or names joined by commas; a synonym such as 'instrumental' means
    the stem that the model has. `outputs` are the names that can be written (`Spec.outputs`).
    Raises UsageError for a name that is not among them, and for a word that names no stem.
    """
    words = [asked] if isinstance(asked, str) else list(() if asked is None else asked)
    for word in words:
        if not isinstance(word, str):
            raise UsageError(f"{model}: stems are names, as 'vocals' is; got {word!r:.80}")
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    if not all(word.strip(" ,") for word in words):
        raise UsageError(f"{model}: no stem is named; it has {', '.join(outputs)}")
    meant = {name if name in outputs else canonical(name): name for name in names}
    for stem, name in meant.items():
        if stem in outputs:
            continue
        if stem == RESIDUAL:
            raise UsageError(
                f"{model} has no residual, as its stems sum to the mix; it has {', '.join(outputs)}"
            )
        raise UsageError(f"{model} has no stem {name!r}; it has {', '.join(outputs)}")
    stems = tuple(stem for stem in outputs if stem in meant)
    return stems or tuple(stem for stem in outputs if stem != RESIDUAL)


def _with_sound(model: str, options: Mapping[str, object]) -> dict[str, Any]:
    """Checked options, with the sound of recordings in place of their paths.

    Names and values are checked before a recording is read. Raises UsageError, InputError.
    """
    known = declared(model)
    takes_sound = {item.name for item in known if Audio in item.types}
    paths = {
        name: Path(value)
        for name, value in options.items()
        if name in takes_sound and isinstance(value, (str, os.PathLike))
    }
    others = {name: value for name, value in options.items() if name not in paths}
    values = checked(known, others, model)
    if paths:
        from unweave.audio.reader import decoded

        values |= {name: decoded(path)[0] for name, path in paths.items()}
    return values


def _files(model: str, options: Mapping[str, object]) -> tuple[OptionFile, ...]:
    """The files that options name, paths absolute. Raises InputError."""
    named = sorted(item.name for item in declared(model) if item.names_a_file)
    paths = {name: options.get(name) for name in named}
    return tuple(
        OptionFile(option=name, path=path, sha256=_hash(Path(path)))
        for name, path in paths.items()
        if isinstance(path, str)
    )


def _card_sha256(model: str) -> str | None:
    """SHA-256 of the card or of the preset; None for a technique."""
    if presets.known(model):
        return presets.sha256(model)
    return cards.sha256(model) if cards.known(model) else None


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {advice(error)}") from error


def _own_options(name: str) -> tuple[Option, ...]:
    """The options of a separator itself. Raises UsageError for an unknown name."""
    if presets.known(name):
        return ()
    if cards.known(name):
        card = cards.card(name)
        return _own_options(card.bag.members[0]) if card.bag else trained.declared(card)
    return options_of(_technique(name))


def _classical(name: str, values: Mapping[str, object]) -> Separator:
    technique: Separator = _technique(name)(**values)
    return technique


def _trained(card: Card, values: Mapping[str, object]) -> Separator:
    if card.bag is not None:
        members = [_trained(cards.card(name), values) for name in card.bag.members]
        return _bag(card, members, {**members[0].spec.options, WIENER.name: WIENER.default})
    # A download is here, in the thread that Ctrl-C interrupts.
    fetched = store.weights(card) if store.needs_download(card) else None
    with ThreadPoolExecutor(1) as pool, no_collection():
        weights = pool.submit(lambda: fetched or store.weights(card))  # while torch is imported
        from unweave.models import adapter
    return adapter.NeuralSeparator(card, values, weights.result())


def _technique(name: str) -> type[Any]:
    """The class of a classical technique. Raises UsageError."""
    if name in _own_techniques():
        module = import_module(f"{separators.__name__}.{name.replace('-', '_')}")
        found: type[Any] = module.TECHNIQUE
        return found
    point = plugins.found(plugins.SEPARATORS).get(name)
    if point is None:
        raise _unknown(name)
    technique = plugins.loaded(point)
    if not isinstance(technique, type):
        raise UsageError(
            f"{name}: {point.value} of the plug-in {plugins.origin(point)} is not a class of a "
            "technique; see docs/new-technique.md"
        )
    return technique


def _technique_revision(name: str) -> int:
    """The revision that a technique's file states; 1 where it states none."""
    return int(getattr(sys.modules[_technique(name).__module__], "REVISION", 1))


def _unknown(name: str) -> UsageError:
    return UsageError(cards.unknown(name, names()))


@contextmanager
def no_collection() -> Iterator[None]:
    """No search for garbage inside. Importing torch makes a million objects and hardly any."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
