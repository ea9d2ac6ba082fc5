"""Channels that are one: identical, scaled, inverted or delayed copies of another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.signal.blocks import in_blocks, windows
from unweave.types import Wave

REST_DB = -40.0  # what is left of one channel when the other is taken off
LIKELY = 0.9  # correlation that is looked at again
LONGEST_S = 0.05
SIZE = 16384  # samples that are correlated at once

ONE = Kind(
    name="one-channel",
    title="Two channels that are one",
    measures="What is left of a channel after the best scaled and delayed copy of another is taken "
    "off, in dB of the channel.",
    limits="Many recordings are monophonic in the beginning. Filtered copies are not found.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kind. Reads the recording twice where channels look alike."""
    info = recording.info
    pairs = list(combinations(range(info.channels), 2))
    if not pairs:
        return
    reach = max(1, round(LONGEST_S * info.sample_rate_hz))
    lags = _lags(recording, pairs, reach)
    likely = {pair: lag for pair, lag in lags.items() if lag is not None}
    if not likely:
        return
    for pair, (gain, rest_db) in _gains(recording, likely, reach).items():
        if rest_db <= REST_DB:
            yield _finding(pair, likely[pair], gain, rest_db, info.sample_rate_hz)


def _lags(
    recording: Recording, pairs: list[tuple[int, int]], reach: int
) -> dict[tuple[int, int], int | None]:
    """By how many samples the second of each pair is late, None where they differ."""
    size = 1 << (SIZE + 2 * reach - 1).bit_length()
    spectra = {pair: np.zeros(size // 2 + 1, np.complex128) for pair in pairs}
    power = np.zeros(recording.info.channels)
    for wave in windows(in_blocks(recording.blocks(), SIZE), reach):
        inside = wave[:, reach : wave.shape[1] - reach]
        power += np.square(inside, dtype=np.float64).sum(axis=1)
        all_of, inner = np.fft.rfft(wave, size), np.fft.rfft(inside, size)
        for one, other in pairs:
            spectra[one, other] += np.conj(inner[one]) * all_of[other]
    found: dict[tuple[int, int], int | None] = {}
    for (one, other), spectrum in spectra.items():
        correlation = np.fft.irfft(spectrum, size)[: 2 * reach + 1]
        lag = int(np.abs(correlation).argmax())
        scale = math.sqrt(power[one] * power[other])
        alike = scale > 0 and abs(correlation[lag]) / scale >= LIKELY
        found[one, other] = lag - reach if alike else None
    return found


def _gains(
    recording: Recording, lags: dict[tuple[int, int], int], reach: int
) -> dict[tuple[int, int], tuple[float, float]]:
    """For each pair the gain from the first channel to the second, and what is left in dB."""
    sums = {pair: np.zeros(3) for pair in lags}

    def add(wave: Wave, *, first: bool, last: bool) -> None:
        here = wave.astype(np.float64)
        for (one, other), lag in lags.items():
            # Beyond its ends the recording has nothing to compare with.
            begin = reach + max(0, -lag) * first
            end = max(begin, wave.shape[1] - reach - max(0, lag) * last)
            x, y = here[one, begin:end], here[other, begin + lag : end + lag]
            sums[one, other] += x @ x, x @ y, y @ y

    before: Wave | None = None
    first = True
    for wave in windows(in_blocks(recording.blocks(), SIZE), reach):
        if before is not None:
            add(before, first=first, last=False)
            first = False
        before = wave
    if before is not None:
        add(before, first=first, last=True)
    found = {}
    for pair, (xx, xy, yy) in sums.items():
        rest = max(0.0, 1 - xy * xy / (xx * yy)) if xx > 0 and yy > 0 else 1.0
        found[pair] = xy / xx if xx > 0 else 0.0, 10 * math.log10(max(rest, 1e-15))
    return found


def _finding(pair: tuple[int, int], lag: int, gain: float, rest_db: float, rate_hz: int) -> Finding:
    one, other = pair[0] + 1, pair[1] + 1
    gain_db = 20 * math.log10(abs(gain))
    if lag == 0 and abs(gain - 1) < 1e-6:
        words = f"Channels {one} and {other} are the same."
    else:
        parts = [f"at {gain_db:+.2f} dB" if abs(gain_db) >= 0.005 else "at the same level"]
        parts += ["inverted"] if gain < 0 else []
        parts += [f"{abs(1000 * lag / rate_hz):.2f} ms {'later' if lag > 0 else 'earlier'}"]
        words = f"Channel {other} is channel {one} {', '.join(parts[: 3 if lag else -1])}."
    return Finding(
        kind=ONE.name,
        words=words,
        figure=round(rest_db, 1),
        unit="dB",
        limit=REST_DB,
        channel=pair[1],
        details={"of_channel": pair[0], "gain_db": round(gain_db, 3), "inverted": gain < 0,
                 "delay_samples": lag},
    )  # fmt: skip


def mono(blocks: Iterator[Wave]) -> Iterator[Wave]:
    """The mean of all channels, `(1, time)`."""
    for block in blocks:
        yield block.mean(axis=0, keepdims=True)


FINDER = Finder(
    name="channels",
    kinds=(ONE,),
    find=find,
    parameters={"rest_db": REST_DB, "likely": LIKELY, "longest_s": LONGEST_S},
)
