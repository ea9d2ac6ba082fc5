#!/usr/bin/env bash
# The reference scorers, in a virtual environment of their own beside unweave. Needs Python 3.11.
# fast_bss_eval is of the time of numpy 1 (its torch path still works with numpy 2).
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet "museval==0.4.1" "mir_eval==0.8" "fast-bss-eval==0.1.4" \
    "torch==2.13.0" "stempeg==0.2.6"
.venv/bin/pip install --quiet --editable ../..
