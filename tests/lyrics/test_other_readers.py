"""FFmpeg's readers find in our files what we wrote."""

from pathlib import Path

import av
import pytest

from tests.lyrics.songs import DUET
from unweave.lyrics import FORMATS, by_lines, write

SONG = FORMATS["ultrastar"].read(DUET)


def cues(path: Path) -> list[tuple[float, float, str]]:
    """Start, length and text of each packet of a subtitle file, as FFmpeg has them."""
    with av.open(str(path)) as container:
        (stream,) = container.streams
        return [
            (
                float(each.pts * each.time_base),
                float(each.duration * each.time_base),
                bytes(each).decode(),
            )
            for each in container.demux(stream)
            if each.size and each.pts is not None and each.time_base is not None
        ]


@pytest.mark.parametrize(
    ("suffix", "within_s"), [("lrc", 0.0051), ("ass", 0.0051), ("srt", 0.00051)]
)
def test_lines_have_their_times_and_texts(tmp_path: Path, suffix: str, within_s: float) -> None:
    write(by_lines(SONG), tmp_path / f"song.{suffix}")
    found = [cue for cue in cues(tmp_path / f"song.{suffix}") if cue[2].strip()]
    assert len(found) == len(SONG.lines)
    for (start_s, length_s, text), line in zip(found, SONG.lines, strict=True):
        assert text.strip().endswith(line.text)
        shown = line.start_s if suffix != "ass" or line.show_s is None else line.show_s
        assert shown is not None
        assert line.end_s is not None
        assert abs(start_s - shown) <= within_s
        if suffix == "srt":
            assert abs(start_s + length_s - line.end_s) <= 2 * within_s


def test_tags_of_an_lrc(tmp_path: Path) -> None:
    write(SONG, tmp_path / "song.lrc")
    with av.open(str(tmp_path / "song.lrc")) as container:
        assert container.metadata["title"] == "Two at Sea"
        assert container.metadata["artist"] == "Nobody"


def test_words_of_a_srt(tmp_path: Path) -> None:
    write(SONG, tmp_path / "song.srt")
    sung = [(start_s, text) for start_s, _, text in cues(tmp_path / "song.srt") if "<u>" in text]
    wanted = [each for each in SONG.syllables() if each.text.strip()]
    assert [text.split("<u>")[1].split("</u>")[0] for _, text in sung] == [
        each.text.strip() for each in wanted
    ]
    for (start_s, _), each in zip(sung, wanted, strict=True):
        assert each.start_s is not None
        assert abs(start_s - each.start_s) <= 0.00051
