"""The voice of a song, followed: pitch, voicing, level and notes.

swift-f0 follows it: L. Nieradzik, "SwiftF0: Fast and Accurate Monophonic Pitch Detection",
arXiv:2508.18440, whose network is in its wheel. The frames and the cost that its notes minimise are
its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unweave.core.files import shown
from unweave.errors import Cancelled, InputError, UsageError
from unweave.lyrics.model import cleaned

if TYPE_CHECKING:
    import numpy.typing as npt

    from unweave.engine.compose import AnySeparator
    from unweave.types import OnProgress, ShouldStop, StrPath, Wave

    Values = npt.NDArray[np.float64]

RATE_HZ = 16_000  # what swift-f0 takes
FRAME_S = 0.016
VOICED = 0.5  # the confidence from which on swift-f0 calls a frame voiced
VOICE, REST = "vocals", "rest"
NO_VOICE = "no voice is in it; give a song that is sung, or a stem of its voice (--voice)"
SILENT_PEAK = 1e-3  # of a stem without a voice
BELOW_LU = 25.0  # by which a voice that is one lies below the rest of the mix, at the most


@dataclass(frozen=True)
class Track:
    """A voice, a frame every `FRAME_S`, centred on its number times that.

    pitch_hz, voicing (0 to 1), level_db `(frame,)`; notes: start and end in seconds `(note, 2)`.
    """

    pitch_hz: Values
    voicing: Values
    level_db: Values
    notes: Values


def need_tracker() -> None:
    """Raises UsageError where swift-f0 is missing."""
    from importlib.util import find_spec

    if find_spec("swift_f0") is None:
        raise UsageError(
            "the voice's pitch needs swift-f0; install it with: pip install 'unweave[karaoke]'"
        )


def followed(wave: Wave) -> Track:
    """Follow a voice: float `(time,)` at `RATE_HZ`, of any level but silence."""
    from swift_f0 import SwiftF0, segment_notes

    # The network takes no levels below about -35 dBFS; its threads would spin between calls.
    scaled = wave * (0.5 / max(float(np.abs(wave).max(initial=0.0)), 1e-9))
    found = SwiftF0(threads=1, spin=False).detect(scaled, RATE_HZ)
    notes = [(note.start, note.end) for note in segment_notes(found)]
    spans = np.array(notes, np.float64).reshape(-1, 2)
    return Track(found.pitch_hz, found.confidence, found.loudness_db, spans)


def read(path: Path, should_stop: ShouldStop = lambda: False) -> Wave:
    """A recording as one channel, float32 `(time,)` at `RATE_HZ`. Raises InputError, Cancelled."""
    from unweave.audio.reader import Reader
    from unweave.audio.resampler import Resampler

    parts = []
    with Reader(path) as reader:
        resampler = Resampler(reader.info.sample_rate_hz, RATE_HZ, 1)
        for block in reader.blocks(5 * reader.info.sample_rate_hz):
            if should_stop():
                raise Cancelled(f"{shown(path)}: stopped")
            parts.append(resampler.push(block.mean(0, keepdims=True)))
        parts.append(resampler.flush())
    return np.nan_to_num(np.concatenate(parts, axis=1)[0], posinf=0.0, neginf=0.0)


def song_tags(song: Path) -> dict[str, str]:
    """Title and artist of a recording by its tags, else by its name, as in `Artist - Title.mp3`."""
    from unweave.audio.reader import probe

    artist, dash, title = song.stem.partition(" - ")
    named = {"title": title, "artist": artist} if dash else {"title": song.stem}
    said = {name: probe(song).tags.get(name, "") for name in ("title", "artist")}
    return named | {name: cleaned(value).strip() for name, value in said.items() if value.strip()}


def voice_of(
    song: Path,
    model: str | AnySeparator,
    voice: StrPath | None = None,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
    **options: Any,
) -> Track:
    """The voice of a song as a stem that is there, or as a separator finds it.

    voice: a recording of the voice alone, as long as the song. Raises what `separate_file` raises,
    InputError where there is no voice too.
    """
    need_tracker()
    if voice is not None:
        wave = read(Path(voice), should_stop)
    else:
        wave = _separated(song, model, on_progress, should_stop, options)
    if float(np.abs(wave).max(initial=0.0)) < SILENT_PEAK:
        raise InputError(f"{shown(song)}: {NO_VOICE}")
    return followed(wave)


def _separated(
    song: Path,
    model: str | AnySeparator,
    on_progress: OnProgress,
    should_stop: ShouldStop,
    options: dict[str, Any],
) -> Wave:
    """The stem `vocals` of a song. Raises InputError where it is far below all else."""
    from unweave.api import separate_file
    from unweave.core.atomic import temporary_folder

    with temporary_folder("unweave-voice-") as folder:
        report = separate_file(
            song,
            folder,
            model,
            stems=VOICE,
            complement=REST,
            filename_template="{stem}.{ext}",
            on_progress=on_progress,
            should_stop=should_stop,
            **options,
        )
        loudness = {stem["stem"]: stem["loudness_lufs"] for stem in report["stems"]}
        voice, rest = loudness[VOICE], loudness[REST]
        if voice is None or (rest is not None and voice < rest - BELOW_LU):
            raise InputError(f"{shown(song)}: {NO_VOICE}")
        return read(folder / f"{VOICE}.wav", should_stop)
