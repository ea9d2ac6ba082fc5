#!/usr/bin/env bash
# The peer of NMF, in a virtual environment of its own. Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet "scikit-learn==1.9.1" "torch==2.13.0"
