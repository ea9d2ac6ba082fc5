"""Every separator by name: the only place that turns a name into one, importing only that one.

There are three kinds, a module each: classical techniques (`techniques`), trained models
(`trained`), and presets, which are made of others (`composed`). Other packages add to all of them
by entry points (`plugins.py`).

`resolve` says everything of a separator that a request holds, before its weights are read; `load`
gives it; `check` makes sure that both speak of the same one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave import plugins
from unweave.core.files import hashed, shown
from unweave.core.stem_names import RESIDUAL, SYNONYMS, canonical
from unweave.engine.limits import enough_memory, room_for_torch
from unweave.errors import InputError, UnweaveError, UsageError
from unweave.models import cards, store
from unweave.models.cards import Card
from unweave.options import SEED, Option, build, checked
from unweave.presets import Preset
from unweave.registry import composed, offers, trained
from unweave.registry import techniques as classical
from unweave.registry.kinds import Described, Kind, Part
from unweave.registry.techniques import Technique
from unweave.request import (
    Execution,
    Inference,
    OptionFile,
    Output,
    SeparationRequest,
    SeparatorRef,
)
from unweave.types import Audio

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator

__all__ = ["DEFAULT", "Card", "Preset", "Technique"]

DEFAULT = "spleeter-2stems"
KINDS: tuple[Kind, ...] = (composed, trained, classical)  # the first that knows a name has it


def names() -> list[str]:
    """All names, sorted."""
    return sorted({name for kind in KINDS for name in kind.names()})


def techniques() -> list[str]:
    """The names of the classical techniques, those of plug-ins among them, sorted."""
    return classical.names()


def origin(name: str) -> str:
    """The distribution that a separator comes from."""
    return _kind(name).origin(name)


def describe(name: str) -> Card | Technique | Preset:
    """The facts about a separator, without its weights. Raises UsageError for an unknown name."""
    found = _kind(name).describe(name)
    assert isinstance(found, (Card, Technique, Preset))
    return found


def declared(name: str) -> tuple[Option, ...]:
    """The options that `load` takes for a separator, without its weights.

    Raises UsageError for an unknown name.
    """
    return _kind(name).declared(name)


def trained_on(name: str) -> frozenset[str]:
    """Splits of datasets that a model or its members learned from, such as `musdb18:train`.

    Raises UsageError for an unknown name.
    """
    found = describe(name)
    own = found.trained_on if isinstance(found, Card) else ()
    return frozenset(own).union(*(trained_on(part.name) for part in parts(name)))


def parts(name: str, values: Mapping[str, object] | None = None) -> tuple[Part, ...]:
    """What a preset or a bag of models is made of; nothing for any other name.

    values: the options of the whole. Raises UsageError for an unknown name, and for what is a part
    of itself.
    """
    found = tuple(_located(name, part) for part in _kind(name).parts(name, values or {}))
    _check_finite(plugins.place(name), found, ())
    return found


def _located(name: str, part: Part) -> Part:
    """A part of a preset, where paths are meant from the preset's own folder."""
    described = describe(name)
    if not isinstance(described, Preset):
        return part
    folder = Path(os.path.abspath(described.path)).parent
    inner = part.name
    if inner.endswith(plugins.ENDING):
        inner = str(folder / inner)
    try:
        files = {item.name for item in declared(inner) if item.names_a_file}
    except UsageError as error:
        raise UsageError(f"{described.path}: {error}") from error
    options = {
        key: str(folder / value) if key in files and isinstance(value, str) else value
        for key, value in part.options.items()
    }
    return Part(name=inner, options=options)


def _check_finite(name: str, parts: Iterable[Part], within: tuple[str, ...]) -> None:
    within = (*within, name)
    for part in parts:
        if part.name in within:
            names = " -> ".join((*within, part.name))
            raise UsageError(f"{_place(name)}: {names} is a cycle")
        try:
            inner = tuple(
                _located(part.name, each) for each in _kind(part.name).parts(part.name, {})
            )
        except UsageError as error:
            raise UsageError(f"{_place(name)}: {error}") from error
        _check_finite(part.name, inner, within)


def _place(name: str) -> str:
    """What to call a preset or a bag in an error: its file, where that is known."""
    described = describe(name)
    if isinstance(described, Preset):
        return str(described.path)
    return described.place if isinstance(described, Card) else name


def with_weights(name: str, stems: Iterable[str] = ()) -> list[Card]:
    """The cards whose weights a separator needs, for `stems` alone where they are named.

    Raises UsageError for an unknown name, and for a stem that it does not have.
    """
    if needed := tuple(stems):
        found = [each.card for each in _described(_make(name, {}), needed)]
    else:
        own = _kind(name).card(name)
        found = [own] if own is not None else []
        found += [card for part in parts(name) for card in with_weights(part.name)]
    return list({card.place: card for card in found}.values())


