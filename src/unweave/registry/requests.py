"""What people ask for, checked, as a request: every value in force, pinned by hashes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.files import hashed
from unweave.core.stem_names import RESIDUAL, SYNONYMS, canonical
from unweave.errors import OptionName, UnweaveError, UsageError
from unweave.joining import Joining, chained, is_ensemble
from unweave.options import SEED, options_of
from unweave.registry import offers
from unweave.registry.kinds import trained
from unweave.registry.lookup import DEFAULT, declared, describe, kind_of, names, parts, takes_chance
from unweave.registry.making import make, with_sound, with_weights
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


THEN = "then"  # steps of a chain, beside the options of a separator


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

    options: the separator's own, and `then`, steps of a chain (`joining.chained`). stems: names as
    people write them (see `choose_stems`), none for all that the separator gives. seed: for a
    separator that uses chance and is not given another, and for shifts. Raises UsageError for a
    model, an option, a value or a stem that there is not, WeightsError for weights that are not
    their card's, InputError for an option's file that cannot be read.
    """
    given = {**(options or {})}
    model = chained(model, given.pop(THEN, ()))
    for item in () if is_ensemble(model) else options_of(Joining):
        if given.pop(item.name, item.default) != item.default:
            raise UsageError(
                OptionName(item.name), f" joins several models: name them, as in {model}+another"
            )
    seed = SEED.check(seed, model)
    if seed and any(item.name == SEED.name for item in declared(model)):
        given = {SEED.name: seed, **given}
    elif seed and not inference.shifts and any(takes_chance(p.name) for p in parts(model)):
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
    values = with_sound(model, given)
    kind = kind_of(model)
    members = parts(model, values)
    for card in with_weights(model):
        trained.check(card)
    made = make(model, values)
    spec = made.spec
    in_memory = any(isinstance(value, Audio) for value in given.values())
    separator = SeparatorRef(
        name=spec.name,
        model=None if in_memory else kind.place(model),
        code=kind.code(model),
        revision=kind.revision(model),
        card_sha256=kind.card_sha256(model),
        weights_sha256=spec.weights_sha256,
        options=dict(spec.options),
        files=_files(model, given),
        members=tuple(resolve(part.name, part.options)[0] for part in members),
    )
    return separator, made


def _files(model: str, options: Mapping[str, object]) -> tuple[OptionFile, ...]:
    """The files that options name, paths absolute. Raises InputError."""
    named = sorted(item.name for item in declared(model) if item.names_a_file)
    paths = {name: options.get(name) for name in named}
    return tuple(
        OptionFile(option=name, path=path, sha256=hashed(Path(path)))
        for name, path in paths.items()
        if isinstance(path, str)
    )


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
