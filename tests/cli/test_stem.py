"""`unweave stem check`: a line for each thing wrong, and the exit code."""

import numpy as np

from unweave.audio.stem_file import metadata
from unweave.audio.stem_file.writer import stem_encoding, stem_writer


def make(path):
    said = metadata.Metadata(metadata.labels(["drums", "bass", "other", "vocals"]))
    with stem_writer(path, stem_encoding("alac", 8000), 8000, said) as writer:
        writer.write(np.zeros((10, 500), np.float32))
    return path


def test_a_sound_file_is_named_with_its_stems(here, say):
    said = say("stem", "check", make(here / "a.stem.mp4"))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [f"{here / 'a.stem.mp4'}: drums, bass, other, vocals"]


def test_what_is_wrong_is_a_line_each(here, say, stem_mp4):
    good, bad = make(here / "a.stem.mp4"), stem_mp4(here / "b.mp4", frames=2000)
    said = say("stem", "check", good, bad, here / "gone.stem.mp4")
    assert said.code == 1
    assert said.err.splitlines() == [
        f"error: {bad}: its name does not end in .stem.mp4 or .stem.m4a",
        f"error: {bad}: it has 0 boxes moov/udta/stem, not one",
        f"error: {here / 'gone.stem.mp4'}: cannot be read: no such file or folder; "
        "check the spelling",
    ]
    quiet = say("stem", "check", "-q", bad, good)
    assert (quiet.code, quiet.out, len(quiet.err.splitlines())) == (1, "", 2)


def test_json_has_every_file(here, say, stem_mp4):
    good, bad = make(here / "a.stem.mp4"), stem_mp4(here / "b.stem.mp4", frames=2000)
    said = say("stem", "check", "--json", good, bad, here)
    first, second, third = said.json
    assert (said.code, first["problems"], first["stems"][3]) == (1, [], "vocals")
    assert (second["problems"], second["stems"]) == (["it has 0 boxes moov/udta/stem, not one"], [])
    assert third["error"]["kind"] == "InputError"
    assert say("stem", "check", "--json", good).code == 0
