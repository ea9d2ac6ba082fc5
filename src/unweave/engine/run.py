"""`separate_file`: where sound comes in from one file and leaves into one file per stem.

One decode, one pass, nothing on disk but the stems themselves, under hidden temporary names until
all of them are complete. Only integer stems that would clip take a second pass, with one gain for
all, because the peak is known at the end of the first.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave.core.errors import Cancelled, InputError, UsageError
from unweave.core.types import OnProgress, Progress, Separator, ShouldStop, Wave
from unweave.engine import report, resources, wrap
from unweave.engine.measure import Faults, StemMeter
from unweave.io import tags
from unweave.io.reader import Reader, SourceInfo
from unweave.io.writer import Encoding, Writer, encoding

BLOCK_S = 1.0  # decoded and handed on at once


@dataclass(frozen=True, slots=True)
class Pass:
    """What one run through the recording found out."""

    meter: StemMeter
    warnings: tuple[str, ...]
    samples: int
    seconds: float


def separate_file(
    source: Path,
    outputs: Mapping[str, Path],
    report_path: Path,
    separator: Separator,
    *,
    format: str = "wav",
    bit_depth: int | None = None,
    device: str = "auto",
    batch: int | None = None,
    max_memory_mb: int | None = None,
    seed: int = 0,
    load_s: float = 0.0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> dict[str, object]:
    """Separate one recording into files and write its report beside them.

    outputs: stem name (or `residual`, where the separator's stems do not sum to the mix) to file;
    stems that are not named are not written. All files appear together when all are complete.
    Returns the report. Raises InputError, OutputError, UsageError, MemoryLimitError, or Cancelled
    when `should_stop` says so; then nothing is left under the final names.
    """
    started = time.perf_counter()
    spec = separator.spec
    names = all_stems(separator)
    unknown = [stem for stem in outputs if stem not in names]
    if unknown or not outputs:
        raise UsageError(f"{spec.name} gives {', '.join(names)}; asked for {', '.join(unknown)}")
    device = resources.choose_device(device)
    notes: list[str] = []
    with Reader(source) as reader:
        info = reader.info
    target = encoding(format, bit_depth, info.sample_rate_hz, info.channels)
    rows = wrap.rows_for(spec, info.channels, info.channel_names)
    batch = resources.choose_batch(
        spec,
        device,
        wanted=batch,
        rows=len(rows.groups),
        length=info.frames,
        sample_rate_hz=info.sample_rate_hz,
        limit_mb=max_memory_mb,
    )
    separator = separator.to(device)

    def run(gain: float) -> tuple[Pass, dict[str, Writer]]:
        with ExitStack() as undo:
            writers = {}
            for stem, path in outputs.items():
                writers[stem] = _writer(path, target, info, stem)
                undo.callback(writers[stem].discard)
            found = _pass(
                source,
                separator,
                rows,
                writers,
                names,
                gain=gain,
                peak_limit=1.0 if target.integer else np.inf,
                device=device,
                batch=batch,
                warn=notes.append,
                on_progress=on_progress,
                should_stop=should_stop,
            )
            undo.pop_all()
        return found, writers

    found, writers = run(1.0)
    gain, passes = 1.0, 1
    peak = max(found.meter.peak[names.index(stem)] for stem in outputs)
    if target.integer and peak > 1.0:
        for writer in writers.values():
            writer.discard()
        # A hair below full scale, so that rounding cannot reach what clips.
        gain, passes = (1.0 - 2.0**-15) / peak, 2
        notes.append(
            f"a stem peaks {20 * np.log10(peak):.2f} dB above full scale: "
            f"all stems are {-20 * np.log10(gain):.2f} dB quieter (--bit-depth 32 keeps the level)"
        )
        found, writers = run(gain)
    with ExitStack() as undo:
        for writer in writers.values():
            undo.callback(writer.discard)
        for writer in writers.values():
            writer.close()
        document = report.build(
            source=source,
            info=info,
            samples=found.samples,
            spec=spec,
            target=target,
            outputs=outputs,
            finished={stem: writer.temporary for stem, writer in writers.items()},
            report_path=report_path,
            names=names,
            meter=found.meter,
            gain=gain,
            channels=rows.text,
            warnings=[*found.warnings, *notes],
            device=device,
            batch=batch,
            seed=seed,
            passes=passes,
            load_s=load_s,
            separate_s=found.seconds,
            started=started,
        )
        for writer in writers.values():
            writer.commit()
        undo.pop_all()
    report.write(document, report_path)
    return document


def all_stems(separator: Separator) -> tuple[str, ...]:
    """The names of what the engine makes of a mix: the stems, and the residual if any is left."""
    spec = separator.spec
    return spec.stems if spec.additive and spec.rest else (*spec.stems, wrap.RESIDUAL)


def _writer(path: Path, target: Encoding, info: SourceInfo, stem: str) -> Writer:
    return Writer(
        path,
        target,
        info.sample_rate_hz,
        info.channels,
        layout=info.layout,
        tags=tags.for_stem(info.tags, stem),
        cover=info.cover,
    )


def _pass(
    source: Path,
    separator: Separator,
    rows: wrap.Rows,
    writers: Mapping[str, Writer],
    names: Sequence[str],
    *,
    gain: float,
    peak_limit: float,
    device: str,
    batch: int,
    warn: wrap.Callable[[str], None],
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> Pass:
    """Decode, separate, measure and write once. Past `peak_limit` it measures and writes no more."""
    started = time.perf_counter()
    with Reader(source) as reader, ThreadPoolExecutor(len(writers) + 1) as pool:
        info = reader.info
        rate = info.sample_rate_hz
        faults = Faults(rate)
        meter = StemMeter(names, rate, info.channels, info.channel_names)

        def blocks() -> Iterator[Wave]:
            for block in reader.blocks(max(1, round(BLOCK_S * rate))):
                if should_stop is not None and should_stop():
                    raise Cancelled(f"{source}: stopped")
                yield faults.clean(block)

        done = 0
        for mix, stems in wrap.separate_blocks(
            separator, blocks(), rate, rows, device=device, batch=batch, warn=warn
        ):
            jobs = [pool.submit(meter.push, mix, stems)]
            if max(meter.peak) * gain <= peak_limit:
                for stem, writer in writers.items():
                    wave = stems[names.index(stem)]
                    scaled = wave if gain == 1.0 else wave * np.float32(gain)
                    jobs.append(pool.submit(writer.write, scaled))
            for job in jobs:
                job.result()
            done += mix.shape[-1]
            if on_progress is not None:
                on_progress(Progress(done / rate, info.duration_s))
        if not done:
            raise InputError(f"{source}: holds no sound")
        warnings = (*reader.warnings, *faults.warnings())
    return Pass(meter, warnings, done, time.perf_counter() - started)
