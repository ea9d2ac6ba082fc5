"""A song for singing games: the notes of the voice under the syllables of its lyrics.

The voice is separated, or given as a stem, and followed. Each word's syllables are laid over the
notes within its time, or within its line's where words have none; plain lyrics are first laid along
the singing, as `unweave.align` does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from unweave import registry
from unweave.apps.align import drafted, without_marks
from unweave.core.files import shown
from unweave.errors import UsageError
from unweave.lyrics import Lyrics, cover, read, write
from unweave.lyrics.files import check_output
from unweave.lyrics.grid import FINE_BPM, Grid

if TYPE_CHECKING:
    from unweave.engine.compose import AnySeparator
    from unweave.types import OnProgress, ShouldStop, StrPath

LONGEST_BEAT_S = 0.025
SLOWEST_BPM, FASTEST_BPM = 20.0, 1000.0
SUFFIX = ".txt"


@dataclass(frozen=True, slots=True)
class Song:
    """Lyrics with a note for each syllable.

    confidence: of each line, where the lyrics had no times. output: the file, where one was asked
    for, and losses, what that does not say.
    """

    lyrics: Lyrics
    confidence: tuple[float, ...] | None = None
    output: Path | None = None
    losses: tuple[str, ...] = ()


def ultrastar(
    song: StrPath,
    lyrics: StrPath,
    output: StrPath | None = None,
    *,
    bpm: float | None = None,
    model: str | AnySeparator = registry.DEFAULT,
    voice: StrPath | None = None,
    encoding: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
    **options: object,
) -> Song:
    """Find the notes of a song's syllables, and write them for singing games (UltraStar `.txt`).

    lyrics: a file of any format; what has no times is laid along the singing first. bpm: the
    song's tempo, whose beats are divided until they are short enough; without it a beat is 10 ms.
    Other arguments and errors are those of `unweave.align`. A syllable that is not sung at a pitch
    becomes a freestyle note. A picture that `lyrics` names as its cover is copied beside `output`.
    """
    from unweave.apps.align.text import verses
    from unweave.apps.align.voice import song_tags, voice_of
    from unweave.apps.ultrastar.notes import noted, on_grid

    song, lyrics = Path(song), Path(lyrics)
    beat_bpm = FINE_BPM if bpm is None else _divided(bpm)
    if output is not None:
        output = Path(output)
        if output.suffix.lower() != SUFFIX:
            raise UsageError(f"{shown(output)}: songs for games are .txt files; name one")
        check_output(output, overwrite=overwrite)
    found, confidence = read(lyrics, encoding=encoding), None
    plain = [] if found.timed else verses(lyrics, encoding)[0]
    tags = song_tags(song)
    track = voice_of(song, model, voice, on_progress, should_stop, **options)
    if plain:
        draft = drafted(plain, track, song, lyrics)
        found, confidence = replace(found, lines=draft.lyrics.lines), draft.confidence
    lines = noted(found, track)
    first_s = min((line.start_s for line in lines if line.start_s is not None), default=0.0)
    grid = Grid(round(first_s, 3), ((0.0, beat_bpm),))
    tags |= {**without_marks(found.tags), "mp3": song.name}
    ready = Lyrics(tuple(on_grid(line, grid) for line in lines), tags, grid)
    losses: tuple[str, ...] = ()
    if output is not None:
        losses = write(ready, output, format="ultrastar", overwrite=overwrite)
        cover.copied(ready, lyrics, output, overwrite=overwrite)
    return Song(ready, confidence, output, losses)


def _divided(bpm: float) -> float:
    """A multiple of a tempo whose beats are short enough. Raises UsageError."""
    if not SLOWEST_BPM <= bpm <= FASTEST_BPM:
        raise UsageError(
            f"a tempo has {SLOWEST_BPM:.0f} to {FASTEST_BPM:.0f} beats per minute; got {bpm:g}"
        )
    while 60 / (4 * bpm) > LONGEST_BEAT_S:
        bpm *= 2
    return bpm
