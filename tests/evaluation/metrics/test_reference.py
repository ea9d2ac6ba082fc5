"""The same scores as museval 0.4.1 and mir_eval 0.8, within 1e-4 dB, frame by frame."""

import numpy as np
import pytest

from tests.evaluation.metrics import cases
from unweave.evaluation import metrics

WINDOW = {"window": cases.RATE_HZ, "hop": cases.RATE_HZ}


def equal(found, name: str, figures: str) -> None:
    recorded = np.load(cases.RECORDED)
    got = np.stack([getattr(found, figure) for figure in figures.split()])
    np.testing.assert_allclose(got, recorded[name], rtol=0, atol=1e-4)
    if f"{name} order" in recorded:
        np.testing.assert_array_equal(found.permutation, recorded[f"{name} order"])


@pytest.mark.parametrize(
    ("name", "framewise", "change"),
    [
        ("v4", False, None),
        ("v4 framewise", True, None),
        ("v4 paused", False, cases.paused),
    ],
)
def test_v4_is_musevals(name, framewise, change) -> None:
    signals = cases.signals(2)
    refs, ests = change(*signals) if change else signals
    found = metrics.bss_eval_v4(refs, ests, **WINDOW, framewise_filters=framewise)
    equal(found, name, "sdr isr sir sar")


@pytest.mark.parametrize(
    ("name", "framewise"), [("v4 permuted", False), ("v4 permuted framewise", True)]
)
def test_v4_finds_musevals_permutation(name, framewise) -> None:
    refs, ests = cases.signals(1)
    found = metrics.bss_eval_v4(
        refs, ests[cases.ORDER], **WINDOW, framewise_filters=framewise, permutation=True
    )
    equal(found, name, "sdr isr sir sar")


def test_v3_sources_are_mir_evals() -> None:
    refs, ests = cases.signals(1)
    found = metrics.bss_eval_v3_sources(refs[:, 0], ests[cases.ORDER, 0])
    equal(found, "v3 sources", "sdr sir sar")


@pytest.mark.parametrize(("name", "channels"), [("mono", 1), ("stereo", 2)])
def test_v3_images_are_mir_evals(name, channels) -> None:
    refs, ests = cases.signals(channels)
    found = metrics.bss_eval_v3_images(refs, ests[cases.ORDER])
    equal(found, f"v3 images {name}", "sdr isr sir sar")
