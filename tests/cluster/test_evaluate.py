"""Rows against their references: the scores of the command line, whatever lies where."""

import csv
import json

import pyarrow.parquet as pq
import pytest
import soundfile
from typer.testing import CliRunner

import unweave
from tests.cluster.conftest import MODEL, RATE_HZ, listing, put
from tests.cluster.test_command import unweave as command
from unweave.cli.app import app
from unweave.cluster import layout, manifest, places, work
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.kinds import KINDS, Evaluate
from unweave.cluster.log import DONE, FAILED
from unweave.cluster.manifest import Row
from unweave.cluster.outage import StoreError
from unweave.cluster.scan import scan
from unweave.cluster.work import Work
from unweave.engine.executor import Executor
from unweave.errors import UsageError
from unweave.evaluation.evaluate import evaluate_files

STEMS = ("harmonic", "percussive")


def asked(references, estimates=None, **how):
    usual = {"metric": "global", "mapping": {}, "rounding": "auto"}
    model = None if estimates else MODEL
    return Evaluate(references, estimates, model, {}, **{**usual, **how})


@pytest.fixture
def songs(tmp_path, make_wave):
    """Mixtures in `music`, their stems in `true`, and in `flat` by the names of their files; some
    estimates in `found`. One mixture has no stems."""
    root = tmp_path / "songs"
    for n, name in enumerate(("one", "live/two", "three")):
        waves = {
            stem: make_wave(1, RATE_HZ + 500, RATE_HZ, 2 * n + m) for m, stem in enumerate(STEMS)
        }
        wanted = {f"music/{name}.wav": sum(waves.values())}
        if name != "three":
            wanted |= {f"true/{name}/{stem}.wav": wave for stem, wave in waves.items()}
            wanted |= {
                f"found/{name}/{stem}.wav": 0.9 * wave[:, 99:] for stem, wave in waves.items()
            }
            last = name.rpartition("/")[2]
            wanted |= {f"flat/{last}_{stem}.wav": wave for stem, wave in waves.items()}
        for file, wave in wanted.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(root / file, wave.T, RATE_HZ, subtype="PCM_24")  # no time in its head
    return root


@pytest.fixture(params=["folder", "store"])
def at(request, songs, store):
    """Where songs are: in a folder, or in a store."""
    put(songs, store)
    return str(songs) if request.param == "folder" else store


def rows(catalogue, source):
    scan(catalogue, [source])
    return {row.name.removesuffix(".wav"): row for row in manifest.rows(catalogue)}


STORE = pytest.mark.parametrize("at", ["store"], indirect=True)


@pytest.mark.parametrize("given", [True, False])
def test_scores_are_those_of_the_command_line(at, songs, tmp_path, given):
    catalogue = Catalogue(str(tmp_path / "cat"), "evaluate")
    found = rows(catalogue, f"{at}/music")
    estimates = f"{at}/found/{{path}}" if given else None
    metric = "v4" if given else "global"
    run = Run(asked(f"{at}/true/{{path}}", estimates, metric=metric), f"{at}/out")
    catalogue.begin(run)
    do = Work(catalogue.begun(), Executor(threads=1))
    name = "live/two"
    row = found[name]
    entry = do(row)
    assert (entry.state, entry.reason) == (DONE, "")
    folder = layout.folder_of(run.output, row)
    made = listing(folder)
    assert sorted(made) == ["evaluation.json", "scores.json"]
    own = songs / "found" / name
    if not given:
        unweave.separate_file(songs / f"music/{name}.wav", tmp_path / "own", model=MODEL)
        own = tmp_path / "own" / row.name.rpartition("/")[2].removesuffix(".wav")
    file = tmp_path / "scores.json"
    typed = ("evaluate", songs / "true" / name, own, "--metric", metric, "-o", file, "--json")
    done = CliRunner().invoke(app, [*map(str, typed)])
    assert made["scores.json"] == file.read_bytes()
    report = json.loads(made["evaluation.json"])
    assert report["scores"].items() <= json.loads(done.stdout).items()
    assert report["input"]["path"] == row.address
    assert report["warnings"] == report["scores"]["warnings"]
    assert (report["separation"] is None) == given
    # What is finished is left, and told from what another request made.
    assert work.finished(run, row) == report
    other = Run(asked(f"{at}/true/{{path}}", estimates, rounding="none"), run.output)
    assert work.finished(other, row) is None
    assert do(row).outputs == entry.outputs


