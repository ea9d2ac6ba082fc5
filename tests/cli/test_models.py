"""`unweave models` on a technique: its options can be read and typed back."""

import json

from typer.testing import CliRunner

from unweave.cli.app import app


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["models", *words])
    return done.exit_code, done.output


def test_a_technique_shows_its_options_a_line_each() -> None:
    code, output = run("show", "hpss")
    assert code == 0
    assert (
        "  power = 2.0: exponent of the masks: the higher, the harder; above 0, at most 16"
        in output
    )


def test_a_technique_as_json() -> None:
    code, output = run("show", "repet", "--json")
    assert code == 0
    facts = json.loads(output)
    assert facts["stems"] == ["vocals", "accompaniment"]
    assert facts["parameters"]["period_s"]["default"] is None


def test_a_technique_has_no_weights_to_point_at() -> None:
    code, output = run("path", "hpss")
    assert code == 2
    assert "hpss is a classical technique: it has no weights" in output
