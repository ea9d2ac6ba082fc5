"""Weights are compared with what their card pins, and what they give with what they must."""

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest

from unweave.models import cards, store
from unweave.models.store import fixture
from unweave.models.store.verify import check

CARD = cards.card("mir1k-dnn")


@pytest.fixture(scope="module")
def known():
    """The card with what its model gives on this machine."""
    values = tuple(map(tuple, fixture.values(CARD)))
    return dataclasses.replace(CARD, fixture=cards.Fixture(values=values, origin="a test"))


def test_the_wave_is_the_same_everywhere():
    wave = fixture.wave(2, 1000, 8000)
    assert (wave.shape, wave.dtype) == ((2, 1000), np.float32)
    assert np.abs(wave).max() < 1
    time_s = np.arange(1000) / 8000
    rising = [np.sin(2 * np.pi * (60 + slope * time_s) * time_s) for slope in (200, 400)]
    apart = 0.05 * (rising[1] - rising[0])  # all else is alike in both channels
    np.testing.assert_allclose(wave[1] - wave[0], apart, atol=1e-6)
    np.testing.assert_allclose(wave[0, [1, 10, 500]], (0.2056446, 0.1851823, 0.0178934), atol=1e-6)


def test_agreement_is_the_difference_in_db():
    assert fixture.agreement_db([[1.0, 0.0]], [[1.0, 0.01]]) == pytest.approx(40)
    assert fixture.agreement_db([[1.0]], [[1.0]]) == math.inf
    assert fixture.agreement_db([[1.0]], [[1.0], [1.0]]) == -math.inf
    quiet = [[1.0], [0.001]], [[1.0], [0.002]]  # one stem is wrong, the quiet one
    assert fixture.agreement_db(*quiet) == pytest.approx(0)


def test_right_weights_are_right(known):
    found = check(known)
    assert found.right
    assert found.agreement_db >= 90
    assert found.files == {str(CARD.file): CARD.weights.sha256}


def test_another_result_is_seen(known):
    values = tuple(tuple(1.01 * each for each in row) for row in known.fixture.values)
    wrong = dataclasses.replace(known, fixture=cards.Fixture(values=values, origin="a test"))
    found = check(wrong)
    assert not found.right
    assert 35 < found.agreement_db < 45
    assert "less than the 60 dB" in found.words


def test_without_a_fixture_the_hash_decides(tmp_path):
    assert check(CARD).right
    assert check(CARD).agreement_db is None
    file = tmp_path / "copy.safetensors"
    content = bytearray(store.path(CARD).read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    found = check(dataclasses.replace(CARD, file=file))
    assert not found.right
    assert "damaged" in found.words
    file.unlink()
    assert "not here" in check(dataclasses.replace(CARD, file=file)).words


@pytest.mark.parametrize("name", [n for n in cards.names() if cards.card(n).fixture is not None])
def test_the_fixture_of_a_card_fits_it(name):
    card = cards.card(name)
    assert [len(row) for row in card.fixture.values] == [fixture.POINTS] * len(card.stems)


@pytest.mark.parametrize("values", [((1.0,), (1.0,)), ((1e300,) * 8,) * 2])
def test_a_fixture_of_another_form_is_a_difference_that_json_takes(known, values):
    wrong = dataclasses.replace(known, fixture=cards.Fixture(values=values, origin="a test"))
    found = check(wrong)
    assert not found.right
    json.dumps(found.document(), allow_nan=False)


def test_what_to_do_about_wrong_weights_depends_on_where_they_come_from(tmp_path):
    for suffix in (".toml", ".safetensors"):
        shutil.copy(CARD.file.with_suffix(suffix), tmp_path / f"mine{suffix}")
    with (tmp_path / "mine.safetensors").open("r+b") as stream:
        stream.write(b"x")
    found = check(cards.card(str(tmp_path / "mine.toml")))
    assert not found.right
    assert found.words.endswith(f"put the file there that {tmp_path / 'mine.toml'} was written for")
    assert "made again" not in found.words
