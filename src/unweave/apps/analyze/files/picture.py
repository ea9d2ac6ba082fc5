"""One picture of a song: form, chords and key, beats, melody over a spectrogram, stems' loudness.

All lanes share one axis of time. Text that would not fit is left out, never drawn over other text.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unweave.apps._shared.material import Material
from unweave.apps.analyze.analysis import Analysis, OnSamples
from unweave.apps.analyze.events import Event
from unweave.apps.analyze.sounds import MIX, blocks_of, roles
from unweave.core.files import shown, writable
from unweave.viz import need_matplotlib
from unweave.viz.picture import Picture, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN, DPI = 16.0, 100  # 1600 pixels
LETTER_PX = 8.5  # of a letter at the size of the lanes
NUMBER_PX = 14  # from the middle of the number of a bar to the edge
PALETTE = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#BBBBBB", "#EE8866")
RANGE_DB = 70.0
LOWEST_HZ, HIGHEST_HZ = 38.0, 5000.0
TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000)
QUIETEST_LUFS = -54.0
STEPS_S, MOST_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600), 16
MOST_COLUMNS = 1400
HIT_PX, COUNT_PX = 5.0, 8.0  # the least of a hit, and of the time in which hits are counted
LEAP_OCTAVES = 1.0 / 12  # between two frames: another note, which is not joined


def write(path: Path, found: Analysis, sound: Material, title: str, on_samples: OnSamples) -> None:
    """Draw the picture into a file. Raises UsageError without matplotlib, OutputError, and what
    `on_samples` raises, which is told how many samples were read."""
    need_matplotlib()
    mix = roles(sound.stems)[MIX]
    blocks = blocks_of(sound, mix, on_samples)
    spectrum = picture_of(MIX, blocks, sound.info.sample_rate_hz)
    figure = draw(found, spectrum, title)
    with writable(path), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(path, format="png", dpi=DPI)


def draw(found: Analysis, spectrum: Picture, title: str) -> Figure:
    """The figure. spectrum: of the mix."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MultipleLocator

    lanes = [(0.5, _form, "form"), (0.5, _beats, "bars")]
    if found.events("chords"):
        lanes.insert(1, (0.5, _chords, "chords"))
    else:
        lanes.insert(1, (0.5, _keys, "key"))
    if found.events("drums"):
        lanes.append((0.8, _drums, "drums"))
    stems = [name for name in found.tracks if name != MIX] or [MIX]
    heights = [height for height, *_ in lanes] + [4.2] + [0.75] * len(stems)
    figure = Figure(figsize=(WIDTH_IN, 1.5 + sum(heights)), layout="constrained")
    panels = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    for panel, (_, paint, name) in zip(panels, lanes, strict=False):
        _plain(panel, name)
        paint(panel, found)
    _melody(panels[len(lanes)], found, spectrum)
    for n, (panel, stem) in enumerate(zip(panels[len(lanes) + 1 :], stems, strict=True)):
        _loudness(panel, found, stem, PALETTE[n % len(PALETTE)])
    end_s = found.start_s + max(found.duration_s, 1e-3)
    panels[-1].set_xlim(found.start_s, end_s)
    step_s = next((s for s in STEPS_S if found.duration_s / s <= MOST_TICKS), STEPS_S[-1])
    panels[-1].xaxis.set_major_locator(MultipleLocator(step_s))
    panels[-1].xaxis.set_major_formatter(lambda s, _: f"{int(s) // 60}:{s % 60:02.0f}")
    panels[-1].set_xlabel("time (minutes:seconds)")
    figure.suptitle(_headline(found, title), fontsize=13, x=0.01, ha="left", parse_math=False)
    figure.align_ylabels(panels)
    return figure


def _headline(found: Analysis, title: str) -> str:
    parts = [shown(title)]
    if (tempo := found.whole.get("tempo")) is not None:
        parts.append(f"{tempo.value:.1f} bpm")
    if (metre := found.whole.get("metre")) is not None:
        parts.append(f"{metre.value} beats a bar")
    if (key := found.whole.get("key")) is not None:
        parts.append(str(key.value))
    return "   |   ".join(parts)


def _plain(panel: Axes, name: str) -> None:
    panel.set_yticks([])
    panel.set_ylim(0, 1)
    panel.tick_params(axis="x", bottom=False)
    for side in ("top", "right", "left", "bottom"):
        panel.spines[side].set_visible(False)
    panel.set_ylabel(name, rotation=0, ha="right", va="center")


