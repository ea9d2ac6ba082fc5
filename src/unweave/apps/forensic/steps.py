"""The steps of an examination: each makes a folder of files of the working copy, and of it alone.

The same copy and parameters give the same bytes, which `verify` holds against the log.

    findings    what the finders measure, and the listening sheet
    pictures    the spectrogram, and the waveform with the places of the sheet
    voice       the recording under the masks of one technique
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unweave.apps.forensic import findings, listening, pictures, voices
from unweave.apps.forensic.finding import Finder, Finding, Recording, finite
from unweave.apps.forensic.voices import Technique
from unweave.audio.reader import Reader
from unweave.core.files import readable, shown
from unweave.errors import Cancelled, UnweaveError
from unweave.types import Progress

if TYPE_CHECKING:
    from unweave.audio.info import SourceInfo
    from unweave.types import OnProgress, Wave

FINDINGS, PICTURES, VOICE = "findings", "pictures", "voice"
DOCUMENT = "findings.json"


@dataclass
class Watch:
    """check: raises Cancelled where somebody asks to stop. tell: gets the seconds of sound that
    were gone through since, over all passes."""

    check: Callable[[], None] = lambda: None
    tell: Callable[[float], None] = lambda seconds: None

    def add(self, seconds: float) -> None:
        self.tell(seconds)
        self.check()


def telling(
    on_progress: OnProgress | None, total_s: float | None = None
) -> Callable[[float], None]:
    """Gets the seconds of sound that were gone through since, and tells how far that is."""
    done_s = 0.0

    def tell(seconds: float) -> None:
        nonlocal done_s
        done_s += seconds
        if on_progress is not None:
            on_progress(Progress(done_s, total_s and max(total_s, done_s)))

    return tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. parameters: all that decides its files, besides the copy, as plain data. facts:
    what of them is meant to change a byte. target: the name of its folder."""

    kind: str
    parameters: Mapping[str, Any]
    facts: Any
    target: str

    def identity(self, sha256: str) -> str:
        """One hash of the step and of the copy that it is made of."""
        text = json.dumps([self.kind, self.facts, sha256], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def of_findings(mains_hz: float | None, reference: str | None, sha256: str | None) -> Step:
    """reference: the path in the case of a recording of the mains, with its SHA-256."""
    finders = {
        each.name: {"revision": each.revision, "parameters": dict(each.parameters)}
        for each in findings.ALL
    }
    parameters = {
        "finders": finders,
        "mains_hz": mains_hz,
        "mains_reference": reference,
        "mains_reference_sha256": sha256,
    }
    facts = {**parameters, "listening": listening.REVISION}
    return Step(kind=FINDINGS, parameters=parameters, facts=facts, target=FINDINGS)


def of_pictures(document: str, sha256: str) -> Step:
    """document: the path in the case of the findings that are marked, with its SHA-256."""
    parameters = {"revision": pictures.REVISION, "findings": document, "findings_sha256": sha256}
    facts = {key: value for key, value in parameters.items() if key != "findings"}
    return Step(kind=PICTURES, parameters=parameters, facts=facts, target=PICTURES)


def of_voice(technique: Technique, name: str) -> Step:
    """name: the technique as part of a name of a folder."""
    facts = {**technique.identity(), "pictures": pictures.REVISION}
    return Step(
        kind=VOICE, parameters=technique.parameters(), facts=facts, target=f"{VOICE}-{name}"
    )


def make(
    kind: str,
    parameters: Mapping[str, Any],
    case: Path,
    copy: Path,
    into: Path,
    watch: Watch,
    execution: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Do a step: write its files into the folder `into`, and return what there is to log.

    case: the folder of the case, in which other files that the parameters name lie. execution: how
    a separation was computed, where it is repeated. Raises UnweaveError.
    """
    into.mkdir(parents=True)
    if kind == FINDINGS:
        return _findings(parameters, case, copy, into, watch)
    if kind == PICTURES:
        return _pictures(parameters, case, copy, into, watch)
    return _voice(parameters, copy, into, watch, execution or {})


def blocks(copy: Path, watch: Watch) -> Iterator[Wave]:
    """All samples of a recording, finite, in blocks `(channel, time)` of a second."""
    with Reader(copy) as reader:
        rate_hz = reader.info.sample_rate_hz
        for block in finite(reader.blocks(rate_hz)):
            watch.add(block.shape[1] / rate_hz)
            yield block


def _findings(
    parameters: Mapping[str, Any], case: Path, copy: Path, into: Path, watch: Watch
) -> dict[str, Any]:
    facts, info = _recording(copy, watch)
    reference = parameters["mains_reference"]
    recording = Recording(
        path=copy,
        info=info,
        blocks=lambda: blocks(copy, watch),
        mains_hz=parameters["mains_hz"],
        mains_reference=None if reference is None else case / reference,
    )
    found: list[Finding] = []
    used = []
    for finder in findings.ALL:
        new, failed = _by(finder, recording)
        found += new
        used.append(
            {
                "name": finder.name,
                "revision": finder.revision,
                "parameters": plain(finder.parameters),
                "kinds": [kind.name for kind in finder.kinds],
                "findings": len(new),
                "failed": failed,
            }
        )
    listed = [
        {"id": number, **plain(asdict(each)), "words": shown(each.words)}
        for number, each in enumerate(found, 1)
    ]
    document = {"recording": facts, "finders": used, "findings": listed}
    _write(into / DOCUMENT, json.dumps(document, indent=1, allow_nan=False) + "\n")
    places = listening.places(listed)
    _write(into / listening.TABLE, listening.table(places))
    _write(into / listening.SHEET, listening.sheet(places, facts["name"]))
    failures = [f"{each['name']}: {each['failed']}" for each in used if each["failed"]]
    return {"findings": len(found), "warnings": [*facts["warnings"], *failures]}


def _by(finder: Finder, recording: Recording) -> tuple[list[Finding], str | None]:
    """What one finder finds, or why it cannot say: the others go on."""
    try:
        return list(finder.find(recording)), None
    except Cancelled:
        raise
    except UnweaveError as error:
        return [], str(error).replace(str(recording.path), recording.path.name)
    except Exception as error:
        return [], f"unexpected {type(error).__name__}: {error}"


def _recording(copy: Path, watch: Watch) -> tuple[dict[str, Any], SourceInfo]:
    """What a recording is: its headers, and what decoding all of it gives."""
    digest = hashlib.sha256()
    with Reader(copy) as reader:
        info = reader.info
        samples = not_finite = 0
        for block in reader.blocks(info.sample_rate_hz):
            digest.update(np.ascontiguousarray(block.T, "<f4").tobytes())
            samples += block.shape[1]
            not_finite += int(np.count_nonzero(~np.isfinite(block)))
            watch.add(block.shape[1] / info.sample_rate_hz)
        warnings = [said.replace(str(copy), copy.name) for said in reader.warnings]
    if not_finite:
        warnings.append(f"{not_finite} samples are NaN or infinite and count as silence")
    facts = {
        "name": copy.name,
        "container": info.container,
        "codec": info.codec,
        "lossy": info.lossy,
        "bits": info.bits,
        "sample_rate_hz": info.sample_rate_hz,
        "channels": info.channels,
        "layout": info.layout,
        "bit_rate": info.bit_rate,
        "audio_streams": info.audio_streams,
        "samples": samples,
        "duration_s": round(samples / info.sample_rate_hz, 6),
        "samples_sha256": digest.hexdigest(),  # float32, little endian, channels side by side
        "tags": dict(info.tags),
        "warnings": warnings,
    }
    return facts, replace(info, path=copy)


def _pictures(
    parameters: Mapping[str, Any], case: Path, copy: Path, into: Path, watch: Watch
) -> dict[str, Any]:
    document = read(case / parameters["findings"])
    places = [(each.start_s, each.end_s) for each in listening.places(document["findings"])]
    with Reader(copy) as reader:
        info = reader.info
    pictures.make(info, lambda: blocks(copy, watch), places, into)
    return {}


def _voice(
    parameters: Mapping[str, Any],
    copy: Path,
    into: Path,
    watch: Watch,
    execution: Mapping[str, Any],
) -> dict[str, Any]:
    technique = voices.from_parameters(parameters, execution)
    done_s = 0.0

    def separating(progress: Progress) -> None:
        nonlocal done_s
        watch.tell(max(0.0, progress.done_s - done_s))
        done_s = progress.done_s

    def should_stop() -> bool:
        watch.check()
        return False

    with Reader(copy) as reader:
        rate_hz = reader.info.sample_rate_hz
    said = voices.make(
        technique,
        copy,
        into,
        on_progress=separating,
        on_block=lambda count: watch.add(count / rate_hz),
        should_stop=should_stop,
    )
    pictures.of_one(rate_hz, blocks(into / voices.VOICE, watch), into / pictures.SPECTROGRAM)
    return said


def read(document: Path) -> dict[str, Any]:
    """The findings that a step wrote. Raises InputError."""
    with readable(document):
        found: dict[str, Any] = json.loads(document.read_bytes())
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it: numbers of numpy as Python's, what is not finite as null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "backslashreplace"))
