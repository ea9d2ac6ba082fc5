"""MUSDB18: 150 full songs as Native Instruments stem files, and its 7-second sample.

Each `.stem.mp4` holds five streams of AAC: 0 mixture, 1 drums, 2 bass, 3 other, 4 vocals. The
mixture is a stream of its own, encoded by itself: it is not exactly the sum of the stems.

Rafii, Liutkus, Stöter, Mimilakis, Bittner, "MUSDB18 - a corpus for music separation", 2017.
"""

from __future__ import annotations

from pathlib import Path

from unweave.datasets import _find
from unweave.datasets.track import About, Part, Track

STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}
STEMS = ("vocals", "drums", "bass", "other")
SPLITS = ("train", "test", "validation", "train-without-validation")
# The 14 training tracks that the `musdb` package sets aside, so that scores can be compared.
VALIDATION = frozenset(
    (
        "ANiMAL - Rockshow",
        "Actions - One Minute Smile",
        "Alexander Ross - Goodbye Bolero",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Fergessen - Nos Palpitants",
        "James May - On The Line",
        "Johnny Lokke - Promises & Lies",
        "Leaf - Summerghost",
        "Meaxic - Take A Step",
        "Patrick Talbot - A Reason To Leave",
        "Skelpolu - Human Mistakes",
        "Traffic Experiment - Sirens",
        "Triviul - Angelsaint",
        "Young Griffo - Pennies",
    )
)
ABOUT = About(
    stems=STEMS,
    splits=SPLITS,
    layout="train/ and test/, with NAME.stem.mp4 in them",
    protocol="bss-eval-v4",
    licence="for research and teaching only; most songs CC BY-NC-SA 4.0, see its tracklist",
    obtain="MUSDB18 of SigSep, on Zenodo; the 7-second sample comes with the musdb package",
    paper="Rafii et al. 2017",
    # 100 + 50 songs; the sample leaves six of the training songs out.
    counts={"train": (100, 94), "test": (50,), "validation": (14,),
            "train-without-validation": (86, 80)},
    sum_db_at_least=15.0,  # the least of the sample's 94 training tracks is 24.0
    within=dict.fromkeys(("validation", "train-without-validation"), "train"),
)  # fmt: skip
_ENDING = ".stem.mp4"


def looks_like(root: Path) -> bool:
    """Whether a folder may be this dataset."""
    return any(_find.files(root / folder, _ENDING) for folder in ("train", "test"))


def tracks(root: Path, split: str | None = None) -> list[Track]:
    """The tracks by split and name. No split: train and test, what there is of them.

    Raises InputError for a folder that is not the dataset or has wrong files, UsageError for an
    unknown split.
    """
    _find.check_split("musdb18", split, SPLITS)
    _find.check_root(root, f"MUSDB18: {ABOUT.layout}", looks_like(root))
    wanted = [folder for folder in ("train", "test") if folder in folders_of(split)]
    found = {folder: _find.files(root / folder, _ENDING) for folder in wanted}
    errors = _find.Errors(root)
    listed = []
    for folder, files in found.items():
        if not files and split is not None:
            errors.add(root / folder, f"holds no NAME{_ENDING}")
        for file in files:
            name = file.name[: -len(_ENDING)]
            header = errors.header(file) if belongs(name, split) else None
            if header is not None and header.streams != 5:
                errors.add(file, f"has {header.streams} streams of sound, not 5")
            elif header is not None:
                parts = {stem: Part(file, STREAMS[stem]) for stem in STEMS}
                listed.append(
                    Track(
                        name=name,
                        split=split or folder,
                        sample_rate_hz=header.sample_rate_hz,
                        channels=header.channels,
                        samples=header.samples,
                        stems=STEMS,
                        files=(file,),
                        mixture=Part(file, 0),
                        sources=parts,
                    )
                )
    errors.check()
    return listed


def folders_of(split: str | None) -> tuple[str, ...]:
    """The folders that the tracks of a split lie in."""
    return ("train", "test") if split is None else ("test",) if split == "test" else ("train",)


def belongs(name: str, split: str | None) -> bool:
    """Whether a track of the right folder is in the split."""
    if split in ("validation", "train-without-validation"):
        return (name in VALIDATION) == (split == "validation")
    return True
