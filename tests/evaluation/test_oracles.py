import numpy as np
import pytest
from scipy.signal import istft, stft

from tests.evaluation.fakes import waves
from unweave.errors import UsageError
from unweave.evaluation import oracles
from unweave.evaluation.names import ORACLES
from unweave.evaluation.scores import BSS_EVAL_V4, MIR_1K

EPS = np.finfo(float).eps


def mixed(stems):
    return np.sum(list(stems.values()), axis=0, dtype=np.float32)


def music(channels=2, samples=20000):
    """Noises whose spectra and places differ, so that masks differ too."""
    stems = waves(samples=samples, channels=channels)
    for n, wave in enumerate(stems.values()):
        smooth = np.ones(2 * n + 1) / (2 * n + 1)
        wave[:] = [np.convolve(row, smooth, "same") for row in wave]
        wave *= np.linspace(1.0, 0.2 + 0.2 * n, channels)[:, None]
    return stems


def slow(name, mix, stems):
    """The campaign's definitions, one after the other, with scipy's transform."""

    def spectrum(wave):
        return stft(wave.astype(np.float64), nperseg=2048)[-1]

    x = spectrum(mix)
    found = {}
    for stem, wave in stems.items():
        y = spectrum(wave)
        kind, exponent = name[:3], float(name[3:] or 0)
        if kind == "ibm":
            mask = np.abs(y) ** exponent / (EPS + np.abs(x) ** exponent) >= 0.5
        elif kind == "irm":
            total = EPS + sum(np.abs(spectrum(w)) ** exponent for w in stems.values())
            mask = np.abs(y) ** exponent / total
        else:
            mask = np.clip(np.abs(y) / np.maximum(np.abs(x), EPS)
                           * np.cos(np.angle(y) - np.angle(x)), 0, 1)  # fmt: skip
        found[stem] = istft(x * mask)[1][:, : mix.shape[1]]
    return found


@pytest.mark.parametrize("name", ["ibm1", "ibm2", "irm1", "irm2", "psm"])
@pytest.mark.parametrize("samples", [20000, 20480, 3000])
def test_masks_are_those_of_the_campaign(name, samples):
    stems = music(samples=samples)
    mix = mixed(stems)
    found = oracles.oracle(name, mix, stems, BSS_EVAL_V4)
    for stem, wave in slow(name, mix, stems).items():
        assert found[stem].shape == mix.shape
        assert found[stem].dtype == np.float32
        np.testing.assert_allclose(found[stem], wave, rtol=0, atol=2e-6)


def slow_wiener(mix, stems, exact):
    """The local Gaussian model, one bin after the other; not `exact` with the campaign's bugs."""
    x = stft(mix.astype(np.float64), nperseg=2048)[-1]
    channels, bins, frames = x.shape
    found = {stem: np.zeros_like(x) for stem in stems}
    images = {stem: stft(wave.astype(np.float64), nperseg=2048)[-1] for stem, wave in stems.items()}
    wrong = {stem: np.trace(np.stack([spatial_of(y[:, f]) for f in range(bins)]))
             for stem, y in images.items()}  # fmt: skip

    def inverse(matrix):
        if exact or channels != 2:
            return np.linalg.inv(matrix + (not exact) * EPS * np.eye(channels))
        (a, b), (c, d) = matrix
        return np.array([[d, -b], [-c, a]]) / (EPS + a * d - b * c)

    for f in range(bins):
        models = {}
        for stem, y in images.items():
            spatial = spatial_of(y[:, f])
            if exact:
                spatial *= channels / np.trace(spatial).real
            else:
                spatial = spatial * channels / wrong[stem] + EPS * np.eye(channels)
            white = inverse(spatial)
            refined = [np.real(y[:, f, t].conj() @ white @ y[:, f, t]) / channels
                       for t in range(frames)]  # fmt: skip
            models[stem] = refined, spatial
        for t in range(frames):
            whole = inverse(sum(power[t] * spatial for power, spatial in models.values()))
            for stem, (power, spatial) in models.items():
                found[stem][:, f, t] = power[t] * spatial @ whole @ x[:, f, t]
    return {stem: istft(image)[1][:, : mix.shape[1]] for stem, image in found.items()}


def spatial_of(bins):
    """The covariance of one frequency `(channel, frame)`, each frame over its power."""
    power = np.mean(np.abs(bins) ** 2, axis=0)
    return np.mean([np.outer(one, one.conj()) / (EPS + level)
                    for one, level in zip(bins.T, power, strict=True)], axis=0)  # fmt: skip


