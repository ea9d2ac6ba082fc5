"""What a file names by a path lies beside the file, whoever reads it from wherever."""

import json
import shutil
from pathlib import Path

import pytest

from unweave import registry
from unweave.errors import UsageError
from unweave.models import cards

NETWORK = "mir1k-dnn"  # the smallest that comes with weights
BAG = """
version = 2
title = "Two networks"
stems = ["vocals", "accompaniment"]
sample_rate_hz = 16000
channels = 1
licence_code = "MIT"
licence_weights = "research"
paper = "none"
training_data = "none"
[bag]
members = {members}
matrix = [[1.0, 0.0], [0.0, 1.0]]
"""
PRESET = 'version = 1\ntitle = "t"\nstems = ["vocals", "accompaniment"]\nuse = {use}\n'


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of a bag, its members in another beside it; the current folder is a third."""
    for folder in ("bags", "networks", "elsewhere"):
        (tmp_path / folder).mkdir()
    source = cards.path(NETWORK)
    for suffix in (".toml", ".safetensors"):
        shutil.copy(source.with_suffix(suffix), tmp_path / "networks" / f"one{suffix}")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


def bag(folder: Path, *members: str) -> str:
    path = folder / "bags" / "both.toml"
    path.write_text(BAG.replace("{members}", json.dumps(members)))
    return str(path)


def test_members_of_a_bag_lie_beside_its_card(files):
    path = bag(files, "../networks/one.toml", NETWORK)
    assert [part.name for part in registry.parts(path)] == [
        str(files / "networks" / "one.toml"), NETWORK
    ]  # fmt: skip
    request = registry.request("../bags/both.toml")
    assert request == registry.request(path)
    names = [card.name for card in registry.with_weights(path)]
    assert names == ["one", NETWORK]
    assert registry.load_pinned(request.separator).spec.stems == ("vocals", "accompaniment")


def test_a_preset_may_name_such_a_bag(files):
    bag(files, "../networks/one.toml", "../networks/one.toml")
    path = files / "mine.toml"
    path.write_text(PRESET.replace("{use}", '{ separator = "bags/both.toml" }'))
    inner = registry.request(str(path)).separator.members[0]
    assert inner.model == str(files / "bags" / "both.toml")
    assert {each.model for each in inner.members} == {str(files / "networks" / "one.toml")}


@pytest.mark.parametrize("members", [("both.toml", NETWORK), (NETWORK, "../bags/both.toml")])
def test_a_bag_of_itself_has_no_end(files, members):
    path = bag(files, *members)
    with pytest.raises(UsageError, match=rf"^{path}: {path} -> {path} is a cycle$"):
        registry.request(path)


def test_a_member_that_is_not_there_is_one_line_of_both_files(files):
    path = bag(files, "none.toml", NETWORK)
    with pytest.raises(UsageError, match=rf"^{path}: {files}/bags/none.toml: cannot be read"):
        registry.request(path)
    path = bag(files, NETWORK, "none.toml")
    with pytest.raises(UsageError, match=rf"^{path}: {files}/bags/none.toml: cannot be read"):
        registry.request(path)
