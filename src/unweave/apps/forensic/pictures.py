"""Pictures of a recording: its spectrogram, and its waveform with the places of findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.audio.info import SourceInfo
from unweave.viz import spectrogram, waveform
from unweave.viz.picture import picture_of

if TYPE_CHECKING:
    from unweave.types import Wave

REVISION = 2  # goes up when the same recording gives another picture than before
SPECTROGRAM, WAVEFORM = "spectrogram.png", "waveform.png"
MOST_MARKS = 99  # more numbers than that cannot be read


def make(
    info: SourceInfo,
    blocks: Callable[[], Iterator[Wave]],
    places: Sequence[tuple[float, float]],
    into: Path,
) -> None:
    """Write both pictures of the blocks into the folder `into`. places: in seconds, from and to."""
    sides = {"FL": "left", "FR": "right"}
    given = info.channel_names or ("",) * info.channels
    names = [sides.get(name, f"channel {n}") for n, name in enumerate(given, 1)]
    envelope = waveform.envelope_of(blocks(), info.sample_rate_hz)
    figure = waveform.draw(envelope, names, places[:MOST_MARKS])
    spectrogram.write(figure, into / WAVEFORM)
    of_one(info.sample_rate_hz, blocks(), into / SPECTROGRAM)


def of_one(rate_hz: int, blocks: Iterator[Wave], file: Path) -> None:
    """Write the spectrogram of a wave in blocks `(channel, time)`."""
    picture = picture_of("", blocks, rate_hz)
    spectrogram.write(spectrogram.draw([picture]), file)
