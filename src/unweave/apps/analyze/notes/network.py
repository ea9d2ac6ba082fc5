"""The network that sees notes: R. M. Bittner, J. J. Bosch, D. Rubinstein, G. Meseguer-Brocal and
S. Ewert, "A lightweight instrument-agnostic model for polyphonic note transcription and multipitch
estimation", ICASSP 2022.

A constant-Q transform, stacked with itself shifted by harmonics, goes through a few convolutions:
one way says which notes sound, another where they begin. It looks at two seconds at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.errors import WeightsError

if TYPE_CHECKING:
    from unweave.types import Wave

RATE_HZ = 22050
HOP = 256
WINDOW = 2 * RATE_HZ - HOP  # samples that it looks at
FRAMES = WINDOW // HOP + 1
OVERLAP = 30  # frames that two windows share, half of which each of them gives
KEPT = FRAMES - OVERLAP
STEP = WINDOW - OVERLAP * HOP  # samples from one window to the next
PITCHES = 88  # a piano's, from A0
LOWEST = 21  # MIDI number of A0
BINS = 3 * PITCHES
OCTAVES = 9  # of the transform, 36 bins each but for the lowest
CQT_BINS = 309
TAPS = 256  # of the transform's filters, and of the low-pass before each lower octave
HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 7)
AT_ONCE = 4  # windows

# Where the arrays of the published graph go: its exporter named most of them by numbers.
NAMES = {
    "sine": ("const_fold_opt__664", (36, 1, 1, TAPS)),
    "cosine": ("const_fold_opt__655", (36, 1, 1, TAPS)),
    "lowpass": ("const_fold_opt__734", (1, 1, 1, TAPS)),
    "scale": ("model_1/cq_t2010v2_1/Sqrt", (CQT_BINS, 1, 1)),
    "gain": ("model_1/batch_normalization/FusedBatchNormV3", (1,)),
    "offset": ("model_1/batch_normalization/FusedBatchNormV31", (1,)),
    "contour_1.weight": ("const_fold_opt__727", (8, 8, 3, 39)),
    "contour_1.bias": ("model_1/re_lu_1/Relu", (8,)),
    "contour_2.weight": ("const_fold_opt__710", (1, 8, 5, 5)),
    "contour_2.bias": ("model_1/contours-reduced/BiasAdd/ReadVariableOp", (1,)),
    "note_1.weight": ("const_fold_opt__738", (32, 1, 7, 7)),
    "note_1.bias": ("model_1/conv2d_2/BiasAdd/ReadVariableOp", (32,)),
    "note_2.weight": ("const_fold_opt__702", (1, 32, 7, 3)),
    "note_2.bias": ("model_1/conv2d_3/BiasAdd/ReadVariableOp", (1,)),
    "onset_1.weight": ("const_fold_opt__707", (32, 8, 5, 5)),
    "onset_1.bias": ("model_1/re_lu_3/Relu", (32,)),
    "onset_2.weight": ("const_fold_opt__680", (1, 33, 3, 3)),
    "onset_2.bias": ("model_1/conv2d_5/BiasAdd/ReadVariableOp", (1,)),
}
# No weights but numbers of the logarithm, and a bias of zero where there is none.
CONSTANTS = {
    "model_1/normalized_log_1/Const",
    "model_1/normalized_log_1/add/y",
    "model_1/normalized_log_1/div_no_nan",
    "model_1/normalized_log_1/truediv",
    "model_1/cq_t2010v2_1/conv1d_25",
    "model_1/conv2d_5/Conv2D",
}


class BasicPitch(nn.Module):
    """Waves `(batch, WINDOW)` to notes and onsets, each `(batch, FRAMES, PITCHES)`, 0 to 1."""

    sine: Tensor
    cosine: Tensor
    lowpass: Tensor
    scale: Tensor
    gain: Tensor
    offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("sine", "cosine", "lowpass", "scale", "gain", "offset"):
            self.register_buffer(name, torch.zeros(NAMES[name][1]))
        self.contour_1 = nn.Conv2d(8, 8, (3, 39), padding="same")
        self.contour_2 = nn.Conv2d(8, 1, 5, padding="same")
        self.note_1 = nn.Conv2d(1, 32, 7, stride=(1, 3), padding=(3, 2))
        self.note_2 = nn.Conv2d(32, 1, (7, 3), padding="same")
        self.onset_1 = nn.Conv2d(8, 32, 5, stride=(1, 3), padding=(2, 1))
        self.onset_2 = nn.Conv2d(33, 1, 3, padding="same")

    def forward(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        stacked = self.stacked(wave)  # (batch, harmonic, FRAMES, BINS)
        contour = torch.sigmoid(self.contour_2(F.relu(self.contour_1(stacked))))
        note = torch.sigmoid(self.note_2(F.relu(self.note_1(contour))))
        onset = F.relu(self.onset_1(stacked))
        onset = torch.sigmoid(self.onset_2(torch.cat([note, onset], 1)))
        return note[:, 0], onset[:, 0]

    def stacked(self, wave: Tensor) -> Tensor:
        """The transform in decibels, 0 to 1 in each window, once for each harmonic."""
        power = self.transformed(wave).square()  # (batch, CQT_BINS, FRAMES)
        level = 10 * torch.log10(power + 1e-10)
        level = level - level.amin((1, 2), keepdim=True)
        level = torch.nan_to_num(level / level.amax((1, 2), keepdim=True))  # silence is 0
        level = (level * self.gain + self.offset).transpose(1, 2)
        found = []
        for harmonic in HARMONICS:
            shift = round(36 * np.log2(harmonic))
            moved = F.pad(level, (-shift, max(0, BINS + shift - CQT_BINS)))
            found.append(moved[..., :BINS])
        return torch.stack(found, 1)

    def transformed(self, wave: Tensor) -> Tensor:
        """The magnitudes of the transform, octave by octave from the top at half the rate each."""
        octaves: list[Tensor] = []
        hop = HOP
        wave = wave[:, None]
        for _ in range(OCTAVES):
            padded = F.pad(wave, (TAPS // 2, TAPS // 2), "reflect")
            real = F.conv1d(padded, self.cosine[:, 0], stride=hop)
            imaginary = F.conv1d(padded, self.sine[:, 0], stride=hop)
            octaves.insert(0, torch.hypot(real, imaginary))
            wave = F.conv1d(F.pad(wave, (127, 127)), self.lowpass[:, 0], stride=2)
            hop //= 2
        return torch.cat(octaves, 1)[:, -CQT_BINS:] * self.scale[..., 0]


def built(weights: Mapping[str, Mapping[str, np.ndarray]]) -> BasicPitch:
    """The network with the weights of its graph. Raises WeightsError for others than its own."""
    arrays = {_short(name): array for file in weights.values() for name, array in file.items()}
    theirs = {name for name, _ in NAMES.values()}
    if wrong := (theirs | CONSTANTS) ^ arrays.keys():
        raise WeightsError(f"not the weights of the note network: {min(wrong)!r:.80} differs")
    state = {}
    for ours, (name, shape) in NAMES.items():
        if arrays[name].shape != shape:
            raise WeightsError(f"not the weights of the note network: the shape of {name!r:.80}")
        state[ours] = torch.from_numpy(np.array(arrays[name], np.float32))
    network = BasicPitch()
    network.load_state_dict(state)
    return network.eval()


def _short(name: str) -> str:
    """The first of the operations that the exporter joined, which begin the names of arrays."""
    first, *_, last = [*name.split(";"), name.split(";")[-1]]
    return last if last.startswith(first) else first


def windows(blocks: Iterable[Wave]) -> Iterator[Wave]:
    """Windows `(WINDOW,)` of a stream of blocks `(time,)`, `STEP` apart, silence beyond its ends.

    The first frame that is kept of the n-th lies at the sample n * STEP.
    """
    held = np.zeros(OVERLAP // 2 * HOP, np.float32)
    parts: list[Wave] = []
    length, left = held.shape[0], 0
    for block in blocks:
        parts.append(block)
        length += block.shape[0]
        left += block.shape[0]
        while length >= WINDOW:
            held, parts = np.concatenate([held, *parts]), []
            yield held[:WINDOW]
            held, length, left = held[STEP:], length - STEP, left - STEP
    while left > 0:
        held, parts = np.concatenate([held, *parts]), []
        yield np.pad(held[:WINDOW], (0, max(0, WINDOW - held.shape[0])))
        held, left = held[STEP:], left - STEP


def activations(network: BasicPitch, blocks: Iterable[Wave]) -> Iterator[tuple[Wave, Wave]]:
    """What the network sees in a stream: notes and onsets, each `(KEPT, PITCHES)`, by window."""
    half = OVERLAP // 2
    with torch.inference_mode():
        every = windows(blocks)
        while some := list(islice(every, AT_ONCE)):
            note, onset = network(torch.from_numpy(np.stack(some)))
            for each in zip(note.numpy(), onset.numpy(), strict=True):
                yield each[0][half:-half], each[1][half:-half]


def time_s(frame: float) -> float:
    """When the middle of a kept frame is; its windows are not a whole number of frames apart."""
    number, within = divmod(frame, KEPT)
    return (number * STEP + within * HOP) / RATE_HZ
