"""MDX-Net equals audio-separator's, chunks and all; both runtimes agree; it is recognised.

The stems are from benchmarks/networks/mdx_net.py.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests import CPU
from tests.contract.trials import card_of
from tests.models import mdx
from tests.models.networks import waveform
from unweave.core.plan import Plan
from unweave.engine.adapters.augmented import Augmented
from unweave.engine.run import separate_array
from unweave.errors import UsageError, WeightsError
from unweave.models import cards
from unweave.models.adapter import NeuralSeparator
from unweave.models.cards import Card
from unweave.models.layers.graphs import SOURCE, Graph, Step, written
from unweave.models.layers.weights import settings as checked
from unweave.models.mdx_net import model, options, program, published, runtime
from unweave.models.mdx_net.model import MdxNet, MdxNetConfig, build
from unweave.models.mdx_net.recognise import STEMS as STEMS_OF
from unweave.models.mdx_net.recognise import recognise, segment
from unweave.models.mdx_net.shapes import RULES
from unweave.models.readers import onnx_graph
from unweave.models.store.recognition import recognised
from unweave.types import Separator

SMALL = {"frame_size": 256, "hop": 64, "bins": 64, "frames": 16}
CONFIG = {**SMALL, "compensation": 1.035}
STEMS = ("vocals", "instrumental")
CHUNK, BORDER = 960, 128
PLAN = Plan(
    length=CHUNK, hop=720, window="hann", before=BORDER, step=CHUNK - 2 * BORDER, margin=BORDER,
    edge="padded",
)  # fmt: skip


@cache
def graph(**facts: int) -> dict[str, np.ndarray]:
    """The arrays of a small graph."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "small.onnx")
        file.write_bytes(mdx.graph(**{**mdx.SMALL, **facts}))
        return onnx_graph.read(file)


def narrow(card: Card) -> Card:
    """A card's network made small, with segments of a fraction of a second."""
    return replace(card, config={**card.config, **SMALL}, segment=PLAN)


def drawn(card: Card) -> dict[str, np.ndarray]:
    return graph()


def made(plan: Plan = PLAN, **options: object) -> NeuralSeparator:
    facts: dict[str, Any] = {"architecture": "mdx_net", "channels": 2, "config": CONFIG}
    card = card_of("trial", stems=STEMS, segment=plan, complement=None, **facts)
    return NeuralSeparator(card, options, graph()).to("cpu")


@cache
def recorded() -> Mapping[str, np.ndarray]:
    with np.load(waveform.DATA / "mdx_net.npz") as file:
        return {name: file[name].astype(np.float32) for name in file.files}


LENGTHS = sorted(int(name[4:]) for name in recorded() if name.startswith("mix_"))


def separated(mix: np.ndarray, separator: Separator) -> dict[str, np.ndarray]:
    """The stems of a mix, joined by the engine."""
    return separate_array(separator, mix, 8000, execution=CPU, warn=pytest.fail)


def agreement_db(separator: Separator, length: int, kind: str = "plain") -> float:
    mix, right = recorded()[f"mix_{length}"], recorded()[f"{kind}_{length}"]
    stems = separated(mix, separator)
    return waveform.below_db(torch.from_numpy(right), torch.from_numpy(stems["vocals"]))


@pytest.mark.parametrize("length", LENGTHS)
def test_equals_the_original(length: int) -> None:
    """Less than a chunk, one, and several; alone and with the polarity turned over."""
    assert agreement_db(made(), length) > 112
    assert agreement_db(Augmented(made(), swap=False), length, "denoised") > 112


def lowest_bins_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "SILENCED", 0)


def another_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, name = program.OPERATORS["BatchNormalization"], "BatchNormalization"
    changed = {**program.OPERATORS, name: lambda at, *x: usual({"epsilon": 1e-3}, *x)}
    monkeypatch.setattr(program, "OPERATORS", changed)
    monkeypatch.setattr(program, "IN_PLACE", {})


