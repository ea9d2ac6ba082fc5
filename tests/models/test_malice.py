"""Checkpoints that mean harm: refused in one line, with nothing run and no memory taken.

Of every form, `UNWEAVE_MUTATIONS` damaged copies are read, 40 where it is not set:

    UNWEAVE_MUTATIONS=5000 UNWEAVE_SEED=1 python -m pytest tests/models/test_malice.py -q -s
"""

import gzip
import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.models import bundles, mdx, onnx, samples
from unweave.errors import WeightsError
from unweave.models import readers
from unweave.models.mdx_net.shapes import check
from unweave.models.readers import onnx as onnx_reader
from unweave.models.readers import onnx_graph, safetensors, tensorflow, torch_zip
from unweave.models.readers._shared import checkpoints, pickles

pytestmark = pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")

MUTATIONS = int(os.environ.get("UNWEAVE_MUTATIONS", "40"))
SEED = os.environ.get("UNWEAVE_SEED", "0")
SPARE_BYTES = 4 << 20  # what any reading may take besides the file


def refuse(read, path, reason):
    """`read(path)` is one line of error that has `reason`, and takes little memory."""
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match=reason) as error:
            read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert peak < 6 * size + SPARE_BYTES


class Runs:
    """Pickled, an instruction to call `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def canary(tmp_path):
    """A file that a checkpoint makes if anything of it runs."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


def harm(canary):
    return [
        Runs(os.system, f"touch {canary}"),
        Runs(subprocess.call, ["touch", str(canary)]),
        Runs(exec, f"open({str(canary)!r}, 'w')"),
        Runs(getattr, "", "join"),
        Runs(__import__, "antigravity"),
        Runs(open, str(canary), "w"),
        Runs(Path, str(canary)),  # harmless, and not on the list
    ]


@pytest.mark.parametrize("n", range(7))
@pytest.mark.parametrize("legacy", [False, True])
def test_no_call_is_made(tmp_path, canary, n, legacy):
    path = tmp_path / "evil.th"
    path.write_bytes(samples.saved({"state": samples.state(), "x": harm(canary)[n]}, legacy))
    refuse(torch_zip.read, path, "refused, it (refers to|calls)")
    path.write_bytes(gzip.compress(path.read_bytes()))
    refuse(torch_zip.read, path, "refused, it (refers to|calls)")
    path.write_bytes(pickle.dumps({"a": np.zeros(3), "x": harm(canary)[n]}, 2))
    refuse(torch_zip.settings, path, "refused, it (refers to|calls)")


def test_an_unknown_class_is_named(tmp_path):
    path = tmp_path / "model.th"
    path.write_bytes(samples.demucs("demucs.later.Demucs"))
    refuse(torch_zip.read, path, "refers to demucs.later.Demucs, which weights do not need")
    path.write_bytes(samples.demucs("diffq.uniform.UniformQuantizer"))
    refuse(torch_zip.read, path, "quantised by diffq.uniform.UniformQuantizer, which unweave")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x02(}(}i__main__\nX\n.", "instruction INST"),
        (b"\x80\x02\x82\x01.", "instruction EXT1"),
        (b"\x80\x02)" + b"\x85" * 5000 + b".", "no dict of arrays but a tuple"),
        (b"\x80\x02})" + b"\x85" * 5000 + b"K\x01s.", "a key of the type tuple"),
        (b"\x80\x02})" + b"q\x01h\x01\x86" * 90 + b"K\x01s.", "a key of the type tuple"),
        (b"\x80\x02}\x8a\x09" + bytes(8) + b"\x10K\x01s.", "a key of the type int"),
        (b"\x80\x02})r\xff\xff\xff\xffK\x01s.", "a key of the type tuple"),
        (b"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "damaged"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f.", "damaged"),
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.", "unknown version, or cut"),
        (b"\x80\x04)\x94)\x93.", "refers to what has no name"),
        (b"\x80\x04\x8c\x01\n\x8c\x05\x1b[31m\x93.", r"refers to \\n\.\\x1b\[31m,"),
        (b"\x80\x02K\x01K\x02a.", "no list"),
        (b"\x80\x02K\x01K\x02K\x03s.", "no dict"),
        (b"\x80\x02cfractions\nFraction\nX\x03\x00\x00\x001/0\x85R.", "unknown form"),
        (b"\x80\x02ccollections\nOrderedDict\n]\x85R.", "a dict of something else"),
        (b"\x80\x02cbuiltins\nbytes\nK\x05\x85R.", "bytes of something else"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n)R.", "a number in it"),
        (b"\x80\x02ctorch._utils\n_rebuild_parameter\n)R.", "no tensor"),
        (b"\x80\x02}X\x01\x00\x00\x00aK\x01s}X\x05\x00\x00\x00stateh\x00s.", "damaged"),
    ],
)
def test_no_pickle_takes_more_than_its_length(tmp_path, content, reason):
    path = tmp_path / "odd.ckpt"
    path.write_bytes(content)
    refuse(torch_zip.read, path, reason)