def test_a_row_without_references_is_one_line(at, songs, tmp_path):
    catalogue = Catalogue(str(tmp_path / "cat"), "evaluate")
    row = rows(catalogue, f"{at}/music")["three"]
    there, nowhere = f"{at}/true/one", f"{at}/nowhere/{{name}}"
    for patterns, missing in (
        ((f"{at}/true/{{path}}", None), f"{at}/true/three"),
        ((f"{at}/flat/{{name}}_{{stem}}.wav", None), f"{at}/flat/three_{{stem}}.wav"),
        ((nowhere, None), f"{at}/nowhere/three"),
        ((there, nowhere), f"{at}/nowhere/three"),
    ):
        entry = Work(Run(asked(*patterns), f"{at}/out"), Executor(threads=1))(row)
        assert (entry.state, entry.kind) == (FAILED, "InputError")
        assert row.address in entry.reason
        assert missing in entry.reason
        assert "\n" not in entry.reason
    assert listing(f"{at}/out") == {}


def test_what_is_wrong_with_a_stem_is_said_with_its_own_address(at, songs, tmp_path, store):
    soundfile.write(songs / "true/one/percussive.wav", [0.0] * 9, 44100)
    (songs / "found/one/harmonic.wav").write_text("no sound")
    (songs / "fast").mkdir()
    soundfile.write(songs / "fast/harmonic.wav", [0.0] * 9, 44100)
    put(songs, store)
    catalogue = Catalogue(str(tmp_path / "cat"), "evaluate")
    row = rows(catalogue, f"{at}/music")["one"]
    for patterns, name in (
        ((f"{at}/true/{{path}}", None), "true/one/percussive.wav: has 44100 Hz"),
        ((f"{at}/true/one/{{stem}}.wav", None), "true/one/percussive.wav: has 44100 Hz"),
        ((f"{at}/true/live/two", f"{at}/found/{{path}}"), "found/one/harmonic.wav: "),
        ((f"{at}/fast", None), "music/one.wav: has 8000 Hz"),
    ):
        entry = Work(Run(asked(*patterns), f"{at}/out"), Executor(threads=1))(row)
        assert entry.state == FAILED
        assert f"{at}/{name}" in entry.reason
        assert row.address in entry.reason
        assert "unweave-catalogue" not in entry.reason


def test_patterns_that_mean_the_same_files_find_them(at, songs, tmp_path):
    row = rows(Catalogue(str(tmp_path / "cat")), f"{at}/music")["one"]
    wanted = {f"{stem}.wav": (songs / f"true/one/{stem}.wav").read_bytes() for stem in STEMS}
    for n, pattern in enumerate(
        (
            f"{at}/true/one",
            "{folder}/../true/{name}/{stem}.wav",
            "{folder}/../flat/{name}_{stem}.wav",
            "{folder}/../true/{path}/{stem}.{input_ext}",
            "{folder}/../{parent}/../true/one/{stem}",
        )
    ):
        pattern = layout.pattern(pattern, "--references")
        for _ in range(2):  # as after a store that was away in between
            found = layout.brought(pattern, row, tmp_path / str(n))
            assert {path.name: path.read_bytes() for path in found.place.iterdir()} == wanted
        assert found.place.name == ("flat" if "flat" in pattern else "one")


