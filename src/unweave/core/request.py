"""What a separation was asked to be, in every respect that is meant to change a byte of its stems.

`asked` picks these facts out of a report, or out of the same facts of a run that has not begun, and
`identity` is one hash of them. Two separations of one recording with equal identities give the same
stems; what differs between two that are not equal, `differences` says in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MISSING = object()


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that an option names, pinned by its content. `path` is absolute."""

    option: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a separator comes from. `model`: what to load it by, a name or a card's absolute path.

    `model` is None for a separator, or an option's sound, that exists only in memory: nobody can
    load it again.
    """

    model: str | None = None
    card_sha256: str | None = None
    weights_sha256: str | None = None
    files: tuple[NamedFile, ...] = ()


IN_MEMORY = Origin()


def asked(document: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a report that are meant to change bytes, files among the options by content.

    Which stems were asked for counts for 16 and 24 bits alone: there all share the gain that keeps
    the loudest from clipping.
    """
    separator, output = document["separator"], document["output"]
    part = document["input"]["region"]
    contents = {file["option"]: {"sha256": file["sha256"]} for file in separator["files"]}
    return {
        "unweave": document["unweave"],
        "separator": separator["name"],
        "card": separator["card_sha256"],
        "weights": separator["weights_sha256"],
        "options": {**separator["options"], **contents},
        "seed": document["seed"],
        "region": part and [part["start_s"], part["end_s"]],
        "format": output["format"],
        "bit_depth": output["bit_depth"],
        "stems": output["stems"] if output["bit_depth"] in (16, 24) else None,
    }


def identity(document: Mapping[str, Any]) -> str | None:
    """One hash of `asked`; None for what exists only in memory, which is like nothing else."""
    if document["separator"]["model"] is None:
        return None
    text = json.dumps(asked(document), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What keeps the request of the report `then` from being `now`, each to follow "made with"."""
    old, new = asked(then), asked(now)
    name = old["separator"]
    if then["separator"]["model"] is None:
        yield f"{name} from memory, which no report can tell from another"
    if name != new["separator"]:
        yield f"{name}, now {new['separator']}"
        return
    if old["unweave"] != new["unweave"]:
        yield f"unweave {old['unweave']}, now {new['unweave']}"
    if old["weights"] != new["weights"]:
        yield f"other weights of {name} ({_hashes(old, new, 'weights')})"
    elif old["card"] != new["card"]:
        yield f"another card of {name} ({_hashes(old, new, 'card')})"
    for option in sorted({*old["options"], *new["options"]}):
        before, after = (which["options"].get(option, MISSING) for which in (old, new))
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            path = next(f["path"] for f in now["separator"]["files"] if f["option"] == option)
            yield f"other content of {path} (option {option})"
        else:
            values = (_value(which, option) for which in (then, now))
            yield "the option {}={}, now {}".format(option, *values)
    for fact, words in (("seed", "the seed"), ("format", "the format"), ("bit_depth", "bit depth")):
        if old[fact] != new[fact]:
            yield f"{words} {old[fact]}, now {new[fact]}"
    if old["region"] != new["region"]:
        yield f"{_part(old['region'])}, now {_part(new['region'])}"
    if old["stems"] != new["stems"] and old["bit_depth"] == new["bit_depth"]:
        yield f"one gain for {', '.join(old['stems'])}, now for {', '.join(new['stems'])}"


def _value(document: Mapping[str, Any], option: str) -> str:
    options = document["separator"]["options"]
    return str(options[option]) if option in options else "its default"


def _part(region: list[float | None] | None) -> str:
    if region is None:
        return "the whole recording"
    start_s, end_s = region
    return f"the part from {start_s or 0:g} s to {'its end' if end_s is None else f'{end_s:g} s'}"


def _hashes(old: Mapping[str, Any], new: Mapping[str, Any], which: str) -> str:
    return f"SHA-256 {brief(old[which])}, now {brief(new[which])}"


def brief(sha256: str | None) -> str:
    """As much of a hash as tells two apart."""
    return "none" if sha256 is None else f"{sha256[:12]}..."
