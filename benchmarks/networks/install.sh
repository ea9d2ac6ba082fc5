#!/usr/bin/env bash
# The originals of the networks, in a virtual environment of their own: asteroid, the package
# demucs of today, and, beside it, the one of 2021, which came with the papers on Demucs v1 and v2;
# pymss-core and mdxnet-infer, which have networks of MSST, and two files of MSST itself;
# bs-roformer-infer and melband-roformer-infer, and, beside them, a bs-roformer of 2026.
# Only what their networks import is installed. Needs Python 3.11.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/pip install --quiet "torch==2.13.0" "numpy>=2,<3" "scipy>=1.13" "soundfile==0.14.0" \
    "requests==2.34.2" "huggingface_hub==2.4.0" "PyYAML==6.0.3" "tqdm==4.70.1" "einops==0.8.2" \
    "julius==0.2.8" "safetensors==0.8.0"
.venv/bin/pip install --quiet --no-deps "asteroid==0.7.0" "asteroid-filterbanks==0.4.0" \
    "demucs==4.1.0" "pymss-core==0.1.14" "mdxnet-infer==0.1.0"
.venv/bin/pip install --quiet --no-deps --target .venv/demucs-2.0.3 \
    "demucs==2.0.3" "diffq==0.2.4"
.venv/bin/pip install --quiet "librosa==0.11.0" "beartype==0.23.1" "packaging==26.4" \
    "ml-collections==1.1.0" "onnx==1.23.2" "onnxruntime==1.32.0"
.venv/bin/pip install --quiet --no-deps "bs-roformer-infer==0.1.5" \
    "melband-roformer-infer==0.1.5" "rotary-embedding-torch==0.9.1"
.venv/bin/pip install --quiet --no-deps --target .venv/bs-roformer-1.2.4 "bs-roformer==1.2.4" \
    "hyper-connections==0.4.11" "pope-pytorch==0.2.1" "torch-einops-utils==0.2.0" "einx==0.4.3" \
    "frozendict==2.5.1" "loguru==0.7.3"
.venv/bin/pip install --quiet --no-deps "audio-separator==0.47.1" "onnxruntime==1.32.0" \
    "flatbuffers==25.12.19" "pydub==0.25.1" "requests==2.34.2" "six==1.17.0" "tqdm==4.70.1" \
    "samplerate==0.2.4"
.venv/bin/pip install --quiet "pytest==9.2.0"
.venv/bin/pip install --quiet --no-deps --editable ../..
msst=https://raw.githubusercontent.com/ZFTurbo/Music-Source-Separation-Training
commit=ccc011abf7f89dd7922bb2888d48493b575c0289
mkdir -p .venv/msst-ccc011a/msst_scnet
for file in scnet_masked separation; do
    curl --fail --silent --show-error --output ".venv/msst-ccc011a/msst_scnet/$file.py" \
        "$msst/$commit/models/scnet/$file.py"
done
