"""Cards of one's own: a second run, `verify` and reports know them by what they hold."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 8000
SETTINGS = {"frame_size": 128, "hop": 64, "width": 8}
CARD = """
version = 2
title = "Tiny"
architecture = "mask_inference"
stems = ["vocals", "accompaniment"]
complement = "accompaniment"
sample_rate_hz = 8000
channels = 1
licence_code = "MIT"
licence_weights = "for tests"
paper = ""
training_data = "none"

[segment]
length = 8000
fade = 800

[config]
frame_size = 128
hop = 64
width = 8

[weights]
sha256 = "{sha256}"
size_bytes = {size_bytes}
"""


def write_card(path: Path, seed: int = 0) -> Path:
    """A card as training leaves it, of a tiny network with random weights, and the weights."""
    import torch

    from unweave.models.mask_inference.model import NETWORK
    from unweave.training.export import weights_file

    kind, network = NETWORK
    torch.manual_seed(seed)
    content = weights_file(network(kind(**SETTINGS)).state_dict())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".safetensors").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    path.write_text(CARD.format(sha256=sha256, size_bytes=len(content)))
    return path


@pytest.fixture
def card(here) -> Path:
    sound = 0.1 * np.random.default_rng(0).standard_normal((RATE_HZ, 1))
    soundfile.write("one.wav", sound, RATE_HZ, subtype="FLOAT")
    return write_card(Path("runs/tiny.toml"))


@pytest.fixture
def again(say, card) -> Callable[..., str]:
    """again(model): separate one.wav into o, and how that ended."""

    def run(model: str | Path = card) -> str:
        done = say("separate", "one.wav", "-m", model, "-o", "o", "--json")
        [file] = done.json["files"]
        return file["status"] if file["error"] is None else file["error"]["message"]

    return run


def stems() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("o/one").glob("*.wav")}


def test_a_second_run_is_finished_and_the_report_verifies(again, say, card, monkeypatch):
    assert again() == "done"
    assert again() == again(card.absolute()) == "skipped"
    facts = json.loads(Path("o/one/report.json").read_text())["request"]["separator"]
    assert (facts["name"], facts["model"]) == ("tiny", str(card.absolute()))
    monkeypatch.chdir("o")  # the report has the card's absolute path
    done = say("verify", "one")
    assert done.code == 0, done.out + done.err


def test_a_card_that_was_moved_is_named_to_verify(again, say, card):
    assert again() == "done"
    shutil.move("runs", "moved")
    assert say("verify", "o/one").code != 0
    done = say("verify", "o/one", "--model", "moved/tiny.toml")
    assert done.code == 0, done.out + done.err
    other = write_card(Path("others/tiny.toml"), seed=1)
    assert "the weights differ" in say("verify", "o/one", "--model", other).err


@pytest.mark.parametrize("change", ["weights", "card"])
def test_what_is_changed_is_another_model(again, card, change):
    assert again() == "done"
    before = stems()
    if change == "weights":
        write_card(card, seed=1)
    else:
        card.write_text(card.read_text().replace("fade = 800", "fade = 400"))
    assert "made with" in (said := again())
    assert "--overwrite" in said
    assert stems() == before


def test_a_card_is_never_taken_for_a_shipped_one_of_its_name(again, card):
    own = write_card(Path("runs/spleeter-2stems.toml"))
    assert again(own) == "done"
    before = stems()
    assert "--overwrite" in again("spleeter-2stems")
    assert stems() == before
    assert again(own) == "skipped"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size_bytes = ", "size_bytes = 1", " bytes, size_bytes says 1"),
        ('sha256 = "', 'sha256 = "0', "SHA-256 differs"),
    ],
)
def test_the_fact_that_differs_is_named(say, card, old, new, words):
    card.write_text(card.read_text().replace(old, new))
    said = say("separate", "one.wav", "-m", card, "-o", "o").err
    assert words in said
    assert "put the right file there, or correct sha256 and size_bytes of [weights]\n" in said
    card.write_text(card.read_text() + "[made]\nsteps = 3\n")
    assert "as the training wrote them" in say("separate", "one.wav", "-m", card).err


def test_a_wrong_setting_is_said_before_the_work(say, card):
    card.write_text(card.read_text().replace("frame_size", "frame_sise"))
    done = say("separate", "one.wav", "-m", card, "-o", "o")
    assert done.code == 2
    assert done.err == (
        f"error: {card}: [config]: there is no 'frame_sise'; perhaps you mean frame_size\n"
    )
    assert not Path("o").exists()
