"""Sinusoidal modelling: tones and noise, by tracking every partial.

**Idea.** A tone is a sum of partials, whose amplitude and frequency change slowly. The prominent
peaks of a short-time spectrum are candidates for partials; peaks of successive frames that lie
close together in frequency are one partial's track; long tracks are kept. Oscillators synthesise
the tracks: this is `tonal`. The mix minus it is `noise`: breath, consonants, drums, hiss.

**Formula.** A peak's frequency is where a parabola through its three highest bins, in decibels, has
its top; amplitude and phase come from fitting the window's own bell, put there. It counts within
`threshold_db` of the loudest of its frame and `prominence_db` above the spectrum around it. Tracks
step by `max_step_cents` a frame at most, may be lost for `max_gap_s` and last `min_length_s` at
least. The deterministic part is `sum_k a_k(t) cos(phase_k(t))`, amplitudes linear from frame to
frame and phases the cubics through all phases and frequencies measured (McAulay and Quatieri); the
stochastic part is what it leaves of the mix. All channels share the frequency of a partial, each
has its own amplitude and phase of it, so that the stereo image stays. `unweave partials` writes
the tracks down (CSV, JSON or SDIF) and draws them.

**When it fails.** Where partials lie closer together than two bins of the window (low chords, dense
mixes: choose a longer `window_s`), or glide too fast for the window (choose a shorter one);
a tone is noise during its attack, and a drum that rings counts as tone.

**Paper.** X. Serra, J. Smith, "Spectral modeling synthesis: a sound analysis/synthesis system based
on a deterministic plus stochastic decomposition", Computer Music Journal 14(4), 1990; R. McAulay,
T. Quatieri, "Speech analysis/synthesis based on a sinusoidal representation", IEEE Trans. ASSP
34(4), 1986. The details are in `signal/peaks`, `signal/partials` and `signal/oscillators`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unweave import options
from unweave.core.plan import Segmentation
from unweave.options import Classical, option
from unweave.signal.centred import check_mix, frame_size
from unweave.signal.oscillators import oscillate
from unweave.signal.partials import Ints, Linker, Tracks, chosen_tracks, sharpened
from unweave.signal.peaks import PADDING, Peaks, find_peaks
from unweave.types import Spec

LEEWAY_DB = 3.0  # by which a single peak may stand out less than its track does in the mean
LEAST_STEP = 0.25  # bins of the window that a track may step in any case


@dataclass(frozen=True, kw_only=True)
class Sinusoidal(Classical):
    """See the module."""

    window_s: float = option(
        0.09, "length of a frame, rounded to a power of two samples", above=0, at_most=2
    )
    overlap: int = option(8, "number of frames that overlap at each sample", choices=(4, 8, 16))
    threshold_db: float = option(
        -60.0,
        "minimum level of a peak, relative to the loudest of its frame",
        at_most=0,
        at_least=-200,
    )
    prominence_db: float = option(
        11.0, "minimum level of a partial above the spectrum around it", at_least=0, at_most=100
    )
    max_step_cents: float = option(
        80.0, "largest pitch change of a partial between frames", above=0, at_most=1200
    )
    max_gap_s: float = option(0.025, "longest gap within a partial", at_least=0, at_most=1)
    min_length_s: float = option(
        0.05, "minimum length of a partial; shorter ones are noise", at_least=0, at_most=10
    )
    max_partials: int = option(
        200, "maximum number of peaks in a frame; the loudest are kept", at_least=1
    )

    @property
    def spec(self) -> Spec:
        margin_s = 2 * self.window_s + self.min_length_s + self.max_gap_s
        return options.spec(
            self,
            stems=("tonal", "noise"),
            segmentation=Segmentation(
                length_s=20.0 + 2 * margin_s, fade_s=0.05, context_s=margin_s
            ),
            bytes_per_sample=70.0,  # of a stereo recording
            complement="noise",
            additive=True,
            scale_equivariant=True,
            paper="Serra and Smith 1990; McAulay and Quatieri 1986",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        """`(batch, channel, time)` to `(batch, 2, channel, time)`."""
        check_mix(mix)
        size, hop = self.frames(sample_rate_hz)
        before = PADDING * size // 2
        behind = before + -mix.shape[-1] % hop
        tonal = torch.empty_like(mix)
        for n, wave in enumerate(mix):
            padded = torch.nn.functional.pad(wave, (before, behind))
            peaks = self.peaks(padded, sample_rate_hz)
            tracks = self.tidied(peaks, self.linker(sample_rate_hz).link(peaks), sample_rate_hz)
            tonal[n] = oscillate(tracks, hop, mix.shape[-1], mix.device)
        return torch.stack([tonal, mix - tonal], dim=1)

    def frames(self, sample_rate_hz: int) -> tuple[int, int]:
        """The size of the window and the hop, in samples."""
        size = frame_size(self.window_s, sample_rate_hz)
        return size, size // self.overlap

    def peaks(self, wave: Tensor, sample_rate_hz: int, first_frame: int = 0) -> Peaks:
        """The peaks of `(channel, time)`; see `find_peaks` for where its frames lie."""
        size, hop = self.frames(sample_rate_hz)
        return find_peaks(
            wave,
            size,
            hop,
            threshold_db=self.threshold_db,
            prominence_db=self.prominence_db - LEEWAY_DB,
            most=self.max_partials,
            first_frame=first_frame,
        )

    def linker(self, sample_rate_hz: int) -> Linker:
        """What joins the peaks of a recording, all of them or lot by lot."""
        size, hop = self.frames(sample_rate_hz)
        return Linker(
            steepest=2 ** (self.max_step_cents / 1200) - 1,
            least_step=LEAST_STEP / size,
            asleep=round(self.max_gap_s * sample_rate_hz / hop),
        )

    def tidied(self, peaks: Peaks, track: Ints, sample_rate_hz: int) -> Tracks:
        """The tracks that last, with sharp beginnings and ends."""
        size, hop = self.frames(sample_rate_hz)
        least = round(self.min_length_s * sample_rate_hz / hop)
        return sharpened(chosen_tracks(peaks, track, least, self.prominence_db), size, hop)


TECHNIQUE = Sinusoidal
