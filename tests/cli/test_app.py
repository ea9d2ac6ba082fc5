"""The frame: help, version, completion, what is imported when, and how errors read."""

import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from typer.main import get_command

from unweave.cli.app import app
from unweave.cli.help import WIDTH

VERBS = ["separate", "models", "info", "verify", "spectrogram", "dataset", "partials"]
VERBS += ["nmf", "evaluate", "benchmark", "report", "train", "stem", "lyrics", "karaoke", "remix"]
VERBS += ["analyze", "restore", "forensic", "serve", "studio"]
GROUPS = {"models", "dataset", "nmf", "stem", "lyrics"}
# What only a verb at work needs: libraries that take long to import, and packages of ours.
HEAVY = {"torch", "numpy", "av", "scipy", "matplotlib", "soundfile", "soxr", "safetensors"}
HEAVY |= {"fastapi", "uvicorn"}
HEAVY |= {"pytorch_lightning", "tensorboard", "rich.progress", "tomllib"}
HEAVY |= {
    f"unweave.{package}"
    for package in [
        "apps", "evaluation", "training", "registry", "engine.run", "models", "separators",
        "datasets", "lyrics", "audio.reader", "audio.writer", "signal", "jobs", "viz", "api",
        "server",
    ]
}  # fmt: skip


def loaded(*arguments: str) -> set[str]:
    """The modules that a command has imported when it ends."""
    code = (
        "import json, sys; from unweave.cli.app import main\n"
        f"sys.argv = ['unweave', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_lists_verbs_and_exit_codes(say):
    done = say("--help")
    assert done.code == 0
    for word in [*VERBS, "130 interrupted", "3 weights"]:
        assert word in done.out


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_has_the_exit_codes(say, verb):
    done = say(verb, "--help")
    assert done.code == 0
    assert "Exit codes" in done.out


def test_version(start):
    import unweave

    done = start("--version")
    assert done.out == f"unweave {unweave.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["separate", "--help"],
        ["benchmark", "--help"],
        ["train", "-h"],
        ["report", "--help"],
    ],
)
def test_what_must_be_quick_imports_nothing_heavy(arguments):
    assert loaded(*arguments) & HEAVY == set()


def test_typer_meets_types_and_not_their_text():
    """Else it compiles all of them, several times over, whenever the command starts."""
    groups = [app, *(group.typer_instance for group in app.registered_groups)]
    verbs = [command.callback for group in groups for command in group.registered_commands]
    assert len(verbs) > len(VERBS)
    for verb in verbs:
        assert not any(isinstance(kind, str) for kind in verb.__annotations__.values()), verb


def test_the_facts_of_a_card_need_neither_torch_nor_numpy():
    assert loaded("models", "show", "spleeter-2stems") & {"torch", "numpy"} == set()


