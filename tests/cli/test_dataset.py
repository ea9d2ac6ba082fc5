"""`unweave dataset`: what there is, and whether a copy is whole."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

STEMS = ("vocals", "drums", "bass", "other")


@pytest.fixture
def root(make_wave, tmp_path):
    """Two tracks of stems with a mix that is their sum."""
    for number, song in enumerate(("one", "two")):
        folder = tmp_path / "stems" / song
        folder.mkdir(parents=True)
        waves = {
            stem: 0.2 * make_wave(2, 9000, 8000, 10 * number + n) for n, stem in enumerate(STEMS)
        }
        waves["mixture"] = sum(waves.values())
        for stem, wave in waves.items():
            soundfile.write(folder / f"{stem}.wav", wave.T, 8000, subtype="FLOAT")
    return tmp_path / "stems"


def test_help_has_the_exit_codes(say):
    for arguments in (["dataset", "--help"], ["dataset", "check", "--help"]):
        done = say(*arguments)
        assert done.code == 0
    assert "Exit codes" in say("dataset", "--help").out


def test_list(say):
    names = [
        "dsd100",
        "folder",
        "ikala",
        "medleydb",
        "mir-1k",
        "musdb18",
        "musdb18-hq",
        "synthetic",
    ]
    done = say("dataset", "list", "--json")
    assert done.code == 0
    assert [fact["name"] for fact in done.json] == names
    musdb18 = done.json[names.index("musdb18")]
    assert musdb18["stems"] == list(STEMS)
    assert "validation" in musdb18["splits"]
    for words in (say("dataset", "list").out, say("dataset").out):
        assert all(f"{name}: " in words for name in names)


def test_a_whole_dataset(say, root):
    done = say("dataset", "check", root)
    assert done.code == 0
    assert "folder: 2 tracks (all 2)" in done.out
    assert "8000 Hz with 2 channels" in done.out
    assert done.out.endswith("no errors\n")


def test_json_is_one_document(say, root):
    done = say("dataset", "check", root, "--json", "--decode")
    assert done.code == 0
    assert done.json["is_whole"] is True
    assert done.json["dataset"] == "folder"
    assert [track["name"] for track in done.json["tracks"]] == ["one", "two"]
    for track in done.json["tracks"]:
        assert track["sum_db"] > 100
        assert track["samples"] == 9000


def test_without_decoding_sums_are_not_claimed(say, root):
    assert all(
        "sum_db" not in track for track in say("dataset", "check", root, "--json").json["tracks"]
    )


def test_an_exact_sum_is_null_in_json(say, tmp_path):
    (tmp_path / "song").mkdir()
    for number, stem in enumerate(("vocals", "other")):
        wave = np.full((100, 1), 0.25 * (number + 1))
        soundfile.write(tmp_path / "song" / f"{stem}.wav", wave, 8000)
    done = say("dataset", "check", tmp_path, "--json", "--decode")
    assert done.json["tracks"][0]["sum_db"] is None


def test_missing_and_wrong_files_are_all_named(say, root):
    (root / "one" / "vocals.wav").write_text("words")
    soundfile.write(root / "two" / "bass.wav", np.zeros((8999, 2)), 8000)
    done = say("dataset", "check", root)
    assert done.code == 1
    assert "one/vocals.wav cannot be read as sound" in done.err
    assert "two/bass.wav has 8999 samples, mixture.wav has 9000" in done.err
    assert done.out.endswith("2 errors\n")
    assert say("dataset", "check", root, "--json").json["is_whole"] is False


def test_many_errors_are_cut_unless_verbose(say, root):
    for number in range(30):
        (root / f"song {number:02}").mkdir()
        (root / f"song {number:02}" / "vocals.wav").write_text("words")
    short = say("dataset", "check", root)
    assert short.err.count("error: ") == 20
    assert "and 10 more (-v shows all)" in short.err
    assert say("dataset", "check", root, "-v").err.count("error: ") == 30


def test_a_flac_that_ends_early_is_found_by_decoding(say, root):
    for stem in (*STEMS, "mixture"):
        wave, rate_hz = soundfile.read(root / "one" / f"{stem}.wav")
        soundfile.write(root / "one" / f"{stem}.flac", wave, rate_hz)
        (root / "one" / f"{stem}.wav").unlink()
    path = root / "one" / "drums.flac"
    path.write_bytes(path.read_bytes()[:-2000])
    assert say("dataset", "check", root).code == 0
    done = say("dataset", "check", root, "--decode")
    assert done.code == 1
    assert "drums.flac" in done.err
    assert "9000" in done.err


def test_another_length_than_the_header_says_is_found_by_decoding(say, make_wave, tmp_path):
    for stem in ("vocals", "other"):
        path = tmp_path / "song" / f"{stem}.flac"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, make_wave(2, 44100, 44100).T, 44100)
        content = bytearray(path.read_bytes())
        content[22:26] = (44100 + 1000).to_bytes(4, "big")  # STREAMINFO's total of samples
        path.write_bytes(content)
    assert say("dataset", "check", tmp_path).code == 0
    done = say("dataset", "check", tmp_path, "--decode")
    assert done.code == 1
    for stem in ("vocals", "other"):
        assert f"{stem}.flac: " in done.err
    assert "samples, its header says " in done.err


def test_the_stems_of_a_stem_file_add_up_but_for_the_codec(say, tmp_path, stem_mp4):
    stem_mp4(tmp_path / "train" / "A.stem.mp4", frames=88_200, bit_rate=320_000)
    done = say("dataset", "check", tmp_path, "--decode", "--json")
    assert done.json["errors"] == ["train has 1 tracks, a complete copy has 100 or 94"]
    assert done.json["tracks"][0]["errors"] == []
    assert 15 < done.json["tracks"][0]["sum_db"] < 60  # each stream has AAC's own noise
    assert done.code == 1


def test_stems_that_do_not_make_the_mix_are_an_error(say, tmp_path, ffmpeg_file, make_wave):
    waves = [make_wave(2, 30_000, 44100, seed) for seed in range(5)]
    (tmp_path / "test").mkdir()
    ffmpeg_file(
        tmp_path / "test" / "A.stem.mp4", "mp4", "aac", 44100, waves[0], more=tuple(waves[1:])
    )
    done = say("dataset", "check", tmp_path, "--decode")
    assert done.code == 1
    assert "A: the stems do not add up to the mix" in done.err


def test_an_index_finds_every_change(say, root, tmp_path):
    index = tmp_path / "index.json"
    done = say("dataset", "check", root, "--write-index", index)
    assert done.code == 0
    assert "checksums written to" in done.out
    written = json.loads(index.read_text())["sha256"]
    assert len(written) == 10
    assert "one/mixture.wav" in written
    assert say("dataset", "check", root, "--index", index).code == 0

    data = bytearray((root / "one" / "bass.wav").read_bytes())
    data[-1] ^= 1
    (root / "one" / "bass.wav").write_bytes(data)
    shutil.copytree(root / "two", root / "three")
    shutil.rmtree(root / "two")
    done = say("dataset", "check", root, "--index", index)
    assert done.code == 1
    assert "bass.wav: has changed since the index was made" in done.err
    assert "three/drums.wav: is not in the index" in done.err
    assert "two/drums.wav is in the index and not here" in done.err
    assert done.out.endswith("11 errors\n")


def test_no_index_is_written_of_what_is_wrong(say, root, tmp_path):
    (root / "one" / "bass.wav").write_text("words")
    assert say("dataset", "check", root, "--write-index", tmp_path / "i.json").code == 1
    assert not (tmp_path / "i.json").exists()


@pytest.mark.parametrize("text", ["words", "[]", '{"sha256": 1}', '{"sha256": {"a": 1}}'])
def test_what_is_no_index_is_refused(say, root, tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    done = say("dataset", "check", root, "--index", tmp_path / "index.json")
    assert done.code == 1
    assert "index.json: is not an index" in done.err


def test_contradictions_and_wrong_names(say, root, tmp_path):
    both = say("dataset", "check", root, "--index", "a", "--write-index", "b")
    assert both.code == 2
    wrong = say("dataset", "check", root, "-d", "fodler")
    assert wrong.code == 2
    assert "perhaps you mean folder" in wrong.err
    assert say("dataset", "check", root, "--split", "tset").code == 2
    gone = say("dataset", "check", tmp_path / "gone")
    assert gone.code == 1
    assert "gone: no such folder" in gone.err
    assert gone.err.count("\n") == 1


def test_the_name_can_be_said(say, root):
    (root / "three").mkdir()
    for name in ("a song", "another"):
        shutil.copy(root / "one" / "bass.wav", root / "three" / f"{name}.wav")
    shutil.rmtree(root / "one")
    shutil.rmtree(root / "two")
    assert "the layout of no known dataset" in say("dataset", "check", root).err
    assert say("dataset", "check", root, "-d", "folder").code == 0


def test_listing_imports_no_torch():
    code = (
        "import sys; from unweave.cli.app import main\n"
        "sys.argv = ['unweave', 'dataset', 'list']\n"
        "try: main()\nexcept SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