def skips_added(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {**program.OPERATORS, "Mul": lambda at, x, y: x + y}
    monkeypatch.setattr(program, "OPERATORS", changed)
    monkeypatch.setattr(program, "IN_PLACE", {})


@pytest.mark.parametrize("broken", [lowest_bins_heard, another_epsilon, skips_added])
def test_one_broken_operator_shows(
    broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert agreement_db(made(), 4321) < 90


@pytest.mark.parametrize(
    "change",
    [
        {"window": "hamming"}, {"hop": 719}, {"before": 129}, {"margin": 0}, {"step": 705},
        {"edge": "zeros", "step": 1, "margin": 0},
    ],
)  # fmt: skip
def test_one_other_sample_of_a_chunk_shows(change: dict[str, Any]) -> None:
    assert agreement_db(made(replace(PLAN, **change)), 4321) < 80


def test_the_second_stem_is_what_the_first_leaves_raised() -> None:
    mix = recorded()["mix_6000"]
    stems = separated(mix, made())
    rest = mix - np.float32(CONFIG["compensation"]) * stems["vocals"]
    np.testing.assert_allclose(stems["instrumental"], rest, atol=1e-5)
    assert not options.additive(CONFIG)
    assert options.additive({**CONFIG, "compensation": 1.0})


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_segments(name: str) -> None:
    """One that is shorter than the graph's is filled up with silence."""
    network = build(STEMS, 2, CONFIG, graph(), runtime=name)
    waveform.check_segments(network, 2, stems=2, lengths=(960, 500))
    assert network(torch.zeros(1, 2, 960)).abs().max() == 0
    alone = build(STEMS[:1], 2, CONFIG, graph(), runtime=name)
    mix = torch.from_numpy(recorded()["mix_960"])[None]
    torch.testing.assert_close(alone(mix), network(mix)[:, :1])


def test_a_call_of_many_threads_is_that_of_one() -> None:
    """ONNX Runtime's session is one for all threads; each call has one thread of its own."""
    separator = made(runtime="onnxruntime")
    rng = torch.Generator().manual_seed(3)
    mixes = [torch.randn(1, 2, CHUNK, generator=rng) for _ in range(8)]
    right = [separator(mix, 8000) for mix in mixes]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda mix: separator(mix, 8000), mixes))
    assert all(map(torch.equal, right, found))


