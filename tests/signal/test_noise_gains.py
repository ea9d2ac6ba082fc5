import math

import numpy as np
import pytest
import torch
from scipy.special import exp1

from unweave.signal import noise_gains as gains
from unweave.signal.noise import Profile


def test_exponential_integral() -> None:
    x = np.geomspace(1e-10, 60, 20001)
    found = gains.exponential_integral(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, exp1(x), atol=3e-7, rtol=2e-6)


def powers(frames: int = 150, bins: int = 9, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A noise with a signal in part of it, and the noise's true power."""
    rng = np.random.default_rng(seed)
    noise = np.broadcast_to(10.0 ** rng.uniform(-3, 1, bins), (frames, bins))
    signal = np.where(rng.random((frames, bins)) < 0.3, 10.0 ** rng.uniform(-4, 3), 0.0)
    power = (noise + signal) * rng.exponential(size=(frames, bins))
    return torch.from_numpy(power).float()[None], torch.from_numpy(noise.copy()).float()[None]


@pytest.mark.parametrize(
    ("name", "absence"), [("wiener", 0.0), ("log_mmse", 0.0), ("log_mmse", 0.3)]
)
def test_decision_directed_rules(name: str, absence: float) -> None:
    power, noise = powers()
    slow = np.zeros(power.shape[1:])
    for k in range(power.shape[2]):
        last = None
        for t in range(power.shape[1]):
            gamma = float(power[0, t, k] / noise[0, t, k])
            present = max(gamma - 1, 0)
            xi = 0.9 * (present if last is None else last) + 0.1 * present
            xi = max(xi, gains.LEAST_XI)
            gain = xi / (1 + xi)
            v = gain * gamma
            if name == "log_mmse":
                gain = min(gain * math.exp(0.5 * exp1(v)), 1.0)
            last = gain**2 * gamma
            # Bayes, with the likelihoods of a Gaussian bin without and with signal.
            without, heard = absence * math.exp(-gamma), (1 - absence) / (1 + xi)
            heard *= math.exp(-gamma / (1 + xi))
            chance = heard / (heard + without) if heard + without else 1.0
            slow[t, k] = max(gain, 0.05) ** chance * 0.05 ** (1 - chance)
    rule = getattr(gains, name)
    found = gains.decision_directed(power, noise, rule, 0.9, 0.05, absence)[0]
    np.testing.assert_allclose(found, slow, rtol=1e-3)
    steady = gains.decision_directed(power, noise[:, :1], rule, 0.9, 0.05, absence)[0]
    assert torch.equal(steady, found)


def test_log_mmse_is_the_paper_s() -> None:
    xi, gamma = (torch.from_numpy(10 ** np.random.default_rng(n).uniform(-3, 3, 5000)).float()
                 for n in (1, 2))  # fmt: skip
    share = (xi / (1 + xi)).double().numpy()
    exact = np.minimum(share * np.exp(exp1(share * gamma.numpy()) / 2), 1.0)
    np.testing.assert_allclose(gains.log_mmse(xi, gamma), exact, rtol=5e-4)


def test_berouti() -> None:
    power, noise = powers(seed=3)
    slow = np.zeros(power.shape[1:])
    for t in range(power.shape[1]):
        p, n = power[0, t].double().numpy(), noise[0, t].double().numpy()
        snr_db = 10 * np.log10(p.sum() / n.sum())
        alpha = 4.75 if snr_db < -5 else 1.0 if snr_db > 20 else 4 - 0.15 * snr_db
        slow[t] = np.minimum(1, np.sqrt(np.maximum(p - alpha * n, 0.01 * n) / p))
    np.testing.assert_allclose(gains.berouti(power, noise, 4.0, 0.1)[0], slow, rtol=1e-4)


def test_boll() -> None:
    power, noise = powers(bins=40, seed=4)
    power[:, 60:80] = 1e-4 * noise[:, 60:80]  # without signal
    magnitude, mean = power.sqrt(), (noise.sqrt() * 0.886)[:, :1]
    profile = Profile(noise[:, :1], mean, 2.2 * mean)
    frames = magnitude.shape[1]
    m, mu = magnitude[0].double().numpy(), mean[0, 0].double().numpy()
    left = [np.maximum(m[max(0, t - 1) : t + 2].mean(0) - mu, 0) for t in range(frames)]
    slow, silences = np.zeros(m.shape), 0
    for t in range(frames):
        near = np.min(left[max(0, t - 1) : t + 2], axis=0)
        kept = np.where(left[t] < 1.2 * mu, near, left[t])
        silent = 20 * np.log10(np.mean(kept / mu) + 1e-30) < gains.SIGNAL_FREE_DB
        slow[t] = 0.03 if silent else np.clip(kept / m[t], 0.03, 1)
        silences += silent
    assert 10 < silences < 100
    found = gains.boll(magnitude, profile, 3, 0.03)[0]
    np.testing.assert_allclose(found, slow, atol=1e-4)


@pytest.mark.parametrize("noise", [0.0, 1e-30, 1.0])
def test_extremes_are_finite(noise: float) -> None:
    power = torch.tensor([0.0, 1e-38, 1e-20, 1.0, 1e20, 1e38]).reshape(1, -1, 1)
    level = torch.full((1, 1, 1), noise)
    profile = Profile(level, level.sqrt(), 3 * level.sqrt())
    for found in (
        gains.decision_directed(power, level, gains.wiener, 0.98, 0.01),
        gains.decision_directed(power, level, gains.log_mmse, 0.98, 0.01),
        gains.decision_directed(power, level, gains.log_mmse, 0.98, 0.01, 0.4),
        gains.berouti(power, level, 4.0, 0.01),
        gains.boll(power.sqrt(), profile, 1, 0.01),
    ):
        assert torch.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
        assert found[0, -1, 0] > 0.99
