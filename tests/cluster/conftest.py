"""Catalogues in this process: rows are done one after the other where Ray's actors would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("ray", reason="needs the extra cluster")

import fsspec

from tests.jobs.fakes import asked
from unweave.cluster import actor, manifest, places, pool, session
from unweave.cluster.catalogue import Catalogue, Run
from unweave.cluster.kinds import Separate
from unweave.engine.executor import Executor

RATE_HZ = 8000
MODEL = "hpss"


@pytest.fixture
def sounds(tmp_path, make_wave, ffmpeg_file) -> Path:
    """A folder of short recordings in several formats, and three that are no sound."""
    folder = tmp_path / "music"
    (folder / "live").mkdir(parents=True)
    (folder / "mono").mkdir()
    for n, name in enumerate(("one.wav", "live/one.wav", "two.flac", "live/three.aiff")):
        wave = make_wave(2, RATE_HZ * (n + 1) // 2, RATE_HZ, n)
        soundfile.write(folder / name, wave.T, RATE_HZ)
    soundfile.write(folder / "mono/ünï.ogg", make_wave(1, RATE_HZ, RATE_HZ, 9).T, RATE_HZ)
    song = make_wave(2, 22050, 44100, 5)
    ffmpeg_file(folder / "four.mp3", "mp3", "libmp3lame", 44100, song)
    ffmpeg_file(folder / "live/five.m4a", "mp4", "aac", 44100, song)
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("no sound")
    soundfile.write(folder / "cut.flac", make_wave(2, RATE_HZ, RATE_HZ, 7).T, RATE_HZ)
    (folder / "cut.flac").write_bytes((folder / "cut.flac").read_bytes()[:30])
    (folder / "notes.pdf").write_text("passed over")
    return folder


@pytest.fixture
def store(monkeypatch) -> str:
    """The address of an object store in memory."""
    monkeypatch.setattr(places, "WHOLE", (*places.WHOLE, "memory"))
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    return "memory://bucket"


def begun(catalogue: Catalogue, output: str, **how: Any) -> Run:
    """A run of a catalogue, with a fast technique."""
    run = Run(Separate(asked(MODEL, **how)), places.absolute(output))
    catalogue.begin(run)
    return run


Do = Callable[[manifest.Row], Any]


@pytest.fixture
def here(monkeypatch) -> Callable[..., None]:
    """here(do=...): from now on this process does the work; `do` instead of a worker's own work,
    of which it gets the real one first."""

    def use(do: Callable[[Do, manifest.Row], Any] | None = None, actors: int = 1) -> None:
        @contextmanager
        def cluster(address: str = "", cpus: int | None = None) -> Iterator[session.Cluster]:
            yield session.Cluster(2, 0, 1)

        def starter(make: actor.Make, **_: Any) -> Do:
            real = make(Executor(threads=1, keep_models=1))
            return partial(do, real) if do else real

        def results(todo, start, *, actors, each, should_stop) -> Iterator[Any]:
            for task in todo:
                if should_stop():
                    return
                yield None
                found = start(task)
                yield found if isinstance(found, pool.Ended) else pool.Ended(task, found)

        monkeypatch.setattr(session, "cluster", cluster)
        monkeypatch.setattr(actor, "starter", starter)
        monkeypatch.setattr(pool, "results", results)

    return use


def put(folder: Path, address: str) -> None:
    """Copy a folder into a store."""
    fs, path = places.filesystem(address)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            fs.pipe_file(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())


def listing(address: str) -> dict[str, bytes]:
    """Every file below an address, by its name there."""
    fs, path = places.filesystem(address)
    root = path.rstrip("/")
    found = fs.find(root) if fs.exists(root) else []
    return {name[len(root) + 1 :]: fs.cat_file(name) for name in found}


def sound(path: Path, frames: int = RATE_HZ, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = 0.1 * np.random.default_rng(seed).standard_normal((frames, 1))
    soundfile.write(path, noise.astype(np.float32), RATE_HZ, subtype="FLOAT")
