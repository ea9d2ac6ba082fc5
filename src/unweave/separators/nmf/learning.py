"""Dictionaries from examples: first spectra that describe each stem, then spectra that tell stems
apart.

Spectra that describe a voice well describe much of the music as well, and the mix is then shared
out wrongly. So they are tuned afterwards: frames of the examples are mixed at random, separated by
a few rounds of updates exactly as a recording will be, and the gradient of what is wrong with the
separated frames, through all of these rounds, changes the spectra.

Weninger, Le Roux, Hershey, Watanabe, "Discriminative NMF and its application to single-channel
source separation", Interspeech 2014; the gradient through the rounds: Hershey, Le Roux, Weninger,
"Deep unfolding: model-based inspiration of novel deep architectures", arXiv 1409.2574, 2014.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from unweave.errors import UsageError
from unweave.separators.nmf import starts, updates
from unweave.separators.nmf.dictionaries import SILENT, WINDOW, Dictionaries, frames, magnitudes
from unweave.signal import centred, stft

COMPONENTS = 64  # of a dictionary
ROUNDS = 40  # of updates, to describe a stem
STEPS = 240  # of tuning
ACTIVATION_ROUNDS = 10  # of a separation: more fit the mix better and separate worse
MOST_FRAMES = 20000  # that a dictionary is learned from, a random choice of all there are
BATCH = 1024  # frames that are mixed and separated in one step
RATE = 0.03  # of change, in the logarithm of spectra; falls to zero over the steps
TOGETHER = 0.5  # of frames that are mixed as they sounded together, where examples are aligned
QUIET = 0.01  # of the mean: frames below that are pauses, which describe nothing
TINY = 1e-9  # beside values with a mean of 1

OnStep = Callable[[int, int], None]
"""Called with the steps that are done and those in all."""


def learn(
    examples: Mapping[str, Iterable[Tensor]],
    sample_rate_hz: int,
    settings: Mapping[str, Any],
    options: Mapping[str, Any],
    steps: int,
    on_step: OnStep,
) -> Dictionaries:
    """Dictionaries from recordings of each stem alone: see `Nmf.learn`.

    settings: how spectra are taken; options: components, iterations and seed where they are not
    the defaults.
    """
    count, rounds = options.get("components", COMPONENTS), options.get("iterations", ROUNDS)
    seed = options.get("seed", 0)
    beta, exponent = updates.BETAS[settings["divergence"]], settings["exponent"]
    size, _ = frames(settings, sample_rate_hz)
    spectra = [training_frames(recordings, size, seed) for recordings in examples.values()]
    level = torch.cat([some.abs().mean(0) for some in spectra]).mean().clamp(min=SILENT)
    bases = []
    for stem, some in zip(examples, spectra, strict=True):
        values = active_frames(magnitudes(some.div_(level), exponent))
        if values.shape[1] < count:
            raise UsageError(
                f"nmf: {stem} has {values.shape[1]} active frames, too few for {count} "
                "components: give more examples or set fewer components"
            )
        bases.append(describe(values, count, beta=beta, iterations=rounds, seed=seed))
    if steps and len(bases) > 1:
        bases = train_discriminatively(
            bases,
            spectra,
            beta=beta,
            exponent=exponent,
            rounds=ACTIVATION_ROUNDS,
            steps=steps,
            seed=seed,
            on_step=on_step,
        )
    return Dictionaries(
        bases=dict(zip(examples, bases, strict=True)),
        sample_rate_hz=sample_rate_hz,
        settings=settings,
        rounds=ACTIVATION_ROUNDS,
    )


def training_frames(recordings: Iterable[Tensor], size: int, seed: int = 0) -> Tensor:
    """Complex spectra `(frequency, frame)` of recordings, as if they were equally loud.

    Channels follow each other. Of more than MOST_FRAMES frames a random choice stays, every frame
    with the same chance, and no others are kept meanwhile (Vitter, "Random sampling with a
    reservoir", ACM TOMS 11(1), 1985). Examples with as many frames keep the same ones, so that
    what sounded together stays together.
    """
    window, hop = centred.hann(size, shape=WINDOW), size // 2
    generator = torch.Generator().manual_seed(seed)
    kept, seen = torch.empty(MOST_FRAMES, size // 2 + 1, dtype=torch.complex64), 0
    for wave in recordings:
        level = wave.square().mean().sqrt().clamp(min=SILENT)
        for channel in wave / level:
            frames = centred.framed(channel, size, hop)
            chosen, places = _reservoir(len(frames), seen, generator)
            for some in stft.groups(len(chosen)):
                kept[places[some]] = torch.fft.rfft(frames[chosen[some]] * window)
            seen += len(frames)
    return kept[:seen].T.contiguous()


def _reservoir(count: int, seen: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which of `count` frames stay, after `seen` others, and the places that they take."""
    numbers = torch.arange(count) + seen
    drawn = torch.rand(count, generator=generator, dtype=torch.float64) * (numbers + 1)
    places = torch.where(numbers < MOST_FRAMES, numbers, drawn.long())
    inside = (places < MOST_FRAMES).nonzero().squeeze(1)
    latest = torch.full((MOST_FRAMES,), -1).scatter_reduce_(0, places[inside], inside, "amax")
    taken = (latest >= 0).nonzero().squeeze(1)
    return latest[taken], taken


def describe(values: Tensor, components: int, *, beta: float, iterations: int, seed: int) -> Tensor:
    """Spectra `(frequency, component)` with sums of 1 that describe `values (frequency, frame)`."""
    start = starts.random(values, components, seed)
    found = updates.fit(values, *start, beta=beta, iterations=iterations, tolerance=1e-5)
    return found.bases / found.bases.sum(0)


def active_frames(values: Tensor) -> Tensor:
    """The frames of `(frequency, frame)` that are no pauses."""
    level = values.mean(0)
    return values[:, level > QUIET * level.mean()]


def train_discriminatively(
    bases: list[Tensor],
    spectra: list[Tensor],
    *,
    beta: float,
    exponent: float,
    rounds: int,
    steps: int,
    seed: int,
    on_step: OnStep,
) -> list[Tensor]:
    """Spectra like `bases`, one matrix for each stem, tuned to separate mixtures of the stems.

    spectra: of each stem complex `(frequency, frame)`, as loud as in a mix; where all have the same
    number of frames, those of one index sounded together. rounds: of updates in a separation.
    """
    generator = torch.Generator().manual_seed(seed)
    widths = [matrix.shape[1] for matrix in bases]
    logarithms = torch.cat(bases, dim=1).clamp(min=1e-7).log().requires_grad_()
    change = torch.optim.Adam([logarithms], lr=RATE)
    fade = torch.optim.lr_scheduler.LinearLR(change, 1.0, 0.0, total_iters=steps)
    for step in range(steps):
        stems = _drawn(spectra, generator)
        mix = stems.sum(0)
        tuned = logarithms.softmax(0)
        found = activations(mix.abs().pow(exponent), tuned, beta, rounds)
        models = [w @ h for w, h in zip(tuned.split(widths, 1), found.split(widths), strict=True)]
        total = sum(models) + TINY
        wrong = [_power(model / total * mix - stem)
                 for model, stem in zip(models, stems, strict=True)]  # fmt: skip
        loss = torch.stack(wrong).sum() / sum(_power(stem) for stem in stems)
        change.zero_grad()
        loss.backward()
        change.step()
        fade.step()
        on_step(step + 1, steps)
    return list(logarithms.detach().softmax(0).split(widths, dim=1))


def activations(values: Tensor, bases: Tensor, beta: float, rounds: int) -> Tensor:
    """As `updates.activate`, so that a gradient passes."""
    found = updates.even(values, bases.detach())
    for _ in range(rounds):
        model = bases @ found + TINY
        up = bases.mT @ (values * model.pow(beta - 2))
        down = bases.mT @ model.pow(beta - 1) if beta != 1 else bases.sum(0)[:, None]
        ratio = up / (down + TINY)
        found = found * (ratio.sqrt() if beta == 0 else ratio)
    return found


def _drawn(spectra: list[Tensor], generator: torch.Generator) -> Tensor:
    """Random frames of each stem, `(stem, frequency, BATCH)`."""
    counts = [some.shape[1] for some in spectra]
    chosen = [torch.randint(count, (BATCH,), generator=generator) for count in counts]
    if len(set(counts)) == 1:
        together = torch.rand(BATCH, generator=generator) < TOGETHER
        chosen = [torch.where(together, chosen[0], own) for own in chosen]
    return torch.stack([some[:, own] for some, own in zip(spectra, chosen, strict=True)])


def _power(spectra: Tensor) -> Tensor:
    return torch.view_as_real(spectra).square().sum()