def test_text_is_not_copied_again_and_again(tmp_path):
    text = b"X" + struct.pack("<I", 100_000) + b"a" * 100_000
    call = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    path = tmp_path / "many.ckpt"
    path.write_bytes(b"\x80\x02](" + text + b"q\x00" + call * 1000 + b"e.")
    refuse(torch_zip.read, path, "copies its text again and again")


def test_a_pickle_of_millions_of_instructions_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "MOST_INSTRUCTIONS", 1000)
    path = tmp_path / "long.ckpt"
    path.write_bytes(b"\x80\x02" + b"}" * 1000 + b".")
    refuse(torch_zip.read, path, "more than 1000 instructions")


def test_settings_without_an_end_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "MOST_SETTINGS", 10_000)
    endless = {
        b"1": b"]q\x00" + b"h\x00\x86q\x00" * 60,  # 2**60 lists for whoever writes them out
        b"2": b"]q\x02h\x02a",  # a list that is in itself
        b"3": b"(((" + b"K\x01" * 100 + b"tq\x00" + b"h\x00" * 99 + b"tq\x00" + b"h\x00" * 9 + b"t",
    }
    items = b"".join(b"X\x01\x00\x00\x00" + name + value + b"s" for name, value in endless.items())
    path = tmp_path / "endless.ckpt"
    path.write_bytes(b"\x80\x02}X\x05\x00\x00\x00state}sX\x01\x00\x00\x00cK\x01s" + items + b".")
    assert torch_zip.settings(path) == {"c": 1}


TENSOR = (
    b"\x80\x02}%sX\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
    b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu%stQ%s\x89NtRs."
)
HUGE = b"\x8a\x06" + (10**12).to_bytes(6, "little")


def archive(pickled, data=bytes(16), names=(), method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        file.writestr("a/data.pkl", pickled)
        file.writestr("a/data/0", data)
        for name in names:
            file.writestr(name, b"")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("count", "view", "reason"),
    [
        (HUGE, b"K\x00" + HUGE + b"\x85K\x01\x85", "has not 1000000000000 numbers"),
        (b"K\x04", b"K\x00" + HUGE + b"\x85K\x00\x85", "larger than its storage"),
        (b"K\x04", b"K\x00" + HUGE + b"\x85K\x01\x85", "larger than its storage"),
        (b"K\x04", b"K\x00(" + HUGE * 30 + b"t(" + b"K\x00" * 30 + b"t", "larger than its storage"),
        (b"K\x04", HUGE + b"K\x01\x85K\x01\x85", "larger than its storage"),
        (b"K\x04", b"K\x00K\x02\x85" + HUGE + b"\x85", "larger than its storage"),
        (b"K\x04", b"K\x00(" + b"K\x01" * 99 + b"t(" + b"K\x01" * 99 + b"t", "99 axes"),
    ],
)
def test_no_tensor_lies_beyond_its_storage(tmp_path, count, view, reason):
    path = tmp_path / "large.th"
    path.write_bytes(archive(TENSOR % (b"", count, view)))
    refuse(torch_zip.read, path, reason)


