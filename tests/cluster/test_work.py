"""A row is done as the command line would do it, and what is finished stays."""

import json

import pytest

import unweave
from tests.cluster.conftest import MODEL, begun, listing, put
from tests.jobs.fakes import asked
from unweave.cluster import layout, manifest, places, work
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.kinds import Separate
from unweave.cluster.log import DONE, FAILED
from unweave.cluster.outage import StoreError
from unweave.cluster.scan import scan
from unweave.cluster.work import Work
from unweave.engine.executor import Executor
from unweave.errors import Cancelled, OutputError


@pytest.fixture(params=["file memory", "memory file"])
def places_(request, sounds, tmp_path, store):
    """Where the recordings lie and where the stems go; `test_run` and `test_command` have both in
    one kind of place."""
    into, out = request.param.split()
    put(sounds, f"{store}/music")
    sources = {"file": str(sounds), "memory": f"{store}/music"}
    outputs = {"file": str(tmp_path / "out"), "memory": f"{store}/out"}
    return sources[into], outputs[out]


def test_the_stems_are_those_of_the_command_line(places_, sounds, tmp_path):
    source, output = places_
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [source])
    run = begun(catalogue, output)
    do = Work(run, Executor(threads=1))
    for row in manifest.rows(catalogue):
        if row.name not in ("live/one.wav", "mono/ünï.ogg", "four.mp3"):
            continue
        entry = do(row)
        assert (entry.state, entry.reason) == (DONE, "")
        expected = unweave.separate_file(
            sounds / row.name, tmp_path / "one" / str(row.row), model=MODEL
        )
        assert {f["name"]: f["sha256"] for f in entry.outputs} == {
            item["path"]: item["sha256"] for item in expected["stems"]
        }
        assert entry.sha256 == expected["input"]["sha256"]
        folder = listing(layout.folder_of(output, row))
        assert sorted(folder) == sorted([*(f["name"] for f in entry.outputs), "report.json"])
        report = json.loads(folder["report.json"])
        assert report["input"]["path"] == row.address
        assert report["identity"] == run.request.separation.identity()


@pytest.mark.parametrize(
    ("model", "options", "stems"),
    [
        ("repet+ft2d", {"ensemble": "max_fft"}, ()),
        ("repet+ft2d", {"ensemble": "max_fft"}, ("vocals", "residual")),
        ("repet>accompaniment>hpss", None, ()),
    ],
)
def test_a_model_may_be_an_ensemble_or_a_chain(sounds, tmp_path, store, model, options, stems):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds / "one.wav")])
    catalogue.begin(Run(Separate(asked(model, options, stems)), f"{store}/out"))
    run = Catalogue(catalogue.address).begun()  # as another machine reads it
    [row] = manifest.rows(catalogue)
    entry = Work(run, Executor(threads=1))(row)
    assert (entry.state, entry.reason) == (DONE, "")
    expected = unweave.separate_file(
        sounds / "one.wav", tmp_path / "one", model=model, stems=stems, **(options or {})
    )
    assert {f["name"]: f["sha256"] for f in entry.outputs} == {
        item["path"]: item["sha256"] for item in expected["stems"]
    }
    assert work.finished(run, row) is not None
    assert unweave.verify(tmp_path / "one" / "one").agrees


def test_a_finished_row_is_not_separated_again(places_, tmp_path, monkeypatch):
    source, output = places_
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [source])
    run = begun(catalogue, output)
    row = next(row for row in manifest.rows(catalogue) if row.name == "one.wav")
    first = Work(run, Executor(threads=1))(row)
    before = listing(output)
    again = Work(run, Executor(threads=1))
    monkeypatch.setattr(again, "_do", None)
    second = again(row)
    assert (second.state, second.outputs) == (DONE, first.outputs)
    assert second.separate_s == 0.0
    assert listing(output) == before


@pytest.mark.parametrize("lost", ["report.json", "harmonic.wav", "cut"])
def test_what_a_killed_upload_left_is_done_again(sounds, tmp_path, store, lost):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds / "one.wav")])
    run = begun(catalogue, f"{store}/out")
    [row] = manifest.rows(catalogue)
    do = Work(run, Executor(threads=1))
    first = do(row)
    whole = listing(run.output)
    folder = layout.folder_of(run.output, row)
    name = first.outputs[0]["name"] if lost != "report.json" else lost
    if lost == "cut":
        places.write(places.joined(folder, name), b"half")
    else:
        places.remove(places.joined(folder, name))
    assert work.finished(run, row) is None
    assert do(row).outputs == first.outputs
    stems = {name: data for name, data in listing(run.output).items() if name.endswith("wav")}
    assert stems == {name: data for name, data in whole.items() if name.endswith("wav")}


def test_another_request_does_not_take_the_stems_for_its_own(sounds, tmp_path, store):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds / "one.wav")])
    run = begun(catalogue, f"{store}/out")
    [row] = manifest.rows(catalogue)
    Work(run, Executor(threads=1))(row)
    assert work.finished(run, row) is not None
    other = begun(Catalogue(catalogue.address, "other"), run.output, format="flac")
    assert work.finished(other, row) is None


