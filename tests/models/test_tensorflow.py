"""TensorFlow's checkpoints are read as TensorFlow wrote them, without it."""

import ast
import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.models import bundles, samples
from tests.models.bundles import entry, message
from unweave.errors import WeightsError
from unweave.models.readers import tensorflow
from unweave.models.readers._shared import tables
from unweave.models.readers._shared.crc32c import crc32c

RECORDED = Path(__file__).parents[1] / "data" / "tensorflow" / "model.tar.gz"
DATA = np.arange(6, dtype="<f4").tobytes()
NUMBERS = ".data-00000-of-00001"


def counted():
    """What `benchmarks/spleeter/record_checkpoint.py` has recorded, from its own table."""
    place = Path(__file__).parents[2] / "benchmarks" / "spleeter" / "record_checkpoint.py"
    text = place.read_text()
    table = text[text.index("ARRAYS = ") :]
    arrays = ast.literal_eval(table[len("ARRAYS = ") : table.index("\n}") + 2])
    for name, (shape, kind) in arrays.items():
        kind = "float32" if kind == "bfloat16" else kind
        yield name, np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)


def test_reads_what_tensorflow_writes():
    found = tensorflow.read(RECORDED)
    expected = dict(counted())
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_reads_the_files_of_a_checkpoint_beside_each_other(tmp_path):
    with tarfile.open(RECORDED) as archive:
        for member in archive:
            (tmp_path / member.name).write_bytes(archive.extractfile(member).read())
    found = tensorflow.read(tmp_path / "model.index")
    assert found.keys() == dict(counted()).keys()
    (tmp_path / f"model{NUMBERS}").unlink()
    with pytest.raises(WeightsError, match=r"data-00000-of-00001: cannot be read \(No such file"):
        tensorflow.read(tmp_path / "model.index")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_every_format_are_read(tmp_path, form):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        folder = tarfile.TarInfo("./2stems")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        noted = {"comment": "of a Mac"} if form == tarfile.PAX_FORMAT else {}
        for name, content in {**samples.tensorflow(), "._model.index": b"of a Mac"}.items():
            info = tarfile.TarInfo(f"./2stems/{name}")
            info.size, info.pax_headers = len(content), noted
            tar.addfile(info, io.BytesIO(content))
    path = tmp_path / "2stems.tar"
    for content in (stream.getvalue(), gzip.compress(stream.getvalue())):
        path.write_bytes(content)
        found = tensorflow.read(path)
        assert {name: array.tobytes() for name, array in found.items()} == {
            name: array.tobytes() for name, array in samples.arrays().items()
        }


def files(entries, data=DATA):
    return {"m.index": bundles.index(entries), f"m{NUMBERS}": data}


def test_the_latest_of_several_checkpoints_is_read(tmp_path):
    path = tmp_path / "many.tar.gz"
    two = {
        f"m-{n}{ending}": content
        for n in (1, 2)
        for ending, content in zip(
            (".index", NUMBERS),
            files({f"a{n}": entry(1, (2, 3), 0, DATA)}).values(),
            strict=True,
        )
    }
    path.write_bytes(bundles.archive(two))
    with pytest.raises(WeightsError, match="has 2 checkpoints"):
        tensorflow.read(path)
    text = b'model_checkpoint_path: "/tmp/elsewhere/m-1"\nall_model_checkpoint_paths: "m-2"\n'
    path.write_bytes(bundles.archive({**two, "checkpoint": text}))
    assert tensorflow.read(path).keys() == {"a1"}


def test_what_objects_held_the_tensors_is_left_out(tmp_path):
    path = tmp_path / "a.tgz"
    entries = {"_CHECKPOINTABLE_OBJECT_GRAPH": b"\x08\x07", "a": entry(1, (2, 3), 0, DATA)}
    path.write_bytes(bundles.archive(files(entries)))
    assert tensorflow.read(path).keys() == {"a"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (entry(1, (2, 3), 0, DATA, crc=1), "a is damaged: its checksum differs"),
        (entry(1, (3, 3), 0, DATA), r"a of shape \(3, 3\) has 24 bytes"),
        (entry(1, (10**12,), 0, DATA, size=4 * 10**12), "larger than the file"),
        (entry(1, (2, 3), 1, DATA), "a part of it lies beyond its end"),
        (entry(1, (2, 3), 2**64 - 1, DATA), "a part of it lies beyond its end"),
        (entry(1, (2, 3), 0, DATA, shard=3), "lacks the file m.data-00003-of-00001"),
        (entry(7, (2, 3), 0, DATA), "a has values of type 7, which are no numbers"),
        (entry(1, (0, 2**62, 2**62), 0, b""), "damaged"),
        (message((1, 1), (2, 5)), "a number where a message belongs"),
        (message((1, b"x")), "bytes where a number belongs"),
        (b"\x0b", "unknown kind 3"),
        (b"\xff" * 11, "a number in it has no end"),
        (b"\x12\x7f", "a part of it lies beyond its end"),
    ],
)
def test_an_entry_that_is_wrong_is_refused(tmp_path, value, reason):
    path = tmp_path / "a.tgz"
    path.write_bytes(bundles.archive(files({"a": value})))
    with pytest.raises(WeightsError, match=reason) as error:
        tensorflow.read(path)
    assert str(path) in str(error.value)


