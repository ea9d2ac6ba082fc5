"""`unweave restore` from the outside."""

from pathlib import Path

import pytest

from tests.apps.restore.sounds import notes, white, write

NOISY = notes(2, 2) + white(2, 0.01, 2)
NOISE = ("--tools", "denoise", "--noise", "0-0.9")


@pytest.fixture
def song(here: Path) -> Path:
    return write("song.wav", NOISY)


def test_restores_and_says_what_it_did(song, say) -> None:
    done = say("restore", song, *NOISE, "--removed", "-v")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[1] == "  folder  restored/song"
    names = [line[2:13].strip() for line in lines[2:7]]
    assert names == ["noise floor", "clicks", "hum", "loudness", "true peak"]
    assert lines[7].startswith("  removed  -")
    assert lines[8] == "  files  restored.wav, removed.wav"
    assert lines[9].startswith("  tool  denoise (recording): level_db -")
    assert "finished already in restored/song" in say("restore", song, *NOISE, "--removed").out


def test_a_tool_without_anything_to_do_is_named(song, say) -> None:
    done = say("restore", song, "--tools", "declick,rumble,denoise", "--noise", "0-0.9")
    assert "  removed  -" in done.out
    assert "  found nothing  declick, rumble\n" in done.out
    done = say("restore", song, "--tools", "declick", "-o", "again")
    assert "  removed  nothing\n" in done.out
    assert "  found nothing  declick\n" in done.out


def test_a_tool_that_works_on_one_part_did_not_find_nothing() -> None:
    from unweave.cli.verbs.restore import _did_something

    part = {"tool": "declick", "idle": False, "found": {"count": 0, "samples": 0}}
    assert not _did_something(part)
    assert _did_something({**part, "found": {"count": 3, "samples": 9}})
    assert _did_something({"tool": "denoise", "idle": False, "learned": {"level_db": -50.0}})
    assert not _did_something({"tool": "denoise", "idle": True, "learned": {}})


def test_a_batch_goes_on_behind_a_recording_that_fails(song, say) -> None:
    Path("bad.wav").write_bytes(b"no sound")
    done = say("restore", "bad.wav", song, "gone.mp3", *NOISE, "--json")
    assert done.code == 1
    assert [file["status"] for file in done.json["files"]] == ["failed", "failed", "done"]
    assert not Path("restored/bad").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-m", "hpss"], "go with --by-stem; add it"),
        (["--tools", "sing"], "there is no tool 'sing'"),
        (["-o", "out.wav"], "out.wav: stems go into a folder"),
        (["--tools", "dereverb"], "no model that takes reverberation away is installed"),
        (["--noise-from", "gone.wav"], "gone.wav: "),
        (["--strength", "2"], "--strength must be a number, at least 0, at most 1; got 2.0"),
        (["--noise", "0-1", "--noise-from", "song.wav"], "--noise and --noise-from contradict"),
        (["--band", "9-2", "--region", "0-1"], "--band must be two frequencies"),
        (["--region", "5"], "--region must be two times"),
        (["--fill"], "--fill takes a place in time: give it with --region"),
        (["--by-stem", "--region", "0-1"], "--region is restored in the mix; leave it out, or --b"),
        (["--by-stem", "--fill", "--region", "0-1"], "--region is restored in the mix"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(song, say, words, message) -> None:
    done = say("restore", song, *words)
    assert done.code in (1, 2)
    [line] = [line for line in done.err.splitlines() if line.startswith("error:")]
    assert message in line
    assert not Path("restored").exists()
