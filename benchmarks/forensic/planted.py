"""How often `unweave forensic` finds what was planted, and how often it finds what is not there.

    .venv/bin/python benchmarks/forensic/planted.py DATA [--edits 200] [--controls 200]
        [--half 0] [--results FILE] [--write]

Edits are planted into excerpts of real music, singing and speech from seeds: pieces are cut out,
put in and joined at zero crossings, levels are changed, and the whole is encoded by a lossy codec.
Controls are excerpts of the same recordings without an edit. Recordings are divided into two
halves, with seeds of their own: limits are set on one (`--half 0`), and the rates are those of the
other.

Nearly all music at hand was lossy before. So a third of the material is brought to another speed,
which leaves nothing of a codec's frames: it stands for recordings that never were lossy. A file
that says it is lossless and is not is an edit here only where it was made from such material;
a second lossy encoding is one that follows a first, with a codec, rate and place of its own. Of
MIR-1K it is not known whether it was lossy, so that traces in it are no false alarm.

An edit in time is found where a finding lies within 0.25 s of it. Results are kept case by case in
`--results`, and a run goes on with what is not there yet; a change of a finder begins anew.
`--write` writes the file of rates that the package ships and its report prints, and the table in
docs.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import io
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from unweave.apps.forensic.finding import Recording
from unweave.apps.forensic.findings import (
    backgrounds,
    breaks,
    container,
    lossy,
    mains,
    quantisation,
    repeats,
)
from unweave.audio.info import SourceInfo
from unweave.audio.reader import Reader

Wave = npt.NDArray[np.float32]

ROOT = Path(__file__).parents[2]
RATES = ROOT / "src/unweave/apps/forensic/findings/rates.json"
DOCS = ROOT / "docs/forensic-findings.md"
BEGIN, END = "<!-- planted: benchmarks/forensic/planted.py -->", "<!-- planted: end -->"
COMMAND = ".venv/bin/python benchmarks/forensic/planted.py data --write"
EXCERPT_S, LATEST_S = 6.5, 20.0
NEAR_S = 0.25
CODECS = {
    "mp3": ("libmp3lame", "mp3"),
    "aac": ("aac", "mp4"),
    "vorbis": (),
    "opus": ("libopus", "ogg"),
}
KBITS = 64, 96, 128, 160, 192, 256, 320
KBITS_LOW = 24, 32, 40, 48, 64, 80, 96  # at rates below 32 kHz
VORBIS_QUALITY = 0, 2, 4, 5, 6, 8, 9  # of these bit rates, as Xiph's own program has it
FADES_MS = 2, 5, 10, 20
LOCATED = ("frame-shift", "frame-gap", "scale-step", "gain-step", "waveform-break",
           "repeated-passage")  # fmt: skip
SECOND = "second-encoding"
ALARMS = (*LOCATED, SECOND, "lossy-traces")
EDITS = {
    "cut": "A piece cut out",
    "insertion": "A piece put in",
    "zero-crossing": "A cut at zero crossings",
    "cross-fade": "A piece cut out or put in under a cross-fade of 2 to 20 ms",
    "level-step": "A step of level, from one sample to the next",
    "level-ramp": "A step of level over 2 to 20 ms",
    "lossy-lossless": "Lossy encoding, saved as lossless",
    "lossy-lossy": "A second lossy encoding",
    "edit-encoded": "A piece cut out or put in, lossy encoding after it",
}
KINDS = {
    **dict.fromkeys(EDITS, LOCATED),
    "lossy-lossless": ("lossy-traces",),
    "lossy-lossy": (SECOND,),
}
WORTH = ("cut", "level-step", "zero-crossing", "insertion", "lossy-lossless", "cross-fade",
         "lossy-lossy", "cut", "level-step", "zero-crossing", "insertion", "lossy-lossless",
         "level-ramp", "edit-encoded")  # fmt: skip
FADED = "cross-fade", "level-ramp"
FINDERS = tuple(each.FINDER for each in (lossy, breaks, quantisation, repeats))
WHOLE = tuple(each.FINDER for each in (container, backgrounds, mains))  # of whole recordings
WHOLE_KINDS = "packet-gap", "background-step", "mains-phase-jump"
WHOLE_S, MOST_WHOLE = 60, 15  # of each recording, and recordings of each sort
MIXED = "cross-fade", "edit-encoded"  # either a cut or an insertion
SEEDS = 1, 20261130  # of the half that limits are set on, and of the other


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of material. share: of the cases. channel: the only one that is taken."""

    name: str
    share: float
    files: list[Path]
    channel: int | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--controls", type=int, default=200)
    parser.add_argument("--results", type=Path, default=Path("build/forensic/planted.jsonl"))
    parser.add_argument("--half", type=int, choices=(0, 1), help="this half only")
    parser.add_argument("--write", action="store_true", help="the rates, and the table in docs")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    results = known(given.results)
    sources = recordings(given.data)
    halves = (0, 1) if given.half is None else (given.half,)
    with given.results.open("a") as file:
        for case in cases(given.edits // 2, given.controls // 2, halves):
            if case not in results:
                results[case] = {**measured(case, sources), "finders": state()}
                print(json.dumps(results[case]), file=file, flush=True)
    for half in halves:
        print(f"Half {half}\n\n{table([e for e in results.values() if e['half'] == half])}")
    if given.write:
        write([each for each in results.values() if each["half"] == 1], sources)


def known(file: Path) -> dict[str, dict]:
    """Results by case, of the finders as they are now."""
    lines = file.read_text().splitlines() if file.exists() else []
    each = map(json.loads, lines)
    return {result["case"]: result for result in each if result["finders"] == state()}


@cache
def state() -> str:
    """A hash of the finders: of their parameters, and the revisions that tell of other findings."""
    used = [(each.name, each.revision, dict(each.parameters)) for each in FINDERS]
    return hashlib.sha256(json.dumps(used).encode()).hexdigest()[:16]


def cases(edits: int, controls: int, halves: tuple[int, ...]) -> Iterator[str]:
    """Edits and controls of each half by turns, so that a part of them is a fair part."""
    for n in range(max(edits, controls)):
        for half in halves:
            if n < edits:
                yield f"{half} {WORTH[n % len(WORTH)]} {n}"
            if n < controls:
                yield f"{half} control {n}"


def recordings(data: Path) -> list[Sort]:
    """The sorts of material. A recording is in one half only."""
    mir = sorted((data / "mir-1k").rglob("*.flac"))
    songs = sorted([*(data / "ultrastar").rglob("audio.*"), *(data / "songs").glob("*.ogg")])
    found = (
        Sort("music", 0.35, sorted((data / "musdb18-7s").rglob("*.mp4"))),
        Sort("music", 0.15, songs),
        Sort("karaoke", 0.2, mir),
        Sort("voice", 0.15, mir, channel=1),
        Sort("speech", 0.15, sorted((data / "speech").glob("*.ogg"))),
    )
    return [each for each in found if each.files]


def measured(case: str, sources: list[Sort]) -> dict[str, object]:
    """One case: what was planted where, and all that is found."""
    which, edit, number = case.split()
    half = int(which)
    rng = np.random.default_rng([SEEDS[half], int(number), edit == "control"])
    shares = np.array([each.share for each in sources])
    sort = sources[int(rng.choice(len(sources), p=shares / shares.sum()))]
    path, wave, info = drawn(sort, half, rng)
    born: bool | None = True if info.lossy else None  # whether it was lossy; None: not known
    if edit == "lossy-lossless" or (edit != "lossy-lossy" and rng.random() < 1 / 3):
        wave, born = elsewhere(wave, info.sample_rate_hz, rng), False
    rate = info.sample_rate_hz
    places: list[float] = []
    said: dict[str, object] = {}
    codec = ""
    if edit == "control":
        if born is False and rng.random() < 0.5:
            wave, rate, codec, said = encoded(wave, rate, rng)
    elif edit == "lossy-lossless":
        wave, rate, _, said = encoded(wave, rate, rng)
    elif edit == "lossy-lossy":
        if not born:
            wave, rate, _, first = encoded(elsewhere(wave, rate, rng), rate, rng)
            said["first"] = first
        wave = wave[:, int(rng.integers(1, 3000)) :]
        wave, rate, codec, second = encoded(rounded(wave), rate, rng)
        said.update(second)
    else:
        joint = edit if edit not in MIXED else str(rng.choice(["cut", "insertion"]))
        fade_ms = float(rng.choice(FADES_MS)) if edit in FADED else 0.0
        wave, places, said = edited(joint, rounded(wave), rate, rng, sort, half, fade_ms)
        if edit == "edit-encoded":
            wave, rate, codec, more = encoded(wave, rate, rng)
            said.update(more)
    found = [
        [each.kind, each.start_s, each.end_s, each.figure, each.limit]
        for each in findings(rounded(wave), rate, info, codec)
    ]  # fmt: skip
    return {"case": case, "edit": edit, "half": half, "sort": sort.name, "recording": path.stem,
            "born": born, "rate": rate, "codec": codec, "places": places, "said": said,
            "found": found}  # fmt: skip


def drawn(sort: Sort, half: int, rng: np.random.Generator) -> tuple[Path, Wave, SourceInfo]:
    """An excerpt of one recording of this half."""
    here = of_half(sort, half)
    path = here[int(rng.integers(len(here)))]
    wave, info = excerpt(path, rng)
    return path, wave if sort.channel is None else wave[sort.channel : sort.channel + 1], info


def of_half(sort: Sort, half: int) -> list[Path]:
    # The clips of one song of MIR-1K, singer_song_clip, are one recording.
    names = ["_".join(f.stem.split("_")[:2]) if f.suffix == ".flac" else str(f) for f in sort.files]
    order = {name: n for n, name in enumerate(dict.fromkeys(names))}
    return [f for name, f in zip(names, sort.files, strict=True) if order[name] % 2 == half]


def excerpt(path: Path, rng: np.random.Generator) -> tuple[Wave, SourceInfo]:
    """Some seconds from a place in the first half minute, in 16 bits."""
    with Reader(path) as reader:
        rate = reader.info.sample_rate_hz
        length_s = reader.info.duration_s or 0.0
        latest_s = max(0.0, min(LATEST_S, length_s - EXCERPT_S))
        first, parts, at = int(rng.uniform(0, latest_s) * rate), [], 0
        for block in reader.blocks(rate):
            if at + block.shape[1] > first:
                parts.append(block[:, max(0, first - at) :])
            at += block.shape[1]
            if at >= first + EXCERPT_S * rate:
                break
        wave = np.concatenate(parts, axis=1)[:, : round(EXCERPT_S * rate)]
        return rounded(wave), reader.info


def rounded(wave: Wave) -> Wave:
    return (np.clip(np.rint(wave * 32768), -32768, 32767) / 32768).astype(np.float32)


def elsewhere(wave: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """The same at another speed: no frame of a codec is as long as it was."""
    factor = float(rng.uniform(0.9, 0.98))
    return rounded(soxr.resample(wave.T, rate, rate * factor, quality="VHQ").T)


def encoded(
    wave: Wave, rate: int, rng: np.random.Generator
) -> tuple[Wave, int, str, dict[str, object]]:
    """After a codec and a bit rate that are drawn: samples, rate, codec, what was drawn."""
    step = int(rng.integers(len(KBITS)))
    kbits = (KBITS if rate >= 32_000 else KBITS_LOW)[step]
    name = str(rng.choice(list(CODECS)))
    if name == "vorbis":
        out = through_vorbis(wave, rate, 0.1 * VORBIS_QUALITY[step])
        return rounded(out), rate, name, {"codec": name, "kbits": kbits}
    if name == "opus" and rate != 48_000:
        wave, rate = soxr.resample(wave.T, rate, 48_000).T, 48_000
    layout = "mono" if len(wave) == 1 else "stereo"
    memory = io.BytesIO()
    planar = name != "opus"
    rows = np.ascontiguousarray(wave if planar else wave.T.reshape(1, -1), np.float32)
    encoder, container = CODECS[name]
    with av.open(memory, "w", format=container) as file:
        stream = file.add_stream(encoder, rate=rate, layout=layout)
        stream.bit_rate = 1000 * kbits
        frame = av.AudioFrame.from_ndarray(rows, "fltp" if planar else "flt", layout)
        frame.rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    memory.seek(0)
    with av.open(memory) as file:
        parts = [frame.to_ndarray() for frame in file.decode(audio=0)]
    out = np.concatenate(parts, axis=1).astype(np.float32)
    return rounded(out), rate, name, {"codec": name, "kbits": kbits}


def through_vorbis(wave: Wave, rate: int, quality: float) -> Wave:
    """After Xiph's encoder, which libsndfile has."""
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory, "w", rate, len(wave), format="OGG", subtype="VORBIS", compression_level=1 - quality
    ) as file:
        for at in range(0, wave.shape[1], rate):
            file.write(wave[:, at : at + rate].T)
    memory.seek(0)
    return soundfile.read(memory, dtype="float32", always_2d=True)[0].T


def edited(
    kind: str,
    wave: Wave,
    rate: int,
    rng: np.random.Generator,
    sort: Sort,
    half: int,
    fade_ms: float,
) -> tuple[Wave, list[float], dict[str, object]]:
    """The wave with one edit, where it was edited in seconds, and what was drawn."""
    length = wave.shape[1]
    at = int(rng.uniform(0.3, 0.6) * length)
    fade = int(fade_ms * rate / 1000)
    span = int(rng.uniform(0.05, 1.2) * rate)
    said: dict[str, object] = {"joint": kind, "fade_ms": fade_ms}
    if kind == "cut":
        return joined([wave[:, :at], wave[:, at + span :]], fade), [at / rate], said
    if kind == "zero-crossing":
        first, second = crossing(wave, at), crossing(wave, at + span)
        return joined([wave[:, :first], wave[:, second:]], 0), [first / rate], said
    if kind == "insertion":
        piece = wave[:, : int(0.25 * length)][:, -span:]
        if rng.random() < 0.5:
            _, other, info = drawn(sort, half, rng)
            if info.sample_rate_hz == rate and len(other) == len(wave):
                piece, said["joint"] = other[:, rate : rate + span], "insertion of another"
        out = joined([wave[:, :at], piece, wave[:, at:]], fade)
        return out, [at / rate, (at + piece.shape[1] - fade) / rate], said
    if said.setdefault("of_whole_numbers", bool(rng.random() < 0.5)) is False:
        # As if the level was changed before the samples were rounded for the first time.
        wave = wave + (rng.random(wave.shape, np.float32) - np.float32(0.5)) / 32768
    gain_db = float(rng.uniform(1, 12) * rng.choice([-1, 1]))
    peak = float(np.abs(wave).max())
    if gain_db > 0 and peak * 10 ** (gain_db / 20) > 1:
        gain_db = -gain_db
    end = length if rng.random() < 0.5 else at + int(rng.uniform(1, 2) * rate)
    ramp = np.interp(np.arange(length), [at - fade / 2 - 0.5, at + fade / 2 + 0.5], [0, 1])
    ramp *= np.interp(np.arange(length), [end - fade / 2 - 0.5, end + fade / 2 + 0.5], [1, 0])
    changed = rounded(wave * 10 ** (gain_db / 20 * ramp).astype(np.float32))
    places = [at / rate] + ([end / rate] if end < length else [])
    return changed, places, {**said, "gain_db": round(gain_db, 1)}


def joined(parts: list[Wave], fade: int) -> Wave:
    out = parts[0]
    for part in parts[1:]:
        if fade == 0:
            out = np.concatenate([out, part], axis=1)
            continue
        up = np.linspace(0, 1, fade, dtype=np.float32)
        over = out[:, -fade:] * (1 - up) + part[:, :fade] * up
        out = np.concatenate([out[:, :-fade], over, part[:, fade:]], axis=1)
    return out


def crossing(wave: Wave, near: int) -> int:
    """The next sample at which the mean of the channels rises through zero."""
    mean = wave[:, near:].mean(axis=0)
    rising = np.flatnonzero((mean[:-1] < 0) & (mean[1:] >= 0))
    return near + (int(rising[0]) + 1 if rising.size else 0)


def findings(wave: Wave, rate: int, info: SourceInfo, codec: str) -> Iterator[object]:
    """All that the finders of edits and of lossy encoding give."""
    info = replace(
        info, sample_rate_hz=rate, channels=len(wave), codec=codec or "pcm_s16le",
        lossy=bool(codec), bits=None if codec else 16, is_float=False,
    )  # fmt: skip

    def blocks() -> Iterator[Wave]:
        for at in range(0, wave.shape[1], rate):
            yield wave[:, at : at + rate]

    recording = Recording(path=info.path, info=info, blocks=blocks)
    for finder in FINDERS:
        yield from finder.find(recording)


def is_found(result: dict) -> bool:
    kinds = KINDS[result["edit"]]
    for kind, start_s, end_s, *_ in result["found"]:
        if kind not in kinds:
            continue
        if not result["places"]:
            return True
        if any(start_s - NEAR_S <= place <= end_s + NEAR_S for place in result["places"]):
            return True
    return False


def alarms(result: dict) -> set[str]:
    """Kinds of findings in a control that tell of an edit, or of lossy sound, where none is."""
    kinds = {each[0] for each in result["found"]}
    return kinds & {kind for kind in ALARMS if is_judged(kind, result)}


def is_judged(kind: str, control: dict) -> bool:
    """Whether it is known that a control has nothing of this kind."""
    return kind in LOCATED or control["born"] is False or (kind == SECOND and control["born"])


def table(results: list[dict]) -> str:
    """Rates by what was planted. With frames: of recordings that a lossy codec left its frames in
    before the edit; without: of those that hold none, or none that are known."""
    controls = [each for each in results if each["edit"] == "control"]
    rows = ["| planted | files | found | of those with frames | without |", "|---|---|---|---|---|"]
    for edit, title in EDITS.items():
        here = [each for each in results if each["edit"] == edit]
        parts = (here, [e for e in here if e["born"]], [e for e in here if not e["born"]])
        shares = " | ".join(share(sum(map(is_found, part)), len(part)) for part in parts)
        rows.append(f"| {title} | {len(here)} | {shares} |")
    parts = (controls, [e for e in controls if e["born"]], [e for e in controls if not e["born"]])
    shares = " | ".join(share(sum(bool(alarms(e)) for e in part), len(part)) for part in parts)
    rows.append(f"| nothing: files with a false alarm | {len(controls)} | {shares} |")
    kinds = Counter(kind for each in controls for kind in alarms(each))
    said = ", ".join(f"`{kind}` in {count}" for kind, count in kinds.most_common()) or "none"
    return "\n".join(rows) + f"\n\nFalse alarms by kind: {said}.\n"


def share(part: int, whole: int) -> str:
    return f"{part} of {whole}: {100 * part / whole:.0f} %" if whole else "-"


def untouched(sources: list[Sort], half: int) -> dict[str, dict[str, int]]:
    """Rates of the finders that take whole recordings, on recordings as they are."""
    files = [
        f for sort in sources if sort.channel is None for f in of_half(sort, half)[:MOST_WHOLE]
    ]
    alarms: Counter[str] = Counter()
    for path in files:
        with Reader(path) as reader:
            rate = reader.info.sample_rate_hz
            parts = list(islice(reader.blocks(rate), WHOLE_S))
            recording = Recording(path=path, info=reader.info, blocks=lambda p=parts: iter(p))
        alarms.update({each.kind for finder in WHOLE for each in finder.find(recording)})
    return {kind: {"controls": len(files), "false_alarms": alarms[kind]} for kind in WHOLE_KINDS}


def write(results: list[dict], sources: list[Sort]) -> None:
    """The file of rates that the package ships, and the table in docs."""
    edits = [each for each in results if each["edit"] != "control"]
    controls = [each for each in results if each["edit"] == "control"]
    git = ["git", "-C", str(ROOT), "rev-parse", "--short=10", "HEAD"]
    commit = subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
    planted = {}
    for edit, title in EDITS.items():
        here = [each for each in edits if each["edit"] == edit]
        found = sum(map(is_found, here))
        kinds = list(KINDS[edit])
        planted[edit] = {"title": title, "planted": len(here), "found": found, "kinds": kinds}
    judged = {kind: [e for e in controls if is_judged(kind, e)] for kind in ALARMS}
    document = {
        "measured": {
            "material": f"{EXCERPT_S} s each of music, of singing with and without "
            "accompaniment, and of read speech",
            "files": len(edits),
            "controls": len(controls),
            "false_alarms": sum(bool(alarms(each)) for each in controls),
            "command": COMMAND,
            "commit": commit,
            "date": datetime.date.today().isoformat(),
        },
        "edits": planted,
        "kinds": {
            kind: {
                "controls": len(here),
                "false_alarms": sum(kind in alarms(each) for each in here),
            }
            for kind, here in judged.items()
        }
        | untouched(sources, 1),
    }
    RATES.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    page = DOCS.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    DOCS.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
