import math

import numpy as np
import pytest

from tests.evaluation.fakes import waves
from unweave.errors import UsageError
from unweave.evaluation import metrics
from unweave.evaluation.scores import BSS_EVAL_V4, GLOBAL, MIR_1K, V3_IMAGES, V3_SOURCES
from unweave.evaluation.scoring import score

RATE_HZ = 4000


def estimates_of(references, leak=0.2):
    """Each with a little of all the others and some noise."""
    noises = waves(tuple(references), next(iter(references.values())).shape[-1],
                   next(iter(references.values())).shape[0], seed=9)  # fmt: skip
    total = sum(references.values())
    return {
        name: wave + leak * (total - wave) + 0.1 * noises[name] for name, wave in references.items()
    }


def four(samples=3 * RATE_HZ):
    """One channel: the equations of four stereo stems take seconds to solve at any length."""
    references = waves(samples=samples, channels=1)
    return references, estimates_of(references)


def stereo():
    references = waves(("vocals", "drums"), 3 * RATE_HZ, channels=2)
    return references, estimates_of(references)


@pytest.mark.parametrize("make", [four, stereo])
def test_stems_are_scored_together(make):
    references, estimates = make()
    found = score(references, estimates, RATE_HZ, BSS_EVAL_V4)
    expected = metrics.bss_eval_v4(
        np.stack(list(references.values())), np.stack(list(estimates.values())),
        window=RATE_HZ, hop=RATE_HZ,
    )  # fmt: skip
    for n, name in enumerate(references):
        for metric in ("SDR", "ISR", "SIR", "SAR"):
            np.testing.assert_array_equal(
                found.targets[name][metric], getattr(expected, metric.lower())[n]
            )
        assert found.scored_with[name] == tuple(references)
        whole = metrics.global_sdr(references[name][None], estimates[name][None])[0]
        assert found.global_[name]["global_sdr_db"] == pytest.approx(whole)
    assert found.among_stems == {}
    assert found.warnings == []


def test_an_accompaniment_changes_no_other_score():
    references, estimates = four()
    alone = score(references, estimates, RATE_HZ, BSS_EVAL_V4)
    parts = ("drums", "bass", "other")
    more = [
        waves_of | {"accompaniment": sum(waves_of[part] for part in parts)}
        for waves_of in (references, estimates)
    ]
    found = score(*more, RATE_HZ, BSS_EVAL_V4)
    for name in parts:
        for metric, values in alone.targets[name].items():
            np.testing.assert_array_equal(found.targets[name][metric], values)
    # The vocals are scored twice, and both can be seen.
    for metric, values in alone.targets["vocals"].items():
        np.testing.assert_array_equal(found.among_stems["vocals"][metric], values)
    pair = [{n: w[n] for n in ("vocals", "accompaniment")} for w in more]
    beside = score(*pair, RATE_HZ, BSS_EVAL_V4)
    for name in pair[0]:
        for metric, values in beside.targets[name].items():
            np.testing.assert_array_equal(found.targets[name][metric], values)
    assert found.scored_with["vocals"] == ("vocals", "accompaniment")
    assert found.scored_with["drums"] == tuple(references)
    np.testing.assert_allclose(  # the SDR of a stem does not depend on the others at all
        found.targets["vocals"]["SDR"], alone.targets["vocals"]["SDR"], atol=1e-6
    )
    change = found.targets["vocals"]["SIR"] - alone.targets["vocals"]["SIR"]
    assert np.abs(change).min() > 0.01


def test_silent_frames_are_counted_and_said():
    references, estimates = four()
    references["bass"][:, RATE_HZ : 2 * RATE_HZ] = 0.0
    found = score(references, estimates, RATE_HZ, BSS_EVAL_V4)
    assert set(found.silent_frames.values()) == {1}
    assert any("1 of 3 frames" in text for text in found.warnings)
    for values in found.targets.values():
        assert np.isnan(values["SDR"][1])
        assert np.isfinite(values["SDR"][[0, 2]]).all()


