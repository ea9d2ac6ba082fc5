"""Stems that mean the same: which an ensemble has, what a chain calls them, and what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.adapters.test_compositions import DEMUCS, SHORT, Stub, run
from tests.engine.test_chunking import noise
from unweave.core.stem_names import ACCOMPANIMENT
from unweave.engine.adapters.chain import Chain
from unweave.engine.adapters.ensemble import Ensemble
from unweave.engine.matching import alike, in_chain, in_words, matched, meanings
from unweave.errors import UsageError
from unweave.types import Spec

FOUR = ("drums", "bass", "other", "vocals")
BOTH = ("vocals", "accompaniment")
LEAD = ("lead-vocals", "backing-vocals")


def specs(*stems: tuple[str, ...]) -> list[Spec]:
    return [Spec(name=f"m{n}", stems=each) for n, each in enumerate(stems)]


@pytest.mark.parametrize(
    ("members", "called"),
    [
        ([FOUR, FOUR], FOUR),
        ([BOTH, ("vocals", "instrumental")], BOTH),
        ([("Vocals", "Instrumental"), ("vocals", "instrumental")], BOTH),
        ([("vocals", "instrumental")] * 2, ("vocals", "instrumental")),
        ([("instrumental", "vocals"), BOTH], ("accompaniment", "vocals")),
        ([("vocals", "other")] * 2, ("vocals", "other")),
        ([("vocals", "other"), BOTH], BOTH),
        ([("other", "vocals"), FOUR], ("accompaniment", "vocals")),  # not the other of the four
        ([BOTH, FOUR], BOTH),
        ([("vocals",), ("accompaniment",)], BOTH),
        ([("vocals",), ("vocals",)], ("vocals",)),
        ([("vocals",), BOTH], BOTH),
        ([("drums",), FOUR], ("drums",)),
        ([("lead-vocals", "backing"), ("lead-vocals", "backing")], ("lead-vocals", "backing")),
        ([("vocals", "drums"), ("vocals", "accompaniment", "drums")], ("vocals", "drums")),
        ([("music", "instrumental"), ("music", "instrumental")], ("music", "instrumental")),
        ([FOUR, ("vocals", "guitar", "drums")], ("drums", "vocals")),
    ],
)
def test_an_ensemble_has_what_all_members_have(
    members: list[tuple[str, ...]], called: tuple[str, ...]
) -> None:
    assert tuple(stem.called for stem in matched(specs(*members))) == called
    stubs = [Named(stems) for stems in members]
    assert Ensemble(alike(stubs)).spec.stems == called


class Named:
    """The mix times the place of a stem among all that tests name."""

    def __init__(self, stems: tuple[str, ...]) -> None:
        self.spec = Spec(name="-".join(stems), stems=stems)

    def to(self, device: str) -> Named:
        return self


@pytest.mark.parametrize(
    "members",
    [[("harmonic", "percussive"), BOTH], [("drums",), ("bass",)], [("vocals",), ("bass",)]],
)
def test_members_with_nothing_in_common_are_refused_in_one_line(
    members: list[tuple[str, ...]],
) -> None:
    with pytest.raises(UsageError, match="no stem is common to all: m0 gives") as caught:
        matched(specs(*members))
    assert "\n" not in str(caught.value)


def test_a_member_makes_the_accompaniment_of_what_its_vocals_leave() -> None:
    one = Stub(DEMUCS, 1, ("Vocals", "Instrumental"))
    two = Stub(SHORT, 2, ("drums", "vocals"))
    mix = noise(900)
    first, second = run(one, mix), run(two, mix)
    members = alike((one, two))
    found = run(Ensemble(members), mix)
    assert list(found)[:2] == list(BOTH)
    want = (first["Vocals"] + second["vocals"]) / 2
    np.testing.assert_allclose(found["vocals"], want, atol=1e-6)
    want = (first["Instrumental"] + mix - second["vocals"]) / 2
    np.testing.assert_allclose(found[ACCOMPANIMENT], want, atol=1e-6)


def test_what_names_do_not_say_is_said() -> None:
    said = in_words(specs(("vocals", "other"), FOUR))
    assert said == [
        "accompaniment: other of m0, what the vocals of m1 leave",
        "left out: drums, bass, other of m1, which not all members have",
    ]
    assert in_words(specs(FOUR, FOUR)) == []


@pytest.mark.parametrize(
    ("first", "stem", "then", "stems"),
    [
        (BOTH, "vocals", ("lead-vocals", "backing"), (*LEAD, ACCOMPANIMENT)),
        (BOTH, "voice", ("lead", "rest"), ("lead", "backing-vocals", ACCOMPANIMENT)),
        (BOTH, "vocals", BOTH, ("vocals", "vocals-accompaniment", ACCOMPANIMENT)),
        (BOTH, "instrumental", FOUR, ("vocals", "drums", "bass", "other", "accompaniment-vocals")),
        (("vocals", "other"), "accompaniment", ("bass", "drums"), ("vocals", "bass", "drums")),
        (("vocals",), "instrumental", ("bass", "drums"), ("vocals", "bass", "drums")),
        (FOUR, "drum", ("kick", "snare"), ("kick", "snare", "bass", "other", "vocals")),
        (FOUR, "accompaniment", ("piano", "rest"), ("vocals", "piano", "rest")),
    ],
)  # fmt: skip
def test_a_chain_gives_every_stem_a_name_of_its_own(
    first: tuple[str, ...], stem: str, then: tuple[str, ...], stems: tuple[str, ...]
) -> None:
    assert Chain(*in_chain(Named(first), stem, Named(then))).spec.stems == stems


@pytest.mark.parametrize(
    ("first", "stem", "then", "words"),
    [
        (FOUR, "piano", ("a",), "has no stem 'piano'; it gives drums, bass"),
        (BOTH, "residual", ("a",), "has no stem 'residual'"),
        (("a", "a-b", "b"), "a", ("b",), "two stems would be called a-b"),
    ],
)
def test_a_chain_that_cannot_be_is_one_line(
    first: tuple[str, ...], stem: str, then: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Chain(*in_chain(Named(first), stem, Named(then)))
    assert "\n" not in str(caught.value)


def test_words_that_mean_one_thing_twice_stay_names() -> None:
    assert meanings(("voice", "vocals")) == {"voice": "voice", "vocals": "vocals"}
    assert meanings(("Vocals", "Other")) == {"vocals": "Vocals", ACCOMPANIMENT: "Other"}
