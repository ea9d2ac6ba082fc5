"""How benchmarks/beside.py compares two versions; nothing here measures a time."""

import sys

import numpy as np
import pytest
import soundfile
from benchmarks import beside

VERSIONS = beside.Version("before"), beside.Version("now")


def write(folder, name, wave):
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / name, wave, 8000, subtype="FLOAT")


def test_stems_are_equal_or_differ_by_so_many_db(tmp_path, make_wave):
    wave = make_wave(2, 100_000).T.astype(np.float32)
    before, now = tmp_path / "before", tmp_path / "now"
    for folder in (before, now):
        write(folder, "vocals.wav", wave)
        write(folder, "drums.wav", wave)
    assert beside.same_stems(before, now) == "equal"
    write(now, "drums.wav", 1.01 * wave)
    assert beside.same_stems(before, now) == "40.0 dB"
    write(now, "drums.wav", wave[:-1])
    assert beside.same_stems(before, now) == "other lengths"
    (now / "drums.wav").unlink()
    assert beside.same_stems(before, now) == "other stems"


def test_one_bit_is_a_difference(tmp_path):
    wave = np.zeros(10, np.float32)
    write(tmp_path / "a", "x.wav", wave)
    wave[3] = -0.0
    write(tmp_path / "b", "x.wav", wave)
    assert beside.same_stems(tmp_path / "a", tmp_path / "b") != "equal"


def test_scores():
    nan = float("nan")
    assert beside.same_scores([1.0, nan], [1.0, nan]) == "equal"
    assert beside.same_scores([1.0, nan], [1.002, nan]) == "0.002 dB"
    assert beside.same_scores([1.0, nan], [1.0, 2.0]) == "other scores"
    assert beside.same_scores([1.0], [1.0, 2.0]) == "other scores"


def test_versions_run_in_turn_and_the_row_has_medians_and_the_spread(tmp_path):
    order = []
    seconds = iter([2.0, 1.0, 8.0, 4.0, 4.0, 3.0])  # before now, now before, before now

    def run(version, folder):
        assert folder.is_dir()
        assert not list(folder.iterdir())
        order.append(version.python)
        return {"work": (next(seconds), "s"), "work, peak memory": (300.0, "MB")}, version.python

    work = beside.Work("work", run, lambda before, now: f"{before} {now}")
    assert beside.rows(work, VERSIONS, 3) == [
        "| work | 4.00 s | 3.00 s | 0.75 | 0.50 to 2.00 | before now |",
        "| work, peak memory | 300 MB | 300 MB | 1.00 | 1.00 to 1.00 |  |",
    ]
    assert order == ["before", "now", "now", "before", "before", "now"]


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1234"), (43.21, "43.2"), (4.321, "4.32"), (0.01234, "0.0123")]
)
def test_figures_have_three_digits(value, text):
    assert beside.figure(value) == text


def test_a_version_is_a_source_tree_or_a_python(tmp_path):
    package = tmp_path / "src" / "weighed"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    tree = beside.earlier(tmp_path)
    said, seconds, megabytes = tree.run(["-c", "import weighed; print(weighed.__file__)"], tmp_path)
    assert said.strip() == str(package / "__init__.py")
    assert seconds > 0
    assert megabytes > 1
    other = beside.earlier(tmp_path / "bin" / "python")
    assert other == beside.Version(str(tmp_path / "bin" / "python"))


def test_a_failure_is_a_row(tmp_path):
    work = beside.Work("work", beside.snippet("work", "raise SystemExit('no such thing')"))
    both = beside.Version(sys.executable), beside.Version(sys.executable)
    assert beside.attempt(work, both, 1) == ["| work | failed: no such thing | | | | |"]