def test_both_runtimes_agree() -> None:
    songs = [recorded()["mix_6000"], recorded()["mix_960"]]
    for mix in songs:
        right, found = (
            separated(mix, made(runtime=name))["vocals"] for name in ("torch", "onnxruntime")
        )
        assert waveform.below_db(torch.from_numpy(right), torch.from_numpy(found)) > 112


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Step, list[tuple[int, ...]]]:
    """A convolution, upwards or not, of any settings, and the shapes of what goes in.

    Half of them are plain: each pixel by itself.
    """
    up, groups = draw(st.booleans()), draw(st.integers(1, 3))
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, strides, dilations = draw(pairs), draw(pairs), draw(pairs)
    pad = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    if plain := draw(st.booleans()):
        kernel, dilations, pad, groups = kernel if up else (1, 1), (1, 1), (0, 0), 1
        strides = kernel
    inner, outer = draw(st.integers(1, 2)) * groups, draw(st.integers(1, 2))
    attributes: dict[str, Any] = {"group": groups, "strides": strides, "dilations": dilations}
    attributes |= {"pads": (*pad, *pad), "kernel_shape": kernel}
    if up and not plain:
        attributes["output_padding"] = tuple(draw(st.integers(0, each - 1)) for each in strides)
    weight = (inner, outer, *kernel) if up else (outer * groups, inner // groups, *kernel)
    sizes = draw(st.integers(7, 9)), draw(st.integers(7, 9))
    shapes = [(draw(st.integers(1, 2)), inner, *sizes), weight]
    shapes += [(outer * groups,)] * draw(st.booleans())
    names = (SOURCE, "weight", "bias")[: len(shapes)]
    return Step("ConvTranspose" if up else "Conv", names, "out", attributes), shapes


@st.composite
def others(draw: st.DrawFn) -> tuple[Step, list[tuple[int, ...]]]:
    """Any of the other steps."""
    x = draw(st.tuples(*[st.integers(1, 4)] * 4))
    match draw(
        st.sampled_from(["Add", "Mul", "MatMul", "BatchNormalization", "Transpose", "Relu"])
    ):
        case "Add" | "Mul" as operator:
            y = tuple(draw(st.sampled_from([1, size])) for size in x)[draw(st.integers(0, 3)) :]
            return Step(operator, (SOURCE, "a"), "out"), [x, y]
        case "MatMul":
            y = (x[-1], draw(st.integers(1, 5)))
            return Step("MatMul", (SOURCE, "a"), "out"), [x, y]
        case "BatchNormalization":
            names = (SOURCE, "a", "b", "c", "d")
            step = Step("BatchNormalization", names, "out", {"epsilon": 0.01})
            return step, [x, *[x[1:2]] * 4]
        case "Transpose":
            order = tuple(draw(st.permutations(range(4))))
            return Step("Transpose", (SOURCE,), "out", {"perm": order}), [x]
        case _:
            return Step("Relu", (SOURCE,), "out"), [x]


@settings(deadline=None, max_examples=120)
@given(st.one_of(convolutions(), others()), st.integers(0, 1000), st.booleans())
def test_each_operator_is_that_of_onnx_runtime(
    drawing: tuple[Step, list[tuple[int, ...]]], seed: int, first: bool
) -> None:
    """And its shape is what is said of it before. What is the graph's own may be changed in place,
    what comes from outside, where the step is the first, stays as it is."""
    import onnxruntime

    step, shapes = drawing
    rng = torch.Generator().manual_seed(seed)
    inputs = [torch.rand(shape, generator=rng) + 0.1 for shape in shapes]
    said = RULES[step.operator](step.attributes, *shapes)
    if min(said) < 1:
        return
    each: tuple[Step, ...] = (step,)
    if not first:  # positive numbers stay as they are
        inner = Step(step.operator, ("own", *step.inputs[1:]), "out", step.attributes)
        each = (Step("Relu", (SOURCE,), "own"), inner)
    made = program.Program(
        Graph(13, shapes[0], "out", each), dict(zip(step.inputs[1:], inputs[1:], strict=True))
    )
    session = onnxruntime.InferenceSession(
        runtime.model(made, shapes[0]), providers=["CPUExecutionProvider"]
    )
    (right,) = session.run(None, {SOURCE: inputs[0].numpy()})
    kept = [each.clone() for each in inputs]
    found = made(inputs[0])
    assert all(map(torch.equal, inputs, kept))
    assert tuple(found.shape) == right.shape == said
    np.testing.assert_allclose(found.numpy(), right, rtol=1e-4, atol=1e-5)


def steps(*each: Step, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    """Weights that are a few steps, the output of the last one being that of the graph."""
    return {**arrays, "graph": written(Graph(13, (4, 64, 16), each[-1].output, each))}


ONES = np.ones((1, 4, 64, 16), np.float32)
KERNEL = np.ones((4, 4, 3, 3), np.float32)
PLAIN = (1, 4, 64, 16)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({}, "lack 1 arrays, as 'graph'"),
        ({**graph(), "spy": ONES}, "hold 1 unknown arrays, as 'spy'"),
        ({k: v for k, v in graph().items() if "MatMul" not in k}, "lack 10 arrays, as '0"),
        (steps(Step("Add", (SOURCE, "a"), "o"), a=ONES.astype(int)), "'a' holds int64, no floats"),
        (steps(Step("Add", (SOURCE, "a"), "o"), a=ONES[:, :3]), "step 1 of its graph, Add, cannot"),
        (steps(Step("Add", (SOURCE,), "o")), "Add, cannot run"),
        (steps(Step("Add", ("a", "a"), "o"), a=ONES[..., :3]), r"makes \(1, 4, 64, 3\) of"),
        (steps(Step("MatMul", (SOURCE, "a"), "o"), a=ONES[0, 0]), "MatMul, cannot run"),
        (steps(Step("Transpose", (SOURCE,), "o", {"perm": (0, 1, 1, 2)})), "name each of 4 axes"),
        (steps(Step("Transpose", (SOURCE,), "o", {"perm": 3})), "name each of 4 axes"),
        (steps(Step("Conv", (SOURCE, "a"), "o"), a=KERNEL), "makes .* of .*keeps the shape"),
        (steps(Step("Conv", (SOURCE, "a"), "o", {"pads": (1, 1, 0, 0)}), a=KERNEL), "alike at"),
        (steps(Step("Conv", (SOURCE, "a"), "o", {"auto_pad": "SAME_UPPER"}), a=KERNEL), "auto_pad"),
        (steps(Step("Conv", (SOURCE, "a"), "o", {"strides": (0, 1)}), a=KERNEL), "strides must be"),
        (steps(Step("Conv", (SOURCE, "a"), "o", {"dilations": (40, 40)}), a=KERNEL), "nothing"),
        (steps(Step("Conv", (SOURCE, "a"), "o", {"group": 0}), a=KERNEL), "group must be"),
        (steps(Step("Conv", (SOURCE, "a"), "o", {"group": 3}), a=KERNEL), "does not go with"),
        (steps(Step("Conv", (SOURCE, "a"), "o", {"kernel_shape": (2, 2)}), a=KERNEL), "not go"),
        (steps(Step("Conv", (SOURCE, "a", "b"), "o"), a=KERNEL, b=ONES[0, 0, 0]), "not go"),
        (steps(Step("ConvTranspose", (SOURCE, "a"), "o", {"output_padding": (1, 0)}), a=KERNEL),
         "output_padding must be below"),
        (steps(Step("ConvTranspose", (SOURCE, "a"), "o", {"strides": (9999, 9999)}), a=KERNEL),
         "too large for the memory"),
        (steps(Step("BatchNormalization", (SOURCE, *"aaaa"), "o"), a=ONES[0, 0, 0]), "it learns"),
        (steps(Step("BatchNormalization", (SOURCE, *"aaaa"), "o", {"training_mode": 1}),
               a=ONES[0, :, 0, 0]), "or it learns"),
        (steps(Step("BatchNormalization", (SOURCE, *"aaaa"), "o", {"epsilon": 0.0}),
               a=ONES[0, :, 0, 0]), "epsilon must be"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_run_is_one_line(weights: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(WeightsError, match=words) as error:
        build(STEMS, 2, CONFIG, weights)
    assert "\n" not in str(error.value)


def test_no_graph_takes_all_memory() -> None:
    """Not one value, and not many that are needed to the end."""
    wide = [Step("Add", (SOURCE, "a"), f"v{n}") for n in range(200)]
    last = [Step("Add", (f"v{n}", f"v{n + 1}"), f"w{n}") for n in range(199)]
    grown = np.ones((1000, 1, 1, 1), np.float32)  # each value has as many batches
    with pytest.raises(WeightsError, match="too large for the memory"):
        build(STEMS, 2, CONFIG, steps(*wide, *last, a=grown))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"frame_size": 255}, "frame_size is even"),
        ({"hop": 0}, "hop at most half"),
        ({"bins": 3}, "bins are 4 to 129"),
        ({"frames": 1}, "frames 2 or more"),
        ({"compensation": 0.0}, "compensation must be"),
    ],
)
def test_settings_that_make_no_network(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(STEMS, 2, {**CONFIG, **config}, graph())
    with pytest.raises(ValueError, match="makes one stem"):
        build((*STEMS, "drums"), 2, CONFIG, graph())


def test_the_extra_is_named_where_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"pip install 'unweave\[onnx\]'"):
        made(runtime="onnxruntime")
    made()


