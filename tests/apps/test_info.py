"""Facts of a recording as plain data."""

import json

import numpy as np
import pytest
import soundfile

from unweave.apps.info import info
from unweave.errors import Cancelled, InputError


def test_facts(tmp_path):
    wave = 0.5 * np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)
    soundfile.write(tmp_path / "x.flac", np.stack([wave, wave], 1), 48000, subtype="PCM_24")
    facts = info(tmp_path / "x.flac")
    expected = {
        "codec": "flac",
        "bits": 24,
        "float": False,
        "lossy": False,
        "sample_rate_hz": 48000,
        "channels": 2,
        "samples": 48000,
        "duration_s": 1.0,
        "audio_streams": 1,
        "cover": None,
    }
    assert {key: facts[key] for key in expected} == expected
    assert "peak_dbfs" not in facts
    json.dumps(facts)
    measured = info(tmp_path / "x.flac", loudness=True)
    assert measured["peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
    assert measured["loudness_lufs"] == pytest.approx(-6.0, abs=0.2)
    assert measured["warnings"] == []


def test_silence_has_no_loudness(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros((48000, 2)), 48000)
    facts = info(tmp_path / "x.wav", loudness=True)
    assert facts["loudness_lufs"] is None
    assert facts["warnings"] == ["the recording is silent"]
    json.dumps(facts, allow_nan=False)


def test_errors(tmp_path):
    with pytest.raises(InputError, match="gone"):
        info(tmp_path / "gone.wav")
    soundfile.write(tmp_path / "x.wav", np.zeros((48000, 2)), 48000)
    with pytest.raises(Cancelled):
        info(tmp_path / "x.wav", loudness=True, should_stop=lambda: True)
