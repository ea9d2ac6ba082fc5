"""Others' programs for stem files, run in the environment that `install.sh` makes.

peers.py write OUT MIX STEM STEM STEM STEM METADATA.JSON    stemgen, from five MP4 of one stream
peers.py read FILE WAVES.npy                                stempeg and mutagen, as JSON
"""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
STEMGEN = HERE / ".venv" / "stemgen" / "stemgen" / "ni-stem"


def write(out: str, mix: str, *rest: str) -> None:
    """Run stemgen's own class, which calls MP4Box and mutagen."""
    sys.path.insert(0, str(STEMGEN))
    os.environ["LD_LIBRARY_PATH"] = str(STEMGEN / "GPAC_linux")
    import _internal

    _internal.StemCreator(mix, list(rest[:-1]), "alac", rest[-1]).save(out)


def read(path: str, waves: str) -> None:
    """Print what mutagen says of the file, and keep the samples that stempeg reads."""
    os.environ["PATH"] = os.pathsep.join([str(HERE / ".venv" / "bin"), os.environ["PATH"]])
    import mutagen.mp4
    import numpy as np
    import stempeg

    sound, rate_hz = stempeg.read_stems(path)  # (stem, time, channel)
    np.save(waves, sound)
    with open(path, "rb") as file:
        atoms = mutagen.mp4.Atoms(file)
        found, content = atoms[b"moov", b"udta", b"stem"].read(file)
    tagged = mutagen.mp4.MP4(path)
    said = {
        "rate_hz": int(rate_hz),
        "stem": content.decode() if found else None,
        "codec": tagged.info.codec,
        "length_s": tagged.info.length,
        "tags": {name: str(value[0]) for name, value in (tagged.tags or {}).items()},
    }
    print(json.dumps(said))


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])
