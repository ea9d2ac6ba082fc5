"""The files of one remix, made in a folder of their own: sound first, then what is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from unweave.apps._shared.material import Material
from unweave.apps.remix import projects, render
from unweave.apps.remix.mix import Mix, Strip
from unweave.apps.remix.render import Level, OnBlock, Rendered, Target
from unweave.apps.remix.spectrum import Correction
from unweave.audio import tags
from unweave.audio.broadcast import stamped
from unweave.audio.info import SourceInfo
from unweave.audio.stem_file.slots import Slot, summed
from unweave.audio.stem_file.writer import rows
from unweave.audio.writer import Encoding, Writer, encoding
from unweave.core.stem_names import RESIDUAL
from unweave.engine.report import rounded
from unweave.exports.names import file_name
from unweave.exports.session import Track
from unweave.request import Output
from unweave.types import Wave

REMIX = "remix"
_KEPT = ("title", "artist", "album", "album_artist", "composer", "date", "genre", "track")


@dataclass(frozen=True)
class Made:
    """Files by what they are: `remix`, a stem, or the kind of an export."""

    files: Mapping[str, Path]
    stems: Sequence[str]  # all, and the residual, in the order of the levels
    rendered: Rendered
    encoding: Encoding
    matches: Mapping[str, Correction]
    notes: Sequence[str]

    def levels(self) -> list[dict[str, Any]]:
        """Of the mix and of each stem, before and after, for the report."""
        names = ("mix", *self.stems)
        pairs = zip(names, self.rendered.before, self.rendered.after, strict=True)
        return [
            {"stem": name, "before": _level(before), "after": _level(after)}
            for name, before, after in pairs
        ]

    def levels_of_files(self) -> dict[str, dict[str, float | None]]:
        """Of the remix and of each stem that is written."""
        after = dict(zip((REMIX, *self.stems), self.rendered.after, strict=True))
        return {name: _level(level) for name, level in after.items() if name in self.files}

    def matched(self) -> list[dict[str, Any]]:
        """What matching did to each stem, for the report."""
        return [
            {
                "stem": stem,
                "loudness_db": rounded(found.loudness_db),
                "bands": [
                    [rounded(hz, 1), rounded(db)]
                    for hz, db in zip(found.bands_hz, found.bands_db, strict=True)
                ],
            }
            for stem, found in self.matches.items()
        ]


def _level(level: Level) -> dict[str, float | None]:
    return {
        "peak_dbfs": rounded(level.peak_dbfs),
        "loudness_lufs": rounded(level.loudness_lufs),
    }


def made(
    stems: Material,
    mix: Mix,
    strips: Mapping[str, Strip],
    outputs: Mapping[str, Path],
    folder: Path,
    *,
    output: Output,
    exports: Sequence[str],
    files_of_stems: bool,
    title: str,
    on_block: OnBlock,
) -> Made:
    """Make the files of a remix in `folder`.

    strips: of the stems and the residual, in this order. outputs: the names that files will have,
    by what they are. files_of_stems: whether files of the changed stems are wanted for themselves.
    Raises what reading and writing raise.
    """
    info = stems.info
    references = {
        stem: Path(strip.match) for stem, strip in strips.items() if strip.match and not strip.mute
    }
    matches, notes = render.corrections(stems, references, on_block)
    board = render.desk(strips, mix, matches, info)
    codecs = [kind for kind in exports if kind in projects.CODECS]
    played = files_of_stems or any(kind in projects.WITH_STEMS for kind in exports)
    written = list(stems.stems) if played or codecs else []
    if written and render.leaves_residual(stems, on_block):
        written.append(RESIDUAL)
    how = encoding(output.format, output.bit_depth, info.sample_rate_hz, info.channels)
    writer = partial(_writer, how=how, info=info, start=stems.start)
    paths = {REMIX: folder / outputs[REMIX].name}
    targets = [Target(partial(writer, paths[REMIX], REMIX), _remix, how.integer)]
    places = {stem: place for place, stem in enumerate(strips)}
    if played:
        for number, stem in enumerate(written, 1):
            paths[stem] = folder / file_name(number, stem, how.ext)
            rows_of = partial(_stem, place=places[stem])
            targets.append(Target(partial(writer, paths[stem], stem), rows_of, how.integer))
    four = projects.slots(written) if codecs else []
    for kind in codecs:
        paths[kind] = folder / outputs[kind].name
        kept = {name: value for name, value in info.tags.items() if name in _KEPT}
        opened = partial(
            projects.stem_file,
            paths[kind],
            kind,
            four,
            info.sample_rate_hz,
            output.bit_depth,
            kept,
            info.cover,
        )
        rows_of = partial(_stem_file, four=four, places=places)
        targets.append(Target(opened, rows_of, projects.CODECS[kind] == "alac"))
    notes += _of_slots(four)
    with render.rendered(stems, board, targets, mix.loudness, on_block) as (found, writers):
        for each in writers:
            each.commit()
    tracks = [
        Track(stem, paths[stem], how.sample_rate_hz, info.channels, _samples(found, how, info))
        for stem in written
        if stem in paths
    ]
    made_of = {kind: folder / outputs[kind].name for kind in exports if kind not in codecs}
    result = Made(paths | made_of, list(strips), found, how, matches, [*notes, *found.notes])
    if made_of:
        start_s = stems.start / info.sample_rate_hz
        project = projects.session(title, tracks, mix, start_s, info.tags)
        files = {kind: path for kind, path in result.files.items() if kind in projects.KINDS}
        remix = {paths[REMIX].name: paths[REMIX]}
        projects.write(files, project, remix, {"levels": result.levels()})
    if not files_of_stems:
        kept_files = {name: path for name, path in result.files.items() if name not in strips}
        result = replace(result, files=kept_files)
    return result


def _remix(remix: Wave, _stems: Wave) -> Wave:
    return remix


def _stem(_remix: Wave, stems: Wave, place: int) -> Wave:
    return stems[place]


def _stem_file(remix: Wave, stems: Wave, four: Sequence[Slot], places: Mapping[str, int]) -> Wave:
    waves = {name: stems[place] for name, place in places.items()}
    return rows(remix, summed(four, waves))


def _of_slots(four: Sequence[Slot]) -> list[str]:
    """What is summed in a stem file, in words."""
    return [
        f"a stem file holds four stems: {' and '.join(slot.sources)} are summed as {slot.name}"
        for slot in four
        if len(slot.sources) > 1
    ]


def _writer(path: Path, name: str, how: Encoding, info: SourceInfo, start: int) -> Writer:
    """A writer of the remix or of a stem; a WAV says where in the recording it begins."""
    said = tags.for_stem(tags.of_part(info.tags, start), name)
    if how.format == "wav":
        place = said.get("time_reference", "")
        said = stamped(said, int(place) if place.isdecimal() else start)
    return Writer.made_of(info, path, how, said)


def _samples(found: Rendered, how: Encoding, info: SourceInfo) -> int:
    """How many there are in a file, whose rate may be another."""
    return round(found.samples * how.sample_rate_hz / info.sample_rate_hz)
