"""A DAWproject, the open format of several production programs: a ZIP of XML and sound.

`project.xml` has a track for each stem, a clip that plays its file, the tempo map and the markers;
`metadata.xml` what is known of the song; `audio/` the stems (DAWproject 1.0, its published schema
Project.xsd and MetaData.xsd). Clips are placed in seconds and not warped, so that they stay in step
with each other whatever the tempo map; the tempo map is in beats, as programs write it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from unweave.exports.archive import write_zip
from unweave.exports.names import file_name
from unweave.exports.session import Session, Track, beats_at, line, number, ratio

_NAMES = {  # in the order of the schema
    "Title": "title",
    "Artist": "artist",
    "Album": "album",
    "Composer": "composer",
    "Year": "date",
    "Genre": "genre",
    "Copyright": "copyright",
    "Comment": "comment",
}
_LOUDEST = 2.0  # the top of a fader, as a factor
_Identity = Callable[[], str]


def write_dawproject(path: Path, session: Session) -> None:
    """Write the project with its sound, whole or not at all. Raises InputError, OutputError."""
    files = [
        f"audio/{file_name(place, track.name, track.file.suffix)}"
        for place, track in enumerate(session.tracks, 1)
    ]
    documents = {
        "metadata.xml": _text(metadata(session)),
        "project.xml": _text(project(session, files)),
    }
    sound = {file: track.file for file, track in zip(files, session.tracks, strict=True)}
    write_zip(path, {**documents, **sound})


def metadata(session: Session) -> Element:
    """`metadata.xml`."""
    root = Element("MetaData")
    values = {**session.tags, "title": session.title}
    for name, tag in _NAMES.items():
        if text := line(values.get(tag, "")):
            SubElement(root, name).text = text
    return root


def project(session: Session, files: Sequence[str]) -> Element:
    """`project.xml`. files: the sound of each track, as it is called in the ZIP."""
    from unweave import __version__

    counter = itertools.count()

    def identity() -> str:
        return f"id{next(counter)}"

    root = Element("Project", version="1.0")
    SubElement(root, "Application", name="unweave", version=__version__)
    tempo = _transport(root, session, identity)
    structure = SubElement(root, "Structure")
    master = identity()
    tracks = [_track(structure, track, master, identity) for track in session.tracks]
    _master(structure, master, identity)
    arrangement = SubElement(root, "Arrangement", id=identity())
    lanes = SubElement(arrangement, "Lanes", timeUnit="seconds", id=identity())
    for track, place, file in zip(session.tracks, tracks, files, strict=True):
        _clip(SubElement(lanes, "Lanes", track=place, id=identity()), track, file, identity)
    if session.markers:
        _markers(arrangement, session, identity)
    if tempo:
        _tempo_map(arrangement, session, tempo, identity)
    return root


def _transport(root: Element, session: Session, identity: _Identity) -> tuple[str, str] | None:
    """Tempo and time signature at the beginning; their identities, None where they are unknown."""
    if not session.tempos:
        return None
    first, ids = session.tempos[0], (identity(), identity())
    transport = SubElement(root, "Transport")
    _parameter(transport, "Tempo", "Tempo", ids[0], "bpm", first.bpm, 1, 960)
    SubElement(
        transport,
        "TimeSignature",
        {"numerator": str(first.beats), "denominator": str(first.unit), "id": ids[1]},
    )
    return ids


def _track(structure: Element, track: Track, master: str, identity: _Identity) -> str:
    place = identity()
    element = SubElement(
        structure,
        "Track",
        contentType="audio",
        loaded="true",
        id=place,
        name=line(track.name),
        color=track.colour.lower(),
    )
    channel = SubElement(
        element,
        "Channel",
        audioChannels=str(track.channels),
        destination=master,
        role="regular",
        solo=_yes(track.solo),
        id=identity(),
    )
    _strip(channel, track.mute, track.pan, ratio(track.gain_db), identity)
    return place


def _master(structure: Element, channel: str, identity: _Identity) -> None:
    element = SubElement(
        structure, "Track", contentType="audio", loaded="true", id=identity(), name="Master"
    )
    strip = SubElement(
        element, "Channel", audioChannels="2", role="master", solo="false", id=channel
    )
    _strip(strip, False, 0.0, 1.0, identity)


def _strip(channel: Element, mute: bool, pan: float, factor: float, identity: _Identity) -> None:
    SubElement(channel, "Mute", value=_yes(mute), id=identity(), name="Mute")
    _parameter(channel, "Pan", "Pan", identity(), "normalized", (pan + 1) / 2, 0, 1)
    most = max(_LOUDEST, factor)
    _parameter(channel, "Volume", "Volume", identity(), "linear", factor, 0, most)


def _parameter(
    parent: Element,
    tag: str,
    name: str,
    identity: str,
    unit: str,
    value: float,
    least: float,
    most: float,
) -> None:
    values = {"max": number(most), "min": number(least), "unit": unit, "value": number(value)}
    SubElement(parent, tag, {**values, "id": identity, "name": name})


def _clip(lane: Element, track: Track, file: str, identity: _Identity) -> None:
    duration = number(track.duration_s)
    clips = SubElement(lane, "Clips", id=identity())
    clip = SubElement(
        clips,
        "Clip",
        time=number(track.start_s),
        duration=duration,
        contentTimeUnit="seconds",
        playStart="0",
        playStop=duration,
        name=line(track.name),
        color=track.colour.lower(),
    )
    audio = SubElement(
        clip,
        "Audio",
        channels=str(track.channels),
        duration=duration,
        sampleRate=str(track.sample_rate_hz),
        id=identity(),
    )
    SubElement(audio, "File", path=file)


def _markers(arrangement: Element, session: Session, identity: _Identity) -> None:
    markers = SubElement(arrangement, "Markers", timeUnit="seconds", id=identity())
    for marker in session.markers:
        colour = {"color": marker.colour.lower()} if marker.colour else {}
        SubElement(
            markers, "Marker", {"time": number(marker.time_s), "name": line(marker.name), **colour}
        )


def _tempo_map(
    arrangement: Element, session: Session, targets: tuple[str, str], identity: _Identity
) -> None:
    tempos = SubElement(arrangement, "TempoAutomation", unit="bpm", timeUnit="beats", id=identity())
    SubElement(tempos, "Target", parameter=targets[0])
    signatures = SubElement(arrangement, "TimeSignatureAutomation", timeUnit="beats", id=identity())
    SubElement(signatures, "Target", parameter=targets[1])
    for tempo in session.tempos:
        at = number(beats_at(session.tempos, tempo.time_s))
        SubElement(tempos, "RealPoint", time=at, value=number(tempo.bpm), interpolation="hold")
        signature = {"numerator": str(tempo.beats), "denominator": str(tempo.unit)}
        SubElement(signatures, "TimeSignaturePoint", {"time": at, **signature})


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _text(root: Element) -> bytes:
    ElementTree.indent(root)
    head = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return head + ElementTree.tostring(root, encoding="utf-8") + b"\n"
