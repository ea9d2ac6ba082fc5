from pathlib import Path

import pytest

from tests.jobs.fakes import RATE_HZ, asked, noise, write_noise
from unweave.api import separate_file
from unweave.errors import UsageError
from unweave.types import Audio


def test_a_trained_model_has_all_its_options_in_force() -> None:
    request = asked("spleeter-2stems", {"mask_exponent": 1}, seed=3)
    options = {"bandwidth": "full", "mask_exponent": 1.0, "wiener": 0}
    assert request.separator.options == options
    assert request.stems == ("vocals", "accompaniment")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask_exponent": "high"}, "mask_exponent must be a number"),
        ({"mask_exponent": float("nan")}, "mask_exponent must be a number"),
        ({"wiener": 1.7}, "wiener must be a whole number"),
        ({"wiener": -1}, "wiener must be a whole number"),
        ({"colour": 1}, "has no option 'colour'; it takes bandwidth, mask_exponent, wiener"),
    ],
)
def test_a_wrong_option_of_a_network_is_known_at_once(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        asked("spleeter-2stems", options)


def test_options_are_checked_before_a_recording_is_read(tmp_path: Path) -> None:
    options = {"noise": str(tmp_path / "gone.wav"), "overlap": 1}
    with pytest.raises(UsageError, match="overlap must be"):
        asked("spectral-subtraction", options)


def test_a_network_that_cannot_separate_by_masks_says_so_at_once() -> None:
    with pytest.raises(UsageError, match="separate_by must be one of clusters; got 'masks'"):
        asked("mir1k-deep-clustering", {"separate_by": "masks"})


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(UsageError, match="no model is called 'spleter'"):
        asked("spleter", {})


def test_every_value_is_in_force_and_the_seed_where_there_is_one() -> None:
    plain = asked("fastica").separator.options
    request = asked("fastica", {"sources": 3}, seed=7)
    assert request.separator.options == {**plain, "sources": 3, "seed": 7}
    assert request.separator.options["contrast"] == "logcosh"
    assert request.stems == ("source-1", "source-2", "source-3")
    assert asked("fastica", {"seed": 5}, seed=7).separator.options["seed"] == 5
    assert asked("hpss", seed=7) == asked("hpss")


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
    assert by_file["request"]["separator"]["options"]["noise"] == str(hiss)
    assert by_file["request"]["separator"]["model"] == model
    assert [file["option"] for file in by_file["request"]["separator"]["files"]] == ["noise"]
    assert by_sound["request"]["separator"]["model"] is by_sound["identity"] is None
    assert by_sound["request"]["separator"]["options"] != other["request"]["separator"]["options"]
