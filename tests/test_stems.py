"""Stems can be saved, plotted and heard in a notebook."""

import re
from base64 import b64decode

import numpy as np
import pytest
import soundfile

from tests.jobs.fakes import RATE_HZ, noise
from unweave.errors import OutputError, UsageError
from unweave.stems import Stems


@pytest.fixture
def stems() -> Stems:
    return Stems({"vocals": noise(seed=1), "the/rest": noise(seed=2)}, RATE_HZ)


def test_save_holds_the_stems_exactly(stems, tmp_path):
    files = stems.save(tmp_path / "new")
    assert {name: file.name for name, file in files.items()} == {
        "vocals": "vocals.wav",
        "the/rest": "the_rest.wav",
    }
    for name, file in files.items():
        written, rate = soundfile.read(file, dtype="float32")
        assert rate == RATE_HZ
        np.testing.assert_array_equal(written.T, stems[name])
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "the_rest.wav",
        "vocals.wav",
    ]


def test_save_writes_over_nothing_unless_told(stems, tmp_path):
    stems.save(tmp_path)
    with pytest.raises(OutputError, match="overwrite=True"):
        stems.save(tmp_path)
    stems.save(tmp_path, overwrite=True)


def test_integers_share_one_gain(stems, tmp_path):
    loud = Stems({"a": stems["vocals"] * 20, "b": stems["vocals"]}, RATE_HZ)
    peak = np.abs(loud["a"]).max()
    assert peak > 1
    with pytest.warns(UserWarning, match=rf"turned down by {20 * np.log10(peak):.2f}"):
        files = loud.save(tmp_path, "flac", 16)
    a, b = (soundfile.read(files[name])[0].T for name in "ab")
    assert 0.999 < np.abs(a).max() < 1
    np.testing.assert_allclose(b, loud["b"] / peak, atol=1e-4)


def test_save_refuses_what_cannot_be(stems, tmp_path):
    with pytest.raises(UsageError, match="xyz"):
        stems.save(tmp_path, "xyz")
    with pytest.raises(OutputError, match="two stems"):
        Stems({"A": noise(), "a": noise()}, RATE_HZ).save(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        stems.save(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_notebook_page_carries_sound_and_names(tmp_path):
    stems = Stems({"<b>": noise(seed=1), "many": noise(channels=5)}, RATE_HZ)
    page = stems._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<svg") == page.count("<audio") == 2
    sound = tmp_path / "sound.mp3"
    sound.write_bytes(b64decode(re.search(r"base64,([^']*)'", page).group(1)))
    assert soundfile.info(sound).samplerate == RATE_HZ
    heard = soundfile.read(sound)[0].T
    assert np.corrcoef(heard[0], stems["<b>"][0])[0, 1] > 0.9


@pytest.mark.parametrize("length", [1, 2, 719, 5000])
def test_waveforms_of_any_length(length):
    page = Stems({"a": noise()[:, :length]}, RATE_HZ)._repr_html_()
    assert "nan" not in page


def test_plot_has_a_panel_for_each_stem(stems):
    figure = stems.plot()
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert titles[:2] == ["vocals", "the/rest"]
    assert repr(stems) == "Stems(vocals (2, 16000), the/rest (2, 16000), 8000 Hz)"


def test_a_notebook_shows_the_plot(stems):
    """As the last value of a cell, though nobody imported pyplot."""
    assert stems.plot()._repr_png_().startswith(b"\x89PNG\r\n")
