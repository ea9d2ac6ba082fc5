"""Models of a user's own: a checkpoint of a network that unweave has becomes a card with a name.

Card and weights lie in a folder of the user's data (`cards.own_folder`). What the checkpoint is, is
recognised from its names and shapes: a model of which there is a card is looked for that takes
them all, as for a fine-tuned one; an architecture may know more forms of itself (`recognise`).
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from unweave.core.atomic import atomic_path
from unweave.core.files import advice, content
from unweave.errors import Unfit, UnweaveError, UsageError, WeightsError
from unweave.models import architectures, cards, readers, store
from unweave.models.cards import Card
from unweave.models.readers import Arrays, safetensors

Settings = Mapping[str, object]

READERS = {
    ".th.gz": "torch-zip",
    ".gz": "tensorflow",
    ".tgz": "tensorflow",
    ".tar": "tensorflow",
    ".index": "tensorflow",
    ".safetensors": "safetensors",
    ".onnx": "onnx",
}
STUMBLES = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
FALLBACK = "torch-zip"  # .th, .pt, .pth, .ckpt, .bin


def add(
    file: Path, *, name: str = "", config: Path | None = None, licence: str = "not stated"
) -> Card:
    """The card of a checkpoint, which is copied to the user's own models.

    name: what the file is called, where none is given. config: a YAML file with the settings that
    the checkpoint was trained with, read as data. Raises UsageError for a name that is taken,
    WeightsError for a file that cannot be read or that no network takes.
    """
    from unweave.models import adapter, options

    name = name or re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-.")
    _check_free(name)
    ending = next((each for each in READERS if file.name.lower().endswith(each)), "")
    kind = READERS.get(ending, FALLBACK)
    if not file.exists():
        raise UsageError(f"{file}: no such file; check the spelling")
    if file.is_dir():
        raise UsageError(f"{file}: is a folder; name the checkpoint in it")
    arrays = {name: np.array(array) for name, array in readers.reader(kind)(file).items()}
    told = _yaml(config) if config else {}
    settings = {"file": file.stem, **readers.settings(kind, file), **told}
    try:
        facts = recognised(arrays, settings)
    except WeightsError as error:
        raise WeightsError(f"{file}: {error}") from error
    weights = facts.pop("arrays")
    assert isinstance(weights, dict)
    stream = io.BytesIO()
    safetensors.write(stream, weights)
    written = stream.getvalue()
    text = {
        "version": 2,
        "title": f"{file.name}, added by hand",
        "licence_code": "not stated",
        "licence_weights": licence,
        "paper": "not stated",
        "training_data": "not stated",
        **facts,
        "weights": {
            "sha256": hashlib.sha256(written).hexdigest(),
            "size_bytes": len(written),
        },
    }
    toml = _toml(text)
    try:
        card = cards.parse(name, toml)
        adapter.network(card, options.in_force(card, {}), weights)
    except (ValueError, UnweaveError) as error:
        raise WeightsError(f"{file}: taken for {facts['architecture']}, but {error}") from error
    return _place(name, toml, written)


def recognised(arrays: Arrays, settings: Settings) -> dict[str, object]:
    """What a card has to say of a checkpoint, and under `arrays` what its network takes.

    Raises WeightsError where no network takes it, UsageError for a plug-in that is broken.
    """
    doubt, network = None, ""
    for name in architectures.names():
        try:
            facts = architectures.recognised(name, arrays, settings)
            if facts is not None:
                convert = facts.pop("convert", architectures.has(name, "convert"))
                role = str(facts.pop("role", ""))
                ours = architectures.converter(name)({role: arrays}) if convert else arrays
                return {"architecture": name, **facts, "arrays": ours}
        except (WeightsError, *STUMBLES) as error:
            reason = error if isinstance(error, WeightsError) else "its settings or shapes differ"
            doubt, network = WeightsError(f"taken for {name}, but {reason}"), name
            break
    unfit: list[Unfit] = []
    strange: set[str] = set()  # architectures that share no name with the checkpoint
    for card in _kinds(network):
        if card.architecture in strange:
            continue
        taken = _taken(card, arrays)
        if not isinstance(taken, Unfit):
            return {**_like(card, settings), "arrays": taken}
        unfit.append(taken)
        if arrays.keys() <= set(taken.names):
            strange.add(card.architecture)
    raise doubt or WeightsError(_unknown(arrays, unfit))


def take(path: Path) -> Card:
    """A card that lies elsewhere with its weights, copied to the user's own models.

    Raises UsageError for a wrong card or a name that is taken, WeightsError for other weights.
    """
    card = cards.card(str(path))
    _check_free(card.name)
    if card.file is None or not store.cached(card):
        raise WeightsError(f"{path}: its weights are not beside it, or are others")
    return _place(card.name, content(path).decode(), content(card.file))


def remove(card: Card) -> int:
    """Remove a model of the user's own, card and weights; returns the bytes made free."""
    assert card.path is not None
    found = [file for file in (card.path, card.file) if file is not None and file.exists()]
    size_bytes = sum(file.stat().st_size for file in found)
    for file in found:
        file.unlink()
    cards.refresh()
    return size_bytes


