"""Every parameter of Spleeter's published weights arrives under its new name, untouched.

That TensorFlow numbers its layers so is shown by the graphs in networks/test_spleeter.py.
"""

import math

import numpy as np
import pytest

from unweave.errors import WeightsError
from unweave.models import architectures
from unweave.models.spleeter import convert as spleeter


def theirs():
    rng = np.random.default_rng(0)
    return {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, _, shape in spleeter.parameters()
    }


def test_the_table_has_every_parameter_of_the_paper():
    table = list(spleeter.parameters())
    assert len({source for source, _, _ in table}) == len({ours for _, ours, _ in table}) == 74
    assert sum(math.prod(shape) for _, _, shape in table) == 9_826_759  # 9.82 million a stem


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_any_number_of_stems(small, count):
    stems = ["vocals", "piano", "drums", "bass", "other"][:count]
    ours = architectures.converter("spleeter")({stem: theirs() for stem in stems})
    assert len(ours) == 74 * count
    assert {name.split(".")[0] for name in ours} == set(stems)


def test_names_follow_the_rule(small):
    source = theirs()
    ours = spleeter.convert({"vocals": source})
    for name, before in {
        "vocals.down1.conv.weight": "down1_conv.1.weight",
        "vocals.down6.norm.mean": "down6_act.0.running_mean",
        "vocals.up1.conv.bias": "up1.0.bias",
        "vocals.up6.norm.var": "up6.3.running_var",
        "vocals.up7.conv.weight": "up7.0.weight",
    }.items():
        np.testing.assert_array_equal(ours[name], source[before])


def test_every_array_arrives_untouched(small):
    source = theirs()
    ours = spleeter.convert({"vocals": source})
    for before, name, _ in spleeter.parameters():
        np.testing.assert_array_equal(ours.pop(f"vocals.{name}"), source.pop(before))
    assert not ours
    assert not source


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("up3.3.bias"), "1 parameters are missing, as up3.3.bias"),
        (lambda a: a.update(spy=np.zeros(1, np.float32)), "1 unknown parameters, as 'spy'"),
        (lambda a: a.update({"up7.0.bias": np.zeros(3, np.float32)}), r"up7.0.bias is .*\(3,\)"),
        (lambda a: a.update({"up7.0.bias": np.zeros(2)}), "up7.0.bias is float64"),
    ],
)
def test_a_wrong_parameter_stops_the_conversion(small, change, reason):
    arrays = theirs()
    change(arrays)
    with pytest.raises(WeightsError, match=f"vocals: .*{reason}"):
        spleeter.convert({"vocals": arrays})


FOUR = ("vocals", "drums", "bass", "other")


def graph(stems):
    """Arrays as TensorFlow names and shapes them, and what they are here."""
    sources = {
        stem: {name: n + array for name, array in theirs().items()} for n, stem in enumerate(stems)
    }
    ours = spleeter.convert(sources)
    arrays = {"global_step": np.int64(3)}
    for number, stem in enumerate(stems):
        for name, target, shape in spleeter._in_graph(number):
            array = ours[f"{stem}.{target}"]
            arrays[name] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
            assert arrays[name].shape == shape
    return arrays, ours


def test_a_graph_gives_what_the_files_of_the_port_give(small):
    arrays, ours = graph(FOUR)
    found = spleeter.convert({",".join(FOUR): arrays})
    assert found.keys() == ours.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.c_contiguous


def test_the_layers_of_a_graph_are_counted_over_all_stems(small):
    arrays, _ = graph(FOUR)
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes["conv2d/kernel"] == shapes["conv2d_21/kernel"] == (5, 5, 2, 1)
    assert shapes["conv2d_6/kernel"] == shapes["conv2d_27/kernel"] == (4, 4, 1, 2)
    assert shapes["conv2d_transpose_18/kernel"] == (5, 5, 5, 6)
    assert shapes["batch_normalization_47/moving_mean"] == (1,)
    assert len(arrays) == 4 * 74 + 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("conv2d_9/bias"), "1 parameters are missing, as conv2d_9/bias"),
        (lambda a: a.update(spy=np.zeros(1, np.float32)), "1 unknown parameters, as 'spy'"),
        (
            lambda a: a.update({"conv2d_9/bias": np.zeros(9, np.float32)}),
            r"conv2d_9/bias is float32 \(9,\), expected float32 \(3,\)",
        ),
    ],
)
def test_a_wrong_parameter_of_a_graph_stops_the_conversion(small, change, reason):
    arrays, _ = graph(FOUR)
    change(arrays)
    with pytest.raises(WeightsError, match=f"^vocals,drums,bass,other: {reason}"):
        spleeter.convert({",".join(FOUR): arrays})


def test_a_graph_of_more_stems_than_its_role_names(small):
    arrays, _ = graph(FOUR)
    with pytest.raises(WeightsError, match="148 unknown parameters"):
        spleeter.convert({"vocals,drums": arrays})
