"""Which models suit a recording: their stems, licence and score, and what they cost here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from unweave.core.stem_names import VOCALS, canonical
from unweave.engine.limits import available_mb
from unweave.errors import UnweaveError, UsageError
from unweave.models import cards, store
from unweave.models.cards import Card
from unweave.models.licences import permissive, short
from unweave.registry.cost import TRIAL, Cost, cost, machine_factor, trial
from unweave.registry.making import with_weights
from unweave.registry.offers import members
from unweave.registry.quality import compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One model for one recording.

    here: whether no weights have to be fetched. score_db: the mean over the stems that are wanted,
    as its card has them, of `score_of`. ranked: whether that is the board on which models are
    ranked here, as `quality.compared` has it; scores of others do not compare. seconds: that the
    recording takes here, None: not known. fits: whether the memory is there now, None: not known.
    """

    name: str
    stems: tuple[str, ...]
    licence: str
    permissive: bool
    here: bool
    download_bytes: int
    score_db: float | None
    score_of: str
    ranked: bool
    seconds: float | None
    time_from: str
    memory_mb: float | None
    memory_from: str
    fits: bool | None


def advise(
    duration_s: float,
    stems: Sequence[str] = (),
    *,
    free: bool = False,
    installed: bool = False,
    measure: bool = False,
    names: Sequence[str] = (),
    on_trial: Callable[[str], None] = lambda name: None,
) -> list[Advice]:
    """The models that have all the stems, vocals where none are named; the best first.

    First come those that fit into the memory, of these those with a higher score on the board on
    which models are ranked, then the quicker ones. free: only those that anyone may use.
    installed: only those whose weights are here. names: only these. measure: try each whose time is
    not known by one segment; `on_trial` is told its name. Raises UsageError where no model is left.
    """
    asked = tuple(map(canonical, stems)) or (VOCALS,)
    inner, slower = members(), machine_factor()
    listed: list[Card] = []
    found: list[Advice] = []
    for name in cards.names():
        try:
            card = cards.card(name)
            if names and name not in names:
                continue
            if not names and (name in inner or not set(asked) <= {*map(canonical, card.stems)}):
                continue
            if free and not permissive(card.licence_weights):
                continue
            needed = with_weights(name)
            here = not any(map(store.needs_download, needed))
            if installed and not here:
                continue
            known = _cost(name, slower, measure, on_trial)
            listed.append(card)
            found.append(_advice(card, needed, here, asked, duration_s, known))
        except UnweaveError:  # of a card that is wrong: what uses it says so
            continue
    if not found:
        raise UsageError(
            f"no model is left for {', '.join(asked)}; 'unweave models list' shows what there is"
        )
    board, scores_db = compared(listed, [each.here for each in found], asked)
    ranked = (
        each if db is None else replace(each, score_db=db, score_of=board, ranked=True)
        for each, db in zip(found, scores_db, strict=True)
    )
    return sorted(ranked, key=_order)


def _cost(name: str, slower: float | None, measure: bool, on_trial: Callable[[str], None]) -> Cost:
    known = cost(name, slower)
    if not measure or known.real_time_factor is not None:
        return known
    on_trial(name)
    try:
        return replace(known, real_time_factor=trial(name), time_from=TRIAL)
    except (UnweaveError, AttributeError, ValueError):  # no network can be made without its file
        return known


def _advice(
    card: Card,
    needed: Sequence[Card],
    here: bool,
    asked: Sequence[str],
    duration_s: float,
    known: Cost,
) -> Advice:
    factor = known.real_time_factor
    score, board = _score(card, asked)
    return Advice(
        name=card.name,
        stems=card.stems,
        licence=short(card.licence_weights),
        permissive=permissive(card.licence_weights),
        here=here,
        download_bytes=sum(each.download_bytes for each in needed if store.needs_download(each)),
        score_db=score,
        score_of=board,
        ranked=False,
        seconds=None if factor is None else factor * duration_s,
        time_from=known.time_from,
        memory_mb=known.memory_mb,
        memory_from=known.memory_from,
        fits=_fits(known.memory_mb, available_mb()),
    )


def _fits(memory_mb: float | None, free_mb: float | None) -> bool | None:
    return None if memory_mb is None or free_mb is None else memory_mb <= free_mb


def _score(card: Card, asked: Sequence[str]) -> tuple[float | None, str]:
    """The mean score of the stems on one board that has them all, and what it is of; of several
    boards the first of the card."""
    for board in dict.fromkeys((each.metric, each.data) for each in card.scores):
        own = {
            canonical(each.stem): each.value_db
            for each in card.scores
            if (each.metric, each.data) == board
        }
        if set(asked) <= own.keys():
            return sum(own[stem] for stem in asked) / len(asked), " on ".join(board)
    return None, ""


def _order(each: Advice) -> tuple[object, ...]:
    return (
        each.fits is False,
        not each.ranked,
        -(each.score_db or 0.0) if each.ranked else 0.0,
        each.seconds is None,
        each.seconds or 0.0,
        each.name,
    )