def test_neither_the_recording_nor_a_mix_is_a_stem(at, songs, tmp_path):
    for name in ("mixture.wav", "notes.txt", ".hidden.wav"):
        (songs / "music" / name).write_bytes((songs / "music/one.wav").read_bytes())
    (songs / "music/vocals.wav").touch()
    if at != str(songs):
        put(songs, at)
    row = rows(Catalogue(str(tmp_path / "cat")), f"{at}/music/one.wav")["one"]
    for pattern in ("{folder}/{stem}.wav", "{folder}/{stem}"):
        found = layout.brought(pattern, row, tmp_path / "here").place
        assert {path.name for path in found.iterdir()} == {"three.wav", "vocals.wav"}


@STORE
def test_stems_of_a_run_are_estimates(at, songs, tmp_path):
    from tests.cluster.conftest import begun

    at_ = str(tmp_path / "cat")
    row = rows(Catalogue(at_), f"{at}/music")["one"]
    stems = begun(Catalogue(at_), f"{at}/stems")
    assert Work(stems, Executor(threads=1))(row).state == DONE
    scores = []
    for n, estimates in enumerate((f"{at}/stems/{{row}}", None)):
        run = Run(asked(f"{at}/true/{{path}}", estimates), f"{at}/out/{n}")
        entry = Work(run, Executor(threads=1))(row)
        assert entry.state == DONE, entry.reason
        scores.append(json.loads(listing(entry.folder)["evaluation.json"])["scores"]["stems"])
    assert scores[0] == scores[1]


@STORE
def test_a_row_may_be_an_estimate_itself(at, songs, tmp_path):
    catalogue = Catalogue(str(tmp_path / "cat"), "evaluate")
    row = rows(catalogue, f"{at}/found/one")["harmonic"]
    true = "{folder}/../../true/{parent}/{name}.wav"
    run = Run(asked(true, "{folder}/{name}.{input_ext}"), f"{at}/out")
    entry = Work(run, Executor(threads=1))(row)
    assert entry.state == DONE, entry.reason
    file = tmp_path / "own.json"
    evaluate_files(
        songs / "true/one/harmonic.wav", songs / "found/one/harmonic.wav", "global"
    ).save(file)
    assert listing(entry.folder)["scores.json"] == file.read_bytes()


def test_a_store_of_references_that_is_away_is_waited_for(songs, tmp_path, store, monkeypatch):
    put(songs, store)
    catalogue = Catalogue(str(tmp_path / "cat"), "evaluate")
    row = rows(catalogue, str(songs / "music"))["one"]
    real, fails = places.fetch, 2

    def away(address, target):
        nonlocal fails
        fails -= 1
        if fails >= 0:
            raise StoreError("away")
        return real(address, target)

    monkeypatch.setattr(places, "fetch", away)
    executor, pauses_s = Executor(threads=1), []
    monkeypatch.setattr(executor.stopped, "wait", pauses_s.append)
    request = asked(f"{store}/true/{{name}}", f"{store}/found/{{name}}/{{stem}}.wav")
    entry = Work(Run(request, str(tmp_path / "out")), executor)(row)
    assert (entry.state, len(pauses_s)) == (DONE, 2), entry.reason


def test_fields_of_a_pattern():
    row = Row(row=0, address="s3://bucket/music/live/Mr. A {x}.b.mp3", name="live/Mr. A {x}.b.mp3")
    assert layout._values(row) == {
        "folder": "s3://bucket/music/live",
        "parent": "live",
        "path": "live/Mr. A {x}.b",
        "name": "Mr. A {x}.b",
        "input_ext": "mp3",
        "row": layout.folder_of("", row).lstrip("/"),
    }
    assert {*layout._values(row), "stem"} == {*layout.FIELDS}


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("true/{song}", "has the unknown field {song}; there are {folder}, {parent}"),
        ("true/{name", "cannot be read"),
        ("true/{name!r}", "formats {name}; write the bare field"),
        ("true/{stem}/{name}.wav", "has {stem} elsewhere than once in the name of a file"),
        ("true/{stem}-{stem}.wav", "has {stem} elsewhere than once"),
        ("true/{folder}/{stem}.wav", "has {folder}, an address, elsewhere than at its start"),
        ("s3://me:word@host/{name}", "may not have a password"),
    ],
)
def test_patterns_that_cannot_be(pattern, says):
    with pytest.raises(UsageError) as caught:
        layout.pattern(pattern, "--references")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pattern_means_the_same_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert layout.pattern("true/{name}", "") == f"{tmp_path}/true/{{name}}"
    assert layout.pattern("{folder}/../x", "") == "{folder}/../x"
    assert layout.pattern("s3://a/{name}/", "") == "s3://a/{name}"


