"""Options that say how a separator is run: by name, in the identity, the report and `verify`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unweave
from unweave import registry
from unweave.engine import inference as inferring
from unweave.engine.adapters.bag import Bag
from unweave.engine.adapters.track_normalised import TrackNormalised
from unweave.engine.adapters.wiener import Wiener
from unweave.engine.executor import Executor
from unweave.errors import OutputError, UsageError
from unweave.jobs.reports import read_report, request_of
from unweave.models import cards, store
from unweave.request import differences

NETWORK = "mir1k-dnn"  # the smallest that comes with weights: one channel
RATE_HZ = 16000


def noise(seconds: float = 0.5, channels: int = 1, seed: int = 0) -> np.ndarray:
    wave = np.random.default_rng(seed).normal(0.02, 0.1, (channels, int(seconds * RATE_HZ)))
    return wave.astype(np.float32)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise().T, RATE_HZ, "FLOAT")
    return path


@pytest.fixture
def card(tmp_path: Path):  # type: ignore[no-untyped-def]
    """card(name, normalise_track): the network's card under another name, weights beside it."""

    def write(name: str, normalise_track: bool = False) -> str:
        source = cards.path(NETWORK)
        text = source.read_text(encoding="utf-8")
        if normalise_track:
            text = text.replace("stems =", "normalise_track = true\nstems =", 1)
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        shutil.copy(source.with_suffix(".safetensors"), path.with_suffix(".safetensors"))
        return str(path)

    return write


BAG = """
version = 2
title = "One network for each stem"
stems = ["vocals", "accompaniment"]
sample_rate_hz = 16000
channels = 1
licence_code = "MIT"
licence_weights = "research"
paper = "none"
training_data = "none"

[bag]
members = {members}
matrix = [[1.0, 0.0], [0.0, 1.0]]
"""


@pytest.fixture
def bag(tmp_path: Path):  # type: ignore[no-untyped-def]
    """bag(first, second): a card of a bag, with a member for each stem."""

    def write(*members: str) -> str:
        path = tmp_path / "bag.toml"
        path.write_text(BAG.replace("{members}", json.dumps(members)))
        return str(path)

    return write


# ---- the level of the whole recording ----


