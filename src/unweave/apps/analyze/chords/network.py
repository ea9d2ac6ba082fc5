"""The networks that tell chords apart: J. Jiang, K. Chen, W. Li and G. Xia, "Large-vocabulary
chord transcription via chord structure decomposition", ISMIR 2019.

A convolutional network reads a constant-Q spectrogram, a recurrent one both ways along time, and a
layer says for each frame what a chord is made of: its triad with the root, its bass, its seventh,
ninth, eleventh and thirteenth. Five were trained on five folds of the songs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.apps.analyze.chords.cqt import BINS
from unweave.errors import WeightsError

if TYPE_CHECKING:
    from unweave.types import Wave

PARTS = (73, 13, 4, 4, 3, 3)  # classes: triad, bass, seventh, ninth, eleventh, thirteenth
# Channels and padding in frequency of each layer; behind some the bins are pooled.
LAYERS = ((16, 1), (16, 1), (16, 1), (32, 1), (32, 1), (32, 1), (64, 1), (64, 1), (80, 0), (80, 0))
POOLED = {2: 3, 5: 3, 7: 4}
STATES = 96  # of the recurrent layer, in each direction
LAYER_NAMES = ("1a", "1b", "1c", "2a", "2b", "2c", "3a", "3b", "4a", "4b")
UNUSED = r"condition_linear\..+"  # a layer of a variant that was not trained


class ChordNet(nn.Module):
    """Features `(frame, bin)` to the probabilities of all classes, `(frame, sum(PARTS))`.

    The layers normalise each channel over all that they see at once.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = (1, *(channels for channels, _ in LAYERS))
        self.layers = nn.ModuleList(
            nn.Conv2d(channels[n], channels[n + 1], 3, padding=(1, pad))
            for n, (_, pad) in enumerate(LAYERS)
        )
        self.lstm = nn.LSTM(3 * channels[-1], STATES, bidirectional=True, batch_first=True)
        self.parts = nn.Linear(2 * STATES, sum(PARTS))

    def forward(self, features: Tensor) -> Tensor:
        hidden = features[None, None]  # (batch, channel, frame, bin)
        for n, layer in enumerate(self.layers):
            hidden = F.selu_(F.instance_norm(layer(hidden)))
            if n in POOLED:
                hidden = F.max_pool2d(hidden, (1, POOLED[n]))
        hidden = hidden.transpose(1, 2).flatten(2)  # (batch, frame, 80 channels x 3 bins)
        hidden = self.parts(self.lstm(hidden)[0])[0]
        return torch.cat([part.softmax(-1) for part in hidden.split(PARTS, -1)], -1)


def built(weights: Mapping[str, Mapping[str, np.ndarray]]) -> list[ChordNet]:
    """The networks with the weights of each file. Raises WeightsError for others than theirs."""
    networks = []
    for role in sorted(weights):
        arrays = weights[role]
        state = {
            _renamed(name): torch.from_numpy(np.array(array, np.float32))
            for name, array in arrays.items()
            if not re.fullmatch(UNUSED, name)
        }
        network = ChordNet()
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise WeightsError(
                f"{role}: not the weights of a chord network: {reason:.160}"
            ) from None
        networks.append(network.eval())
    return networks


def _renamed(name: str) -> str:
    """The name of a parameter here."""
    if match := re.fullmatch(r"audio_feature_block\.conv(\d\w)\.(\w+)", name):
        layer, kind = match.groups()
        if layer in LAYER_NAMES:
            return f"layers.{LAYER_NAMES.index(layer)}.{kind}"
    return re.sub(r"^lstm1\.", "lstm.", re.sub(r"^final_fc1\.", "parts.", name))


def probabilities(networks: list[ChordNet], features: Wave) -> list[Wave]:
    """The mean of all networks: for each of `PARTS` `(frame, class)`.

    features: `(frame, BINS)` float32.
    """
    if features.ndim != 2 or features.shape[1] != BINS:
        raise ValueError(f"features must be (frame, {BINS}), got shape {features.shape}")
    with torch.inference_mode():
        given = torch.from_numpy(features)
        mean = sum(network(given) for network in networks) / len(networks)
    return [part.numpy() for part in mean.split(PARTS, -1)]
