"""What is known of the separators, for the page and other clients; asked in a helper process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unweave.server.refusals import Refused


def models() -> list[dict[str, Any]]:
    """Every separator that can be named, sorted; one whose card is wrong is left out."""
    from unweave import registry
    from unweave.errors import UnweaveError

    found = []
    for name in registry.names():
        try:
            found.append(_facts(name))
        except UnweaveError:
            continue
    return found


def model(name: str) -> dict[str, Any]:
    """One of them, or one whose name is made of theirs, with its options and those of every
    separation. Raises Refused for another name, UsageError where models do not fit together."""
    from unweave import registry
    from unweave.options import options_of
    from unweave.request import Inference, Output

    if not registry.installed(name):
        raise Refused(404, "no_such_model", "there is no such model")
    every = [*options_of(Output), *options_of(Inference), *registry.declared(name)]
    return {**_facts(name), "options": [_option(item) for item in every]}


def _facts(name: str) -> dict[str, Any]:
    from unweave import registry
    from unweave.registry import Card, Preset, Technique, quality
    from unweave.registry.facts import facts

    known, described = facts(name), registry.describe(name)
    run, score, factor = known.get("measured"), None, None
    if isinstance(described, Card):
        score = quality.score_db(described, described.stems)
        factor = described.real_time_factor
    if run and run["speed"]:
        factor = round(1 / run["speed"], 4)
    kinds = {Card: "network", Technique: "technique", Preset: "preset"}
    licence = described.licence_weights if isinstance(described, Card) else "MIT"
    needed = registry.with_weights(name)
    sizes = [card.download_bytes for card in needed]
    if isinstance(described, Preset) and needed:
        licence = " and ".join(dict.fromkeys(card.licence_weights for card in needed))
    return {
        "name": name,
        "title": known["title"],
        "stems": list(known["stems"]),
        "kind": kinds[type(described)],
        "licence": licence,
        "bytes": sum(sizes) if all(sizes) else None,
        "installed": bool(known.get("weights_path_exists", True)) if needed else True,
        "real_time_factor": factor,
        "quality": score,
        "default": name == registry.DEFAULT,
    }


def _option(item: Any) -> dict[str, Any]:
    low = item.at_least if item.at_least is not None else item.above
    default = item.default
    return {
        "name": item.name,
        "type": "file" if item.names_a_file else item.kind,
        "default": default if isinstance(default, (bool, int, float, str)) else None,
        "unit": item.unit,
        "choices": list(item.choices),
        "low": low,
        "high": item.at_most,
        "help": item.meaning,
    }


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:
        return 0