def test_a_stem_that_is_silent_throughout_does_not_stop_it():
    references, estimates = four()
    references["vocals"][:] = 0.0
    found = score(references, estimates, RATE_HZ, BSS_EVAL_V4)
    assert found.silent_frames == {"vocals": 3, "drums": 0, "bass": 0, "other": 0}
    (warning,) = found.warnings
    assert "vocals has no score" in warning
    assert math.isnan(found.global_["vocals"]["si_sdr_db"])
    del references["vocals"], estimates["vocals"]
    without = score(references, estimates, RATE_HZ, BSS_EVAL_V4)
    for name in references:  # as if there were no vocals
        assert found.global_[name] == pytest.approx(without.global_[name])
        for metric, values in without.targets[name].items():
            np.testing.assert_allclose(found.targets[name][metric], values, rtol=0, atol=1e-6)


def test_shorter_than_a_window_is_one_frame():
    references, estimates = four(RATE_HZ // 2)
    found = score(references, estimates, RATE_HZ, BSS_EVAL_V4)
    assert len(found.targets["vocals"]["SDR"]) == 1
    assert found.window_s == 0.5


def test_alone_there_is_no_interference():
    references, estimates = four()
    found = score(
        {"drums": references["drums"]}, {"drums": estimates["drums"]}, RATE_HZ, BSS_EVAL_V4
    )
    assert "SIR is not defined" in found.warnings[0]
    assert not np.isfinite(found.targets["drums"]["SIR"]).any()
    assert np.isfinite(found.targets["drums"]["SDR"]).all()


def test_mir_1k():
    references = waves(("vocals", "accompaniment"), 2 * RATE_HZ, 1)
    mix = references["vocals"] + references["accompaniment"]
    estimates = estimates_of(references)
    found = score(references, estimates, RATE_HZ, MIR_1K, mix)
    order = ("accompaniment", "vocals")
    expected = metrics.bss_eval_v3_sources(
        np.concatenate([references[n] for n in order]),
        np.concatenate([estimates[n] for n in order]),
        permutation=False,
    )
    for n, name in enumerate(order):
        figures = found.mir1k[name]
        assert figures["SDR"] == pytest.approx(expected.sdr[n])
        assert figures["SIR"] == pytest.approx(expected.sir[n])
        assert figures["SAR"] == pytest.approx(expected.sar[n])
        floor = metrics.bss_eval_v3_sources(references[name], mix, permutation=False).sdr[0]
        assert figures["NSDR"] == pytest.approx(expected.sdr[n] - floor)
        assert len(found.targets[name]["SDR"]) == 1
    assert found.window_s == 2.0

    same = score(references, dict.fromkeys(references, 0.5 * mix), RATE_HZ, MIR_1K, mix)
    for figures in same.mir1k.values():
        assert figures["NSDR"] == pytest.approx(0.0, abs=1e-4)
    swapped = {"vocals": estimates["accompaniment"], "accompaniment": estimates["vocals"]}
    assert score(references, swapped, RATE_HZ, MIR_1K, mix).mir1k["vocals"]["SDR"] < 0


def test_other_metrics():
    references, estimates = stereo()
    found = score(references, estimates, RATE_HZ, V3_IMAGES)
    expected = metrics.bss_eval_v3_images(
        np.stack(list(references.values())), np.stack(list(estimates.values())), permutation=False
    )
    np.testing.assert_array_equal(
        [values["ISR"][0] for values in found.targets.values()], expected.isr
    )
    assert found.window_s == 3.0
    only = score(references, estimates, RATE_HZ, GLOBAL)
    assert only.targets == {}
    assert only.global_ == found.global_
    for protocol in (MIR_1K, V3_SOURCES):
        with pytest.raises(UsageError, match="one channel"):
            score(references, estimates, RATE_HZ, protocol)
