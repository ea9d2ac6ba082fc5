"""A recipe to begin with, for a folder of stems: what one may want to change, and why."""

from __future__ import annotations

import json
from pathlib import Path

from unweave.core.files import advice, shown
from unweave.errors import OutputError, UsageError
from unweave.training.recipe import check_name

TEXT = """\
# A recipe of unweave: `unweave train {file}` trains it, `--resume` goes on after a stop.
# `--set optimiser.rate=1e-4` changes a value for one run. docs/training.md explains every setting.
name = {name}
seed = 0 # random seed of the weights and the examples
pit = false # permutation-invariant training: true where the order of stems is free, as of speakers
precision = "32" # "bf16-mixed" or "16-mixed" on a GPU

[data]
dataset = "folder" # a folder with a folder for each track; or another of `unweave dataset list`
root = "my-recordings" # your own: TRACK/vocals.wav, TRACK/accompaniment.wav ..., all of one rate
stems = ["vocals", "accompaniment"] # stems that the network gives, each a file of every track
validation_tracks = ["a track's name"] # beginnings of names; these tracks are not trained on
sample_rate_hz = 44100
channels = 2
seconds = 6.0 # length of an example; longer ones show more context, and cost more
batch = 4 # examples in a step
same_track_probability = 0.5 # stems from one moment of one track, not random ones
memory_mb = 2000 # decoded sound kept in memory; what does not fit is decoded again each time
workers = 2 # processes that make examples

[network]
name = "unet" # a folder of src/unweave/models; what follows are its own settings
frame_size = 4096
hop = 1024
filters = [48, 64, 96, 128]
stride_bins = [8, 2, 2, 2]
stride_frames = [1, 2, 2, 1]
kernel_bins = [16, 4, 4, 4]
kernel_frames = [3, 4, 4, 3]
blocks = 1
recurrent = 128
mask = "complex"
dropout = 0.0

[loss] # each term with its weight
sdr = 1.0
root_magnitude_l1 = 2.0

[augmentation] # probabilities from 0 to 1; sizes have a unit
gain_db = 3.0
polarity = 0.5
swap = 0.5
speed = 0.5
tempo = 0.0 # pitch stays; costs more than the others
formants = 0.0 # pitch and tempo stay; helps where there are few singers
eq = 0.5
reverb = 0.0
codec = 0.0
drop = 0.05

[optimiser]
name = "adamw"
rate = 1e-3
weight_decay = 1e-2
clip = 5.0
average = 0.999 # of the weights that are scored and exported

[schedule]
steps = 100000
warmup = 500
decay = 10000 # steps at the end in which the rate falls
budget_minutes = 600.0 # maximum duration; all runs of a resumed training count
validate_every = 1000
patience = 10 # scores without a better one; 0: never ends for that
save_every = 200

[card] # what others should know
title = {name}
licence = "say who may use the weights, and for what"
paper = ""
training_data = "say what they were trained on"
"""


def write(name: str) -> Path:
    """`NAME.toml` here. Raises UsageError where it exists or has no good name, OutputError."""
    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    check_name(path.name.removesuffix(".toml"), "--new")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(
                TEXT.format(file=shown(path), name=json.dumps(path.stem, ensure_ascii=False))
            )
    except FileExistsError as error:
        raise UsageError(f"{shown(path)}: exists already; choose another name") from error
    except OSError as error:
        raise OutputError(f"{shown(path)}: {advice(error)}") from error
    return path
