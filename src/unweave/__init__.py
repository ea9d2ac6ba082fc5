"""unweave takes a finished recording apart into the tracks it was mixed from.

    import unweave
    stems = unweave.separate("song.mp3")
    stems["vocals"]            # numpy float32, (channel, time)
    stems.save("stems/song")

Names are resolved when first used, so `import unweave` costs nothing and imports no torch.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same names as in _HOMES, for those who check types
    from unweave import errors
    from unweave.api import (
        Stems,
        StemStream,
        list_separators,
        load,
        separate,
        separate_file,
        stream,
    )
    from unweave.apps.align import align
    from unweave.apps.analyze import analyze
    from unweave.apps.info import info
    from unweave.apps.karaoke import karaoke
    from unweave.apps.partials import partials
    from unweave.apps.remix import remix
    from unweave.apps.restore import restore
    from unweave.apps.ultrastar import ultrastar
    from unweave.core.plan import Segmentation
    from unweave.engine.compose import AnySeparator
    from unweave.engine.executor import Executor
    from unweave.errors import (
        Cancelled,
        InputError,
        MemoryLimitError,
        OutputError,
        SeparatorError,
        UnweaveError,
        UsageError,
        WeightsError,
    )
    from unweave.evaluation.benchmark import benchmark
    from unweave.evaluation.evaluate import evaluate
    from unweave.jobs.verify import verify
    from unweave.request import SeparationRequest
    from unweave.server.client import Client
    from unweave.server.serve import serve, studio
    from unweave.types import Audio, Block, Progress, Separator, Spec
    from unweave.viz.spectrogram import spectrogram

    __version__: str

_HOMES = {
    "separate": "unweave.api",
    "separate_file": "unweave.api",
    "stream": "unweave.api",
    "load": "unweave.api",
    "list_separators": "unweave.api",
    "Stems": "unweave.api",
    "StemStream": "unweave.api",
    "Executor": "unweave.engine.executor",
    "Audio": "unweave.types",
    "Block": "unweave.types",
    "Progress": "unweave.types",
    "info": "unweave.apps.info",
    "karaoke": "unweave.apps.karaoke",
    "partials": "unweave.apps.partials",
    "remix": "unweave.apps.remix",
    "restore": "unweave.apps.restore",
    "align": "unweave.apps.align",
    "analyze": "unweave.apps.analyze",
    "ultrastar": "unweave.apps.ultrastar",
    "spectrogram": "unweave.viz.spectrogram",
    "verify": "unweave.jobs.verify",
    "serve": "unweave.server.serve",
    "studio": "unweave.server.serve",
    "Client": "unweave.server.client",
    "benchmark": "unweave.evaluation.benchmark",
    "evaluate": "unweave.evaluation.evaluate",
    "AnySeparator": "unweave.engine.compose",
    "Separator": "unweave.types",
    "Spec": "unweave.types",
    "Segmentation": "unweave.core.plan",
    "SeparationRequest": "unweave.request",
    "errors": "unweave",
    "UnweaveError": "unweave.errors",
    "UsageError": "unweave.errors",
    "InputError": "unweave.errors",
    "OutputError": "unweave.errors",
    "SeparatorError": "unweave.errors",
    "WeightsError": "unweave.errors",
    "MemoryLimitError": "unweave.errors",
    "Cancelled": "unweave.errors",
}

__all__ = [
    "AnySeparator",
    "Audio",
    "Block",
    "Cancelled",
    "Client",
    "Executor",
    "InputError",
    "MemoryLimitError",
    "OutputError",
    "Progress",
    "Segmentation",
    "SeparationRequest",
    "Separator",
    "SeparatorError",
    "Spec",
    "StemStream",
    "Stems",
    "UnweaveError",
    "UsageError",
    "WeightsError",
    "__version__",
    "align",
    "analyze",
    "benchmark",
    "errors",
    "evaluate",
    "info",
    "karaoke",
    "list_separators",
    "load",
    "partials",
    "remix",
    "restore",
    "separate",
    "separate_file",
    "serve",
    "spectrogram",
    "stream",
    "studio",
    "ultrastar",
    "verify",
]

if not TYPE_CHECKING:  # so that a type checker sees a misspelt name

    def __getattr__(name: str) -> object:
        if name == "__version__":
            value: object = _version()
        elif name == "errors":
            value = import_module("unweave.errors")
        elif name in _HOMES:
            value = getattr(import_module(_HOMES[name]), name)
        elif name in _uses():
            value = getattr(import_module(f"unweave.apps.{name}"), name)
        else:
            raise AttributeError(f"module 'unweave' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_uses()})


@cache
def _uses() -> frozenset[str]:
    """The files and folders of `apps`, without importing them."""
    found = os.listdir(os.path.join(__path__[0], "apps"))
    return frozenset(name.removesuffix(".py") for name in found if not name.startswith("_"))


def _one_thread() -> None:
    """For a forked process, which has torch's notes on threads but none of the threads.

    GNU OpenMP would wait for them without end. Each new thread computes as ever.
    """
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):  # it may be half imported
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("unweave")
    except PackageNotFoundError:  # a source tree on the path, never installed
        return "0+unknown"
