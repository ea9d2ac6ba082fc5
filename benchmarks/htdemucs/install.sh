#!/usr/bin/env bash
# The original HT Demucs, the package demucs, in a virtual environment of its own; only what its
# networks import is installed. Needs Python 3.11. Weights are not part of the package: compare.py
# gives it those that `unweave models pull htdemucs` has fetched (research only).
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet "torch==2.13.0" "numpy>=2,<3" "soundfile==0.14.0" "PyYAML==6.0.3" \
    "tqdm==4.70.1" "einops==0.8.2" "julius==0.2.8" "safetensors==0.8.0" "requests==2.34.2" \
    "huggingface_hub==2.4.0"
.venv/bin/pip install --quiet --no-deps "demucs==4.1.0"
