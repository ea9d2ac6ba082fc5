"""What a stem's tags say."""

import json

import pytest

from unweave.audio.tags import for_stem, of_part, readable


def test_the_stem_is_named():
    tags = {"title": "Song", "artist": "Band", "track": "3/9", "comment": "live"}
    assert for_stem(tags, "vocals") == {
        "title": "Song (vocals)",
        "artist": "Band",
        "track": "3/9",
        "comment": "live; stem: vocals",
    }


def test_without_a_title():
    assert for_stem({}, "drums") == {"title": "drums", "comment": "stem: drums"}
    assert for_stem({}, "drums", "file name")["title"] == "file name (drums)"


def test_input_is_untouched():
    tags = {"title": "Song"}
    for_stem(tags, "vocals")
    assert tags == {"title": "Song"}


@pytest.mark.parametrize(
    "name",
    ["encoder", "iTunSMPB", "REPLAYGAIN_TRACK_GAIN", "creation_time", "METADATA_BLOCK_PICTURE"],
)
def test_facts_about_the_old_file_are_dropped(name):
    assert readable({name: "x", "artist": "A"}) == {"artist": "A"}


def test_names_are_normalised():
    assert readable({"ALBUMARTIST": "A", "Genre": " Pop ", "DISCNUMBER": "1"}) == {
        "album_artist": "A",
        "genre": "Pop",
        "disc": "1",
    }


def test_nonsense_is_dropped():
    raw = {"": "x", "a=b": "x", "naïve\x00": "x", "title": "  ", "data": "x" * 10**6, "ok": "a\0b"}
    assert readable(raw) == {"ok": "ab"}


def test_tags_as_a_whole_are_small_and_the_short_ones_stay():
    notes = {f"a{n}": "\u8a9e" * 60000 for n in range(30)}
    kept = readable({**notes, "title": "Song", "artist": "Band"})
    assert kept.items() >= {"title": "Song", "artist": "Band", "a0": notes["a0"]}.items()
    assert sum(len((name + value).encode()) for name, value in kept.items()) <= 256 * 1024
    assert readable(kept) == kept
    many = {f"n{n}": '"' for n in range(100_000)}  # which JSON writes as two
    assert len(json.dumps(readable(many), indent=2)) < 2_000_000


def test_a_part_lies_later_on_the_timeline():
    assert of_part({"time_reference": "172800000", "a": "b"}, 441) == {
        "time_reference": "172800441",
        "a": "b",
    }
    for nonsense in ("soon", "-5", "", "9" * 5000):
        assert of_part({"time_reference": nonsense}, 441) == {"time_reference": nonsense}
    assert of_part({}, 441) == {}
