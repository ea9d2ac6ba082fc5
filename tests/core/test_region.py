"""A part of a recording: how its times are written, and which samples lie inside."""

import numpy as np
import pytest

from unweave.core.region import WHOLE, Region, region
from unweave.errors import InputError, UsageError

WAVE = np.arange(2 * 1000, dtype=np.float32).reshape(2, 1000)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90.5", 90.5),
        (" 7 ", 7),
        (".25", 0.25),
        ("5.", 5),
        ("1:30", 90),
        ("01:05.125", 65.125),
        ("90:00", 5400),
        ("1:02:03.5", 3723.5),
        ("200", 200),
        (12, 12),
        (0.5, 0.5),
    ],
)
def test_times(text: object, seconds: float) -> None:
    assert region(None, text) == Region(0.0, seconds)  # type: ignore[arg-type]
    assert region(text, None) == Region(seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1:60", "1:2:3:4", "1:", "1e3", "nan", -1, float("nan"), True, b"1"]
)
def test_what_is_no_time(text: object) -> None:
    with pytest.raises(UsageError, match="the start must be a time") as caught:
        region(text, None)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "time",
    ["1000000001", "9" * 400, f"{'9' * 400}:00", f"{'9' * 400}:00:00", 1e305, 10**400, 10**5000],
    ids=range(7),
)
def test_times_beyond_every_recording(time: object) -> None:
    for start, end in ((time, None), (None, time), (time, time)):
        with pytest.raises(UsageError, match=r"at most 1e\+09 seconds in all; got ") as caught:
            region(start, end)  # type: ignore[arg-type]
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("start", "end"), [("2", "1"), ("1:00", 60), (3, 3), (None, 0)])
def test_an_end_that_is_not_after_the_start(start: object, end: object) -> None:
    with pytest.raises(UsageError, match="is not after the start"):
        region(start, end)  # type: ignore[arg-type]


def cut(part: Region, block: int) -> np.ndarray:
    blocks = (WAVE[:, at : at + block] for at in range(0, 1000, block))
    return np.concatenate(list(part.cut(blocks, 100, "a.wav")), axis=1)


@pytest.mark.parametrize("block", [1, 7, 250, 1000])
@pytest.mark.parametrize(
    ("part", "first", "after"),
    [
        (WHOLE, 0, 1000),
        (Region(2.5), 250, 1000),
        (Region(0, 2.5), 0, 250),
        (Region(2.5, 5), 250, 500),
        (Region(9.99), 999, 1000),
        (Region(0, 10), 0, 1000),
        (Region(3.33, 3.34), 333, 334),
    ],
)
def test_exact_to_the_sample(part: Region, first: int, after: int, block: int) -> None:
    np.testing.assert_array_equal(cut(part, block), WAVE[:, first:after])


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Region(10), "begins at 10 s"),
        (Region(11), "begins at 11 s"),
        (Region(2, 10.01), "ends at 10.01 s"),
        (Region(11, 12), "begins at 11 s"),
    ],
)
def test_beyond_the_end(part: Region, words: str) -> None:
    with pytest.raises(InputError, match=rf"a\.wav: lasts 10\.000 s, the part {words}"):
        cut(part, 64)


def test_less_than_a_sample() -> None:
    with pytest.raises(UsageError, match="is shorter than a sample"):
        cut(Region(0.001, 0.002), 64)
