"""The settings that Open-Unmix keeps in JSON files beside its weights.

`openunmix/utils.py`, `load_target_models` and `load_separator`: beside `vocals.pth`, or
`vocals-b62c91ce.pth`, lie `vocals.json` (`args` of the training, `nfft` and `hidden_size` among
them) and `separator.json` (`sample_rate`, `nfft`, `nhop`, `nb_channels`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NoReturn

from unweave.models.readers import Settings
from unweave.models.readers._shared.errors import Refused, reading

LARGEST = 10_000_000  # bytes


def settings(weights: Path) -> Settings:
    """The contents of the files that lie beside `weights`, by their names without the ending.

    Raises WeightsError for one that is there and is not JSON.
    """
    if weights.suffix != ".pth":
        return {}
    target = re.sub("-[0-9a-f]{8,}$", "", weights.stem)
    places = {name: weights.with_name(f"{name}.json") for name in ("separator", target)}
    return {name: _json(place) for name, place in places.items() if place.is_file()}


def _json(path: Path) -> object:
    with reading(path):
        if path.stat().st_size > LARGEST:
            raise Refused(f"it is larger than {LARGEST} bytes")
        found = json.loads(path.read_bytes(), parse_constant=_no_number)
        if not isinstance(found, dict):
            raise Refused("it is no JSON object")
        return found


def _no_number(text: str) -> NoReturn:
    raise Refused(f"it has the number {text}")
