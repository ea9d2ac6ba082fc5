"""A whole training, small: what it leaves, that it repeats, stops and goes on, and how it fails."""

import csv
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy

from tests import CPU, LONG, processes
from tests.models.networks.test_htdemucs import SMALL
from unweave import registry
from unweave.core import toml
from unweave.engine.run import separate_array
from unweave.errors import Cancelled, OutputError, TrainingError, UnweaveError, UsageError
from unweave.training import audio, callbacks, export, validate
from unweave.training.callbacks import BEST, LAST, Checkpoints
from unweave.training.module import Training
from unweave.training.recipe import read
from unweave.training.run import _strategy, train


def curve(folder: Path) -> dict[tuple[str, str], float]:
    with open(folder / "curve.csv", newline="") as file:
        return {(step, name): float(value) for step, name, value in list(csv.reader(file))[1:]}


def run(file: Path, folder: Path, *overrides: str, **how) -> Path:
    how.setdefault("say", lambda _: None)
    train(read(file, overrides), folder, **how)
    return folder


def check_equal(one: Path, other: Path) -> None:
    first, second = curve(one), curve(other)
    assert first.keys() == second.keys()
    assert max(abs(first[key] - second[key]) for key in first) < 1e-6


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, stems_folder) -> Path:
    from tests.training.conftest import TEXT

    root = tmp_path_factory.mktemp("unbroken")
    (root / "small.toml").write_text(TEXT.format(root=stems_folder))
    return run(root / "small.toml", root / "run")


def test_what_it_leaves(unbroken: Path) -> None:
    names = {path.name for path in unbroken.iterdir()}
    assert {"recipe.toml", LAST, BEST, "curve.csv", "small.safetensors", "small.toml"} <= names
    assert (unbroken / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert any((unbroken / "tensorboard").iterdir())
    assert not [name for name in names if name.endswith(".part")]
    losses = [value for (_, name), value in curve(unbroken).items() if name == "loss"]
    assert len(losses) == 12
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])


def test_the_card_is_a_separator(unbroken: Path) -> None:
    card = registry.describe(str(unbroken / "small.toml"))
    assert card.licence_weights == "for tests"
    assert card.made["recipe"] == "small"
    assert (card.made["seed"], card.made["steps"]) in ((3, 6), (3, 12))
    separator = registry.load(str(unbroken / "small.toml"))
    mix = np.random.default_rng(0).standard_normal((1, 20000)).astype(np.float32) * 0.1
    stems = separate_array(separator, mix, 8000, execution=CPU, warn=pytest.fail)
    assert list(stems) == ["vocals", "accompaniment"]
    np.testing.assert_allclose(sum(stems.values()), mix, atol=1e-5)


def test_one_seed_repeats_and_two_differ(unbroken: Path, recipe_file: Path, tmp_path: Path) -> None:
    check_equal(unbroken, run(recipe_file, tmp_path / "same"))
    other = curve(run(recipe_file, tmp_path / "other", "seed=4"))
    assert all(other[key] != value for key, value in curve(unbroken).items())


def test_stopped_and_resumed_is_unbroken(unbroken: Path, recipe_file: Path, tmp_path: Path) -> None:
    seen = []
    with pytest.raises(Cancelled, match="--resume goes on"):
        run(recipe_file, tmp_path / "run", should_stop=lambda: len(seen) > 4, line=seen.append)
    assert 0 < len(curve(tmp_path / "run")) < len(curve(unbroken))
    check_equal(unbroken, run(recipe_file, tmp_path / "run", resume=True))


def test_killed_and_resumed_is_unbroken(unbroken: Path, recipe_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "unweave", "train", str(recipe_file), "-o", str(folder), "-q"]
    with processes.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        deadline = time.monotonic() + 120
        while not (folder / LAST).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert (folder / LAST).exists()
    check_equal(unbroken, run(recipe_file, folder, resume=True))