def test_a_card_may_want_the_recording_at_one_level(card, song) -> None:
    """The numbers of Demucs: `x = (x - mean) / (std + 1e-8)`, and back."""
    mix = torch.from_numpy(noise(2.0, 2))
    found = unweave.separate(mix, RATE_HZ, model=card("mine", normalise_track=True))
    for channel in range(2):  # the network takes one channel: each is a recording to it
        one = mix[channel : channel + 1]
        mean, deviation = one.mean(), one.std() + 1e-8
        plain = unweave.separate((one - mean) / deviation, RATE_HZ, model=NETWORK)
        want = plain["vocals"] * deviation.numpy() + mean.numpy()
        np.testing.assert_allclose(found["vocals"][channel], want[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(sum(found.values()), mix, rtol=0, atol=1e-6)


def test_whoever_is_made_of_such_networks_takes_the_level_once(card, bag) -> None:
    one, two = card("one", normalise_track=True), card("two", normalise_track=True)
    loaded = registry.load(bag(one, two), wiener=1)
    assert isinstance(loaded, TrackNormalised)
    assert isinstance(loaded.separator, Wiener)
    assert isinstance(loaded.separator.separator, Bag)
    assert registry.resolve(bag(one, two), {})[0].weights_sha256 == loaded.spec.weights_sha256
    folder = Path(one).parent
    for use in (
        '{ augmented = { separator = "one.toml" } }',
        '{ bag = { members = ["one.toml", "two.toml"] } }',
        '{ overlap = { separator = "one.toml", fraction = 0.5 } }',
        '{ precision = { separator = "one.toml", dtype = "bfloat16" } }',
    ):
        preset = folder / "preset.toml"
        stems = '["vocals", "accompaniment"]'
        preset.write_text(f'version = 1\ntitle = "t"\nstems = {stems}\nuse = {use}\n')
        made = registry.load(str(preset))
        assert isinstance(made.separator, TrackNormalised), use  # type: ignore[union-attr]


def test_a_stream_gives_what_the_files_hold(card, song, tmp_path) -> None:
    """The recording is read once more before the first block."""
    model = card("mine", normalise_track=True)
    with unweave.stream(song, tmp_path / "o", model, stems="vocals") as blocks:
        waves = [block.stems["vocals"] for block in blocks]
    written, _ = soundfile.read(tmp_path / "o" / "song" / "vocals.wav", dtype="float32")
    np.testing.assert_array_equal(np.concatenate(waves, -1)[0], written)


# ---- members ----


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The names of the cards whose weights are read, one after the other."""
    names: list[str] = []
    weights = store.weights

    def counted(card, *more):  # type: ignore[no-untyped-def]
        names.append(card.name)
        return weights(card, *more)

    monkeypatch.setattr(store, "weights", counted)
    return names


@pytest.mark.parametrize("normalise_track", [False, True])
def test_weights_of_members_that_no_stem_needs_are_not_read(
    card, bag, song, tmp_path, read, normalise_track
) -> None:
    model = bag(card("one", normalise_track), card("two", normalise_track))
    whole = unweave.separate_file(song, tmp_path / "whole", model)
    assert read == ["one", "two"]
    for stem, member in (("vocals", "one"), ("accompaniment", "two")):
        read.clear()
        report = unweave.separate_file(song, tmp_path / stem, model, stems=stem)
        assert read == [member]
        [entry] = report["stems"]
        assert entry["sha256"] in [each["sha256"] for each in whole["stems"]]
        assert report["null_test_db"] is None
        assert unweave.verify(tmp_path / stem / "song").agrees
        read.clear()
        options = {"complement": "left", "overlap": 0.5, "shifts": 2}
        report = unweave.separate_file(song, tmp_path / f"{stem}2", model, stems=stem, **options)
        assert read == [member]
        assert report["null_test_db"] < -120
    read.clear()
    unweave.separate(noise(), RATE_HZ, model, stems="vocals")
    assert read == ["one"]
    read.clear()
    unweave.separate(noise(), RATE_HZ, model, stems="vocals,residual")
    assert read == ["one", "two"]


def test_other_stems_are_other_members_to_an_executor(card, bag, read) -> None:
    model, executor = bag(card("one"), card("two")), Executor(keep_models=3)
    whole = unweave.separate(noise(), RATE_HZ, model)
    read.clear()
    for stem in ("vocals", "accompaniment", "vocals"):
        found = unweave.separate(noise(), RATE_HZ, model, stems=stem, executor=executor)
        np.testing.assert_array_equal(found[stem], whole[stem])
    assert read == ["one", "two"]


def test_only_what_the_stems_need_is_fetched(card, bag) -> None:
    model = bag(card("one"), card("two"))
    names = {
        stems: [each.name for each in registry.with_weights(model, stems)]
        for stems in [(), ("vocals",), ("accompaniment",), ("vocals", "residual")]
    }
    assert names == {
        (): ["one", "two"],
        ("vocals",): ["one"],
        ("accompaniment",): ["two"],
        ("vocals", "residual"): ["one", "two"],
    }
    assert [each.name for each in registry.with_weights("spleeter-hpss", ("vocals",))] == [
        "spleeter-2stems"
    ]


# ---- identity, report, verify ----

OPTIONS = {
    "overlap": {"overlap": 0.5},
    "shifts": {"shifts": 2},
    "shift seed": {"shifts": 2, "seed": 5},
    "complement": {"stems": "vocals", "complement": "instrumental"},
    "precision": {"precision": "bfloat16"},
}


@pytest.fixture
def with_bfloat16(monkeypatch) -> None:
    """As on a processor that has it; others compute the same, slowly."""
    monkeypatch.setattr(inferring, "_on_cpu", lambda precision: True)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_counts_is_recorded_and_repeated(name, song, tmp_path, with_bfloat16) -> None:
    options, folder = OPTIONS[name], tmp_path / "o"
    base = {"stems": "vocals", **({"shifts": 2} if name == "shift seed" else {})}
    before = unweave.separate_file(song, folder, NETWORK, **base)
    report = unweave.separate_file(song, tmp_path / "p", NETWORK, **{**base, **options})
    assert report["identity"] != before["identity"]
    said = {key: value for key, value in options.items() if key not in ("stems", "seed")}
    assert said.items() <= report["request"]["inference"].items()
    assert report["request"]["inference"]["shift_seed"] == options.get("seed", 0)
    if name != "complement":  # which leaves the other stems as they are
        assert report["stems"][0]["sha256"] != before["stems"][0]["sha256"]
    assert report["null_test_db"] < -120
    assert unweave.verify(tmp_path / "p" / "song").agrees
    again = unweave.separate_file(song, tmp_path / "p", NETWORK, **{**base, **options})
    assert again == report  # finished, and not done again
    [first, *_] = differences(request_of(before), request_of(report))
    assert first.startswith(name)
    with pytest.raises(OutputError, match=f"made with {first.partition(',')[0]}, now"):
        unweave.separate_file(song, folder, NETWORK, **{**base, **options})


def test_a_report_from_before_these_options_is_read(song, tmp_path) -> None:
    unweave.separate_file(song, tmp_path / "o", NETWORK)
    path = tmp_path / "o" / "song" / "report.json"
    report = json.loads(path.read_text())
    del report["request"]["inference"]
    path.write_text(json.dumps(report))
    assert unweave.verify(path).agrees
    assert unweave.separate_file(song, tmp_path / "o", NETWORK)["unweave"]  # finished
    assert read_report(path)["request"]["inference"]["shifts"] == 0


def test_a_separator_in_memory_takes_them_too(song, tmp_path) -> None:
    loaded = unweave.load(NETWORK)
    named = {"overlap": 0.5, "shifts": 2, "seed": 3, "complement": "left", "stems": "vocals"}
    found = unweave.separate(song, model=loaded, **named)
    want = unweave.separate(song, model=NETWORK, **named)
    assert list(found) == list(want) == ["vocals", "left"]
    for stem in found:
        np.testing.assert_array_equal(found[stem], want[stem])
    np.testing.assert_array_equal(found["left"], noise() - found["vocals"])
    with pytest.raises(UsageError, match="'seed' would not be applied"):
        unweave.separate(song, model=loaded, seed=3)
    with pytest.raises(UsageError, match=f"{NETWORK} gives .*: choose another name"):
        unweave.separate(song, model=loaded, complement="accompaniment", stems="vocals")


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"overlap": 1}, "overlap must be a number or none, at least 0, at most 0.99; got 1"),
        ({"overlap": float("nan")}, "overlap must be a number"),
        ({"overlap": "0.5"}, "overlap must be a number"),
        ({"shifts": -1}, "shifts must be a whole number, at least 0"),
        ({"shifts": 1.5}, "shifts must be a whole number"),
        ({"precision": "float8"}, "precision must be one of float32, bfloat16, float16"),
        ({"complement": " "}, "complement must be one name, as in 'instrumental'"),
        ({"complement": "a,b"}, "complement must be one name"),
        ({"complement": "rest"}, "its stems sum to the mix and leave nothing for 'rest'"),
        ({"complement": "rest", "stems": "vocals,rest,drums"}, "has no stem 'drums'"),
        ({"shift_seed": 3}, "no option 'shift_seed'"),
        ({"model": "repet", "overlap": 0.5}, "repet takes the whole recording at once"),
        ({"model": "spleeter-2stems", "overlap": 0.5}, "spleeter-2stems: its own transform"),
        ({"model": "spleeter-hpss", "overlap": 0.5}, "spleeter-2stems: its own transform"),
        ({"model": "hpss", "precision": "bfloat16"}, "hpss computes in float32 alone"),
        ({"model": "spleeter-2stems", "precision": "float16"}, "2stems computes in float32 alone"),
    ],
)
def test_a_wrong_one_is_one_line_before_any_work(song, tmp_path, given_, words) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        unweave.separate_file(song, tmp_path / "o", **{"model": NETWORK, **given_})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "o").exists()


BOTH = ("vocals", "accompaniment")
REQUESTS = st.fixed_dictionaries(
    {
        "stems": st.sampled_from([BOTH, BOTH[:1], BOTH[1:]]),
        "format": st.sampled_from(["wav", "flac"]),
        "bit_depth": st.sampled_from([None, 16]),
        "overlap": st.sampled_from([None, 0.6]),
        "shifts": st.integers(0, 2),
        "seed": st.integers(0, 1),
        "precision": st.sampled_from(["float32", "bfloat16"]),
        "complement": st.sampled_from([None, "instrumental"]),
    }
).filter(lambda asked: asked["complement"] is None or asked["stems"] != BOTH)


def counts(asked: dict) -> list[object]:
    """What of a request changes bytes."""
    floats = asked["format"] == "wav" and asked["bit_depth"] is None
    whole = floats and asked["complement"] is None
    kept = ("format", "bit_depth", "overlap", "shifts", "precision", "complement")
    return [
        *(asked[key] for key in kept),
        asked["seed"] if asked["shifts"] else 0,
        None if whole else asked["stems"],
    ]


def files(asked: dict) -> set[str]:
    names = (*asked["stems"], *filter(None, [asked["complement"]]))
    return {f"{name}.{asked['format']}" for name in names}


@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=REQUESTS, second=REQUESTS, length=st.integers(1, RATE_HZ // 4))
def test_whatever_is_combined(first, second, length, tmp_path_factory, with_bfloat16) -> None:
    """Exact lengths, nothing lost, the same bytes again, finished work known from other work."""
    folder = tmp_path_factory.mktemp("combined")
    mix = 8 * noise(seed=1)[:, :length]  # some of its stems clip
    soundfile.write(folder / "song.wav", mix.T, RATE_HZ, "FLOAT")

    def separate(asked: dict) -> dict:
        report = unweave.separate_file(folder / "song.wav", folder, NETWORK, **asked)
        assert {Path(item["path"]).name for item in report["stems"]} >= files(asked)
        assert {item["samples"] for item in report["stems"]} == {length}
        assert report["null_test_db"] < -100
        return report

    one = separate(first)
    assert unweave.verify(folder / "song").agrees
    equal = counts(first) == counts(second)
    if files(first) & files(second) and not equal:
        with pytest.raises(OutputError, match="is there, made with"):
            separate(second)
    else:
        two = separate(second)
        assert (one["identity"] == two["identity"]) == equal
        for report in (folder / "song").glob("*.json"):
            assert unweave.verify(report).agrees
