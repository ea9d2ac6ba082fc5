"""NMF: a spectrogram as a sum of a few spectra with activations, grouped into stems.

**Idea.** A note has one spectrum whose strength changes; a spectrogram of music is a sum of few
such components, each a column of spectra times a row of activations. The unsupervised form finds
them in the mix alone and groups them into sources by their spectra and activations. The supervised
form learns the spectra from examples of the stems first (`unweave nmf learn`) and finds the
activations only: every component then belongs to a known stem, and stems have their names.

**Formula.** With `V` the magnitudes of the mix to the power `exponent`, find `W, H >= 0` that bring

    D(V | W H),    D(v | m) = v log(v / m) - v + m        kl
                              (v - m)^2 / 2               euclid
                              v / m - log(v / m) - 1      itakura-saito

down by multiplicative updates, `H <- H (W^T (V M^(b-2)) / W^T M^(b-1))^g` with `M = W H` and `b` 1,
2 or 0, and likewise `W`; the exponent `g` is 1/2 for Itakura-Saito and else 1, so that the cost
never rises. A stem with the components `J` has the mask `M_J^power / sum of all stems' M^power`:
the masks sum to one, and so do the stems to the mix.

*How many components*: with `components` none, automatic relevance determination begins with
`most_components` and gives each a scale with a penalty, so that components that explain only noise
vanish (see `relevance.py`). *Channels*: without dictionaries a component has a spectrum in each
channel and one activation for all, so that the position helps to separate sources; with
dictionaries, which have no channels, each channel has activations of its own. *Grouping*:
components are clustered by the correlation of their band levels and of their activations, which
`timing` weighs; the stems are called `source-1` and so on, the one of most energy first.

*Dictionaries*: `dictionaries=voice.toml` is the card of `unweave nmf learn`: spectra that describe
the examples, with discriminative training on their mixtures. Stems have the card's names, and every
frame is on its own, so that a recording of any length streams. With `free=NAME` the spectra of that
stem are updated on the recording itself: those of the card are where they begin, or, if the card
has no such stem, random ones, `components` of them. Then the whole recording is needed at once.

**When it fails.** Without dictionaries: sounds whose spectra glide (voices, slides) fall into many
components, which grouping rarely puts together again; two instruments of one timbre are one source;
the more sources, the less sure the grouping. With them: what sounds unlike all examples, and sounds
that both stems' spectra describe, are shared out. The phase is the mix's, so that loud neighbours
leak. Time grows with the length times the components.

**Paper.** D. D. Lee, H. S. Seung, "Learning the parts of objects by non-negative matrix
factorization", Nature 401, 1999; C. Fevotte, J. Idier, "Algorithms for nonnegative matrix
factorization with the beta-divergence", Neural Computation 23(9), 2011; V. Y. F. Tan, C. Fevotte,
"Automatic relevance determination in nonnegative matrix factorization with the beta-divergence",
IEEE TPAMI 35(7), 2013; dictionaries: P. Smaragdis, B. Raj, M. Shashanka, "Supervised and
semi-supervised separation of sounds from single-channel mixtures", ICA 2007; their tuning: F.
Weninger, J. Le Roux, J. R. Hershey, S. Watanabe, "Discriminative NMF and its application to
single-channel source separation", Interspeech 2014.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from unweave.core.plan import Segmentation
from unweave.errors import UsageError
from unweave.options import (
    LARGEST_SEED,
    Classical,
    changed,
    in_force,
    name_of,
    option,
    options_of,
    spec,
)
from unweave.separators.nmf import dictionaries, grouping, learning, relevance, starts, updates
from unweave.separators.nmf.dictionaries import SETTINGS, SILENT, WINDOW, Dictionaries
from unweave.separators.nmf.learning import OnStep
from unweave.signal import centred
from unweave.types import Spec

Part = tuple[Tensor, Tensor]
"""A stem's bases and activations, whose product is `(channel, frequency, frame)`."""

ROUNDS = 200  # of updates, where bases are to be found
FREE = 32  # components of a free stem that is not in the card
BODY_S, FADE_S = 10.0, 0.1
BYTES_PER_SAMPLE, BYTES_PER_STEM = 60.0, 16.0  # as measured on stereo at an overlap of 4


