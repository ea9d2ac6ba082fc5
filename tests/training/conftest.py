"""A data set that is made in a second, and a recipe that is trained on it in a few."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip(
    "pytorch_lightning", reason="training is an extra: pip install 'unweave[train]'"
)

RATE_HZ = 8000
TEXT = """
name = "small"
seed = 3

[data]
dataset = "folder"
root = "{root}"
validation_tracks = ["c"]
sample_rate_hz = 8000
channels = 1
seconds = 0.5
batch = 2

[network]
name = "mask_inference"
frame_size = 128
hop = 64
width = 16
dropout = 0.2

[loss]
magnitude_l2 = 1.0
discriminative = 0.5

[augmentation]
speed = 0.5
eq = 0.5

[optimiser]
rate = 1e-2

[schedule]
steps = 12
warmup = 0
decay = 4
validate_every = 6
save_every = 3

[card]
licence = "for tests"
segment_s = 1.0
overlap_s = 0.1
"""


@pytest.fixture(scope="session")
def stems_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tracks, a, b and c, of two seconds: tones as voice, noise as accompaniment."""
    root = tmp_path_factory.mktemp("stems")
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    for number, name in enumerate("abc"):
        (root / name).mkdir()
        voice = 0.3 * np.sin(2 * np.pi * (200 + 90 * number) * time) * (np.sin(5 * time) > -0.5)
        noise = 0.1 * rng.standard_normal(len(time))
        for stem, wave in (("vocals", voice), ("accompaniment", noise)):
            soundfile.write(root / name / f"{stem}.wav", wave.astype(np.float32), RATE_HZ, "FLOAT")
    return root


@pytest.fixture
def recipe_file(tmp_path: Path, stems_folder: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(TEXT.format(root=stems_folder))
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As fast for networks this small, and the same sums in the same order everywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