def test_a_failure_names_the_address_and_leaves_nothing(places_, sounds, tmp_path):
    source, output = places_
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [source], headers=False)
    run = begun(catalogue, output)
    do = Work(run, Executor(threads=1))
    for row in manifest.rows(catalogue):
        if row.name in ("empty.wav", "text.mp3", "cut.flac"):
            entry = do(row)
            assert (entry.state, entry.kind) == (FAILED, "InputError")
            assert row.address in entry.reason
            assert "\n" not in entry.reason
    assert listing(output) == {}


def test_a_store_that_fails_is_a_failed_row(sounds, tmp_path, store, monkeypatch):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds / "one.wav")])
    run = begun(catalogue, f"{store}/out")
    [row] = manifest.rows(catalogue)

    def upload(source, address):
        raise OutputError(f"{address}: cannot be written: full")

    monkeypatch.setattr(places, "upload", upload)
    entry = Work(run, Executor(threads=1))(row)
    assert (entry.state, entry.kind) == (FAILED, "OutputError")
    assert "full" in entry.reason


@pytest.mark.parametrize("call", ["fetch", "upload", "size", "content"])
def test_a_store_that_is_away_is_waited_for(sounds, tmp_path, store, monkeypatch, call):
    put(sounds / "live", f"{store}/music")
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [f"{store}/music/one.wav"])
    run = begun(catalogue, f"{store}/out")
    [row] = manifest.rows(catalogue)
    Work(run, Executor(threads=1))(row) if call == "content" else None
    real, fails = getattr(places, call), 3

    def away(*words):
        nonlocal fails
        fails -= 1
        if fails >= 0:
            raise StoreError("away")
        return real(*words)

    monkeypatch.setattr(places, call, away)
    executor, pauses_s = Executor(threads=1), []
    monkeypatch.setattr(executor.stopped, "wait", pauses_s.append)
    entry = Work(run, executor)(row)
    assert (entry.state, len(pauses_s)) == (DONE, 3), entry.reason
    assert pauses_s == sorted(pauses_s)


def test_a_store_that_stays_away_fails_the_row_and_a_stop_does_not(
    sounds, tmp_path, store, monkeypatch
):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds / "one.wav")])
    run = begun(catalogue, f"{store}/out")
    [row] = manifest.rows(catalogue)

    def upload(source, address):
        raise StoreError(f"{address}: the store does not answer")

    monkeypatch.setattr(places, "upload", upload)
    monkeypatch.setattr(places, "patience_s", lambda address: -1.0)
    entry = Work(run, Executor(threads=1))(row)
    assert (entry.state, entry.kind) == (FAILED, "StoreError")
    monkeypatch.setattr(places, "patience_s", lambda address: 1e9)
    executor = Executor(threads=1)
    monkeypatch.setattr(executor.stopped, "wait", lambda seconds: executor.stop() or True)
    with pytest.raises(Cancelled):
        Work(run, executor)(row)


def test_a_recording_that_changed_gives_new_stems(sounds, tmp_path, store, make_wave):
    import soundfile

    for seed, output in enumerate((str(tmp_path / "out"), f"{store}/out")):
        catalogue = Catalogue(str(tmp_path / f"cat-{output[:3].strip('/')}"))
        scan(catalogue, [str(sounds / "one.wav")])
        run = begun(catalogue, output)
        [row] = manifest.rows(catalogue)
        do = Work(run, Executor(threads=1))
        first = do(row)
        soundfile.write(sounds / "one.wav", make_wave(2, 7000, 8000, 77 + seed).T, 8000)
        scan(catalogue, [str(sounds / "one.wav")])
        *_, new = manifest.rows(catalogue)
        second = do(new)
        assert second.state == DONE, second.reason
        assert second.folder == first.folder
        assert second.outputs != first.outputs


def test_two_addresses_never_share_a_folder():
    rows = [
        manifest.Row(row=0, address=address, name=name)
        for address, name in (
            ("/a/song.mp3", "song.mp3"),
            ("/b/song.mp3", "song.mp3"),
            ("s3://a/song.mp3", "song.mp3"),
            ("/a/so:ng.mp3", "so:ng.mp3"),
            ("/a/so?ng.mp3", "so?ng.mp3"),
            ("/a/SONG.mp3", "SONG.mp3"),
            ("/a/../x", "../x"),
            ("/" + "long/" * 300 + "x.wav", "long/" * 300 + "x.wav"),
            ("/" + "y" * 2000, "y" * 2000),
        )
    ]
    folders = [layout.folder_of("/out", row) for row in rows]
    assert len({folder.lower() for folder in folders}) == len(rows)
    assert all(folder.startswith("/out/") and ".." not in folder.split("/") for folder in folders)
    assert max(map(len, folders)) < 1000
