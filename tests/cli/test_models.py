"""`unweave models`: what there is, where it comes from, and its weights ahead of time."""

import shutil

import numpy as np
import pytest
import soundfile

from unweave.models import cards, sources, store


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
