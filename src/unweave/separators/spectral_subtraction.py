"""Spectral subtraction: attenuate each frequency where it does not exceed the noise.

**Idea.** A noise that stays the same is known from its spectrum: from a stretch of the recording
where it is alone (`noise_start_s`, `noise_end_s`), from a recording of its own (`noise`), or, by
default, from the least power that each frequency has had within some seconds (minimum statistics).
Whatever does not exceed it is attenuated. An instrumental passage may be the noise, in a song that
repeats exactly.

**Formula.** Each bin of the short-time spectrum `X` is multiplied with a gain `G` between 0 and 1
that depends on how far its power is above the noise's, `gamma = |X|^2 / N`:

    boll       (mean of |X| over 3 frames - mean noise) / |X|; then what is below the largest
               residue of the noise becomes the least of 3 frames, and frames without signal are
               turned down
    berouti    sqrt(|X|^2 - a N) / |X|, a = 4 - 0.15 SNR(dB), but never below a floor of noise
    wiener     xi / (1 + xi), xi = w G^2 gamma of the frame before + (1 - w) max(gamma - 1, 0)
    log-mmse   G = xi / (1 + xi) exp(E1(v) / 2), v = gamma xi / (1 + xi), then G^p floor^(1 - p)
               where p is the probability of signal in the bin

Subtraction leaves "musical noise", tones that flicker by chance; `wiener` leaves less of it and
`log-mmse`, the default, least. All channels of a bin share one gain, made from their summed power,
so that nothing moves in the stereo image. `signal` is what remains and `noise` is the mix minus it.

**When it fails.** Noise that changes faster than it can be followed (voices, traffic, a drum) is
hardly reduced; a note held longer than `search_s` counts as noise and is weakened, unless the noise
is given; below about 0 dB quiet consonants and the ends of notes go with the noise.

**Paper.** S. Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE
Trans. ASSP 27(2), 1979; M. Berouti, R. Schwartz, J. Makhoul, "Enhancement of speech corrupted by
acoustic noise", ICASSP 1979; Y. Ephraim, D. Malah, IEEE Trans. ASSP 32(6), 1984 and 33(2), 1985
(Wiener and log-MMSE); R. Martin, "Noise power spectral density estimation based on optimal
smoothing and minimum statistics", IEEE Trans. SAP 9(5), 2001; I. Cohen, IEEE Signal Processing
Letters 9(4), 2002 (signal presence). The details are in `signal.noise_gains` and `signal.noise`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unweave import options
from unweave.core.plan import Segmentation
from unweave.errors import UsageError
from unweave.options import Classical, option
from unweave.signal import noise_gains as gains
from unweave.signal.centred import OVERLAPS, analyse, check_mix, frame_size, hann, synthesise
from unweave.signal.noise import (
    Profile,
    active_frames,
    expected,
    joint_power,
    measured,
    minimum_statistics,
)
from unweave.signal.stft import magnitude
from unweave.types import Audio, Spec

BODY_S = 20.0  # of a segment, between its margins
SETTLING_S = 1.0  # by then the gains have forgotten where a segment began


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectralSubtraction(Classical):
    """See the module. A noise at another sample rate is compared by frequency, in Hz; above what
    its rate can hold nothing is subtracted."""

    rule: str = option("log-mmse", "gain rule", choices=("log-mmse", "wiener", "berouti", "boll"))
    noise: Audio | None = option(None, "a recording of the noise alone", file=True)
    noise_start_s: float | None = option(
        None, "start of a part of the recording with noise alone", at_least=0
    )
    noise_end_s: float | None = option(
        None, "end of a part of the recording with noise alone", above=0
    )
    search_s: float = option(
        8.0, "time in which the signal pauses at least once at each frequency", above=0, at_most=60
    )
    reduction_db: float = option(30.0, "maximum attenuation of the noise", above=0, at_most=200)
    window_s: float = option(
        0.04, "length of a frame, rounded to a power of two samples", above=0, at_most=1
    )
    overlap: int = option(4, "number of frames that overlap at each sample", choices=OVERLAPS)
    memory_s: float = option(
        0.2,
        "wiener and log-mmse: time constant of the decision-directed estimate",
        above=0,
        at_most=10,
    )
    absence: float = option(
        0.2,
        "log-mmse: prior probability of noise alone in a bin; 0: log-MMSE as of 1985",
        at_least=0,
        at_most=0.99,
    )
    oversubtraction: float = option(
        4.0, "berouti: oversubtraction factor at 0 dB SNR", at_least=1, at_most=20
    )
    average_frames: int = option(
        3, "boll: number of frames that are averaged, odd", at_least=1, at_most=99
    )
    residual_reduction: bool = option(
        True, "boll: reduce the residual noise; false: plain subtraction"
    )
    _alone: Profile | None = field(default=None, init=False, repr=False)  # of `noise`

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average_frames % 2 == 0:
            raise self._wrong(f"average_frames must be odd; got {self.average_frames}")
        start_s, end_s = self.noise_start_s, self.noise_end_s
        if start_s is not None and end_s is not None and start_s >= end_s:
            raise self._wrong(
                f"noise_end_s must be above noise_start_s; got {start_s:g}, {end_s:g}"
            )
        if self.noise is None:
            return
        if self._interval:
            raise self._wrong("noise and an interval of noise contradict each other; use one")
        object.__setattr__(self, "_alone", self._measured(self.noise))

    @property
    def spec(self) -> Spec:
        # The search reaches half of itself to both sides.
        margin_s = SETTLING_S + (self.search_s / 2 if self.noise is None else 0.0)
        segmentation = Segmentation(length_s=BODY_S + 2 * margin_s, fade_s=0.1, context_s=margin_s)
        return options.spec(
            self,
            stems=("signal", "noise"),
            segmentation=None if self._interval else segmentation,
            bytes_per_sample=30.0 + 20.0 * self.overlap,  # of a stereo recording
            complement="noise",
            additive=True,
            scale_equivariant=self.noise is None,
            paper="Boll 1979; Berouti et al. 1979; Ephraim and Malah 1985; Martin 2001; Cohen 2002",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        """`(batch, channel, time)` to `(batch, 2, channel, time)`.

        Raises UsageError where the interval of the noise does not lie in the recording.
        """
        check_mix(mix)
        size, hop, window = self._frames(sample_rate_hz, mix.device)
        spectrum = analyse(mix, size, hop, window)
        rows = spectrum.transpose(-1, -2)
        if self._interval:
            noise = measured(self._cut(mix, sample_rate_hz, size), window, hop, self.average_frames)
        elif self._alone is not None:
            noise = self._moved(self._alone, sample_rate_hz).to(mix.device)
        else:
            noise = expected(self._estimated(mix, rows, sample_rate_hz))
        gain = self._gain(joint_power(rows), noise, hop / sample_rate_hz)
        mask = gain[:, None].transpose(-1, -2)
        signal = synthesise(spectrum, size, hop, window, mix.shape[-1], mask)
        return torch.stack([signal, mix - signal], dim=1)

    def _gain(self, power: Tensor, noise: Profile, hop_s: float) -> Tensor:
        """One gain for all channels, `(batch, frame, frequency)`."""
        floor = 10 ** (-self.reduction_db / 20)
        if self.rule == "boll":
            whole = self.residual_reduction
            return gains.boll(power.sqrt_(), noise, self.average_frames, floor, whole)
        if self.rule == "berouti":
            return gains.berouti(power, noise.power, self.oversubtraction, floor)
        weight = math.exp(-hop_s / self.memory_s)
        if self.rule == "wiener":
            return gains.decision_directed(power, noise.power, gains.wiener, weight, floor)
        return gains.decision_directed(
            power, noise.power, gains.log_mmse, weight, floor, self.absence
        )

    def _estimated(self, mix: Tensor, rows: Tensor, sample_rate_hz: int) -> Tensor:
        """The power of the noise by minimum statistics, each channel by itself, and averaged.

        Channels may hold one noise or a noise each: together their power would fluctuate less in
        the second case, and the bias of its minimum would not be known.
        """
        size, hop, _ = self._frames(sample_rate_hz, mix.device)
        hop_s, channels = hop / sample_rate_hz, mix.shape[1]
        total: Tensor | None = None
        for n in range(channels):
            active = active_frames(mix[:, n], size, hop)
            power = magnitude(rows[:, n]).square_()
            found = minimum_statistics(power, active, self.overlap, hop_s, self.search_s)
            total = found if total is None else total.add_(found)
        assert total is not None
        return total.div_(channels)

    @property
    def _interval(self) -> bool:
        return self.noise_start_s is not None or self.noise_end_s is not None

    def _cut(self, mix: Tensor, sample_rate_hz: int, size: int) -> Tensor:
        """The part of the mix that is noise alone. Raises UsageError."""
        length_s = mix.shape[-1] / sample_rate_hz
        start_s = self.noise_start_s or 0.0
        end_s = length_s if self.noise_end_s is None else self.noise_end_s
        where = f"the noise from {start_s:g} to {end_s:g} s"
        start, end = round(start_s * sample_rate_hz), round(end_s * sample_rate_hz)
        if end > mix.shape[-1] or start >= end:
            raise self._wrong(f"{where} is outside the recording, which lasts {length_s:.2f} s")
        if end - start < size:
            raise self._wrong(f"{where} is shorter than a frame, {size / sample_rate_hz:.3f} s")
        return mix[..., start:end]

    def _frames(self, sample_rate_hz: int, device: torch.device | str) -> tuple[int, int, Tensor]:
        """The size of a frame, the hop, and the window."""
        size = frame_size(self.window_s, sample_rate_hz)
        return size, size // self.overlap, hann(size, device, "sqrt-hann")

    def _measured(self, noise: Audio) -> Profile:
        """What is known of a noise on its own. Raises UsageError where that is not enough."""
        size, hop, window = self._frames(noise.sample_rate_hz, "cpu")
        which = f"the noise {noise.source}".rstrip()
        if noise.samples.shape[-1] < size:
            raise self._wrong(f"{which} is shorter than a frame, {size / noise.sample_rate_hz:g} s")
        wave = torch.from_numpy(noise.samples)[None]
        if not torch.isfinite(wave).all():
            raise self._wrong(f"{which} has samples that are not finite; use another recording")
        return measured(wave, window, hop, self.average_frames)

    def _moved(self, alone: Profile, sample_rate_hz: int) -> Profile:
        """The noise's profile in the frames of a mix at another rate."""
        assert self.noise is not None
        rate = self.noise.sample_rate_hz
        here, there = frame_size(self.window_s, rate), frame_size(self.window_s, sample_rate_hz)
        if (here, rate) == (there, sample_rate_hz):
            return alone
        from_hz, to_hz = (
            torch.arange(size // 2 + 1, dtype=torch.float64) * hz / size
            for size, hz in ((here, rate), (there, sample_rate_hz))
        )
        # A noise has a power per hertz; a bin's power goes with the rate and the frame's size.
        return alone.at(from_hz, to_hz, gain=sample_rate_hz * there / (rate * here))

    def _wrong(self, what: str) -> UsageError:
        return UsageError(f"{options.name_of(self)}: {what}")


TECHNIQUE = SpectralSubtraction
