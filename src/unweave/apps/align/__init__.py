"""Plain lyrics laid along the singing of a song: a first draft of timed lyrics, to be corrected.

The voice is separated, or given as a stem, and followed; its notes are the pieces that lines are
laid along (`laying`). No model of speech hears the words: what decides is how many syllables a line
has, how long the voice sings, and where it rests. So each line has a confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from unweave import registry
from unweave.core.files import shown
from unweave.errors import InputError
from unweave.lyrics import Line, Lyrics, Syllable, write
from unweave.lyrics.files import check_output

if TYPE_CHECKING:
    from unweave.apps.align.text import Verse
    from unweave.apps.align.voice import Track
    from unweave.engine.compose import AnySeparator
    from unweave.types import OnProgress, ShouldStop, StrPath

NEAR_S = 0.5
DOUBTFUL = 0.5
"""A line of less confidence is marked in the file."""

REST_S, RESTS = 0.2, 2 / 3
"""A rest of the voice, and the share of lines that begin behind one in songs whose lines can be
told from one another: below it, every line is less sure."""

MARK = "check "
"""How the names of tags begin that mark doubtful lines."""

SYLLABLE_S = (0.08, 1.5)  # of singing: faster is no rap, slower no ballad


_ADVICE = "give the words of this song, as often as they are sung"


@dataclass(frozen=True, slots=True)
class Draft:
    """Lines with their times, and how sure each is.

    confidence: of each line, the probability by the model that it begins within `NEAR_S` of where
    it stands; less for all but the first where the voice seldom rests between them. rests: the
    share of lines that begin behind a rest. passages: start and end of all singing in seconds.
    output: the file, where one was asked for, and losses, what that has no place for.
    """

    lyrics: Lyrics
    confidence: tuple[float, ...]
    rests: float
    passages: tuple[tuple[float, float], ...]
    output: Path | None = None
    losses: tuple[str, ...] = ()

    @property
    def doubtful(self) -> tuple[int, ...]:
        """The lines below `DOUBTFUL`, counted from 0."""
        return tuple(n for n, value in enumerate(self.confidence) if value < DOUBTFUL)


def align(
    song: StrPath,
    words: StrPath,
    output: StrPath | None = None,
    *,
    model: str | AnySeparator = registry.DEFAULT,
    voice: StrPath | None = None,
    encoding: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
    **options: object,
) -> Draft:
    """Lay plain lyrics along the singing of a song, and write them in the format of `output`.

    words: a file of lyrics, a line of the song in each line, stanzas apart by empty lines; lines in
    `[]` are left out. Times that it has are not used. model, options: of the separation that finds
    the voice, as for `separate_file`. voice: a recording of the voice alone, as long as the song;
    nothing is separated then. In an LRC, a tag `check` names each line that is doubtful.

    Raises InputError where the song has no voice, or far more or less singing than the words have
    syllables; OutputError, UsageError and Cancelled. Nothing is written then.
    """
    from unweave.apps.align.text import verses
    from unweave.apps.align.voice import song_tags, voice_of

    song, words = Path(song), Path(words)
    target = None if output is None else Path(output)
    if target is not None:
        check_output(target, overwrite=overwrite)
    lines, tags = verses(words, encoding)
    tags = {**song_tags(song), **without_marks(tags)}
    track = voice_of(song, model, voice, on_progress, should_stop, **options)
    draft = drafted(lines, track, song, words)
    lyrics = replace(draft.lyrics, tags={**tags, **_marks(draft)})
    losses = () if target is None else write(lyrics, target, overwrite=overwrite)
    return replace(draft, lyrics=lyrics, output=target, losses=losses)


def drafted(verses: Sequence[Verse], track: Track, song: Path, words: Path) -> Draft:
    """`laid`, where a refusal names both files: InputError."""
    try:
        return laid(verses, track)
    except ValueError as error:
        raise InputError(f"{shown(words)}: {error} in {shown(song)}; {_ADVICE}") from error


def laid(verses: Sequence[Verse], track: Track) -> Draft:
    """The draft of lines and a voice. Raises ValueError where they cannot belong together."""
    import numpy as np

    from unweave.apps.align.laying import lay
    from unweave.apps.align.passages import TAIL, sung
    from unweave.apps.align.pieces import amounts, begins, breaks, cut

    start_s, end_s = cut(sung(track, TAIL), track.notes).T
    syllables = np.array([verse.syllables for verse in verses], float)
    _check(len(verses), float(syllables.sum()), len(start_s), float((end_s - start_s).sum()))
    stanzas = np.array([verse.stanza for verse in verses])
    found = lay(
        syllables,
        begins(start_s, end_s, stanzas),
        breaks(start_s, end_s),
        amounts(start_s, end_s),
    )
    first_s = start_s[found.first]
    near = np.abs(start_s[None, :] - first_s[:, None]) <= NEAR_S
    confidence = np.minimum(1.0, (found.probable * near).sum(-1))
    rested = first_s[1:] - end_s[found.first[1:] - 1] >= REST_S
    rests = float(rested.mean()) if len(rested) else 1.0
    # All lines may have moved by one, which the model does not know of: it takes the singing for
    # that of the words.
    confidence[1:] *= min(1.0, rests / RESTS)
    lines = [
        Line((Syllable(verse.text, start, end),))
        for verse, start, end in zip(
            verses, first_s.tolist(), end_s[found.end - 1].tolist(), strict=True
        )
    ]
    return Draft(Lyrics(tuple(lines)), tuple(confidence.tolist()), rests, tuple(sung(track)))


def _check(lines: int, syllables: float, pieces: int, sung_s: float) -> None:
    """Raises ValueError where so much singing cannot be so many syllables."""
    least, most = SYLLABLE_S
    if pieces == 0:
        raise ValueError("there is no singing for these words")
    if lines > pieces or sung_s < least * syllables:
        raise ValueError(f"there are far more syllables ({syllables:.0f}) than {sung_s:.0f} s hold")
    if sung_s > most * syllables:
        raise ValueError(
            f"there are far fewer syllables ({syllables:.0f}) than {sung_s:.0f} s of singing"
        )


def without_marks(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a file without those of an earlier draft."""
    return {name: value for name, value in tags.items() if not name.startswith(MARK)}


def _marks(draft: Draft) -> dict[str, str]:
    """A tag for each doubtful line: its number, confidence, time and words."""
    found = {}
    for n in draft.doubtful:
        line = draft.lyrics.lines[n]
        minutes, rest_s = divmod(line.start_s or 0.0, 60)
        at = f"{minutes:02.0f}:{rest_s:05.2f}"
        found[f"{MARK}{n + 1}"] = f"{draft.confidence[n]:.2f} at {at}, {line.text}"
    return found
