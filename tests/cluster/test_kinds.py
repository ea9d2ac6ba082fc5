"""What can be done with every row: each kind does it as its own command does."""

import json

import pytest

import unweave
from tests.cluster.conftest import listing, put
from tests.cluster.test_command import unweave as command
from unweave.cluster import layout, manifest, places, work
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.kinds import KINDS, Analyze, Separate
from unweave.cluster.log import DONE, FAILED
from unweave.cluster.scan import scan
from unweave.cluster.work import Work
from unweave.engine.executor import Executor
from unweave.errors import InputError, UsageError, WeightsError
from unweave.jobs import CannotLoadError

MIX = Analyze(None, {}, None, ("csv", "mid", "labels"))


@pytest.fixture
def songs(tmp_path, make_wave):
    import soundfile

    for n, name in enumerate(("one.wav", "two.flac")):
        (tmp_path / "music").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "music" / name, make_wave(1, 3 * 8000, 8000, n).T, 8000)
    return tmp_path / "music"


@pytest.fixture(params=["folder", "store"])
def begun(request, songs, tmp_path, store):
    """A catalogue of songs whose analyses go to a folder or into a store."""
    put(songs, f"{store}/music")
    (songs / "text.mp3").write_text("no sound")
    catalogue = Catalogue(str(tmp_path / "cat"), "analyze")
    source = str(songs) if request.param == "folder" else f"{store}/music"
    scan(catalogue, [source])
    output = str(tmp_path / "out") if request.param == "folder" else f"{store}/out"
    run = Run(MIX, output)
    catalogue.begin(run)
    return catalogue, run


def test_analyses_are_those_of_the_command_line(begun, songs, tmp_path, monkeypatch):
    catalogue, run = begun
    do = Work(run, Executor(threads=1))
    for row in manifest.rows(catalogue):
        entry = do(row)
        if row.name == "text.mp3":
            assert (entry.state, entry.kind) == (FAILED, "InputError")
            continue
        assert (entry.state, entry.reason) == (DONE, "")
        own = tmp_path / "own" / row.name
        expected = unweave.analyze(songs / row.name, own, model=None, export=MIX.export)
        made = {item["path"]: item["sha256"] for item in expected["exports"]}
        assert {file["name"]: file["sha256"] for file in entry.outputs} == made
        folder = listing(layout.folder_of(run.output, row))
        assert sorted(folder) == sorted([*made, "analysis.json"])
        report = json.loads(folder["analysis.json"])
        assert report["input"]["path"] == row.address
        assert report["lanes"] == expected["lanes"]
        # What is finished is left, and told from what another request made.
        assert work.finished(run, row) == report
        other = Run(Analyze(None, {}, 0.9, MIX.export), run.output)
        assert work.finished(other, row) is None
        monkeypatch.setattr(do, "_do", None)
        assert do(row).outputs == entry.outputs
        do = Work(run, Executor(threads=1))


@pytest.mark.parametrize("lost", ["events.csv", "analysis.json"])
def test_an_analysis_that_a_kill_cut_is_done_again(begun, lost):
    catalogue, run = begun
    if places.is_local(run.output):
        lost = "events.csv"  # a disk gets the names of all at a time
    row = next(row for row in manifest.rows(catalogue) if row.name == "one.wav")
    first = Work(run, Executor(threads=1))(row)
    before = listing(run.output)
    places.remove(places.joined(first.folder, lost))
    assert work.finished(run, row) is None
    second = Work(run, Executor(threads=1))(row)
    assert second.outputs == first.outputs
    assert listing(run.output).keys() == before.keys()


@pytest.mark.parametrize(
    ("error", "says", "code"),
    [
        (WeightsError("hpss: its weights are not here"), "not here", 3),
        (ModuleNotFoundError("No module", name="scipy"), "scipy is not installed where", 1),
    ],
)
def test_what_no_row_can_be_done_without_ends_the_run(
    songs, tmp_path, monkeypatch, error, says, code
):
    from unweave.apps.analyze import USE

    def do(*words, **named):
        raise error

    monkeypatch.setattr(type(USE), "do", do)
    catalogue = Catalogue(str(tmp_path / "cat"), "analyze")
    scan(catalogue, [str(songs)])
    work_ = Work(Run(MIX, str(tmp_path / "out")), Executor(threads=1))
    with pytest.raises(CannotLoadError, match=says) as caught:
        work_(next(manifest.rows(catalogue)))
    assert caught.value.exit_code == code


def test_a_run_is_kept_with_its_kind(tmp_path):
    catalogue = Catalogue(str(tmp_path), "analyze")
    for request in (MIX, Analyze("hpss", {"harmonic_s": 0.3}, 0.5, ("csv",))):
        found = KINDS[request.kind].from_json(json.loads(json.dumps(request.as_json())))
        assert found == request
        assert found.identity() == request.identity()
    catalogue.begin(Run(MIX, str(tmp_path / "out")))
    assert catalogue.begun() == Run(MIX, str(tmp_path / "out"))
    with pytest.raises(UsageError, match=r"begun with least None, now 0\.5; .*--name"):
        catalogue.begin(Run(Analyze(None, {}, 0.5, MIX.export), str(tmp_path / "out")))
    from tests.jobs.fakes import asked

    with pytest.raises(UsageError, match="the kind analyze, now separate"):
        catalogue.begin(Run(Separate(asked("hpss")), str(tmp_path / "out")))


def test_another_version_of_what_was_begun_is_one_line(tmp_path, monkeypatch):
    catalogue = Catalogue(str(tmp_path), "analyze")
    catalogue.begin(Run(MIX, str(tmp_path / "out")))
    monkeypatch.setattr(Analyze, "identity", lambda self: "other")
    with pytest.raises(InputError, match=r"request\.json: .* another version .*--name"):
        catalogue.run()


def test_what_decides_an_analysis_is_in_its_identity():
    requests = [
        MIX,
        Analyze("hpss", {}, None, MIX.export),
        Analyze("hpss", {"harmonic_s": 0.3}, None, MIX.export),
        Analyze(None, {"start": 1.0}, None, MIX.export),
        Analyze(None, {}, 0.5, MIX.export),
        Analyze(None, {}, None, ("csv",)),
    ]
    assert len({request.identity() for request in requests}) == len(requests)
    same = Analyze(None, {"max_memory_mb": 500}, None, MIX.export)
    assert same.identity() == MIX.identity()


def test_the_command_begins_and_goes_on(songs, tmp_path, here):
    here()
    at, out = tmp_path / "cat", tmp_path / "out"
    command("scan", at, songs)
    words = ("--no-separate", "--export", "csv")
    done = json.loads(command("analyze", at, "-o", out, *words, "--json").stdout)
    assert (done["done"], done["failed"]) == (2, 0)
    assert json.loads(command("analyze", at, "--json").stdout)["left"] == 0
    status = json.loads(command("status", at, "--name", "analyze", "--json").stdout)
    assert (status["kind"], status["model"], status["stems"]) == ("analyze", None, [])
    assert "analyze: analyze: 2 done" in command("status", at, "--name", "analyze").stdout
    assert json.loads(command("plan", at, "--name", "analyze", "--json").stdout)["left"] == 0
    command("verify", at, "--name", "analyze")
    for wrong, says in (
        (("--no-separate", "-m", "hpss"), "exclude each other"),
        (("--export", "xls"), "there is no export 'xls'"),
        (("--least", "2"), "must be a number from 0 to 1"),
    ):
        found = command("analyze", at, "-o", out, "--name", "new", *wrong, code=2)
        assert says in found.stderr
        assert found.stderr.count("\n") == 1
