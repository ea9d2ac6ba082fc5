"""Hold the linear algebra of NumPy to one thread.

A use that solves many small systems gains nothing from more: the threads wait for each other at
each one, and where other programs run these waits are nearly all of its time. OpenBLAS, which
NumPy's wheels bring, takes the number when it is loaded, from the environment.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "OPENBLAS_NUM_THREADS"


def one_thread() -> None:
    """From now on one, unless the user says how many or NumPy is loaded already."""
    if "numpy" not in sys.modules:
        os.environ.setdefault(VARIABLE, "1")
