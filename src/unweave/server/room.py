"""Whether the disk of the service has room for another job."""

from __future__ import annotations

import shutil
from pathlib import Path

LEAST_FREE = 100 * 10**6  # bytes


def lacks(data: Path) -> bool:
    """Whether the disk of a data folder is nearly full: no job begins then."""
    return shutil.disk_usage(data).free < LEAST_FREE