AXES = 10_000


def test_no_shape_takes_long(tmp_path):
    """The product of as many sizes as fit into a file would take longer than anybody waits."""
    path = tmp_path / "axes.th"
    sizes = b"(" + b"h\x00" * AXES + b"t"
    path.write_bytes(archive(TENSOR % (b"", b"K\x04", HUGE + b"q\x00" + 2 * sizes)))
    refuse(torch_zip.read, path, f"{AXES} axes")
    dims = bundles.message(*[(2, bundles.message((1, 10**12)))] * AXES)
    entry = bundles.message((1, 1), (2, dims))
    (tmp_path / "a.index").write_bytes(bundles.index({"a": entry}))
    (tmp_path / "a.data-00000-of-00001").write_bytes(b"")
    refuse(tensorflow.read, tmp_path / "a.index", f"{AXES} axes")


def head(**entries):
    """A safetensors file of these arrays, with 16 bytes of numbers."""
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16)


def place(begin, end, shape=(4,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "its head is cut"),
        (struct.pack("<Q", 2**63) + bytes(100), "its head is cut"),
        (struct.pack("<Q", 9) + b"{}", "its head is cut"),
        (struct.pack("<Q", 6) + b"[1, 2]", "its head is no table"),
        (struct.pack("<Q", 3) + b" {}", "its head is no table"),
        (struct.pack("<Q", 40_000) + b'{"a":' * 8000, "numbers: "),
        (struct.pack("<Q", 26) + b'{"a": {"b": 1, "b": 2}}   ', "a name stands in it twice"),
        (head(__metadata__={"a": 1}), "its metadata are no words"),
        (head(__metadata__=[]), "its metadata are no words"),
        (head(a=[]), "'a' is no array"),
        (head(a={"dtype": "F32", "shape": [4]}), "'a' is no array"),
        (head(a=place(0, 16, dtype="F8_E4M3")), "'a' has numbers of the type F8_E4M3"),
        (head(a=place(0, 16, [True, 4])), "'a' has no whole numbers for its place"),
        (head(a=place(0, 16, [-4, -1])), "'a' has no whole numbers for its place"),
        (head(a=place(0, 16, [4.0])), "'a' has no whole numbers for its place"),
        (head(a=place(0.0, 16)), "'a' has no whole numbers for its place"),
        (head(a=place(0, 16, [1] * 10_000)), "10000 axes"),
        (head(a=place(0, 16, [5])), "'a' of shape .5. has 16 bytes"),
        (head(a=place(0, 4 * 10**12, [10**12])), "its arrays have 4000000000000 bytes"),
        (head(a=place(0, 4 * 10**99, [10**99])), "its arrays have 40000"),
        (head(a=place(16, 0, [])), "'a' of shape .. has -16 bytes"),
        (head(a=place(0, 16), b=place(0, 16)), "'b' does not begin where the array before it ends"),
        (head(a=place(0, 8, [2]), b=place(4, 12, [2])), "'b' does not begin where"),
        (head(a=place(4, 16, [3])), "'a' does not begin where"),
        (head(a=place(0, 8, [2])), "its arrays have 8 bytes, and it has 16 for them"),
    ],
)
def test_no_head_claims_what_its_file_lacks(tmp_path, content, reason):
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    for read in (safetensors.read, safetensors.settings):
        refuse(read, path, f"refused, .*{reason}")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (onnx.field(1, 10**12), "of shape .1000000000000. has 4 bytes"),
        (onnx.field(1, b"\x80\x80\x80\x80\x10" * AXES), "33 axes"),
        (onnx.field(1, 1 << 63) + onnx.field(1, 1 << 63), "has 4 bytes"),
        (onnx.field(13, onnx.field(1, "location") + onnx.field(2, "../../../etc/passwd")),
         "'a' lie in another file"),
        (onnx.field(14, 1), "'a' lie in another file"),
        (onnx.varint(9 << 3 | 2) + onnx.varint(10**12), "beyond its end"),
        (onnx.varint(9 << 3 | 2) + onnx.varint((1 << 64) - 1), "beyond its end"),
    ],
)  # fmt: skip
def test_no_graph_claims_what_it_lacks(tmp_path, fields, reason):
    path = tmp_path / "large.onnx"
    tensor = onnx.field(2, 1) + onnx.field(8, "a") + onnx.field(9, bytes(4))
    path.write_bytes(onnx.model(onnx.field(5, tensor + fields)))
    refuse(onnx_reader.read, path, reason)


