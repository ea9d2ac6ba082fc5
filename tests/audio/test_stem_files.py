"""Stem files: five streams come back in order, in step and, with ALAC, to the bit."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import av
import numpy as np
import pytest

from unweave.audio.info import Cover
from unweave.audio.stem_file import metadata as description
from unweave.audio.stem_file.boxes import box, boxes, changed
from unweave.audio.stem_file.check import check, tracks
from unweave.audio.stem_file.metadata import Compressor, Label, Limiter, Metadata
from unweave.audio.stem_file.reader import StemReader, read_metadata
from unweave.audio.stem_file.slots import Slot, arrange, summed
from unweave.audio.stem_file.writer import rows, stem_encoding, stem_writer
from unweave.errors import InputError, OutputError, UsageError

FRAMES = 10_007
NAMES = ("drums", "bass", "other", "vocals")
METADATA = Metadata(description.labels(NAMES))


@pytest.fixture(scope="module")
def sound(make_wave) -> np.ndarray:
    """Mixture and stems, `(5, 2, time)`."""
    stems = np.stack([0.25 * make_wave(2, FRAMES, seed=n) for n in range(4)])
    return np.concatenate([stems.sum(0, keepdims=True), stems])


@pytest.fixture(scope="module")
def whole(sound, tmp_path_factory) -> bytes:
    """A sound stem file with little sound."""
    return write(tmp_path_factory.mktemp("whole") / "a.stem.mp4", sound[..., :1500]).read_bytes()


def write(path, sound, codec="aac", bits=None, rate_hz=44100, metadata=METADATA, **options):
    with stem_writer(
        path, stem_encoding(codec, rate_hz, bits), rate_hz, metadata, **options
    ) as writer:
        for part in np.split(sound, [1, 1000, 5003], axis=-1):
            writer.write(rows(part[0], part[1:]))
    return path


def read(path) -> np.ndarray:
    with StemReader(path) as reader:
        return np.concatenate(list(reader.blocks(3000)), axis=-1)


@pytest.mark.parametrize("bits", [16, 24])
def test_alac_comes_back_to_the_bit(tmp_path, sound, bits):
    got = read(write(tmp_path / "a.stem.m4a", sound, "alac", bits))
    full = 2.0 ** (bits - 1)
    assert np.array_equal(got * full, np.rint(sound.astype(np.float64) * full))


def test_aac_keeps_length_order_and_place_of_all_streams(tmp_path, sound, lag_of):
    path = write(tmp_path / "a.stem.mp4", sound)
    got = read(path)
    assert got.shape == sound.shape
    for number, found in enumerate(got):
        assert lag_of(sound[number], found) == 0
        assert np.argmin([np.sum((found - true) ** 2) for true in sound]) == number
    facts = tracks(path.read_bytes())
    assert {(each.delay, each.length) for each in facts} == {(1024, FRAMES)}


def test_ffmpeg_reads_order_names_lengths_and_which_stream_is_played(tmp_path, sound):
    path = write(tmp_path / "a.stem.m4a", sound, "alac")
    with av.open(str(path)) as container:
        streams = container.streams.audio
        names = [stream.metadata["handler_name"] for stream in streams]
        assert names == ["Mixture", *NAMES]
        assert {(stream.duration, stream.start_time) for stream in streams} == {(FRAMES, 0)}
        assert [int(stream.disposition) & 1 for stream in streams] == [1, 0, 0, 0, 0]
        assert container.metadata["title"] == "a"


def test_one_sample_and_a_rate_that_aac_lacks(tmp_path, sound):
    path = write(tmp_path / "a.stem.mp4", sound[..., :1])
    assert (check(path), read(path).shape) == ([], (5, 2, 1))
    path = write(tmp_path / "b.stem.mp4", sound[..., :4000], rate_hz=200_000)
    assert check(path) == []
    assert {(each.rate_hz, each.length) for each in tracks(path.read_bytes())} == {(96_000, 1920)}


def test_the_description_has_names_colours_and_the_mastering_chain(tmp_path, sound):
    metadata = Metadata(
        tuple(Label(f"Stem {n} ä", f"#00000{n}") for n in range(4)),
        Compressor(enabled=True, ratio=2, dry_wet=100),
        Limiter(enabled=True, ceiling=-1),
    )
    path = write(tmp_path / "a.stem.mp4", sound, metadata=metadata)
    assert read_metadata(path) == metadata
    [document] = [
        json.loads(content)
        for kind, udta in boxes(dict(boxes(path.read_bytes()))[b"moov"])
        if kind == b"udta"
        for name, content in boxes(udta)
        if name == b"stem"
    ]
    assert document["version"] == 1
    assert document["stems"][3] == {"name": "Stem 3 ä", "color": "#000003"}
    assert document["mastering_dsp"]["compressor"]["dry_wet"] == 100
    assert document["mastering_dsp"]["limiter"]["enabled"] is True


def test_same_sound_same_bytes_and_tags_and_cover_go_in(tmp_path, sound, png):
    options = {"tags": {"title": "Ünï", "artist": "A"}, "cover": Cover(png, "image/png")}
    one = write(tmp_path / "a.stem.m4a", sound, **options)
    assert one.read_bytes() == write(tmp_path / "b.stem.m4a", sound, **options).read_bytes()
    assert check(one) == []
    with StemReader(one) as reader:
        assert reader.info.tags == options["tags"]
        assert reader.info.cover == options["cover"]


def test_fewer_stems_are_filled_with_named_silence(tmp_path, sound):
    stems = {"vocals": sound[1], "Silence": sound[2]}
    slots = arrange(list(stems))
    assert slots == [
        Slot("vocals", ("vocals",)),
        Slot("Silence", ("Silence",)),
        Slot("Silence 2"),
        Slot("Silence 3"),
    ]
    made = summed(slots, stems)
    assert np.array_equal(made[:2], sound[1:3])
    assert not made[2:].any()


def test_more_stems_are_summed_as_stated(sound):
    stems = dict(zip(["drums", "guitar", "bass", "piano", "vocals"], sound, strict=True))
    slots = arrange(list(stems), {"Melody": ["piano", "guitar"]})
    assert [slot.name for slot in slots] == ["drums", "Melody", "bass", "vocals"]
    np.testing.assert_array_equal(summed(slots, stems)[1], sound[1] + sound[3])


@pytest.mark.parametrize(
    ("stems", "sums", "said"),
    [
        (["a", "b", "c", "d", "e"], None, "holds 4 stems, not 5"),
        (["a"], {"A": ["b"]}, "there is no stem 'b'"),
        (["a", "b"], {"A": ["a"], "B": ["a", "b"]}, "a is in A and in B"),
        (["a", "b"], {"a": ["b"]}, "two stems of a stem file are called 'a'"),
        (["b", "a"], {"a": ["b"]}, "two stems of a stem file are called 'a'"),
        (["a", "a"], None, "two stems of a stem file are called 'a'"),
        ([], None, "at least one stem"),
    ],
)
def test_stems_that_make_no_four(stems, sums, said):
    with pytest.raises(UsageError, match=said):
        arrange(stems, sums)


def test_every_stem_has_a_colour_of_its_own():
    found = description.labels(["Vocals", "x", "y", "Silence"], [False, False, False, True])
    assert found[0].colour == "#56B4E9"
    assert len({label.colour for label in found}) == 4


def test_what_cannot_be_written_is_one_line(tmp_path, sound):
    with pytest.raises(UsageError, match=r"a\.mp4: a stem file's name ends in \.stem\.mp4"):
        write(tmp_path / "a.mp4", sound)
    with pytest.raises(UsageError, match="no codec 'mp3'"):
        write(tmp_path / "a.stem.mp4", sound, "mp3")
    with pytest.raises(UsageError, match="cannot hold 32 bits"):
        write(tmp_path / "a.stem.mp4", sound, "alac", 32)
    with pytest.raises(UsageError, match=r"stereo; this recording has 1 channel"):
        rows(sound[0, :1], sound[1:])
    with pytest.raises(UsageError, match="needs stems of shape"):
        rows(sound[0], sound[2:])
    with pytest.raises(OutputError, match=r"a\.stem\.mp4: cannot be written: there is no sound"):
        write(tmp_path / "a.stem.mp4", sound[..., :0])
    three = replace(METADATA, labels=METADATA.labels[:3])
    with pytest.raises(OutputError, match=r"a\.stem\.mp4: cannot be written: stems names 3 stems"):
        write(tmp_path / "a.stem.mp4", sound, metadata=three)
    assert list(tmp_path.iterdir()) == []


def document(**changes) -> dict:
    return json.loads(description.encoded(METADATA)) | changes


STEMS = document()["stems"]
CHAIN = document()["mastering_dsp"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "not a JSON object"),
        (document(version=2), "version is 2, not 1"),
        (document(stems={}), "stems is not a list"),
        (document(stems=STEMS[:3]), "stems names 3 stems, not 4"),
        (document(stems=[{"name": " ", "color": "#123456"}, *STEMS[1:]]), "stem 1 has no name"),
        (
            document(stems=[*STEMS[:3], {"name": "a", "color": "red"}]),
            "stem 4 has the colour 'red'",
        ),
        (document(stems=[*STEMS[:3], 7]), "stem 4 has no name"),
        (document(mastering_dsp=None), "mastering_dsp is missing"),
        (document(mastering_dsp=CHAIN | {"limiter": 1}), r"mastering_dsp\.limiter is missing"),
        (
            document(mastering_dsp=CHAIN | {"limiter": CHAIN["limiter"] | {"enabled": 1}}),
            r"limiter\.enabled is 1, not true or false",
        ),
        (
            document(mastering_dsp=CHAIN | {"compressor": CHAIN["compressor"] | {"ratio": "x"}}),
            r"compressor\.ratio is 'x', not a number",
        ),
        (
            document(mastering_dsp=CHAIN | {"compressor": CHAIN["compressor"] | {"dry_wet": 101}}),
            r"compressor\.dry_wet is 101, not a percentage",
        ),
    ],
)
def test_a_wrong_description_is_named(tmp_path, whole, wrong, said):
    path = tmp_path / "a.stem.mp4"
    content = json.dumps(wrong).encode()
    path.write_bytes(changed(whole, [b"moov", b"udta", b"stem"], lambda _: content))
    assert any(re.search(said, problem) for problem in check(path))
    with pytest.raises(InputError, match=r"a\.stem\.mp4: .*" + said):
        read_metadata(path)


def test_wrong_streams_are_named(tmp_path, sound, ffmpeg_file, stem_mp4):
    plain = stem_mp4(tmp_path / "plain.stem.mp4", frames=3000)
    assert check(plain) == ["it has 0 boxes moov/udta/stem, not one"]
    assert read_metadata(plain) is None
    two = stem_mp4(tmp_path / "two.m4a", frames=3000, streams=2)
    assert "its name does not end in .stem.mp4 or .stem.m4a" in check(two)
    assert "it has 2 stream(s) of sound, not 5" in check(two)
    with pytest.raises(InputError, match=r"two\.m4a: has 2 stream\(s\) of sound, not the 5"):
        StemReader(two)
    uneven = tmp_path / "uneven.stem.mp4"
    ffmpeg_file(uneven, "mp4", "aac", 44100, sound[0], more=tuple(each[:, :5000] for each in sound))
    assert any(
        "stem 1 has another length: 5000 samples, the mixture 10007" in p for p in check(uneven)
    )
    mono = tmp_path / "mono.stem.mp4"
    ffmpeg_file(mono, "mp4", "aac", 44100, sound[0, :1])
    assert "the mixture has 1 channel(s), not 2" in check(mono)
    mp3 = tmp_path / "mp3.stem.mp4"
    ffmpeg_file(mp3, "mp4", "libopus", 48000, sound[0])
    assert "the mixture is 'Opus', not AAC or ALAC" in check(mp3)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (b"\3", [f"stem {n} is enabled" for n in range(1, 5)]),
        (b"\0", ["the mixture is not enabled"]),
    ],
)
def test_wrong_switches_are_named(tmp_path, whole, flags, said):
    path = tmp_path / "a.stem.mp4"
    header = [b"moov", b"trak", b"tkhd"]
    path.write_bytes(changed(whole, header, lambda old: old[:3] + flags + old[4:]))
    assert check(path) == said


def test_what_is_no_mp4_or_cut_short_is_said(tmp_path, whole):
    text = tmp_path / "a.stem.mp4"
    text.write_bytes(b"no film at all")
    assert check(text) == ["it is not an MP4"]
    cut = tmp_path / "c.stem.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    assert check(cut) == ["its index (moov) is missing: it is cut short"]
    cut.write_bytes(whole[:-10])
    assert "it is cut short by 10 bytes" in check(cut)
    for path, said in ((tmp_path / "gone.stem.mp4", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(InputError, match=said):
            check(path)


def test_any_damage_ends_in_words(tmp_path, whole):
    start, rng = whole.index(b"moov") - 4, np.random.default_rng(0)
    path = tmp_path / "b.stem.mp4"
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(start, len(whole), 4):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        assert all("\n" not in problem for problem in check(path))


def test_boxes_are_made_where_there_are_none():
    data = changed(b"", [b"udta", b"meta", b"ilst"], lambda content: content + b"x")
    assert data == box(b"udta", box(b"meta", b"\0" * 4 + box(b"ilst", b"x")))
    assert changed(data, [b"udta"], lambda content: b"") == box(b"udta", b"")


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, sound, monkeypatch):
    from unweave.audio import writer as module

    def full(self, data):
        self.error = self.error or OSError(28, "No space left on device")
        return len(data)

    monkeypatch.setattr(module._Sink, "write", full)
    with pytest.raises(OutputError, match=r"a\.stem\.mp4: cannot be written: the disk is full"):
        write(tmp_path / "a.stem.mp4", sound)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_nothing_under_the_final_name(tmp_path):
    code = (
        "import os, signal, numpy as np, pathlib\n"
        "from unweave.audio.stem_file import metadata as m\n"
        "from unweave.audio.stem_file.writer import *\n"
        "said = m.Metadata(m.labels(list('abcd')))\n"
        "path = pathlib.Path('a.stem.mp4')\n"
        "with stem_writer(path, stem_encoding('alac', 44100), 44100, said) as writer:\n"
        "    writer.write(np.zeros((10, 50_000), np.float32))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.stem.mp4").exists()
    assert all(name.startswith(".unweave-") for name in os.listdir(tmp_path))


def test_the_reader_of_the_project_takes_the_mixture(tmp_path, sound):
    from unweave.audio.reader import Reader

    path = write(tmp_path / "a.stem.m4a", sound, "alac")
    with Reader(path) as reader:
        got = np.concatenate(list(reader.blocks(4000)), axis=-1)
        assert (reader.info.audio_streams, reader.info.frames) == (5, FRAMES)
    np.testing.assert_allclose(got, sound[0], atol=2**-16)
