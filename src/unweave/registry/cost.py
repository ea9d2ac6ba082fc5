"""What a model costs on this machine: time for a second of sound, and memory.

A figure that was taken here counts before any other. Of a model that never ran here, the time is
that of its card, which was taken on the machine of docs/performance.md, times how much slower this
machine has been with models that ran on both. Where neither is known nothing is said: `trial`
measures it, by one segment with random weights where the model's own are not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from unweave.engine.limits import cores
from unweave.engine.resources import MOST_MB
from unweave.errors import UnweaveError
from unweave.models import cards, store
from unweave.models.cards import Card
from unweave.models.store import measured
from unweave.registry.making import with_weights

# The process with torch and without a model, in MB: what is left of measured runs when weights and
# segments are taken away. A test holds the estimate near a run.
BASE_MB = 240.0
HERE = "it ran here"
OTHERS = "its card, and how fast others ran here"
TRIAL = "one segment, just now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """real_time_factor: seconds of work for a second of sound, None: not known. time_from,
    memory_from: where the figures come from, in words."""

    real_time_factor: float | None = None
    time_from: str = ""
    memory_mb: float | None = None
    memory_from: str = ""


def cost(name: str, slower: float | None) -> Cost:
    """What is known of a model, without running it. slower: as `machine_factor` has it.

    Raises UsageError for a wrong card.
    """
    factor, time_from = real_time_factor(name, slower)
    run = measured.last(name)
    if run is not None and run.peak_memory_mb:
        return Cost(
            real_time_factor=factor,
            time_from=time_from,
            memory_mb=run.peak_memory_mb,
            memory_from=HERE,
        )
    return Cost(
        real_time_factor=factor,
        time_from=time_from,
        memory_mb=estimated_mb(with_weights(name)),
        memory_from="estimated",
    )


def real_time_factor(
    name: str, slower: float | None, needed: Sequence[Card] | None = None
) -> tuple[float | None, str]:
    """Seconds of work for a second of sound, and where the figure comes from, in words.

    slower: as `machine_factor` has it; needed: the networks that run, where they are not all of
    the model's.
    """
    run = measured.last(name)
    if needed is None and run is not None and run.speed:
        return 1 / run.speed, HERE
    found = with_weights(name) if needed is None else needed
    own = [measured.last(card.name) for card in found]
    if found and all(each is not None and each.speed for each in own):
        return sum(1 / each.speed for each in own if each is not None), HERE
    stated = [card.real_time_factor for card in found]
    if not found or None in stated or slower is None:
        return None, ""
    return slower * sum(filter(None, stated)), OTHERS


def machine_factor() -> float | None:
    """How much longer this machine takes than that of docs/performance.md: the median over the
    models that ran on both. None where none did."""
    ratios = []
    for name in cards.names():
        try:
            stated = cards.card(name).real_time_factor
        except UnweaveError:  # a wrong one is said where it is used
            continue
        run = measured.last(name) if stated else None
        if stated and run is not None and run.speed:
            ratios.append(1 / run.speed / stated)
    return median(ratios) if ratios else None


def estimated_mb(found: Sequence[Card]) -> float | None:
    """Memory of a plain run on the CPU, in MB: the process, the weights, a segment for each core.

    None for a model that states too little, such as the size of its weights.
    """
    from unweave.models import adapter, options

    weights = sum(card.weights.size_bytes or card.download_bytes for card in found) / 1e6
    if not found or not all(card.weights.size_bytes or card.download_bytes for card in found):
        return None
    each_mb = 0.0
    for card in found:
        spec = adapter.spec(card, options.in_force(card, {}))
        each_mb += card.segment.length * spec.bytes_per_sample / 1e6
    batch = max(1, min(cores(), int(MOST_MB / each_mb)))
    return BASE_MB + weights + batch * each_mb


def trial(name: str) -> float:
    """Seconds of work for a second of sound by a run of one segment now, on the CPU: the networks
    of the model one after another.

    Weights that are not here are random: the time does not depend on them. Raises UnweaveError for
    a network that cannot be made, as of a graph whose file is not here.
    """
    import torch

    from unweave.models import adapter, architectures

    seconds = 0.0
    found = with_weights(name)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a segment has one thread, and each core has a segment
    try:
        for card in found:
            if not store.needs_download(card):
                weights = store.weights(card)
            else:
                config, network = architectures.model(card.architecture).NETWORK
                chosen = adapter.settings(config, card.stems, card.channels, card.config)
                weights = {key: each.numpy() for key, each in network(chosen).state_dict().items()}
            separator = adapter.NeuralSeparator(card, {}, weights).to("cpu")
            mix = 0.1 * torch.randn(1, card.channels, card.segment.length)
            with torch.inference_mode():
                separator(mix, card.sample_rate_hz)  # what is set up once does not count
                start = perf_counter()
                separator(mix, card.sample_rate_hz)
            hop_s = card.segment.hop / card.sample_rate_hz
            seconds += (perf_counter() - start) / hop_s / cores()
    finally:
        torch.set_num_threads(threads)
    return seconds
