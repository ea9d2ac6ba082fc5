import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.evaluation import metrics


def waves(seed: int = 0, length: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    refs = rng.standard_normal((3, 2, length))
    ests = refs + 0.2 * refs[[1, 2, 0]] + 0.1 * rng.standard_normal(refs.shape)
    return refs, ests


def figures(refs, ests) -> np.ndarray:
    found = metrics.si_sdr(refs, ests)
    return np.stack([found.si_sdr, found.si_sir, found.si_sar])


def db(signal, noise) -> float:
    return 10 * np.log10((signal**2).sum() / (noise**2).sum())


def test_si_figures_are_what_their_definition_says() -> None:
    refs, ests = waves()
    found = figures(refs, ests)
    columns = refs.reshape(3, -1).T
    for j in range(3):
        ref, est = refs[j].ravel(), ests[j].ravel()
        target = (ref @ est) / (ref @ ref) * ref
        explained = columns @ np.linalg.lstsq(columns, est, rcond=None)[0]
        wanted = [db(target, est - target), db(target, explained - target), db(target, est - explained)]  # fmt: skip  # noqa: E501
        np.testing.assert_allclose(found[:, j], wanted, atol=1e-9)
        # The three belong together: distortion is interference and artefacts, at right angles.
        inverse = 10 ** (-found[:, j] / 10)
        assert inverse[0] == pytest.approx(inverse[1] + inverse[2])


@settings(max_examples=30, deadline=None)
@given(
    gains=st.lists(st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3), min_size=3, max_size=3),
    seed=st.integers(0, 99),
)
def test_si_sdr_ignores_each_estimates_gain(gains: list[float], seed: int) -> None:
    refs, ests = waves(seed)
    scaled = ests * np.array(gains)[:, None, None]
    np.testing.assert_allclose(figures(refs, scaled), figures(refs, ests), atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(gain=st.floats(1e-3, 1e3), seed=st.integers(0, 99), lead=st.integers(0, 40))
def test_what_must_not_matter_does_not(gain: float, seed: int, lead: int) -> None:
    refs, ests = waves(seed)

    def score(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.vstack([figures(x, y), metrics.snr(x, y)])

    usual = score(refs, ests)
    np.testing.assert_allclose(score(gain * refs, gain * ests), usual, atol=1e-8)
    np.testing.assert_allclose(score(refs[:, ::-1], ests[:, ::-1]), usual, atol=1e-8)
    order = np.random.default_rng(seed).permutation(3)
    np.testing.assert_allclose(score(refs[order], ests[order]), usual[:, order], atol=1e-8)
    early = (np.pad(x, ((0, 0), (0, 0), (lead, 0))) for x in (refs, ests))
    np.testing.assert_allclose(score(*early), usual, atol=1e-8)


def test_snr_and_global_sdr_are_what_their_definitions_say() -> None:
    refs, ests = waves()
    signal, noise = ((x**2).sum((1, 2)) for x in (refs, refs - ests))
    np.testing.assert_allclose(metrics.snr(refs, ests), 10 * np.log10(signal / noise))
    floor = 10 * np.log10((signal + 1e-7) / (noise + 1e-7))
    np.testing.assert_allclose(metrics.global_sdr(refs, ests), floor, rtol=1e-12)


def test_a_perfect_estimate_is_infinitely_good() -> None:
    refs, _ = waves()
    assert np.isinf(metrics.snr(refs, refs)).all()
    assert (figures(refs, refs) > 250).all()  # up to the rounding of 64 bits
    assert np.isfinite(metrics.global_sdr(refs, refs)).all()  # its floor sees to that


def test_silence_is_nan_and_leaves_the_others_alone() -> None:
    refs, ests = waves()
    usual = figures(refs[1:], ests[1:])
    refs[0] = 0
    found = figures(refs, ests)
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:, 1:], usual, atol=1e-9)
    assert np.isnan(metrics.snr(refs, ests)).tolist() == [True, False, False]
    assert np.isfinite(metrics.global_sdr(refs, ests)).all()
    refs, ests = waves()
    usual = figures(refs, ests)
    ests[1] = 0
    found = figures(refs, ests)
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_array_equal(found[:, [0, 2]], usual[:, [0, 2]])


@pytest.mark.parametrize("score", [metrics.snr, metrics.global_sdr, metrics.si_sdr])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x[..., :-1], "differ in shape"),
        (lambda x: x[:, 0], "must be"),
        (lambda x: np.where(x == x.max(), np.nan, x), "not finite"),
    ],
)
def test_bad_arrays_are_one_clear_error(score, change, reason) -> None:
    refs, ests = waves()
    with pytest.raises(ValueError, match=reason):
        score(refs, change(ests))
