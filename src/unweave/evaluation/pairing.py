"""Which estimate is held against which reference, and which stems are scored together.

Names that are written differently but mean the same are brought together; what cannot be is left
unscored and said. Nothing is filled in: a stem that a separator does not give has no score.

The accompaniment overlaps with the stems it is made of, so that it never stands among them: it is
scored beside the vocals alone, in an evaluation of its own, as SiSEC 2018 and museval do. A
separator that gives the vocals and every other stem of the dataset gets that second evaluation
too, its accompaniment being the sum of its other stems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unweave.core.stem_names import ACCOMPANIMENT, RESIDUAL, VOCALS, canonical
from unweave.errors import UsageError
from unweave.types import Wave


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """`sources[target]` names the estimates whose sum is held against the reference `target`, in
    the dataset's order; `missing` and `unscored` are what found no partner on either side."""

    sources: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]
    unscored: tuple[str, ...]

    def warnings(self, name: str) -> list[str]:
        """What a reader of the scores has to know, in words."""
        found = []
        if self.missing:
            found.append(f"{name} gives no {', '.join(self.missing)}: not scored")
        silent = [stem for stem in self.unscored if stem != RESIDUAL]
        if silent:
            found.append(f"no reference for {', '.join(silent)} of {name}: not scored")
        return found


def clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Two of the names that mean the same stem; None where there are none."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(canonical(name), name)
        if other != name:
            return other, name
    return None


def renamed(mapping: Mapping[str, str], stems: Collection[str]) -> dict[str, str]:
    """A mapping with its stems spelled as in `stems`; upper and lower case are alike.

    Raises UsageError for a stem that there is not: a typo would change scores.
    """
    spelled = {stem.lower(): stem for stem in stems}
    found = {}
    for stem, target in mapping.items():
        if stem.lower() not in spelled:
            raise UsageError(
                f"--map {stem}={target}: there is no {stem!r}; there are {', '.join(stems)}"
            )
        found[spelled[stem.lower()]] = target
    return found


def pair(
    references: Sequence[str],
    estimates: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    *,
    derived: bool = True,
) -> Pairing:
    """Match estimates to references.

    references: the names that a track has, the derived accompaniment among them where there is
    one. mapping: `{estimate: reference}` by order of the user; several estimates of one reference
    are added up. derived: whether the accompaniment is the sum of the stems beside the vocals, not
    a stem of its own. Then it stands for them; and where it is not given it is made of what is:
    the sum of all other stems, or what vocals alone leave of the mix. Raises UsageError where a
    mapping names a stem that there is not, where two unmapped names mean the same, and
    where nothing matches.
    """
    mapping = renamed(mapping or {}, estimates)
    for who, names in (
        ("references", references),
        ("estimates", [stem for stem in estimates if stem not in mapping]),
    ):
        if found := clash(names):
            raise UsageError(f"the {who} {found[0]} and {found[1]} are the same stem; leave one "
                             "out, or say with --map what is what")  # fmt: skip
    by_canonical = {canonical(name): name for name in references}
    chosen: dict[str, list[str]] = {}
    unscored = []
    for stem in estimates:
        wanted = mapping.get(stem, stem)
        target = wanted if wanted in references else by_canonical.get(canonical(wanted))
        if target is None and stem in mapping:
            raise UsageError(f"--map {stem}={wanted}: there is no {wanted!r} among the references, "
                             f"which are {', '.join(references)}")  # fmt: skip
        if target is None:
            unscored.append(stem)
        else:
            chosen.setdefault(target, []).append(stem)
    if not chosen:
        raise UsageError(
            f"none of {', '.join(stem for stem in estimates if stem != RESIDUAL)} is one of "
            f"{', '.join(references)}; "
            "say what is what with --map ESTIMATE=REFERENCE"
        )
    voice, backing = by_canonical.get(VOCALS), by_canonical.get(ACCOMPANIMENT)
    others = [name for name in references if name not in (voice, backing)]
    if derived and backing is not None and voice in chosen and backing not in chosen:
        if others and all(name in chosen for name in others):
            chosen[backing] = [stem for name in others for stem in chosen[name]]
        elif len(chosen) == 1 and RESIDUAL in unscored:
            chosen[backing] = [RESIDUAL]  # what the vocals leave of the mix
            unscored.remove(RESIDUAL)
    covered = set(chosen)
    if derived and others:  # the sum and its parts stand for each other
        covered.update(others if backing in chosen else [backing or ""])
    return Pairing(
        sources={name: tuple(chosen[name]) for name in references if name in chosen},
        missing=tuple(name for name in references if name not in covered),
        unscored=tuple(unscored),
    )


def evaluations(targets: Collection[str]) -> list[tuple[str, ...]]:
    """The sets of targets that are scored together, a later one's scores replacing an earlier's.

    All stems but the accompaniment; then vocals and accompaniment, where there are both.
    """
    backing = [name for name in targets if canonical(name) == ACCOMPANIMENT]
    voice = [name for name in targets if canonical(name) == VOCALS]
    stems = [name for name in targets if name not in backing]
    if not backing:
        return [tuple(stems)]
    beside = (*voice, *backing)
    if len(stems) > len(voice):
        return [tuple(stems), beside]
    return [beside]


def total(waves: Mapping[str, Wave], names: Sequence[str]) -> Wave:
    """The sum of the waves of these names; the wave itself where there is one."""
    if len(names) == 1:
        return waves[names[0]]
    found: Wave = np.sum([waves[name] for name in names], axis=0, dtype=np.float32)
    return found
