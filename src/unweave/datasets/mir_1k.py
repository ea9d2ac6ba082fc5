"""MIR-1K: 1000 clips of Chinese karaoke songs, 16 kHz, left = music, right = voice.

The two channels become stems of one channel, mixed at 0 dB as in Huang et al.: the voice is as
recorded, the music is scaled to the voice's L2 norm over the clip. Huang et al. divide each
channel by its own norm instead; that is the same but for a gain common to mix and stems, which no
score depends on, and which would leave the clips hundreds of times too quiet.

Hsu, Jang, "On the improvement of singing voice separation for monaural recordings using the MIR-1K
dataset", IEEE TASLP 18(2), 2010. The split: Huang, Kim, Hasegawa-Johnson, Smaragdis, "Joint
optimization of masks and deep recurrent neural networks for monaural source separation", IEEE/ACM
TASLP 23(12), 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave.datasets import _audio, _find
from unweave.datasets.track import MIR_1K, About, Part, Track
from unweave.errors import UsageError
from unweave.types import Wave

STEMS = ("vocals", "accompaniment")
TRAIN_SINGERS = ("abjones", "amy")
TEST_SINGERS = (
    "Ani", "Kenshin", "annar", "ariel", "bobon", "bug", "davidson", "fdps", "geniusturtle",
    "heycat", "jmzen", "khair", "leon", "stool", "tammy", "titon", "yifen",
)  # fmt: skip
DEV = frozenset(("abjones_5_08", "abjones_5_09", "amy_9_08", "amy_9_09"))
SPLITS = ("train", "dev", "test", "test-public")
ABOUT = About(
    stems=STEMS,
    splits=(*SPLITS, "SPLIT:SINGER", "SPLIT:not-SINGER"),
    layout="Wavfile/SINGER_SONG_CLIP.wav, or train/, dev/, test/, test-public/ with the same",
    protocol=MIR_1K,
    licence="for research only",
    obtain="MIR-1K of the Multimedia Information Retrieval Lab, National Taiwan University",
    paper="Hsu and Jang 2010",
    counts={"train": (171,), "dev": (4,), "test": (825,), "test-public": (100,),
            "train:abjones": (41,), "train:amy": (130,)},
    within={"test-public": "test"},
)  # fmt: skip
_FOLDERS = ("train", "dev", "test", "test-public")
_ENDINGS = (".wav", ".flac")
_MUSIC, _VOICE = 0, 1  # channels


@dataclass(frozen=True, slots=True)
class Clip:
    """One signal of a clip: "vocals", "accompaniment" or "mix", one channel."""

    path: Path
    what: str
    samples: int

    def read(self, start: int, length: int) -> Wave:
        both = _audio.read(self.path, 0, self.samples)  # all of it: the gain needs it
        voice, music = both[_VOICE:], both[_MUSIC:_VOICE]
        if self.what == "vocals":
            found = voice
        else:
            found = music * _gain(voice, music)
            if self.what == "mix":
                found += voice
        return found[:, start : start + length].copy()

    def parts(self) -> tuple[Part, ...]:
        return (Part(self.path),)


def _gain(voice: Wave, music: Wave) -> np.float32:
    """What brings the music to the voice's L2 norm; 1 where one of them is silent."""
    of_voice, of_music = (float(np.sum(x.astype(np.float64) ** 2)) ** 0.5 for x in (voice, music))
    return np.float32(of_voice / of_music) if of_voice and of_music else np.float32(1.0)


def looks_like(root: Path) -> bool:
    """Whether a folder may be this dataset."""
    return any(_clips(folder) for folder in (_wavs(root), *(root / name for name in _FOLDERS)))


def tracks(root: Path, split: str | None = None) -> list[Track]:
    """The clips by split and name. No split: each clip of train, dev and test that is there once.

    A split may be narrowed to a singer: `train:amy`, or to all the others: `train:not-amy`.
    Raises InputError for a folder that is not the dataset or has wrong files, UsageError for an
    unknown split or singer.
    """
    base, is_wanted = _parse(split)
    _find.check_root(root, f"MIR-1K: {ABOUT.layout}", looks_like(root))
    errors = _find.Errors(root)
    listed = []
    for label, files in _by_split(root, base).items():
        chosen = [file for file in files if is_wanted(_singer(file))]
        if not chosen and base is not None:
            errors.add(root, f"holds no clip of the split {split}")
        for file in chosen:
            header = errors.pair(file)
            if header is None:
                continue
            listed.append(
                Track(
                    name=file.stem,
                    split=split or label,
                    sample_rate_hz=header.sample_rate_hz,
                    channels=1,
                    samples=header.samples,
                    stems=STEMS,
                    files=(file,),
                    protocol=MIR_1K,
                    mixture=Clip(file, "mix", header.samples),
                    sources={stem: Clip(file, stem, header.samples) for stem in STEMS},
                )
            )
    errors.check()
    return listed


def _parse(split: str | None) -> tuple[str | None, Callable[[str], bool]]:
    """The official split, and which singers of it are wanted."""
    base, colon, singer = (split or "").partition(":")
    _find.check_split("mir-1k", base or split, SPLITS)
    left_out = singer.startswith("not-")
    singer = singer.removeprefix("not-")
    if not colon:
        return base or None, lambda _: True
    singers = (*TRAIN_SINGERS, *TEST_SINGERS)
    if singer not in singers:
        raise UsageError(f"mir-1k has no singer {singer!r}; it has {', '.join(singers)}")
    return base, lambda name: (name == singer) != left_out


def _by_split(root: Path, base: str | None) -> dict[str, list[Path]]:
    """The files of the official splits, or of the one asked for.

    In the original layout names decide. Where folders are splits, `test-public` is a part of
    `test`: it stands for it where there is no more of it, unless one of them is asked for.
    """
    everything = _clips(_wavs(root))
    if everything:
        found = {name: [f for f in everything if _official(f.stem) == name] for name in _FOLDERS}
    else:
        found = {name: _clips(root / name) for name in _FOLDERS}
    if base is not None:
        return {base: found[base]}
    if found["test"]:
        found["test-public"] = []
    return {name: files for name, files in found.items() if files}


def _official(clip: str) -> str:
    if clip in DEV:
        return "dev"
    return "train" if clip.partition("_")[0] in TRAIN_SINGERS else "test"


def _singer(file: Path) -> str:
    return file.stem.partition("_")[0]


def _wavs(root: Path) -> Path:
    """The folder of the original layout; the root may be that folder itself."""
    return root if root.name == "Wavfile" else root / "Wavfile"


def _clips(folder: Path) -> list[Path]:
    """Sound files that are called like clips of MIR-1K."""
    singers = (*TRAIN_SINGERS, *TEST_SINGERS)
    return [file for file in _find.files(folder, *_ENDINGS) if _singer(file) in singers]
