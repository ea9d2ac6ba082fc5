"""What each output format can hold, decided before any work: `encoding` answers or refuses.

Lossy formats are written near their best: stems are raw material for more work.
"""

from __future__ import annotations

from dataclasses import dataclass

from unweave.errors import OutputError, UsageError


@dataclass(frozen=True)
class Format:
    """The limits of a format. `rates_hz` None: any up to `most_hz`."""

    bit_depths: tuple[int, ...]  # the first is the default; none: lossy
    most_channels: int
    rates_hz: tuple[int, ...] | None = None
    most_hz: int = 655_350


FORMATS: dict[str, Format] = {
    "wav": Format((32, 24, 16), most_channels=128, most_hz=1_000_000),
    "flac": Format((24, 16), most_channels=8),
    "mp3": Format(
        (),
        most_channels=2,
        rates_hz=(8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ),
    "m4a": Format(
        (),
        most_channels=8,
        rates_hz=(
            *(7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
            *(64000, 88200, 96000),
        ),
    ),
    "ogg": Format((), most_channels=8, most_hz=192_000),
    "opus": Format((), most_channels=24, rates_hz=(48000,)),
}
"""Every output format by its name, which is also its file name extension."""


@dataclass(frozen=True)
class Encoding:
    """How stems are written.

    `bit_depth` is None for lossy formats, 32 means float. `sample_rate_hz` is the rate in the
    file. `integer`: samples are stored as integers, so that levels above 1.0 would clip. `notes`
    say in words what differs from the input.
    """

    format: str
    ext: str
    bit_depth: int | None
    sample_rate_hz: int
    integer: bool
    notes: tuple[str, ...] = ()


def default_bit_depth(format: str, bit_depth: int | None) -> int | None:
    """`bit_depth`, or the format's own where it is None; None for a lossy format.

    Raises UsageError for options that make no sense.
    """
    limits = FORMATS.get(format)
    if limits is None:
        raise UsageError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    if bit_depth is None:
        return limits.bit_depths[0] if limits.bit_depths else None
    if bit_depth not in limits.bit_depths:
        if not limits.bit_depths:
            raise UsageError(f"{format} has no bit depth; leave it out, or choose wav or flac")
        depths = ", ".join(str(depth) for depth in sorted(limits.bit_depths))
        raise UsageError(f"{format} cannot hold {bit_depth} bits; choose one of {depths}")
    return bit_depth


def encoding(format: str, bit_depth: int | None, sample_rate_hz: int, channels: int) -> Encoding:
    """Choose how to write `channels` channels at `sample_rate_hz`; `bit_depth` None: the default.

    Raises UsageError for options that make no sense, OutputError for channels that the format
    cannot hold. A rate that it cannot hold becomes the next higher one that it can, else its
    highest, and a note says so.
    """
    bit_depth = default_bit_depth(format, bit_depth)
    limits = FORMATS[format]
    if not 1 <= channels <= limits.most_channels:
        raise OutputError(
            f"{format} holds at most {limits.most_channels} channels, not {channels}; use wav"
        )
    notes = []
    rate_hz = _nearest_rate(limits, sample_rate_hz)
    if rate_hz != sample_rate_hz:
        notes.append(f"{format} cannot hold {sample_rate_hz} Hz; resampled to {rate_hz} Hz")
    if format == "ogg" and channels == 6:
        notes.append("ogg keeps only low frequencies in the fourth of six channels (LFE)")
    return Encoding(
        format=format,
        ext=format,
        bit_depth=bit_depth,
        sample_rate_hz=rate_hz,
        integer=bit_depth in (16, 24),
        notes=tuple(notes),
    )


def _nearest_rate(limits: Format, rate_hz: int) -> int:
    if limits.rates_hz is None:
        return min(rate_hz, limits.most_hz)
    return next((rate for rate in limits.rates_hz if rate >= rate_hz), limits.rates_hz[-1])
