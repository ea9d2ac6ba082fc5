"""A song in stereo by where its instruments are panned: projections (PROJET).

**Idea.** A pan pot gives an instrument the same sound in both channels at two levels, a direction
between left and right. Seen along the line across that direction, the mix does not hold it. So the
magnitudes of the mix along several such lines determine, bin by bin, the level of each direction,
also for more directions than channels. This is how the centre, where voices usually are, is taken
out of a song, or a guitar on the left brought forward.

**Formula.** Directions `theta_j` fan out evenly from left to right, and instruments lie around them
as `q_j(theta) = exp(-((theta - theta_j) / (width gap))^2)`, `gap` being that from one to the next.
With the magnitudes `v_m = |cos(phi_m) l + sin(phi_m) r|` of a bin along lines `phi_m`, its sources
are the `s_j >= 0` that bring

    v_m ~ sum_j k_mj s_j,      k_mj = sum_theta |cos(phi_m - theta)| q_j(theta)

together in the sense of the Kullback-Leibler divergence, by multiplicative updates. The stems are
the posterior means for powers `s_j^2` and spatial covariances `R_j = sum_theta q_j d d^T`,
`d = (cos theta, sin theta)`: a 2 x 2 matrix for each bin and stem, which sum to one, so that the
stems sum to the mix. All of this depends on two numbers of a bin, its direction and how much of it
lies there, and is read from a table over these two.

Here the directions are fixed. The paper then moves them to the instruments, which needs the whole
song at once and gives stems without a known position. The updates stop early, as in the paper: more
of them separate a lone instrument completely, but sharper masks score worse in songs, where most
bins have several instruments.

Stems are named by their place on a pan knob in per cent: `left-100`, `left-50`, `centre`,
`right-50`, `right-100` for five `sources`. An even number has no centre. The more there are, the
narrower is each, and the more of an instrument is in the neighbouring stems. The song without its
centre is the sum of all other stems.

**When it fails.** What is panned alike stays together: the centre of a song holds the voice, and
also bass, kick and snare. Echoes and doubled tracks are wide and go to the sides. A mono recording
has one direction. Spaced microphones record delays, which this technique does not model.

**Paper.** D. FitzGerald, A. Liutkus, R. Badeau, "PROJET: spatial audio separation using
projections", ICASSP 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave import options
from unweave.core.plan import Segmentation
from unweave.options import Classical, option
from unweave.signal import centred
from unweave.types import Spec

LINES = 12  # projections
ROUNDS = 50  # of updates, short of convergence: see the docstring
PLACES = 360  # directions over which instruments lie, in half a turn: the other half is the same
ANGLES, RADII = 256, 65  # of the table
DIFFUSE = 1e-4  # of a source comes from everywhere, so that its matrices can be inverted
SILENT = 1e-30  # far below the power of any sample that counts
BODY_S, FADE_S = 10.0, 0.1


def solve(magnitudes: Tensor, gains: Tensor) -> Tensor:
    """The `s >= 0 (source, bin)` with `gains s` nearest to `magnitudes (line, bin)`."""
    found = magnitudes.mean(0).expand(gains.shape[1], -1)
    for _ in range(ROUNDS):
        ratio = magnitudes / (gains @ found).clamp_(min=torch.finfo(gains.dtype).tiny)
        found = found * (gains.T @ ratio) / gains.sum(0)[:, None]
    return found


def fan(sources: int, width: float) -> tuple[Tensor, Tensor]:
    """`k (line, source)` and `R (source, 2, 2)` of sources from left to right, double precision."""
    lines = torch.arange(LINES, dtype=torch.float64) * math.pi / LINES
    places = torch.arange(PLACES, dtype=torch.float64) * math.pi / PLACES
    centres = torch.linspace(0, math.pi / 2, sources, dtype=torch.float64)
    away = (places[:, None] - centres + math.pi / 2).remainder(math.pi) - math.pi / 2
    gap = math.pi / 2 / (sources - 1)
    spread = torch.exp(-((away / (width * gap)) ** 2))
    spread /= spread.sum(0)
    gains = torch.cos(lines[:, None] - places).abs() @ spread
    towards = torch.stack([places.cos(), places.sin()], dim=1)
    covariances = torch.einsum("pj,pc,pd->jcd", spread, towards, towards)
    return gains, covariances + DIFFUSE * torch.eye(2, dtype=torch.float64)


def filters(direction: Tensor, focus: Tensor, sources: int, width: float) -> Tensor:
    """The stems' matrices for bins `(bin,)`: `(source, 2, 2, bin)`, in double precision.

    A bin `(l, r)` has the covariance `[[a, b], [b, d]]` with `b = Re l conj(r)`; direction is twice
    the angle of its main axis, `atan2(2b, a - d)`, and focus the part of it that lies there,
    `hypot(2b, a - d) / (a + d)`.
    """
    gains, covariances = fan(sources, width)
    lines = torch.arange(LINES, dtype=torch.float64)[:, None] * math.pi / LINES
    magnitudes = ((1 + focus * torch.cos(direction - 2 * lines)) / 2).clamp_(min=0).sqrt()
    powers = solve(magnitudes, gains).square()
    parts = powers.T[..., None, None] * covariances  # (bin, source, 2, 2)
    return (parts @ torch.linalg.inv(parts.sum(1, keepdim=True))).permute(1, 2, 3, 0)


@lru_cache(maxsize=8)
def table(sources: int, width: float) -> Tensor:
    """`filters` over a grid of focus and direction: `(1, source * 4, RADII, ANGLES + 1)`."""
    direction = torch.linspace(-math.pi, math.pi, ANGLES + 1, dtype=torch.float64)
    blur = torch.linspace(0, 1, RADII, dtype=torch.float64)
    focus, direction = torch.meshgrid((1 - blur.square()).sqrt(), direction, indexing="ij")
    values = filters(direction.reshape(-1), focus.reshape(-1), sources, width)
    return values.reshape(1, -1, RADII, ANGLES + 1).float()


def place_names(sources: int) -> tuple[str, ...]:
    """Where on a pan knob the sources lie, in per cent: `left-100` to `right-100`."""
    percents = [round(200 * n / (sources - 1) - 100) for n in range(sources)]
    return tuple(f"{'left' if p < 0 else 'right'}-{abs(p)}" if p else "centre" for p in percents)


def places_of(spectrum: Tensor) -> Tensor:
    """Where in the table each bin of `(batch, 2, frame, frequency)` lies: `(1, 1, bin, 2)`."""
    parts = torch.view_as_real(spectrum)
    left, right = parts.square().sum(-1).unbind(1)
    cross = 2 * (parts[:, 0] * parts[:, 1]).sum(-1)
    along, total = left - right, left + right + SILENT
    direction = torch.atan2(cross, along) / math.pi
    blur = (1 - (torch.hypot(cross, along) / total).square()).clamp_(min=0).sqrt_()
    return torch.stack([direction, 2 * blur - 1], dim=-1).reshape(1, 1, -1, 2)


def image(values: Tensor, places: Tensor, spectrum: Tensor) -> Tensor:
    """The image of one source, shaped as the spectrum.

    values: its part of a table, `(1, 4, RADII, ANGLES + 1)`; places: of the bins in the table,
    `(1, 1, bin, 2)`; spectrum: complex `(batch, 2, frame, frequency)`.
    """
    matrices = F.grid_sample(values, places, align_corners=True, padding_mode="border")
    batch, _, frames, bins = spectrum.shape
    matrices = matrices.reshape(2, 2, batch, frames, bins, 1)
    left, right = torch.view_as_real(spectrum).unbind(1)
    out = torch.stack([row[0] * left + row[1] * right for row in matrices], dim=1)
    return torch.view_as_complex(out)


@dataclass(frozen=True, kw_only=True)
class Projet(Classical):
    sources: int = option(
        7,
        "number of panning positions from left to right; odd numbers have a centre",
        at_least=2,
        at_most=8,
    )
    width: float = option(
        0.4,
        "width of a source around its position, relative to the distance to the next",
        above=0,
        at_most=10,
    )
    window_s: float = option(
        0.093, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )

    @property
    def spec(self) -> Spec:
        margin_s = 1.5 * self.window_s  # windows are rounded, by up to 1.42
        stems = place_names(self.sources)
        return options.spec(
            self,
            stems=stems,
            channels=2,
            min_channels=2,
            instead="nmf, hpss and repet-sim take mono",
            segmentation=Segmentation(
                length_s=BODY_S + FADE_S + 2 * margin_s, fade_s=FADE_S, context_s=margin_s
            ),
            bytes_per_sample=150.0 + 20.0 * self.sources,
            complement=stems[self.sources // 2],
            additive=True,
            scale_equivariant=True,
            paper="FitzGerald, Liutkus and Badeau 2016",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        centred.check_mix(mix)
        size = centred.frame_size(self.window_s, sample_rate_hz)
        hop, window, length = size // self.overlap, centred.hann(size, mix.device), mix.shape[-1]
        spectrum = centred.analyse(mix, size, hop, window).transpose(-1, -2)
        places, values = places_of(spectrum), table(self.sources, self.width).to(mix.device)
        stems = [
            centred.synthesise(
                image(part, places, spectrum).transpose(-1, -2), size, hop, window, length
            )
            for part in values.split(4, dim=1)
        ]
        return torch.stack(stems, dim=1)


TECHNIQUE = Projet
