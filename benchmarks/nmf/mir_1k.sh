#!/usr/bin/env bash
# Voice and music of MIR-1K by NMF with dictionaries: learned on `train`, scored on a split.
#
#     benchmarks/nmf/mir_1k.sh DATA [SPLIT]
#
# DATA is the folder of MIR-1K, SPLIT `test-public` unless given. Learning takes minutes; card and
# scores go to build/nmf. All settings are unweave's defaults.
set -euo pipefail
data=$1 split=${2:-test-public}
cd "$(dirname "$0")/../.."
unweave=.venv/bin/unweave
"$unweave" nmf learn --dataset mir-1k --root "$data" --split train -o build/nmf/mir-1k.toml
"$unweave" benchmark --dataset mir-1k --root "$data" --split "$split" \
    --separator nmf:dictionaries=build/nmf/mir-1k.toml --output "build/nmf/$split"