def graph_of(step, arrays, count, **attributes):
    """An ONNX file with the same step `count` times, each on what the last one made."""
    names = ["input", *(f"v{n}" for n in range(count - 1)), "output"]
    steps = [mdx.step(step, [a, *arrays], b, **attributes) for a, b in pairwise(names)]
    return mdx.model(steps, arrays, (4, 16, 4))


def test_no_graph_grows_without_end(tmp_path):
    """Forty times four is more than all memory; that is said before anything is computed."""
    path = tmp_path / "grows.onnx"
    weight = np.ones((4, 4, 2, 2), np.float32)
    path.write_bytes(graph_of("ConvTranspose", {"a": weight}, 40, strides=[2, 2]))
    arrays = onnx_graph.read(path)
    graph = onnx_graph.parsed(arrays.pop(onnx_graph.GRAPH))
    with pytest.raises(ValueError, match=r"step 11 .* too large for the memory"):
        check(graph, {name: array.shape for name, array in arrays.items()}, (1, 4, 16, 4))


def test_no_graph_runs_code(tmp_path, canary):
    """Operators of others, functions and inner graphs are refused before anything is looked at."""
    path = tmp_path / "runs.onnx"
    for node in (
        mdx.step("PyOp", ["input"], "output") + onnx.field(7, "ai.onnx.contrib"),
        mdx.step("Loop", ["input"], "output") + onnx.field(5, onnx.field(6, b"") + b"\xa0\x01\x05"),
        mdx.step("Relu", ["input"], "output", path=3),
    ):
        path.write_bytes(mdx.model([node], {}, (4, 16, 4)))
        refuse(onnx_graph.read, path, "refused, it")


@pytest.mark.parametrize("count", [5000, 100_000])
def test_no_graph_is_longer_than_any_network(tmp_path, count):
    path = tmp_path / "long.onnx"
    path.write_bytes(graph_of("Relu", {}, count))
    refuse(onnx_graph.read, path, "more than 4096 steps")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
@pytest.mark.parametrize("name", readers.names())
def test_no_pipe_is_waited_for(tmp_path, name):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    refuse(readers.reader(name), path, "cannot be read .it is a pipe or a device, not a file")


def test_numbers_must_lie_in_the_file(tmp_path):
    path = tmp_path / "bare.pkl"
    path.write_bytes(TENSOR % (b"", b"K\x04", b"K\x00K\x02\x85K\x01\x85"))
    refuse(torch_zip.read, path, "its arrays lie in other files")


def test_many_tensors_of_one_storage_are_refused(tmp_path):
    numbers = 100_000
    tensor = TENSOR[3:-1] % (b"", b"J" + struct.pack("<i", numbers), b"K\x00J" + struct.pack(
        "<i", numbers) + b"\x85K\x01\x85")  # fmt: skip
    names = [b"X\x01\x00\x00\x00" + bytes([n]) for n in range(65, 90)]
    pickled = b"\x80\x02}" + b"".join(tensor.replace(b"X\x01\x00\x00\x00a", n, 1) for n in names)
    path = tmp_path / "aliased.th"
    path.write_bytes(archive(pickled + b".", bytes(4 * numbers)))
    refuse(torch_zip.read, path, "parts of each other, many times over")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
