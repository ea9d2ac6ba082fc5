"""What a careful reader must know: cautions, what was run, silence, warnings, what is missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from statistics import median

from unweave.evaluation import common, sisec
from unweave.evaluation.common import counted
from unweave.evaluation.report.comparison import Comparison
from unweave.evaluation.report.document import Block, Facts, Items, Text
from unweave.evaluation.report.tables import grouped
from unweave.evaluation.scores import MIR_1K, TrackScores
from unweave.evaluation.table import SEEN, SEEN_NOTE, Column, Row, Table

PROTOCOLS = {
    "bss-eval-v4": "BSS Eval v4 as museval computes it",
    MIR_1K: "MIR-1K: BSS Eval v3 sources on voice and music, NSDR over the mixture",
}
_FEW_TRACKS = 10


def facts(comparison: Comparison) -> Facts:
    """The head of a comparison: what was scored, how, how much of it."""
    lengths = comparison.lengths_s
    first = comparison.own[0] if comparison.own else None
    windows = ""
    if first is not None and not comparison.is_mir1k:
        windows = f", windows of {first.window_s:g} s every {first.hop_s:g} s"
    count = Counter(system.kind for system in comparison.systems if not system.published)
    systems = [counted(count[kind], kind) for kind in ("separator", "oracle") if count[kind]]
    systems += [f"{count[SEEN]} {SEEN_NOTE}"] if count[SEEN] else []
    systems += ["the mixture"] if count["mixture"] else []
    published = sum(system.published for system in comparison.systems)
    systems += [f"{published - 1} of SiSEC 2018 and its mixture"] if published else []
    sound = f", {duration(sum(lengths.values()))} of sound" if lengths else ""
    return Facts(
        (
            ("Dataset", comparison.dataset or "not named in the scores"),
            ("Split", comparison.split or "not named in the scores"),
            ("Tracks", f"{len(comparison.tracks)}{sound}"),
            ("Systems", ", ".join(systems)),
            ("Protocol", PROTOCOLS.get(comparison.protocol, comparison.protocol) + windows),
            ("Samples", _samples(comparison)),
        )
    )


def _samples(comparison: Comparison) -> str:
    """Whether references and estimates were rounded, and what the references came from."""
    codecs = sorted({codec for item in comparison.own for codec in item.lossy_references})
    source = f"references decoded from {', '.join(codecs)}" if codecs else ""
    if comparison.rounded_to_bits is None:
        return f"as they are; {source}" if source else "as they are"
    how = f"references and estimates rounded to {comparison.rounded_to_bits} bits, as in SiSEC 2018"
    return f"{how}; {source}" if source else how


def cautions(comparison: Comparison) -> list[Block]:
    """What limits the comparison, before any score."""
    words = []
    if comparison.excerpts and comparison.dataset.startswith("musdb18"):
        words.append(
            f"These are excerpts of {median(comparison.lengths_s.values()):.1f} s (median), not "
            "whole songs: the scores cannot be compared directly with SiSEC 2018's or papers'."
        )
    elif comparison.dataset.startswith("musdb18") and not comparison.on_sisec_songs:
        words.append(
            "These are not the test songs of MUSDB18: the scores cannot be compared directly with "
            "SiSEC 2018's or with papers'."
        )
    if comparison.rounded_to_bits is None and any(item.lossy_references for item in comparison.own):
        words.append(
            "The references were decoded from a lossy codec and not rounded to 16 bits: their SIR, "
            "ISR and SAR cannot be compared with scores published elsewhere."
        )
    if any(item.is_foreign for item in comparison.own):
        names = sorted({item.separator for item in comparison.own if item.is_foreign})
        words.append(
            f"{', '.join(names)}: scored by museval, whose files do not say how samples were "
            "rounded."
        )
    if comparison.split == "train":
        words.append("Split train: separators may have learned from these very tracks.")
    if comparison.on_sisec_songs and len(comparison.tracks) < len(sisec.campaign().tracks):
        words.append(
            f"SiSEC 2018's systems are shown on the same {len(comparison.tracks)} of its 50 tracks,"
            " so that their scores are not the published ones."
        )
    if comparison.dataset == MIR_1K and comparison.split == "test-public":
        words.append("test-public is a part of the test split: published scores are on all of it.")
    if 0 < len(comparison.tracks) < _FEW_TRACKS:
        words.append(f"{counted(len(comparison.tracks), 'track')}: averages and tests say little.")
    words += common.cautions(comparison.common)
    words += _mixed_interference(comparison)
    return [Text(word, caution=True) for word in words]


def _mixed_interference(comparison: Comparison) -> list[str]:
    """SIR and SAR depend on which other stems were scored; say where systems differ in that."""
    found = []
    for stem in comparison.stems:
        ways: dict[tuple[str, ...], set[str]] = {}
        for item in comparison.own:
            if stem in item.scored_with:
                ways.setdefault(tuple(sorted(item.scored_with[stem])), set()).add(item.separator)
        if len(ways) > 1:
            each = "; ".join(
                f"{', '.join(sorted(labels))} {_beside(stem, names)}"
                for names, labels in sorted(ways.items())
            )
            found.append(
                f"{stem} was scored beside different stems ({each}): SIR and SAR cannot be "
                "compared between these, SDR and ISR can."
            )
    return found


def _beside(stem: str, names: Iterable[str]) -> str:
    """`beside bass, drums`, or `alone`."""
    others = ", ".join(name for name in names if name != stem)
    return f"beside {others}" if others else "alone"


def details(comparison: Comparison) -> list[Block]:
    """What was run, where there are frames without a score, and all warnings."""
    run: list[Block] = [*what_was_run(comparison), *made_with(comparison)]
    return [*run, *silence(comparison), remarks(comparison)]


def what_was_run(comparison: Comparison) -> list[Table]:
    """Names, options and weights of our own systems."""
    facts = {}
    for system in comparison.systems:
        items = comparison.own_of(system)
        if not items or all(item.is_foreign for item in items):
            continue
        first = items[0]
        weights = {item.weights_sha256[:12] for item in items if item.weights_sha256}
        facts[system] = {
            "Name": first.name if first.name != system.label else "",
            "Made by": _source(items),
            "Options": _listed(f"{name} = {value}" for name, value in first.options.items()),
            "Files of options, SHA-256": _listed(
                f"{name} {digest[:12]}" for name, digest in first.files.items()
            ),
            "Weights, SHA-256": _listed(sorted(weights)),
            "Stems scored under other names": _listed(
                f"{ours} as {stem}" for ours, stem in first.mapping.items()
            ),
            "Scored by unweave": _listed(sorted({i.software for i in items if i.software})),
        }
    heads = {head: None for found in facts.values() for head, words in found.items() if words}
    if not heads:
        return []
    return [
        Table(
            title="What was run",
            aggregation="as the scores say; the hash by its first 12 digits",
            columns=tuple(Column(head, text=True) for head in heads),
            rows=grouped(
                Row(system.label, tuple(found[head] or None for head in heads), system.kind)
                for system, found in facts.items()
            ),
        )
    ]


def _source(items: list[TrackScores]) -> str:
    """The import path of a separator, or the folder of estimates with how many files of it."""
    sources = _listed(sorted({item.source for item in items if item.source}))
    files = sum(len(item.estimates) for item in items)
    return f"{counted(files, 'file')} in {sources or 'a folder'}" if files else sources


def made_with(comparison: Comparison) -> list[Text]:
    """The versions and machines that the scores were made with, each once."""
    ways = {tuple(item.environment.items()) for item in comparison.own if item.environment}
    found = [", ".join(f"{name} {value}" for name, value in way) for way in sorted(ways)]
    return [Text(f"Made with {'; or with '.join(found)}.")] if found else []


def silence(comparison: Comparison) -> list[Table]:
    """Frames without a score because the reference or the estimate is silent in them."""
    own = comparison.own
    stems = [stem for stem in comparison.stems if any(stem in item.targets for item in own)]
    rows = []
    for system in comparison.systems:
        items = comparison.own_of(system)
        if any(item.silent_frames for item in items):
            cells = tuple(_silent(comparison, items, stem) for stem in stems)
            rows.append(Row(system.label, cells, system.kind))
    if not rows:
        return []
    different = [{row.values[n] for row in rows} - {None} for n in range(len(stems))]
    if all(len(cells) <= 1 for cells in different):
        alike = tuple(next(iter(cells), None) for cells in different)
        rows = [Row("All systems that give it", alike)]
    return [
        Table(
            title="Silent frames",
            aggregation="sum over tracks: frames without a score, as a stem is silent, of all",
            columns=tuple(map(Column, stems)),
            rows=grouped(rows),
        )
    ]


def _silent(comparison: Comparison, items: list[TrackScores], stem: str) -> str | None:
    frames = sum(comparison.frames.get((item.separator, item.track, stem), 0) for item in items)
    silent = sum(item.silent_frames.get(stem, 0) for item in items)
    return f"{silent} of {frames}" if frames else None


def remarks(comparison: Comparison) -> Block:
    """Warnings and what has no score: each once, with its tracks and whom it concerns."""
    found: dict[str, dict[str, int]] = {}
    for item in comparison.own:
        for words in _said(item):
            labels = found.setdefault(words, {})
            labels[item.separator] = labels.get(item.separator, 0) + 1
    if not found:
        return Text("No warnings.")
    everybody = {item.separator for item in comparison.own}
    lines = []
    for words, labels in sorted(found.items()):
        for count in sorted(set(labels.values()), reverse=True):
            whom = [label for label in sorted(labels) if labels[label] == count]
            names = "all systems" if set(whom) == everybody else ", ".join(whom)
            lines.append(f"{words}: {counted(count, 'track')}, {names}")
    return Items(tuple(lines))


def _said(item: TrackScores) -> list[str]:
    words = list(item.warnings)
    if item.missing:
        words.append(f"No estimate of {', '.join(item.missing)}")
    if item.unscored:
        words.append(f"No reference for {', '.join(item.unscored)}")
    for stem, values in item.targets.items():
        if not any(math.isfinite(value) for value in values["SDR"]):
            words.append(f"No frame of {stem} has a score")
    return words


def duration(seconds: float) -> str:
    """`3 h 28 min`, `10 min 58 s` or `7 s`."""
    whole = round(seconds)
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{left} s"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
