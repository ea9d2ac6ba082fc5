"""Options, models and runs that meet: each is tested by itself elsewhere, here two or three."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import unweave
from tests.evaluation import fakes
from tests.jobs.fakes import asked
from unweave import datasets
from unweave.core.plan import Segmentation
from unweave.core.status import Status
from unweave.engine import executor as executors
from unweave.engine import inference as inferring
from unweave.errors import InputError, MemoryLimitError, OutputError, UsageError
from unweave.jobs import prepare, run
from unweave.models import cards
from unweave.models import options as networks
from unweave.types import Spec

NETWORK = "mir1k-dnn"  # the smallest that comes with weights: one channel
RATE_HZ = 16000


def noise(seconds: float = 0.5, channels: int = 1, seed: int = 0) -> np.ndarray:
    wave = np.random.default_rng(seed).normal(0.02, 0.1, (channels, int(seconds * RATE_HZ)))
    return wave.astype(np.float32)


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    soundfile.write("song.wav", noise().T, RATE_HZ, "FLOAT")
    return Path("song.wav")


class Watcher:
    """Of a batch: takes no notice."""

    def started(self, job: Any) -> None: ...

    def progress(self, job: Any, progress: Any) -> None: ...

    def finished(self, outcome: Any) -> None: ...


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
members = ["one.toml", "two.toml"]
matrix = [[1.0, 0.0], [0.0, 1.0]]
"""


@pytest.fixture
def bag(tmp_path: Path) -> str:
    """A bag of the network twice, under two names."""
    source = cards.path(NETWORK)
    for name in ("one", "two"):
        for suffix in (".toml", ".safetensors"):
            shutil.copy(source.with_suffix(suffix), tmp_path / f"{name}{suffix}")
    (tmp_path / "bag.toml").write_text(BAG)
    return str(tmp_path / "bag.toml")


# ---- files and processes ----


PRESET = """
version = 1
title = "Less of a noise"
stems = ["signal", "noise"]
use = { separator = "spectral-subtraction", options = { noise = "noise.wav" } }
"""


def test_two_jobs_with_a_preset_that_names_files(song: Path) -> None:
    """The child processes find the preset's files, which lie beside it and not here."""
    Path("presets").mkdir()
    Path("presets/quiet.toml").write_text(PRESET)
    soundfile.write("presets/noise.wav", noise(seed=1).T, RATE_HZ, "FLOAT")
    shutil.copy(song, "other.wav")
    batch = prepare([song, "other.wav"], asked("presets/quiet.toml"), Path("two"))
    outcomes = run(batch.jobs, batch.request, Watcher(), workers=2)
    assert [outcome.error for outcome in outcomes] == ["", ""]
    one = unweave.separate_file(song, "one", "presets/quiet.toml")
    for outcome in outcomes:
        assert outcome.report is not None
        found, want = outcome.report["stems"], one["stems"]
        assert [each["sha256"] for each in found] == [each["sha256"] for each in want]


def test_verify_says_which_member_of_a_bag_was_replaced(song: Path, bag: str) -> None:
    unweave.separate_file(song, "o", bag)
    card = Path(bag).with_name("two.toml")
    card.write_text(card.read_text().replace("title =", "# another\ntitle ="))
    assert unweave.verify("o/song").agrees  # a card that says the same
    other = cards.path("mir1k-drnn-2")
    for suffix in (".toml", ".safetensors"):
        shutil.copy(other.with_suffix(suffix), card.with_suffix(suffix))
    with pytest.raises(InputError, match=r"the weights of the member .*two\.toml differ: report"):
        unweave.verify("o/song")
    with pytest.raises(OutputError, match="made with other weights of two"):
        unweave.separate_file(song, "o", bag)


AGAIN = {
    "overlap": {"overlap": 0.5},
    "shifts": {"shifts": 2},
    "tta": {"tta": "invert"},
    "precision": {"precision": "bfloat16"},
    "complement": {"stems": "vocals", "complement": "accompaniments"},
}


