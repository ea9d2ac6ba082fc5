"""Weights in ONNX files: the initialisers come out, and whatever else a file holds is one line."""

import io

import numpy as np
import pytest

from tests.models import onnx
from tests.models.networks.waveform import recorded
from unweave.errors import WeightsError
from unweave.models.htdemucs.convert import convert
from unweave.models.readers import onnx as reader
from unweave.models.readers import safetensors

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)
ONE = np.float32([7])


def read(tmp_path, content):
    file = tmp_path / "weights.onnx"
    file.write_bytes(content)
    return reader.read(file)


def test_arrays_have_the_names_of_their_parameters_or_of_the_nodes_that_use_them(tmp_path):
    content = onnx.graph(("a.weight", "/a/Conv", MATRIX), ("onnx::Mul_12", "/a/norm/Mul", ONE))
    found = read(tmp_path, onnx.model(content))
    assert list(found) == ["a.weight", "/a/norm/Mul"]
    np.testing.assert_array_equal(found["a.weight"], MATRIX)
    assert found["/a/norm/Mul"].tolist() == [7]
    assert all(array.flags.aligned for array in found.values())


def test_a_shape_may_be_one_list_or_none(tmp_path):
    packed = onnx.field(1, bytes([2, 3])) + onnx.tensor("a", MATRIX.ravel())[2:]
    content = onnx.field(5, packed) + onnx.field(5, onnx.tensor("b", np.float32(3)))
    found = read(tmp_path, onnx.model(content))
    np.testing.assert_array_equal(found["a"], MATRIX)
    assert found["b"].shape == ()


def test_fields_that_hold_no_weights_are_skipped(tmp_path):
    more = onnx.field(99, "anything") + onnx.varint(98 << 3 | 5) + bytes(4)
    more += onnx.varint(97 << 3 | 1) + bytes(8) + onnx.field(96, 1 << 60)
    content = onnx.graph(("a", "/a", ONE)) + more
    assert list(read(tmp_path, more + onnx.model(content) + more)) == ["a"]


def test_shapes_and_axes_of_operations_are_left_out(tmp_path):
    axes = onnx.field(5, onnx.tensor("axes", np.array([0, 2]), data_type=7))
    short = onnx.field(5, onnx.tensor("axis", np.array([1], np.int32), data_type=6))
    content = axes + onnx.graph(("a", "/a", ONE)) + short
    assert list(read(tmp_path, onnx.model(content))) == ["a"]


def spoilt(**changes):
    """A model whose only array has some fields changed."""
    parts = {"dims": onnx.field(1, 1), "type": onnx.field(2, 1), "name": onnx.field(8, "a")}
    parts |= {"raw": onnx.field(9, bytes(4))} | changes
    return onnx.model(onnx.field(5, b"".join(parts.values())))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it holds 0"),
        (b"RIFF, or any other text", "kind|beyond its end"),
        (2 * onnx.model(b""), "it holds 2"),
        (onnx.field(7, 3), "a number where a message belongs"),
        (onnx.model(onnx.field(5, 3)), "a number where a message belongs"),
        (onnx.model(onnx.field(1, 3)), "a number where a message belongs"),
        (onnx.model(onnx.field(15, b"")), "sparse numbers"),
        (spoilt(type=onnx.field(2, 10)), "'a' is of type 10"),
        (spoilt(type=onnx.field(2, "1")), "bytes where a number belongs"),
        (spoilt(dims=onnx.field(1, 2)), r"'a' of shape \[2\] has 4 bytes"),
        (spoilt(dims=onnx.field(1, 0) + onnx.field(1, 1 << 63), raw=b""), "damaged"),
        (spoilt(dims=onnx.field(1, b"\xff")), "a number in it has no end"),
        (spoilt(raw=onnx.field(9, 0)), "a number where a message belongs"),
        (spoilt(raw=b""), "has 0 bytes"),
        (spoilt(more=onnx.field(14, 1)), "'a' lie in another file"),
        (spoilt(name=b""), "an array in it has no name"),
        (spoilt(name=onnx.field(8, b"\xff")), "a name in it is no text"),
        (spoilt(name=onnx.field(8, "onnx::Mul_1")), "has no name, and 0 nodes use it"),
        (onnx.model(2 * onnx.field(5, onnx.tensor("a", ONE))), "two arrays in it are called 'a'"),
        (onnx.model(2 * onnx.graph(("onnx::A", "/a", ONE))), "two arrays"),
        (onnx.model(onnx.graph(("onnx::A", "", ONE))), "no name, and 1 nodes"),
        (onnx.model(onnx.graph(("onnx::A", "/a", ONE), ("onnx::B", "/a", ONE))), "'/a'"),
        (onnx.varint(7 << 3 | 3), "unknown kind 3"),
        (b"\x80" * 11, "a number in it has no end"),
    ],
)  # fmt: skip
def test_whatever_is_odd_is_one_line(tmp_path, content, words):
    with pytest.raises(WeightsError, match=words) as error:
        read(tmp_path, content)
    assert str(tmp_path / "weights.onnx") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.onnx: cannot be read"):
        reader.read(tmp_path / "none.onnx")


def test_every_cut_is_an_error(tmp_path):
    whole = onnx.model(onnx.graph(("a", "/a", MATRIX), ("onnx::B", "/b", ONE)))
    for length in range(len(whole) - 1):
        if whole[:length] not in (onnx.field(1, 8), onnx.model(b"")[:-2]):
            with pytest.raises(WeightsError):
                read(tmp_path, whole[:length])


def test_a_graph_gives_the_bytes_that_the_parameters_give(tmp_path):
    def converted(arrays):
        stream = io.BytesIO()
        safetensors.write(stream, convert({"": arrays}))
        return stream.getvalue()

    state = {k: v.astype(np.float16) for k, v in recorded("htdemucs").weights.items()}
    graph = read(tmp_path, onnx.exported(state))
    assert sum(name.startswith("/") for name in graph) > 40
    assert converted(graph) == converted(state)
    one = next(iter(state))
    odd = state | {one: state[one].astype(np.float32) + np.float32(1e-5)}  # no longer a float16
    kept = convert({"": odd})
    assert {array.dtype for array in kept.values()} == {np.dtype("f2"), np.dtype("f4")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"/unknown/Mul": ONE}, "unknown parameter '/unknown/Mul'"),
        ({"/crosstransformer/layers.1/cross_attn/MatMul": None}, "in_proj_weight"),
        ({"encoder.0.dconv.layers.0.1.weight": ONE}, "twice"),
        ({"/Expand": ONE}, "'/Expand'"),
    ],
)
def test_graphs_of_other_networks_are_refused(tmp_path, change, words):
    arrays = read(tmp_path, onnx.exported(recorded("htdemucs").weights)) | change
    with pytest.raises(WeightsError, match=words):
        convert({"": {name: array for name, array in arrays.items() if array is not None}})
