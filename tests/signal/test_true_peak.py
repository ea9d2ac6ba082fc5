"""True peak against what is known of a wave, and against FFmpeg's meter."""

import av
import numpy as np
import pytest

from unweave.signal.true_peak import TruePeak


def measured(wave: np.ndarray, rate_hz: int, size: int = 1000) -> float:
    meter = TruePeak(rate_hz, len(wave))
    for at in range(0, wave.shape[1], size):
        meter.push(wave[:, at : at + size])
    return meter.finish()


@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000, 192000])
def test_a_sine_has_its_amplitude_between_the_samples(rate_hz):
    """At a quarter of the rate and 45 degrees, all samples lie 3 dB below the top."""
    place = np.arange(rate_hz // 4)
    wave = 0.5 * np.sin(np.pi / 2 * place + np.pi / 4)
    wave *= np.minimum(1, np.minimum(place, place[::-1]) / 500)  # ends without a step
    found = measured(np.stack([wave, 0 * wave]).astype(np.float32), rate_hz)
    if rate_hz < 192000:
        assert 20 * np.log10(found / 0.5) == pytest.approx(0, abs=0.1)
    else:
        assert found == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)


def test_the_cut_makes_no_difference_and_one_channel_does():
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 30_000)).astype(np.float32)
    assert measured(wave, 44100, 30_000) == pytest.approx(measured(wave, 44100, 777), rel=1e-5)
    assert measured(wave, 44100) >= float(np.abs(wave).max())
    with pytest.raises(ValueError, match=r"\(1, time\)"):
        TruePeak(44100, 1).push(wave[0])


def test_ffmpegs_meter_finds_the_same():
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal((2, 48_000)))
    spectrum[:, 16_000:] = 0
    wave = np.fft.irfft(spectrum, 48_000)
    wave = (0.5 * wave / np.abs(wave).max()).astype(np.float32)
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=48000, format="flt", layout="stereo", time_base=None)
    meter, sink = graph.add("ebur128", "peak=true:metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave.T).reshape(1, -1), "flt", "stereo")
    frame.sample_rate = 48000
    graph.push(frame)
    graph.push(None)
    said = {}
    while True:
        try:
            said |= graph.pull().metadata
        except (av.error.EOFError, av.error.BlockingIOError):
            break
    assert measured(wave, 48000) == pytest.approx(float(said["lavfi.r128.true_peak"]), abs=0.002)
