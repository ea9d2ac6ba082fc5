#!/usr/bin/env bash
# The metrics of Music-Source-Separation-Training (MSST, MIT) and the packages that they call
# (auraloss and torch-log-wmse, Apache 2.0), in a virtual environment of their own. MSST calls
# torch-log-wmse as its version 0.3 has it. Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet "torch==2.11.0" "torchaudio==2.11.0" "numpy>=2,<3" "scipy>=1.13" \
    "librosa==0.11.0" "auraloss==0.4.0" "torch-log-wmse==0.3.1" pytest
msst=https://raw.githubusercontent.com/ZFTurbo/Music-Source-Separation-Training
commit=ccc011abf7f89dd7922bb2888d48493b575c0289
curl --fail --silent --show-error --output .venv/msst_metrics.py "$msst/$commit/utils/metrics.py"
