"""Start torch without what the default model does not need.

At import torch registers how each operator works on tensors without data, in Python, for
`torch.compile` and export, and loads the export itself: two fifths of the time that the import
takes, and the import is the longest part of a command during which one core waits. `unweave
separate` with its default model does without (random generators, which other techniques use, do
not). The verb decides, when its options are parsed. Python programs that import unweave get torch
whole, and so do every other command and every child process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

TRIED = ("2.13.",)  # how versions of torch begin that do without; others may need all at import
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


def allow() -> None:
    """This process is the command's own and ends with it."""
    global _allowed
    _allowed = True


def start_lean(model: str, default: str) -> None:
    """If `model` is the default one and torch is not imported yet, it comes without from now on.

    Does nothing in a process that is not the command's own: what else it does is not known.
    """
    if _allowed and model == default and "torch" not in sys.modules and tried():
        sys.meta_path.insert(0, _Empty())


def tried() -> bool:
    """Whether the version of torch that is installed is one that does without."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("torch").startswith(TRIED)
    except PackageNotFoundError:
        return False


_allowed = False
