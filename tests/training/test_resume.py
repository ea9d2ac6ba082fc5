"""Going on after a stop: with the same weights only, from a file in which nothing can run."""

import pickle
import shutil
import tomllib
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from unweave.errors import InputError, UnweaveError, UsageError, WeightsError
from unweave.training.callbacks import BEST, LAST
from unweave.training.recipe import read
from unweave.training.run import train


@pytest.fixture(scope="module")
def finished(tmp_path_factory, stems_folder: Path) -> tuple[Path, Path]:
    """A recipe and the folder of its training, which is done."""
    from tests.training.conftest import TEXT

    root = tmp_path_factory.mktemp("finished")
    (root / "small.toml").write_text(TEXT.format(root=stems_folder))
    train(read(root / "small.toml"), root / "run", say=lambda _: None)
    return root / "small.toml", root / "run"


@pytest.fixture
def copied(finished: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    recipe, folder = finished
    return recipe, Path(shutil.copytree(folder, tmp_path / "run"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def go_on(recipe: Path, folder: Path, *overrides: str, said: list[str] | None = None):
    return train(
        read(recipe, overrides), folder, resume=True, say=[].append if said is None else said.append
    )


class Runs:
    """What a hostile checkpoint is made of: reading it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def hostile(path: Path, made: Path, form: str) -> None:
    if form == "a torch archive":
        torch.save({"global_step": 3, "state": Runs(made)}, path)
    elif form == "an old torch file":
        torch.save({"x": Runs(made)}, path, _use_new_zipfile_serialization=False)
    else:
        path.write_bytes(pickle.dumps(Runs(made)))


@pytest.mark.parametrize("form", ["a torch archive", "an old torch file", "a bare pickle"])
@pytest.mark.parametrize("name", [LAST, BEST])
def test_nothing_in_a_checkpoint_runs(copied, tmp_path: Path, name: str, form: str) -> None:
    recipe, folder = copied
    made = tmp_path / "made by the checkpoint"
    hostile(folder / name, made, form)
    before = contents(folder)
    with pytest.raises(WeightsError, match=rf"{name}: .*nothing in it was run") as caught:
        go_on(recipe, folder)
    assert "\n" not in str(caught.value)
    assert not made.exists()
    assert contents(folder) == before
    with suppress(RuntimeError):  # what follows is no weights
        torch.load(folder / name, weights_only=False)
    assert made.exists()  # it would have run


def test_what_lightning_reads_again_runs_nothing(
    copied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that is checked may be another one when it is read for the second time."""
    from unweave.training import checkpoint

    recipe, folder = copied
    made, last = tmp_path / "made", checkpoint.last

    def swapped(path, state):
        found = last(path, state)
        hostile(path, made, "a torch archive")
        return found

    monkeypatch.setattr(checkpoint, "last", swapped)
    with pytest.raises(pickle.UnpicklingError):
        go_on(recipe, folder, "schedule.steps=13")
    assert not made.exists()


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("weights\n")
    elif how == "archive":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme", "no weights")
    elif how == "list":
        torch.save([1, 2], path)
    elif how == "dict":
        torch.save({"state_dict": {}, "epoch": 1}, path)
    elif how == "folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["cut", "empty", "text", "archive", "list", "dict", "folder"])
@pytest.mark.parametrize("name", [LAST, BEST])
def test_a_file_that_is_no_checkpoint_is_one_line(copied, name: str, how: str) -> None:
    recipe, folder = copied
    damage(folder / name, how)
    before = contents(folder)
    with pytest.raises(WeightsError, match=name) as caught:
        go_on(recipe, folder)
    assert "\n" not in str(caught.value)
    assert contents(folder) == before


def test_a_checkpoint_of_another_network_is_one_line(copied) -> None:
    recipe, folder = copied
    found = torch.load(folder / LAST, weights_only=True)
    name = next(iter(found["state_dict"]))
    found["state_dict"][name] = torch.zeros(3, 3, 3)
    torch.save(found, folder / LAST)
    with pytest.raises(WeightsError, match="weights of another network"):
        go_on(recipe, folder, "schedule.steps=14")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.stems=['accompaniment','vocals']",
         r"data.stems is \[accompaniment, vocals\] and was \[vocals, accompaniment\]"),
        ("network.hop=32", "network.hop is 32 and was 64"),
        ("network.width=8", "network.width is 8 and was 16"),
        ("network.layers=2", "network.layers is 2 and was 3"),  # a default until now
        ("network.name=spectnt", "network"),
        ("optimiser.name=sgd", "optimiser.name is sgd and was adamw"),
        ("pit=true", "pit is True and was False"),
        ("loss.sdr=1.0", "loss is"),
        ("data.validation_tracks=['b']", r"data.validation_tracks is \[b\] and was \[c\]"),
        ("data.sample_rate_hz=16000", "sample_rate_hz"),
        ("data.channels=2", "data.channels is 2 and was 1"),
    ],
)  # fmt: skip
def test_what_belongs_to_the_weights_stays(copied, override: str, words: str) -> None:
    recipe, folder = copied
    before = contents(folder)
    with pytest.raises(UsageError, match=words) as caught:
        go_on(recipe, folder, override, "schedule.steps=14")
    assert "\n" not in str(caught.value)
    assert contents(folder) == before


