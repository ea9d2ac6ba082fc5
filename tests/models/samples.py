"""A small checkpoint of every form that the readers know."""

import gzip
import io
import json
import pickle
import sys
import types
from argparse import Namespace
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import torch
from safetensors.torch import save

from tests.models import bundles, mdx, onnx

SOURCES = ["drums", "bass"]


@contextmanager
def network(name):
    """A class called so, in a module of its own, such as `demucs.htdemucs.HTDemucs`."""
    module, _, short = name.rpartition(".")
    made = type(short, (torch.nn.Module,), {"__module__": module})
    parents = [module[:n] for n, sign in enumerate(f"{module}.") if sign == "."]
    before = {parent: sys.modules.get(parent) for parent in parents}
    for parent in parents:
        sys.modules[parent] = types.ModuleType(parent)
    setattr(sys.modules[module], short, made)
    try:
        yield made
    finally:
        for parent, old in before.items():
            sys.modules.pop(parent)
            if old is not None:
                sys.modules[parent] = old


def state():
    """The arrays that all of them hold."""
    torch.manual_seed(0)
    layer = torch.nn.Conv1d(2, 3, 2)
    return {**layer.state_dict(), "half": torch.randn(2, 3).half().T, "steps": torch.tensor(7)}


def demucs(name="demucs.htdemucs.HTDemucs"):
    """The bytes of a `.th` of Demucs, `demucs/states.py`."""
    with network(name) as klass:
        return saved({
            "klass": klass, "args": (SOURCES,), "kwargs": {"segment": Fraction(39, 5), "depth": 4},
            "state": state(), "training_args": {"lr": 3e-4}, "metrics": (None, np.float64(7.5)),
        })  # fmt: skip


def first_demucs(packed=False):
    """The bytes of a `.th`, or `.th.gz`, of the first version of Demucs."""
    with network("demucs.model.Demucs") as klass:
        content = saved((klass, [SOURCES], {"channels": 64}, state()), legacy=True)
    return gzip.compress(content, 5) if packed else content


def second_demucs():
    """The bytes of what `save_model` of Demucs 2 writes: arguments of the training are objects."""
    arguments = Namespace(lr=3e-4)
    with network("demucs.tasnet.ConvTasNet") as klass:
        return saved({"klass": klass, "args": (), "kwargs": {"X": 10}, "state": state(),
                      "training_args": arguments})  # fmt: skip


def saved(value, legacy=False):
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def safetensors():
    """The bytes of a file of Demucs 4.1, `demucs/hf.py`."""
    keywords = {"segment": {"_type": "fraction", "numerator": 39, "denominator": 5}, "depth": 4}
    return save(
        {name: value.contiguous() for name, value in state().items()},
        {"klass": "demucs.htdemucs.HTDemucs", "args": json.dumps([SOURCES]),
         "kwargs": json.dumps(keywords)},
    )  # fmt: skip


def arrays():
    return {name: value.numpy() for name, value in state().items()}


def tensorflow():
    """The files of a checkpoint of TensorFlow's by name."""
    kinds = {"float32": 1, "float16": 19, "int64": 9}
    data, entries = b"", {}
    for name, array in arrays().items():
        content = array.tobytes()
        entries[name] = bundles.entry(kinds[array.dtype.name], array.shape, len(data), content)
        data += content
    return {"model.index": bundles.index(entries), "model.data-00000-of-00001": data}


def exported():
    """The bytes of an ONNX file, in which one array has no name of its own."""
    items = {name: array.astype(np.float32) for name, array in arrays().items()}
    names = {name: f"onnx::Mul_{n}" if n == 1 else name for n, name in enumerate(items)}
    return onnx.model(onnx.graph(*((names[k], f"/{k}/Mul", v) for k, v in items.items())))


def write(folder):
    """Every form as a file in `folder`, whose name says which."""
    files = {
        "demucs.th": demucs(), "demucs2.th": second_demucs(), "legacy.th": first_demucs(),
        "legacy.th.gz": first_demucs(packed=True), "numpy.ckpt": pickle.dumps(arrays(), 2),
        "demucs.safetensors": safetensors(), "spleeter.tgz": bundles.archive(tensorflow()),
        "demucs.onnx": exported(),
        "graph.onnx": mdx.graph(bins=16, frames=4, width=2, levels=1, layers=1, narrow=2),
        **tensorflow(),
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).write_bytes(content)
