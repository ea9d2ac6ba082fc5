#!/usr/bin/env bash
# The original Open-Unmix in a virtual environment of its own, with unweave beside it. Its network,
# its transforms and its filter need torch alone; torchaudio, which they import by name for reading
# files and resampling, is an empty module here. Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet --constraint ../../constraints.txt --editable ../..
.venv/bin/pip install --quiet "tqdm==4.70.1"
.venv/bin/pip install --quiet --no-deps "openunmix==1.3.0"
touch "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torchaudio.py"