def test_tensors_that_share_their_place_are_refused(tmp_path):
    path = tmp_path / "a.tgz"
    path.write_bytes(bundles.archive(files({k: entry(1, (2, 3), 0, DATA) for k in "ab"})))
    with pytest.raises(WeightsError, match="larger than the file with their numbers"):
        tensorflow.read(path)


GOOD = [(b"", bundles.HEADER), (b"a", entry(1, (2, 3), 0, DATA))]
LONG = [(b"k" * 300 + bytes([n]), b"") for n in range(9)]


def bad(content):
    return bundles.table([(b"z", content)])


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (b"", "no table"),
        (bundles.index({})[:-1], "no table"),
        (bundles.table([(b"a", bundles.block(GOOD))], packed=1), "is packed"),
        (bundles.table([(b"a", bundles.block(GOOD))]).replace(b"\x08", b"\x09", 1),
         "checksum differs"),
        (bad(bundles.block(GOOD[::-1])), "out of order"),
        (bad(bundles.block([GOOD[0], GOOD[0]])), "out of order"),
        (bad(bundles.block(LONG)), "too long"),
        (bundles.table([(b"a", bundles.block(LONG[:3])), (b"b", bundles.block(LONG[3:6]))]),
         "too long"),
        (bad(b""), "too short"),
        (bad(b"\0\0\0\0\xff\xff\xff\xff"), "too short"),
        (bad(bundles.block([(b"", message((2, 1)))])), "not little-endian"),
        (bad(bundles.block([(b"\0\x01", b"")])), "in slices"),
        (bad(bundles.block([(b"\xff", GOOD[1][1])])), "damaged"),
    ],
    ids=map(str, range(13)),
)  # fmt: skip
def test_a_table_that_is_wrong_is_refused(tmp_path, monkeypatch, index, reason):
    monkeypatch.setattr(tables, "LONGEST_KEYS", 1000)
    path = tmp_path / "a.tgz"
    path.write_bytes(bundles.archive({"m.index": index, f"m{NUMBERS}": DATA}))
    with pytest.raises(WeightsError, match=reason):
        tensorflow.read(path)


def test_an_archive_that_is_wrong_is_refused(tmp_path):
    path = tmp_path / "a.tar.gz"
    whole = bundles.tar(samples.tensorflow())
    for content, reason in {
        whole[:300]: "its archive ends early",
        whole[:1540]: "its archive ends early",
        whole[:2000]: "its archive ends early",
        whole.replace(b"ustar", b"vstar", 1): "header of its archive is damaged",
        b"": "its archive ends early",
        bundles.tar({"song.txt": b"la"}): "has 0 checkpoints",
        bundles.tar({"m.index": bundles.index({"a": GOOD[1][1]})}): "lacks the file m.data-00000",
    }.items():
        path.write_bytes(gzip.compress(content))
        with pytest.raises(WeightsError, match=reason):
            tensorflow.read(path)
    packed = bundles.archive(samples.tensorflow())
    for content, reason in {
        packed[:-9]: "EOFError",
        packed + b"more": "more behind the end",
        packed[:-8] + b"0000" + packed[-4:]: "incorrect data check",
    }.items():
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=reason):
            tensorflow.read(path)


def test_a_size_with_a_sign_is_no_size(tmp_path):
    tar = bytearray(bundles.tar(samples.tensorflow()))
    tar[124:136] = b"-0000001000\0"
    path = tmp_path / "a.tar"
    path.write_bytes(bundles.mended_tar(tar))
    with pytest.raises(WeightsError, match="no number where one belongs"):
        tensorflow.read(path)


@pytest.mark.parametrize("size", [0, 1, 9, 4095, 4096, 4097, 8191, 12_288, 50_001])
def test_the_checksum_is_that_of_the_definition(size):
    data = np.random.default_rng(size).bytes(size)
    assert bundles.mask(crc32c(data)) == bundles.checksum(data)


def test_the_checksum_of_known_text():
    assert crc32c(b"123456789") == 0xE3069283  # the value that catalogues of CRCs give
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
