"""Level, clipping, an offset of the zero line, and samples that do not change: in one reading."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from unweave.apps.forensic.finding import Finder, Finding, Kind, Recording
from unweave.apps.forensic.findings.runs import Runs
from unweave.signal.loudness import Loudness
from unweave.signal.true_peak import TruePeak

CLIPPED_SAMPLES = 3  # equal ones after each other
CLIPPED_DBFS = -6.0  # below, equal samples are common
CLIPPED_TOGETHER_S = 1.0  # apart, of one finding
OFFSET_DBFS = -60.0
CONSTANT_S = 0.02

LEVEL = Kind(
    name="level",
    title="Level of the whole recording",
    measures="Integrated loudness (ITU-R BS.1770-4), with the highest sample and true peak.",
    limits="It describes the recording; no value of it points to an edit.",
    describes=True,
)
CLIPPING = Kind(
    name="clipping",
    title="Clipped passages",
    measures=f"How many samples lie in runs of {CLIPPED_SAMPLES} or more equal samples above "
    f"{CLIPPED_DBFS:.0f} dBFS.",
    limits="A lossy encoding after the clipping hides it. Limiters make few equal samples.",
)
OFFSET = Kind(
    name="dc-offset",
    title="The zero line is displaced",
    measures="The mean of all samples of a channel.",
    limits="Simple converters and microphones displace it from the start.",
)
CONSTANT = Kind(
    name="digital-silence",
    title="Silence to the sample",
    measures=f"The length of passages of {1000 * CONSTANT_S:.0f} ms or more in which no channel "
    "changes by a single step.",
    limits="No microphone is that silent; muting, noise gates, decoders and the ends of produced "
    "recordings are.",
)


def find(recording: Recording) -> Iterator[Finding]:
    """See the kinds."""
    info = recording.info
    rate_hz, channels = info.sample_rate_hz, info.channels
    loudness = Loudness(rate_hz, channels, info.channel_names) if rate_hz >= 1000 else None
    true_peak = TruePeak(rate_hz, channels)
    sums, length, peak = np.zeros(channels), 0, 0.0
    constant = Runs(max(2, round(CONSTANT_S * rate_hz)))
    clipped = [Runs(CLIPPED_SAMPLES - 1) for _ in range(channels)]
    passages: list[Finding | None] = [None] * channels
    found: list[Finding] = []
    last = np.full((channels, 1), np.nan, np.float32)
    high = 10 ** (CLIPPED_DBFS / 20)
    for block in recording.blocks():
        if loudness:
            loudness.push(block)
        true_peak.push(block)
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
        sums += block.sum(axis=1, dtype=np.float64)
        length += block.shape[1]
        same = block == np.concatenate([last, block[:, :-1]], axis=1)
        for run in constant.push(same.all(axis=0)):
            found.append(_constant(run, rate_hz))
        for channel in range(channels):
            equal = same[channel] & (np.abs(block[channel]) >= high)
            for run in clipped[channel].push(equal):
                passages[channel] = _clipped(passages[channel], run, channel, rate_hz, found)
        last = block[:, -1:]
    found += [_constant(run, rate_hz) for run in constant.finish()]
    for channel in range(channels):
        for run in clipped[channel].finish():
            passages[channel] = _clipped(passages[channel], run, channel, rate_hz, found)
    found += [each for each in passages if each is not None]
    yield from _whole(loudness, true_peak.finish(), peak, sums / max(1, length))
    yield from sorted(found, key=lambda each: (each.start_s or 0.0, each.kind, each.channel or 0))


def _db(value: float) -> float:
    return round(20 * math.log10(value), 2) if value > 0 else -math.inf


def _whole(
    loudness: Loudness | None, true_peak: float, peak: float, means: np.ndarray
) -> Iterator[Finding]:
    lufs = loudness.integrated_lufs() if loudness else -math.inf
    said = f"at {lufs:.1f} LUFS" if math.isfinite(lufs) else "too short or silent to measure"
    details = {"sample_peak_dbfs": _db(peak), "true_peak_dbtp": _db(true_peak)}
    yield Finding(
        kind=LEVEL.name,
        words=f"The recording is {said}.",
        figure=round(lufs, 2) if math.isfinite(lufs) else None,
        unit="LUFS",
        details={name: value if math.isfinite(value) else None for name, value in details.items()},
    )
    for channel, mean in enumerate(means):
        if abs(mean) >= 10 ** (OFFSET_DBFS / 20):
            yield Finding(
                kind=OFFSET.name,
                words=f"The zero line of channel {channel + 1} is displaced by {100 * mean:.2f} % "
                "of full scale.",
                figure=_db(abs(float(mean))),
                unit="dBFS",
                limit=OFFSET_DBFS,
                channel=channel,
            )


def _constant(run: tuple[int, int], rate_hz: int) -> Finding:
    first, end = run[0] - 1, run[1]  # the sample that the others equal
    length_s = (end - first) / rate_hz
    return Finding(
        kind=CONSTANT.name,
        words=f"For {length_s:.3f} s no sample of any channel changes.",
        start_s=first / rate_hz,
        end_s=end / rate_hz,
        figure=round(length_s, 5),
        unit="s",
        limit=CONSTANT_S,
        details={"first_sample": first, "samples": end - first},
    )


def _clipped(
    open_one: Finding | None, run: tuple[int, int], channel: int, rate_hz: int, found: list[Finding]
) -> Finding:
    """The passage that this run belongs to. One that is over goes to `found`."""
    first, end = run[0] - 1, run[1]
    count = end - first
    if open_one is not None:
        if first / rate_hz - (open_one.end_s or 0.0) <= CLIPPED_TOGETHER_S:
            count += int(open_one.figure or 0)
            return replace(open_one, end_s=end / rate_hz, figure=float(count), words=_cut(count))
        found.append(open_one)
    return Finding(
        kind=CLIPPING.name,
        words=_cut(count),
        start_s=first / rate_hz,
        end_s=end / rate_hz,
        figure=float(count),
        unit="samples",
        limit=float(CLIPPED_SAMPLES),
        channel=channel,
    )


def _cut(count: int) -> str:
    return f"{count} samples are cut off flat at the top of the wave."


FINDER = Finder(
    name="levels",
    kinds=(LEVEL, CLIPPING, OFFSET, CONSTANT),
    find=find,
    parameters={
        "clipped_samples": CLIPPED_SAMPLES,
        "clipped_dbfs": CLIPPED_DBFS,
        "offset_dbfs": OFFSET_DBFS,
        "constant_s": CONSTANT_S,
    },
)
