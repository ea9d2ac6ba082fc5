"""Where the spectrum ends: the low-pass of a codec, or of an earlier, lower sample rate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings.channels import mono
from unweave.signal.blocks import in_blocks

SIZE = 4096  # of each spectrum
DROP_DB = 20.0
WITHIN_HZ = 600.0  # the width of the drop
HIGHEST = 0.96  # of half the sample rate: above, it is the usual filter of a converter
RATES_HZ = 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000

CUT = Kind(
    name="bandwidth-cut",
    title="The spectrum ends early",
    measures="The frequency above which the sound stops, and by how much it falls there.",
    limits="Microphones, instruments and mastering end softly; codecs, telephone lines and "
    "conversion of the sample rate end steeply. The figure does not tell which it was.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kind."""
    rate_hz = recording.info.sample_rate_hz
    window = np.hanning(SIZE).astype(np.float32)
    power, frames = np.zeros(SIZE // 2 + 1), 0
    for block in in_blocks(mono(recording.blocks()), 16 * SIZE):
        whole = block[0, : block.shape[1] // SIZE * SIZE].reshape(-1, SIZE)
        power += np.square(np.abs(np.fft.rfft(whole * window)), dtype=np.float64).sum(axis=0)
        frames += len(whole)
    if not frames or power.max() <= 0:
        return
    found = _edge(10 * np.log10(power / frames + 1e-12), rate_hz)
    if found is None:
        return
    edge_hz, drop_db = found
    older = [each for each in RATES_HZ if each < rate_hz and 0.85 <= 2 * edge_hz / each <= 1.01]
    words = f"The spectrum ends at {edge_hz:.0f} Hz, where it falls by {drop_db:.0f} dB."
    if older:
        words += f" A sample rate of {older[0]} Hz ends there."
    yield Finding(
        kind=CUT.name,
        words=words,
        figure=round(edge_hz),
        unit="Hz",
        limit=round(HIGHEST * rate_hz / 2),
        details={"drop_db": round(drop_db, 1), "earlier_rate_hz": older[0] if older else None},
    )


def _edge(level_db: np.ndarray, rate_hz: int) -> tuple[float, float] | None:
    """The highest steep drop after which nothing comes again: its frequency and depth."""
    width = 9
    smooth = np.convolve(np.pad(level_db, width // 2, "edge"), np.ones(width) / width, "valid")
    step = max(1, round(WITHIN_HZ / rate_hz * SIZE))
    above = np.maximum.accumulate(smooth[::-1])[::-1]  # the most from here on
    drop_db = smooth[:-step] - above[step:]
    steep = np.flatnonzero(drop_db >= DROP_DB)
    if not steep.size:
        return None
    last = int(steep[-1])
    first = last
    while first > 0 and drop_db[first - 1] >= DROP_DB and last - first < step:
        first -= 1
    best = first + int(drop_db[first : last + 1].argmax())
    half_db = smooth[best] - drop_db[best] / 2
    inside = np.flatnonzero(smooth[best : best + step] >= half_db)
    edge_hz = (best + (int(inside[-1]) if inside.size else 0)) * rate_hz / SIZE
    return (edge_hz, float(drop_db[best])) if edge_hz < HIGHEST * rate_hz / 2 else None


FINDER = Finder(
    name="bandwidth",
    kinds=(CUT,),
    find=find,
    parameters={"drop_db": DROP_DB, "within_hz": WITHIN_HZ, "highest": HIGHEST},
)
