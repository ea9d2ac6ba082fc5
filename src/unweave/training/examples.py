"""Examples by number: stems that are cut, changed and ready to be mixed.

Example n is the same whichever process makes it and whenever, so that a training that goes on after
a kill, and one that runs in many processes, sees what an unbroken one in one process sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from unweave.core.ending import leave_to_parent
from unweave.datasets.track import Track
from unweave.training.audio import AudioStore, chances
from unweave.training.draws import draw
from unweave.training.recipe import Recipe


class Examples(Dataset[Tensor]):
    """Number to stems `(stem, channel, time)`. stores: how many processes make some of them."""

    def __init__(self, recipe: Recipe, tracks: Sequence[Track], stores: int = 1) -> None:
        self.recipe, self.store = recipe, AudioStore(tracks, recipe.data, stores)
        self.chances = chances(tracks, recipe.data.balanced_groups)

    def __getitem__(self, number: int) -> Tensor:
        recipe, stems = self.recipe, self.recipe.data.stems
        pieces = draw(
            number, recipe.seed, self.chances, len(stems), recipe.data, recipe.augmentation
        )
        waves = [
            self.store.piece(piece, stem, recipe.samples)
            for piece, stem in zip(pieces, stems, strict=True)
        ]
        return torch.from_numpy(np.stack(waves))


class Batches(Sampler[list[int]]):
    """The numbers of each batch from `step` on; of several processes each takes its share."""

    def __init__(self, recipe: Recipe, rank: int = 0, processes: int = 1) -> None:
        self.recipe, self.rank, self.processes, self.step = recipe, rank, processes, 0

    def __iter__(self) -> Iterator[list[int]]:
        batch = self.recipe.data.batch
        for step in range(self.step, self.recipe.schedule.steps):
            yield list(range(step * batch + self.rank, (step + 1) * batch, self.processes))

    def __len__(self) -> int:
        return self.recipe.schedule.steps


def loader(recipe: Recipe, tracks: Sequence[Track], batches: Batches) -> DataLoader[Tensor]:
    """Batches `(batch, stem, channel, time)`, made ahead by the recipe's workers."""
    workers = recipe.data.workers
    return DataLoader(
        Examples(recipe, tracks, max(1, workers) * batches.processes),
        batch_sampler=batches,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        persistent_workers=bool(workers),
        worker_init_fn=_begin,
        generator=torch.Generator(),  # its own: a loader that starts anew draws from it
    )


def _begin(_worker: int) -> None:
    leave_to_parent()
