"""Makes the weights of the example's card: a crossover at 500 Hz, written down, not learnt."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

FRAME_SIZE, RATE_HZ, CROSSOVER_HZ, OCTAVE = 1024, 16000, 500.0, 4.0
CARD = Path(__file__).parent / "src" / "unweave_example" / "cards" / "crossover-500.safetensors"

if __name__ == "__main__":
    hz = np.fft.rfftfreq(FRAME_SIZE, 1 / RATE_HZ)
    octaves = np.log2(np.maximum(hz, 1.0) / CROSSOVER_HZ)
    shares = np.stack([-OCTAVE * octaves / 2, OCTAVE * octaves / 2]).astype(np.float32)
    save_file({"shares": shares}, CARD)
