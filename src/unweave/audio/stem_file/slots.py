"""Any number of stems in exactly four: fewer are filled with silence, more are summed as asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unweave.errors import UsageError, quoted
from unweave.types import Wave

COUNT = 4
SILENCE = "Silence"


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the four stems: its name, and the stems whose sum it is; none is silence."""

    name: str
    sources: tuple[str, ...] = ()


def arrange(stems: Sequence[str], sums: Mapping[str, Sequence[str]] | None = None) -> list[Slot]:
    """The four slots, in the order of `stems`; a sum stands where its first stem stood.

    sums: name of a slot -> the stems in it. Raises UsageError where there are still more than four,
    where a stem is unknown or in two sums, or where two slots have one name.
    """
    owner: dict[str, str] = {}
    for name, members in (sums or {}).items():
        for stem in members:
            if stem not in stems:
                known = ", ".join(stems)
                raise UsageError(
                    f"{name}: there is no stem {quoted(stem)} to sum; there are {known}"
                )
            if stem in owner:
                raise UsageError(f"{stem} is in {owner[stem]} and in {name}; put it into one")
            owner[stem] = name
    for stem in stems:
        is_other = stem in (sums or {}) and owner.get(stem) != stem
        if is_other or stems.count(stem) > 1:
            raise UsageError(f"two stems of a stem file are called {quoted(stem)}; rename one")
    members_of: dict[str, list[str]] = {}
    for stem in stems:
        members_of.setdefault(owner.get(stem, stem), []).append(stem)
    slots = [Slot(name, tuple(members)) for name, members in members_of.items()]
    if not slots:
        raise UsageError("a stem file needs at least one stem")
    if len(slots) > COUNT:
        raise UsageError(
            f"a stem file holds {COUNT} stems, not {len(slots)} ({', '.join(members_of)}); "
            "say which of them are to be summed"
        )
    return slots + [Slot(name) for name in _silences(members_of, COUNT - len(slots))]


def summed(slots: Sequence[Slot], stems: Mapping[str, Wave]) -> Wave:
    """Stems `(channel, time)` -> slots `(slot, channel, time)`; silence is zeros."""
    shape = next(iter(stems.values())).shape
    made = np.zeros((len(slots), *shape), np.float32)
    for wave, slot in zip(made, slots, strict=True):
        for stem in slot.sources:
            wave += stems[stem]
    return made


def _silences(taken: Mapping[str, object], count: int) -> list[str]:
    names = (SILENCE if n == 1 else f"{SILENCE} {n}" for n in range(1, COUNT + len(taken) + 2))
    return [name for name in names if name not in taken][:count]
