"""A card holds facts; wrong ones are noticed."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

import unweave
from unweave import datasets, registry
from unweave.core.plan import Plan
from unweave.errors import UsageError
from unweave.models import architectures, cards

MINIMAL = """
version = 2
title = "Any"
architecture = "demucs"
stems = ["a", "b"]
sample_rate_hz = 8000
channels = 1
licence_code = "MIT"
licence_weights = "CC-BY-4.0"
paper = "A paper"
training_data = "Noise"
[weights]
sha256 = "00"
size_bytes = 1
[segment]
length = 8000
"""
SOURCE = """
[[sources]]
reader = "safetensors"
url = "https://example.org/any.safetensors"
sha256 = "0123abcd"
size_bytes = 1
"""
WHEEL = """
[[sources]]
reader = "wheel"
package = "any"
version = "1.0"
sha256 = "0123abcd"
size_bytes = 1
[[sources.files]]
reader = "torch-zip"
path = "any/any.th"
sha256 = "0123abcd"
size_bytes = 1
"""
BAG = """
version = 2
title = "Two"
stems = ["a", "b"]
sample_rate_hz = 8000
channels = 1
licence_code = "MIT"
licence_weights = "CC-BY-4.0"
paper = "A paper"
training_data = "Noise"
[bag]
members = ["one", "two"]
matrix = [[1, 0.5], [0, 0.5]]
"""


def test_the_default_model_is_there():
    assert "spleeter-2stems" in cards.names()
    card = cards.card("spleeter-2stems")
    assert card.stems == ("vocals", "accompaniment")
    assert (card.sample_rate_hz, card.channels) == (44100, 2)
    assert card.licence_weights == "MIT"


@pytest.mark.parametrize("name", cards.names())
def test_every_card_is_complete(name):
    card = cards.card(name)
    assert card.name == name
    assert all((card.title, card.paper, card.training_data, card.licence_code))
    assert card.licence_weights
    assert len(set(card.stems)) == len(card.stems) > 0
    if card.bag is None:
        assert (card.file is None) == bool(card.sources)
    if card.convert:
        assert callable(architectures.converter(card.architecture))
    if card.weights != cards.NO_WEIGHTS:
        assert re.fullmatch("[0-9a-f]{64}", card.weights.sha256)
        assert card.weights.size_bytes > 0


def test_spleeters_segment_is_its_frames():
    card = cards.card("spleeter-2stems")
    frames, size, hop = (card.config[key] for key in ("frames", "frame_size", "hop"))
    assert card.segment.length == (frames - 1) * hop + size
    assert card.segment.hop == frames * hop
    assert card.segment.before == size


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("spleter-2stem", "spleeter-2stems"),
        ("spleter", "spleeter-2stems"),
        ("spleeter", "spleeter-2stems"),
        ("quite-other", None),
        ("../../etc/passwd", None),
        ("", None),
    ],
)
def test_an_unknown_name_gives_what_is_spelt_nearly_so(name, near):
    with pytest.raises(UsageError) as caught:
        cards.card(name)
    start, end = f"no model is called {name!r}; ", "'unweave models list' shows all"
    if near is None:
        assert str(caught.value) == start + end
    else:
        assert str(caught.value).startswith(f"{start}perhaps you mean {near}")
        assert str(caught.value).endswith(f"; {end}")


def test_a_card_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        cards.card("spleeter-2stems").name = "mine"


def test_optional_facts_have_defaults():
    card = cards.parse("any", MINIMAL)
    assert card.name == "any"
    assert (card.sources, card.scores, card.bag) == ((), (), None)
    assert (card.target, card.complement, card.saw_musdb18_test) == (None, None, None)


def test_a_source_is_an_address_or_files_in_a_wheel():
    (source,) = cards.parse("any", MINIMAL + SOURCE).sources
    assert source.url == "https://example.org/any.safetensors"
    (source,) = cards.parse("any", MINIMAL + WHEEL).sources
    assert [file.path for file in source.files] == ["any/any.th"]
    assert len(cards.parse("any", MINIMAL + WHEEL + SOURCE + "role = 'b'").sources) == 2


def test_sources_of_one_role_are_alternatives():
    npm = WHEEL.replace('"wheel"', '"npm"')
    card = cards.parse("any", MINIMAL + SOURCE + npm + SOURCE + "role = 'b'")
    first, second = card.alternatives
    assert [source.reader for source in first] == ["safetensors", "npm"]
    assert [source.role for source in second] == ["b"]
    unstated = SOURCE.replace("size_bytes = 1", "")
    assert cards.parse("any", MINIMAL + unstated + npm).download_bytes == 1
    assert cards.parse("any", MINIMAL + unstated).download_bytes == 0


def test_an_address_has_mirrors_and_its_file_the_addresss_name():
    text = SOURCE.replace("size_bytes = 1", 'mirrors = ["http://example.com/b"]')
    (source,) = cards.parse("any", MINIMAL + text).sources
    assert source.addresses == ("https://example.org/any.safetensors", "http://example.com/b")
    (file,) = source.contents
    assert (file.path, file.sha256, file.size_bytes) == ("any.safetensors", "0123abcd", 0)


def test_sources_alone_pin_the_weights():
    card = cards.parse("any", WITHOUT_WEIGHTS + SOURCE)
    other = cards.parse("any", WITHOUT_WEIGHTS + SOURCE.replace("0123abcd", "0123abce"))
    assert card.weights == cards.NO_WEIGHTS
    assert re.fullmatch("[0-9a-f]{64}", card.weights_sha256)
    assert card.weights_sha256 != other.weights_sha256
    assert card.download_bytes == 1
    assert cards.parse("any", MINIMAL + SOURCE).weights_sha256 == "00"


def test_scores_say_what_was_measured_and_by_whom():
    facts = "metric = 'SDR'\nvalue_db = 7\ndata = 'MUSDB18'\norigin = 'a paper'\nstem = 'a'\n"
    (score,) = cards.parse("any", f"{MINIMAL}[[scores]]\n{facts}").scores
    assert (score.value_db, score.stem, score.origin) == (7.0, "a", "a paper")


def test_a_bag_has_members_and_weights():
    bag = cards.parse("two", BAG).bag
    assert bag is not None
    assert bag.members == ("one", "two")
    assert bag.matrix == ((1.0, 0.5), (0.0, 0.5))


OF_TWO = """
version = 2
title = "Two"
stems = ["vocals", "accompaniment"]
sample_rate_hz = 16000
channels = 1
licence_code = "MIT"
licence_weights = "research"
paper = "none"
training_data = "none"

