#!/usr/bin/env bash
# librosa and nussl beside unweave, in a virtual environment of their own. Needs Python 3.11, and ffmpeg
# for stempeg, which nussl imports (Debian: apt-get install ffmpeg).
# nussl 1.1.9 says no versions of what it needs; peers.py gives it the names it misses in these.
# soxbindings, which it wants for effects that are not used here, no longer builds: left out.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/python -m pip install --quiet "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "librosa==0.11.0" \
    "museval==0.4.1" "musdb==0.4.3" "setuptools<81" six pyyaml jams zarr ffmpy pytorch-ignite \
    tensorboard norbert tqdm gpytorch ffmpeg-python importlib-resources sox pyloudnorm matplotlib \
    termtables
.venv/bin/python -m pip install --quiet --no-deps "nussl==1.1.9"
.venv/bin/python -m pip install --quiet --editable ../..