def _spans(panel: Axes, found: Analysis, events: Sequence[Event], colours: dict[Any, str]) -> None:
    """Coloured stretches, each with its value where that fits in."""
    pixels = 0.86 * WIDTH_IN * DPI / max(found.duration_s, 1e-3)
    for event in events:
        length_s = event.end_s - event.start_s
        panel.broken_barh(
            [(event.start_s, length_s)], (0.05, 0.9), facecolors=colours[event.value],
            edgecolors="white", alpha=0.35 + 0.5 * event.confidence,
        )  # fmt: skip
        text = str(event.value)
        if len(text) * LETTER_PX + 4 <= length_s * pixels:
            panel.text(
                event.start_s + length_s / 2, 0.5, text, ha="center", va="center", fontsize=10,
                parse_math=False, clip_on=True,
            )  # fmt: skip


def _coloured(events: Sequence[Event]) -> dict[Any, str]:
    values = list(dict.fromkeys(event.value for event in events))
    return {value: PALETTE[n % len(PALETTE)] for n, value in enumerate(values)}


def _form(panel: Axes, found: Analysis) -> None:
    events = found.events("form")
    _spans(panel, found, events, _coloured(events))


def _keys(panel: Axes, found: Analysis) -> None:
    events = found.events("key")
    _spans(panel, found, events, _coloured(events))


def _chords(panel: Axes, found: Analysis) -> None:
    """One colour for each root."""
    events = [
        Event(e.start_s, e.end_s, str(e.value).replace(":maj", "").replace(":min", "m"),
              e.confidence)
        for e in found.events("chords")
        if e.value not in ("N", "X")
    ]  # fmt: skip
    roots = _coloured([Event(0, 0, _root(e), 1) for e in events])
    _spans(panel, found, events, {e.value: roots[_root(e)] for e in events})


def _root(event: Event) -> str:
    name = str(event.value)
    return name[:2] if name[1:2] in ("b", "#") else name[:1]


def _beats(panel: Axes, found: Analysis) -> None:
    """Beats as short lines, bars as long ones, with numbers as far apart as they need."""
    beats, downs = found.events("beats"), found.events("downbeats")
    pixels = 0.86 * WIDTH_IN * DPI / max(found.duration_s, 1e-3)
    if len(beats) * 3 <= found.duration_s * pixels:
        panel.vlines([e.start_s for e in beats], 0.0, 0.3, colors="#999999", linewidth=0.8)
    if len(downs) * 3 <= found.duration_s * pixels:
        panel.vlines([e.start_s for e in downs], 0.0, 0.55, colors="#222222", linewidth=1.1)
    # A bar whose beginning is not sure enough counts, though it is not drawn.
    firsts = [e.start_s for e in beats if e.value == 1]
    step = 1
    while firsts and len(firsts) / step * 34 > found.duration_s * pixels:
        step *= 2
    drawn = {e.start_s for e in downs}
    for number, time_s in enumerate(firsts):
        fits = (found.start_s + found.duration_s - time_s) * pixels > NUMBER_PX
        if time_s in drawn and number % step == 0 and fits:
            panel.text(
                time_s, 0.62, str(number + 1), fontsize=8, ha="center", va="bottom", clip_on=True
            )
    if not beats:
        panel.text(0.5, 0.5, "no beat is sure enough", transform=panel.transAxes, ha="center")


def _drums(panel: Axes, found: Analysis) -> None:
    """A line for each hit; where those would run together, how many hits there are from step to
    step."""
    rows = {"kick": 0.0, "snare": 0.36, "hi-hat": 0.72}
    pixels = 0.86 * WIDTH_IN * DPI / max(found.duration_s, 1e-3)
    times = {
        name: np.array([e.start_s for e in found.events("drums") if e.value == name])
        for name in rows
    }
    most = max(map(len, times.values()), default=0)
    dense = most * HIT_PX > found.duration_s * pixels
    step_s = next((s for s in STEPS_S if s * pixels >= COUNT_PX), STEPS_S[-1])
    edges = found.start_s + np.arange(0.0, found.duration_s + step_s, step_s)
    counts = {name: np.histogram(each, edges)[0] for name, each in times.items()}
    highest = max(1, *(int(each.max(initial=0)) for each in counts.values()))
    for n, (name, low) in enumerate(rows.items()):
        if dense:
            tops = low + 0.3 * np.append(counts[name], 0) / highest
            panel.fill_between(edges, low, tops, step="post", color=PALETTE[n], linewidth=0)
        else:
            panel.vlines(times[name], low, low + 0.28, colors=PALETTE[n], linewidth=0.9)
    if dense:
        length = f"{step_s} s" if step_s < 60 else f"{step_s // 60} min"
        panel.set_ylabel(f"drum hits\nin {length}", rotation=0, ha="right", va="center")
    panel.set_yticks([low + 0.14 for low in rows.values()], list(rows), fontsize=8)
    panel.tick_params(axis="y", length=0)


