import pytest

from unweave.apps.options import resolve, settle
from unweave.core.errors import UsageError


def test_a_card_keeps_its_options_as_given() -> None:
    options = {"mask_exponent": 2.0}
    assert resolve("spleeter-2stems", options) == options
    assert settle("spleeter-2stems", options, seed=3) == (options, ("vocals", "accompaniment"))


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(UsageError, match="no model is called 'spleter'"):
        settle("spleter", {})
