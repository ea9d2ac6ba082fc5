"""`separate_file`: where sound comes in from one file and leaves into one file per stem.

One decode, one pass, nothing on disk but the stems themselves, under hidden temporary names until
all of them are complete. Only integer stems that would clip take a second pass, with one gain for
all, because the peak is known at the end of the first.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from unweave.audio import tags
from unweave.audio.writer import Writer, encoding
from unweave.core import journal
from unweave.core.atomic import Hidden
from unweave.core.files import advice, shown
from unweave.core.stem_names import RESIDUAL
from unweave.engine import executor as executors
from unweave.engine import report, resources, wrap
from unweave.engine.adapters.passes import Passes
from unweave.engine.ahead import Decoding
from unweave.engine.compose import AnySeparator
from unweave.engine.counted import Counted
from unweave.engine.executor import Executor
from unweave.engine.inference import run_with
from unweave.engine.limits import enough_memory
from unweave.engine.measure import FULL_SCALE, UNCLIPPED, Pass, SampleSanitizer, StemMeter
from unweave.engine.source import Watched
from unweave.engine.wrap import Work
from unweave.errors import InputError, InTheWayError, OutputError, UsageError
from unweave.request import Execution, Inference, SeparationRequest
from unweave.types import Block, OnBlock, OnProgress, Progress, ShouldStop, Wave


@enough_memory()
def separate_file(
    source: Path,
    outputs: Mapping[str, Path],
    report_path: Path,
    load: Callable[[], AnySeparator],
    request: SeparationRequest,
    *,
    replace: bool = False,
    own: Mapping[Path, str] | None = None,
    before_names: Callable[[], None] | None = None,
    on_progress: OnProgress | None = None,
    on_block: OnBlock | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
) -> dict[str, object]:
    """Separate one recording into files and write its report beside them.

    outputs: name, one of the spec's `outputs`, to file; what is not named is not written. load:
    gives the separator that the request names; it is called when the recording is known to be
    readable and is being decoded, unless the executor has it. executor: what it shares with others
    at work; None: `executor.shared()`.

    All files appear together when all are complete; files of those names are replaced where
    `replace` says so, or where they hold what `own` says, each with its SHA-256; else they are an
    error. before_names: called when all is complete, before the first file gets its name; it makes
    room for the report. on_block: gets the stems of `outputs` as they are finished, once, before
    the gain that integer files may share; the separation goes on when it returns. Returns the
    report. Raises InputError, OutputError, UsageError, MemoryLimitError, or Cancelled when
    `should_stop` or the executor says so; then nothing is left under the final names.
    """
    started = time.perf_counter()
    watched = Watched(source)
    notes: list[str] = []
    region, execution = request.output.region, request.execution
    executor = executor or executors.shared()
    check = partial(executor.check, shown(source), should_stop)
    with ExitStack() as held:
        with Decoding(source, region) as decoding:
            info = decoding.info
            target = encoding(
                request.output.format, request.output.bit_depth, info.sample_rate_hz, info.channels
            )
            placed = tags.of_part(info.tags, region.samples(info.sample_rate_hz)[0])
            loaded = held.enter_context(
                executor.loaded(request.separator, load, execution, request.needed)
            )
            separator = run_with(loaded, request.inference, request.taken)
            _check_stems(outputs, separator)
            work = held.enter_context(
                _at_work(
                    separator,
                    info.channels,
                    info.channel_names,
                    info.most_frames,
                    info.sample_rate_hz,
                    execution,
                    executor,
                    should_stop,
                )
            )
            loaded_s = time.perf_counter() - started

            def fewer(batch: int) -> None:
                nonlocal work
                work = dataclasses.replace(work, share=resources.Share(batch))

            def run(
                decoding: Decoding, gain: float, peak_limit: float, on_block: OnBlock | None
            ) -> tuple[Pass, dict[str, Writer]]:
                with ExitStack() as undo:
                    writers = {}
                    for stem, path in outputs.items():
                        said = tags.for_stem(placed, stem)
                        writers[stem] = Writer.made_of(info, path, target, said)
                        undo.callback(writers[stem].discard)
                    found = _pass(
                        decoding,
                        separator,
                        work,
                        writers,
                        gain,
                        peak_limit,
                        notes.append,
                        fewer,
                        on_progress,
                        on_block,
                        check,
                    )
                    undo.pop_all()
                return found, writers

            gain, passes = 1.0, 1
            peak_limit = FULL_SCALE if target.integer else np.inf
            found, writers = run(decoding, gain, peak_limit, on_block)
        if found.peak > peak_limit:
            for writer in writers.values():
                writer.discard()
            gain, passes = UNCLIPPED / found.peak, 2
            notes.append(
                f"a stem peaks {20 * np.log10(found.peak):.2f} dB above full scale: "
                f"all stems are {-20 * np.log10(gain):.2f} dB quieter (32 bits keep the level)"
            )
            with Decoding(source, region) as decoding:
                found, writers = run(decoding, gain, np.inf, None)
            if found.peak * gain > peak_limit:
                notes.append("the separator gave other stems the second time: a stem clips")
    with ExitStack() as undo:
        for writer in writers.values():
            undo.callback(writer.discard)
        # Closing waits for the disk and hashing leaves Python's lock alone: all side by side.
        with ThreadPoolExecutor() as pool:
            recording = pool.submit(watched.hashed)
            finished = partial(_finished, samples=found.samples)
            hidden = [writer.hidden for writer in writers.values()]
            digests = dict(zip(hidden, pool.map(finished, writers.values()), strict=True))
        document = report.build(
            source=recording.result(),
            info=info,
            spec=separator.spec,
            partial=request.inference.complement is None
            and len(separator.spec.stems) < len(loaded.spec.stems),
            request=request,
            target=target,
            writers=writers,
            digests=digests,
            report_path=report_path,
            found=found,
            work=work,
            gain=gain,
            notes=notes,
            passes=passes,
            in_turn=isinstance(loaded, Passes),
            load_s=loaded_s,
            started=started,
        )
        _publish(document, report_path, digests, replace, own or {}, before_names)
    return document


@enough_memory()
def separate_array(
    separator: AnySeparator,
    mix: Wave,
    sample_rate_hz: int,
    *,
    channel_names: Sequence[str] = (),
    inference: Inference = Inference(),
    stems: Sequence[str] = (),
    execution: Execution = Execution(),
    warn: Callable[[str], None],
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    executor: Executor | None = None,
) -> dict[str, Wave]:
    """All stems of a mix `(channel, time)` in memory by name, and the residual where there is one.

    The mix stays as it is; samples that are not finite count as silence. stems: those that are
    needed, all where none are named; of a bag or an ensemble others may lack. executor: what it
    shares with others at work; None: `executor.shared()`. Raises UsageError, MemoryLimitError, or
    Cancelled when `should_stop` or the executor says so.
    """
    channels, length = mix.shape
    separator = run_with(separator, inference, stems)
    executor = executor or executors.shared()
    clean = SampleSanitizer(sample_rate_hz).clean

    def blocks() -> Iterator[Wave]:
        for at in range(0, length, sample_rate_hz):
            yield clean(mix[:, at : at + sample_rate_hz])

    names = separator.spec.outputs
    out = np.empty((len(names), channels, length), np.float32)
    done = 0
    with _at_work(
        separator,
        channels,
        channel_names,
        length,
        sample_rate_hz,
        execution,
        executor,
        should_stop,
    ) as work:
        for _, found in wrap.separate_blocks(
            separator.to(work.device),
            blocks(),
            sample_rate_hz,
            work.groups,
            device=work.device,
            batch=work.share.batch,
            warn=warn,
            again=blocks,
            workers=work.workers,
        ):
            executor.check(separator.spec.name, should_stop)
            out[..., done : done + found.shape[-1]] = found
            done += found.shape[-1]
            if on_progress is not None:
                on_progress(Progress(done / sample_rate_hz, length / sample_rate_hz))
    return dict(zip(names, out, strict=True))


def _finished(writer: Writer, samples: int) -> str:
    """Finish the file of a stem; its SHA-256. Raises OutputError where it is not complete."""
    writer.close()
    if writer.samples != samples:
        raise OutputError(
            f"{shown(writer.path)}: would hold {writer.samples} of {samples} samples, so nothing "
            "is kept; this is a fault of unweave, please report it"
        )
    return writer.hidden.sha256()


def _publish(
    document: Mapping[str, object],
    report_path: Path,
    digests: Mapping[Hidden, str],
    replace: bool,
    own: Mapping[Path, str],
    before_names: Callable[[], None] | None,
) -> None:
    """Give the stems and their report their names. Raises OutputError."""
    for hidden in digests:
        if not hidden.path.exists():
            raise OutputError(
                f"{shown(hidden.target.parent)}: was moved or emptied during the run, and the "
                "stems are lost; leave the folder alone and separate again"
            )
    page = None
    try:
        page = Hidden(report_path)
        page.file.write(report.as_bytes(document))
        page.finish()
        journal.commit(digests, page, replace=replace, own=own, before_names=before_names)
    except OSError as error:
        path = getattr(error, "filename", None) or report_path
        if isinstance(error, FileExistsError) and any(path == str(h.target) for h in digests):
            raise InTheWayError(f"{shown(path)}: appeared during the run") from error
        raise OutputError(f"{shown(path)}: cannot be written: {advice(error)}") from error
    finally:
        if page is not None:
            page.discard()


def _check_stems(asked: Iterable[str], separator: AnySeparator) -> None:
    names = separator.spec.outputs
    unknown = [stem for stem in asked if stem not in names]
    if unknown or not asked:
        raise UsageError(
            f"{separator.spec.name} gives {', '.join(names)}; asked for {', '.join(unknown)}"
        )


@contextmanager
def _at_work(
    separator: AnySeparator,
    channels: int,
    channel_names: Sequence[str],
    length: int | None,
    sample_rate_hz: int,
    execution: Execution,
    executor: Executor,
    should_stop: ShouldStop | None = None,
) -> Iterator[Work]:
    """How a recording meets the separator, and its share of the machine. Raises before any work."""
    groups = wrap.channel_groups(separator.spec, channels, channel_names)
    with executor.share(
        separator,
        execution,
        groups=len(groups.groups),
        length=length,
        sample_rate_hz=sample_rate_hz,
        should_stop=should_stop,
    ) as share:
        yield Work(groups, resources.choose_device(execution.device), share, executor.workers)


def _pass(
    decoding: Decoding,
    separator: AnySeparator,
    work: Work,
    writers: Mapping[str, Writer],
    gain: float,
    peak_limit: float,
    warn: Callable[[str], None],
    on_batch: Callable[[int], None],
    on_progress: OnProgress | None,
    on_block: OnBlock | None,
    check: Callable[[], None],
) -> Pass:
    """Decode, separate, measure and write once.

    Once a stem to be written has passed `peak_limit`, the files are of no use: from the next block
    on the stems are only measured, for the gain of a second pass.
    """
    started = time.perf_counter()
    info, rate = decoding.info, decoding.info.sample_rate_hz
    names = separator.spec.outputs
    # A residual that is not kept counts as lost.
    summed = [n for n, stem in enumerate(names) if stem != RESIDUAL or stem in writers]
    wanted = [names.index(stem) for stem in writers]
    sanitizer = SampleSanitizer(rate, info.bits)
    meter = StemMeter(names, summed, rate, info.channels, info.channel_names)

    def decoded(decoding: Decoding, sanitizer: SampleSanitizer) -> Iterator[Wave]:
        for block in decoding.blocks():
            check()
            yield sanitizer.clean(block)

    def again() -> Iterator[Wave]:
        with Decoding(decoding.source, decoding.region) as another:
            yield from decoded(another, SampleSanitizer(rate, info.bits))

    def blocks() -> Iterator[Wave]:
        for block in decoded(decoding, sanitizer):
            yield block
            # Not every file says how long it is, and some say it wrong.
            most = work.share.most_samples
            if most is not None and sanitizer.samples > most:
                raise resources.too_long(separator.spec, work.share)

    done, peak, progress = 0, 0.0, Counted(on_progress, info.duration_s)
    with ThreadPoolExecutor(len(writers) + 1) as pool:
        for mix, stems in wrap.separate_blocks(
            separator,
            blocks(),
            rate,
            work.groups,
            device=work.device,
            batch=work.share.batch,
            warn=warn,
            on_batch=on_batch,
            again=again,
            workers=work.workers,
            on_turn=progress.in_turn,
        ):
            jobs = [pool.submit(meter.push, mix, stems)]
            if peak <= peak_limit:
                for stem, writer in zip(wanted, writers.values(), strict=True):
                    wave = stems[stem]
                    scaled = wave if gain == 1.0 else wave * np.float32(gain)
                    jobs.append(pool.submit(writer.write, scaled))
            for job in jobs:
                job.result()
            peak = max(meter.peaks[stem] for stem in wanted)
            if on_block is not None:
                finished = zip(writers, wanted, strict=True)
                on_block(Block(done, {stem: stems[n] for stem, n in finished}))
            done += mix.shape[-1]
            progress.written(done / rate)
            check()
    if not done:
        raise InputError(f"{decoding.source}: holds no sound")
    warnings = (*decoding.warnings, *sanitizer.warnings())
    return Pass(meter, peak, warnings, done, time.perf_counter() - started)
