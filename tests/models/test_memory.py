"""Weights take the memory of their arrays, and for a moment that of one array more."""

import dataclasses
import hashlib
import tracemalloc

import numpy as np
import pytest
import torch

from tests.models.test_recognise_roformer import original
from unweave.models import cards, readers, store
from unweave.models.readers import safetensors
from unweave.models.roformer.model import RoFormer, RoFormerConfig
from unweave.models.store import own
from unweave.models.store.sources import files

ARRAY_BYTES, COUNT = 2 << 20, 16
SPARE_BYTES = 1 << 20  # for names, heads and pickles


def peak_bytes(call):
    """What a call takes beyond what was there before."""
    call()  # what it imports, and what is remembered
    tracemalloc.start()
    try:
        kept = call()
        assert kept is not None
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def state():
    shape = (ARRAY_BYTES // 1024, 256)
    return {f"layer{n}": np.full(shape, n, np.float32) for n in range(COUNT)}


def tensors(state, kind=torch.float32):
    return {name: torch.from_numpy(array).to(kind) for name, array in state.items()}


@pytest.fixture
def file(tmp_path, state):
    path = tmp_path / "a.safetensors"
    with path.open("wb") as stream:
        safetensors.write(stream, state)
    return path


def test_no_reader_holds_the_file_beside_its_arrays(tmp_path, state, file):
    most = (COUNT + 1) * ARRAY_BYTES + SPARE_BYTES
    assert peak_bytes(lambda: safetensors.read(file)) < most
    torch.save({"state_dict": tensors(state), "optimizer": tensors(state)}, tmp_path / "a.ckpt")
    read = readers.reader("torch-zip")
    assert peak_bytes(lambda: read(tmp_path / "a.ckpt")) < most
    assert all(array.flags.writeable for array in read(tmp_path / "a.ckpt").values())


@pytest.mark.parametrize("ending", ["ckpt", "safetensors"])
def test_one_array_at_a_time_becomes_float32(tmp_path, state, ending):
    from safetensors.torch import save_file

    path = tmp_path / f"a.{ending}"
    halves = tensors(state, torch.bfloat16)
    torch.save(halves, path) if ending == "ckpt" else save_file(halves, path)
    read = readers.reader({"ckpt": "torch-zip"}.get(ending, ending))
    assert all(np.array_equal(array, state[name]) for name, array in read(path).items())
    assert peak_bytes(lambda: read(path)) < (COUNT + 3) * ARRAY_BYTES + SPARE_BYTES


def test_what_says_nothing_of_the_numbers_reads_none(tmp_path, state, file):
    torch.save({"state_dict": tensors(state), "epoch": 3}, tmp_path / "a.ckpt")
    assert peak_bytes(lambda: readers.settings("torch-zip", tmp_path / "a.ckpt")) < SPARE_BYTES
    assert peak_bytes(lambda: readers.settings("safetensors", file)) < SPARE_BYTES


def pinned(path):
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


def test_weights_are_fetched_checked_and_loaded_array_by_array(tmp_path, cache, state, file):
    theirs = tmp_path / "theirs.ckpt"
    torch.save(tensors(state), theirs)
    source = cards.Source(reader="torch-zip", url="https://localhost/theirs.ckpt", **pinned(theirs))
    card = dataclasses.replace(
        cards.card("spleeter-2stems"),
        name="large",
        convert=False,
        sources=(source,),
        weights=cards.Weights(**pinned(file)),
    )

    def pull():
        """As after the download, which writes to the disk piece by piece."""
        store.path(card).unlink(missing_ok=True)
        store.folder(card).mkdir(parents=True)
        (store.folder(card) / files.kept(source.contents[0])).hardlink_to(theirs)
        return store.pull(card)

    most = (COUNT + 1) * ARRAY_BYTES + SPARE_BYTES
    assert peak_bytes(pull) < most
    assert peak_bytes(lambda: store.weights(card)) < most
    assert peak_bytes(lambda: store.cached(card)) < SPARE_BYTES
    assert peak_bytes(lambda: store.pull(card)) < SPARE_BYTES


def test_a_checkpoint_is_added_array_by_array(tmp_path, mine):
    settings = RoFormerConfig(stems=("vocals",), width=256, depth=1, heads=4, hidden=2048)
    with torch.device("meta"):
        network = RoFormer(settings)
    state = {original(name): torch.ones(each.shape) for name, each in network.state_dict().items()}
    state.pop("")  # the rotations' rates
    torch.save({"state_dict": state}, tmp_path / "mine.ckpt")
    size = sum(each.nbytes for each in state.values())
    largest = max(each.nbytes for each in state.values())
    names = iter(("first", "second"))
    added = peak_bytes(lambda: own.add(tmp_path / "mine.ckpt", name=next(names)))
    assert added < size + 2 * largest + 3 * SPARE_BYTES < 1.5 * size
