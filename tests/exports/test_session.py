"""What a project has, and the names of its files."""

from pathlib import Path

import pytest

from unweave.errors import InputError, UsageError
from unweave.exports.names import file_name, plain
from unweave.exports.session import (
    Marker,
    Session,
    Tempo,
    Track,
    beats_at,
    line,
    number,
    track_of,
)

TRACK = Track("a", Path("a.wav"), 44100, 2, 100)


def test_beats_are_counted_through_a_change_of_tempo():
    tempos = [Tempo(0, 60), Tempo(10, 120, 3, 4), Tempo(20, 90)]
    assert beats_at(tempos, 10) == 10
    assert beats_at(tempos, 12) == 14
    assert beats_at(tempos, 30) == 45
    assert beats_at([], 1) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tracks": []}, "needs at least one track"),
        ({"tempos": [Tempo(1, 100)]}, "tempos begin at 0 s"),
        ({"tempos": [Tempo(0, 100), Tempo(0, 90)]}, "in order of time"),
        ({"tempos": [Tempo(0, 0)]}, "between 1 and 960 bpm, not 0"),
        ({"tempos": [Tempo(0, float("nan"))]}, "not nan"),
        ({"tempos": [Tempo(0, 100, 4, 3)]}, "4/3 is no time signature"),
        ({"markers": [Marker(-1, "x")]}, "marker 'x': a time is 0 s or later, not -1"),
        ({"markers": [Marker(1, "x", "blue")]}, "marker 'x': a colour is #RRGGBB, not 'blue'"),
        ({"tracks": [Track("a", Path("a.wav"), 44100, 2, 0)]}, "track 'a' has no sound"),
        ({"tracks": [Track("a", Path("a.wav"), 1, 1, 1, pan=2)]}, "pan is between -1"),
        ({"tracks": [Track("a", Path("a.wav"), 1, 1, 1, gain_db=999)]}, "not 999"),
        ({"tracks": [Track("a", Path("a.wav"), 1, 1, 1, start_s=float("inf"))]}, "not inf"),
    ],
)
def test_impossible_values_are_one_line(wrong, said):
    with pytest.raises(UsageError, match=said):
        Session(**{"title": "Song", "tracks": [TRACK], **wrong})


def test_a_track_knows_its_file(tmp_path, make_wave, ffmpeg_file):
    path = ffmpeg_file(tmp_path / "a.wav", "wav", "pcm_s16le", 8000, make_wave(1, 500))
    found = track_of(path, "vocals", "#010203")
    assert found == Track("vocals", path, 8000, 1, 500, "#010203")
    assert found.duration_s == 0.0625
    with pytest.raises(InputError, match=r"gone\.wav: cannot be read"):
        track_of(tmp_path / "gone.wav", "a")


def test_text_and_numbers_fit_every_format():
    assert line(" a\n\tb\x00\udc80 ä ") == "a b ä"
    assert [number(x) for x in (0.0, -0.0, 1e-12, 2, 1 / 3, 1e7)] == [
        *("0", "0", "0", "2", "0.333333333", "10000000"),
    ]
    assert file_name(3, 'Lead: "A/B"?', ".wav") == "03 Lead_ _A_B__.wav"
    assert [plain(name) for name in ("", "..", "CON", "nul.txt")] == ["_", "_", "_CON", "_nul.txt"]
    long = [plain("\U0001f3b5" * 60 + end) for end in "ab"]
    assert max(len(name.encode()) for name in long) <= 160
    assert long[0] != long[1]
