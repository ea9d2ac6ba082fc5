"""`unweave models` on a technique: its options can be read and typed back."""

import json

import pytest
from typer.testing import CliRunner

from unweave import catalog
from unweave.cli.app import app


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["models", *words])
    return done.exit_code, done.output


def test_a_technique_shows_its_options_a_line_each() -> None:
    code, output = run("show", "hpss")
    assert code == 0
    limits = "(a number, above 0, at most 16)"
    assert f"  power = 2.0: exponent of the masks: the higher, the harder {limits}" in output


def test_a_technique_as_json() -> None:
    code, output = run("show", "repet", "--json")
    assert code == 0
    facts = json.loads(output)
    assert facts["stems"] == ["vocals", "accompaniment"]
    assert facts["options"]["period_s"] == {
        **facts["options"]["period_s"],
        "default": None,
        "unit": "s",
        "type": "a number or none",
    }


@pytest.mark.parametrize("name", catalog.names())
def test_show_lists_exactly_the_options_that_load_takes(name: str) -> None:
    takes = [item.name for item in catalog.declared(name)]
    code, output = run("show", name)
    assert code == 0
    shown = output.partition("options (--set NAME=VALUE):\n")[2].splitlines()
    assert [line.split()[0] for line in shown] == takes
    assert list(json.loads(run("show", name, "--json")[1])["options"]) == takes


@pytest.mark.parametrize("name", catalog.names())
def test_show_is_for_reading(name: str) -> None:
    facts, output = catalog.describe(name), run("show", name)[1]
    assert output.startswith(f"{name}: {facts.title}\n")
    assert output.count(facts.title) == 1
    assert "**" not in output
    assert "`" not in output
    assert "*" not in output.replace("|_*", "")  # the nuclear norm
    empty = [line for line in output.splitlines() if line.endswith((": ", ": True", ": False"))]
    assert not empty


def test_an_option_that_names_a_file_says_so() -> None:
    assert (
        "dictionaries = none: a card that 'unweave nmf learn' wrote (a file or none)"
        in run("show", "nmf")[1]
    )


def test_a_technique_has_no_weights_to_point_at() -> None:
    code, output = run("path", "hpss")
    assert code == 2
    assert "hpss is a classical technique: it has no weights" in output
