"""Deep clustering and Chimera: a vector for every bin; bins of one source lie side by side.

Hershey, Chen, Le Roux and Watanabe, "Deep clustering: discriminative embeddings for segmentation
and separation", ICASSP 2016: bidirectional LSTMs on log magnitudes give every bin of the spectrum a
unit vector, the loss compares which bins lie together with which belong together, and k-means on
the vectors finds the sources. Luo, Chen, Hershey, Le Roux and Mesgarani, "Deep clustering and
conventional networks for music separation: stronger together", ICASSP 2017 (Chimera): the same
body has a second head that gives masks in a fixed order of stems; the embeddings make it better
and are not used at the end. (The second title is often cited with the first one's authors.)

`masks` decides which of the two it is; a Chimera can also be asked for what its embeddings say
(`separate_by="clusters"`).

Clusters have no names. Those of one mix are named after the *centres*, where the stems lay on
average in training: each step of it calls `observe`. k-means itself starts from the seed and not
from there, and bins more than 40 dB below the loudest do not count.

Axes here: `(batch, channel, frame, bin)`; embeddings have their dimension last.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.models.layers.masks import Transform, check_exponent, level, separate
from unweave.models.layers.weights import builder
from unweave.signal.kmeans import kmeans

FLOOR = 1e-3  # of the segment's level: fainter magnitudes look alike
SILENT_DB = -40.0  # bins below this are silence (Hershey et al. 2016, section 3.1)
By = Literal["masks", "clusters"]
MEMORY = 0.99  # what of the centres is left after a step of training


@dataclass(frozen=True, slots=True)
class DeepClusteringConfig:
    """Everything that decides the shape; the defaults are as published. Raises ValueError."""

    stems: tuple[str, ...] = ("vocals", "accompaniment")
    channels: int = 1
    frame_size: int = 1024
    hop: int = 512
    layers: int = 4
    width: int = 500  # of an LSTM, in either direction
    embedding: int = 20  # numbers in a bin's vector
    masks: bool = True  # a mask head, as Chimera has one
    hidden: int = 0  # of a ReLU layer before the LSTMs and one after; 0: none, as published
    dropout: float = 0.0  # between layers
    exponent: float = 0.0  # of the magnitudes that the network sees; 0: their logarithm

    def __post_init__(self) -> None:
        if self.embedding < 2:
            raise ValueError(f"embedding is 2 numbers at least, got {self.embedding}")
        if self.exponent:
            check_exponent(self.exponent)
        if min(self.layers, self.width) < 1:
            raise ValueError(f"layers and width are at least 1, got {self.layers}, {self.width}")
        if self.hidden < 0:
            raise ValueError(f"hidden is a width, or 0 for no such layers, got {self.hidden}")


class DeepClustering(nn.Module):
    """Waves to stems. Segments of any length."""

    centres: Tensor

    def __init__(
        self, config: DeepClusteringConfig, separate_by: By | None = None, seed: int = 0
    ) -> None:
        """separate_by: the mask head where there is one, unless said; seed: that of k-means."""
        super().__init__()
        self.transform = Transform(config.frame_size, config.hop)
        self.config, self.seed = config, seed
        self.by = separate_by or ("masks" if config.masks else "clusters")
        bins, stems = config.channels * (config.frame_size // 2 + 1), len(config.stems)
        # Magnitudes keep their weight: made alike, faint bins would count as much as loud ones.
        self.norm = nn.Identity() if config.exponent else nn.BatchNorm1d(bins)
        self.before = self.layer(bins)
        self.body = nn.LSTM(
            config.hidden or bins,
            config.width,
            config.layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.after = self.layer(2 * config.width)
        width = config.hidden or 2 * config.width
        self.embed = nn.Linear(width, bins * config.embedding)
        self.mask = nn.Linear(width, stems * bins) if config.masks else None
        self.register_buffer("centres", torch.zeros(stems, config.embedding))

    def layer(self, width: int) -> nn.Module:
        """`(batch, frame, width)` to `(batch, frame, hidden)`, or nothing where hidden is 0."""
        hidden, dropout = self.config.hidden, self.config.dropout
        if not hidden:
            return nn.Identity()
        return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, mix: Tensor) -> Tensor:
        """`(batch, channel, time)` to `(batch, stem, channel, time)`."""
        return separate(self, mix)

    def estimate(self, spectrum: Tensor) -> Tensor:
        """The mix's `(batch, channel, frame, bin)` to `(batch, stem, channel, frame, bin)`."""
        if self.by == "masks":
            masks = self.masks(self.recur(spectrum))
        else:  # each by itself: sums of a batch round otherwise, and a label may turn on that
            masks = torch.cat(
                [
                    self.clusters(self.embeddings(self.recur(one)), one.abs())
                    for one in spectrum.split(1)
                ]
            )
        return masks * spectrum[:, None]

    def estimate_and_embed(self, spectrum: Tensor) -> tuple[Tensor | None, Tensor]:
        """For training: what the mask head makes of it, if there is one, and unit vectors
        `(batch, channel, frame, bin, embedding)`."""
        x = self.recur(spectrum)
        stems = None if self.mask is None else self.masks(x) * spectrum[:, None]
        return stems, self.embeddings(x)

    def recur(self, spectrum: Tensor) -> Tensor:
        """The body: `(batch, channel, frame, bin)` to `(batch, frame, hidden or 2 * width)`."""
        x = self.features(spectrum).transpose(2, 3).flatten(1, 2)  # (batch, channel * bin, frame)
        x = self.before(self.norm(x).transpose(1, 2))
        kind = x.device.type  # "meta" where operations are counted: there is no autocast
        if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
            # Of float32 torch would make bfloat16 inside a kernel that CPUs without it do not have.
            x = x.to(torch.get_autocast_dtype(kind))
        return self.after(self.body(x)[0])

    def features(self, spectrum: Tensor) -> Tensor:
        """Magnitudes against the segment's level, to a power or as logarithms, the same shape."""
        magnitudes = (spectrum / level(spectrum)).abs()
        exponent = self.config.exponent
        return magnitudes**exponent if exponent else (magnitudes + FLOOR).log()

    def embeddings(self, x: Tensor) -> Tensor:
        """What the body made to unit vectors, `(batch, channel, frame, bin, embedding)`."""
        vectors = (
            self.embed(x).float().unflatten(-1, (self.config.channels, -1, self.config.embedding))
        )
        return F.normalize(vectors, dim=-1).transpose(1, 2)

    def masks(self, x: Tensor) -> Tensor:
        """What the body made to `(batch, stem, channel, frame, bin)`, whose sum over stems is 1."""
        assert self.mask is not None  # `by` is masks only where there are some
        shape = (len(self.config.stems), self.config.channels, -1)
        scores = self.mask(x).float().unflatten(-1, shape)
        return scores.movedim(1, 3).softmax(dim=1)

    def clusters(self, embeddings: Tensor, magnitude: Tensor) -> Tensor:
        """Masks of 0 and 1, `(batch, stem, channel, frame, bin)`, by k-means on each segment."""
        count, masks = len(self.config.stems), []
        for vectors, weights in zip(embeddings, active_bins(magnitude), strict=True):
            centres, labels = kmeans(
                vectors.flatten(0, -2),  # (channel * frame * bin, embedding)
                weights.flatten(),
                count,
                seed=self.seed,
            )
            order = named(centres, self.centres)
            masks.append(order[labels].reshape(weights.shape))  # (channel, frame, bin)
        stems = torch.arange(count, device=magnitude.device)
        chosen = torch.stack(masks)[:, None] == stems[:, None, None, None]
        return chosen.to(magnitude.dtype)

    @torch.no_grad()
    def observe(self, embeddings: Tensor, stems: Tensor) -> None:
        """Remember where the stems lie: called in training, with each step's embeddings and the
        true stems' spectra `(batch, stem, channel, frame, bin)`."""
        weights = active_bins(stems.sum(1).abs())[:, None] * (owners(stems) > 0)
        totals = torch.einsum("bscft,bcftd->sd", weights, embeddings)
        self.centres.mul_(MEMORY).add_(F.normalize(totals, dim=-1), alpha=1 - MEMORY)


