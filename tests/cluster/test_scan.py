"""Scanning: every recording once, whatever is repeated, changed or stopped."""

import os
import socket

import pytest

from tests.cluster.conftest import put, sound
from unweave.cluster import manifest
from unweave.cluster.catalogue import Catalogue
from unweave.cluster.scan import scan
from unweave.errors import Cancelled, InputError, UsageError


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def rows(catalogue):
    return {row.address: row for row in manifest.rows(catalogue)}


def test_each_recording_is_a_row_with_its_facts_or_its_error(sounds, tmp_path):
    catalogue = Catalogue(str(tmp_path / "cat"))
    found = scan(catalogue, [str(sounds)])
    assert (found.new, found.broken) == (10, 3)
    by_name = {row.name: row for row in manifest.rows(catalogue)}
    assert sorted(by_name) == sorted(
        "one.wav live/one.wav two.flac live/three.aiff mono/ünï.ogg four.mp3 live/five.m4a "
        "empty.wav text.mp3 cut.flac".split()
    )
    broken = {name for name, row in by_name.items() if row.error}
    assert broken == {"empty.wav", "text.mp3", "cut.flac"}
    assert all(name in by_name[name].error for name in broken)
    assert by_name["live/one.wav"].duration_s == pytest.approx(1.0)
    assert by_name["mono/ünï.ogg"].channels == 1
    assert [row.row for row in manifest.rows(catalogue)] == list(range(10))


def test_a_store_gives_the_facts_that_its_files_give(sounds, tmp_path, store):
    put(sounds, f"{store}/music")
    local, remote = Catalogue(str(tmp_path / "cat")), Catalogue(f"{store}/cat")
    scan(local, [str(sounds)])
    scan(remote, [f"{store}/music"])
    facts = {row.name: row for row in manifest.rows(local)}
    there = {row.name: row for row in manifest.rows(remote)}
    assert facts.keys() == there.keys()
    for name, row in facts.items():
        other = there[name]
        assert (row.bytes, row.channels, row.sample_rate_hz, row.codec, bool(row.error)) == (
            (other.bytes, other.channels, other.sample_rate_hz, other.codec, bool(other.error))
        ), name
        assert other.error == row.error.replace(str(sounds / name), f"{store}/music/{name}")
        if not row.error:
            # An MP3's or AAC's headers alone do not say what its encoder added.
            assert other.duration_s == pytest.approx(row.duration_s, abs=0.2), name


def test_a_large_object_whose_headers_say_nothing_is_left_to_the_worker(
    sounds, tmp_path, store, monkeypatch
):
    put(sounds, f"{store}/music")
    monkeypatch.setattr("unweave.cluster.probe.MOST_BYTES", 7)
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [f"{store}/music"])
    found = {row.name: row for row in manifest.rows(catalogue)}
    assert (found["text.mp3"].error, found["text.mp3"].duration_s) == ("", None)
    assert found["empty.wav"].error.endswith("copy or download it again")


def test_a_second_scan_adds_what_is_new_and_what_has_changed(sounds, tmp_path):
    catalogue = Catalogue(str(tmp_path / "cat"))
    scan(catalogue, [str(sounds)])
    again = scan(catalogue, [str(sounds), str(sounds / "live"), str(sounds / "one.wav")])
    assert again.as_dict() == {"new": 0, "changed": 0, "known": 10, "broken": 0}
    old = rows(catalogue)[str(sounds / "one.wav")]
    sound(sounds / "one.wav", 1234)
    sound(sounds / "six.wav")
    third = scan(catalogue, [str(sounds)])
    assert (third.new, third.changed, third.known) == (1, 1, 9)
    new = rows(catalogue)[str(sounds / "one.wav")]
    assert new.replaces == old.row
    totals = manifest.totals(catalogue)
    assert (totals.rows, totals.current, totals.broken) == (12, 11, 3)
    assert totals.replaced == {old.row}


@pytest.mark.parametrize("stop_at", range(0, 14, 3))
def test_a_scan_that_was_stopped_goes_on(tmp_path, stop_at, monkeypatch):
    monkeypatch.setattr("unweave.cluster.scan.PART_ROWS", 4)
    for n in range(13):
        sound(tmp_path / "music" / f"{n}.wav", 80 + n)
    catalogue, asked = Catalogue(str(tmp_path / "cat")), 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > stop_at

    with pytest.raises(Cancelled, match="to go on"):
        scan(catalogue, [str(tmp_path / "music")], threads=2, should_stop=should_stop)
    scan(catalogue, [str(tmp_path / "music")])
    found = [row.address for row in manifest.rows(catalogue)]
    assert len(found) == len(set(found)) == 13
    assert [row.row for row in manifest.rows(catalogue)] == list(range(13))


def test_a_list_has_an_address_in_each_line(sounds, tmp_path, store):
    put(sounds, f"{store}/music")
    lines = ["# ours", "", str(sounds / "one.wav"), "live/one.wav", f"{store}/music/two.flac"]
    (sounds / "list.txt").write_text("\n".join([*lines, "gone.wav", lines[2]]))
    catalogue = Catalogue(str(tmp_path / "cat"))
    found = scan(catalogue, [str(sounds / "list.txt")])
    assert (found.new, found.broken) == (4, 1)
    assert "no such file" in rows(catalogue)[str(sounds / "gone.wav")].error


def test_without_headers_nothing_is_read(sounds, tmp_path):
    catalogue = Catalogue(str(tmp_path / "cat"))
    found = scan(catalogue, [str(sounds)], headers=False)
    assert found.broken == 0
    assert all(row.duration_s is None and row.bytes is not None for row in manifest.rows(catalogue))
    assert manifest.totals(catalogue).unknown == 10


def test_a_store_that_is_away_says_nothing_against_a_recording(sounds, tmp_path):
    away = f"http://127.0.0.1:{free_port()}/a.mp3"
    (tmp_path / "list.txt").write_text(f"{sounds / 'one.wav'}\n{away}\n")
    catalogue = Catalogue(str(tmp_path / "cat"))
    assert scan(catalogue, [str(tmp_path / "list.txt")]).broken == 0
    found = rows(catalogue)
    assert (found[away].error, found[away].duration_s) == ("", None)
    assert found[str(sounds / "one.wav")].duration_s is not None


def test_what_cannot_be_scanned_is_one_line(tmp_path, store):
    catalogue = Catalogue(str(tmp_path / "cat"))
    for source, kind, words in (
        ("sftp2://host/x", UsageError, "cannot be read here"),
        ("s3://me:secret@host/x", UsageError, "password"),
        (f"{store}/nothing", InputError, "holds no file"),
        (str(tmp_path / "no.txt"), InputError, "no such file"),
    ):
        with pytest.raises(kind, match=words) as caught:
            scan(catalogue, [source])
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)
    assert not os.path.exists(catalogue.manifest)
