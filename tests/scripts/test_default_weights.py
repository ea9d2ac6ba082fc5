"""The packages of the weights that a Debian package takes along are those of the default model."""

import subprocess
import sys
from pathlib import Path

from unweave import registry

SCRIPT = Path(__file__).parents[2] / "scripts" / "default_weights.py"


def test_they_are_those_of_the_default_model() -> None:
    command = [sys.executable, "-I", "-S", str(SCRIPT)]  # with no library at hand
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == [
        f"{source.package}=={source.version}"
        for card in registry.with_weights(registry.DEFAULT)
        for source in card.sources
    ]
