"""What is said of a recording that is done."""

from unweave.cli.outcomes import _level


def test_full_scale_has_no_minus_sign():
    stem = {"peak_dbfs": -0.01, "loudness_lufs": None}
    assert _level(stem).split() == ["peak", "0.0", "dBFS"]
