"""Voices in a room, recorded with as many microphones: independent vector analysis (AuxIVA).

**Idea.** In a room every source reaches every microphone late and with echoes; for each frequency
of a short-time spectrum that is nearly a multiplication by a matrix. Independent component analysis
in each frequency alone would give back the sources in another order in each. Here a source is a
vector of all its frequencies, whose parts grow loud and faint together: vectors that are
independent of each other are the sources, and their frequencies stay together.

**Formula.** With `y_st = W_f x_ft`, the loudness of source `s` in frame `t` is `r_st = mean_f
|y_sft|^2` (`gauss`) or `2 sqrt(sum_f |y_sft|^2)` (`laplace`). The mix's covariances weighted with
`1 / r_st`, `V_sf = mean_t x_ft x_ft^H / r_st`, give new demixing vectors, the rows of `W_f`, by
iterative projection, one at a time (`single`) or two at a time (`pair`); no step makes the
likelihood smaller and there is no step size. Each source is then projected back to its image at
every microphone (`A_f = W_f^-1`, image `A_f[:, s] y_s`), so that the stems sum to the mix.

With more channels than sources the sources are what the channels share least with the background
(OverIVA), and what is left over is the residual. Stems are ordered by energy, the loudest first.

**When it fails.** Echoes longer than the window (take a longer one, and more sound: ten seconds
are little for a window of a quarter of a second). Sources that move. Sources whose levels rise and
fall together, as instruments of one piece do: ILRMA models them. Songs mixed with pan pots: both
sides have the same sound at one delay, and there are more sources than channels.

**Paper.** N. Ono, "Stable and fast update rules for independent vector analysis based on auxiliary
function technique", WASPAA 2011; pairs: N. Ono, "Fast stereo independent vector analysis and its
implementation on mobile phone", IWAENC 2012; more channels than sources: R. Scheibler and N. Ono,
"Independent vector analysis with more microphones than sources", WASPAA 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from unweave import options
from unweave.options import Classical, option
from unweave.separators._shared import images, iva
from unweave.signal import centred
from unweave.types import Spec


@dataclass(frozen=True, kw_only=True)
class AuxIva(Classical):
    sources: int = option(
        2, "number of sources, at most the number of channels", at_least=2, at_most=16
    )
    window_s: float = option(
        0.128, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    iterations: int = option(30, "number of update iterations", at_least=1, at_most=10000)
    model: str = option("gauss", "source model: Gaussian or Laplace", choices=("gauss", "laplace"))
    step: str = option(
        "pair",
        "update rule: one demixing vector at a time (IP1) or pairs (IP2)",
        choices=("single", "pair"),
    )

    @property
    def spec(self) -> Spec:
        return options.spec(
            self,
            **images.facts(self.sources),
            bytes_per_sample=images.bytes_per_sample(self.sources, self.overlap),
            paper="Ono 2011",
        )

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        images.check_channels(options.name_of(self), self.sources, mix)
        size = centred.frame_size(self.window_s, sample_rate_hz)
        hop = size // self.overlap
        return images.map_batch(
            lambda one: images.separate(one, self.sources, size, hop, self._rows), mix
        )

    def _rows(self, products: Tensor, start: Tensor) -> Tensor:
        return iva.rows(
            products, start, iterations=self.iterations, model=self.model, step=self.step
        )


TECHNIQUE = AuxIva