def request(
    model: str = DEFAULT,
    options: Mapping[str, object] | None = None,
    *,
    stems: str | Iterable[str] | None = None,
    seed: object = 0,
    output: Output = Output(),
    inference: Inference = Inference(),
    execution: Execution = Execution(),
) -> SeparationRequest:
    """What people ask for, with every value in force.

    options: the separator's own. stems: names as people write them (see `choose_stems`), none for
    all that the separator gives. seed: for a separator that uses chance and is not given another,
    and for shifts. Raises UsageError for a model, an option, a value or a stem that there is not,
    WeightsError for weights that are not their card's, InputError for an option's file that cannot
    be read.
    """
    given = {**(options or {})}
    seed = SEED.check(seed, model)
    if seed and any(item.name == SEED.name for item in declared(model)):
        given = {SEED.name: seed, **given}
    elif seed and not inference.shifts and any(_takes_chance(p.name) for p in parts(model)):
        raise UsageError(
            f"{model}: its file sets the seeds of its members, as in options = {{ seed = 1 }}"
        )
    separator, made = _resolved(model, given)
    names, inference = asked(made, model, stems, inference, execution, seed=seed)
    return SeparationRequest(
        separator=separator, stems=names, output=output, inference=inference, execution=execution
    )


def asked(
    separator: AnySeparator,
    model: str,
    stems: str | Iterable[str] | None,
    inference: Inference,
    execution: Execution,
    *,
    seed: Any,
) -> tuple[tuple[str, ...], Inference]:
    """The stems to write and how they are inferred, both checked against a separator.

    Raises UsageError, one line, for what the separator or the device does not take.
    """
    spec = separator.spec
    if inference.shifts:
        inference = replace(inference, shift_seed=seed)
    if inference == Inference():
        return choose_stems(stems, spec.outputs, model), inference
    from unweave.engine.inference import check_complement, check_precision, run_with
    from unweave.engine.resources import choose_device

    rest = inference.complement
    words = [stems] if isinstance(stems, str) else list(stems or ())
    if rest is not None:
        words = [",".join(w for w in word.split(",") if w.strip() != rest) for word in words]
        words = [word for word in words if word]
    names = choose_stems(words, spec.outputs, model)
    if rest is not None:
        check_complement(rest, spec, names)
    run_with(separator, inference, names)
    check_precision(inference.precision, choose_device(execution.device))
    return (names if rest is None else (*names, rest)), inference


def _takes_chance(name: str) -> bool:
    inner = any(_takes_chance(part.name) for part in parts(name))
    return inner or any(item.name == SEED.name for item in declared(name))


def resolve(model: str, options: Mapping[str, object]) -> tuple[SeparatorRef, tuple[str, ...]]:
    """The separator called `model` with all options in force, and the names it can write.

    Its weights are not loaded. Raises as `request` does.
    """
    separator, made = _resolved(model, options)
    return separator, made.spec.outputs


def _resolved(model: str, options: Mapping[str, object]) -> tuple[SeparatorRef, AnySeparator]:
    given = {
        item.name: os.path.abspath(value)
        if item.names_a_file and isinstance(value := options[item.name], (str, os.PathLike))
        else options[item.name]
        for item in declared(model)
        if item.name in options
    }
    given |= {name: value for name, value in options.items() if name not in given}
    values = _with_sound(model, given)
    kind = _kind(model)
    members = parts(model, values)
    for card in with_weights(model):
        trained.check(card)
    made = _make(model, values)
    spec = made.spec
    in_memory = any(isinstance(value, Audio) for value in given.values())
    separator = SeparatorRef(
        name=spec.name,
        model=None if in_memory else plugins.place(model),
        code=kind.code(model),
        revision=kind.revision(model),
        card_sha256=kind.card_sha256(model),
        weights_sha256=spec.weights_sha256,
        options=dict(spec.options),
        files=_files(model, given),
        members=tuple(resolve(part.name, part.options)[0] for part in members),
    )
    return separator, made


def _make(model: str, values: Mapping[str, Any]) -> AnySeparator:
    """The separator with all options in force, before weights are read (`Described`)."""

    def part(part: Part) -> AnySeparator:
        part = _located(model, part)
        return _make(part.name, _with_sound(part.name, part.options))

    return _kind(model).make(model, values, part)


def _described(made: AnySeparator, stems: Sequence[str]) -> list[Described]:
    """What has weights in a separator, as far as the stems need it; all where none are named."""
    from unweave.engine.adapters.select import spared
    from unweave.engine.compose import innermost

    needed = innermost(spared(made, stems) if stems else made)
    return [each for each in needed if isinstance(each, Described)]


def _complete(made: AnySeparator, stems: Sequence[str] = ()) -> AnySeparator:
    """The separator with the weights that the stems need; all where none are named.

    Members that they do not need stay described: they are for nothing but their facts.
    """
    from unweave.engine.compose import each_innermost

    needed = {id(each): each for each in _described(made, stems)}
    return each_innermost(made, lambda e: needed[id(e)].load() if id(e) in needed else e)


