#!/usr/bin/env bash
# The peers of FastICA, AuxIVA and ILRMA beside unweave, in a virtual environment of their own.
# Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/python -m pip install --quiet "scikit-learn==1.9.1" "pyroomacoustics==0.10.1" "ssspy==0.2.0" \
    "torchiva==0.1.1" "torch==2.13.0" \
    "packaging==25.0" # ssspy needs it and does not say so
.venv/bin/python -m pip install --quiet --editable ../..
