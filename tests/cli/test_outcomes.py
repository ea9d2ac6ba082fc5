"""What is said of a recording that is done."""

from unweave.cli.outcomes import _options, level


def test_full_scale_has_no_minus_sign():
    stem = {"peak_dbfs": -0.01, "loudness_lufs": None}
    assert level(stem).split() == ["peak", "0.0", "dBFS"]


def test_options_are_said_as_they_are_typed():
    options = {"bandwidth": "full", "mask_exponent": 2.0, "free": None, "hard": True}
    assert _options(options) == "options bandwidth=full mask_exponent=2.0 free=none hard=true"
    assert _options({}) == "no options"
    assert "\x1b" not in _options({"noise": "a\x1b[31m.wav"})
