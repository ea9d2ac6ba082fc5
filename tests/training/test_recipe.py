"""Recipes: what they may say, and one line for what they may not."""

import tomllib
from pathlib import Path

import pytest

from unweave.errors import UsageError
from unweave.models import cards
from unweave.training import recipe, template
from unweave.training.export import card_text, draft, network

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
    found = parsed(
        "", "optimiser.rate=1e-4", "network.width=16", "seed=7", "data.validation_tracks=['x']"
    )
    assert found.optimiser.rate == 1e-4
    assert found.settings["width"] == 16
    assert found.seed == 7
    assert found.data.validation_tracks == ("x",)


def test_the_whole_recipe_reads_back_the_same() -> None:
    found = parsed(
        '[loss]\nsdr = 1.0\n[card]\ntitle = "A \\"title\\""\n[data]\nvalidation_tracks = ["é"]'
    )
    again = recipe.parse(recipe.as_toml(found).decode(), "again", name="other")
    assert again == found


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_that_ship_can_be_trained(path: Path) -> None:
    found = recipe.read(path)
    assert network(found) is not None
    assert found.card.licence


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
        ("[data]\nvalidation_tracks = 'c'", "validation_tracks is a list of names"),
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
    [("rate", "key=value"), ("seed=abc", "seed must be a whole number"),
     ("precision=8", "precision"), ("seed.x=1", "seed is a value")],
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
    with pytest.raises(UsageError, match="unknown network 'none'"):
        network(recipe.parse('[network]\nname = "none"', "mine.toml", name="mine"))
    with pytest.raises(UsageError, match="mask_inference"):
        network(parsed("", "network.colour=3"))


def test_a_card_has_its_scores_and_its_complement() -> None:
    found = parsed("[data]\nstems = ['vocals', 'other']\ndataset = 'mine'\nsplit = 'train'")
    text = card_text(found, b"x", {"vocals": 1.234, "mean": 2.0}, {}).decode()
    card = cards.parse("mine", text)
    assert (card.version, card.complement) == (2, "other")
    vocals, mean = card.scores
    assert (vocals.metric, vocals.stem, vocals.value_db) == ("SDR", "vocals", 1.23)
    assert (mean.stem, mean.data) == ("", "mine train, validation")


def test_a_card_says_whether_segments_are_padded() -> None:
    assert draft(parsed("")).segment.edge == "inside"
    assert draft(parsed("[card]\npadded = true")).segment.edge == "zeros"
    with pytest.raises(UsageError, match=r"\[card\]: padded must be true or false; got 'no'"):
        draft(parsed('[card]\npadded = "no"'))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("network.filters=4", "filters must be a list, each a whole number; got 4"),
        ("network.filters=[4.5]", "filters must be a list, each a whole number; got"),
        ("network.hop='far'", "hop must be a whole number; got 'far'"),
        ("network.hop=true", "hop must be a whole number; got True"),
        ("network.dropout=much", "dropout must be a number; got 'much'"),
        ("network.mask=soft", "mask must be one of sigmoid, complex; got 'soft'"),
        ("network.hopp=3", "there is no 'hopp'; perhaps you mean hop"),
        ("network.zzz=3", "no 'zzz'; it takes .*frame_size, hop, filters, "),
        ("network.stems=['a']", r"stems belongs to \[data\]"),
        ("network.filters=[]", "one number for each level"),
    ],
)
def test_settings_of_a_network_have_names_and_types(settings: str, words: str) -> None:
    found = recipe.parse("[network]\nname = 'unet'", "mine.toml", name="mine", overrides=[settings])
    with pytest.raises(UsageError, match=words) as caught:
        network(found)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.stems=[]", "stems must name each stem once; got none"),
        ("data.stems=['a', 'a']", "stems must name each stem once; got a, a"),
        ("data.seconds=1e9", "seconds must be a number, above 0, at most 3600; got 1000000000.0"),
        ("seed=-1", "seed must be"),
        ("seed=123456789012345678901234567890", "seed must be"),
        ("loss.sdr=-1", "at least 0"),
        ("loss.sdr=0", "no term with a weight above 0"),
        ("loss=3", "a number for each term"),
        ("data=3", r"\[data\] is a table"),
        ("card.colour=red", "has no 'colour'; perhaps you mean"),
        ("card.title=3", "title must be a word; got 3"),
        ("card.segment_s=long", "segment_s must be a number"),
        ("card.overlap_s=4.0", "overlap_s must be less than half of segment_s, 8; got 4"),
        ("settings.x=1", "has no 'settings'"),
    ],
)
def test_values_are_refused_before_any_work(override: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parsed("", override)
    assert str(caught.value).startswith("mine.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["../evil", "..", "/tmp/evil", "a/b", "a\\\\b", "", " ", ".hidden", "a\\nb", "C:x", 'a\\"b',
     "x" * 300, "recipe", "RECIPE", "last", "best", "curve", "tensorboard", "not-a-number"],
)  # fmt: skip
def test_a_name_stays_in_the_folder_and_takes_no_file_of_the_run(name: str) -> None:
    with pytest.raises(UsageError, match="name") as caught:
        parsed("", f'name="{name}"')
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError):
        recipe.Recipe(name=tomllib.loads(f'x="{name}"')["x"], network="unet")


@pytest.mark.parametrize("name", ["it's", "Ünïcode 歌", "a.b", "100%", "{x}"])
def test_the_new_recipe_says_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = recipe.read(template.write(name))
    assert found.name == name
    assert tomllib.loads(draft_text(found))["title"] == name
    assert recipe.parse(recipe.as_toml(found).decode(), "again", name="other") == found


@pytest.mark.parametrize("name", ['say "yes"', "back\\slash", "recipe", "..", ".toml"])
def test_no_new_recipe_has_a_name_that_its_files_cannot_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="name"):
        template.write(name)
    assert not list(tmp_path.iterdir())


def test_the_new_recipe_trains_on_the_users_own_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stems` is where `unweave separate` puts its guesses, in the layout of a training set."""
    monkeypatch.chdir(tmp_path)
    assert recipe.read(template.write("mine")).data.root != "stems"


@pytest.mark.parametrize("text", ['a "b"\n\tc\\d\x7f\x00', "é歌", "\udcff"])
def test_cards_and_recipes_hold_any_text(text: str) -> None:
    facts = recipe.CardFacts(title=text, licence=text)
    found = recipe.Recipe(name="mine", network="unet", card=facts)
    kept = text.replace("\udcff", "?")
    assert tomllib.loads(draft_text(found))["title"] == kept
    again = recipe.parse(recipe.as_toml(found).decode(), "again", name="other")
    assert again.card.licence == kept


def draft_text(found: recipe.Recipe) -> str:
    return card_text(found, b"", {}, {}).decode()