def is_own(card: Card) -> bool:
    """Whether a card lies among the user's own models."""
    return card.path is not None and card.path.parent == cards.own_folder()


def _check_free(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(
            f"{name!r} is no name: it takes letters, digits, '.', '_' and '-', in --name"
        )
    if cards.known(name):
        raise UsageError(f"a model is called {name!r} already; choose another with --name")


def _place(name: str, text: str, weights: bytes) -> Card:
    folder = cards.own_folder()
    if folder is None:
        raise UsageError("there is no home folder for models; set UNWEAVE_DATA to a folder")
    try:
        for suffix, written in ((".safetensors", weights), (".toml", text.encode())):
            with atomic_path(folder / f"{name}{suffix}") as hidden:  # the card is the last
                hidden.write_bytes(written)
    except OSError as error:
        raise WeightsError(f"{error.filename or folder}: {advice(error)}") from error
    cards.refresh()
    return cards.card(name)


def _kinds(architecture: str) -> Iterator[Card]:
    """One card of each network that there is, or of those of an architecture that is named."""
    seen = set()
    for name in cards.names():
        try:
            card = cards.card(name)
        except UnweaveError:  # of a package whose card is wrong
            continue
        key = repr((card.architecture, sorted(card.config.items()), card.stems, card.channels))
        wanted = card.bag is None and architecture in ("", card.architecture)
        if wanted and key not in seen:
            seen.add(key)
            yield card


def _taken(card: Card, arrays: Arrays) -> Arrays | Unfit:
    """The arrays as the network of `card` takes them, or which of them it does not."""
    from unweave.models import adapter, options

    role = next((file.role for each in card.sources for file in each.contents), "")
    unfit = Unfit("", sorted(arrays))
    for convert in {card.convert, False}:
        try:
            ours = architectures.converter(card.architecture)({role: arrays}) if convert else arrays
            adapter.network(card, options.in_force(card, {}), ours)
        except (UnweaveError, StopIteration, *STUMBLES) as error:
            # A converter may stumble over what is not of its network.
            if isinstance(error.__cause__, Unfit) and not convert:
                unfit = error.__cause__
            continue
        return dict(ours)
    return unfit


def _unknown(arrays: Arrays, unfit: Sequence[Unfit]) -> str:
    """What to say of arrays that no network takes: the first that does not fit the nearest one."""
    nearest = min(unfit, key=lambda each: len(each.names), default=Unfit("", sorted(arrays)))
    unknown = [name for name in arrays if name in nearest.names] or nearest.names
    return (
        f"no network of unweave takes these {len(arrays)} arrays; the first that does not fit is "
        f"{next(iter(unknown), 'none')!r:.80}; --config names the settings of the training"
    )


def _like(card: Card, settings: Settings) -> dict[str, object]:
    """The facts of `card` that are its network's, with the stems that the checkpoint names."""
    names = _stems(settings)
    stems = names if len(names) == len(card.stems) else card.stems
    renamed = dict(zip(card.stems, stems, strict=True))
    segment = {key: value for key, value in asdict(card.segment).items() if value is not None}
    return {
        "architecture": card.architecture,
        "stems": list(stems),
        **{key: renamed[each] for key in ("target", "complement") if (each := getattr(card, key))},
        "sample_rate_hz": card.sample_rate_hz,
        "channels": card.channels,
        "normalise_track": card.normalise_track,
        "segment": segment,
        "config": dict(card.config),
        "notes": f"taken for a network as that of {card.name}, by its names and shapes",
    }


def _stems(settings: Settings) -> tuple[str, ...]:
    """The stems that a checkpoint or its YAML names, as Demucs and MSST write them."""
    for table, key in (("kwargs", "sources"), ("training", "instruments")):
        inner = settings.get(table)
        found = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(found, (list, tuple)) and all(isinstance(each, str) for each in found):
            return tuple(each.lower() for each in found)
    return ()


def _yaml(path: Path) -> dict[str, object]:
    try:
        found = cards.plain_yaml(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: holds no settings, as 'training:' and 'audio:' are")
    return found


def _toml(facts: Mapping[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps(_plain(facts))


def _plain(value: Any) -> Any:
    """A value as TOML knows it: tuples as lists, no None."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
