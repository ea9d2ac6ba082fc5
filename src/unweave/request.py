"""A separation as it is asked for: which separator, with which options, and what comes out.

The command line, Python, reports, the benchmark and services all speak of separations by a
`SeparationRequest`, which is JSON both ways. `identity` is one hash of all that is meant to change
a byte of the stems: two separations of one recording with equal identities give the same stems.
What differs between two requests, `differences` says in words. How a separation is computed
(`Execution`) is not part of its identity.

An option of every separation is a field of `Output`, `Inference` or `Execution`, and nothing else:
the command line, Python, the report and `verify` take it from there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from unweave.audio.formats import FORMATS, default_bit_depth
from unweave.core.region import WHOLE, Region, after_start
from unweave.core.typed import typed
from unweave.errors import UsageError, quoted
from unweave.options import check, option, options_of

OWN = "unweave"  # the distribution
DEVICES = r"auto|cpu|mps|cuda(:\d{1,3})?"
ENGINE_REVISION = 2  # goes up when the engine gives other bytes than before, with any separator


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionFile:
    """A file that an option names, pinned by its content. `path` is absolute."""

    option: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatorRef:
    """A separator with all of its options, pinned by hashes.

    `model`: what to load it by, a name or a card's absolute path. None: it, or the sound of one of
    its options, exists only in memory: it cannot be loaded again and has no identity.
    code: the distribution that the separator's code is of. `revision` goes up when that code gives
    other bytes than before. members: those that a preset or a bag is made of, in their order.
    """

    name: str
    model: str | None = None
    code: str = OWN
    revision: int = 1
    card_sha256: str | None = None
    weights_sha256: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[OptionFile, ...] = ()
    members: tuple[SeparatorRef, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What of it is meant to change bytes; files among the options by their content."""
        contents = {file.option: {"sha256": file.sha256} for file in self.files}
        others = {} if self.code == OWN else {"code": self.code}
        return {
            "name": self.name,
            **others,
            "revision": self.revision,
            "card": self.card_sha256,
            "weights": self.weights_sha256,
            "options": {**self.options, **contents},
            "members": [member.facts() for member in self.members],
        }

    def identity(self) -> str | None:
        """One hash of `facts`; None for what exists only in memory."""
        return None if self.model is None else _hash(self.facts())

    def as_json(self) -> dict[str, Any]:
        """The separator as plain data."""
        return {
            **asdict(replace(self, members=())),
            "options": dict(self.options),
            "files": [asdict(file) for file in self.files],
            "members": [member.as_json() for member in self.members],
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> SeparatorRef:
        """What `as_json` wrote. Raises ValueError, one line."""
        files = tuple(typed(OptionFile, file) for file in document["files"])
        members = tuple(map(SeparatorRef.from_json, document["members"]))
        return typed(SeparatorRef, {**document, "files": files, "members": members})


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What comes out of a separation, whatever separates. Raises UsageError for a wrong value."""

    format: str = option("wav", "file format", choices=tuple(FORMATS))
    bit_depth: int | None = option(
        None,
        "16, 24, or 32 (float; cannot clip)",
        choices=(16, 24, 32),
        unset="32 for wav, 24 for flac",
    )
    start: float = option(
        0.0, "start of the part, in seconds, m:ss or h:mm:ss", time=True, unset="the beginning"
    )
    end: float | None = option(None, "end of the part", time=True, unset="the end")

    def __post_init__(self) -> None:
        check(self, owner="")
        object.__setattr__(self, "bit_depth", default_bit_depth(self.format, self.bit_depth))
        if self.end is not None and self.end <= self.start:
            raise UsageError(after_start(f"{self.end:g} s", f"{self.start:g} s"))

    def facts(self) -> dict[str, Any]:
        """What of it is meant to change bytes: what is not a default.

        So work that is done stays done when an option is added. Who changes a default raises
        ENGINE_REVISION.
        """
        usual = Output()
        return {key: value for key, value in asdict(self).items() if value != getattr(usual, key)}

    @property
    def region(self) -> Region:
        return Region(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """How the separator is run, where that changes its stems. Raises UsageError for a wrong value.

    shift_seed: draws the positions of `shifts`; whoever asks gives it as the seed.
    """

    overlap: float | None = option(
        None,
        "share of a segment that the next one covers too",
        at_least=0.0,
        at_most=0.99,
        unset="the model's",
    )
    shifts: int = option(
        0, "separate at that many positions of the segments and average", at_least=0, at_most=99
    )
    tta: str = option(
        "none",
        "test-time augmentation: the mean with swapped channels, inverted polarity, or both",
        choices=("none", "swap", "invert", "both"),
    )
    precision: str = option(
        "float32",
        "arithmetic of networks; all else is computed in float32",
        choices=("float32", "bfloat16", "float16"),
    )
    complement: str | None = option(
        None, "name of one more stem: what the stems of --stems leave of the mix"
    )
    shift_seed: int = 0

    def __post_init__(self) -> None:
        check(self, owner="")
        name = self.complement
        if name is not None and (not name.strip() or "," in name):
            raise UsageError(f"complement must be one name, as in 'instrumental'; got {name!r:.80}")
        object.__setattr__(self, "complement", name and name.strip())

    def facts(self) -> dict[str, Any]:
        """What of it is meant to change bytes: what is not a default, as of `Output`."""
        found = {key: value for key, value in asdict(self).items() if value != getattr(USUAL, key)}
        return found if self.shifts else {k: v for k, v in found.items() if k != "shift_seed"}


USUAL = Inference()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """How a separation is computed. Raises UsageError for a wrong value."""

    device: str = option(
        "auto", "processor that computes: auto, cpu, mps, cuda, or one card as cuda:1"
    )
    batch: int | None = option(
        None, "segments that are computed in parallel", at_least=1, unset="one per core"
    )
    max_memory_mb: int | None = option(
        None, "memory limit for each file", at_least=1, unset="free memory"
    )

    def __post_init__(self) -> None:
        check(self, owner="")
        if not re.fullmatch(DEVICES, self.device):
            raise UsageError(
                f"device must be auto, cpu, mps, cuda, or cuda:N with the number of a card; got "
                f"{quoted(self.device)}"
            )


RUN_OPTIONS = (Output, Inference, Execution)
"""The declarations of the options of every separation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparationRequest:
    """One separation in full.

    `stems` are those to write, in the separator's order; what they leave (`Inference.complement`)
    is the last.
    """

    separator: SeparatorRef
    stems: tuple[str, ...]
    output: Output = Output()
    inference: Inference = Inference()
    execution: Execution = Execution()
    engine_revision: int = ENGINE_REVISION

    def facts(self) -> dict[str, Any]:
        """What of it is meant to change bytes.

        Which stems were asked for counts where there is a complement, which is what they leave, and
        for 16 and 24 bits: there all share the gain that keeps the loudest from clipping.
        """
        shared_gain = self.output.bit_depth in (16, 24)
        inference = self.inference.facts()
        return {
            "engine": self.engine_revision,
            "separator": self.separator.facts(),
            "output": self.output.facts(),
            "stems": list(self.stems) if shared_gain or self.inference.complement else None,
            **({"inference": inference} if inference else {}),
        }

    @property
    def taken(self) -> tuple[str, ...]:
        """The stems that are the separator's own, and its residual."""
        return tuple(stem for stem in self.stems if stem != self.inference.complement)

    @property
    def needed(self) -> tuple[str, ...]:
        """The stems that decide which members are needed; none where there are no members."""
        return self.taken if self.separator.members else ()

    def identity(self) -> str | None:
        """One hash of `facts`; None for what exists only in memory."""
        return None if self.separator.model is None else _hash(self.facts())

    def as_json(self) -> dict[str, Any]:
        """The request as plain data."""
        return {
            "separator": self.separator.as_json(),
            "stems": list(self.stems),
            "output": asdict(self.output),
            "inference": asdict(self.inference),
            "execution": asdict(self.execution),
            "engine_revision": self.engine_revision,
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> SeparationRequest:
        """The request that `as_json` wrote. Raises ValueError or UsageError, one line.

        An option that is not there has its default.
        """
        return SeparationRequest(
            separator=SeparatorRef.from_json(document["separator"]),
            stems=tuple(document["stems"]),
            output=typed(Output, document["output"]),
            inference=typed(Inference, document.get("inference", {})),
            execution=typed(Execution, document["execution"]),
            engine_revision=document["engine_revision"],
        )


def run_options(
    given: Mapping[str, object],
) -> tuple[Output, Inference, Execution, dict[str, object]]:
    """The options of every separation among `given`, and the others. Raises UsageError."""
    names = [{item.name for item in options_of(kind)} for kind in RUN_OPTIONS]
    output, inference, execution = (
        kind(**{name: value for name, value in given.items() if name in own})
        for kind, own in zip(RUN_OPTIONS, names, strict=True)
    )
    others = {name: value for name, value in given.items() if not any(name in own for own in names)}
    assert isinstance(output, Output)
    assert isinstance(inference, Inference)
    assert isinstance(execution, Execution)
    return output, inference, execution, others


def differences(old: SeparationRequest, new: SeparationRequest) -> Iterator[str]:
    """What keeps the request `old` from being `new`, each in words that follow "made with"."""
    then, now = old.separator, new.separator
    if then.model is None:
        yield f"{then.name} from memory, which no report can tell from another"
    if then.name != now.name:
        yield f"{then.name}, now {now.name}"
        return
    if old.engine_revision != new.engine_revision:
        yield f"revision {old.engine_revision} of the engine, now {new.engine_revision}"
    yield from _of_separators(then, now)
    for item in dataclasses.fields(Output):
        before, after = getattr(old.output, item.name), getattr(new.output, item.name)
        if before != after and item.name not in ("start", "end"):
            yield f"{item.name.replace('_', ' ')} {before}, now {after}"
    if old.output.region != new.output.region:
        yield f"{_part(old.output.region)}, now {_part(new.output.region)}"
    run, rerun = old.inference.facts(), new.inference.facts()
    for name in sorted({*run, *rerun}):
        before, after = (each.get(name, getattr(USUAL, name)) for each in (run, rerun))
        if before != after:
            unset = "the model's" if name == "overlap" else "none"
            said = [unset if each is None else each for each in (before, after)]
            yield f"{name.replace('_', ' ')} {said[0]}, now {said[1]}"
    if old.facts()["stems"] != new.facts()["stems"] and old.output == new.output:
        then_, now_ = ", ".join(old.taken), ", ".join(new.taken)
        if old.inference.complement is None or new.inference.complement is None:
            yield f"one gain for {then_}, now for {now_}"
        else:
            yield f"{new.inference.complement} as what {then_} leave, now what {now_} leave"


def _of_separators(then: SeparatorRef, now: SeparatorRef) -> Iterator[str]:
    """What differs between two of one name."""
    if then.code != now.code:
        yield f"{then.name} of {then.code}, now of {now.code}"
        return
    if then.revision != now.revision:
        yield f"revision {then.revision} of {then.name}, now {now.revision}"
    if [member.name for member in then.members] != [member.name for member in now.members]:
        yield f"other members of {then.name}"
        return
    within = [
        what
        for one, other in zip(then.members, now.members, strict=True)
        for what in _of_separators(one, other)
    ]
    options = list(_differing_options(then, now))
    # Weights that come from the file of an option differ with it.
    explained = within or any(what.startswith("other content") for what in options)
    if then.weights_sha256 != now.weights_sha256 and not explained:
        hashes = _hashes(then.weights_sha256, now.weights_sha256)
        yield f"other weights of {then.name} ({hashes})"
    elif then.card_sha256 != now.card_sha256:
        yield f"another card of {then.name} ({_hashes(then.card_sha256, now.card_sha256)})"
    yield from within
    yield from options


def _differing_options(then: SeparatorRef, now: SeparatorRef) -> Iterator[str]:
    old, new = then.facts()["options"], now.facts()["options"]
    paths = {file.option: file.path for file in now.files}
    for name in sorted({*old, *new}):
        if (name in old) == (name in new) and old.get(name) == new.get(name):
            continue
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            yield f"other content of {paths[name]} (option {name})"
        else:
            before, after = (str(which.options.get(name, "its default")) for which in (then, now))
            yield f"the option {name}={before}, now {after}"


def _part(region: Region) -> str:
    if region == WHOLE:
        return "the whole recording"
    end = "its end" if region.end_s is None else f"{region.end_s:g} s"
    return f"the part from {region.start_s:g} s to {end}"


def _hashes(old: str | None, new: str | None) -> str:
    return f"SHA-256 {brief(old)}, now {brief(new)}"


def brief(sha256: str | None) -> str:
    """The beginning of a hash, for people."""
    return "none" if sha256 is None else f"{sha256[:12]}..."


def _hash(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
