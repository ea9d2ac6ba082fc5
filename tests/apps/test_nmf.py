import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from unweave import registry
from unweave.api import separate_file
from unweave.apps.nmf import learn
from unweave.errors import Cancelled, InputError, OutputError, UnweaveError, UsageError
from unweave.jobs.verify import verify

OPTIONS = {"components": 3, "iterations": 5}


def write(path: Path, seed: int, rate_hz: int = 16000) -> Path:
    wave = np.random.default_rng(seed).normal(size=(rate_hz, 2)) * 0.1
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate_hz, format="WAV")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset of two tracks with two stems."""
    for n, track in enumerate(("a", "b")):
        for m, stem in enumerate(("vocals", "drums")):
            write(tmp_path / "set" / track / f"{stem}.wav", 2 * n + m)
    return tmp_path / "set"


def test_recordings_and_folders_of_them_are_learned_from(tmp_path: Path) -> None:
    for n in range(2):
        write(tmp_path / "voices" / f"{n}.wav", n)
    drum = write(tmp_path / "drum.wav", 5)
    card = tmp_path / "out" / "card.toml"
    told = []
    found = learn(
        card, [f"vocals={tmp_path / 'voices'}", f"drums={drum}"],
        steps=2, licence="mine", options=OPTIONS, on_progress=told.append,
    )  # fmt: skip
    assert found.recordings == {"vocals": 2, "drums": 1}
    assert found.seconds == {"vocals": 2.0, "drums": 1.0}
    assert found.components == {"vocals": 3, "drums": 3}
    assert found.sha256 == hashlib.sha256(found.weights.read_bytes()).hexdigest()
    assert [round(at.done_s, 3) for at in told] == [1.5, 3.0]
    facts = tomllib.loads(card.read_text())
    assert facts["licence"] == "mine"
    assert facts["weights"]["file"] == found.weights.name
    assert facts["origin"]["vocals"]["recordings"] == [
        str(tmp_path / "voices" / f"{n}.wav") for n in range(2)
    ]
    separator = registry.load("nmf", dictionaries=str(card))
    assert separator.spec.stems == ("vocals", "drums")
    assert separator.spec.weights_sha256 == found.sha256
    assert [path.name for path in card.parent.iterdir() if path.name.startswith(".")] == []


def test_what_dictionaries_separated_is_finished_and_comes_out_again(tmp_path: Path) -> None:
    examples = [f"{stem}={write(tmp_path / stem, n)}" for n, stem in enumerate(("vocals", "drums"))]
    song = write(tmp_path / "song.wav", 3)
    card = tmp_path / "card.toml"
    learn(card, examples, steps=0, options=OPTIONS)
    first = separate_file(song, tmp_path / "out", "nmf", dictionaries=str(card))
    assert separate_file(song, tmp_path / "out", "nmf", dictionaries=str(card)) == first
    assert verify(tmp_path / "out" / "song").agrees
    learn(card, examples, steps=0, options={**OPTIONS, "components": 2})
    with pytest.raises(OutputError, match=r"made with other content of .*card\.toml"):
        separate_file(song, tmp_path / "out", "nmf", dictionaries=str(card))


def test_the_stems_of_a_dataset_are_learned(folder: Path, tmp_path: Path) -> None:
    found = learn(tmp_path / "card.toml", dataset="folder", root=folder, steps=0, options=OPTIONS)
    assert found.recordings == {"vocals": 2, "drums": 2} or found.recordings == {
        "drums": 2, "vocals": 2
    }  # fmt: skip
    assert "folder" in (tmp_path / "card.toml").read_text()


def test_the_same_examples_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    hashes = {
        learn(tmp_path / f"{n}.toml", root=folder, steps=2, options=OPTIONS).sha256
        for n in range(2)
    }
    assert len(hashes) == 1


def test_spectra_survive_being_kept(folder: Path, tmp_path: Path) -> None:
    learn(tmp_path / "card.toml", root=folder, steps=0, options=OPTIONS)
    known = registry.load("nmf", dictionaries=str(tmp_path / "card.toml"))._known  # type: ignore[attr-defined]
    for bases in known.bases.values():
        assert bases.shape == (513, 3)
        torch.testing.assert_close(bases.sum(0), torch.ones(3))


@pytest.mark.parametrize(
    ("output", "examples", "options", "words"),
    [
        ("card.txt", ["a=x.wav"], {}, ".toml"),
        ("card.toml", [], {}, "give examples"),
        ("card.toml", ["a=x.wav"], {"root": Path()}, "one of the two"),
        ("card.toml", ["x.wav"], {}, "STEM=PATH"),
        ("card.toml", ["=x.wav"], {}, "STEM=PATH"),
        ("card.toml", ["a=gone.wav"], {}, "gone.wav: no such file"),
        ("card.toml", ["a=x.wav"], {"steps": -1}, "steps must be"),
        ("card.toml", ["a=x.wav", "b=y.wav"], {}, "one sample rate"),
        ("card.toml", ["a=x.wav"], {"options": {"components": 5000}}, "too few for 5000"),
        ("card.toml", ["a=x.wav"], {"options": {"rank": 3}}, "no option 'rank'"),
        ("card.toml", ["a=x.wav"], {"options": {"wiener": 1}}, "no option 'wiener'"),
        ("card.toml", ["a=x.wav"], {"options": {"sources": 3}}, "sources changes nothing when"),
    ],
)
def test_refused_in_one_line(tmp_path, monkeypatch, output, examples, options, words) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("x.wav"), 0)
    write(Path("y.wav"), 0, 8000)
    with pytest.raises(UnweaveError, match=words) as caught:
        learn(Path(output), examples, **options)
    assert isinstance(caught.value, (UsageError, InputError))
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in Path().iterdir()) == ["x.wav", "y.wav"]


@pytest.mark.parametrize("after", [0, 3])
def test_stopping_leaves_nothing(folder: Path, tmp_path: Path, after: int) -> None:
    asked = iter(range(100))
    with pytest.raises(Cancelled):
        learn(
            tmp_path / "card.toml", root=folder, steps=5, options=OPTIONS,
            should_stop=lambda: next(asked) >= after,
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
