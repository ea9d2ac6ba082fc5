"""docs/training.md explains every setting of a recipe, as the code has them."""

import pytest

pytest.importorskip(
    "pytorch_lightning", reason="training is an extra: pip install 'unweave[train]'"
)

from scripts import recipe_settings


def test_the_page_has_every_setting_with_its_default() -> None:
    page = recipe_settings.PAGE.read_text(encoding="utf-8")
    assert recipe_settings.BEGIN in page
    assert page == recipe_settings.page(page), "run python -m scripts.recipe_settings"
