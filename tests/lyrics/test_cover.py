"""The picture of a song goes where the song goes, and no other file does."""

from pathlib import Path

import pytest

from unweave.lyrics import cover, read

PNG = b"\x89PNG\r\n\x1a\n and more"


@pytest.fixture
def song(tmp_path: Path) -> Path:
    folder = tmp_path / "songs" / "one"
    folder.mkdir(parents=True)
    for path in (folder / "front.png", tmp_path / "songs" / "up.png"):
        path.write_bytes(PNG)
    (folder / "keys.txt").write_bytes(b"secret")
    (folder / "link.png").symlink_to(tmp_path / "songs" / "up.png")
    return folder / "song.txt"


def named(song: Path, name: str) -> object:
    song.write_text(f"#TITLE:x\n#COVER:{name}\n#BPM:120\n: 0 4 0 la\nE\n")
    return read(song)


def test_it_is_copied_and_what_is_there_stays(song: Path, tmp_path: Path) -> None:
    lyrics, target = named(song, "front.png"), tmp_path / "new" / "song.txt"
    copy = cover.copied(lyrics, song, target)
    assert copy == tmp_path / "new" / "front.png"
    assert copy.read_bytes() == PNG
    copy.write_bytes(b"mine")
    assert cover.copied(lyrics, song, target) is None
    assert copy.read_bytes() == b"mine"
    assert cover.copied(lyrics, song, target, overwrite=True) == copy
    assert copy.read_bytes() == PNG


def test_beside_the_song_itself_nothing_is_copied(song: Path) -> None:
    lyrics = named(song, "front.png")
    assert cover.copied(lyrics, song, song.with_name("other.txt"), overwrite=True) is None


@pytest.mark.parametrize(
    "name", ["../up.png", "link.png", "keys.txt", "gone.png", "..", ".", "a\\front.png", ""]
)
def test_nothing_else_is(song: Path, tmp_path: Path, name: str) -> None:
    assert cover.copied(named(song, name), song, tmp_path / "new" / "song.txt") is None
    assert not (tmp_path / "new").exists()


def test_a_picture_with_the_name_of_the_song_is_not_copied(tmp_path, png) -> None:
    (tmp_path / "out.txt").write_bytes(png)
    song = tmp_path / "song.txt"
    lyrics = named(song, "out.txt")
    assert cover.beside(lyrics, song) is not None
    assert cover.copied(lyrics, song, tmp_path / "new" / "OUT.TXT", overwrite=True) is None


@pytest.mark.parametrize(
    "content", [b"RIFF\x24\0\0\0WAVEfmt ", b"BM is what I call him" + bytes(20)]
)
def test_what_only_begins_like_a_picture_is_none(tmp_path, content) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    song = tmp_path / "song.txt"
    assert cover.beside(named(song, "a.bin"), song) is None
