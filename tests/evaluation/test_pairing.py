import numpy as np
import pytest

from tests.evaluation.fakes import waves
from unweave.errors import UsageError
from unweave.evaluation.pairing import evaluations, pair, total

MUSIC = ("vocals", "drums", "bass", "other", "accompaniment")
VOICE = ("vocals", "accompaniment")


def test_the_same_names():
    found = pair(MUSIC, ("drums", "other", "bass", "vocals"))
    assert list(found.sources) == ["vocals", "drums", "bass", "other", "accompaniment"]
    assert found.sources["accompaniment"] == ("drums", "bass", "other")
    assert found.missing == found.unscored == ()
    assert found.warnings("x") == []


def test_two_stems_cover_all():
    found = pair(MUSIC, ("vocals", "accompaniment"))
    assert found.sources == {"vocals": ("vocals",), "accompaniment": ("accompaniment",)}
    assert found.missing == ()


@pytest.mark.parametrize(
    ("stems", "expected"),
    [
        (("foreground", "background"), ("foreground", "background")),
        (("voice", "music"), ("voice", "music")),
        (("Vocals", "Instrumental"), ("Vocals", "Instrumental")),
    ],
)
def test_other_words_for_the_same(stems, expected):
    found = pair(MUSIC, stems)
    assert (found.sources["vocals"][0], found.sources["accompaniment"][0]) == expected
    assert pair(("voice", "music"), ("vocals", "accompaniment")).sources == {
        "voice": ("vocals",),
        "music": ("accompaniment",),
    }


def test_what_only_often_means_the_same_is_not_guessed():
    with pytest.raises(UsageError, match=r"harmonic, percussive.*--map"):
        pair(MUSIC, ("harmonic", "percussive", "residual"))
    mapping = {"percussive": "drums"}
    found = pair(MUSIC, ("harmonic", "percussive", "residual"), mapping)
    assert found.sources == {"drums": ("percussive",)}
    assert found.missing == ("vocals", "bass", "other")
    assert found.unscored == ("harmonic", "residual")
    said = found.warnings("hpss")
    assert len(said) == 2
    assert "vocals, bass, other" in said[0]
    assert "harmonic" in said[1]
    assert "residual" not in said[1]


def test_missing_stems_are_listed_and_not_filled():
    found = pair(MUSIC, ("vocals", "drums", "residual"))
    assert found.missing == ("bass", "other")
    assert "accompaniment" not in found.sources


def test_what_vocals_leave_is_the_accompaniment():
    found = pair(MUSIC, ("vocals", "residual"))
    assert found.sources == {"vocals": ("vocals",), "accompaniment": ("residual",)}
    assert found.missing == found.unscored == ()
    assert pair(MUSIC, ("vocals", "residual"), derived=False).sources == {"vocals": ("vocals",)}


def test_several_estimates_of_one_reference_are_added():
    found = pair(MUSIC, ("vocals", "drums", "bass", "piano", "other"), {"piano": "other"})
    assert found.sources["other"] == ("piano", "other")
    assert set(found.sources["accompaniment"]) == {"drums", "bass", "piano", "other"}
    given = waves(("piano", "other"))
    np.testing.assert_array_equal(total(given, ("piano", "other")), given["piano"] + given["other"])
    assert total(given, ("piano",)) is given["piano"]


@pytest.mark.parametrize(
    ("references", "estimates", "named"),
    [
        (MUSIC, ("vocals", "voice", "accompaniment"), "estimates vocals and voice"),
        (MUSIC, ("singing", "drum", "drums"), "estimates drum and drums"),
        (("vocals", "voice", "other"), ("vocals",), "references vocals and voice"),
    ],
)
def test_two_names_of_one_stem_are_an_error(references, estimates, named):
    with pytest.raises(UsageError, match=named):
        pair(references, estimates)


def test_two_names_that_are_mapped_apart_are_none():
    found = pair(MUSIC, ("vocals", "voice"), {"voice": "other"})
    assert found.sources == {"vocals": ("vocals",), "other": ("voice",)}


def test_the_stem_of_a_mapping_is_looked_for_in_any_case():
    assert pair(MUSIC, ("Lead",), {"lead": "Vocals"}).sources == {"vocals": ("Lead",)}
    with pytest.raises(UsageError, match=r"--map vox=vocals: there is no 'vox'.*Lead"):
        pair(MUSIC, ("Lead",), {"vox": "vocals"})


def test_an_accompaniment_of_its_own_does_not_stand_for_the_stems_beside_it():
    references = ("vocals", "drums", "accompaniment")
    found = pair(references, ("vocals", "accompaniment"), derived=False)
    assert found.missing == ("drums",)
    assert pair(references, ("vocals", "drums"), derived=False).missing == ("accompaniment",)


def test_a_mapping_to_nothing_is_an_error():
    with pytest.raises(UsageError, match=r"--map vocals=violin.*vocals, drums"):
        pair(MUSIC, ("vocals",), {"vocals": "violin"})


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (("vocals", "drums", "bass", "other"), [("vocals", "drums", "bass", "other")]),
        (
            ("vocals", "drums", "accompaniment"),
            [("vocals", "drums"), ("vocals", "accompaniment")],
        ),
        (VOICE, [VOICE]),
        (("voice", "music"), [("voice", "music")]),
        (("drums",), [("drums",)]),
        (("accompaniment",), [("accompaniment",)]),
        (("drums", "bass", "accompaniment"), [("drums", "bass"), ("accompaniment",)]),
    ],
)
def test_an_accompaniment_never_stands_among_what_it_is_made_of(targets, expected):
    assert evaluations(targets) == expected
