"""A run: every row ends once, whatever stops it, and repeating it does nothing twice."""

import random
import threading
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.cluster.conftest import begun, listing, put, sound
from unweave.cluster import layout, log, manifest, outage, places, pool, work
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.export import export
from unweave.cluster.log import DONE, FAILED, HAS_FAILED, IS_DONE, Entry
from unweave.cluster.outage import StoreError
from unweave.cluster.plan import plan
from unweave.cluster.run import DIED, run
from unweave.cluster.scan import scan
from unweave.cluster.status import status
from unweave.cluster.verify import verify
from unweave.errors import InputError, UnweaveError, UsageError


def fast(task: manifest.Row, identity: str, state: str = DONE) -> Entry:
    return Entry(row=task.row, identity=identity, state=state, kind="K", duration_s=1.0)


@pytest.fixture
def many(tmp_path):
    """A catalogue of 40 rows, none of them broken, with a run."""
    for n in range(40):
        sound(tmp_path / "music" / f"{n}.wav", 80 * (n % 7 + 1))
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(tmp_path / "music")])
    return catalogue, begun(catalogue, str(tmp_path / "out"))


def states(catalogue, begun_):
    count = manifest.totals(catalogue).rows
    return log.states(catalogue, begun_.identity, count).tolist()


def test_every_row_is_done_or_failed_with_its_reason(sounds, tmp_path, store, here):
    put(sounds, f"{store}/music")
    catalogue = Catalogue(f"{store}/cat")
    scan(catalogue, [f"{store}/music"])
    request = begun(catalogue, f"{store}/out")
    here()
    failed = []
    progress = run(catalogue, on_entry=lambda row, entry: failed.append(entry.reason))
    assert (progress.done, progress.failed, progress.left) == (7, 3, 0)
    assert progress.left_s == 0.0
    assert {"empty.wav", "text.mp3", "cut.flac"} == {
        reason.partition(": ")[0].rpartition("/")[2] for reason in failed if reason
    }
    assert states(catalogue, request).count(IS_DONE) == 7
    found = status(catalogue)
    assert (found["done"], found["failed"], found["left"]) == (7, 3, 0)
    assert found["failures"] == {"InputError": 3}
    assert verify(catalogue).faults == 0
    # Nothing but the stems of the rows that are done, and their reports.
    names = {name for name in listing(f"{store}/out") if not name.endswith("report.json")}
    assert len(names) == 14
    target = tmp_path / "all.csv"
    assert export(catalogue, target) == 10
    assert export(catalogue, tmp_path / "failed.jsonl", failed_only=True) == 3
    text = target.read_text(encoding="utf-8")
    assert text.count(",done,") == 7
    assert text.count(",failed,InputError,") == 3


def test_a_second_run_does_nothing_and_retry_does_what_failed(many, here):
    catalogue, request = many
    calls = Counter()

    def do(real, task):
        calls[task.row] += 1
        bad = task.row % 4 == 0 and calls[task.row] == 1
        return fast(task, request.identity, FAILED if bad else DONE)

    here(do)
    first = run(catalogue)
    assert (first.done, first.failed, first.failures) == (30, 10, {"K": 10})
    again = run(catalogue)
    assert (again.done, again.failed, again.new) == (30, 10, 0)
    assert set(calls.values()) == {1}
    last = run(catalogue, retry=True)
    assert (last.done, last.failed, last.new) == (40, 0, 10)
    assert set(calls.values()) == {1, 2}
    assert states(catalogue, request) == [IS_DONE] * 40


@pytest.mark.parametrize("seed", range(6))
def test_stops_and_crashes_lose_nothing_and_repeat_nothing(many, here, seed):
    catalogue, request = many
    draw, ended = random.Random(seed), Counter()

    def do(real, task):
        if draw.random() < 0.1:
            raise draw.choice([KeyboardInterrupt, RuntimeError])
        ended[task.row] += 1
        return fast(task, request.identity)

    here(do)
    for _ in range(100):
        stop = threading.Event()

        def on_entry(row, entry, stop=stop):
            if draw.random() < 0.1:
                stop.set()

        try:
            progress = run(catalogue, on_entry=on_entry, should_stop=stop.is_set)
        except (KeyboardInterrupt, RuntimeError):
            continue
        if not progress.left:
            break
    assert states(catalogue, request) == [IS_DONE] * 40
    assert ended == Counter(range(40))


def test_a_run_that_another_has_taken_over_stops_and_says_so(many, here, monkeypatch):
    catalogue, request = many
    ended = []

    @contextmanager
    def held(self, what, should_stop=bool):
        yield lambda: len(ended) >= 3

    monkeypatch.setattr(Catalogue, "held", held)
    here(lambda real, task: fast(task, request.identity))
    with pytest.raises(UnweaveError, match="another process has taken the run over"):
        run(catalogue, on_entry=lambda row, entry: ended.append(row.row))
    # What had ended is in the log: to say it twice does no harm.
    assert len(ended) == states(catalogue, request).count(IS_DONE) == 3