def check(separator: SeparatorRef, model: str, loaded: AnySeparator) -> None:
    """Raises InputError where what was loaded as `model` is not what `separator` says."""
    weights_sha256 = loaded.spec.weights_sha256
    _check_hashes(separator, model)
    if weights_sha256 != separator.weights_sha256:
        raise InputError(f"{shown(model)}: the weights changed meanwhile; run it again")
    for file in all_files(separator):
        if hashed(Path(file.path)) != file.sha256:
            raise InputError(f"{shown(file.path)}: changed meanwhile; run it again")


def load_pinned(
    separator: SeparatorRef, sound: Mapping[str, Audio] | None = None, stems: Iterable[str] = ()
) -> AnySeparator:
    """The separator that a request names, with the weights and files that it names.

    sound: of options whose sound is in memory, by name. stems: those that are needed, all where
    none are named: the weights of members that none of them needs are not read, and no other stem
    may be taken. Raises as `load` does, and InputError where something changed meanwhile.
    """
    name = separator.model or separator.name
    given = {**separator.options, **(sound or {})}
    if needed := tuple(stems):
        with _loading(name, given) as made:
            loaded = _complete(made, needed)
    else:
        loaded = load(name, **given)
    check(separator, name, loaded)
    return loaded


def files_read(separator: SeparatorRef) -> dict[Path, str]:
    """The files that the work reads besides the recording, and what each is, for errors."""
    found: dict[Path, str] = {}
    for file in all_files(separator):
        path, what = Path(file.path), f"the file of the option {file.option}"
        # Dictionaries are a card with weights beside it.
        found |= {path: what, path.with_suffix(".safetensors"): what}
    if separator.model is None:
        return found
    what = f"a file of the model {shown(separator.model)}"
    described = describe(separator.model)
    if isinstance(described, Preset):
        found[described.path] = what
    for card in with_weights(separator.model):
        found |= dict.fromkeys([*store.files(card), *filter(None, [card.path])], what)
    return found


def all_files(separator: SeparatorRef) -> Iterator[OptionFile]:
    """The files that its options name, and those of its members."""
    yield from separator.files
    for member in separator.members:
        yield from all_files(member)


def _check_hashes(separator: SeparatorRef, model: str) -> None:
    """Raises InputError where a card or a preset is not the one that `separator` names."""
    if _kind(model).card_sha256(model) != separator.card_sha256:
        raise InputError(f"{shown(model)}: changed meanwhile; run it again")
    for member in separator.members:
        _check_hashes(member, member.model or member.name)


def load(name: str = DEFAULT, /, **given: object) -> AnySeparator:
    """The separator called `name`, with its weights; `to(device)` makes it ready to run.

    given: its own options, and `wiener`, the rounds of a multichannel Wiener filter, for all but
    presets, which have none. The path of a recording stands for its sound. Raises UsageError for
    an unknown name, option or value before weights or recordings are read, WeightsError where
    weights are missing, InputError for a recording that cannot be read, MemoryLimitError.
    """
    with _loading(name, given) as made:
        return _complete(made)


@contextmanager
def _loading(name: str, given: Mapping[str, object]) -> Iterator[AnySeparator]:
    """The separator before its weights are read, while they are."""
    with enough_memory():
        room_for_torch()
        values = _with_sound(name, given)
        parts(name, values)
        yield _make(name, values)


def technique(name: str, given: Mapping[str, object]) -> Any:
    """A classical technique itself, for what it can do besides separating: no filter behind it.

    Raises UsageError for an unknown name, option or value.
    """
    _kind(name)
    return build(classical.technique(name), given)


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
        known = [*outputs, *(word for word, stem in SYNONYMS.items() if stem in outputs)]
        near = difflib.get_close_matches(name.lower(), known, n=1)
        advice = f"perhaps you mean {near[0]}" if near else _others(stem)
        raise UsageError(f"{model} has no stem {name!r}; it has {', '.join(outputs)}; {advice}")
    stems = tuple(stem for stem in outputs if stem in meant)
    return stems or tuple(stem for stem in outputs if stem != RESIDUAL)


def _others(stem: str) -> str:
    """Which models have a stem, for the end of an error."""
    found = {}
    for name in sorted(set(names()) - offers.members()):
        try:
            if stem in describe(name).stems:
                found[name] = with_weights(name)
        except UnweaveError:  # of a package whose card is wrong
            continue
    if not found:
        return "'unweave models list' shows others"
    return (
        f"these have it: {offers.in_words(found)}; add -m NAME for one; 'unweave models list "
        f"--stem {stem}' shows all"
    )


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
        OptionFile(option=name, path=path, sha256=hashed(Path(path)))
        for name, path in paths.items()
        if isinstance(path, str)
    )


def _kind(name: str) -> Kind:
    """The kind of a separator. Raises UsageError for an unknown name."""
    for kind in KINDS:
        if kind.known(name):
            return kind
    raise UsageError(cards.unknown(name, names()))
