"""iKala: 252 clips of Chinese pop, 30 s at 44.1 kHz, left = music, right = voice.

The two channels become stems of one channel; the mix is their sum as recorded, as in the Singing
Voice Separation task of MIREX 2014 to 2016, whose measures are those of MIR-1K.

Chan, Yeh, Fan, Chen, Su, Yang, Jang, "Vocal activity informed singing voice separation with the
iKala dataset", ICASSP 2015.
"""

from __future__ import annotations

import re
from pathlib import Path

from unweave.datasets import _find
from unweave.datasets.track import MIR_1K, About, Part, Sum, Track

STEMS = ("vocals", "accompaniment")
ABOUT = About(
    stems=STEMS,
    splits=(),
    layout="Wavfile/NUMBER_verse.wav and Wavfile/NUMBER_chorus.wav",
    protocol=MIR_1K,
    licence="for research only",
    obtain="iKala of iKala and Academia Sinica; no longer handed out",
    paper="Chan et al. 2015",
    counts={"all": (252,)},
)
_NAME = re.compile(r"\d+_(verse|chorus)")
_MUSIC, _VOICE = 0, 1  # channels


def looks_like(root: Path) -> bool:
    """Whether a folder may be this dataset."""
    return bool(_clips(root))


def tracks(root: Path, split: str | None = None) -> list[Track]:
    """The clips by name; there are no splits, and `Track.split` is "all".

    Raises InputError for a folder that is not the dataset or has wrong files, UsageError for a
    split.
    """
    _find.check_split("ikala", split, ())
    _find.check_root(root, f"iKala: {ABOUT.layout}", looks_like(root))
    errors = _find.Errors(root)
    listed = []
    for file in _clips(root):
        header = errors.pair(file)
        if header is None:
            continue
        voice, music = Part(file, channel=_VOICE), Part(file, channel=_MUSIC)
        listed.append(
            Track(
                name=file.stem,
                split="all",
                sample_rate_hz=header.sample_rate_hz,
                channels=1,
                samples=header.samples,
                stems=STEMS,
                files=(file,),
                protocol=MIR_1K,
                mixture=Sum((voice, music)),
                sources={"vocals": voice, "accompaniment": music},
            )
        )
    errors.check()
    return listed


def _clips(root: Path) -> list[Path]:
    """The clips in `Wavfile`, which may be the root itself."""
    folder = root if root.name == "Wavfile" else root / "Wavfile"
    return [file for file in _find.files(folder, ".wav") if _NAME.fullmatch(file.stem)]
