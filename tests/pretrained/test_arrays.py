"""Foreign pickles are data here: arrays come out, and nothing else ever happens."""

import io
import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from safetensors import numpy as safetensors

from unweave.core.errors import WeightsError
from unweave.pretrained.convert.arrays import read_pickle, write_safetensors


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "matrix": rng.standard_normal((3, 4)).astype(np.float32),
        "columns first": np.asfortranarray(rng.standard_normal((2, 5))),
        "scalar": np.array(7, np.int64),
        "empty": np.zeros((0, 3), np.float16),
        "flags": np.array([True, False]),
    }


def same(left, right):
    return left.keys() == right.keys() and all(
        left[k].dtype == right[k].dtype
        and left[k].shape == right[k].shape
        and np.array_equal(left[k], right[k])
        for k in left
    )


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_reads_what_numpy_pickles(tmp_path, arrays, protocol):
    file = tmp_path / "weights.pkl"
    file.write_bytes(pickle.dumps(arrays, protocol))
    assert same(read_pickle(file), arrays)


def test_reads_the_names_of_older_numpy(tmp_path, arrays):
    file = tmp_path / "weights.pkl"
    new = pickle.dumps(arrays, 2)
    assert b"numpy._core.multiarray" in new
    file.write_bytes(new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert same(read_pickle(file), arrays)


def test_reads_an_archive_around_a_pickle(tmp_path, arrays):
    file = tmp_path / "weights.ckpt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps(arrays, 2))
        archive.writestr("weights/version", "3\n")
    assert same(read_pickle(file), arrays)


class Runs:
    """Pickled, an instruction to call `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.mkdir, "mkdir"),
        (eval, "builtin__.eval"),
        (np.load, "numpy.load"),
        (io.open, "io.open"),
        (np.zeros, "zeros"),
    ],
)
def test_refuses_every_other_global(tmp_path, arrays, function, name):
    file = tmp_path / "evil.ckpt"
    target = tmp_path / "made by the pickle"
    file.write_bytes(pickle.dumps(arrays | {"x": Runs(function, str(target))}, 2))
    with pytest.raises(WeightsError) as error:
        read_pickle(file)
    assert str(file) in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert not target.exists()


def pickled(*parts: bytes) -> bytes:
    return b"\x80\x02}" + b"".join(parts) + b"."


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(tR"  # ()
FLOAT32 = b"cnumpy\ndtype\n(X\x02\x00\x00\x00f4tR"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickled(b"cnumpy\nndarray\n(tRs"), "calls what is not a function"),
        (pickled(b"cnumpy\ndtype\n}b"), "changes what it may only name"),
        (pickled(b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00utf_8tR"), "latin1"),
        (pickled(b"cnumpy\ndtype\n(X\x01\x00\x00\x00OtR"), "arrays of 'O'"),
        (pickled(FLOAT32 + b"(K\x03X\x01\x00\x00\x00>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"),
         "little-endian"),
        (pickled(b"X\x01\x00\x00\x00a" + ARRAY + b"s"), "more than named arrays"),
        (pickled(b"X\x01\x00\x00\x00aK\x05s"), "more than named arrays"),
        (pickled(b"K\x05" + ARRAY + b"s"), "more than named arrays"),
        (pickled(ARRAY + b"(K\x01(K\x02t" + FLOAT32 + b"\x89C\x04aaaatb"), "has 4 bytes"),
        (pickled(ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + FLOAT32 + b"\x89C\x00tb"), "shape"),
        (pickled(ARRAY + b"Nb"), "unknown form"),
        (pickled(b"X\x01\x00\x00\x00aQ"), "other files"),
        (b"\x80\x02]q\x00.", "no dict"),
        (b"", "damaged"),
        (b"RIFF, or any text", "damaged"),
    ],
)  # fmt: skip
def test_refuses_what_is_not_plain_arrays(tmp_path, content, reason):
    file = tmp_path / "odd.ckpt"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=reason) as error:
        read_pickle(file)
    assert str(file) in str(error.value)


def test_every_truncation_is_an_error(tmp_path, arrays):
    file = tmp_path / "cut.pkl"
    whole = pickle.dumps(arrays, 2)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="damaged"):
            read_pickle(file)


def test_refuses_archives_that_are_not_torchs(tmp_path, arrays):
    file = tmp_path / "weights.ckpt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data.pkl", pickle.dumps(arrays, 2))
    with pytest.raises(WeightsError, match="compressed"):
        read_pickle(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("song.txt", "la la")
    with pytest.raises(WeightsError, match=r"0 files 'data\.pkl'"):
        read_pickle(file)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="damaged"):
        read_pickle(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.ckpt: cannot be read"):
        read_pickle(tmp_path / "none.ckpt")


def written(arrays):
    stream = io.BytesIO()
    write_safetensors(stream, arrays)
    return stream.getvalue()


def test_safetensors_reads_what_is_written(arrays):
    assert same(safetensors.load(written(arrays)), arrays)


def test_the_bytes_are_those_of_the_library():
    rng = np.random.default_rng(1)
    arrays = {f"layer{n}": rng.standard_normal((n, 3)).astype(np.float32) for n in range(1, 12)}
    assert written(arrays) == safetensors.save(arrays)


def test_the_bytes_do_not_depend_on_the_order(arrays):
    assert written(dict(reversed(arrays.items()))) == written(arrays)


def test_the_data_are_aligned(arrays):
    content = written(arrays)
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    for name, entry in header.items():
        assert (8 + length + entry["data_offsets"][0]) % arrays[name].itemsize == 0
