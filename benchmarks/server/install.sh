#!/usr/bin/env bash
# Others' programs that attack or audit the service, in a virtual environment of their own.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/python -m pip install --quiet "schemathesis>=4.10,<5" "bandit>=1.8"
