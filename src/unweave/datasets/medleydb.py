"""MedleyDB and collections laid out like it: stems by instrument, grouped into four.

Each track has `NAME_MIX.wav`, a folder `NAME_STEMS`, and `NAME_METADATA.yaml` that says which
instrument each stem holds. Stems are added up by group: vocals, drums, bass and other; a group
that no instrument belongs to is not there. A stem with instruments of several groups is `other`.

The mix is its own file, mastered: stems need not add up to it. The mix's length counts: stems that
end earlier are silent from there on, what goes on longer is left out, and `unweave dataset check`
names both.

Bittner, Salamon, Tierney, Mauch, Cannam, Bello, "MedleyDB: a multitrack dataset for
annotation-intensive MIR research", ISMIR 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unweave.core.files import readable
from unweave.datasets import _find, _stems
from unweave.datasets.track import BSS_EVAL_V4, About, Part, Source, Sum, Track
from unweave.types import Wave

STEMS = ("vocals", "drums", "bass", "other")
NO_BLEED = "no-bleed"
ABOUT = About(
    stems=STEMS,
    splits=(NO_BLEED,),
    layout="folders of NAME_MIX.wav, NAME_STEMS/ and NAME_METADATA.yaml (or that in Metadata/)",
    protocol=BSS_EVAL_V4,
    licence="CC BY-NC-SA 4.0",
    obtain="MedleyDB of the Music and Audio Research Lab, New York University, on Zenodo",
    paper="Bittner et al. 2014",
    any_stems=True,
)
_GROUPS = {
    "vocals": "male singer, female singer, male rapper, female rapper, male speaker, "
    "female speaker, male screamer, female screamer, vocalists, choir, beatboxing",
    "drums": "drum set, drum machine, kick drum, bass drum, snare drum, toms, high hat, cymbal, "
    "gong, timpani, auxiliary percussion, bongo, conga, tambourine, darbuka, doumbek, tabla, gu, "
    "triangle, sleigh bells, cowbell, cabasa, guiro, castanet, claps, snaps, rattle, shaker, "
    "maracas",
    "bass": "electric bass, double bass",
}
_GROUP_OF = {
    instrument: group for group, names in _GROUPS.items() for instrument in names.split(", ")
}
_DEPTH = 3  # folders below the root that a track may lie in


@dataclass(frozen=True, slots=True)
class Fitted:
    """A file brought to the mix's length: silent after its own end, cut after the mix's."""

    part: Part
    has: int

    def read(self, start: int, length: int) -> Wave:
        there = max(0, min(length, self.has - start))
        wave = self.part.read(min(start, self.has), there)
        return wave if there == length else np.pad(wave, ((0, 0), (0, length - there)))

    def parts(self) -> tuple[Part, ...]:
        return (self.part,)


def looks_like(root: Path) -> bool:
    """Whether a folder may be this dataset."""
    return bool(_track_folders(root, _DEPTH))


def tracks(root: Path, split: str | None = None) -> list[Track]:
    """The tracks by name, of the split "all"; "no-bleed" leaves out those marked as having bleed.

    Raises InputError for a folder that is not the dataset or has missing or wrong files, UsageError
    for an unknown split.
    """
    _find.check_split("medleydb", split, ABOUT.splits)
    folders = _track_folders(root, _DEPTH)
    _find.check_root(root, f"MedleyDB: {ABOUT.layout}", bool(folders))
    errors = _find.Errors(root)
    listed = []
    for folder in folders:
        facts = _metadata(folder, root, errors)
        if facts is None or (split == NO_BLEED and facts.get("has_bleed") != "no"):
            continue
        track = _track(folder, facts, split or "all", errors)
        listed += [track] if track else []
    errors.check()
    return sorted(listed, key=lambda track: track.name)


def group_of(instruments: str | list[str]) -> str:
    """The stem that a file with these instruments belongs to."""
    names = [instruments] if isinstance(instruments, str) else instruments
    groups = {_GROUP_OF.get(name.lower(), "other") for name in names}
    return groups.pop() if len(groups) == 1 else "other"


def _track(folder: Path, facts: dict[str, Any], split: str, errors: _find.Errors) -> Track | None:
    name, stems = folder.name, facts.get("stems")
    if not isinstance(stems, dict) or not stems:
        errors.add(folder, "has annotations that name no stems")
        return None
    files = {"mix": folder / f"{name}_MIX.wav"}
    groups: dict[str, list[str]] = {}
    for key, stem in stems.items():
        facts_of = stem if isinstance(stem, dict) else {}
        instruments = facts_of.get("instrument", "")
        files[key] = folder / f"{name}_STEMS" / str(facts_of.get("filename", key))
        group = group_of(instruments if isinstance(instruments, (str, list)) else "")
        groups.setdefault(group, []).append(key)
    headers = {key: errors.header(file) for key, file in files.items()}
    sure = {key: header for key, header in headers.items() if header is not None}
    if len(sure) < len(headers) or not _stems.alike(sure, files, errors, length_too=False):
        return None
    sources: dict[str, Source] = {
        group: Sum(tuple(Fitted(Part(files[key]), sure[key].samples) for key in groups[group]))
        for group in STEMS
        if group in groups
    }
    return Track(
        name=name,
        split=split,
        sample_rate_hz=sure["mix"].sample_rate_hz,
        channels=sure["mix"].channels,
        samples=sure["mix"].samples,
        stems=tuple(sources),
        files=tuple(files.values()),
        mixture=Part(files["mix"]),
        sources=sources,
    )


def _metadata(folder: Path, root: Path, errors: _find.Errors) -> dict[str, Any] | None:
    """The annotations of a track; None, and an error, where there are none."""
    name = f"{folder.name}_METADATA.yaml"
    for place in (folder, folder.parent / "Metadata", root / "Metadata"):
        file = place / name
        if file.is_file():
            with readable(file):
                return _parse(file.read_text(encoding="utf-8", errors="replace"))
    errors.add(folder / name, "is missing")
    return None


def _parse(text: str) -> dict[str, Any]:
    """The map of a YAML document, every scalar as text; an empty one where it is something else."""
    import yaml

    try:
        # This loader knows text, lists and maps, and no types.
        found = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _track_folders(folder: Path, depth: int) -> list[Path]:
    """The folders at or below a folder that hold a mix of their own name."""
    if (folder / f"{folder.name}_MIX.wav").is_file():
        return [folder]
    inner = _find.folders(folder) if depth else []
    return [found for below in inner for found in _track_folders(below, depth - 1)]
