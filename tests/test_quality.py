"""Which model a quality means, from facts alone, and what is said of it."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.models.store import servers
from unweave import registry
from unweave.errors import UsageError
from unweave.models import cards, store
from unweave.models.cards import Score
from unweave.models.readers import safetensors
from unweave.registry.quality import Candidate, candidate, choose, choose_installed, score_db

FALLBACK = Candidate(
    name="spleeter", licence="MIT", here=False, fallback=True, score_db=6.0, real_time_factor=0.03
)
SMALL = Candidate(
    name="small", licence="MIT", here=True, score_db=7.0, real_time_factor=0.1, download_bytes=0
)
LARGE = replace(SMALL, name="large", licence="research only", score_db=8.0, real_time_factor=1.0)
BAG = replace(LARGE, name="bag", score_db=9.0, networks=4, real_time_factor=4.0)
UNKNOWN = Candidate(name="a-new-one", licence="not stated", here=True)
EVERY = [BAG, UNKNOWN, FALLBACK, SMALL, LARGE]


def away(*items: Candidate) -> list[Candidate]:
    return [replace(each, here=False, download_bytes=98_000_000) for each in items]


@pytest.mark.parametrize(
    ("quality", "candidates", "name", "better"),
    [
        ("best", EVERY, "bag", []),
        ("balanced", EVERY, "large", []),
        ("fast", EVERY, "small", ["spleeter"]),
        ("fast", [replace(each, here=True) for each in EVERY], "spleeter", []),
        ("best", [SMALL, *away(BAG, LARGE), FALLBACK], "small", ["bag", "large"]),
        ("balanced", [SMALL, *away(BAG, LARGE), FALLBACK], "small", ["large"]),
        # Nothing that is not here is taken, whatever its score, but what there is to fall back on.
        ("best", [*away(BAG, SMALL), FALLBACK], "spleeter", ["bag", "small"]),
        ("best", [UNKNOWN, FALLBACK], "spleeter", []),
        ("best", [UNKNOWN, replace(FALLBACK, score_db=None)], "spleeter", []),
        ("best", [*away(SMALL), replace(FALLBACK, score_db=None)], "spleeter", ["small"]),
        ("balanced", [BAG, FALLBACK], "spleeter", []),
        ("best", [FALLBACK, replace(FALLBACK, name="spleeter-5", here=True)], "spleeter-5", []),
        ("best", [LARGE, replace(LARGE, name="a-large")], "a-large", []),  # equal: by name
    ],
)
def test_the_choice(quality: str, candidates: list, name: str, better: list[str]) -> None:
    for order in (candidates, candidates[::-1]):
        choice = choose(quality, ["vocals"], order)
        assert choice.chosen.name == name
        assert [each.name for each in choice.better] == better


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([], "no model has drums; 'unweave models list' shows"),
        (
            [UNKNOWN],
            r"can be ranked as best for drums: name one .* as a-new-one \(not stated; no score",
        ),
        (away(LARGE), r"as large \(research only; 8.0 dB, not here\)"),
    ],
)
def test_no_choice_is_one_line_with_the_models_that_have_the_stem(candidates, words) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        choose("best", ["drums"], candidates)
    assert "\n" not in str(caught.value)


def test_it_says_what_licence_and_what_a_pull_would_improve() -> None:
    lines = choose("best", ["vocals"], [SMALL, *away(LARGE), FALLBACK]).in_words()
    assert lines == [
        "best for vocals: small (MIT; 7.0 dB)",
        "better would be large (research only; 8.0 dB, 98 MB): unweave models pull large",
    ]


# ---- from cards ----


def scored(*scores: tuple[str, str, float, str], saw: bool | None = False) -> cards.Card:
    return replace(
        cards.card("spleeter-2stems"),
        saw_musdb18_test=saw,
        scores=tuple(
            Score(metric=metric, stem=stem, value_db=value, data=data, origin="a paper")
            for metric, stem, value, data in scores
        ),
    )


VOCALS = ("cSDR", "vocals", 6.0, "MUSDB18 test")
REST = ("cSDR", "accompaniment", 12.0, "MUSDB18-HQ test, 50 songs")


@pytest.mark.parametrize(
    ("card", "stems", "want"),
    [
        (scored(VOCALS, REST), ["vocals"], 6.0),
        (scored(VOCALS, REST), ["vocals", "accompaniment"], 9.0),
        (scored(VOCALS), ["vocals", "accompaniment"], None),
        (scored(VOCALS, ("cSDR", "vocals", 5.5, "MUSDB18 test")), ["vocals"], 5.5),
        (scored(VOCALS, saw=True), ["vocals"], None),
        (scored(VOCALS, saw=None), ["vocals"], None),
        (scored(("uSDR", *VOCALS[1:])), ["vocals"], None),
        (scored((*VOCALS[:3], "MUSDB18 train")), ["vocals"], None),
        (scored((*VOCALS[:3], "Multisong")), ["vocals"], None),
    ],
)
def test_scores_count_on_songs_that_the_model_has_not_seen(card, stems, want) -> None:
    assert score_db(card, stems) == want


CARD = """
version = 2
title = "A network"
architecture = "mask_inference"
stems = ["drums", "vocals"]
sample_rate_hz = 16000
channels = 1
licence_code = "MIT"
licence_weights = "research only (says the author, at length)"
paper = "none"
training_data = "none"
saw_musdb18_test = false
real_time_factor = 0.5

[[scores]]
metric = "cSDR"
stem = "vocals"
value_db = 8.5
data = "MUSDB18 test"
origin = "a paper"

