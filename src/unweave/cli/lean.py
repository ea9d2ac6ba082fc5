"""Start torch without what the default model does not need.

At import torch registers how each operator works on tensors without data, in Python, for
`torch.compile` and export, and loads the export itself: two fifths of the time that the import
takes, and the import is the longest part of a command during which one core waits. `unweave
separate` with its default model does without (random generators, which other techniques use, do
not). Python programs that import unweave get torch whole, and so does every other command.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# Imported for side effects or for users' own programs; nothing on the way reads a name in them.
UNUSED = ("torch._meta_registrations", "torch.export")


class _Empty(MetaPathFinder, Loader):
    """Finds the unused modules and loads nothing into them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in UNUSED else None

    def exec_module(self, module: ModuleType) -> None:
        pass


def suffices(arguments: Sequence[str]) -> bool:
    """Whether a command line (without the program's name) separates with the default model."""
    named = any(word.startswith(("-m", "--model")) for word in arguments)
    return arguments[:1] == ["separate"] and not named


def start_lean() -> None:
    """From now on, if torch is imported in this process, it comes without."""
    sys.meta_path.insert(0, _Empty())
