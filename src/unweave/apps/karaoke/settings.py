"""What is asked of a backing track: how it is made of a recording, and how it begins."""

from __future__ import annotations

from dataclasses import dataclass

from unweave.errors import OptionName, UsageError
from unweave.options import check, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of the sound. Raises UsageError for a wrong value."""

    key: float = option(0.0, "semitones up, or down below 0", at_least=-24, at_most=24)
    tempo: float = option(1.0, "speed, 1 being the recording's", at_least=0.5, at_most=2)
    guide_db: float | None = option(None, "level of the lead voice", at_least=-60, at_most=12)
    keep_backing: bool = option(False, "take out the lead voice and keep the backing voices")
    count_in: int = option(0, "clicks before the song", at_least=0, at_most=32)
    bpm: float | None = option(
        None, "beats a minute of the recording, for the clicks", at_least=20, at_most=400
    )
    loudness: float | None = option(None, "loudness in LUFS", at_least=-60, at_most=-5)
    trim_intro_s: float | None = option(
        None, "longest time before the first word", at_least=0, at_most=3600
    )

    def __post_init__(self) -> None:
        check(self, owner="")
        if self.bpm is not None and not self.count_in:
            count_in = OptionName("count_in")
            raise UsageError(
                OptionName("bpm"), " is for the clicks before the song: ask for some by ", count_in
            )

    @property
    def changes_sound(self) -> bool:
        """Whether key or tempo change, which takes the library of the extra `karaoke`."""
        return self.key != 0 or self.tempo != 1
