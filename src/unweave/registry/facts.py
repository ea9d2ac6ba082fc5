"""What is known of a separator, as plain data: for lists, for people who choose, for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from unweave import joining, registry
from unweave.core.stem_names import canonical
from unweave.models import cards, store
from unweave.models.cards import SEPARATION, Card
from unweave.models.licences import permissive
from unweave.models.store import measured
from unweave.options import Option
from unweave.registry import Preset, Technique
from unweave.registry.offers import size_bytes

# Facts that say nothing of a network that separates nothing.
OF_SEPARATORS = ("segment", "normalise_track", "convert", "weights")


def facts(name: str) -> dict[str, Any]:
    """A separator's facts and options; of a model where its weights are, and how it ran here.

    An estimator has no options.

    Raises UsageError for an unknown name or a wrong card.
    """
    if name in cards.estimators():
        described: Card | Technique | Preset = cards.card(name)
        options: dict[str, Any] = {}
    else:
        described = registry.describe(name)
        options = {item.name: _option(item) for item in registry.declared(name)}
    if isinstance(described, Technique):
        return {**asdict(described), "origin": registry.origin(name), "options": options}
    if isinstance(described, Preset):
        return {
            "name": described.name,
            "title": described.title,
            "stems": described.stems,
            "made_of": [member.separator for member in described.members()],
            **({"notes": described.notes} if described.notes else {}),
            **({"preset_path": str(described.path)} if described.path else {}),
            "origin": described.origin,
            "options": options,
        }
    own = {**asdict(replace(described, file=None, path=None)), "options": options}
    if described.task != SEPARATION:
        own = {key: value for key, value in own.items() if key not in OF_SEPARATORS}
    needed = registry.with_weights(name)
    if described.task == SEPARATION:
        own["networks"] = sorted({card.architecture for card in needed})
    own["permissive"] = permissive(described.licence_weights)
    if described.bag is None:
        own["weights_path"] = str(store.path(described))
    own |= {"weights_path_exists": all(map(store.here, needed)), "size_bytes": size_bytes(needed)}
    run = measured.last(name)
    own["measured"] = {**asdict(run), "speed": run.speed} if run else None
    return own


def notes(name: str) -> str:
    """What the parts of a name that is made of names do not say of its stems; else nothing."""
    return registry.describe(name).notes if joining.is_made_of_names(name) else ""  # type: ignore[union-attr]


def here(name: str) -> bool:
    """Whether a separator needs weights and has them here. Raises UsageError for a wrong card."""
    found = registry.with_weights(name)
    return bool(found) and all(map(store.here, found))


def download(found: Iterable[Card]) -> str:
    """Size and licence of what would be fetched, in words."""
    found = list(found)
    sizes = [card.download_bytes for card in found]
    size = f"{sum(sizes) / 1e6:.0f} MB" if all(sizes) else "size not stated"
    return f"{size}, licence: {' and '.join(dict.fromkeys(c.licence_weights for c in found))}"


def matches(
    found: dict[str, Any],
    *,
    stem: str = "",
    network: str = "",
    permissive: bool = False,
    installed: bool = False,
) -> bool:
    """Whether facts are those of a separator with that stem, that network, a permissive licence,
    its weights here; what is no model has no network, a licence of unweave's or its package's, and
    needs no weights."""
    if network and network not in found.get("networks", ()):
        return False
    if stem and not {stem, canonical(stem)} & set(found["stems"]):
        return False
    if permissive and not found.get("permissive", True):
        return False
    return not installed or bool(found.get("weights_path_exists", True))


def _option(item: Option) -> dict[str, Any]:
    """An option as plain data."""
    return {
        "meaning": item.meaning,
        "type": item.kind,
        "default": item.default,
        "unit": item.unit,
        "limits": item.limits,
        "choices": list(item.choices),
    }