def test_no_archive_reaches_out_of_its_folder(tmp_path, name):
    path = tmp_path / "climbs"
    path.write_bytes(archive(TENSOR % (b"", b"K\x04", b"K\x00K\x02\x85K\x01\x85"), names=[name]))
    refuse(torch_zip.read, path, "lies outside of the archive's folder")
    path.write_bytes(bundles.archive({**samples.tensorflow(), name: b"evil"}))
    refuse(tensorflow.read, path, "lies outside of the archive's folder")
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_no_link_is_followed(tmp_path, kind):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        info = tarfile.TarInfo("model.index")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    path = tmp_path / "links.tar.gz"
    path.write_bytes(gzip.compress(stream.getvalue()))
    refuse(tensorflow.read, path, "a link or a device")


@pytest.mark.parametrize("read", [torch_zip.read, tensorflow.read])
def test_no_bomb_is_unpacked(tmp_path, read):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(150_000_000), 1))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match="unpacks to more than 32 times its size"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 140_000_000  # a piece gives 64 MB at most
    finally:
        tracemalloc.stop()


def test_members_that_share_their_place_are_refused(tmp_path):
    """An archive whose directory lists one place many times unpacks to no more than its size."""
    stream = io.BytesIO()
    views = []
    with zipfile.ZipFile(stream, "w") as file:
        for n in range(30):
            name = str(n).encode()
            views.append(
                (TENSOR[3:-1] % (b"", b"J" + struct.pack("<i", 50_000), b"K\x00K\x01\x85K\x01\x85"))
                .replace(b"X\x01\x00\x00\x000", b"X" + struct.pack("<I", len(name)) + name, 1)
                .replace(b"X\x01\x00\x00\x00a", b"X\x02\x00\x00\x00%02d" % n, 1)
            )
        file.writestr("a/data.pkl", b"\x80\x02}" + b"".join(views) + b".")
        file.writestr("a/data/0", bytes(200_000))
        place = file.getinfo("a/data/0")
        for n in range(1, 30):
            copy = zipfile.ZipInfo(f"a/data/{n}")
            copy.header_offset, copy.CRC = place.header_offset, place.CRC
            copy.file_size = copy.compress_size = 200_000
            file.filelist.append(copy)
            file.NameToInfo[copy.filename] = copy
    path = tmp_path / "overlaps.th"
    path.write_bytes(stream.getvalue())
    refuse(torch_zip.read, path, "damaged|larger than the file")


def test_every_byte_that_a_checksum_covers_counts(tmp_path):
    """One byte at a time: an error, or the same arrays where the byte decides nothing."""
    rng = random.Random(SEED)
    for name, content in {
        "a.th": samples.demucs(), "a.gz": samples.first_demucs(packed=True),
        "a.tgz": bundles.archive(samples.tensorflow()),
    }.items():  # fmt: skip
        path = tmp_path / name
        read = tensorflow.read if name == "a.tgz" else torch_zip.read
        path.write_bytes(content)
        whole = {name: array.tobytes() for name, array in read(path).items()}
        for at in rng.sample(range(len(content)), 150):
            damaged = bytearray(content)
            damaged[at] ^= rng.randrange(1, 256)
            path.write_bytes(damaged)
            try:
                found = read(path)
            except WeightsError:
                continue
            assert {name: array.tobytes() for name, array in found.items()} == whole


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited on Linux")
def test_damaged_checkpoints_are_refused_or_read_as_they_say(tmp_path):
    samples.write(tmp_path)
    command = [sys.executable, "-m", "tests.models.damage", str(tmp_path), str(MUTATIONS), SEED]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout)
    print(found["refused"])
    assert len(found["refused"]) == 10
    assert all(sum(counts) for counts in found["refused"].values())
    assert not found["wrong"], "\n".join(found["wrong"][:20])