[segment]
length = 64000

[weights]
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
size_bytes = 98000000

[[sources]]
reader = "safetensors"
url = "https://localhost/a.safetensors"
sha256 = "0123456789abcdef"
size_bytes = 98000000
"""
BAG_CARD = (
    CARD[: CARD.index("[segment]")]
    .replace('architecture = "mask_inference"\n', "")
    .replace("real_time_factor = 0.5\n", "")
    .replace("8.5", "9.0")
    + '[bag]\nmembers = ["one", "two"]\nmatrix = [[1.0, 0.0], [0.0, 1.0]]\n'
)


@pytest.fixture
def zoo(plug_in, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    """zoo(NAME...): puts weights of these models where they belong."""
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    texts = {"one": CARD, "two": CARD, "alone": CARD, "both": BAG_CARD}
    plug_in("zoo", "zoo.inner", texts)
    every = cards.names  # those of this repository change
    monkeypatch.setattr(
        cards, "names", lambda: [n for n in every() if n in [*texts, "spleeter-2stems"]]
    )

    def pull(*names: str) -> None:
        for name in names:
            file = store.path(cards.card(name))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")

    return pull


def test_a_bag_is_what_of_it_the_stems_need(zoo) -> None:
    bag = cards.card("both")
    whole, half = candidate(bag, ["vocals", "drums"]), candidate(bag, ["vocals"])
    assert (whole.networks, whole.real_time_factor) == (2, 1.0)
    assert (half.networks, half.real_time_factor) == (1, 0.5)
    assert (score_db(bag, ["vocals", "drums"]), score_db(bag, ["vocals"])) == (None, 9.0)
    assert (whole.download_bytes, half.download_bytes, half.here) == (196e6, 98e6, False)
    zoo("two")
    assert candidate(bag, ["vocals"]).here
    assert not candidate(bag, ["drums"]).here


def test_what_was_pulled_is_chosen(zoo) -> None:
    """Research licences, too, as the user has pulled them. Members of a bag do not count."""
    before = choose_installed("best", [])
    assert (before.chosen.name, before.stems) == (registry.DEFAULT, ("vocals",))
    assert [each.name for each in before.better] == ["both", "alone"]
    with pytest.raises(UsageError, match=r"no model whose weights are here .* drum: .*both"):
        choose_installed("best", ["drum"])
    zoo("alone")
    assert choose_installed("best", ["vocals"]).chosen.name == "alone"
    assert choose_installed("fast", ["drums, vocals"]).chosen.name == "alone"
    fast = choose_installed("fast", ["voice"])
    assert (fast.chosen.name, fast.better[0].name) == ("alone", registry.DEFAULT)
    zoo("two")
    assert choose_installed("balanced", ["vocals"]).chosen.name == "both"  # one of its two runs
    assert choose_installed("best", ["vocals"]).chosen.licence == "research only"
    with pytest.raises(UsageError, match="no model has lute"):
        choose_installed("best", ["lute"])


def test_models_are_compared_on_the_songs_on_which_most_of_those_here_have_a_score(
    zoo, plug_in, monkeypatch
) -> None:
    def on(data: str, score: float) -> str:
        return CARD.replace("cSDR", "global SDR").replace("MUSDB18 test", data).replace(
            "8.5", str(score)
        )  # fmt: skip

    new = {"first": on("MVSep Multisong", 11), "second": on("MVSep Multisong", 10),
           "third": on("MUSDB18 test", 99)}  # fmt: skip
    plug_in("further", "further.inner", new)
    before = cards.names()
    monkeypatch.setattr(cards, "names", lambda: [*before, *new])
    zoo("alone", "second")  # one on each
    choice = choose_installed("best", [])
    assert choice.chosen.name == "alone"
    assert choice.in_words()[0].endswith("8.5 dB cSDR on MUSDB18 test)")
    zoo("third", "first")  # of the third no score counts
    choice = choose_installed("balanced", [])
    assert choice.chosen.name == "first"
    assert choice.in_words()[0].endswith("11.0 dB global SDR on MVSep Multisong)")
    assert choice.better == ()


PULL = "import sys; from unweave.models import cards, store; store.pull(cards.card(sys.argv[1]))"


def test_a_model_that_another_process_pulls_is_chosen_once_it_is_whole(
    plug_in, tmp_path, monkeypatch
) -> None:
    """Neither does choosing wait for the other process."""
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    stream = io.BytesIO()
    safetensors.write(stream, {"a": np.zeros(50_000, np.float32)})
    content = stream.getvalue()
    with servers.running(content) as server:
        server.script = [servers.slowly(60, 2)]  # or until it is told to go on
        text = CARD.replace("https://localhost", server.address)
        text = re.sub(r"sha256 = .*", f'sha256 = "{hashlib.sha256(content).hexdigest()}"', text)
        text = text.replace("98000000", str(len(content)))
        path = plug_in("zoo", "zoo.inner", {"slow": text}) / "slow.toml"
        monkeypatch.setattr(cards, "names", lambda: ["slow", registry.DEFAULT])
        with subprocess.Popen([sys.executable, "-c", PULL, str(path)]) as pulling:
            while not any((tmp_path / "cache").rglob("*a.safetensors*")):
                assert pulling.poll() is None
                time.sleep(0.01)
            choice = choose_installed("best", [])
            assert choice.chosen.name == registry.DEFAULT
            assert [each.name for each in choice.better] == ["slow"]
            server.done.set()
        assert pulling.returncode == 0
    assert choose_installed("best", []).chosen.name == "slow"
