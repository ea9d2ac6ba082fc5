"""Voices brought forward by networks: a network decides shares, and nothing it makes up is heard.

The networks have random weights, so that their sound has little to do with the recording's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from benchmarks import untrained

import unweave
from unweave.apps import forensic
from unweave.apps.forensic import findings, masks, voices
from unweave.apps.forensic.verify import verify

RATE_HZ = 8000
SMALL_DEMUCS = {
    "width": 8, "frame_size": 256, "levels": 2, "length": 4096, "bottleneck": 16, "heads": 2,
    "layers": 2, "hidden": 2.0, "compress": 4,
}  # fmt: skip
NETWORKS = {  # one that generates waveforms, one that masks
    "htdemucs": {"config": SMALL_DEMUCS, "segment": {"length": 4096, "hop": 3072}},
    "spleeter-2stems": {},
}


@pytest.fixture
def song(tmp_path, monkeypatch) -> Path:
    """Two seconds in stereo; the second half is silent to the sample."""
    monkeypatch.setattr(findings, "ALL", ())
    rng = np.random.default_rng(5)
    wave = 0.1 * rng.standard_normal((2 * RATE_HZ, 2))
    wave[RATE_HZ:] = 0.0
    soundfile.write(tmp_path / "song.wav", wave, RATE_HZ, "FLOAT")
    return tmp_path / "song.wav"


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0].T


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_decides_shares_and_adds_no_sound(name, song, tmp_path) -> None:
    settings = NETWORKS[name]
    card = untrained.write(tmp_path / "models", name, sample_rate_hz=RATE_HZ, **settings)
    case = tmp_path / "case"
    [report] = forensic.forensic(song, case, technique=str(card))
    [voice] = case.rglob(voices.VOICE)
    recording, kept, rest = (read(path) for path in (song, voice, voice.with_name(voices.REST)))
    guide = unweave.separate(song, model=str(card))["vocals"]
    np.testing.assert_allclose(kept + rest, recording, atol=1e-6)
    silent = slice(RATE_HZ + masks.frame_size(RATE_HZ), None)
    assert np.abs(guide[:, silent]).max() > 1e-4 or name != "htdemucs"  # it has sound of its own
    assert not kept[:, silent].any()
    assert (kept.astype(np.float64) ** 2).sum() < (recording.astype(np.float64) ** 2).sum()
    [(expected, _)] = [
        tuple(np.concatenate(parts, axis=1) for parts in zip(*blocks, strict=True))
        for blocks in [list(masks.apply([recording], [guide], RATE_HZ))]
    ]
    np.testing.assert_allclose(kept, expected, atol=1e-5)
    assert 0.01 < np.std(kept[:, :RATE_HZ]) / np.std(recording[:, :RATE_HZ]) < 1
    assert report["warnings"] == []
    assert verify(case).agrees
