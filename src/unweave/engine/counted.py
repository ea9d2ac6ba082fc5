"""How far a recording is: what is written, and before that what members in turn have done."""

from __future__ import annotations

from dataclasses import dataclass

from unweave.types import OnProgress, Progress


@dataclass(slots=True)
class Counted:
    """Tells `on_progress` of one pass over a recording, and never of less than before.

    total_s: the recording's length; None: not known. Nothing is written until the last of members
    that run one after another is done: until then their sound counts, together as long as the
    recording is.
    """

    on_progress: OnProgress | None
    total_s: float | None
    _written_s: float = 0.0
    _in_turn_s: float = 0.0

    def written(self, done_s: float) -> None:
        """So much is written."""
        self._written_s = done_s
        self._tell()

    def in_turn(self, more_s: float) -> None:
        """Members have done so much more, of the length of the recording."""
        self._in_turn_s += more_s
        if self.total_s is not None:  # which shifts and rates reach sooner
            self._in_turn_s = min(self._in_turn_s, self.total_s)
        self._tell()

    def _tell(self) -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(max(self._written_s, self._in_turn_s), self.total_s))
