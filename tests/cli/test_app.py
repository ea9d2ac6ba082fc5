"""The frame: help, version, completion, what is imported when, and how errors read."""

import json
import subprocess
import sys

import pytest

from unweave.cli.app import app

VERBS = ["separate", "models", "info", "verify", "spectrogram", "dataset", "partials"]
VERBS += ["nmf", "evaluate", "benchmark", "report", "train"]
# What only a verb at work needs: libraries that take long to import, and rooms of ours.
HEAVY = {"torch", "numpy", "av", "scipy", "matplotlib", "soundfile", "soxr", "safetensors"}
HEAVY |= {"pytorch_lightning", "tensorboard", "rich.progress", "tomllib"}
HEAVY |= {
    f"unweave.{room}"
    for room in [
        "apps", "bench", "training", "catalog", "engine.run", "pretrained", "separators",
        "networks", "datasets", "io", "dsp", "metrics",
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
    [["--help"], ["--version"], ["separate", "--help"], ["benchmark", "--help"], ["train", "-h"]],
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


def test_the_facts_of_a_card_need_no_torch():
    assert "torch" not in loaded("models", "show", "spleeter-2stems")


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
    assert facts == say("models", "show", "spleeter-2stems", "--json").json
    assert facts["stems"] == ["vocals", "accompaniment"]
    assert say("models", "--json").json == say("models", "list", "--json").json

    shown = say("models", "show", "spleeter-2stems").out
    assert "sample rate hz: 44100" in shown
    assert facts["weights"]["sha256"] in shown

    path = say("models", "path", "spleeter-2stems")
    assert path.out.strip() == facts["weights_path"]
    assert path.out.strip().endswith(".safetensors")


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
