"""What became of one piece of work among many: a recording of a batch, an entry of a benchmark."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    DONE = "done"
    SKIPPED = "skipped"  # it was finished already
    FAILED = "failed"
    CANCELLED = "cancelled"
