"""What a model costs here: by its own run, by others', by a trial; and which models suit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import LONG
from unweave.errors import UsageError
from unweave.models import cards, store
from unweave.models.store import measured
from unweave.models.store.measured import Measured
from unweave.registry import cost
from unweave.registry.advice import Advice, _order, _score, advise
from unweave.registry.quality import choose_installed

RAN = Measured(duration_s=60.0, seconds=30.0, peak_memory_mb=700.0, device="cpu")


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNWEAVE_CACHE", str(tmp_path))


def test_nothing_is_said_where_nothing_ran() -> None:
    assert cost.machine_factor() is None
    assert cost.real_time_factor("htdemucs", None) == (None, "")
    assert cost.cost("htdemucs", None).memory_from == "estimated"


def test_its_own_run_counts_before_all() -> None:
    measured.keep("htdemucs", RAN)
    found = cost.cost("htdemucs", 9.0)
    assert (found.real_time_factor, found.time_from) == (0.5, cost.HERE)
    assert (found.memory_mb, found.memory_from) == (700.0, cost.HERE)


def test_other_models_tell_how_much_slower_this_machine_is() -> None:
    """Twice as slow with one that ran on both: twice as slow with all."""
    stated = cards.card("spleeter-2stems").real_time_factor
    assert stated is not None
    measured.keep("spleeter-2stems", replace(RAN, seconds=2 * stated * RAN.duration_s))
    slower = cost.machine_factor()
    assert slower == pytest.approx(2)
    factor, where = cost.real_time_factor("htdemucs", slower)
    assert factor == pytest.approx(2 * cards.card("htdemucs").real_time_factor)  # type: ignore[operator]
    assert where == cost.OTHERS


def test_a_bag_is_the_sum_of_its_networks() -> None:
    bag = cards.card("htdemucs_ft").bag
    assert bag is not None
    for n, name in enumerate(bag.members):
        measured.keep(name, replace(RAN, seconds=6.0 * (n + 1)))
    assert cost.real_time_factor("htdemucs_ft", None)[0] == pytest.approx(0.1 * 10)
    first = [cards.card(bag.members[0])]
    assert cost.real_time_factor("htdemucs_ft", None, first)[0] == pytest.approx(0.1)


def test_memory_grows_with_cores_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    card = cards.card("htdemucs")
    monkeypatch.setattr(cost, "cores", lambda: 1)
    one = cost.estimated_mb([card])
    monkeypatch.setattr(cost, "cores", lambda: 2)
    two = cost.estimated_mb([card])
    assert one is not None
    assert two is not None
    weights = (card.weights.size_bytes or card.download_bytes) / 1e6
    assert two - one == pytest.approx(one - cost.BASE_MB - weights)
    assert cost.estimated_mb([]) is None


@LONG
def test_the_estimate_of_memory_is_near_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a quarter, for the default model on half a minute."""
    monkeypatch.delenv("UNWEAVE_CACHE")
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "song.wav", 0.1 * rng.standard_normal((30 * 44100, 2)), 44100)
    command = [sys.executable, "-m", "unweave", "separate", "song.wav", "--json", "-q"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    (file,) = json.loads(ended.stdout)["files"]
    peak = file["report"]["execution"]["peak_memory_mb"]
    assert cost.estimated_mb([cards.card("spleeter-2stems")]) == pytest.approx(peak, rel=0.25)


def test_the_advice_has_the_stems_and_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    measured.keep("spleeter-2stems", replace(RAN, seconds=6.0))
    found = advise(120.0, ["drums", "bass"], names=["htdemucs", "htdemucs_ft"])
    assert {each.name for each in found} == {"htdemucs", "htdemucs_ft"}
    assert all({"drums", "bass"} <= {*each.stems} for each in found)
    (own,) = advise(120.0, names=["spleeter-2stems"])
    assert (own.seconds, own.time_from) == (pytest.approx(12.0), cost.HERE)
    assert own.permissive
    with pytest.raises(UsageError, match="no model is left for kazoo"):
        advise(120.0, ["kazoo"])
    with pytest.raises(UsageError, match="no model is left"):
        advise(120.0, names=["htdemucs"], free=True)
    monkeypatch.setattr(store, "needs_download", lambda card: True)
    with pytest.raises(UsageError, match="no model is left"):
        advise(120.0, names=["htdemucs"], installed=True)


def row(**facts: object) -> Advice:
    return Advice(**{
        "name": "a", "stems": ("vocals",), "licence": "MIT", "permissive": True, "here": True,
        "download_bytes": 0, "score_db": 8.0, "score_of": "", "ranked": True, "seconds": 9.0,
        "time_from": "", "memory_mb": 500.0, "memory_from": "", "fits": True, **facts,
    })  # fmt: skip


def test_the_order() -> None:
    """What fits, then what scores more, then what is quicker; what is not known is behind, and so
    is what was scored on other songs."""
    best = row(name="z", score_db=9.0, seconds=99.0)
    quick, slow = row(name="y", seconds=1.0), row(name="b")
    unknown, elsewhere = row(name="c", seconds=None), row(name="a", score_db=20.0, ranked=False)
    unscored = row(name="d", score_db=None, ranked=False)
    large = row(name="e", score_db=20.0, fits=False)
    right = [best, quick, slow, unknown, elsewhere, unscored, large]
    mixed = [large, slow, unscored, best, unknown, elsewhere, quick]
    assert sorted(mixed, key=_order) == right


@pytest.mark.parametrize("here", ["scnet-xl-ihf", "hdemucs_mmi"])
def test_models_are_ranked_by_the_songs_that_a_quality_ranks_by(
    here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is here one was scored on MUSDB18, the other on Multisong."""
    monkeypatch.setattr(store, "needs_download", lambda card: card.name != here)
    board = choose_installed("best", ["drums"]).chosen.score_of
    found = advise(60.0, ["drums"])
    assert {each.score_of for each in found if each.ranked} == {board}
    assert [each.ranked for each in found] == sorted((e.ranked for e in found), reverse=True)
    scores = [each.score_db for each in found if each.ranked]
    assert scores == sorted(scores, reverse=True)
    assert {each.score_of for each in found if each.score_db and not each.ranked} - {board}


def test_scores_of_one_board_are_averaged() -> None:
    card = cards.card("scnet-xl-ihf")
    value, board = _score(card, ("drums", "bass"))
    assert value == pytest.approx((11.81 + 9.23) / 2)
    assert "MUSDB18" in board
    assert _score(card, ("guitar",)) == (None, "")


def test_fast_is_what_ran_fast_here() -> None:
    """Not what is fast on the machine of the cards."""
    there = {"htdemucs", "spleeter-2stems"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "needs_download", lambda card: card.name not in there)
        assert choose_installed("fast", []).chosen.name == "spleeter-2stems"
        measured.keep("htdemucs", replace(RAN, seconds=0.1))
        measured.keep("spleeter-2stems", replace(RAN, seconds=50.0))
        assert choose_installed("fast", []).chosen.name == "htdemucs"


def test_a_trial_needs_no_weights() -> None:
    """A network of random numbers takes as long."""
    from tests.contract import trials

    small = trials._narrow(cards.card("scnet-small"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "with_weights", lambda name: [small])
        assert 0 < cost.trial("scnet-small") < 100
