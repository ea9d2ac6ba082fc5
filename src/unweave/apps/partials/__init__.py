"""The partials of a recording, followed from its beginning to its end, as data and as a picture.

The analysis is that of the technique `sinusoidal`. The recording is read block by block and only
its tracks are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.apps.partials.formats import FORMATS, Analysis
from unweave.core.files import atomic_write, shortened, shown
from unweave.errors import Cancelled, UsageError
from unweave.types import Progress
from unweave.viz import need_matplotlib

if TYPE_CHECKING:
    from unweave.signal.peaks import Peaks
    from unweave.types import OnProgress, ShouldStop, StrPath, Wave

TECHNIQUE = "sinusoidal"
BLOCK_S = 5.0


@dataclass(frozen=True, slots=True)
class Written:
    """What was found, and where it is."""

    tracks: int
    points: int
    files: tuple[Path, ...]
    warnings: tuple[str, ...]


def partials(
    source: StrPath,
    output: StrPath | None = None,
    *,
    plot: StrPath | None = None,
    options: Mapping[str, object] | None = None,
    on_start: Callable[[], None] = lambda: None,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
) -> Written:
    """Follow the partials of a recording and write them down, draw them, or both.

    output: `.csv`, `.json` or `.sdif`; plot: `.png`; without either, `NAME-partials.csv` in the
    current folder. options: of the technique `sinusoidal`. on_start: called when
    all that is given has proved to make sense. Raises UsageError, InputError,
    OutputError, or Cancelled; then nothing is written.
    """
    source = Path(source)
    output, plot = (None if path is None else Path(path) for path in (output, plot))
    if output is None and plot is None:
        output = Path(f"{shortened(source.stem, 200)}-partials.csv")
    _check(source, output, plot)
    found = analyse(source, options, on_progress, should_stop, on_start)
    contents: list[tuple[Path, bytes]] = []
    if output is not None:
        contents.append((output, FORMATS[output.suffix.lower()](found)))
    if plot is not None:
        from unweave.apps.partials.picture import picture

        contents.append((plot, picture(found)))
    for target, content in contents:
        atomic_write(target, content)
    tracks = found.tracks
    files = tuple(target for target, _ in contents)
    return Written(len(tracks.begins) - 1, len(tracks), files, found.warnings)


def analyse(
    source: Path,
    options: Mapping[str, object] | None = None,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
    on_start: Callable[[], None] = lambda: None,
) -> Analysis:
    """The tracks of a recording. Raises UsageError, InputError or Cancelled."""
    from unweave import registry
    from unweave.audio.reader import Reader
    from unweave.engine.measure import SampleSanitizer
    from unweave.options import in_force

    model: Any = registry.technique(TECHNIQUE, options or {})
    with Reader(source) as reader:
        on_start()
        info, rate_hz = reader.info, reader.info.sample_rate_hz
        sanitizer = SampleSanitizer(rate_hz, info.bits)

        def blocks() -> Iterator[Wave]:
            for block in reader.blocks(round(BLOCK_S * rate_hz)):
                if should_stop():
                    raise Cancelled(f"{shown(source)}: stopped")
                yield sanitizer.clean(block)
                on_progress(Progress(sanitizer.samples / rate_hz, info.duration_s))

        tracks = _tracks(model, blocks(), rate_hz, info.channels)
        warnings = (*reader.warnings, *sanitizer.warnings())
    _, hop = model.frames(rate_hz)
    settings = in_force(model)
    return Analysis(source.name, rate_hz, sanitizer.samples, hop, settings, tracks, warnings)


def _tracks(model: Any, blocks: Iterator[Wave], rate_hz: int, channels: int) -> Any:
    """The technique's tracks of a wave that arrives in blocks."""
    import numpy as np

    from unweave.signal.oscillators import without_gaps
    from unweave.signal.peaks import PADDING, joined

    size, hop = model.frames(rate_hz)
    linker = model.linker(rate_hz)
    lots, labels = [], []
    half = PADDING * size // 2  # of a frame, the first of which is centred on the first sample
    waiting, frame, length = np.zeros((channels, half), np.float32), 0, 0

    def take(wave: Wave) -> Wave:
        """Find the peaks of the whole frames in a wave; returns what the next frames need."""
        nonlocal frame
        whole = max(0, (wave.shape[1] - 2 * half) // hop + 1)
        if whole:
            lots.append(_peaks(model, wave, rate_hz, frame))
            labels.append(linker.link(lots[-1]))
            frame += whole
        return wave[:, whole * hop :]

    for block in blocks:
        length += block.shape[1]
        waiting = take(np.concatenate([waiting, block], axis=1))
    take(np.pad(waiting, ((0, 0), (0, half + -length % hop))))
    peaks = joined(lots, channels)
    label = np.concatenate(labels) if labels else np.empty(0, np.int64)
    return without_gaps(model.tidied(peaks, label, rate_hz), hop)


def _peaks(model: Any, wave: Wave, rate_hz: int, first_frame: int) -> Peaks:
    import torch

    with torch.inference_mode():
        found: Peaks = model.peaks(torch.from_numpy(wave), rate_hz, first_frame)
    return found


def _check(source: Path, output: Path | None, plot: Path | None) -> None:
    """Raises UsageError where the files asked for make no sense."""
    if output is not None and output.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{shown(output)}: partials are written as {', '.join(FORMATS)}; choose one of them"
        )
    if plot is not None:
        if plot.suffix.lower() != ".png":
            raise UsageError(f"{shown(plot)}: the picture must be a .png file")
        need_matplotlib()
    for target in filter(None, (output, plot)):
        if target.exists() and source.exists() and target.samefile(source):
            raise UsageError(f"{shown(target)}: is the recording itself; choose another file")
