"""What DiffQ packed comes out as DiffQ itself unpacks it, bit for bit; anything odd is refused.

benchmarks/demucs/record_diffq.py wrote the files, with DiffQ and Demucs' own classes.
"""

import copy
from pathlib import Path

import numpy as np
import pytest

from tests import CPU
from unweave import registry
from unweave.engine.run import separate_array
from unweave.models import cards
from unweave.models.readers import torch_zip
from unweave.models.readers._shared import demucs, diffq
from unweave.models.readers._shared.errors import Refused
from unweave.models.readers._shared.pickles import Name
from unweave.models.store import own

DATA = Path(__file__).parents[1] / "data" / "networks"
NAMES = ["diffq_waves", "diffq_hybrid"]


@pytest.mark.parametrize("name", NAMES)
def test_the_arrays_are_those_that_diffq_makes(name):
    found = torch_zip.read(DATA / f"{name}.th")
    with np.load(DATA / f"{name}.npz") as expected:
        assert found.keys() == set(expected)
        for key, array in found.items():
            np.testing.assert_array_equal(array, expected[key])
            assert array.dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_a_quantised_file_becomes_a_model(tmp_path, monkeypatch, cache, name):
    monkeypatch.setenv("UNWEAVE_DATA", str(tmp_path))
    cards.refresh()
    card = own.add(DATA / f"{name}.th", name="mine")
    assert (card.stems, card.sample_rate_hz, card.notes) == (("other", "vocals"), 8000, "")
    mix = 0.1 * np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32)
    stems = separate_array(registry.load("mine"), mix, 8000, execution=CPU, warn=pytest.fail)
    assert all(stem.std() > 1e-6 for stem in stems.values())
    monkeypatch.undo()
    cards.refresh()


GROUPS = 5
SHAPE = (5, 4)


def planes(levels, bits):
    """Whole numbers as DiffQ packs them, bit by bit."""
    blocks = -(-len(levels) // diffq.BLOCK)
    found = np.zeros((blocks, bits, diffq.WORDS), np.uint64)
    for at, level in enumerate(levels):
        block, rest = divmod(at, diffq.BLOCK)
        for bit in range(bits):
            value = np.uint64(level >> bit & 1) << np.uint64(rest // diffq.WORDS)
            found[block, bit, rest % diffq.WORDS] |= value
    return found.view(np.int64)


def state():
    """One array of 5 groups of 3 bits, and a small one."""
    packed = [None] * diffq.MOST_BITS
    packed[2] = planes([0, 1, 2, 3, 4, 5, 6, 7] * 2 + [7] * 4, 3)
    told = {"group_size": 4, "min_size": 40 / diffq.MEGABYTE}
    return {
        "quantized": [(packed, (-1.0, 2.5), planes([1] * GROUPS, 1))],
        "others": [np.float32([1, 2])],
        "float16": [],
        "meta": {"klass": Name(diffq.QUANTIZER), "packed": True, "init_kwargs": told},
        "__quantized": True,
    }


def expanded(value, size=10_000):
    def take(item):
        if not isinstance(item, np.ndarray):
            raise Refused("it has something else where an array belongs")
        return item

    return diffq.expanded(value, iter([("a", SHAPE), ("b", (2,))]), take, size)


def changed(*path, to):
    value = copy.deepcopy(state())
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if isinstance(inner, tuple):
        raise TypeError("a tuple cannot be changed")
    inner[path[-1]] = to
    return value


def test_levels_are_shares_of_the_range():
    found = expanded(state())
    expected = -1 + 3.5 / 7 * np.array([0, 1, 2, 3, 4, 5, 6, 7] * 2 + [7] * 4)
    np.testing.assert_allclose(found["a"], expected.reshape(SHAPE), rtol=1e-6)
    assert found["b"].tolist() == [1, 2]


LEVELS = [None, None, planes([0] * 20, 3), *[None] * 11]
ONES = planes([1] * GROUPS, 1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (changed("meta", to=None), "by a class that unweave does not read"),
        (changed("meta", "klass", to=Name("x")), "by a class that unweave does not read"),
        (changed("meta", "packed", to=False), "in a form that unweave does not read"),
        (changed("meta", "torch_pack", to=True), "in a form that unweave does not read"),
        (changed("meta", "init_kwargs", "exclude", to=["b"]), "with settings that unweave"),
        (changed("meta", "init_kwargs", "group_size", to=0), "with settings that unweave"),
        (changed("meta", "init_kwargs", "group_size", to=3), "20 numbers in groups of 3"),
        (changed("meta", "init_kwargs", "group_size", to="4"), "a setting of its quantisation"),
        (changed("meta", "init_kwargs", "min_bits", to=40), "other than 1 to 14 bits"),
        (changed("quantized", to=None), "unknown form"),
        (changed("quantized", to=[]), "it has no numbers for 'a'"),
        (changed("quantized", 0, to=5), "unknown form"),
        (changed("quantized", 0, to=(LEVELS, (0.0, 1.0), None)), "where an array belongs"),
        (changed("quantized", 0, to=(LEVELS[:3], (0.0, 1.0), ONES)), "other than 1 to 14 bits"),
        (changed("quantized", 0, to=([None] * 14, (0.0, 1.0), ONES)), "levels of 3 bits"),
        (changed("quantized", 0, to=(LEVELS, (0.0, 1.0), ONES[:0])), "planes of shape"),
        (changed("quantized", 0, to=(LEVELS, (0.0, 1.0), planes([1] * GROUPS, 20))), "of 20 bits"),
        (changed("others", 0, to=np.float32([1])), "'b' is not of shape"),
        (changed("others", to=[np.float32([1, 2])] * 2), "more arrays than its network"),
    ],
)
def test_a_state_that_contradicts_itself_is_refused(value, reason):
    with pytest.raises(Refused, match=reason):
        expanded(value)


def test_no_file_is_expanded_without_limit():
    with pytest.raises(Refused, match="more than 32 times as large"):
        diffq.expanded(state(), iter([("a", (10**12,))]), np.asarray, 1000)
    keywords = {"sources": ["a", "b"]}
    for wrong in ({"depth": 10**9}, {"channels": 10**9}, {"dconv_depth": 99}):
        with pytest.raises(Refused, match="is out of range"):
            demucs.parameters("demucs.hdemucs.HDemucs", [], keywords | wrong)
    with pytest.raises(Refused, match="name no stems"):
        demucs.parameters("demucs.hdemucs.HDemucs", [], {})
    with pytest.raises(Refused, match="does not read so"):
        demucs.parameters("demucs.model.Demucs", [["a"]], {})


@pytest.mark.parametrize(
    ("klass", "settings"),
    [
        ("demucs.demucs.Demucs", {"dconv_mode": 3, "lstm_layers": 2, "norm_starts": 1, "depth": 3}),
        ("demucs.hdemucs.HDemucs", {"dconv_mode": 3, "multi_freqs": [0.1, 0.3], "cac": False}),
    ],
)
def test_every_parameter_has_a_name_of_its_own(klass, settings):
    found = list(demucs.parameters(klass, [["a", "b"]], settings))
    assert len({name for name, _ in found}) == len(found)
    assert sum(name.endswith("conv_tr.weight") for name, _ in found) in (0, 15)
