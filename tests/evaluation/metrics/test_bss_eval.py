"""BSS Eval against its definition, written down as least squares on delayed copies."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.evaluation.metrics.bss_eval import bss_eval_v3_images, bss_eval_v3_sources, bss_eval_v4
from unweave.evaluation.metrics.decompose import ReferenceCache

TAPS = 16
LENGTH = 3000


def signals(stems: int = 3, channels: int = 2, length: int = LENGTH, seed: int = 0):
    """References, coloured so that filters matter, and estimates that leak: `(stem, channel, time)`."""  # noqa: E501
    rng = np.random.default_rng(seed)
    refs = rng.standard_normal((stems, channels, length))
    refs[..., 1:] += 0.7 * refs[..., :-1]
    leak = np.eye(stems) + 0.2 * rng.standard_normal((stems, stems))
    ests = np.einsum("ij,jct->ict", leak, refs)
    ests[..., 3:] += 0.3 * refs[..., :-3]
    return refs, ests + 0.1 * rng.standard_normal(refs.shape)


def delayed(refs: np.ndarray, taps: int) -> np.ndarray:
    """Columns: every channel, delayed by 0 to `taps - 1`; rows `taps - 1` longer."""
    rows = refs.reshape(-1, refs.shape[-1])
    out = np.zeros((refs.shape[-1] + taps - 1, len(rows) * taps))
    for n, row in enumerate(rows):
        for k in range(taps):
            out[k : k + len(row), n * taps + k] = row
    return out


def db(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10((a**2).sum() / (b**2).sum()))


def slow(refs: np.ndarray, ests: np.ndarray, window: int, framewise: bool, sources: bool = False):
    """`(metric, stem, frame)` by least squares, one estimate at a time."""
    starts = range(0, refs.shape[-1] - window + 1, window)
    out = np.full((4, len(refs), len(starts)), np.nan)

    def padded(x: np.ndarray) -> np.ndarray:
        return np.pad(x, ((0, 0), (0, TAPS - 1))).T

    for j in range(len(refs)):
        for t, at in enumerate(starts):
            part = slice(at, at + window)
            fit = part if framewise else slice(None)
            shown, fitted = refs[..., part], refs[..., fit]
            pick = slice(j, j + 1)
            target, everything = (
                delayed(shown[s], TAPS)
                @ np.linalg.lstsq(delayed(fitted[s], TAPS), padded(ests[j][..., fit]), rcond=None)[
                    0
                ]
                for s in (pick, slice(None))
            )
            ref, est = padded(refs[j][..., part]), padded(ests[j][..., part])
            out[0, j, t] = db(target, est - target) if sources else db(ref, est - ref)
            out[1, j, t] = db(ref, target - ref)
            out[2, j, t] = db(target, everything - target)
            out[3, j, t] = db(everything, est - everything)
    return out


@pytest.mark.parametrize("framewise", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_v4_is_what_its_definition_says(channels: int, framewise: bool) -> None:
    refs, ests = signals(channels=channels)
    found = bss_eval_v4(
        refs, ests, window=1000, hop=1000, filter_taps=TAPS, framewise_filters=framewise
    )
    wanted = slow(refs, ests, 1000, framewise)
    got = np.stack([found.sdr, found.isr, found.sir, found.sar])
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_v3_is_what_its_definition_says() -> None:
    refs, ests = signals(channels=1)
    found = bss_eval_v3_sources(refs[:, 0], ests[[2, 0, 1], 0], filter_taps=TAPS)
    wanted = slow(refs, ests, LENGTH, False, sources=True)[..., 0]
    np.testing.assert_allclose(np.stack([found.sdr, found.sir, found.sar]), wanted[[0, 2, 3]], atol=1e-6)  # fmt: skip  # noqa: E501
    assert found.permutation.tolist() == [1, 2, 0]
    refs, ests = signals(channels=2)
    images = bss_eval_v3_images(refs, ests, filter_taps=TAPS)
    got = np.stack([images.sdr, images.isr, images.sir, images.sar])
    np.testing.assert_allclose(got, slow(refs, ests, LENGTH, False)[..., 0], atol=1e-6)


def test_a_mono_stem_in_two_channels_is_no_error() -> None:
    refs, ests = signals()
    refs[0, 1] = refs[0, 0]
    found = bss_eval_v4(refs, ests, window=1000, hop=1000, filter_taps=TAPS)
    wanted = slow(refs, ests, 1000, False)
    np.testing.assert_allclose(
        np.stack([found.sdr, found.isr, found.sir, found.sar]), wanted, atol=1e-6
    )


def test_channels_that_cancel_are_not_silent() -> None:
    refs, ests = signals()
    refs[0, 1] = -refs[0, 0]
    found = bss_eval_v4(refs, ests, window=1000, hop=1000, filter_taps=TAPS)
    assert np.isfinite(found.sdr).all()
    assert found.silent_frames.tolist() == [0, 0, 0]


def test_a_stem_that_is_silent_all_along_leaves_the_others_alone() -> None:
    refs, ests = signals()
    alone = bss_eval_v4(refs[1:], ests[1:], window=1000, hop=1000, filter_taps=TAPS)
    refs[0] = 0
    found = bss_eval_v4(refs, ests, window=1000, hop=1000, filter_taps=TAPS)
    assert np.isnan(found.sdr[0]).all()
    assert found.silent_frames[0] == 3
    for metric in ("sdr", "isr", "sir", "sar"):
        np.testing.assert_allclose(getattr(found, metric)[1:], getattr(alone, metric), atol=1e-9)


def test_interference_that_is_not_there_is_infinitely_far() -> None:
    refs, _ = signals()
    found = bss_eval_v4(refs, refs, window=1000, hop=1000, filter_taps=TAPS)
    assert (found.sir > 150).all()


def test_what_is_kept_of_references_changes_nothing() -> None:
    refs, ests = signals()
    others, _ = signals(seed=1)
    cache = ReferenceCache()

    def sir(refs: np.ndarray, ests: np.ndarray, cache: ReferenceCache | None) -> np.ndarray:
        return bss_eval_v4(refs, ests, window=1000, hop=1000, filter_taps=TAPS, cache=cache).sir

    for truth, guess in ((refs, ests), (refs, ests[::-1]), (others, ests), (refs, ests)):
        found = sir(truth, guess, cache)
        np.testing.assert_array_equal(found, sir(truth, guess, ReferenceCache()))
        np.testing.assert_allclose(found, sir(truth, guess, None), atol=1e-9)
    assert cache.factors(tensor := torch.from_numpy(refs), TAPS) is cache.factors(tensor, TAPS)


def test_unequal_shapes_are_refused() -> None:
    refs, ests = signals()
    with pytest.raises(ValueError, match="shape"):
        bss_eval_v4(refs, ests[..., :-1], window=1000, hop=1000)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.01, 50), seed=st.integers(0, 99), lead=st.integers(0, 40))
def test_what_must_not_matter_does_not(gain: float, seed: int, lead: int) -> None:
    refs, ests = signals(length=1200, seed=seed)

    def score(r: np.ndarray, e: np.ndarray) -> np.ndarray:
        length = r.shape[-1]
        found = bss_eval_v4(r, e, window=length, hop=length, filter_taps=TAPS)
        return np.stack([found.sdr, found.isr, found.sir, found.sar])[..., 0]

    usual = score(refs, ests)
    np.testing.assert_allclose(score(gain * refs, gain * ests), usual, atol=1e-6)
    np.testing.assert_allclose(score(refs[:, ::-1], ests[:, ::-1]), usual, atol=1e-6)
    order = np.random.default_rng(seed).permutation(3)
    np.testing.assert_allclose(score(refs[order], ests[order]), usual[:, order], atol=1e-6)
    early = [np.pad(x, ((0, 0), (0, 0), (lead, 0))) for x in (refs, ests)]
    np.testing.assert_allclose(score(*early), usual, atol=1e-6)


def test_references_of_the_same_bytes_and_another_shape_are_others():
    refs, ests = signals(stems=2, channels=1, length=600)
    cache = ReferenceCache()
    for shape in ((2, 1, 600), (1, 2, 600)):
        frames = [
            bss_eval_v4(refs.reshape(shape), ests.reshape(shape), window=300, hop=300,
                        filter_taps=TAPS, cache=one).sdr
            for one in (cache, None)
        ]  # fmt: skip
        np.testing.assert_array_equal(*frames)
