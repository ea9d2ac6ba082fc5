"""The sound of a running job, while it is being separated: a file of float32 for each stem.

The worker appends to them, and says in the database how many samples are there; what reads them
believes the database. The files go when the job has ended.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import numpy as np

from unweave.core.file_names import safe
from unweave.types import Block, Progress

EVERY_S = 0.2  # between two words to the database
Tell = Callable[[float, float | None, int], None]


def live_file(folder: Path, stem: str) -> Path:
    """The file of a stem, in the folder of its job."""
    return folder / "live" / f"{safe(stem, everywhere=True)}.f32"


class Live:
    """What one running job tells. tell: gets seconds done, seconds in all, samples available."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._files: dict[str, FileIO] = {}
        self._progress = Progress(0.0, None)
        self._available = 0
        self._told_s = 0.0
        shutil.rmtree(folder / "live", ignore_errors=True)

    def block(self, block: Block) -> None:
        """`on_block` of the separation."""
        frames = 0
        for stem, wave in block.stems.items():
            if stem not in self._files:
                path = live_file(self._folder, stem)
                path.parent.mkdir(parents=True, exist_ok=True)
                self._files[stem] = FileIO(path, "wb")
            left = memoryview(np.ascontiguousarray(wave.T, dtype="<f4").tobytes())
            while left:  # what a full disk takes a part of, it then takes nothing of and says why
                left = left[self._files[stem].write(left) :]
            frames = wave.shape[1]
        self._available = block.start + frames
        self._say()

    def progress(self, progress: Progress) -> None:
        """`on_progress` of the work."""
        self._progress = progress
        self._say()

    def _say(self) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= EVERY_S:
            self._told_s = now_s
            self._tell(self._progress.done_s, self._progress.total_s, self._available)

    def close(self) -> None:
        """Let go of the files, and remove them."""
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._folder / "live", ignore_errors=True)
