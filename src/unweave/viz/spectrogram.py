"""Pictures to look at: spectrograms of a mix and its stems, one above the other, on one dB scale.

Takes recordings, reports and folders of stems, and draws them with matplotlib, which is imported
only here (the extra `unweave[plot]`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from io import BytesIO
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

from unweave.core.atomic import atomic_path
from unweave.core.files import shortened, shown, writable
from unweave.core.region import WHOLE, Region
from unweave.errors import Cancelled, UsageError
from unweave.jobs.inputs import AUDIO_EXTENSIONS
from unweave.jobs.reports import find_recording, output_files, read_report, request_of
from unweave.viz import need_matplotlib
from unweave.viz.picture import Picture, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unweave.types import ShouldStop, StrPath, Wave

RANGE_DB = 80.0
_BLOCK_S = 1.0
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
_MINUTES_FROM_S = 300.0  # longer recordings count minutes on the time axis


def spectrogram(
    paths: StrPath | Sequence[StrPath],
    output: StrPath | None = None,
    *,
    report: StrPath | None = None,
    region: Region = WHOLE,
    on_file: Callable[[Path], None] = lambda _: None,
    should_stop: ShouldStop = lambda: False,
) -> Path:
    """Draw recordings, reports or folders of stems into one PNG and return its path.

    A report, or a folder that holds one, stands for its mix and all its stems. region: the part of
    each that is drawn; the time axis begins at its start. The default output is
    `spectrogram.png` beside the report, or `NAME-spectrogram.png` in the current folder. Raises
    UsageError when there is nothing to draw or matplotlib is missing, InputError, OutputError.
    """
    need_matplotlib()
    named = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    arguments = [Path(path) for path in [*named, *([report] if report else [])]]
    panels = [panel for argument in arguments for panel in _panels(argument)]
    if not panels:
        raise UsageError("nothing to draw; name audio files, a report.json or a folder of stems")
    target = Path(output) if output else _default_output(arguments[0])
    if target.exists() and any(path.exists() and target.samefile(path) for _, path, _ in panels):
        raise UsageError(f"{shown(target)}: is one of the inputs; choose another file with -o")
    _check_png(target)
    pictures = []
    for title, path, part in panels:
        on_file(path)
        pictures.append(_read(title, path, (part, region), should_stop))
    _save(draw(pictures, start_s=region.start_s), target)
    return target


def _panels(argument: Path) -> list[tuple[str, Path, Region]]:
    """Titles and files that an argument stands for, the mix first, and the part that is meant."""
    if argument.is_dir():
        if (argument / "report.json").is_file():
            return _panels(argument / "report.json")
        names = sorted(argument.iterdir())
        files = [file for file in names if file.suffix.lower() in AUDIO_EXTENSIONS]
        return [(shown(file.stem), file, WHOLE) for file in files if not file.name.startswith(".")]
    if argument.suffix.lower() != ".json":
        return [(shown(argument.name), argument, WHOLE)]
    document = read_report(argument)
    mix = find_recording(document, argument)
    stems = output_files(document, argument)
    panels = [(shown(stem), path, WHOLE) for stem, path in stems.items()]
    return [(f"mix: {shown(mix.name)}", mix, request_of(document).output.region), *panels]


def _default_output(first: Path) -> Path:
    if first.is_dir():
        return first / "spectrogram.png"
    if first.suffix.lower() == ".json":
        return first.with_name("spectrogram.png")
    return Path(f"{shortened(first.stem, 200)}-spectrogram.png")


def draw(pictures: Sequence[Picture], title: str = "", *, start_s: float = 0.0) -> Figure:
    """A matplotlib figure with one panel per picture and one colour bar for all.

    start_s: the time at the left edge.
    """
    need_matplotlib()
    import matplotlib as mpl

    loudest_db = max(float(picture.power_db.max()) for picture in pictures)
    top_db = max(-100.0, 10.0 * -(-loudest_db // 10.0))  # the next multiple of 10
    height = 1.1 + 2.1 * len(pictures)
    figure = figure_class()(figsize=(12.0, min(height, 40.0)), dpi=110, layout="constrained")
    panels = figure.subplots(len(pictures), 1, sharex=True, squeeze=False)[:, 0]
    longest_s = max(max(picture.duration_s for picture in pictures), 1e-3)
    colours = mpl.colormaps["magma"]
    for panel, picture in zip(panels, pictures, strict=True):
        rows = picture.power_db.shape[0]
        image = panel.imshow(
            picture.power_db,
            extent=(start_s, start_s + max(picture.duration_s, 1e-3), 0, rows),
            origin="lower",
            aspect="auto",
            vmin=top_db - RANGE_DB,
            vmax=top_db,
            cmap=colours,
        )
        panel.set_facecolor(colours(0.0))
        low_hz, high_hz = picture.edges_hz[0], picture.edges_hz[-1]
        ticks_hz = [hz for hz in _TICKS_HZ if low_hz <= hz <= high_hz]
        panel.set_yticks(
            [rows * log(hz / low_hz) / log(high_hz / low_hz) for hz in ticks_hz],
            [f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz" for hz in ticks_hz],
        )
        panel.set_ylabel("frequency")
        panel.set_title(picture.title, loc="left", fontsize=11, fontweight="bold", parse_math=False)
    panels[-1].set_xlim(start_s, start_s + longest_s)
    time_axis(panels[-1], start_s + longest_s)
    figure.colorbar(image, ax=list(panels), label="dB re full-scale sine", pad=0.01, fraction=0.03)
    if title:
        figure.suptitle(title, parse_math=False)
    return figure


def time_axis(panel: Axes, end_s: float) -> None:
    """Label the time of a panel that ends at `end_s`: in seconds, or in minutes for a long one."""
    if end_s > _MINUTES_FROM_S:
        panel.xaxis.set_major_formatter(lambda s, _: f"{int(s) // 60}:{int(s) % 60:02d}")
        panel.set_xlabel("time (minutes:seconds)")
    else:
        panel.set_xlabel("time (s)")


def write(figure: Figure, target: Path) -> None:
    """Write a PNG without a date or a version: the same figure gives the same bytes.

    Raises OSError.
    """
    with warnings.catch_warnings():
        # A title in a script that matplotlib's font lacks gets boxes, not a page of warnings.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(target, format="png", metadata={"Software": None})


@cache
def figure_class() -> type[Figure]:
    """matplotlib's `Figure`, which a notebook shows though pyplot was never imported."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            out = BytesIO()
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
                self.savefig(out, format="png")
            return out.getvalue()

    return Shown


def _check_png(target: Path) -> None:
    """Refuse a name that says another format. A name without an ending, a device, is fine."""
    if target.suffix.lower() not in ("", ".png"):
        raise UsageError(f"{shown(target)}: pictures are PNG; name it {target.stem}.png")


def _read(title: str, path: Path, parts: Iterable[Region], should_stop: ShouldStop) -> Picture:
    from unweave.audio.reader import Reader

    with Reader(path) as reader:
        rate_hz = reader.info.sample_rate_hz

        def blocks() -> Iterator[Wave]:
            inside: Iterator[Wave] = reader.blocks(int(_BLOCK_S * rate_hz))
            for part in parts:
                inside = part.cut(inside, rate_hz, shown(path))
            for block in inside:
                if should_stop():
                    raise Cancelled(f"{shown(path)}: interrupted")
                yield block

        return picture_of(title, blocks(), rate_hz)


def _save(figure: Figure, target: Path) -> None:
    """Write the PNG; it appears complete or not at all."""
    with writable(target), atomic_path(target) as hidden:
        write(figure, hidden)
