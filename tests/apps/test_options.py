from pathlib import Path

import pytest

from tests.apps.fakes import RATE_HZ, noise, write_noise
from unweave.apps.options import resolve, settle
from unweave.apps.separate import separate_file
from unweave.core.errors import UsageError
from unweave.core.types import Audio


def test_a_card_keeps_its_options_as_given() -> None:
    options = {"mask_exponent": 2.0}
    assert resolve("spleeter-2stems", options) == options
    assert settle("spleeter-2stems", options, seed=3) == (options, ("vocals", "accompaniment"))


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(UsageError, match="no model is called 'spleter'"):
        settle("spleter", {})


def test_only_what_is_no_default_is_settled_and_the_seed_where_there_is_one() -> None:
    given = {"sources": 3, "contrast": "logcosh"}
    settled, stems = settle("fastica", given, seed=7)
    assert settled == {"sources": 3, "seed": 7}
    assert stems == ("source-1", "source-2", "source-3")
    assert settle("hpss", {}, seed=7)[0] == {}


def test_a_noise_is_a_file_or_sound_in_memory(tmp_path: Path) -> None:
    song = write_noise(tmp_path / "song.wav", seed=1)
    hiss = write_noise(tmp_path / "hiss.wav", seed=2)
    audio = Audio(noise(seed=2), RATE_HZ)
    out = [tmp_path / "file", tmp_path / "memory", tmp_path / "other"]
    model = "spectral-subtraction"
    by_file = separate_file(song, out[0], model, noise=str(hiss))
    by_sound = separate_file(song, out[1], model, noise=audio)
    other = separate_file(song, out[2], model, noise=Audio(noise(seed=3), RATE_HZ))
    hashes = [[stem["sha256"] for stem in made["stems"]] for made in (by_file, by_sound, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert by_file["separator"]["options"] == {"noise": str(hiss)}
    assert by_sound["separator"]["options"] != other["separator"]["options"]
