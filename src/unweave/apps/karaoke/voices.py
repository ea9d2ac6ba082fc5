"""Which stems of a separator are the voice: all of it, or the lead apart from backing voices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from unweave.core.stem_names import VOCALS, canonical
from unweave.errors import OptionName, UsageError

LEAD = {"lead", "lead_vocal", "lead_vocals", "lead_voice", "main_vocals"}
BACKING = {"backing_vocal", "backing_vocals", "backing_voices", "background_vocals", "back_vocals"}


@dataclass(frozen=True, slots=True)
class Voices:
    """Stems to take out of the recording, and those that are put back as the guide."""

    removed: tuple[str, ...]
    guide: tuple[str, ...]

    @property
    def stems(self) -> tuple[str, ...]:
        """All that have to be separated."""
        return tuple(dict.fromkeys((*self.removed, *self.guide)))


def choose(stems: Sequence[str], model: str, keep_backing: bool = False) -> Voices:
    """The voices among the stems of a separator called `model`.

    keep_backing: take out the lead alone. Where a stem `vocals` has backing voices beside it, it is
    the lead. Raises UsageError where a stem that is needed is missing.
    """
    whole = tuple(stem for stem in stems if canonical(stem) == VOCALS)
    lead = tuple(stem for stem in stems if _plain(stem) in LEAD)
    backing = tuple(stem for stem in stems if _plain(stem) in BACKING)
    if backing and not lead:
        lead, whole = whole, ()
    if keep_backing and not (lead and (backing or not whole)):
        raise UsageError(
            f"{model} does not part the lead voice from backing voices, which ",
            OptionName("keep_backing"),
            " needs: choose a model that has the stems lead_vocals and backing_vocals with ",
            OptionName("model"),
        )
    if keep_backing:
        return Voices(lead, lead)
    if whole:
        return Voices(whole, lead or whole)
    if lead:
        return Voices((*lead, *backing), lead)
    raise UsageError(
        f"{model} has no stem of the voice, it has {', '.join(stems)}; choose another with ",
        OptionName("model"),
        ": 'unweave models list --stem vocals' shows them",
    )


def _plain(stem: str) -> str:
    return re.sub(r"[^a-z]+", "_", stem.lower()).strip("_")
