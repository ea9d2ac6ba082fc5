"""`--overwrite` of a batch touches no recording that is in it."""

from pathlib import Path

from tests.apps.remix.sounds import noise, write


def test_an_input_that_the_last_run_made_is_not_removed(tmp_path: Path, say) -> None:
    song = write(tmp_path / "song.wav", noise(0.6))
    tool = ["--tools", "dehum", "--format", "wav", "-o", tmp_path / "out"]
    assert say("restore", song, *tool, "--removed").code == 0
    made = tmp_path / "out" / "song" / "removed.wav"
    said = say("restore", song, made, *tool, "--overwrite")
    assert said.code == 2
    assert f"{made}: is an input, and --overwrite would remove it" in said.err
    assert made.exists()


def test_stems_are_kept_over_no_input_and_in_no_common_folder(tmp_path: Path, say) -> None:
    for name in ("in/a.wav", "in/a/vocals.wav", "x/a.wav"):
        write(tmp_path / name, noise(0.6))
    how = ["-m", "repet", "-o", tmp_path / "o", "--keep-stems", tmp_path / "in", "--overwrite"]
    said = say("karaoke", tmp_path / "in/a.wav", tmp_path / "in/a/vocals.wav", *how)
    assert (said.code, "would be written over" in said.err) == (2, True)
    template = ["--filename-template", "{parent}/{name}/{stem}.{ext}"]
    said = say("karaoke", tmp_path / "in/a.wav", tmp_path / "x/a.wav", *how, *template)
    assert (said.code, "would both keep their stems in" in said.err) == (2, True)
