"""Foreign pickles are data here: arrays come out, and nothing else ever happens."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors import numpy as safetensors
from safetensors.torch import save

from tests.models import samples
from unweave.errors import WeightsError
from unweave.models import readers
from unweave.models.readers import safetensors as ours
from unweave.models.readers import torch_zip
from unweave.models.readers._shared import torch_legacy


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
    assert same(torch_zip.read(file), arrays)


def test_reads_the_names_of_older_numpy(tmp_path, arrays):
    file = tmp_path / "weights.pkl"
    new = pickle.dumps(arrays, 2)
    assert b"numpy._core.multiarray" in new
    file.write_bytes(new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert same(torch_zip.read(file), arrays)


def test_reads_an_archive_around_a_pickle(tmp_path, arrays):
    file = tmp_path / "weights.ckpt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps(arrays, 2))
        archive.writestr("weights/version", "3\n")
    assert same(torch_zip.read(file), arrays)


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
        torch_zip.read(file)
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
        (pickled() + b"more", "more behind the end of its pickle"),
        (b"", "it is empty"),
        (b"RIFF, or any text", "no checkpoint: it begins with b.RIFF"),
    ],
)  # fmt: skip
def test_refuses_what_is_not_plain_arrays(tmp_path, content, reason):
    file = tmp_path / "odd.ckpt"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=reason) as error:
        torch_zip.read(file)
    assert str(file) in str(error.value)


def test_every_truncation_is_an_error(tmp_path, arrays):
    file = tmp_path / "cut.pkl"
    whole = pickle.dumps(arrays, 2)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="damaged" if length else "it is empty"):
            torch_zip.read(file)


def test_refuses_archives_that_are_not_torchs(tmp_path, arrays):
    file = tmp_path / "weights.ckpt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data.pkl", pickle.dumps(arrays, 2))
    with pytest.raises(WeightsError, match="compressed"):
        torch_zip.read(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("song.txt", "la la")
    with pytest.raises(WeightsError, match=r"0 files 'data\.pkl'"):
        torch_zip.read(file)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="damaged"):
        torch_zip.read(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.ckpt: cannot be read"):
        torch_zip.read(tmp_path / "none.ckpt")


def test_reads_what_torch_saves(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 4), torch.nn.BatchNorm1d(3))
    matrix = torch.randn(5, 6)
    state = network.state_dict() | {
        "columns first": matrix.T,
        "a part": matrix[2:4, 1:],
        "shared": matrix[0],
        "halves": matrix.half(),
        "brain": matrix.bfloat16(),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(3),
        "parameter": torch.nn.Parameter(matrix),
    }
    file = tmp_path / "weights.th"
    for saved in (state, {"state_dict": state, "epoch": 7}, {"state": state, "best": {"x": [1]}}):
        torch.save(saved, file)
        found = torch_zip.read(file)
        expected = {name: value.detach().float().numpy() for name, value in state.items()}
        assert found.keys() == expected.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array.astype(np.float32), expected[name])
        assert found["halves"].dtype == np.float16


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize("packed", [False, True])
def test_reads_the_first_version_of_demucs(tmp_path, packed):
    file = tmp_path / "demucs.th"
    file.write_bytes(samples.first_demucs(packed))
    assert same(torch_zip.read(file), samples.arrays())
    assert torch_zip.settings(file) == {
        "klass": "demucs.model.Demucs", "args": [samples.SOURCES], "kwargs": {"channels": 64},
    }  # fmt: skip


def test_reads_the_later_versions_of_demucs(tmp_path):
    file = tmp_path / "955717e8.th"
    for name in ("htdemucs.HTDemucs", "hdemucs.HDemucs", "demucs.Demucs", "wdemucs.WDemucs"):
        file.write_bytes(samples.demucs(f"demucs.{name}"))
        assert same(torch_zip.read(file), samples.arrays())
        assert torch_zip.settings(file) == {
            "klass": f"demucs.{name}", "args": [samples.SOURCES],
            "kwargs": {"segment": Fraction(39, 5), "depth": 4},
            "training_args": {"lr": 3e-4}, "metrics": [None, 7.5],
        }  # fmt: skip
    file.write_bytes(samples.second_demucs())
    assert same(torch_zip.read(file), samples.arrays())
    assert torch_zip.settings(file) == {
        "klass": "demucs.tasnet.ConvTasNet", "args": [], "kwargs": {"X": 10},
    }  # fmt: skip


def test_says_which_checkpoints_are_quantised(tmp_path):
    file = tmp_path / "demucs_quantized-07afea75.th"
    torch.save({"compressed": b"packed"}, file)
    with pytest.raises(WeightsError, match="in DiffQ's first form, which unweave does not read"):
        torch_zip.read(file)
    torch.save({"state": {"__quantized": True, "meta": {}}}, file)
    with pytest.raises(WeightsError, match="its settings name no stems"):
        torch_zip.read(file)
    file.write_bytes(save({"a": torch.zeros(2)}, {"structure": "{}"}))
    with pytest.raises(WeightsError, match="quantised with DiffQ, which unweave does not read"):
        ours.read(file)


def test_reads_a_state_in_every_wrapping(tmp_path):
    file = tmp_path / "model.ckpt"
    state = samples.state()
    wrapped = {f"module.{name}": value for name, value in state.items()}
    for key in ("state", "state_dict", "model_state_dict", "model"):
        for legacy in (False, True):
            content = {"epoch": 3, "optimizer": {"state": {0: state}}, key: wrapped}
            file.write_bytes(samples.saved(content, legacy))
            assert same(torch_zip.read(file), samples.arrays())
            assert torch_zip.settings(file) == {"epoch": 3}
    file.write_bytes(samples.saved({**wrapped, "bias": state["bias"]}))
    assert "module.weight" in torch_zip.read(file)  # not all of them are


def test_reads_the_older_form_with_parts_of_storages(tmp_path):
    matrix = torch.arange(12.0).reshape(3, 4)
    state = {"part": matrix[1:, 1:3], "turned": matrix.T, "brain": matrix.bfloat16(),
             "none": torch.zeros(0, 4)}  # fmt: skip
    file = tmp_path / "old.pth"
    file.write_bytes(samples.saved(state, legacy=True))
    found = torch_zip.read(file)
    assert found.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value.float().numpy())


FIVE = struct.pack("<qf", 1, 5)  # a storage of one number


def old(*pickles, data=FIVE):
    """The older form: pickles with the magic number before them, and the storages."""
    parts = [pickle.dumps(part, 2) if not isinstance(part, bytes) else part for part in pickles]
    return b"".join([pickle.dumps(torch_legacy.MAGIC, 2), *parts, data])


ONE = b"\x80\x02}X\x01\x00\x00\x00a" + (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01NtQK\x00K\x01\x85K\x01\x85\x89NtRs."
)
LITTLE = {"little_endian": True}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (old(1002, LITTLE, ONE, ["0"]), "unknown version of torch's format"),
        (old(1001, {}, ONE, ["0"]), "not little-endian"),
        (old(1001, 5, ONE, ["0"]), "not little-endian"),
        (old(1001, LITTLE, ONE, "0"), "no list of its storages"),
        (old(1001, LITTLE, ONE, ["1"]), "a storage '1' that it does not use once"),
        (old(1001, LITTLE, ONE, ["0", "0"]), "a storage '0' that it does not use once"),
        (old(1001, LITTLE, ONE, [0]), "a storage 0 that it does not use once"),
        (old(1001, LITTLE, ONE, []), "its storages end after"),
        (old(1001, LITTLE, ONE, [], data=b""), "its storage '0' is not in the file"),
        (old(1001, LITTLE, ONE, ["0"], data=struct.pack("<qf", 2, 5)), "has not 1 numbers"),
        (old(1001, LITTLE, ONE, ["0"], data=struct.pack("<q", 1)), "its storages end after"),
        (old(1001, LITTLE, ONE, ["0"]) + b"more", "its storages end after"),
        (old(1001, LITTLE), "damaged"),
    ],
)
def test_refuses_the_older_form_where_it_contradicts_itself(tmp_path, content, reason):
    file = tmp_path / "old.th"
    file.write_bytes(old(1001, LITTLE, ONE, ["0"]))
    assert torch_zip.read(file)["a"].tolist() == [5]
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=reason):
        torch_zip.read(file)


def test_refuses_numbers_of_the_other_byte_order(tmp_path, arrays):
    file = tmp_path / "big.th"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("weights/data.pkl", pickle.dumps(arrays, 2))
        archive.writestr("weights/byteorder", "big")
    with pytest.raises(WeightsError, match="not little-endian"):
        torch_zip.read(file)


def test_reads_the_settings_that_open_unmix_keeps_beside_its_weights(tmp_path):
    file = tmp_path / "vocals-b62c91ce.pth"
    torch.save(OrderedDict(samples.state()), file)
    assert torch_zip.settings(file) == {}
    (tmp_path / "separator.json").write_text('{"sample_rate": 44100.0, "nfft": 4096}')
    (tmp_path / "vocals.json").write_text('{"args": {"hidden_size": 512}}')
    assert torch_zip.settings(file) == {
        "separator": {"sample_rate": 44100.0, "nfft": 4096},
        "vocals": {"args": {"hidden_size": 512}},
    }
    assert same(torch_zip.read(file), samples.arrays())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "damaged"),
        (b"[1]", "no JSON object"),
        (b'{"a": NaN}', "it has the number NaN"),
        (b"[" * 100_000, "damaged"),
        (b"\xff", "damaged"),
        (b" " * 10_000_001, "larger than 10000000 bytes"),
    ],
    ids=range(6),
)
def test_settings_that_are_not_json_are_named(tmp_path, text, reason):
    file = tmp_path / "vocals.pth"
    torch.save(samples.state(), file)
    (tmp_path / "vocals.json").write_bytes(text)
    with pytest.raises(WeightsError, match=rf"vocals\.json: .*{reason}"):
        torch_zip.settings(file)


def test_reads_the_metadata_of_safetensors(tmp_path):
    file = tmp_path / "955717e8.safetensors"
    file.write_bytes(samples.safetensors())
    assert same(ours.read(file), samples.arrays())
    assert ours.settings(file) == {
        "klass": "demucs.htdemucs.HTDemucs", "args": [samples.SOURCES],
        "kwargs": {"segment": Fraction(39, 5), "depth": 4},
    }  # fmt: skip
    assert readers.settings("safetensors", file) == ours.settings(file)
    assert readers.settings("tensorflow", file) == {}  # a format without any
    file.write_bytes(save({"a": torch.zeros(2)}, {"args": "["}))
    with pytest.raises(WeightsError, match="damaged, not readable weights"):
        ours.settings(file)
    file.write_bytes(written({"a": np.zeros(2)}))
    assert ours.settings(file) == {}


def test_refuses_a_checkpoint_with_more_than_tensors(tmp_path):
    file = tmp_path / "weights.th"
    torch.save({"weight": torch.zeros(2), "step": 3}, file)
    with pytest.raises(WeightsError, match="more than named arrays: 'step'"):
        torch_zip.read(file)
    torch.save(torch.nn.Linear(2, 2), file)
    with pytest.raises(WeightsError, match="refers to torch"):
        torch_zip.read(file)


STORAGE = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
)


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (b"K\x00K\x05\x85K\x01\x85", "larger than its storage"),
        (b"K\x03K\x02\x85K\x01\x85", "larger than its storage"),
        (b"K\x00K\x02\x85K\x04\x85", "larger than its storage"),
        (b"K\x00K\x09\x85K\x00\x85", "larger than its storage"),
        (b"J\xff\xff\xff\xffK\x02\x85K\x01\x85", "has the shape"),
        (b"K\x00K\x02\x85J\xff\xff\xff\xff\x85", "has the shape"),
        (b"K\x00K\x02K\x02\x86K\x01\x85", "has the shape"),
        (b"K\x00NK\x01\x85", "unknown form"),
    ],
)
def test_refuses_tensors_beyond_their_storage(tmp_path, view, reason):
    file = tmp_path / "weights.th"
    with zipfile.ZipFile(file, "w") as archive:
        content = b"\x80\x02}X\x01\x00\x00\x00a" + STORAGE + view + b"\x89NtRs."
        archive.writestr("weights/data.pkl", content)
        archive.writestr("weights/data/0", bytes(16))
    with pytest.raises(WeightsError, match=reason):
        torch_zip.read(file)


def test_refuses_a_storage_that_lacks_or_is_cut(tmp_path):
    file = tmp_path / "weights.th"
    content = b"\x80\x02}X\x01\x00\x00\x00a" + STORAGE + b"K\x00K\x02\x85K\x01\x85\x89NtRs."
    for data, reason in ((None, "not in the archive"), (bytes(12), "has not 4 numbers")):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("weights/data.pkl", content)
            if data is not None:
                archive.writestr("weights/data/0", data)
        with pytest.raises(WeightsError, match=reason):
            torch_zip.read(file)


def test_every_reader_reads_what_it_is_for(tmp_path, arrays):
    (tmp_path / "a").write_bytes(written(arrays))
    (tmp_path / "b").write_bytes(pickle.dumps(arrays))
    assert readers.names() == ("onnx", "onnx-graph", "safetensors", "tensorflow", "torch-zip")
    assert same(readers.reader("safetensors")(tmp_path / "a"), arrays)
    assert same(readers.reader("torch-zip")(tmp_path / "b"), arrays)


def test_safetensors_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(WeightsError, match="none: cannot be read"):
        ours.read(tmp_path / "none")
    (tmp_path / "bad").write_bytes(b"no tensors here")
    with pytest.raises(WeightsError, match="bad: refused, it is not a safetensors file"):
        ours.read(tmp_path / "bad")


def test_numbers_that_safetensors_lack_are_refused():
    with pytest.raises(WeightsError, match="a: safetensors files hold no numbers of the type comp"):
        written({"a": np.zeros(2, np.complex64)})


def written(arrays):
    stream = io.BytesIO()
    ours.write(stream, arrays)
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