def test_memory_is_that_of_the_runtime() -> None:
    """A limit of memory counts what ONNX Runtime takes."""
    by_torch, by_onnx = (made(runtime=name).spec for name in ("torch", "onnxruntime"))
    assert by_onnx.bytes_per_sample > 2 * by_torch.bytes_per_sample


def test_torch_is_enough() -> None:
    """Neither ONNX Runtime nor torch's compiler is imported by the default."""
    code = (
        "import sys; from tests.models.networks import test_mdx_net as t; "
        "import torch; t.made()(torch.ones(1, 2, 960), 8000); "
        "print('onnxruntime' in sys.modules or 'torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


UVR = {"mdx_n_fft_scale_set": 256, "compensate": 1.02, "primary_stem": "Instrumental"}


def test_it_is_recognised() -> None:
    """Bins and frames by the graph, all else by UVR's table or by the user."""
    md5 = next(key for key, facts in published.FACTS.items() if facts[0] == 6144)
    found = recognise(graph(), {"uvr_md5": md5, **UVR})  # the user counts before the table
    assert found is not None
    assert found["stems"] == ["instrumental", "vocals"]
    assert found["config"] == {
        "frame_size": 256, "hop": 1024, "bins": 64, "frames": 16, "compensation": 1.02,
    }  # fmt: skip
    assert found["segment"] == segment(256, 16)
    assert found["notes"] == ""
    with pytest.raises(WeightsError, match="mdx_n_fft_scale_set: 6144"):
        recognise(graph(), {"uvr_md5": hashlib.md5(b"").hexdigest()})
    assumed = recognise(graph(), {"mdx_n_fft_scale_set": 256})
    assert assumed is not None
    assert "vocals as the stem" in str(assumed["notes"])
    assert recognise({"a": ONES}, UVR) is None
    with pytest.raises(WeightsError, match="does not fit 16 frames"):
        recognise(graph(), {"uvr_md5": md5, **UVR, "mdx_n_fft_scale_set": 16384})


def test_a_graph_that_nobody_tells_of_is_not_taken_for_a_known_one() -> None:
    """Its bins and frames may be those of a card, and its transform is its own."""
    nobody = {"uvr_md5": hashlib.md5(b"").hexdigest()}
    with pytest.raises(WeightsError, match="taken for mdx_net, but UVR's table has no such"):
        recognised(graph(bins=3072, frames=256), nobody)


@pytest.mark.parametrize(
    ("stem", "karaoke", "stems"),
    [
        ("Vocals", False, ["vocals", "instrumental"]),
        ("Vocals", True, ["lead-vocals", "backing"]),
        ("Instrumental", True, ["backing", "lead-vocals"]),
        ("Reverb", False, ["reverb", "dry"]),
        ("No Crowd", False, ["no-crowd", "crowd"]),
        ("Bass", False, ["bass", "no-bass"]),
    ],
)
def test_stems_have_names(stem: str, karaoke: bool, stems: list[str]) -> None:
    given = {**UVR, "primary_stem": stem, "is_karaoke": karaoke}
    found = recognise(graph(), given)
    assert found is not None
    assert (found["stems"], found["target"]) == (stems, stems[0])


def test_the_chunks_are_those_of_audio_separator() -> None:
    """Of 256 frames: 261120 samples, three quarters of which are the step."""
    assert segment(6144, 256) == {
        "length": 261120, "hop": 195840, "window": "hann", "before": 3072, "step": 254976,
        "margin": 3072, "edge": "padded",
    }  # fmt: skip
    for size, _, _ in published.FACTS.values():
        Plan(**segment(size, 256))


CARDS = [name for name in cards.names() if cards.card(name).architecture == "mdx_net"]


@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_what_the_file_would_be_recognised_as(name: str) -> None:
    """But for its hash by UVR's rule, its facts are a row of UVR's table."""
    card = cards.card(name)
    chosen = checked(MdxNetConfig, card.stems, card.channels, card.config)
    stated = chosen.frame_size, chosen.compensation
    rows = [facts[2] for facts in published.FACTS.values() if facts[:2] == stated]
    assert card.stems in {STEMS_OF.get(row.lower(), _others(row)) for row in rows}
    assert card.segment == Plan(**segment(chosen.frame_size, chosen.frames))
    assert card.target == card.stems[0]
    assert card.complement is None
    (source,) = card.sources
    assert (len(source.sha256), source.reader) == (64, "onnx-graph")


def _others(stem: str) -> tuple[str, str]:
    return stem.lower(), f"no-{stem.lower()}"


def test_a_graph_of_another_size_than_the_card_says_is_refused() -> None:
    with pytest.raises(
        WeightsError, match=r"takes \(4, 64, 16\), and the settings say \(4, 64, 8\)"
    ):
        build(STEMS, 2, {**CONFIG, "frames": 8}, graph())


def test_a_graph_of_another_kind_is_refused() -> None:
    with pytest.raises(WeightsError, match="not parts, bins and frames"):
        recognise({"graph": written(Graph(13, (4, 64), SOURCE, ()))}, UVR)


def test_arrays_of_16_bits_are_taken() -> None:
    half = {k: v.astype(np.float16) if k != "graph" else v for k, v in graph().items()}
    mix: Tensor = torch.from_numpy(recorded()["mix_960"])[None]
    right: MdxNet = build(STEMS, 2, CONFIG, graph())
    found = build(STEMS, 2, CONFIG, half)(mix)
    assert waveform.below_db(right(mix), found) > 60
