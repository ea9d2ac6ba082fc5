"""A finder that finds what it is told to, and recordings to find it in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording

RATE_HZ = 8000
STEP = Kind(
    name="test-step",
    title="Steps of level",
    measures="The level of each second is compared with that of the second before.",
    limits="Somebody who walks to the microphone gives a step too.",
)
TAG = Kind(name="test-tag", title="Titles", measures="Titles are read.", limits="They may lie.")
ABOUT = Kind(
    name="test-about", title="About it", measures="All of it.", limits="Nothing.", describes=True
)
RARE = Kind(name="test-rare", title="Rare things", measures="None.", limits="All.")


def steps(recording: Recording) -> Iterable[Finding]:
    """A finding where a second is louder than the one before."""
    yield Finding(kind=ABOUT.name, words="It is a recording.", start_s=0.0, end_s=60.0)
    before = None
    for second, block in enumerate(recording.blocks()):
        level_db = 10 * np.log10(np.mean(block.astype(np.float64) ** 2) + 1e-12)
        if before is not None and level_db - before > 6:
            yield Finding(
                kind=STEP.name,
                words=f"The level rises by {level_db - before:.1f} dB.",
                start_s=float(second),
                end_s=float(second),
                figure=level_db - before,
                unit="dB",
                limit=6.0,
                channel=0,
                details={"level_db": level_db, "code": "<i>markup</i>", "absent_hz": None},
            )
        before = level_db
    for name, value in recording.info.tags.items():
        yield Finding(kind=TAG.name, words=f"The file has the tag {name}: {value}.")


def broken(recording: Recording) -> Iterable[Finding]:
    raise ZeroDivisionError("no figure")


FINDERS = (
    Finder(name="steps", kinds=(ABOUT, STEP, TAG, RARE), find=steps, parameters={"least_db": 6.0}),
    Finder(name="broken", kinds=(), find=broken),
)


def recording(path: Path, seconds: int = 3, seed: int = 0) -> Path:
    """Noise that gets louder by 12 dB with the second second; its title is markup."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.05 * np.random.default_rng(seed).standard_normal(seconds * RATE_HZ)
    wave[RATE_HZ:] *= 4
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        file.title = "<script>alert(1)</script> & <b>bold</b>"
        file.write(wave)
    return path
