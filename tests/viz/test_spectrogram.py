"""Pictures of mixes and stems."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from tests.jobs.fakes import RATE_HZ, noise, write_noise
from unweave.api import separate_file
from unweave.core.region import Region
from unweave.errors import Cancelled, InputError, OutputError, UsageError
from unweave.viz.picture import picture_of
from unweave.viz.spectrogram import draw, spectrogram


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_noise(Path("song.wav"))
    return tmp_path


def heights(*arguments, **others) -> int:
    return imread(spectrogram([Path(a) for a in arguments], **others)).shape[0]


def test_one_panel_for_each_recording(here):
    one = heights("song.wav")
    assert Path("song-spectrogram.png").exists()
    image = imread("song-spectrogram.png")
    assert image.shape[1] > 1000
    assert np.ptp(image[..., :3]) > 0.5  # there is a picture on it
    write_noise(Path("歌 🎵.wav"))
    assert heights("song.wav", "歌 🎵.wav", output=Path("new/two.png")) > one
    assert sorted(path.name for path in Path("new").iterdir()) == ["two.png"]


def test_a_report_stands_for_its_mix_and_stems(here, fake_model):
    separate_file("song.wav", "stems")
    seen: list[Path] = []
    picture = spectrogram([], report=Path("stems/song/report.json"), on_file=seen.append)
    assert [path.name for path in seen] == ["song.wav", "vocals.wav", "accompaniment.wav"]
    assert picture == Path("stems/song/spectrogram.png")
    by_folder, by_name = heights("stems/song"), heights("stems/song/report.json")
    assert by_folder == by_name == imread(picture).shape[0]


def test_a_folder_without_a_report(here):
    for name in ("a.wav", "b.wav", ".hidden.wav"):
        write_noise(Path("folder", name))
    Path("folder/notes.txt").touch()
    seen: list[Path] = []
    spectrogram([Path("folder")], on_file=seen.append)
    assert [path.name for path in seen] == ["a.wav", "b.wav"]
    assert Path("folder/spectrogram.png").exists()


def test_figure_has_axes_titles_and_one_colour_bar(here):
    pictures = [
        picture_of("$mix_{1$", [noise(3.0)], RATE_HZ),
        picture_of("quiet", [noise(1.0) * 1e-3], RATE_HZ),
    ]
    figure = draw(pictures)
    mix, quiet, bar = figure.axes
    assert mix.get_title(loc="left") == "$mix_{1$"
    labels = [label.get_text() for label in mix.get_yticklabels()]
    assert labels[:5] == ["50 Hz", "100 Hz", "200 Hz", "500 Hz", "1 kHz"]
    assert not any(tick.label1.get_visible() for tick in mix.xaxis.get_major_ticks())  # only below
    assert all(tick.label1.get_visible() for tick in quiet.xaxis.get_major_ticks())
    assert "(s)" in quiet.get_xlabel()
    assert "dB" in bar.get_ylabel()
    assert mix.get_xlim() == quiet.get_xlim() == (0.0, 3.0)
    [low, high] = mix.images[0].get_clim()
    assert draw(pictures, start_s=2.0).axes[0].get_xlim() == (2.0, 5.0)  # of the recording
    assert quiet.images[0].get_clim() == (low, high)  # one scale, or nothing could be compared
    assert high - low == 80.0
    assert high - 10 <= max(p.power_db.max() for p in pictures) <= high


def test_long_recordings_count_minutes():
    long = picture_of("x", (noise(10.0) for _ in range(40)), RATE_HZ)
    axis = draw([long]).axes[0]
    assert "minutes" in axis.get_xlabel()
    assert axis.xaxis.get_major_formatter()(90, 0) == "1:30"


def test_silence_can_be_drawn(here):
    draw([picture_of("silence", [np.zeros((2, 100), np.float32)], RATE_HZ)]).savefig("x.png")


def test_what_cannot_be_drawn(here):
    Path("empty").mkdir()
    Path("x.json").write_text("{}")
    for arguments, error, says in [
        ([], UsageError, "nothing to draw"),
        (["empty"], UsageError, "nothing to draw"),
        (["gone.wav"], InputError, "gone.wav"),
        (["x.json"], InputError, "not a report"),
    ]:
        with pytest.raises(error, match=says):
            spectrogram([Path(argument) for argument in arguments])
    with pytest.raises(UsageError, match="is one of the inputs"):
        spectrogram([Path("song.wav")], Path("song.wav"))
    with pytest.raises(OutputError, match=r"song\.wav"):
        spectrogram([Path("song.wav")], Path("song.wav/x.png"))
    with pytest.raises(Cancelled):
        spectrogram([Path("song.wav")], should_stop=lambda: True)
    assert not list(Path().glob("**/*.png"))
    assert not list(Path().glob("**/.*png*"))


def test_without_matplotlib_it_says_what_to_install(here, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"unweave\[plot\]"):
        spectrogram([Path("song.wav")])


@pytest.mark.parametrize("name", ["x.jpg", "x.PDF", "x.wav"])
def test_a_picture_is_never_named_as_another_format(here, name):
    with pytest.raises(UsageError, match=r"pictures are PNG; name it x\.png"):
        spectrogram([Path("a.wav")], Path(name))
    assert not Path(name).exists()


def test_only_a_part(here):
    full = imread(spectrogram([Path("song.wav")]))
    part = imread(spectrogram([Path("song.wav")], region=Region(0.1, 0.2)))
    assert part.shape == full.shape
    assert not np.array_equal(part, full)
    with pytest.raises(InputError, match=r"song\.wav: lasts"):
        spectrogram([Path("song.wav")], region=Region(0, 3600))