[bag]
members = ["mir1k-dnn", "mir1k-drnn-2"]
matrix = [[1.0, 3.0], [1.0, 1.0]]
"""


def test_a_bag_is_the_weighted_mean_of_its_members(tmp_path):
    (tmp_path / "two.toml").write_text(OF_TWO)
    mix = 0.1 * np.random.default_rng(0).standard_normal((1, 16000)).astype(np.float32)

    def separate(name):
        return unweave.separate(mix, 16000, model=name)

    found, *members = map(separate, (str(tmp_path / "two.toml"), "mir1k-dnn", "mir1k-drnn-2"))
    for stem, shares in (("vocals", (0.5, 0.5)), ("accompaniment", (0.75, 0.25))):
        expected = sum(share * each[stem] for share, each in zip(shares, members, strict=True))
        np.testing.assert_allclose(found[stem], expected, atol=1e-5)
    request = registry.request(str(tmp_path / "two.toml"))
    assert [each.name for each in request.separator.members] == ["mir1k-dnn", "mir1k-drnn-2"]


def test_members_that_do_not_fit_are_one_line(tmp_path):
    (tmp_path / "two.toml").write_text(OF_TWO.replace("mir1k-drnn-2", "spleeter-2stems"))
    with pytest.raises(UsageError, match=r"two\.toml: .* differ in sample_rate_hz"):
        registry.request(str(tmp_path / "two.toml"))


def test_lists_of_the_config_become_tuples():
    config = cards.parse("any", MINIMAL + "[config]\nfilters = [1, 2]\nsoftmax = true\n").config
    assert config == {"filters": (1, 2), "softmax": True}


def with_config(tmp_path, yaml):
    (tmp_path / "original.yaml").write_text(yaml)
    card = tmp_path / "mine.toml"
    card.write_text('config = "original.yaml"\n' + MINIMAL)
    return str(card)


def test_a_config_may_be_the_original_yaml(tmp_path):
    path = with_config(tmp_path, "width: 8\nbands: !!python/tuple [2, 3]\ninner: {a: [1]}\n")
    assert cards.card(path).config == {"width": 8, "bands": (2, 3), "inner": {"a": [1]}}
    before = cards.sha256(path)
    with_config(tmp_path, "width: 9\n")
    assert cards.sha256(path) != before


# Twenty lines that mean a thousand million values.
BOMB = "a: &a0 [1,1]\n" + "".join(
    f"a{n}: &a{n + 1} [{','.join([f'*a{n}'] * 3)}]\n" for n in range(19)
)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("!!python/object/apply:os.mkdir [made]", "not plain YAML"),
        ("a: !!python/name:os.mkdir", "not plain YAML"),
        ("a: [", "not plain YAML"),
        ("- 1", "config must be a table"),
        ("a: !!timestamp x", "not plain YAML"),
        ("a: !!bool x", "not plain YAML"),
        ("a: 2020-01-01", r"\[config\]: a value must be a finite number"),
        ("a: &a [*a]", "nested without end"),
        (BOMB, "more than 100000 values, aliases written out"),
        (BOMB.replace("[", "{<<: [").replace("]", "]}").replace("[1,1]", "{x: 1}"), "more than"),
        ("a: " + "1, " * 400_000, "longer than the 1000000 letters"),
    ],
)
def test_a_wrong_yaml_is_one_line(tmp_path, monkeypatch, yaml, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message) as caught:
        cards.card(with_config(tmp_path, yaml))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_a_yaml_that_is_not_there_is_named(tmp_path):
    path = with_config(tmp_path, "")
    (tmp_path / "original.yaml").unlink()
    for ask in (cards.card, cards.sha256):
        with pytest.raises(UsageError, match=r"original\.yaml: cannot be read"):
            ask(path)


WITHOUT_WEIGHTS = MINIMAL[: MINIMAL.index("[weights]")] + "[segment]\nlength = 8000\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL.replace("version = 2", ""), "its version must be 2; got None"),
        (MINIMAL.replace("version = 2", "version = 1"), "its version must be 2; got 1"),
        (
            MINIMAL + SOURCE.replace('safetensors"\nurl', 'other"\nurl'),
            "unknown reader 'other'; there are",
        ),
        (MINIMAL + SOURCE.replace("0123abcd", "0123abc"), "hexadecimal digits, 8 or more"),
        (MINIMAL + SOURCE.replace("0123abcd", "0123abcX"), "hexadecimal digits, 8 or more"),
        (MINIMAL + SOURCE.replace("url", "# url"), "[sources]: a source that is no package"),
        (MINIMAL + SOURCE.replace("[[sources]]", "[sources]"), "sources must be a list of tables"),
        (MINIMAL + WHEEL.replace("version", "# version"), "[sources]: a wheel or npm source has"),
        (MINIMAL + WHEEL.replace("torch-zip", "wheel"), "[sources.files]: unknown reader"),
        (MINIMAL + "[[scores]]\nmetric = 'SDR'", "[scores]: it lacks 'value_db'"),
        ("complement = 'c'\n" + MINIMAL, "complement must be one of the stems; got 'c'"),
        ("target = 'c'\n" + MINIMAL, "target must be one of the stems; got 'c'"),
        ("config = '../a.yaml'\n" + MINIMAL, "config must name a file beside the card"),
        (
            MINIMAL + WHEEL + "role = 'b'" + SOURCE + "role = 'b'",
            "files that are all needed must have roles that differ",
        ),
        (
            MINIMAL + WHEEL + WHEEL[WHEEL.index("[[sources.files]]") :],
            "files that are all needed must have roles that differ",
        ),
        (MINIMAL + SOURCE.replace("https", "file"), "[sources]: an address begins with https://"),
        (MINIMAL + SOURCE + "mirrors = ['ftp://a/b']", "an address begins with https://"),
        (MINIMAL + SOURCE.replace("= 1", "= -1"), "[sources]: size_bytes must be above 0"),
        (MINIMAL + WHEEL.replace('"any"', '"-any"'), "without spaces and addresses"),
        (MINIMAL + WHEEL.replace("1.0", "1.0 -i x"), "without spaces and addresses"),
        # pip would build a package of what lies there, which runs it.
        (MINIMAL + WHEEL.replace('"any"', '"file:///a.tar.gz#egg=a"'), "spaces and addresses"),
        (MINIMAL + WHEEL.replace('"any"', '"git+https://a/b"'), "spaces and addresses"),
        (MINIMAL + WHEEL.replace('"any"', '"../any"'), "without spaces and addresses"),
        (
            "convert = true\n" + MINIMAL.replace("demucs", "unet"),
            "unet has no converter of names: leave out",
        ),
        (WITHOUT_WEIGHTS, "it lacks 'weights'"),
        (BAG.replace("[[1, 0.5], [0, 0.5]]", "[[1, 0.5]]"), "a row for each member, of 2 weights"),
        (BAG.replace("[0, 0.5]", "[0]"), "a row for each member, of 2 weights"),
        (BAG.replace("[1, 0.5]", "[0, 0.5]"), "no member has a weight for the stem 'a'"),
        (BAG.replace("0.5]]", "-0.5]]"), "weights must not be negative"),
        (BAG + "[segment]\nlength = 8000", "a bag has no architecture"),
        (MINIMAL + "licence = 'MIT'", "[segment]: there is no 'licence'"),
        (MINIMAL.replace("channels", "chanels"), "no 'chanels'; perhaps you mean channels"),
        (MINIMAL.replace("channels = 1", ""), "it lacks 'channels'"),
        ("color = 1\n" + MINIMAL, "there is no 'color'"),
        (MINIMAL.replace("[segment]\nlength = 8000", ""), "it lacks 'segment'"),
        (MINIMAL.replace("length = 8000", "length = '1 s'"), "length must be a whole number"),
        (
            MINIMAL.replace("length = 8000", "length = 10\nhop = 11"),
            "hop must be above 0 and at most 10",
        ),
        (MINIMAL.replace("length = 8000", "length = 10\ncontext = 5"), "hop must be above 0"),
        (MINIMAL.replace("8000\nchannels", "8000.5\nchannels"), "sample_rate_hz must be a whole"),
        (MINIMAL.replace("8000\nchannels", "0\nchannels"), "sample_rate_hz must be above 0"),
        (MINIMAL.replace('["a", "b"]', '"vocals"'), "stems must be a list, each a word"),
        (MINIMAL.replace('["a", "b"]', '["a", "a"]'), "stems must be names that differ"),
        (MINIMAL.replace('"demucs"', '"other"'), "unknown architecture 'other'; there are"),
        (MINIMAL.replace("[weights]", "[[weights]]"), "weights must be a table"),
        ("file = '/etc/passwd'\n" + MINIMAL, "a card cannot set file"),
        (
            MINIMAL.replace("8000\nch", f"{10**30}\nch"),
            "sample_rate_hz must be above 0 and at most",
        ),
        (
            MINIMAL.replace("channels = 1", "channels = 65"),
            "channels must be above 0 and at most 64",
        ),
        ("real_time_factor = -1\n" + MINIMAL, "real_time_factor must be above 0"),
        ("bytes_per_sample = -1e300\n" + MINIMAL, "bytes_per_sample must be above 0"),
        (
            MINIMAL.replace("length = 8000", f"length = {10**400}"),
            "length and step must be at most",
        ),
        (MINIMAL + f"edge = 'fitted'\nstep = {10**400}", "length and step must be at most"),
        (MINIMAL + "power = -1", "power must not be negative"),
        (MINIMAL.replace("bytes = 1", f"bytes = {10**400}"), "[weights]: size_bytes must be"),
        (MINIMAL.replace("bytes = 1", "bytes = -1"), "[weights]: size_bytes must be"),
        (MINIMAL.replace('"00"', '"../../up"'), "[weights]: sha256 must be hexadecimal digits"),
        (MINIMAL + WHEEL.replace("= 1\n[[", "= -1\n[["), "[sources]: size_bytes must be"),
        (MINIMAL.replace('["a", "b"]', '["a", " "]'), "stems must be names that can be read"),
        (MINIMAL.replace('"b"]', '"b\\u001b[2J"]'), "stems must be names that can be read"),
        (MINIMAL.replace('"Any"', '"\\u001b[2J"'), "title must be text without control characters"),
        (MINIMAL + "[fixture]\nvalues = [[1.0]]\norigin = ''", "a row for each of 2 stems"),
        (MINIMAL + "[config]\nwidth = inf", "[config]: a value must be a finite number"),
        (MINIMAL + "[made]\nwhen = [{a = 2020-01-01}]", "[made]: a value must be a finite number"),
    ],
)
def test_a_wrong_fact_is_one_line_that_names_the_card(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        cards.card(str(path))
    assert str(caught.value).startswith(f"{path}: is not a card: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["..toml", "...toml", "a\nb.toml"])
def test_what_is_no_name_is_no_model(tmp_path, name):
    """The cache has a folder that is called as the model: `..` would be the one around it."""
    (tmp_path / name).write_text(MINIMAL)
    with pytest.raises(UsageError, match=r"no model can be called .*: rename the file"):
        cards.card(str(tmp_path / name))


def test_a_path_is_a_name_too(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    assert cards.known(str(path))
    assert not cards.known("mine")
    card = cards.card(str(path))
    beside = tmp_path / "mine.safetensors"
    assert (card.name, card.file, card.path, card.origin) == ("mine", beside, path, "")
    path.write_text(MINIMAL + SOURCE)
    assert cards.card(str(path)).file is None
    beside.write_bytes(b"x")
    assert cards.card(str(path)).file == beside


def test_a_package_brings_cards_and_none_of_its_code_runs(plug_in):
    folder = plug_in("bringer", "bringer.inner", {"brought": MINIMAL})
    (folder / "brought.safetensors").write_bytes(b"x")
    assert "brought" in cards.names()
    assert cards.known("brought")
    card = cards.card("brought")
    assert (card.origin, card.path) == ("bringer", folder / "brought.toml")
    assert card.file == folder / "brought.safetensors"
    assert cards.sha256("brought") == cards.sha256(str(folder / "brought.toml"))
    assert cards.card("spleeter-2stems").origin == "unweave"


@pytest.mark.parametrize("value", ["nowhere.to.be.found", "bringer", "bringer.gone", "a b"])
def test_a_package_without_cards_is_one_warning(plug_in, caplog, value):
    plug_in("bringer", value, {})
    assert "spleeter-2stems" in cards.names()
    assert "spleeter-2stems" in cards.names()
    assert [record.getMessage() for record in caplog.records] == [
        f"bringer: its entry point {value} names no folder with cards"
    ]


def test_no_package_takes_anothers_name(plug_in, caplog):
    plug_in("bringer", "bringer.inner", {"spleeter-2stems": MINIMAL})
    assert cards.card("spleeter-2stems").title == "Spleeter, 2 stems"
    assert "unweave has one of that name" in caplog.text


def test_names_of_a_package_that_is_not_installed_say_what_to_install(monkeypatch):
    installed = {name: place for name, place in cards._files().items() if "mir1k" not in name}
    monkeypatch.setattr(cards, "_files", lambda: installed)
    with pytest.raises(UsageError, match="pip install packages/unweave-mir1k") as caught:
        cards.card("mir1k-unet")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read"), ("[", "is not a card"), ("a = 1", "is not a card")],
)
def test_a_path_without_a_card_is_one_line(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        cards.card(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_page_about_models_has_every_key_of_a_card() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    not_written = {"name", "file", "path", "origin"}  # the file's name, and where it was found
    keys = {one.name for one in dataclasses.fields(cards.Card)} - not_written
    for part in (cards.Source, cards.File, cards.Weights, cards.Score, cards.Bag, Plan):
        keys |= {one.name for one in dataclasses.fields(part)}
    assert [key for key in sorted(keys) if f"`{key}`" not in page and f"{key}]" not in page] == []


@pytest.mark.parametrize("name", cards.names())
def test_what_a_card_was_trained_on_is_a_split_of_a_dataset(name):
    card = cards.card(name)
    for songs in card.trained_on:
        dataset, _, split = songs.partition(":")
        assert split in datasets.describe(dataset).about.splits
        assert datasets.songs(dataset, split) == songs
    assert ("musdb18:test" in card.trained_on) == bool(card.saw_musdb18_test)
