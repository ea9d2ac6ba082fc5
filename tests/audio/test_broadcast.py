"""Broadcast WAV: where a stem begins, who wrote it, when."""

import numpy as np
import pytest

from unweave.audio.broadcast import stamped
from unweave.audio.reader import probe
from unweave.audio.writer import Writer, encoding
from unweave.errors import UsageError


def bext(data: bytes) -> bytes:
    at = data.index(b"bext")
    return data[at + 8 : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]


def write(path, tags) -> bytes:
    how = encoding("wav", 24, 8000, 1)
    with Writer(path, how, 8000, 1, tags=tags) as writer:
        writer.write(np.zeros((1, 100), np.float32))
    return path.read_bytes()


def test_the_chunk_has_start_originator_and_date(tmp_path):
    start = 2**33 + 5
    tags = {"comment": "stem: vocals", "date": "1999-01-01"}
    tags = stamped(tags, start, date="2001-02-03", time="04:05:06")
    data = write(tmp_path / "a.wav", tags)
    chunk = bext(data)  # EBU Tech 3285, 2.3
    fields = [chunk[:256], chunk[256:288], chunk[320:330], chunk[330:338]]
    assert [field.rstrip(b"\0") for field in fields] == [
        *(b"stem: vocals", b"unweave", b"2001-02-03", b"04:05:06"),
    ]
    assert int.from_bytes(chunk[338:346], "little") == start
    assert probe(tmp_path / "a.wav").tags["time_reference"] == str(start)
    assert data == write(tmp_path / "b.wav", tags)


def test_no_date_is_made_up(tmp_path):
    chunk = bext(write(tmp_path / "a.wav", stamped({}, 0)))
    assert chunk[320:346] == b"\0" * 26
    assert chunk[256:263] == b"unweave"


@pytest.mark.parametrize(
    ("start", "options", "said"),
    [
        (-1, {}, "at sample 0 or later, not -1"),
        (2**64, {}, "at sample 0 or later"),
        (0, {"originator": "é"}, "32 ASCII characters, not 'é'"),
        (0, {"originator": "a" * 33}, "32 ASCII characters"),
        (0, {"date": "yesterday"}, "origination_date is YYYY-MM-DD, not 'yesterday'"),
        (0, {"time": "noon"}, "origination_time is HH:MM:SS, not 'noon'"),
    ],
)
def test_what_the_chunk_cannot_hold(start, options, said):
    with pytest.raises(UsageError, match=said):
        stamped({}, start, **options)
