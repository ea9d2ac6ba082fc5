#!/usr/bin/env bash
# Other programs that take noise out of recordings, and measures of quality that are needed for
# comparing only, in a virtual environment of their own.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet "numpy>=2,<3" noisereduce==3.0.3 pyrnnoise==0.4.5 pesq==0.0.4 \
    "visqol-python[lattice]==3.8.0"
