"""Write `partials.sdif`, which the tests compare with, by IRCAM's own SDIF library.

    python -m venv sdif
    sdif/bin/pip install pysdif3==1.0.1
    sdif/bin/python tests/apps/record_sdif.py

The rows are those of `analysis` in `test_partials.py`. Run by a person, when the rows change.
"""

from pathlib import Path

import numpy as np
import pysdif

FRAMES = {
    0.0: [[1, 440.0, 0.5, 0.25]],
    0.25: [[2, 220.0, 0.125, -1.0], [1, 441.0, 0.5, 0.5]],
}

if __name__ == "__main__":
    target = pysdif.SdifFile(str(Path(__file__).with_name("partials.sdif")), "w")
    for time_s, rows in FRAMES.items():
        frame = target.new_frame("1TRC", time_s, 1)
        frame.add_matrix("1TRC", np.array(rows, dtype=np.float32))
        frame.write()
    target.close()
