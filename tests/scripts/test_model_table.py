"""The table of models is made from the cards."""

from scripts.model_table import PAGE, TITLES, page

from unweave.models import cards
from unweave.registry.offers import members


def test_the_table_is_what_the_cards_say_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "docs/model-table.md is old: run python -m scripts.model_table"
    )


def test_every_model_has_a_row() -> None:
    found = PAGE.read_text(encoding="utf-8")
    inner = members()
    for name in cards.names():
        listed = f"| `{name}` |" in found
        assert listed == (cards.card(name).origin == "unweave" and name not in inner), name
    assert all(f"## {title}" in found for title in TITLES.values())
