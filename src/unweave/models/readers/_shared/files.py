"""The whole of a file, if it is one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from unweave.models.readers._shared.errors import Refused


def loaded(path: Path) -> bytes:
    """What the file at `path` holds. Raises OSError, and Refused for a pipe or a device.

    Whoever opens a pipe waits for somebody to write into it.
    """
    if not stat.S_ISREG(mode := os.stat(path).st_mode) and not stat.S_ISDIR(mode):
        raise Refused("it is a pipe or a device, not a file")
    return path.read_bytes()  # of a folder, the system's own error