def _melody(panel: Axes, found: Analysis, spectrum: Picture) -> None:
    top_db = float(spectrum.power_db.max())
    edges_hz = spectrum.edges_hz
    shown_rows = (edges_hz[:-1] >= LOWEST_HZ) & (edges_hz[1:] <= HIGHEST_HZ)
    power, edges = spectrum.power_db[shown_rows], edges_hz[:-1][shown_rows]
    columns = np.linspace(0, spectrum.duration_s, power.shape[1] + 1) + found.start_s
    panel.pcolormesh(
        columns, np.append(edges, edges_hz[1:][shown_rows][-1]), power, cmap="Greys",
        vmin=top_db - RANGE_DB, vmax=top_db, shading="flat", rasterized=True,
    )  # fmt: skip
    panel.set_yscale("log")
    panel.set_ylim(LOWEST_HZ, min(HIGHEST_HZ, float(edges_hz[-1])))
    panel.minorticks_off()
    ticks = [hz for hz in TICKS_HZ if hz <= edges_hz[-1]]
    panel.set_yticks(ticks, [f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz" for hz in ticks])
    panel.set_ylabel("pitch")
    for name, colour in (("bass", PALETTE[0]), ("melody", PALETTE[1])):
        _contour(panel, found, name, colour)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(loc="upper right", fontsize=9, ncols=2, framealpha=0.85)


def _contour(panel: Axes, found: Analysis, name: str, colour: str) -> None:
    """A line through what is sure enough; gaps stay gaps."""
    contour, lane = found.contours.get(name), found.lane(name)
    if contour is None or lane is None or not lane.events:
        return
    hz = np.where(contour.confidence >= lane.least, contour.hz, np.nan).astype(np.float64)
    inside = np.zeros(len(hz), bool)
    for event in lane.events:
        first, last = ((t - found.start_s) / contour.frame_s for t in (event.start_s, event.end_s))
        inside[max(0, round(first)) : round(last) + 1] = True
    hz[~inside] = np.nan
    with np.errstate(invalid="ignore"):
        leaps = np.abs(np.diff(np.log2(hz), prepend=np.nan)) > LEAP_OCTAVES
    hz[leaps] = np.nan
    times = found.start_s + np.arange(len(hz)) * contour.frame_s
    panel.plot(times, hz, color="white", linewidth=3.2, solid_capstyle="round")
    label = f"{name}, on {shown(lane.source)}"
    panel.plot(times, hz, color=colour, linewidth=1.7, label=label, solid_capstyle="round")


def _loudness(panel: Axes, found: Analysis, stem: str, colour: str) -> None:
    track = found.tracks[stem]
    level = np.maximum(track.momentary_lufs.astype(np.float64), QUIETEST_LUFS)
    step = max(1, len(level) // MOST_COLUMNS)
    kept = level[: len(level) // step * step].reshape(-1, step).max(1) if len(level) else level
    times = found.start_s + 0.2 + 0.1 * step * (np.arange(len(kept)) + 0.5 * (step > 1))
    panel.fill_between(times, QUIETEST_LUFS, kept, color=colour, alpha=0.75, linewidth=0)
    panel.set_ylim(QUIETEST_LUFS, 0)
    panel.set_yticks([-40, -20], ["-40", "-20"], fontsize=8)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    lufs = "silent" if track.lufs is None else f"{track.lufs:.1f} LUFS"
    panel.set_ylabel(f"{_short(shown(stem))}\n{lufs}", rotation=0, ha="right", va="center",
                     parse_math=False)  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}…"
