"""MUSDB18-HQ: the 150 songs of MUSDB18 as WAV, one folder for each song.

The same songs and splits as `musdb18`, not cut at 16 kHz by AAC: scores of the two differ.

Rafii, Liutkus, Stöter, Mimilakis, Bittner, "MUSDB18-HQ - an uncompressed version of MUSDB18", 2019.
"""

from __future__ import annotations

from pathlib import Path

from unweave.datasets import _find, musdb18
from unweave.datasets._stems import track_of
from unweave.datasets.track import BSS_EVAL_V4, About, Track

STEMS = musdb18.STEMS
ABOUT = About(
    stems=STEMS,
    splits=musdb18.SPLITS,
    layout="train/ and test/, with a folder for each song: mixture.wav, drums.wav, bass.wav, "
    "other.wav, vocals.wav",
    protocol=BSS_EVAL_V4,
    licence=musdb18.ABOUT.licence,
    obtain="MUSDB18-HQ of SigSep, on Zenodo",
    paper="Rafii et al. 2019",
    counts={
        "train": (100,),
        "test": (50,),
        "validation": (14,),
        "train-without-validation": (86,),
    },
    songs_of="musdb18",
    within=musdb18.ABOUT.within,
)


def looks_like(root: Path) -> bool:
    """Whether a folder may be this dataset."""
    folders = (song for name in ("train", "test") for song in _find.folders(root / name))
    return any(all((song / f"{stem}.wav").exists() for stem in STEMS) for song in folders)


def tracks(root: Path, split: str | None = None) -> list[Track]:
    """The tracks by split and name. No split: train and test, what there is of them.

    Raises InputError for a folder that is not the dataset or has missing or wrong files, UsageError
    for an unknown split.
    """
    _find.check_split("musdb18-hq", split, musdb18.SPLITS)
    _find.check_root(root, f"MUSDB18-HQ: {ABOUT.layout}", looks_like(root))
    errors = _find.Errors(root)
    listed = []
    for folder in musdb18.folders_of(split):
        songs = _find.folders(root / folder)
        if not songs and split is not None:
            errors.add(root / folder, "holds no songs")
        for song in songs:
            if musdb18.belongs(song.name, split):
                files = {name: song / f"{name}.wav" for name in ("mixture", *STEMS)}
                track = track_of(song.name, split or folder, files, errors)
                listed += [track] if track else []
    errors.check()
    return listed
