"""The files of an analysis, each kind in a module: JSON, JAMS, CSV, MIDI, marks, picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from unweave.apps._shared.material import Material
from unweave.apps.analyze.analysis import LANES, Analysis
from unweave.core.files import writable
from unweave.errors import UsageError, quoted

KINDS = ("jams", "csv", "mid", "labels", "rpp", "png")
USUAL = ("jams", "csv", "mid", "labels")
LABELS = "labels/"


def check(kinds: Iterable[str]) -> tuple[str, ...]:
    """The kinds once each, in their order. Raises UsageError for one that there is not, or a
    picture without matplotlib."""
    wanted = list(kinds)
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown:
        raise UsageError(f"there is no export {quoted(unknown[0])}; there are {', '.join(KINDS)}")
    if "png" in wanted:
        from unweave.viz import need_matplotlib

        need_matplotlib()
    return tuple(kind for kind in KINDS if kind in wanted)


def names(kinds: Iterable[str]) -> dict[str, str]:
    """The files of these kinds by what they are: those that may be written."""
    found: dict[str, str] = {}
    for kind in kinds:
        if kind == "csv":
            found |= {"csv": "events.csv", "pitch": "pitch.csv", "stems": "stems.csv"}
        elif kind == "labels":
            found |= {f"{LABELS}{lane}": f"labels/{lane}.txt" for lane in LANES_OF_EVENTS}
        else:
            found[kind] = f"analysis.{kind}"
    return found


LANES_OF_EVENTS = tuple(lane for lane in LANES if lane not in ("metre", "tempo"))


def write(
    folder: Path, files: Mapping[str, str], found: Analysis, sound: Material, title: str
) -> dict[str, Path]:
    """Write those of the files that hold something, into `folder`; their paths.

    The picture is not among them: it needs a spectrogram (`picture`). Raises OutputError.
    """
    from unweave.apps.analyze.files import jams, marks, midi, tables

    makers: dict[str, Callable[[], Iterable[str]]] = {
        "jams": lambda: jams.document(found, sound.info.tags, title),
        "csv": lambda: tables.events(found),
        "pitch": lambda: tables.pitch(found),
        "stems": lambda: tables.stems(found),
        "rpp": lambda: [marks.project(found, sound, title)],
    }
    written = {}
    for name, file in files.items():
        if name.startswith(LABELS):
            pieces: Iterable[str] = marks.labels(found, name.removeprefix(LABELS))
        elif name in makers:
            pieces = makers[name]()
        elif name != "mid":
            continue
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        with writable(path), path.open("wb") as out:
            if name == "mid":
                out.write(midi.file(found, title))
            else:
                out.writelines(piece.encode() for piece in pieces)
            if out.tell():
                written[name] = path
    return written
