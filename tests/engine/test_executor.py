"""Several separations in one process: the same stems, one copy of a model, bounded memory."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import unweave
from unweave.core.atomic import sha256
from unweave.core.plan import Segmentation
from unweave.engine import executor as executors
from unweave.engine.executor import Executor
from unweave.engine.limits import current_memory_mb
from unweave.errors import Cancelled, MemoryLimitError, UsageError
from unweave.request import Execution, SeparatorRef
from unweave.types import Spec

RATE_HZ = 8000
PAIRS = int(os.environ.get("UNWEAVE_PAIRS", "10"))
REQUESTS: list[dict[str, Any]] = [
    {"model": "hpss"},
    {"model": "mir1k-dnn", "stems": "vocals"},
    {"model": "repet", "format": "flac"},
    {"model": "hpss", "wiener": 1},
    {"model": "mir1k-drnn-2", "batch": 1},
]


class Pieces:
    """Two halves of the mix, in segments of a tenth of a second; 100 MB each."""

    def __init__(self, megabytes: float = 100.0) -> None:
        self.spec = Spec(
            name="pieces",
            stems=("a", "b"),
            segmentation=Segmentation(length_s=0.1),
            bytes_per_sample=megabytes * 1e6 / (0.1 * RATE_HZ),
            complement="b",
            additive=True,
        )

    def to(self, device: str) -> Pieces:
        return self

    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        return torch.stack([mix * 0.5, mix * 0.5], dim=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", 0),
        ("threads", -1),
        ("threads", True),
        ("max_memory_mb", "much"),
        ("max_memory_mb", 0),
        ("keep_models", -1),
    ],
)
def test_numbers_that_make_no_sense_are_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"^{name} must be a whole number, at least \d; got "):
        Executor(**{name: value})


def reference(name: str = "pieces", **options: object) -> SeparatorRef:
    return SeparatorRef(name=name, model=name, options=options)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "song.wav"
    soundfile.write(path, rng.uniform(-0.3, 0.3, (RATE_HZ // 2, 2)).astype(np.float32), RATE_HZ)
    return path


def test_two_at_a_time_are_the_same_bytes_with_one_copy_of_each_model(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashes(number: int, folder: Path, executor: Executor | None) -> list[str]:
        report = unweave.separate_file(
            song,
            folder / str(number),
            overwrite=True,
            on_block=lambda _: held_mb.append(current_memory_mb()),
            executor=executor,
            **REQUESTS[number],
        )
        return [sha256(Path(folder, str(number), "song", stem["path"])) for stem in report["stems"]]

    held_mb: list[float] = []
    alone = [hashes(n, tmp_path / "alone", None) for n in range(len(REQUESTS))]
    load, copies, most = executors.complete, {}, []  # type: ignore[var-annotated]

    def counted(made: Any, stems: tuple[str, ...]) -> Any:
        loaded = load(made, stems)
        alive = copies.setdefault(repr(made.spec), weakref.WeakSet())
        alive.add(loaded)
        gc.collect()
        most.append(len(alive))
        return loaded

    monkeypatch.setattr(executors, "complete", counted)
    before = torch.get_num_threads()
    budget_mb = int(current_memory_mb()) + 300
    executor = Executor(max_memory_mb=budget_mb, keep_models=2)
    order = np.random.default_rng(1).integers(len(REQUESTS), size=(PAIRS, 2))
    with ThreadPoolExecutor(2) as pool:
        for turn, pair in enumerate(order):
            folders = [tmp_path / f"{turn % 2}-{side}" for side in (0, 1)]
            found = list(pool.map(hashes, pair, folders, [executor] * 2))
            assert found == [alone[n] for n in pair]
    assert torch.get_num_threads() == before
    assert max(most) == 1
    assert not executor.promised_mb
    assert max(held_mb) < budget_mb
    assert len(most) < 2 * PAIRS  # what was used last stays loaded


def test_models_are_shared_while_used_and_kept_as_long_as_asked() -> None:
    loads: list[str] = []

    def load(name: str) -> Any:
        loads.append(name)
        return Pieces()

    executor = Executor(keep_models=1)

    def use(name: str) -> Any:
        return executor.loaded(reference(name), lambda: load(name), Execution())

    with use("a") as first, use("a") as second:
        assert first is second
    with use("a"):
        pass
    with use("b"):
        assert loads == ["a", "b"]
    with use("a"):  # one is kept: b
        assert loads == ["a", "b", "a"]


def test_what_cannot_be_loaded_is_tried_again() -> None:
    executor = Executor(keep_models=1)

    def broken() -> Any:
        raise OSError("no weights")

    with pytest.raises(OSError, match="no weights"):
        executor.loaded(reference(), broken, Execution()).__enter__()
    with executor.loaded(reference(), Pieces, Execution()) as found:
        assert isinstance(found, Pieces)


@pytest.mark.parametrize(
    ("given", "order"), [("auto", ["load", "device"]), ("cpu", ["device", "load"])]
)
def test_a_device_that_may_be_wrong_is_chosen_before_the_load(
    given: str, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def choose(wanted: str) -> str:
        assert wanted == given
        seen.append("device")
        return "cpu"

    def load() -> Any:
        seen.append("load")
        return Pieces()

    monkeypatch.setattr("unweave.engine.resources.choose_device", choose)
    executor = Executor()
    with executor.loaded(reference(), load, Execution(device=given)) as first:
        assert seen == order
        with executor.loaded(reference(), load, Execution(device=given)) as second:
            assert second is first


def test_each_device_has_a_copy_and_auto_none_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "unweave.engine.resources.choose_device", {"auto": "cpu", "cpu": "cpu", "mps": "mps"}.get
    )
    loads: list[Any] = []

    def load() -> Any:
        loads.append(Pieces())
        return loads[-1]

    executor = Executor(keep_models=1)
    found = []
    for device in ("auto", "mps", "cpu"):
        with executor.loaded(reference(), load, Execution(device=device)) as separator:
            found.append(separator)
    assert found == [loads[0], loads[1], loads[0]]
    assert len(loads) == 2


def test_options_make_another_separator() -> None:
    executor = Executor(keep_models=2)
    with executor.loaded(reference(n=1), Pieces, Execution()) as first:
        pass
    with executor.loaded(reference(n=2), Pieces, Execution()) as second:
        assert first is not second


def test_memory_is_promised_to_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "current_memory_mb", lambda: 300.0)
    monkeypatch.setattr(executors, "available_mb", lambda: 10_000)
    executor = Executor(threads=4, max_memory_mb=750)
    facts = {"groups": 1, "length": None, "sample_rate_hz": RATE_HZ}
    entered, batches = threading.Event(), []

    def second() -> None:
        with executor.share(Pieces(), Execution(), **facts) as share:  # type: ignore[arg-type]
            batches.append(share.batch)
            entered.set()

    with executor.share(Pieces(), Execution(), **facts) as share:  # type: ignore[arg-type]
        assert share.batch == 4
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.3)  # 50 MB are left, a segment takes 100
    other.join(10)
    assert batches == [4]
    with (
        executor.share(Pieces(), Execution(batch=2), **facts),  # type: ignore[arg-type]
        executor.share(Pieces(), Execution(), **facts) as share,  # type: ignore[arg-type]
    ):
        assert share.batch == 2  # of what is left
    with pytest.raises(MemoryLimitError, match="the limit is 750 MB"):
        executor.share(Pieces(500), Execution(), **facts).__enter__()  # type: ignore[arg-type]


def test_stopping_ends_what_is_at_work_and_what_waits(song: Path, tmp_path: Path) -> None:
    executor = Executor()
    done = []

    def stop(_: object) -> None:
        done.append(1)
        executor.stop()

    with pytest.raises(Cancelled):
        unweave.separate_file(song, tmp_path / "out", Pieces(), on_block=stop, executor=executor)
    assert done == [1]
    assert not list(tmp_path.glob("out/**/*.wav"))
    with pytest.raises(Cancelled):
        unweave.separate(song, model=Pieces(), executor=executor)


@pytest.mark.parametrize("model", ["hpss", "mir1k-unet"])
def test_blocks_are_what_the_files_hold(model: str, song: Path, tmp_path: Path) -> None:
    with unweave.stream(song, tmp_path / "out", model) as stream:
        blocks = list(stream)
        report = stream.report
    assert report is not None
    starts = [block.start for block in blocks]
    lengths = [next(iter(block.stems.values())).shape[-1] for block in blocks]
    assert starts == [sum(lengths[:n]) for n in range(len(blocks))]
    for stem in report["stems"]:
        wave, _ = soundfile.read(tmp_path / "out" / "song" / stem["path"], dtype="float32")
        joined = np.concatenate([block.stems[stem["stem"]] for block in blocks], axis=-1)
        np.testing.assert_array_equal(joined.T, wave)


def test_a_stream_that_is_left_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((60 * RATE_HZ, 2), np.float32), RATE_HZ)
    with unweave.stream(path, tmp_path / "out", Pieces(1)) as stream:
        assert next(stream).start == 0
    assert stream.report is None
    assert not list(tmp_path.glob("out/**/*"))


def test_a_stream_raises_what_the_job_raises(tmp_path: Path) -> None:
    missing = unweave.stream(tmp_path / "none.wav", tmp_path / "out")
    with missing as stream, pytest.raises(unweave.UnweaveError, match=r"none\.wav"):
        next(stream)


def test_a_slow_reader_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((60 * RATE_HZ, 2), np.float32), RATE_HZ)
    seen: list[float] = []
    with unweave.stream(
        path, tmp_path / "out", Pieces(1), on_progress=lambda p: seen.append(p.done_s)
    ) as stream:
        next(stream)
        threading.Event().wait(0.5)
        assert len(seen) < 5
        assert sum(1 for _ in stream) > 5