def test_a_setting_may_be_said_though_it_is_the_default(copied) -> None:
    recipe, folder = copied
    assert go_on(recipe, folder, "network.layers=3", "schedule.steps=13").steps == 13


def test_batch_rate_schedule_and_precision_may_change(copied, stems_folder: Path) -> None:
    """And count from then on: what a checkpoint says of the optimiser is not what is done."""
    recipe, folder = copied
    go_on(
        recipe, folder, "schedule.steps=15", "schedule.decay=0", "optimiser.rate=1e-4",
        "optimiser.weight_decay=0.5", "data.batch=3", "precision=bf16-mixed",
        f"data.root={stems_folder}/../{stems_folder.name}",
    )  # fmt: skip
    found = torch.load(folder / LAST, weights_only=True)
    assert found["global_step"] == 15
    (group,) = found["optimizer_states"][0]["param_groups"]
    assert group["lr"] == pytest.approx(1e-4)
    assert group["weight_decay"] == 0.5
    kept = tomllib.loads((folder / "recipe.toml").read_text())
    assert kept["optimiser"]["rate"] == 1e-4


@pytest.mark.parametrize(
    ("overrides", "words"),
    [((), "all 12 steps are done"),
     (("schedule.steps=99", "schedule.budget_minutes=1e-6"), "the budget of 1e-06 minutes is"),
     (("schedule.steps=10",), "all 10 steps are done")],
)  # fmt: skip
def test_what_is_finished_stays_as_it_is(copied, overrides: tuple[str, ...], words: str) -> None:
    recipe, folder = copied
    before, said = contents(folder), []
    found = go_on(recipe, folder, *overrides, said=said)
    assert len(said) == 1
    assert words in said[0]
    assert contents(folder) == before
    assert found.seconds < 3600  # of training, not of the machine
    (folder / "small.toml").unlink()
    go_on(recipe, folder, *overrides)
    made = tomllib.loads((folder / "small.toml").read_text())["made"]
    assert made["minutes"] < 60


@pytest.mark.parametrize(
    "bad", ["7,loss,high\n", "what\n", "7,loss\n", "\n", "x,loss,1.0\n", "\udcff\n"]
)
def test_a_curve_that_is_none_is_one_line(copied, bad: str) -> None:
    recipe, folder = copied
    curve = folder / "curve.csv"
    text = curve.read_text()
    curve.write_text(text + bad + "9,loss,1.0\n", errors="surrogateescape")
    before = contents(folder)
    with pytest.raises(InputError, match=r"curve\.csv: ") as caught:
        go_on(recipe, folder, "schedule.steps=14")
    assert "\n" not in str(caught.value)
    assert contents(folder) == before
    curve.write_text(text + "11,lo")  # cut off by a kill
    go_on(recipe, folder, "schedule.steps=13")


def test_a_training_begins_only_where_none_is(copied) -> None:
    recipe, folder = copied
    (folder / LAST).unlink()
    with pytest.raises(UsageError, match=f"holds the {BEST} of another training"):
        train(read(recipe), folder, say=lambda _: None)
    with pytest.raises(UnweaveError, match="leave out --resume"):
        go_on(recipe, folder)