@pytest.mark.parametrize("name", AGAIN)
def test_other_options_over_the_outputs_of_a_run_are_other_work(
    name: str, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not finished, not silently replaced, and finished once it is done again."""
    monkeypatch.setattr(inferring, "_on_cpu", lambda precision: True)
    first = unweave.separate_file(song, "o", NETWORK)
    before = {path: path.read_bytes() for path in Path("o").rglob("*.wav")}
    with pytest.raises(OutputError, match=f"made with {name}"):
        unweave.separate_file(song, "o", NETWORK, **AGAIN[name])
    assert {path: path.read_bytes() for path in Path("o").rglob("*.wav")} == before
    done = unweave.separate_file(song, "o", NETWORK, overwrite=True, **AGAIN[name])
    assert done["identity"] != first["identity"]
    assert unweave.separate_file(song, "o", NETWORK, **AGAIN[name]) == done
    vocals = Path("o/song/vocals.wav").read_bytes()
    # What else comes out, and masks of an inverted mix, which are the same: no byte of the vocals.
    same = name in ("complement", "tta")
    assert (vocals == before[Path("o/song/vocals.wav")]) == same


# ---- how networks are run ----


def test_a_precision_reaches_the_members_of_a_bag_that_have_it(
    song: Path, bag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inferring, "_on_cpu", lambda precision: True)
    spec = networks.spec

    def of_card(card: cards.Card, options: Any) -> Spec:
        return replace(spec(card, options), mixed_precision=card.name != "two")

    monkeypatch.setattr(networks, "spec", of_card)
    whole = unweave.separate_file(song, "whole", bag)
    low = unweave.separate_file(song, "low", bag, precision="bfloat16")
    same = [
        one["sha256"] == other["sha256"]
        for one, other in zip(whole["stems"], low["stems"], strict=True)
    ]
    assert same == [False, True]  # vocals are the first member's, the accompaniment the second's
    assert unweave.verify("low/song").agrees
    with pytest.raises(UsageError, match="computes in float32 alone: leave out the precision"):
        unweave.separate_file(song, "two", bag, precision="bfloat16", stems="accompaniment")


class Segments:
    """Halves the mix; a segment is 100 MB of work."""

    spec = Spec(
        name="segments",
        stems=("a", "b"),
        complement="b",
        additive=True,
        sample_rate_hz=RATE_HZ,
        segmentation=Segmentation(length_s=0.25, fade_s=0.05),
        bytes_per_sample=100e6 / (0.25 * RATE_HZ),
    )

    def to(self, device: str) -> Segments:
        return self

    def __call__(self, mix: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
        return torch.stack([mix / 2, mix / 2], dim=1)


def test_shifts_need_the_memory_of_that_many_segments(
    song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "current_memory_mb", lambda: 0.0)

    def separate(shifts: int, max_memory_mb: int) -> dict[str, Any]:
        name = f"{shifts}-{max_memory_mb}"
        given = {"shifts": shifts, "max_memory_mb": max_memory_mb}
        return dict(unweave.separate_file(song, name, Segments(), **given))

    assert separate(0, 150)["execution"]["batch"] == 1
    with pytest.raises(MemoryLimitError, match=r"segments needs about 300 MB .* limit is 250 MB"):
        separate(3, 250)
    assert not Path("3-250").exists()
    tight, wide = separate(3, 350), separate(3, 650)
    assert tight["execution"]["batch"] == 1
    assert [each["sha256"] for each in tight["stems"]] == [e["sha256"] for e in wide["stems"]]
    assert tight["null_test_db"] < -120


CHAIN = """
version = 1
title = "Vocals, then what is left in two"
stems = ["vocals", "harmonic", "percussive"]
[use.chain]
first = "mir1k-dnn"
stem = "accompaniment"
then = "hpss"
"""


def test_the_complement_of_several_stems_of_a_chain(song: Path) -> None:
    Path("chain.toml").write_text(CHAIN)
    every = unweave.separate(song, model="chain.toml")
    for stems in ("vocals,percussive", "harmonic,vocals", "percussive"):
        found = unweave.separate(song, model="chain.toml", stems=stems, complement="rest")
        *taken, rest = found
        assert (set(taken), rest) == (set(stems.split(",")), "rest")
        for stem in taken:
            np.testing.assert_array_equal(found[stem], every[stem])
        left = noise().astype(np.float64) - sum(found[stem].astype(np.float64) for stem in taken)
        np.testing.assert_allclose(found["rest"], left, rtol=0, atol=1e-6)
    report = unweave.separate_file(
        song, "o", "chain.toml", stems="vocals,percussive", complement="rest"
    )
    assert report["null_test_db"] < -120
    assert unweave.verify("o/song").agrees


@pytest.mark.parametrize("channels", [1, 2])
def test_24_bits_of_another_rate_through_a_model_of_one_channel(
    channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked for has the recording's rate, channels and length, and no other stem comes."""
    monkeypatch.chdir(tmp_path)
    wave = 0.1 * np.random.default_rng(0).standard_normal((30011, channels))
    soundfile.write("song.wav", wave, 44100, "PCM_24")
    options = {"stems": "vocals", "complement": "rest", "bit_depth": 24}
    report = unweave.separate_file("song.wav", "o", NETWORK, **options)
    assert {path.name for path in Path("o/song").iterdir()} == {
        "vocals.wav", "rest.wav", "report.json"
    }  # fmt: skip
    total = np.zeros_like(wave)
    for stem in report["stems"]:
        info = soundfile.info(Path("o/song", stem["path"]))
        assert (info.samplerate, info.channels, info.frames) == (44100, channels, 30011)
        assert info.subtype == "PCM_24"
        total += soundfile.read(Path("o/song", stem["path"]), always_2d=True)[0]
    assert report["gain_db"] == 0
    assert np.abs(total - soundfile.read("song.wav", always_2d=True)[0]).max() <= 2**-22
    assert unweave.verify("o/song").agrees


# ---- benchmark ----


def test_a_silent_estimate_of_the_only_track_has_no_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its vocals have no score: the table says so, and whose are best is of the others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load", lambda *_, **__: [fakes.duet("a")])
    mix = fakes.duet("a").mix()
    for stem, wave in (("vocals", 0 * mix), ("accompaniment", mix)):
        Path("mine/a").mkdir(parents=True, exist_ok=True)
        soundfile.write(f"mine/a/{stem}.wav", wave.T, fakes.RATE_HZ, "FLOAT")
    result = unweave.benchmark(
        "synthetic", separators=[fakes.Share(0.5)], estimates={"silent": "mine"}, output="out"
    )
    assert [outcome.status for outcome in result] == [Status.DONE] * 2
    table, *_ = result.tables()
    rows = {row.label: dict(zip(table.names, row.values, strict=True)) for row in table.rows}
    assert np.isnan(rows["silent"]["vocals"])
    assert np.isfinite(rows["silent"]["accompaniment"])
    assert ("silent", "vocals") not in {(row.label, name) for row, name in table.best()}
    assert "silent" in str(result)