def test_what_a_checkpoint_knows_is_in_the_curve(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning logs a step after its callbacks: a kill between them lost the step's rows."""
    save, seen = Checkpoints.save, []

    def look(self: Checkpoints, trainer: pl.Trainer) -> None:
        save(self, trainer)
        losses = [step for step, name in curve(self.folder) if name == "loss"]
        seen.append((trainer.global_step, len(losses)))

    monkeypatch.setattr(Checkpoints, "save", look)
    run(recipe_file, tmp_path / "run")
    assert seen == [(step, step) for step in (3, 6, 9, 12, 12)]


@LONG
def test_two_processes_learn_the_same(recipe_file: Path, tmp_path: Path) -> None:
    """Plain gradient descent on halves of each batch: the same weights as on whole batches."""
    how = ["schedule.steps=3", "schedule.validate_every=3", "optimiser.name=sgd",
           "optimiser.rate=1e-3", "network.dropout=0.0", "schedule.decay=0",
           "loss.discriminative=0.0", "data.validation_tracks=['b', 'c']"]  # fmt: skip
    run(recipe_file, tmp_path / "one", *how)
    settings = [word for setting in how for word in ("--set", setting)]
    command = [sys.executable, "-m", "unweave", "train", str(recipe_file), "-q", "--devices", "2"]
    subprocess.run(
        [*command, "-o", str(tmp_path / "two"), *settings], check=True, timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    recipe = read(recipe_file, how)
    pl.seed_everything(recipe.seed, verbose=False)
    start = {f"network.{k}": v for k, v in export.network(recipe).state_dict().items()}
    one, two = (
        torch.load(tmp_path / folder / LAST, weights_only=True)["state_dict"]
        for folder in ("one", "two")
    )
    assert start.keys() < one.keys() == two.keys()
    moved = max(float((two[k] - start[k]).abs().max()) for k in start)
    apart = max(float((one[k] - two[k]).abs().max()) for k in one)
    assert moved > 1e-4
    assert apart < 1e-6
    # Each process scored one of the two tracks; the scores are those of both.
    scores = [
        {key: value for key, value in curve(tmp_path / folder).items() if "score/" in key[1]}
        for folder in ("one", "two")
    ]
    assert len(scores[0]) == 3
    assert scores[1] == pytest.approx(scores[0], abs=0.01)


@LONG
def test_two_machines_learn_and_resume_the_same(recipe_file: Path, tmp_path: Path) -> None:
    """Two of torchrun's agents on 127.0.0.1, stopped and resumed, beside one unbroken process."""
    how = ["schedule.validate_every=3", "optimiser.name=sgd", "optimiser.rate=1e-3",
           "network.dropout=0.0", "schedule.decay=0", "loss.discriminative=0.0",
           "data.validation_tracks=['b', 'c']"]  # fmt: skip
    run(recipe_file, tmp_path / "one", *how, "schedule.steps=3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    agent = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node",
             "1", "--master-addr", "127.0.0.1", "--master-port", port]  # fmt: skip
    command = ["-m", "unweave", "train", str(recipe_file), "-q", "--nodes", "2"]
    command += ["-o", str(tmp_path / "two"), *(w for set_ in how for w in ("--set", set_))]
    for more in (["--set", "schedule.steps=2"], ["--set", "schedule.steps=3", "--resume"]):
        agents = [
            subprocess.Popen(
                [*agent, "--node-rank", rank, *command, *more],
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            for rank in "01"
        ]
        assert [each.wait(timeout=240) for each in agents] == [0, 0]
    one, two = (
        torch.load(tmp_path / folder / LAST, weights_only=True)["state_dict"]
        for folder in ("one", "two")
    )
    assert max(float((one[k] - two[k]).abs().max()) for k in one) < 1e-6


@pytest.mark.parametrize(
    ("variables", "asked", "says"),
    [
        ({}, {"nodes": 2}, "torchrun --nnodes 2 --nproc-per-node 1"),
        ({"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}, {"devices": 2}, "2 processes on each of 2"),
        ({"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}, {"nodes": 2}, "2 processes on each of 1"),
    ],
)
def test_processes_that_are_not_those_asked_for(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str], asked: dict[str, int], says: str,
) -> None:  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with pytest.raises(UsageError, match=says):
        run(recipe_file, tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_processes_wait_as_long_as_a_validation_takes() -> None:
    """By default the connection gives up after half an hour, NCCL's after ten minutes."""
    strategy = _strategy(2)
    assert isinstance(strategy, DDPStrategy)
    assert strategy._timeout >= timedelta(days=1)


@pytest.mark.parametrize(("rank", "tracks"), [(0, ["a", "c"]), (1, ["b"])])
def test_each_process_scores_its_share(
    recipe_file: Path, stems_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    rank: int, tracks: list[str],
) -> None:  # fmt: skip
    """On the device that it learns on; all of them know what came out."""
    recipe, asked = read(recipe_file), []
    every = audio.split(recipe.data)
    monkeypatch.setattr(
        validate, "rows",
        lambda _, state, own, device: asked.append(([t.name for t in own], device)) or [{"x": 1.0}],
    )  # fmt: skip
    monkeypatch.setattr(callbacks, "_gathered", lambda _, own: [*own, {"x": 3.0}])
    trainer = SimpleNamespace(
        global_step=5, global_rank=rank, world_size=2, is_global_zero=rank == 0,
        strategy=SimpleNamespace(broadcast=lambda state: state),
    )  # fmt: skip
    module = Training(recipe, export.network(recipe), tmp_path)
    module._trainer = SimpleNamespace(loggers=[])
    all_tracks = tuple(sorted((*every.train, *every.validation), key=lambda t: t.name))
    found = callbacks.Scores(recipe, all_tracks, tmp_path, lambda _: None, None)
    found._score(trainer, module)
    assert asked == [(tracks, "cpu")]
    assert found.best == 2.0
    assert (tmp_path / BEST).exists() is (rank == 0)


def test_a_loss_that_is_no_number_keeps_the_batch(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"not a number .*not-a-number\.pt"):
        run(recipe_file, tmp_path / "run", "optimiser.name=sgd", "optimiser.rate=1e30",
            "optimiser.clip=0")  # fmt: skip
    kept = torch.load(tmp_path / "run" / "not-a-number.pt")
    assert kept["stems"].shape == (2, 2, 1, 4000)
    assert kept["step"] > 0


def test_a_full_disk_leaves_the_checkpoint_before(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = pl.Trainer.save_checkpoint

    def full(self, path, *words):
        if self.global_step > 3:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(self, path, *words)

    monkeypatch.setattr(pl.Trainer, "save_checkpoint", full)
    with pytest.raises(OutputError, match="the disk is full"):
        run(recipe_file, tmp_path / "run")
    assert torch.load(tmp_path / "run" / LAST, weights_only=True)["global_step"] == 3
    assert not list((tmp_path / "run").glob("*.part"))


def test_a_track_that_breaks_in_a_worker_is_one_line(
    stems_folder: Path, recipe_file: Path, tmp_path: Path
) -> None:
    import shutil

    root = Path(shutil.copytree(stems_folder, tmp_path / "stems"))
    for track in "ab":
        file = root / track / "vocals.wav"
        file.write_bytes(file.read_bytes()[:2000])  # the header still promises two seconds
    with pytest.raises(UnweaveError, match=r"vocals\.wav") as caught:
        run(recipe_file, tmp_path / "run", f"data.root={root}", "data.workers=1")
    assert "\n" not in str(caught.value)


def test_a_spent_budget_still_has_a_score(recipe_file: Path, tmp_path: Path) -> None:
    said: list[str] = []
    folder = run(recipe_file, tmp_path / "run", "schedule.budget_minutes=1e-6", say=said.append)
    assert said[0] == "step 1: the budget of 1e-06 minutes is spent"
    assert said[1].startswith("step 1: vocals")
    assert (folder / "small.safetensors").exists()


def test_patience_ends_it(recipe_file: Path, tmp_path: Path) -> None:
    said: list[str] = []
    folder = run(recipe_file, tmp_path / "run", "schedule.patience=1", "optimiser.rate=1e-12",
                 "schedule.validate_every=2", say=said.append)  # fmt: skip
    assert any("no better score" in line for line in said)
    assert len([key for key in curve(folder) if key[1] == "loss"]) < 12


def test_it_starts_from_weights(unbroken: Path, recipe_file: Path, tmp_path: Path) -> None:
    weights = unbroken / "small.safetensors"
    begun = curve(run(recipe_file, tmp_path / "run", f"schedule.start={weights}"))
    assert begun["0", "loss"] < 0.8 * curve(unbroken)["0", "loss"]
    with pytest.raises(UsageError, match=r"holds another network: size mismatch"):
        run(recipe_file, tmp_path / "no", f"schedule.start={weights}", "network.width=8")
    notes = tmp_path / "notes.txt"
    notes.write_text("no weights at all, and long enough to have a header")
    for path in (notes, unbroken / "small.toml", unbroken / LAST, tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match=r"schedule\.start: ") as caught:
            run(recipe_file, tmp_path / "no", f"schedule.start={path}")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "no").exists()


SHORT = ("schedule.steps=8", "schedule.validate_every=8", "schedule.save_every=8")


def test_ht_demucs_learns_and_separates(stems_folder: Path, tmp_path: Path) -> None:
    """The network whose parts learn at different rates, on its own losses."""
    from tests.training.conftest import TEXT

    head, _, rest = TEXT.format(root=stems_folder).partition("[network]")
    _, _, tail = rest.partition("[optimiser]")
    network = toml.dumps({"network": {"name": "htdemucs", **SMALL}, "loss": {"wave_l1": 1.0}})
    (tmp_path / "small.toml").write_text(f"{head}{network.decode()}\n[optimiser]{tail}")
    folder = run(tmp_path / "small.toml", tmp_path / "run", *SHORT)
    losses = [value for (_, name), value in curve(folder).items() if name == "loss"]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    mix = np.random.default_rng(0).standard_normal((1, 9000)).astype(np.float32) * 0.1
    separator = registry.load(str(folder / "small.toml"))
    stems = separate_array(separator, mix, 8000, execution=CPU, warn=pytest.fail)
    assert all(np.isfinite(stem).all() for stem in stems.values())


@pytest.mark.parametrize(
    ("override", "words"),
    [("loss.beauty=1", "no term 'beauty'"), ("data.batch=3", "2 processes"),
     ("loss.deep_clustering=1", "no embeddings"),
     ("card.padded=no", "true or false"), ("network.foo=1", "there is no 'foo'"),
     ("precision=16-mixed", "needs a GPU"),
     ("network.name=openunmix", "not made to be trained"), ("network.frame_size=0", "network"),
     ("data.validation_tracks=['Zzz']", "begins with 'Zzz'")],
)  # fmt: skip
def test_what_cannot_be_trained(
    recipe_file: Path, tmp_path: Path, override: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        run(recipe_file, tmp_path / "run", override, devices=2 if "batch" in override else 1)
    assert not (tmp_path / "run" / "last.ckpt").exists()  # before the first step


def test_a_run_is_not_overwritten_and_nothing_resumes_from_nothing(
    unbroken: Path, recipe_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="holds a training already"):
        run(recipe_file, unbroken)
    with pytest.raises(UsageError, match="leave out --resume"):
        run(recipe_file, tmp_path / "none", resume=True)