@pytest.mark.parametrize("away", ["manifest", "log"])
def test_a_catalogue_whose_store_is_away_for_a_while_goes_on(many, here, monkeypatch, away):
    catalogue, request = many
    name = {"manifest": "content", "log": "write"}[away]
    real, fails = getattr(places, name), 3

    def call(address, *words):
        nonlocal fails
        if f"/{away}" in address and running:
            fails -= 1
            if fails >= 0:
                raise StoreError("away")
        return real(address, *words)

    running: list[bool] = []
    monkeypatch.setattr(outage.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(outage, "PAUSES_S", (0.0,))
    monkeypatch.setattr(outage, "LAST_PAUSE_S", 0.0)
    monkeypatch.setattr(places, name, call)
    real_states = log.states
    monkeypatch.setattr(
        log, "states", lambda *words: [running.append(True), real_states(*words)][1]
    )
    here(lambda real, task: fast(task, request.identity))
    progress = run(catalogue)
    assert (progress.done, progress.left) == (40, 0)
    assert fails < 0
    assert states(catalogue, request) == [IS_DONE] * 40


def test_long_recordings_come_first(many, here):
    catalogue, request = many
    lengths = []

    def do(real, task):
        lengths.append(task.duration_s)
        return fast(task, request.identity)

    here(do)
    run(catalogue)
    assert lengths == sorted(lengths, reverse=True)


def test_a_row_whose_workers_die_is_put_aside(many, here):
    catalogue, request = many

    def do(real, task):
        if task.row == 3:
            return pool.Ended(task, died="it was killed", tries=2)
        return fast(task, request.identity)

    here(do)
    entries = {}
    progress = run(catalogue, on_entry=lambda row, entry: entries.update({row.row: entry}))
    assert progress.failures == {DIED: 1}
    assert entries[3].reason.endswith("music/11.wav: it was killed; put aside after 2 tries")
    assert states(catalogue, request)[3] == HAS_FAILED


def test_put_aside_leaves_no_stem_without_a_report(sounds, tmp_path, store):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds / "one.wav")])
    request = begun(catalogue, f"{store}/out")
    [row] = manifest.rows(catalogue)
    folder = layout.folder_of(request.output, row)
    name = next(iter(request.request.files().values()))
    work.places.write(work.places.joined(folder, name), b"half")
    work.put_aside(request, row)
    assert listing(request.output) == {}


def test_a_run_keeps_to_what_it_was_begun_with(many, tmp_path):
    catalogue, _ = many
    begun(catalogue, str(tmp_path / "out"))  # the same again
    with pytest.raises(UsageError, match=r"begun with.*format wav, now flac.*--name"):
        begun(catalogue, str(tmp_path / "out"), format="flac")
    with pytest.raises(UsageError, match="the output"):
        begun(catalogue, str(tmp_path / "elsewhere"))
    begun(Catalogue(catalogue.address, "flac"), str(tmp_path / "out"), format="flac")


def test_one_run_at_a_time(many):
    catalogue, _ = many
    with (
        catalogue.held("run-separate"),
        pytest.raises(UsageError, match="another process"),
    ):
        run(catalogue)


def test_nothing_to_run_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no manifest"):
        run(Catalogue(str(tmp_path)))


def test_verify_finds_what_is_not_as_written(sounds, tmp_path, here):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds / "one.wav"), str(sounds / "two.flac"), str(sounds / "live")])
    begun(catalogue, str(tmp_path / "out"))
    here()
    run(catalogue)
    stems = sorted((tmp_path / "out").rglob("*.wav"))
    data = bytearray(stems[0].read_bytes())
    data[-1] ^= 1
    stems[0].write_bytes(data)
    stems[1].write_bytes(data[:-1])
    stems[2].unlink()
    faults = []
    found = verify(catalogue, on_fault=lambda fault: faults.append(fault.why))
    assert found.faults == len(faults) == 3
    for words in ("SHA-256", "bytes; ", "not there"):
        assert sum(words in why for why in faults) == 1
    assert verify(catalogue, sizes_only=True).faults == 2
    assert verify(catalogue, sample=0.5).rows < found.rows


def test_a_plan_goes_by_the_rows_that_are_done(many, here):
    catalogue, request = many

    def do(real, task):
        return Entry(
            row=task.row,
            identity=request.identity,
            state=DONE,
            duration_s=100.0,
            separate_s=10.0,
            peak_memory_mb=500.0 + task.row,
        )

    before = plan(catalogue, request, workers=4, price_per_hour=2.0)
    assert (before.rows, before.left, before.unknown) == (40, 40, 0)
    # Samples of float32, one channel, two stems; headers come on top.
    samples = sum(80 * (n % 7 + 1) for n in range(40))
    assert before.output_bytes == samples * 4 * 2
    here(do)
    run(catalogue)
    after = plan(catalogue, request, workers=4, price_per_hour=2.0)
    assert (after.left, after.left_hours, after.cost) == (0, 0.0, 0.0)
    assert after.speed == pytest.approx(10.0)
    assert after.memory_mb == 539.0
    assert after.measured == "rows of this run"
