"""`a+b` and `a>vocals>b` as names like any other: facts, options, identity, verification."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unweave
from tests.test_presets import ENSEMBLE
from unweave import registry
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.ensemble import Ensemble
from unweave.errors import InputError, OutputError, UsageError
from unweave.registry.facts import facts
from unweave.request import SeparationRequest, differences

RATE_HZ = 8000


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, (RATE_HZ, 2)).astype(np.float32)
    soundfile.write("song.wav", wave, RATE_HZ, "FLOAT")
    return Path("song.wav")


def test_an_ensemble_equals_its_adapter(song: Path) -> None:
    two = unweave.load("repet"), unweave.load("ft2d")
    found = unweave.separate(song, model="repet+ft2d", ensemble_weights=[2, 1])
    expected = unweave.separate(song, model=Ensemble(two, weights=(2.0, 1.0)))
    assert list(found) == ["vocals", "accompaniment"]
    for stem in found:
        np.testing.assert_array_equal(found[stem], expected[stem])
    found = unweave.separate(song, model="repet+ft2d", ensemble="max_fft")
    expected = unweave.separate(song, model=Ensemble(two, "max_fft"))
    np.testing.assert_array_equal(found["vocals"], expected["vocals"])


def test_a_chain_equals_its_adapter(song: Path) -> None:
    by_hand = Chain(unweave.load("repet"), "accompaniment", unweave.load("hpss"))
    expected = unweave.separate(song, model=by_hand)
    by_name = unweave.separate(song, model="repet>accompaniment>hpss")
    by_steps = unweave.separate(song, model="repet", then="instrumental:hpss")
    for found in (by_name, by_steps):
        assert list(found) == ["vocals", "harmonic", "percussive"]
        for stem in found:
            np.testing.assert_array_equal(found[stem], expected[stem])
    mix, _ = soundfile.read(song, dtype="float32")
    left = mix.T - sum(by_name.values())
    assert 10 * np.log10((left**2).sum() / (mix**2).sum()) < -120


def test_the_report_names_every_member_and_verify_repeats_it(song: Path) -> None:
    how = {"ensemble": "median_wave", "seed": 3}
    done = unweave.separate_file(song, "o", "repet+mir1k-dnn", then="accompaniment:hpss", **how)
    pinned = SeparationRequest.from_json(json.loads(json.dumps(done["request"]))).separator
    both, hpss = pinned.members
    assert (pinned.model, both.name, hpss.name) == (
        "repet+mir1k-dnn>accompaniment>hpss", "repet+mir1k-dnn", "hpss"
    )  # fmt: skip
    assert [member.weights_sha256 is not None for member in both.members] == [False, True]
    assert both.options["ensemble"] == "median_wave"
    assert "research" in done["separator"]["licence"]
    assert unweave.verify("o/song").agrees
    again = unweave.separate_file(song, "o", "repet+mir1k-dnn>accompaniment>hpss", **how)
    assert again == done
    with pytest.raises(OutputError, match="the option ensemble=median_wave, now avg_wave"):
        unweave.separate_file(song, "o", "repet+mir1k-dnn>accompaniment>hpss")


def test_a_seed_is_for_the_parts_that_take_one() -> None:
    one, other = (registry.request("repet+ft2d>vocals>nmf", seed=seed) for seed in (1, 2))
    assert one.identity() != other.identity()
    both, nmf = one.separator.members
    assert nmf.options["seed"] == 1
    assert "seed" not in both.options
    assert set(differences(one, other)) == {"the option seed=1, now 2"}


def test_parts_may_lie_at_paths(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("presets").mkdir()
    Path("presets/mine.toml").write_text(ENSEMBLE)
    done = unweave.separate_file(song, "o", "presets/mine.toml+repet")
    path = str(Path("presets/mine.toml").absolute())
    pinned = SeparationRequest.from_json(done["request"]).separator
    assert (pinned.name, pinned.model) == ("mine+repet", f"{path}+repet")
    assert Path(path) in registry.files_read(pinned)
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert unweave.verify("../o/song").agrees
    Path(path).write_text(ENSEMBLE.replace("[2, 1]", "[1, 1]"))
    with pytest.raises(InputError, match=r"the file of the member .*mine\.toml differs"):
        unweave.verify("../o/song")
    outer = Path(path).with_name("outer.toml")
    outer.write_text(
        'version = 1\ntitle = "t"\nstems = ["vocals", "accompaniment"]\n'
        'use = { separator = "mine.toml+repet", options = { ensemble = "min_fft" } }\n'
    )
    both = registry.request("../presets/mine.toml+../presets/mine.toml>vocals>../presets/mine.toml")
    assert both.separator.model == f"{path}+{path}>vocals>{path}"
    Path("a+b.toml").write_text(ENSEMBLE)
    assert registry.request("a+b.toml").separator.name == "a+b"
    inner = registry.request(str(outer)).separator.members[0]
    assert inner.model == f"{path}+repet"
    assert inner.options["ensemble"] == "min_fft"


def test_its_facts_are_those_of_its_parts() -> None:
    known = facts("repet+spleeter-4stems>accompaniment>hpss")
    assert known["stems"] == ("vocals", "harmonic", "percussive")
    assert known["made_of"] == ["repet", "spleeter-4stems", "hpss"]
    assert "accompaniment: accompaniment of repet, what the vocals of" in known["notes"]
    assert list(known["options"]) == ["ensemble", "ensemble_weights"]
    assert "preset_path" not in known
    assert registry.with_weights("repet+spleeter-4stems")[0].name == "spleeter-4stems"
    # An ensemble leaves a residual or not by how it is joined, which its name does not say.
    needed = registry.with_weights("repet+spleeter-2stems", ["vocals", "residual"])
    assert [card.name for card in needed] == ["spleeter-2stems"]
    assert registry.trained_on("mir1k-dnn+repet") == registry.trained_on("mir1k-dnn")
    assert registry.installed("repet+hpss>vocals>ft2d")
    assert not registry.installed("repet+/etc/passwd")
    assert not registry.installed("repet>vocals>mine.toml")
    assert not {"repet+hpss"} & set(registry.names())


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("repet+hpss", {}, "repet+hpss: no stem is common to all: repet gives vocals"),
        ("repet+ft2", {}, "no model is called 'ft2'; perhaps you mean ft2d"),
        ("repet+", {}, "repet+: a name lacks"),
        ("repet>vocals", {}, "repet>vocals: a chain names a model, a stem and a model"),
        ("repet>drums>hpss", {}, "repet has no stem 'drums'; it gives vocals, accompaniment"),
        ("repet+ft2d", {"ensemble": "best"}, "ensemble must be one of avg_wave"),
        ("repet+ft2d", {"ensemble_weights": "2"}, "weights must be one above 0 for each member"),
        ("repet+ft2d", {"ensemble_weights": "2,-1"}, "weights must be one above 0"),
        ("repet+ft2d", {"ensemble_weights": "2;1"}, "must be numbers joined by commas"),
        ("repet+ft2d", {"ensemble_weights": "1,2", "ensemble": "max_fft"}, "takes no weights"),
        ("repet+ft2d", {"wiener": 1}, "has no option 'wiener'"),
        (
            "repet",
            {"ensemble": "max_fft"},
            "ensemble joins several models: name them, as in repet+",
        ),
        ("repet>vocals>ft2d+repet", {"ensemble": "max_fft"}, "ensemble joins several models"),
        ("repet", {"then": "vocals"}, "then names a stem and what separates it further"),
        ("repet+hpss>vocals>x", {}, "no model is called 'x'"),
    ],
)
def test_what_cannot_be_is_one_line_before_work(
    model: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        registry.request(model, options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_chain_of_itself_in_a_preset_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'version = 1\ntitle = "t"\nstems = ["vocals", "accompaniment"]\n'
        'use = { separator = "mine.toml+repet" }\n'
    )
    with pytest.raises(UsageError, match="is a cycle"):
        registry.request(str(path))
