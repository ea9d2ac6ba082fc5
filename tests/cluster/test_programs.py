"""The programs of `benchmarks/cluster` say what they measure: their arithmetic and their inputs."""

import subprocess
import sys

import pytest
from benchmarks.cluster import card, recordings, scale
from benchmarks.cluster.scale import Speed, measured_factor

from tests import LONG
from unweave.audio.reader import decoded
from unweave.errors import InputError

SOUND_S = 240e6


def scaled(workers, speed=2.0, store_gbit=25.0, stems=2):
    return scale.scale(Speed("m", stems, speed, ""), workers, SOUND_S, 0.32, 0.8e6, store_gbit)


@pytest.mark.parametrize("speed", [0.5, 20.0])
def test_hours_shrink_with_the_workers_until_the_store_limits(speed):
    limit = scaled(1, speed).store_workers
    few, more = scaled(limit / 4, speed), scaled(limit / 2, speed)
    assert (few.by_store, more.by_store) == (False, False)
    assert few.hours == pytest.approx(2 * more.hours)
    at, beyond = scaled(limit * 1.001, speed), scaled(limit * 100, speed)
    assert beyond.by_store
    assert at.hours == pytest.approx(beyond.hours, rel=2e-3)
    assert beyond.gbit_s == pytest.approx(25.0)
    # A store twice as fast limits at twice as many workers.
    assert scaled(1, speed, 50.0).store_workers == pytest.approx(2 * limit)
    assert few.in_tb == pytest.approx(SOUND_S * 0.32e6 / 8e12)
    assert few.out_tb == pytest.approx(SOUND_S * 2 * 0.8e6 / 8e12)


def test_a_factor_is_read_from_its_table_only():
    table = """
| network, sound | original, s | real-time factor | other |
|---|---|---|---|
| Net (A), 8.0 s | 1 | 3.50 | 9 |
| Net (A), 60.0 s | 1 | 3.25 | 9 |
| Net (B), 60.0 s | 1 | 7.00 | 9 |
"""
    page = f"<!-- measured: zoo-speed -->\n{table}\n<!-- end -->"
    assert measured_factor(page, "Net (A)") == 3.25
    assert measured_factor(page, "Net (C)") is None
    assert measured_factor(table, "Net (A)") is None
    assert measured_factor(page.replace("real-time factor", "x"), "Net (A)") is None


def test_excerpts_are_sound_in_every_format_and_broken_files_are_none(tmp_path, make_wave):
    import soundfile

    source = tmp_path / "music" / "song.flac"
    source.parent.mkdir()
    soundfile.write(source, make_wave(2, 5 * 16000, 16000, 1).T, 16000)
    made = recordings.excerpts(source.parent, tmp_path / "out", len(recordings.FORMATS))
    assert len({*made}) == len(recordings.FORMATS)
    for path in made:
        sound, _ = decoded(path)
        seconds = sound.samples.shape[1] / sound.sample_rate_hz
        assert 1.9 < seconds < 4.2, path
        assert sound.samples.std() > 0.01, path
    bad = recordings.broken(tmp_path / "bad", made[8])
    assert len(bad) == 10
    for path in bad:
        with pytest.raises(InputError, match=path.name):
            decoded(path)


def entries(workers, count, row_s=2.0):
    """A log of rows of ten seconds; the first of each worker load a network for a minute."""
    found = []
    for n in range(count):
        at = 1060.0 + row_s * (n // workers + 1)
        found.append({"state": "done", "at": at, "duration_s": 10.0, "separate_s": row_s / 2})
    return [*found, {"state": "failed", "at": 0.0, "duration_s": None, "separate_s": 0.0}]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_rate_of_warm_workers(workers):
    found = card.rates(entries(workers, 20 * workers), workers, 400.0)
    assert found.warm == pytest.approx(workers * 10.0 / 2.0)
    assert found.whole == pytest.approx(200.0 * workers / 400.0)
    assert found.separating == pytest.approx(0.5)
    with pytest.raises(ValueError, match="are the least"):
        card.rates(entries(workers, 3 * workers), workers, 1.0)


@pytest.mark.parametrize(("each_s", "begun"), [(50.0, 6), (100.0, 4), (300.0, 1), (1000.0, 1)])
def test_a_program_for_a_card_ends_in_time(each_s, begun):
    clock, given = [0.0], []

    def do(what, most_s):
        given.append(most_s)
        clock[0] += min(each_s, most_s)  # whoever takes longer is stopped
        return f"| {what} | done | | |"

    said = card.in_time("abcdef", 7.5, do, lambda: clock[0])
    assert len(given) == begun
    assert clock[0] < 8 * 60
    assert len(said) == 6
    assert sum("no time" in line for line in said) == 6 - begun


@LONG
def test_the_program_for_a_card_runs_on_a_processor():
    words = "--device cpu --small --songs 9 --seconds 2 --workers 2 --cpus 1".split()
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.cluster.card", *words],
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    [row] = [line for line in found.stdout.splitlines() if line.startswith("| htdemucs-2 |")]
    warm, whole, share = (cell.strip() for cell in row.strip("|").split("|")[1:])
    assert 0 < float(whole) < float(warm)
    assert 0 < float(share.rstrip("%")) < 300
