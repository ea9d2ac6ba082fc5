"""What chance decides: the same by number, evenly, and within what the recipe allows."""

import numpy as np

from unweave.training.draws import draw
from unweave.training.recipe import Augmentation, Data

ALL = Augmentation(
    gain_db=3, polarity=0.5, swap=0.5, shift=0.5, speed=0.5, speed_by=0.2, tempo=0.5, eq=0.5,
    formants=0.5, reverb=0.5, codec=0.5, drop=0.25,
)  # fmt: skip
DATA = Data(same_track_probability=0.5)


def many(how: Augmentation = ALL, data: Data = DATA, stems: int = 2, seed: int = 0) -> list:
    return [draw(n, seed, [1.0, 3.0], stems, data, how) for n in range(800)]


def test_an_example_depends_on_seed_and_number_alone() -> None:
    assert many() == many()
    assert many(seed=1) != many()
    assert len(set(many())) == 800


def test_one_setting_does_not_change_what_others_draw() -> None:
    without = many(Augmentation(**{**vars(ALL), "eq": 0.0}))
    for ours, theirs in zip(many(), without, strict=True):
        assert [p.effects.gain_db for p in ours] == [p.effects.gain_db for p in theirs]
        assert all(not piece.effects.eq_db for piece in theirs)


def test_stems_of_one_track_keep_their_place_and_time() -> None:
    for pieces in many(data=Data(same_track_probability=1.0)):
        assert len({(p.track, p.start, p.effects.speed, p.effects.tempo) for p in pieces}) == 1
        assert not any(piece.circular for piece in pieces)
    apart = many(data=Data(same_track_probability=0.0))
    assert all(a.start != b.start for a, b in apart)
    share = np.mean([a.start == b.start for a, b in many()])
    assert abs(share - 0.5) < 0.05


def test_how_often_is_what_the_recipe_says() -> None:
    effects = [piece.effects for pieces in many() for piece in pieces]
    shares = {
        "speed": np.mean([e.speed != 1 for e in effects]),
        "formants": np.mean([e.formants != 1 for e in effects]),
        "eq": np.mean([bool(e.eq_db) for e in effects]),
        "codec": np.mean([e.codec_kbps > 0 for e in effects]),
        "polarity": np.mean([e.inverted for e in effects]),
        "drop": 2 * np.mean([e.silent for e in effects]),
    }
    assert all(abs(share - 0.5) < 0.05 for share in shares.values()), shares
    assert 1 / 1.2 <= min(e.speed for e in effects) < max(e.speed for e in effects) <= 1.2
    assert abs(np.std([e.gain_db for e in effects]) - 3) < 0.15


def test_some_stem_is_always_there() -> None:
    for stems in (1, 2, 3):
        drawn = many(Augmentation(drop=1.0), stems=stems)
        assert all(sum(not p.effects.silent for p in pieces) >= 1 for pieces in drawn)


def test_longer_tracks_come_more_often() -> None:
    tracks = [piece.track for pieces in many() for piece in pieces]
    assert abs(np.mean(tracks) - 0.75) < 0.04


def test_zero_is_never() -> None:
    off = Augmentation(gain_db=0, polarity=0, swap=0)
    for pieces in many(off):
        for piece in pieces:
            effects = piece.effects
            assert (effects.speed, effects.tempo, effects.formants) == (1.0, 1.0, 1.0)
            assert effects.gain_db == 0.0
            rest = (effects.eq_db, effects.reverb_s, effects.codec_kbps, effects.inverted)
            assert not any((*rest, effects.swapped, effects.silent, piece.circular))
