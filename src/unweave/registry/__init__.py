"""Every separator by name: the only place that turns a name into one, importing only that one.

There are four kinds, a module of `kinds` each: classical techniques (`techniques`), trained models
(`trained`), presets, which are made of others (`composed`), and names that are made of names
(`expressions`). Other packages add to the first three by entry points (`plugins.py`).

`resolve` says everything of a separator that a request holds, before its weights are read; `load`
gives it; `check` makes sure that both speak of the same one.
"""

from unweave.models.cards import Card
from unweave.presets import Preset
from unweave.registry.kinds.techniques import Technique
from unweave.registry.loading import all_files, check, files_read, load, load_pinned, technique
from unweave.registry.lookup import (
    DEFAULT,
    declared,
    describe,
    installed,
    names,
    origin,
    parts,
    techniques,
    trained_on,
)
from unweave.registry.making import with_weights
from unweave.registry.requests import asked, choose_stems, request, resolve

__all__ = [
    "DEFAULT", "Card", "Preset", "Technique", "all_files", "asked", "check", "choose_stems",
    "declared", "describe", "files_read", "installed", "load", "load_pinned", "names", "origin",
    "parts", "request", "resolve", "technique", "techniques", "trained_on", "with_weights",
]  # fmt: skip
