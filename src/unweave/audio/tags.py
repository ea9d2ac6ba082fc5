"""Tags: what is kept of the recording's own and what a stem adds.

Names are FFmpeg's normalised lower-case ones (title, artist, album, album_artist, date, track,
disc, genre, composer, comment, ...). Facts about the old file's encoding (its encoder, loudness
gain, gapless counts) are not facts about the stem, so they are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

_NOT_OURS = {
    "encoder",
    "encoded_by",
    "encoding",
    "encoding_settings",
    "software",
    "creation_time",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "handler_name",
    "vendor_id",
    "language",
    "duration",
    "length",
    "tlen",
    "itunsmpb",
    "itunnorm",
    "gapless_playback",
    "metadata_block_picture",
    "waveformatextensible_channel_mask",
    "cuesheet",
    "iscommercial",
    "number_of_frames",
    "number_of_bytes",
    "bps",
    "tsrc_md5",
}
_NOT_OURS_PREFIXES = ("replaygain_", "r128_", "_statistics", "wm/", "wmfsdk", "asf", "itunes_cddb")
_LONGEST = 64 * 1024  # characters of one value: more is data in disguise
_MOST_BYTES = 256 * 1024  # of all names and values in UTF-8, so that a report stays small
_MOST_DIGITS = 20  # of a number of 64 bits
# Ogg and FLAC keep whatever name the user's tagger chose; these mean the same.
_SAME = {
    "tracknumber": "track",
    "discnumber": "disc",
    "albumartist": "album_artist",
    "album artist": "album_artist",
    "year": "date",
    "description": "comment",
}


def readable(raw: Mapping[str, str]) -> dict[str, str]:
    """The tags worth keeping: lower-case names, non-empty text values, in a stable order.

    Where all together are too large, the largest are left out: title and artist are short.
    """
    tags: dict[str, str] = {}
    for name, value in raw.items():
        key = name.strip().lower()
        key = _SAME.get(key, key)
        value = "".join(c for c in value if c.isprintable() or c in "\n\t").strip()
        if not key or not value or len(value) > _LONGEST:
            continue
        if key in _NOT_OURS or key.startswith(_NOT_OURS_PREFIXES):
            continue
        if key.isascii() and key.isprintable() and "=" not in key:
            tags.setdefault(key, value)
    kept, room = {}, _MOST_BYTES
    for key, value in sorted(tags.items(), key=_bytes):
        room -= _bytes((key, value))
        if room < 0:
            break
        kept[key] = value
    return dict(sorted(kept.items()))


def _bytes(tag: tuple[str, str]) -> int:
    return sum(len(text.encode()) for text in tag)


def of_part(tags: Mapping[str, str], start: int) -> dict[str, str]:
    """The tags of what begins `start` samples into the recording: later on the same timeline."""
    place = tags.get("time_reference", "")
    if not (place.isdecimal() and len(place) < _MOST_DIGITS):
        return dict(tags)
    return {**tags, "time_reference": str(int(place) + start)}


def for_stem(tags: Mapping[str, str], stem: str, fallback_title: str = "") -> dict[str, str]:
    """The recording's tags for one of its stems.

    'Song' becomes 'Song (vocals)', so that the stems differ in a player's list; a recording
    without a title gets `fallback_title` (its file name, say) in the same way, or the stem's name
    alone. The comment keeps its words and gains 'stem: vocals'.
    """
    made = readable(tags)
    title = made.get("title") or fallback_title
    made["title"] = f"{title} ({stem})" if title else stem
    said = made.get("comment")
    made["comment"] = f"{said}; stem: {stem}" if said else f"stem: {stem}"
    return dict(sorted(made.items()))