def test_a_request_is_kept_and_what_decides_it_is_in_its_identity():
    requests = [
        asked("/true/{name}"),
        asked("/true/{path}"),
        asked("/true/{name}", "/found/{name}"),
        asked("/true/{name}", metric="v4"),
        asked("/true/{name}", rounding="none"),
        asked("/true/{name}", mapping={"harmonic": "other"}),
        Evaluate("/true/{name}", None, MODEL, {"harmonic_s": 0.3}, "global", {}, "auto"),
    ]
    assert len({request.identity() for request in requests}) == len(requests)
    for request in requests:
        kept = json.loads(json.dumps(request.as_json()))
        assert KINDS[request.kind].from_json(kept) == request
    assert requests[0].differs(requests[3]) == ["metric global, now v4"]


def test_the_command_begins_goes_on_and_exports(songs, tmp_path, here):
    here()
    at, out = tmp_path / "cat", tmp_path / "out"
    command("scan", at, songs / "music")
    words = ("--references", f"{songs}/true/{{path}}", "--metric", "global")
    begin = ("evaluate", at, "-o", out, *words, "-m", MODEL)
    first = command(*begin, code=1)
    [line] = [line for line in first.stderr.splitlines() if line.startswith("error: ")]
    assert "three" in line
    done = json.loads(command("evaluate", at, "--json", code=1).stdout)
    assert (done["done"], done["failed"], done["left"]) == (2, 1, 0)
    name = ("--name", "evaluate")
    status = json.loads(command("status", at, *name, "--json").stdout)
    assert (status["kind"], status["model"], status["done"]) == ("evaluate", MODEL, 2)
    assert json.loads(command("plan", at, *name, "--json").stdout)["left"] == 1
    command("verify", at, *name)
    assert "metric global, now v4" in command(*begin, "--metric", "v4", code=2).stderr
    for ending in ("csv", "jsonl", "parquet"):
        command("export", at, tmp_path / f"rows.{ending}", *name)
    with (tmp_path / "rows.csv").open() as file:
        table = [*csv.DictReader(file)]
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == lines
    assert len(table) == len(lines) == 5
    for report in out.rglob("evaluation.json"):
        said = json.loads(report.read_text())
        for stem, scores in said["scores"]["stems"].items():
            [own] = [line for line in lines if line["stem"] == stem
                     and line["address"] == said["input"]["path"]]  # fmt: skip
            assert {key: own[key] for key in scores} == scores
            assert own["state"] == DONE
    [lost] = [line for line in lines if line["stem"] is None]
    assert (lost["state"], lost["global SDR"]) == (FAILED, None)
    command("export", at, tmp_path / "failed.csv", *name, "--failed")
    assert len((tmp_path / "failed.csv").read_text().splitlines()) == 2
    next(out.rglob("evaluation.json")).write_text("{}")
    broken = command("export", at, tmp_path / "rows.csv", *name, code=1)
    assert "evaluation.json: is not the report of an evaluation" in broken.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--references"),
        (("--references", "x/{name}", "--estimates", "y", "-m", MODEL), "exclude each other"),
        (("--references", "x/{song}"), "unknown field {song}"),
        (("--references", "x/{name}", "-m", MODEL, "--map", "a"), "--map takes STEM=REFERENCE"),
    ],
)
def test_wrong_options_are_one_line(songs, tmp_path, here, words, says):
    here()
    command("scan", tmp_path / "cat", songs / "music/one.wav")
    found = command("evaluate", tmp_path / "cat", "-o", tmp_path / "out", *words, code=2)
    assert says in found.stderr
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
