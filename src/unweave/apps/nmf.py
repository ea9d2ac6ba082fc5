"""Learn dictionaries for NMF from examples: recordings of each stem alone, or a dataset's stems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.files import shown
from unweave.errors import Cancelled, InputError, UsageError
from unweave.types import Progress

if TYPE_CHECKING:
    from torch import Tensor

    from unweave.types import OnProgress, ShouldStop, Wave

TECHNIQUE = "nmf"


@dataclass(frozen=True, slots=True)
class Example:
    """One recording of one stem alone, read when it is wanted."""

    name: str
    duration_s: float
    sample_rate_hz: int
    read: Callable[[], Wave]


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned: the two files, and for each stem its spectra, recordings and seconds."""

    card: Path
    weights: Path
    sha256: str
    components: Mapping[str, int]
    recordings: Mapping[str, int]
    seconds: Mapping[str, float]


def learn(
    output: Path,
    examples: Sequence[str] = (),
    *,
    dataset: str | None = None,
    root: Path | None = None,
    split: str | None = None,
    title: str = "",
    licence: str = "",
    steps: int | None = None,
    options: Mapping[str, object] | None = None,
    on_start: Callable[[], None] = lambda: None,
    on_progress: OnProgress = lambda _: None,
    should_stop: ShouldStop = lambda: False,
) -> Learned:
    """Learn a dictionary for each stem; keep them as `output`, a `.toml`, and a file beside it.

    examples: `STEM=PATH`, a recording or a folder of them, as often as there are; or none, and a
    dataset with its root and split. steps: of tuning, as many as the technique likes if None.
    options: of the technique `nmf`. on_start: called when all that is given
    has proved to make sense. Raises UsageError, InputError,
    OutputError or Cancelled; then nothing is written.
    """
    from unweave import registry

    if output.suffix.lower() != ".toml":
        raise UsageError(f"{shown(output)}: the card of dictionaries must be a .toml file")
    if bool(examples) == bool(dataset or root):
        raise UsageError("give examples as STEM=PATH, or a dataset with --root: one of the two")
    if steps is not None and steps < 0:
        raise UsageError(f"steps must be a whole number, at least 0; got {steps}")
    model: Any = registry.technique(TECHNIQUE, options or {})
    if examples:
        found, source, terms = _from_files(examples), "recordings of the user", ""
    else:
        found, source, terms = _from_dataset(dataset, root, split)

    def check() -> None:
        if should_stop():
            raise Cancelled(f"{shown(output)}: stopped")

    def waves(some: list[Example]) -> Iterator[Tensor]:
        import torch

        for item in some:
            check()
            yield torch.from_numpy(item.read())

    def on_step(done: int, in_all: int) -> None:
        check()
        total_s = sum(seconds.values())
        on_progress(Progress(total_s * done / in_all, total_s))

    rate_hz = _one_rate(found)
    seconds = {stem: sum(item.duration_s for item in some) for stem, some in found.items()}
    on_start()
    how = {} if steps is None else {"steps": steps}
    learned = model.learn(
        {stem: waves(some) for stem, some in found.items()}, rate_hz, on_step=on_step, **how
    )
    card = replace(
        learned,
        title=title or f"Spectra of {', '.join(found)}",
        licence=licence or terms or "that of the recordings",
        training_data=source,
        origin={
            stem: {"seconds": round(seconds[stem], 3), "recordings": [item.name for item in some]}
            for stem, some in found.items()
        },
    )
    weights, sha256 = card.write(output)
    return Learned(
        card=output,
        weights=weights,
        sha256=sha256,
        components={stem: bases.shape[1] for stem, bases in card.bases.items()},
        recordings={stem: len(some) for stem, some in found.items()},
        seconds=seconds,
    )


def _from_files(examples: Sequence[str]) -> dict[str, list[Example]]:
    """Recordings by stem. Raises UsageError for other words, InputError for what cannot be read."""
    from unweave.audio.reader import Reader
    from unweave.jobs.inputs import expand

    found: dict[str, list[Example]] = {}
    for text in examples:
        stem, equals, path = text.partition("=")
        if not equals or not stem.strip() or not path:
            raise UsageError(
                f"examples are given as STEM=PATH, as in vocals=voice.wav; got {text!r}"
            )
        recordings, missed, _ = expand([path], Path())
        if missed:
            raise InputError(f"{shown(missed[0].path)}: {missed[0].reason}")
        for item in recordings:
            with Reader(item.path) as reader:
                info = reader.info
            example = Example(
                str(item.path), info.duration_s or 0.0, info.sample_rate_hz, _reading(item.path)
            )
            found.setdefault(stem.strip(), []).append(example)
    return found


def _reading(path: Path) -> Callable[[], Wave]:
    from unweave.audio.reader import decoded

    return lambda: decoded(path)[0].samples


def _from_dataset(
    dataset: str | None, root: Path | None, split: str | None
) -> tuple[dict[str, list[Example]], str, str]:
    """The stems of a dataset's tracks, what they are, and their licence."""
    from unweave import datasets

    name = dataset or datasets.guess(root or Path())
    tracks = datasets.load(name, root, split)
    found: dict[str, list[Example]] = {}
    for track in tracks:
        for stem in track.stems:
            found.setdefault(stem, []).append(
                Example(
                    track.name, track.duration_s, track.sample_rate_hz, partial(track.stem, stem)
                )
            )
    if not found:
        raise InputError(f"{shown(root or name)}: has no track with stems; check the split")
    about = datasets.describe(name).about
    return found, f"{name}, split {split or 'all'}", about.licence


def _one_rate(found: Mapping[str, list[Example]]) -> int:
    """The sample rate of all examples. Raises UsageError where there are several."""
    items = [item for some in found.values() for item in some]
    for item in items:
        if item.sample_rate_hz != items[0].sample_rate_hz:
            raise UsageError(
                f"{shown(item.name)}: has {item.sample_rate_hz} Hz and {shown(items[0].name)} "
                f"{items[0].sample_rate_hz} Hz; convert the examples to one sample rate"
            )
    return items[0].sample_rate_hz