@dataclass(frozen=True, kw_only=True)
class Nmf(Classical):
    sources: int = option(2, "number of stems, without dictionaries", at_least=2, at_most=64)
    components: int | None = option(
        None,
        "number of components; none: automatic relevance determination",
        at_least=1,
        at_most=10000,
    )
    most_components: int = option(
        40,
        "initial number of components for automatic relevance determination",
        at_least=2,
        at_most=10000,
    )
    divergence: str = option(
        "kl",
        "cost function: Euclidean, Kullback-Leibler or Itakura-Saito divergence",
        choices=tuple(updates.BETAS),
    )
    exponent: float = option(
        1.0, "exponent of the magnitudes that are factorised", above=0, at_most=4
    )
    power: float = option(
        1.0, "exponent of the masks; higher values make harder masks", above=0, at_most=16
    )
    start: str = option("random", "initialisation of the spectra", choices=starts.STARTS)
    restarts: int = option(
        1,
        "number of starts; the lowest cost is kept; after the first they are random",
        at_least=1,
        at_most=1000,
    )
    iterations: int | None = option(
        None, "maximum number of updates; none: 200, or the card's number",
        at_least=1, at_most=100000,
    )  # fmt: skip
    tolerance: float = option(
        1e-5,
        "stop when ten updates lower the cost by less than this share of it; 0: never",
        at_least=0,
        at_most=1,
    )
    timing: float = option(
        0.3, "grouping: weight of activations against spectra",
        at_least=0, at_most=1,
    )  # fmt: skip
    window_s: float = option(
        0.064, "length of a frame, rounded to a power of two samples", above=0, at_most=10
    )
    overlap: int = option(
        4, "number of frames that overlap at each sample", choices=centred.OVERLAPS
    )
    dictionaries: str | None = option(
        None, "card of dictionaries, as 'unweave nmf learn' writes it", file=True
    )
    free: str | None = option(
        None, "with dictionaries: a stem whose spectra are learned from the recording"
    )
    seed: int = option(
        0, "random seed of the starts and of the grouping", at_least=0, at_most=LARGEST_SEED
    )
    _known: Dictionaries | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dictionaries is None:
            if self.free is not None:
                raise self._wrong("free goes with dictionaries; leave it out or name a card")
            if self.components is not None and self.components < self.sources:
                raise self._wrong(
                    f"components must be no fewer than sources, {self.sources}; "
                    f"got {self.components}"
                )
            return
        known = dictionaries.read(self.dictionaries, options_of(self))
        defaults = {item.name: item.default for item in options_of(self)}
        for name in (*SETTINGS, "sources", "start", "restarts", "timing"):
            if getattr(self, name) not in (defaults[name], known.settings.get(name)):
                raise self._wrong(f"{name} cannot be set with dictionaries; leave it out")
        if self.components is not None and (self.free is None or self.free in known.bases):
            raise self._wrong("components are those of the dictionaries; leave it out")
        object.__setattr__(self, "_known", known)

    def _wrong(self, reason: str) -> UsageError:
        return UsageError(f"{name_of(self)}: {reason}")

    @property
    def spec(self) -> Spec:
        known, stems = self._known, self._stems
        streams = known is not None and self.free is None
        # Windows are rounded, by up to 1.42.
        margin_s = 1.5 * float(known.settings["window_s"]) if known and streams else 0.0
        segmentation = Segmentation(
            length_s=BODY_S + FADE_S + 2 * margin_s, fade_s=FADE_S, context_s=margin_s
        )
        found = spec(
            self,
            stems=stems,
            sample_rate_hz=known.sample_rate_hz if known else None,
            segmentation=segmentation if streams else None,
            bytes_per_sample=BYTES_PER_SAMPLE * self._settings["overlap"] / 4
            + BYTES_PER_STEM * len(stems),
            complement="accompaniment" if "accompaniment" in stems else stems[-1],
            additive=True,
            scale_equivariant=True,
            weights_sha256=known.sha256 if known else None,
            paper="Lee and Seung 1999; Fevotte and Idier 2011; Tan and Fevotte 2013",
        )
        return replace(found, options={**found.options, **self._settings})

    @property
    def _stems(self) -> tuple[str, ...]:
        if self._known is None:
            return tuple(f"source-{n + 1}" for n in range(self.sources))
        extra = () if self.free is None or self.free in self._known.bases else (self.free,)
        return (*self._known.bases, *extra)

    @property
    def _settings(self) -> dict[str, Any]:
        """Settings of the spectra: those of the card, or of this separator."""
        own = {name: getattr(self, name) for name in SETTINGS}
        return {**own, **(self._known.settings if self._known else {})}

    def __call__(self, mix: Tensor, sample_rate_hz: int) -> Tensor:
        centred.check_mix(mix)
        size, hop = dictionaries.frames(self._settings, sample_rate_hz)
        window = centred.hann(size, mix.device, WINDOW)
        spectrum = centred.analyse(mix, size, hop, window)
        complement = self.spec.stems.index(str(self.spec.complement))

        def stems(one: Tensor, wave: Tensor) -> Tensor:
            masks = self._masks(one, complement)
            found = [
                centred.synthesise(one, size, hop, window, wave.shape[-1], mask) for mask in masks
            ]
            found.insert(complement, wave - sum(found))
            return torch.stack(found)

        return torch.stack([stems(*pair) for pair in zip(spectrum, mix, strict=True)])

    def _masks(self, spectrum: Tensor, complement: int) -> Iterator[Tensor]:
        """The masks, shaped as the spectrum of one signal, without the one at `complement`."""
        values = dictionaries.magnitudes(spectrum, self._settings["exponent"])
        values /= values.mean().clamp(min=SILENT)
        parts = (
            self._unsupervised(values)
            if self._known is None
            else self._supervised(values, self._known)
        )
        total = values.fill_(SILENT)
        for bases, activations in parts:
            total += (bases @ activations).pow_(self.power)
        for n, (bases, activations) in enumerate(parts):
            if n != complement:
                yield (bases @ activations).pow_(self.power).div_(total)

    def _unsupervised(self, values: Tensor) -> list[Part]:
        """The sources of `(channel, frequency, frame)`, of most energy first."""
        found = self._fit(values.flatten(0, 1))
        bases, activations = found.bases.unflatten(0, values.shape[:2]), found.activations
        labels = grouping.groups(
            bases, activations, self.sources, timing=self.timing, seed=self.seed
        )
        return [(bases[..., labels == n], activations[labels == n]) for n in range(self.sources)]

    def _fit(self, values: Tensor) -> updates.Fit:
        """The best factorisation of `(row, frame)` that the restarts find."""
        most = min(values.shape)
        if self.components is not None and self.components > most:
            raise self._wrong(
                f"{self.components} components are more than the rank of this spectrogram, "
                f"{values.shape[1]} frames of {values.shape[0]} values: take at most {most}"
            )
        count = self.components or min(self.most_components, most)
        beta, iterations = updates.BETAS[self.divergence], self.iterations or ROUNDS

        def attempt(n: int) -> updates.Fit:
            if self.start == "nndsvd" and n == 0:
                start = starts.nndsvd(values, count)
            else:
                start = starts.random(values, count, self.seed + n)
            if self.components is None:
                return relevance.determine(values, *start, beta=beta, iterations=iterations)
            return updates.fit(
                values, *start, beta=beta, iterations=iterations, tolerance=self.tolerance
            )

        return min((attempt(n) for n in range(self.restarts)), key=lambda found: found.loss)

    def _supervised(self, values: Tensor, known: Dictionaries) -> list[Part]:
        """The card's stems, and the free one, in `(channel, frequency, frame)`."""
        channels, _, length = values.shape
        columns = values.transpose(0, 1).flatten(1)  # channels one after the other
        bases = {name: matrix.to(columns) for name, matrix in known.bases.items()}
        beta, free = updates.BETAS[known.settings["divergence"]], self.free
        if free is None:
            together = torch.cat(list(bases.values()), dim=1)
            rounds = self.iterations or known.rounds
            activations = updates.activate(columns, together, beta=beta, iterations=rounds)
        else:
            own = bases.pop(free, None)
            if own is None:
                own, _ = starts.random(columns, self.components or FREE, self.seed)
            bases[free] = own / own.sum(0)
            together = torch.cat(list(bases.values()), dim=1)
            fixed = together.shape[1] - own.shape[1]
            start = together, updates.even(columns, together)
            rounds, tolerance = self.iterations or ROUNDS, self.tolerance
            found = updates.fit(
                columns, *start, beta=beta, iterations=rounds, tolerance=tolerance, fixed=fixed
            )
            bases[free], activations = found.bases[:, fixed:], found.activations
        rows = activations.unflatten(1, (channels, length)).transpose(0, 1)
        widths = [matrix.shape[1] for matrix in bases.values()]
        pieces = dict(zip(bases, rows.split(widths, dim=1), strict=True))
        return [(bases[name], pieces[name]) for name in self.spec.stems]

    def learn(
        self,
        examples: Mapping[str, Iterable[Tensor]],
        sample_rate_hz: int,
        *,
        steps: int = learning.STEPS,
        on_step: OnStep = lambda done, steps: None,
    ) -> Dictionaries:
        """Dictionaries of `components` spectra for each stem, from recordings of it alone.

        examples: by stem, `(channel, time)` at one rate; they count as if they were equally loud.
        steps: of tuning; 0 for none. Raises UsageError for a stem with too little sound.
        """
        options = changed(options_of(self), in_force(self))
        for name in options.keys() - {*SETTINGS, "components", "iterations", "seed"}:
            raise self._wrong(f"{name} changes nothing when spectra are learned; leave it out")
        return learning.learn(examples, sample_rate_hz, self._settings, options, steps, on_step)


TECHNIQUE = Nmf