def active_bins(magnitude: Tensor) -> Tensor:
    """1 where a bin is not silent against the segment's loudest, else 0."""
    loudest = magnitude.amax((1, 2, 3), keepdim=True)
    return (magnitude > loudest * 10 ** (SILENT_DB / 20)).to(magnitude.dtype)


def owners(stems: Tensor) -> Tensor:
    """1 for the stem that is loudest in a bin, 0 for others: `(batch, stem, ...)`, as `stems`."""
    # Where stems are not side by side in memory, `argmax` would take 20 times as long.
    loudest = stems.abs().max(1).indices
    return F.one_hot(loudest, stems.shape[1]).movedim(-1, 1).to(stems.real.dtype)


def named(found: Tensor, known: Tensor) -> Tensor:
    """Which of the `known` centres each `found` one is, so that all together lie nearest."""
    likeness = (found @ known.T).cpu()  # (cluster, stem)
    orders = permutations(range(len(known)))
    best = max(orders, key=lambda order: sum(float(likeness[n, m]) for n, m in enumerate(order)))
    return torch.tensor(best, device=found.device)


NETWORK = (DeepClusteringConfig, DeepClustering)
build = builder(DeepClusteringConfig, DeepClustering)
# Working memory of the published size, by clusters: benchmarks/networks/memory.py.
BYTES_PER_SAMPLE = 400.0
