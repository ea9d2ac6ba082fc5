import json
from itertools import pairwise

import pytest

from unweave.apps.forensic import log


def three() -> bytes:
    data, before = b"", log.START
    for number in range(1, 4):
        entry, text = log.line({"event": "step", "words": "é\udc80\n"}, number, before)
        data, before = data + text, entry["hash"]
    return data


def test_a_log_reads_back_and_each_entry_has_the_hash_of_the_one_before() -> None:
    found = log.read(three())
    assert (len(found.entries), found.torn, found.wrong) == (3, b"", "")
    assert found.entries[0]["words"] == "é\udc80\n"
    assert found.entries[0]["before"] == log.START
    assert all(b["before"] == a["hash"] for a, b in pairwise(found.entries))
    assert found.last == found.entries[2]["hash"]


def test_every_flipped_bit_is_found() -> None:
    data = three()
    whole = log.read(data).entries
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            found = log.read(bytes(changed))
            assert found.wrong or found.torn, (at, bit)
            line = data[:at].count(b"\n")
            assert found.entries == whole[:line]


def test_lines_that_are_taken_out_or_exchanged_are_found() -> None:
    one, two, three_, _ = three().split(b"\n")
    for lines in ([two, three_], [one, three_], [two, one, three_], [one, one, two]):
        assert log.read(b"\n".join(lines) + b"\n").wrong
    assert log.read(one + b"\n").wrong == ""  # a log that is cut off holds together


def test_a_log_that_is_written_anew_has_another_last_hash() -> None:
    forged, before = b"", log.START
    for entry in log.read(three()).entries:
        facts = {k: v for k, v in entry.items() if k not in ("number", "before", "hash")}
        made, text = log.line({**facts, "words": "other"}, entry["number"], before)
        forged, before = forged + text, made["hash"]
    assert log.read(forged).wrong == ""
    assert log.read(forged).last != log.read(three()).last


def test_a_line_that_is_not_complete_is_told_apart() -> None:
    data = three()
    found = log.read(data[:-10])
    assert (len(found.entries), found.wrong) == (2, "")
    assert found.torn == data.split(b"\n")[2][:-9]


@pytest.mark.parametrize("text", ["[]", "{}", "1", '{"hash": 1}', "{" * 2000])
def test_what_is_no_entry_is_named(text: str) -> None:
    assert log.read(text.encode() + b"\n").wrong == "line 1 is not as it was written"


def test_appending_only_adds(tmp_path) -> None:
    path = tmp_path / "log"
    for text in (b"one\n", b"two\n"):
        log.append(path, text)
    assert path.read_bytes() == b"one\ntwo\n"
    assert json.dumps(path.stat().st_mode & 0o111) == "0"