def test_completion_knows_verbs_options_and_models(start):
    for words, wanted in [
        ("unweave se", "separate"),
        ("unweave separate --over", "--overwrite"),
        ("unweave separate -m spl", "spleeter-2stems"),
        ("unweave models show spl", "spleeter-2stems"),
    ]:
        count = str(len(words.split()) - 1)
        done = start(_UNWEAVE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
        assert wanted in done.out.split()


def test_no_arguments_shows_help(say):
    assert "Usage" in say().out + say().err


def test_an_unknown_verb_or_option_is_a_usage_error(say):
    for arguments in (["seperate"], ["separate", "x", "--formt", "wav"], ["info"]):
        done = say(*arguments)
        assert done.code == 2
        assert done.out == "" or "Usage" in done.out


def test_models(say):
    listed = say("models")
    assert listed.code == 0
    assert "spleeter-2stems" in listed.out
    assert "vocals, accompaniment" in listed.out
    assert say("models", "list").out == listed.out

    [facts] = [f for f in say("models", "list", "--json").json if f["name"] == "spleeter-2stems"]
    shown = say("models", "show", "spleeter-2stems", "--json").json
    assert facts == shown
    assert facts["stems"] == ["vocals", "accompaniment"]
    assert say("models", "--json").json == say("models", "list", "--json").json

    shown = say("models", "show", "spleeter-2stems").out
    assert "sample rate hz: 44100" in shown
    assert facts["weights"]["sha256"] in shown

    path = say("models", "path", "spleeter-2stems")
    assert path.out.strip() == facts["weights_path"]
    assert path.out.strip().endswith(".safetensors")


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_of_models_is_a_table_that_breaks_no_word(say, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = say("models", "list").out.splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[0] == "Networks"
    assert lines[1].split()[:2] == ["name", "size"]
    assert lines[2].split()[:3] == ["*", "spleeter-2stems", "(default)"]
    techniques = lines.index("Classical techniques")
    research = lines.index("Networks of unweave-mir1k")
    assert lines[research - 1] == lines[techniques - 1] == ""
    scores = " " * 6  # where the terminal is narrow, they stand below their model
    rows = [line for line in lines[research + 2 : techniques - 1] if not line.startswith(scores)]
    assert all(line.startswith("* mir1k-") for line in rows)
    assert len(rows) == 10  # a line each
    assert any(line.startswith("  hpss ") for line in lines[techniques:])
    words = " ".join(lines).split()
    for word in ("microphones:", "spectrogram's", "accompaniment", "right-100"):
        assert word in words


def test_a_file_where_a_verb_should_be_is_for_separate(say, here):
    done = say("my song.mp3")
    assert done.code == 2
    assert "unweave separate 'my song.mp3'" in " ".join(done.err.replace("│", " ").split())
    assert "separate" not in say("seperat").err or "Did you mean" in say("seperat").err
    linked = say("https://example.org/watch?v=1")
    assert linked.code == 2
    assert "downloaded" in linked.err


def test_links_are_not_read(say, here):
    done = say("separate", "https://example.org/watch?v=1")
    assert done.code == 1
    assert "https://example.org/watch?v=1 is a link" in done.err
    assert "download it first" in done.err
    assert done.err.count("\n") == 1


def test_a_folder_that_is_gone_is_one_line(command, here):
    (here / "gone").mkdir()
    line = f"cd gone && rmdir ../gone && {' '.join(command)} separate a.wav"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the current folder is gone; change to another one with cd\n"


def test_a_user_without_a_home_has_the_weights_too(monkeypatch, tmp_path):
    import platformdirs

    from unweave.models import store

    def homeless(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("UNWEAVE_CACHE", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", homeless)
    assert store.cache_folder().is_absolute()


def test_unknown_models_get_a_suggestion(say):
    for verb in ("show", "path"):
        done = say("models", verb, "spleeter-2stem")
        assert done.code == 2
        assert done.err.startswith("error: ")
        assert "spleeter-2stems" in done.err
        assert done.err.count("\n") == 1
    assert say("models", "show", "nonsense", "--json").json["exit_code"] == 2


def test_unforeseen_errors_are_one_line_and_a_traceback_only_on_demand(say, here, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("oops\nand more")

    monkeypatch.setattr("unweave.apps.info.info", broken)
    brief = say("info", "x.mp3")
    assert brief.code == 1
    assert brief.err == "error: unexpected ZeroDivisionError: oops\\nand more (-v shows where)\n"
    long = say("info", "x.mp3", "-v")
    assert "Traceback" in long.err
    assert long.err.startswith("error: unexpected ZeroDivisionError")


@pytest.mark.parametrize(
    "words",
    [
        ["nmf", "learn", "voices", "-o", "card.toml"],
        ["nmf", "learn", "vocals=gone.wav", "-o", "card.toml"],
        ["nmf", "learn", "vocals=a.wav", "-o", "card.json"],
        ["partials", "a.wav", "-o", "a.xls"],
        ["partials", "gone.wav"],
        ["verify", "gone"],
        ["separate", "a.wav", "-m", "no such model"],
        ["separate", "gone.wav", "-m", "hpss"],
        ["benchmark", "--root", "gone", "-s", "hpss"],
        ["train", "gone.toml"],
    ],
)
def test_what_makes_no_sense_is_said_before_any_work(here, say, words):
    soundfile.write("a.wav", np.zeros((800, 1)), 8000)
    done = say(*words)
    assert done.code
    assert "error: " in done.err
    assert "at work" not in done.err


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "verb", [*VERBS, "nmf learn", "stem check", "dataset check", "models show"]
)
def test_help_breaks_lines_where_the_terminal_ends(monkeypatch, verb, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    command = get_command(app)
    context = command.make_context("unweave", [], resilient_parsing=True)
    for word in verb.split():
        command = command.get_command(context, word)
        context = type(context)(command, info_name=word, parent=context)
    lines = command.get_help(context).splitlines()
    width = min(columns, WIDTH) - 2
    examples = [line for line in lines if line.startswith("    unweave ")]
    lines = [line for line in lines if line not in examples]
    assert max(map(len, lines)) <= width
    for line, after in pairwise(lines):
        indent = len(after) - len(after.lstrip())
        if indent > 2 and line[indent - 2 : indent] == "  ":  # the next word had no place before
            assert len(line) + len(after.split()[0]) + 2 > width, (line, after)
    if verb not in GROUPS:
        assert " Example" in "\n".join(lines)
        assert any(line.startswith(f"    unweave {verb} ") for line in examples)
