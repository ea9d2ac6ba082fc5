"""TensorFlow's checkpoints, without TensorFlow: Spleeter's archives, and the files in them.

A checkpoint is `model.index`, a table of what there is (`_shared/tables`), and the numbers, as a
rule in `model.data-00000-of-00001`. The table's values are messages that
tensorflow/core/protobuf/tensor_bundle.proto defines: under the empty key BundleHeaderProto, under a
tensor's name BundleEntryProto. The numbers of every tensor have a checksum.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unweave.core.files import content as content_of
from unweave.errors import quoted
from unweave.models.readers import Arrays
from unweave.models.readers._shared import inflate, tables, tar
from unweave.models.readers._shared.crc32c import crc32c, masked
from unweave.models.readers._shared.errors import Refused, plain, reading
from unweave.models.readers._shared.numbers import count, row, width
from unweave.models.readers._shared.protobuf import Value, fields, message, part, whole

# DataType of tensorflow/core/framework/types.proto -> what numpy calls it.
DTYPES = {
    1: "f4", 2: "f8", 3: "i4", 4: "u1", 5: "i2", 6: "i1", 9: "i8", 10: "b1", 14: "bf16",
    19: "f2",
}  # fmt: skip
GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"  # what objects held the tensors; no numbers

Find = Callable[[str], "bytes | memoryview"]
"""The content of the file of a checkpoint that has this ending."""


def read(path: Path) -> Arrays:
    """The arrays by name of an archive (`.tar`, `.tar.gz`) of one checkpoint, or of its `.index`.

    float16 and others are as they are, bfloat16 is float32. The arrays may be read-only. Raises
    WeightsError in one line when they cannot be read.
    """
    with reading(path):
        data = content_of(path)
        if data.startswith(inflate.MAGIC):
            data = inflate.inflated(data)
        if data.endswith(tables.MAGIC):
            stem = str(path).removesuffix(".index")
            return _arrays(data, lambda ending: content_of(Path(stem + ending)))
        files = tar.files(memoryview(data))
        stem = _checkpoint(files)

        def find(ending: str) -> memoryview:
            if stem + ending not in files:
                raise Refused(f"its archive lacks the file {plain(stem + ending)}")
            return files[stem + ending]

        return _arrays(find(".index"), find)


def _checkpoint(files: dict[str, memoryview]) -> str:
    """The names of a checkpoint's files up to their endings."""
    names = {name.removesuffix(".index"): Path(name).name for name in files if ".index" in name}
    stems = [stem for stem, name in names.items() if not name.startswith("._")]  # a Mac's
    said = next(
        (content for name, content in files.items() if Path(name).name == "checkpoint"), b""
    )
    latest = re.search(rb'^model_checkpoint_path: "([^"\n]+)"', bytes(said))
    if len(stems) > 1 and latest:
        wanted = Path(latest[1].decode()).name
        stems = [stem for stem in stems if Path(stem).name == wanted]
    if len(stems) != 1:
        raise Refused(f"its archive has {len(stems)} checkpoints, files called '*.index'")
    return stems[0]


def _arrays(index: bytes | memoryview, find: Find) -> Arrays:
    """Every tensor that the table `index` lists."""
    messages = tables.items(memoryview(index))
    shards = _shards(messages.pop(b"", memoryview(b"")))
    messages.pop(GRAPH, None)
    if any(key.startswith(b"\0") for key in messages):
        raise Refused("a tensor in it is kept in slices, which unweave does not read")
    entries = {key.decode(): _entry(entry) for key, entry in messages.items()}
    data = {
        shard: memoryview(find(f".data-{shard:05}-of-{shards:05}"))
        for shard in sorted({entry.shard for entry in entries.values()})
    }
    if sum(entry.size for entry in entries.values()) > sum(map(len, data.values())):
        raise Refused("its tensors are larger than the file with their numbers")
    return {name: _array(name, entry, data[entry.shard]) for name, entry in entries.items()}


@dataclass(frozen=True, slots=True)
class _Entry:
    """BundleEntryProto: where the numbers of a tensor are."""

    shape: tuple[int, ...]
    kind: int  # DataType
    shard: int
    offset: int  # bytes
    size: int  # bytes
    checksum: int


def _shards(entry: memoryview) -> int:
    """How many files there are with numbers, of BundleHeaderProto."""
    header = dict(fields(entry))
    if header.get(2):
        raise Refused("its numbers are not little-endian")
    return whole(header.get(1, 0))


def _entry(entry: memoryview) -> _Entry:
    found = dict(fields(entry))  # of a field that comes twice the last counts
    kind, shard, offset, size, checksum = (whole(found.get(n, 0)) for n in (1, 3, 4, 5, 6))
    return _Entry(_shape(found.get(2, memoryview(b""))), kind, shard, offset, size, checksum)


def _shape(shape: Value) -> tuple[int, ...]:
    """Of TensorShapeProto, a list of dimensions that have their size in field 1."""
    sizes = [
        whole(dict(fields(message(dim))).get(1, 0))
        for number, dim in fields(message(shape))
        if number == 2
    ]
    return tuple(sizes)


def _array(name: str, entry: _Entry, data: memoryview) -> np.ndarray:
    dtype = DTYPES.get(entry.kind)
    if dtype is None:
        raise Refused(f"{plain(name)} has values of type {entry.kind}, which are no numbers")
    if count(entry.shape) * width(dtype) != entry.size:
        raise Refused(f"{plain(name)} of shape {quoted(entry.shape)} has {entry.size} bytes")
    content = part(data, entry.offset, entry.size)
    if masked(crc32c(content)) != entry.checksum:
        raise Refused(f"{plain(name)} is damaged: its checksum differs")
    return row(content, dtype).reshape(entry.shape)
