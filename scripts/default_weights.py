"""Print the packages that hold the default model's weights, as pip names them.

Runs before unweave is installed: the card alone is read.
"""

import tomllib
from pathlib import Path

CARD = Path(__file__).parents[1] / "src/unweave/models/cards/spleeter-2stems.toml"

if __name__ == "__main__":
    card = tomllib.loads(CARD.read_text(encoding="utf-8"))
    print(*(f"{source['package']}=={source['version']}" for source in card["sources"]))