@pytest.mark.parametrize("name", ["mwf-sisec", "mwf"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_wiener_filter_is_that_of_the_local_gaussian_model(channels, name):
    stems = {stem: wave for stem, wave in music(channels, 5000).items() if stem != "bass"}
    mix = mixed(stems)
    found = oracles.oracle(name, mix, stems, BSS_EVAL_V4)
    for stem, wave in slow_wiener(mix, stems, name == "mwf").items():
        np.testing.assert_allclose(found[stem], wave, rtol=0, atol=3e-6)


def test_wiener_filter_keeps_the_slip_of_the_campaign():
    stems = music()
    one, other = (oracles.oracle(name, mixed(stems), stems, BSS_EVAL_V4)
                  for name in ("mwf-sisec", "mwf"))  # fmt: skip
    assert max(np.abs(one[stem] - other[stem]).max() for stem in stems) > 1e-3


@pytest.mark.parametrize("name", ["mwf-sisec", "mwf"])
def test_wiener_filter_of_one_channel_is_the_ratio_of_powers(name):
    stems = music(channels=1)
    mix = mixed(stems)
    one, other = (oracles.oracle(name, mix, stems, MIR_1K) for name in (name, "irm2"))
    for stem in stems:
        np.testing.assert_allclose(one[stem], other[stem], rtol=0, atol=1e-6)


def test_wiener_filter_where_every_stem_is_in_the_centre():
    stems = {stem: np.repeat(wave, 2, axis=0) for stem, wave in music(channels=1).items()}
    mono = oracles.oracle("irm2", mixed(stems), stems, BSS_EVAL_V4)
    stereo = oracles.oracle("mwf", mixed(stems), stems, BSS_EVAL_V4)
    for stem in stems:
        np.testing.assert_allclose(stereo[stem], mono[stem], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["mixture", "ibm", "irm1", "irm2", "mwf"])
@pytest.mark.parametrize("protocol", [BSS_EVAL_V4, MIR_1K])
def test_these_sum_to_the_mix(name, protocol):
    stems = music()
    found = oracles.oracle(name, mixed(stems), stems, protocol)
    assert list(found) == list(stems)
    np.testing.assert_allclose(mixed(found), mixed(stems), rtol=0, atol=1e-5)


def test_the_loudest_takes_all():
    """A tone each, far apart: the binary mask must give each back nearly whole."""
    at = np.arange(20000) / 16000
    stems = {
        name: np.sin(2 * np.pi * hz * at, dtype=np.float64).astype(np.float32)[None]
        for name, hz in (("vocals", 500), ("accompaniment", 3000))
    }
    found = oracles.oracle("ibm", mixed(stems), stems, MIR_1K)
    for stem, wave in stems.items():
        middle = slice(2000, -2000)
        np.testing.assert_allclose(found[stem][:, middle], wave[:, middle], rtol=0, atol=2e-3)


def test_mixture_shares_the_mix_out():
    stems = music()
    found = oracles.oracle("mixture", mixed(stems), stems, BSS_EVAL_V4)
    for wave in found.values():
        np.testing.assert_array_equal(wave, mixed(stems) / np.float32(4))


@pytest.mark.parametrize("name", ORACLES)
def test_silence_and_odd_lengths(name):
    for samples in (1, 2047, 4097):
        stems = waves(samples=samples)
        stems["vocals"][:] = 0.0
        stems["drums"][:, samples // 2 :] = 0.0
        before = {stem: wave.copy() for stem, wave in stems.items()}
        found = oracles.oracle(name, mixed(stems), stems, BSS_EVAL_V4)
        assert all(np.isfinite(wave).all() for wave in found.values())
        assert all(wave.shape == (2, samples) for wave in found.values())
        for stem, wave in before.items():
            np.testing.assert_array_equal(stems[stem], wave)
    quiet = {stem: np.zeros((2, 5000), np.float32) for stem in ("vocals", "drums")}
    for wave in oracles.oracle(name, mixed(quiet), quiet, BSS_EVAL_V4).values():
        np.testing.assert_array_equal(wave, 0.0)


def test_unknown():
    with pytest.raises(UsageError, match="irm1"):
        oracles.oracle("irm3", np.zeros((1, 10), np.float32), {}, BSS_EVAL_V4)
