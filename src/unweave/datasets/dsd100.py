"""DSD100: 100 full songs as WAV, the dataset of SiSEC 2015 and 2016.

Mixtures and sources lie in two trees. The folder `Dev` is the split `train`, `Test` is `test`.

Liutkus, Stöter, Rafii, Kitamura, Rivet, Ito, Ono, Fontecave, "The 2016 Signal Separation Evaluation
Campaign", LVA/ICA 2017.
"""

from __future__ import annotations

from pathlib import Path

from unweave.datasets import _find
from unweave.datasets._stems import track_of
from unweave.datasets.track import BSS_EVAL_V4, About, Track

STEMS = ("vocals", "drums", "bass", "other")
FOLDERS = {"train": "Dev", "test": "Test"}
ABOUT = About(
    stems=STEMS,
    splits=tuple(FOLDERS),
    layout="Mixtures/Dev/SONG/mixture.wav and Sources/Dev/SONG/ with vocals.wav, drums.wav, "
    "bass.wav, other.wav; the same in Test",
    protocol=BSS_EVAL_V4,
    licence="for research and teaching only",
    obtain="DSD100 of SigSep",
    paper="Liutkus et al. 2017",
    counts={"train": (50,), "test": (50,)},
    songs_of="musdb18",  # its test songs are MUSDB18's, the others are among those to train on
)


def looks_like(root: Path) -> bool:
    """Whether a folder may be this dataset."""
    return any((root / "Mixtures" / name).is_dir() for name in FOLDERS.values())


def tracks(root: Path, split: str | None = None) -> list[Track]:
    """The tracks by split and name. No split: train and test, what there is of them.

    Raises InputError for a folder that is not the dataset or has missing or wrong files, UsageError
    for an unknown split.
    """
    _find.check_split("dsd100", split, FOLDERS)
    _find.check_root(root, f"DSD100: {ABOUT.layout}", looks_like(root))
    errors = _find.Errors(root)
    listed = []
    for label, folder in FOLDERS.items():
        if split not in (None, label):
            continue
        mixtures, sources = root / "Mixtures" / folder, root / "Sources" / folder
        songs = {song.name for tree in (mixtures, sources) for song in _find.folders(tree)}
        if not songs and split is not None:
            errors.add(mixtures, "holds no songs")
        for song in sorted(songs):
            files = {"mixture": mixtures / song / "mixture.wav"}
            files |= {stem: sources / song / f"{stem}.wav" for stem in STEMS}
            track = track_of(song, label, files, errors)
            listed += [track] if track else []
    errors.check()
    return listed
