"""What the documentation site adds to its pages: the techniques in the navigation (mkdocs hook)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TECHNIQUES = "techniques"


def on_config(config: Any) -> Any:
    """Put every page of `docs/techniques` where the navigation says `techniques`."""
    pages = sorted(path.name for path in Path(config["docs_dir"], TECHNIQUES).glob("[!R]*.md"))
    for section in config["nav"]:
        for items in section.values():
            if isinstance(items, list):
                for item in items:
                    for title, target in item.items():
                        if target == TECHNIQUES:
                            item[title] = [
                                {"All, and what was measured": f"{TECHNIQUES}/README.md"},
                                *({page[:-3]: f"{TECHNIQUES}/{page}"} for page in pages),
                            ]
    return config
