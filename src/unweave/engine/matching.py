"""Stems of several separators that are the same thing: what an ensemble of them has.

Names are compared as people mean them (`core.stem_names`); `other` is the accompaniment where a
separator gives nothing else beside vocals. An ensemble has the stems that all members have. Where
these are not more than vocals or the accompaniment, it has both: each is what the other leaves of
the mix. A stem keeps its name where all members call it alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unweave.core.stem_names import ACCOMPANIMENT, VOCALS, canonical
from unweave.engine.adapters.complement import Complement
from unweave.engine.adapters.renamed import Renamed
from unweave.engine.adapters.select import select
from unweave.engine.compose import AnySeparator
from unweave.errors import UsageError
from unweave.types import Spec

PAIR = (VOCALS, ACCOMPANIMENT)
BACKING = "backing-vocals"
OPPOSITE = {VOCALS: ACCOMPANIMENT, ACCOMPANIMENT: VOCALS}


@dataclass(frozen=True, slots=True)
class Matched:
    """A stem of an ensemble. own: what each member calls it; None where the member has it only as
    what its stem `left_by` leaves."""

    called: str
    own: tuple[str | None, ...]
    left_by: tuple[str, ...]


def meanings(stems: Sequence[str]) -> dict[str, str]:
    """The stems of one separator by what they mean; by their names where two would mean one."""
    found = [canonical(stem) for stem in stems]
    if sorted(found) == sorted((VOCALS, "other")):
        found[found.index("other")] = ACCOMPANIMENT
    if len(set(found)) < len(found):
        found = list(stems)
    return dict(zip(found, stems, strict=True))


def matched(specs: Sequence[Spec]) -> list[Matched]:
    """The stems of an ensemble, in the order of the first member. Raises UsageError for none."""
    every = [meanings(spec.stems) for spec in specs]
    common = [stem for stem in every[0] if all(stem in known for known in every)]
    there = {stem for known in every for stem in known}
    half = all(not known.keys().isdisjoint(PAIR) for known in every)
    if half and len(common) < 2 and set(common) <= set(PAIR) <= there:
        common = sorted(PAIR, key=lambda stem: [*every[0], *PAIR].index(stem))
    if not common:
        words = "; ".join(f"{spec.name} gives {', '.join(spec.stems)}" for spec in specs)
        raise UsageError(f"no stem is common to all: {words}")
    return [_matched(stem, every) for stem in common]


def _matched(stem: str, every: Sequence[dict[str, str]]) -> Matched:
    own = tuple(known.get(stem) for known in every)
    opposite = OPPOSITE.get(stem, "")
    called = own[0] if own[0] is not None and len(set(own)) == 1 else stem
    left_by = tuple("" if stem in known else known[opposite] for known in every)
    return Matched(called, own, left_by)


def alike(members: Sequence[AnySeparator]) -> tuple[AnySeparator, ...]:
    """The members with the stems of their ensemble alone, under its names.

    Raises UsageError where they have none in common.
    """
    stems = matched([member.spec for member in members])
    return tuple(_with(member, n, stems) for n, member in enumerate(members))


def _with(member: AnySeparator, n: int, stems: Sequence[Matched]) -> AnySeparator:
    made = select(member, [own for stem in stems if (own := stem.own[n]) is not None])
    for stem in stems:
        if stem.own[n] is None:
            made = Complement(made, stem.called, (stem.left_by[n],))
    called = tuple(stem.called for stem in stems)
    taken = tuple(stem.own[n] or stem.called for stem in stems)
    return made if taken == called == made.spec.stems else Renamed(made, taken, called)


def in_chain(
    first: AnySeparator, stem: str, then: AnySeparator
) -> tuple[AnySeparator, str, AnySeparator]:
    """What a chain is made of, as `Chain` takes it: the stem as the first calls it, stems of the
    second under names that the first does not have.

    A stem may be meant by another word, or be what vocals or the accompaniment leave. A name that
    would come twice gets the stem's before it; beside a lead voice, what is left of vocals is the
    backing vocals. Raises UsageError for a stem that there is not.
    """
    spec, meaning = first.spec, canonical(stem)
    known = meanings(spec.stems)
    if stem not in spec.stems and meaning in known:
        stem = known[meaning]
    elif stem not in spec.stems and known.keys() & {OPPOSITE.get(meaning)}:
        first = Complement(first, stem, (known[OPPOSITE[meaning]],))
    if stem not in first.spec.stems:
        raise UsageError(f"{spec.name} has no stem {stem!r}; it gives {', '.join(spec.stems)}")
    stay = {canonical(name) for name in first.spec.stems if name != stem}
    own = then.spec.stems
    voice = meaning == VOCALS and any(name.startswith("lead") for name in own)
    names = []
    for name in own:
        if voice and canonical(name) in (ACCOMPANIMENT, "other", "rest"):
            name = BACKING
        names.append(f"{stem}-{name}" if canonical(name) in stay else name)
    called = tuple(names)
    return first, stem, then if called == own else Renamed(then, own, called)


def in_words(specs: Sequence[Spec]) -> list[str]:
    """What of this is not plain from the names, a line each. Raises UsageError."""
    stems, lines = matched(specs), []
    for stem in stems:
        words = [
            f"{own} of {spec.name}" if own else f"what the {left_by} of {spec.name} leave"
            for spec, own, left_by in zip(specs, stem.own, stem.left_by, strict=True)
        ]
        if set(stem.own) != {stem.called}:
            lines.append(f"{stem.called}: {', '.join(dict.fromkeys(words))}")
    for n, spec in enumerate(specs):
        rest = [name for name in spec.stems if name not in {stem.own[n] for stem in stems}]
        if rest:
            lines.append(f"left out: {', '.join(rest)} of {spec.name}, which not all members have")
    return list(dict.fromkeys(lines))
