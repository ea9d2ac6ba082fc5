"""Graphs in ONNX files: what is known comes out as plain data, and all else is one line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.models import mdx, onnx
from unweave.errors import WeightsError
from unweave.models.layers import graphs
from unweave.models.mdx_net import program
from unweave.models.readers import names, onnx_graph
from unweave.models.readers._shared.tensors import MOST_LISTED

TINY = {"bins": 16, "frames": 4, "width": 2, "levels": 1, "layers": 1, "narrow": 2}
ONES = np.ones((2, 2), np.float32)
ADD = mdx.step("Add", ["input", "a"], "output")


def read(tmp_path: Path, content: bytes) -> dict[str, np.ndarray]:
    file = tmp_path / "graph.onnx"
    file.write_bytes(content)
    return onnx_graph.read(file)


def small(
    *steps: bytes, arrays: dict[str, np.ndarray] | None = None, more: bytes = b"", opset: int = 13
) -> bytes:
    """A file with a few steps, by hand. more: fields of the graph besides."""
    given = {"a": ONES} if arrays is None else arrays
    content = b"".join(onnx.field(1, each) for each in steps)
    content += b"".join(onnx.field(5, onnx.tensor(*each)) for each in given.items()) + more
    content += onnx.field(11, mdx.value("input", (4, 2, 2)))
    content += onnx.field(12, mdx.value("output", (4, 2, 2)))
    return onnx.field(8, onnx.field(1, "") + onnx.field(2, opset)) + onnx.field(7, content)


def test_a_graph_has_the_steps_of_the_published_ones(tmp_path: Path) -> None:
    """Their count, and nearly their size: that of Kim_Vocal_2 is 66,759,214 bytes."""
    thin = mdx.graph(**{**mdx.PUBLISHED, "bins": 512, "frames": 32, "width": 2})
    graph = onnx_graph.parsed(read(tmp_path, thin)[onnx_graph.GRAPH])
    assert Counter(step.operator for step in graph.steps) == mdx.COUNTS
    assert graph.shape == (4, 512, 32)
    assert graphs.OPERATORS.keys() == mdx.COUNTS.keys() == program.OPERATORS.keys()


@pytest.mark.parametrize("packed", [False, True])
def test_arrays_and_steps_come_out(tmp_path: Path, packed: bool) -> None:
    """Numbers of an attribute may stand each by itself, or all in one field."""
    axes = bytes([0, 1, 3, 2])
    listed = onnx.field(8, axes) if packed else b"".join(onnx.field(8, axis) for axis in axes)
    attribute = onnx.field(1, "perm") + listed + onnx.field(20, 7)
    transpose = mdx.step("Transpose", ["input"], "b") + onnx.field(5, attribute)
    content = small(transpose, ADD)
    found = read(tmp_path, content)
    graph = onnx_graph.parsed(found.pop(onnx_graph.GRAPH))
    assert [(step.operator, step.attributes) for step in graph.steps] == [
        ("Transpose", {"perm": (0, 1, 3, 2)}),
        ("Add", {}),
    ]
    assert graph.steps[0].inputs == (graphs.SOURCE,)
    assert graph.output == graph.steps[1].output
    ((name, array),) = found.items()
    assert graph.steps[1].inputs == (graphs.SOURCE, name)
    np.testing.assert_array_equal(array, ONES)
    assert graphs.parsed(graphs.written(graph)) == graph


def test_what_nothing_uses_is_left_out(tmp_path: Path) -> None:
    unused = {"a": ONES, "b": ONES, "counter": np.arange(3, dtype=np.float32)}
    assert len(read(tmp_path, small(ADD, arrays=unused))) == 2


def test_initialisers_that_are_inputs_too_are_no_inputs(tmp_path: Path) -> None:
    """So they are in files of the time before version 4 of the format."""
    older = small(ADD, more=onnx.field(11, mdx.value("a", (2,))))
    assert len(read(tmp_path, older)) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it holds 0"),
        (small(ADD) + small(ADD), "it holds 2"),
        (small(ADD) + onnx.field(25, b""), "functions of its own"),
        (small(mdx.step("If", ["input"], "output")), "the operator 'If', which"),
        (small(mdx.step("Softmax", ["input"], "output")), "the operator 'Softmax', which"),
        (small(ADD + onnx.field(7, "com.microsoft")), "operators of 'com.microsoft', not ONNX's"),
        (small(ADD, opset=8), "of version 8, and unweave runs those from 9"),
        (small(ADD, opset=1 << 40), "of version 1099511627776"),
        (small(mdx.step("Add", ["input", "a"], "output", axis=3)), "unknown attribute 'axis'"),
        (small(ADD + onnx.field(5, onnx.field(1, "body") + onnx.field(6, b"") + onnx.field(20, 5))),
         "'body' is of the kind 5"),
        (small(ADD + onnx.field(5, onnx.field(1, "value") + onnx.field(20, 4))),
         "'value' is of the kind 4"),
        (small(mdx.step("Transpose", ["input"], "output", perm=[0] * 17)), "more than 16 numbers"),
        (small(mdx.step("Add", ["input", "b"], "output")), "'b' is used in it and never made"),
        (small(mdx.step("Add", ["output", "a"], "output")), "'output' is used in it and never"),
        (small(ADD, ADD), "two values in it are called 'output'"),
        (small(mdx.step("Relu", ["input"], "a"), ADD), "two values in it are called 'a'"),
        (small(mdx.step("Relu", ["input"], "input"), ADD), "two values in it are called 'input'"),
        (small(ADD, arrays={}), "'a' is used in it and never made"),
        (small(ADD + onnx.field(2, "second")), "'Add' gives 2 values"),
        (small(ADD, more=onnx.field(5, onnx.tensor("a", ONES))), "two arrays in it are called 'a'"),
        (small(ADD, more=onnx.field(15, b"")), "sparse numbers"),
        (small(ADD, more=onnx.field(11, mdx.value("b", (2,)))), "it takes 2 values, not one"),
        (small(ADD, more=onnx.field(12, mdx.value("a", (2,)))), "it gives 2 values, not one"),
        (small(mdx.step("Relu", ["input"], "b")), "'output' is used in it and never made"),
        (small(*[mdx.step("Relu", ["input"], f"b{n}") for n in range(5000)]), "more than 4096"),
        (small(ADD, arrays={}, more=onnx.field(5, onnx.tensor("a", np.array([1]), 7))),
         "'a' in it holds whole numbers"),
        (small(ADD, arrays={}, more=onnx.field(5, onnx.tensor("a", ONES) + onnx.field(14, 1))),
         "'a' lie in another file"),
        (onnx.field(7, onnx.field(1, ADD)), "it takes 0 values"),
        (onnx.field(7, onnx.field(11, onnx.field(1, "input"))), "a value of 0 axes"),
    ],
)  # fmt: skip
def test_whatever_is_odd_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as error:
        read(tmp_path, content)
    assert str(tmp_path / "graph.onnx") in str(error.value)
    assert "\n" not in str(error.value)


def test_whole_numbers_may_be_listed(tmp_path: Path) -> None:
    """As shapes that no step here needs; but not without an end."""

    def listing(count: int) -> bytes:
        numbers = onnx.field(1, count) + onnx.field(2, 7) + onnx.field(8, "shape")
        return small(ADD, more=onnx.field(5, numbers + onnx.field(7, b"\x01" * count)))

    assert len(read(tmp_path, listing(5))) == 2
    with pytest.raises(WeightsError, match="more than 65536 whole numbers"):
        read(tmp_path, listing(MOST_LISTED + 1))


def test_every_cut_is_an_error(tmp_path: Path) -> None:
    """Some cuts leave a shorter message whole; none of these is a graph."""
    whole = mdx.graph(**TINY)
    for length in range(0, len(whole), 7):
        with pytest.raises(WeightsError):
            read(tmp_path, whole[:length])


def test_which_files_hold_spectra(tmp_path: Path) -> None:
    file = tmp_path / "any.onnx"
    for content, known in (
        (mdx.graph(**TINY), True),
        (onnx.model(onnx.graph(("a", "/a", ONES))), False),  # of HT Demucs, as a test makes it
        (b"no graph at all", False),
    ):
        file.write_bytes(content)
        assert onnx_graph.takes_spectra(file) is known
    assert "onnx-graph" in names()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"opset": "13"}, "no number or name"),
        ({"shape": [4, 2.5, 2]}, "no number or name"),
        ({"shape": 4}, "is no graph"),
        ({"output": "none"}, "'none' is never made"),
        ({"steps": [{}]}, "operator|attributes"),
        ({"steps": 7}, "is no graph"),
        ({"steps": [{"operator": "Exec", "inputs": [], "output": "o", "attributes": {}}]}, "Exec"),
        ({"steps": [{"operator": ["Add"], "inputs": [], "output": "o", "attributes": {}}]}, "hash"),
        ({"steps": [{"operator": "Add", "inputs": [1], "output": "o", "attributes": {}}],
          "output": "o"}, "no text"),
        ({"steps": [{"operator": "Conv", "inputs": [], "output": "o",
                     "attributes": {"group": True}}]}, "'group' is True"),
        ({"steps": [{"operator": "Conv", "inputs": [], "output": "o",
                     "attributes": {"pads": [[1]]}}]}, "'pads' is"),
    ],
)  # fmt: skip
def test_a_graph_of_somebody_else_is_one_line(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """It may lie in a file of safetensors, which anybody may write."""
    facts = json.loads(read(tmp_path, small(ADD))[onnx_graph.GRAPH].tobytes())
    content = np.frombuffer(json.dumps({**facts, **change}).encode(), np.uint8)
    with pytest.raises(WeightsError, match=words) as error:
        graphs.parsed(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000])
def test_no_graph_at_all(content: bytes) -> None:
    with pytest.raises(WeightsError, match="is no graph"):
        graphs.parsed(np.frombuffer(content, np.uint8))
    with pytest.raises(WeightsError, match="it is of float32"):
        graphs.parsed(ONES)
