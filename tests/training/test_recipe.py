"""Recipes: what they may say, and one line for what they may not."""

from pathlib import Path

import pytest

from unweave.core.errors import UsageError
from unweave.training import recipe, template
from unweave.training.export import draft, network

RECIPES = sorted((Path(__file__).parents[2] / "recipes").rglob("*.toml"))
SMALL = '[network]\nname = "mask_inference"\nwidth = 8\nrecurrent = [2]\n'


def parsed(text: str, *overrides: str) -> recipe.Recipe:
    return recipe.parse(SMALL + text, "mine.toml", name="mine", overrides=overrides)


def test_what_is_not_said_is_the_default() -> None:
    found = parsed("")
    assert (found.name, found.network) == ("mine", "mask_inference")
    assert found.settings == {"width": 8, "recurrent": (2,)}
    assert found.schedule == recipe.Schedule()


def test_a_value_changes_by_its_key() -> None:
    found = parsed("", "optimiser.rate=1e-4", "network.width=16", "seed=7", "data.held_out=['x']")
    assert found.optimiser.rate == 1e-4
    assert found.settings["width"] == 16
    assert found.seed == 7
    assert found.data.held_out == ("x",)


def test_the_whole_recipe_reads_back_the_same() -> None:
    found = parsed('[loss]\nsdr = 1.0\n[card]\ntitle = "A \\"title\\""\n[data]\nheld_out = ["é"]')
    again = recipe.parse(recipe.as_toml(found), "again", name="other")
    assert again == found


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_that_ship_can_be_trained(path: Path) -> None:
    found = recipe.read(path)
    assert network(found) is not None
    assert found.card["licence"]


def test_the_new_recipe_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = template.write("my-recipe")
    assert path == Path("my-recipe.toml")
    assert network(recipe.read(path)) is not None
    with pytest.raises(UsageError, match="exists already"):
        template.write("my-recipe")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[optimiser]\nrate = -1", "rate must be a number, above 0; got -1"),
        ("[optimiser]\nrat = 1", "has no 'rat'; perhaps you mean rate"),
        ("[optimizer]\nrate = 1", "has no 'optimizer'; perhaps you mean optimiser"),
        ("[loss]\nsdr = 'much'", "a number for each term"),
        ("[data]\nheld_out = 'c'", "held_out is a list of names"),
        ("[card\n", "is not TOML"),
    ],
)
def test_what_it_cannot_mean(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parsed(text)
    assert str(caught.value).startswith("mine.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [("rate", "key=value"), ("seed=abc", "seed is a whole number"), ("precision=8", "precision"),
     ("seed.x=1", "seed is a value")],
)  # fmt: skip
def test_overrides_that_mean_nothing(override: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        recipe.parse("seed = 1\n" + SMALL, "mine.toml", name="mine", overrides=[override])


def test_a_precision_is_a_word_or_the_number_32() -> None:
    for override in ("precision=32", "precision='32'"):
        assert recipe.parse(SMALL, "mine.toml", name="mine", overrides=[override]).precision == "32"


def test_no_network_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="network"):
        recipe.parse("", "mine.toml", name="mine")
    with pytest.raises(UsageError, match="no such file"):
        recipe.read(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="no network is called 'none'"):
        network(recipe.parse('[network]\nname = "none"', "mine.toml", name="mine"))
    with pytest.raises(UsageError, match="mask_inference"):
        network(parsed("", "network.colour=3"))


def test_a_card_says_whether_segments_are_padded() -> None:
    assert draft(parsed("")).segment.padded is False
    assert draft(parsed("[card]\npadded = true")).segment.padded is True
    with pytest.raises(UsageError, match=r"\[card\] padded is true or false, got 'no'"):
        draft(parsed('[card]\npadded = "no"'))
