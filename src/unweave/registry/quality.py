"""A model by what is wanted of it: the fastest, the best, or the best that runs one network.

Chosen is among models whose weights are here, by facts of their cards and by how fast they ran on
this machine. Scores of two sets of songs count (`BOARDS`), and models are compared on one of them,
as `compared` chooses it. A model without such a score, or without a figure of its speed, is not
ranked. Nothing is fetched unasked but Spleeter, which is what there is to fall back on; what a
fetch would improve is said.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from unweave import registry
from unweave.core.stem_names import VOCALS, canonical
from unweave.errors import UsageError
from unweave.models import cards, store
from unweave.models.cards import Card
from unweave.models.licences import permissive, short
from unweave.registry.cost import machine_factor, real_time_factor

Board: TypeAlias = tuple[str, tuple[str, ...]]

QUALITIES = ("fast", "balanced", "best")
MUSDB18 = "cSDR", ("MUSDB18 test", "MUSDB18-HQ test")
MULTISONG = "global SDR", ("MVSep Multisong",)  # whose songs nobody has to train on
BOARDS = MUSDB18, MULTISONG  # metric, and how the data that count begin
FALLBACK = "spleeter"  # the architecture
MOST_NAMED = 3  # of models that are not chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model for some stems.

    here: whether no weights have to be fetched. networks: how many run. score_db: the mean over the
    stems, None where it is not ranked. score_of: its metric and its songs. real_time_factor: of all
    that run, here where it is known.
    """

    name: str
    licence: str
    here: bool
    fallback: bool = False
    networks: int = 1
    score_db: float | None = None
    score_of: str = ""
    real_time_factor: float | None = None
    download_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """better: what would have been chosen if its weights were here, the best first."""

    quality: str
    stems: tuple[str, ...]
    chosen: Candidate
    better: tuple[Candidate, ...] = ()

    def in_words(self) -> list[str]:
        """What was chosen, and what else could be, a line each."""
        chosen, stems = self.chosen, ", ".join(self.stems)
        lines = [f"{self.quality} for {stems}: {chosen.name} ({_facts(chosen)})"]
        for other in self.better[:MOST_NAMED]:
            size = f", {other.download_bytes / 1e6:.0f} MB" if other.download_bytes else ""
            lines.append(
                f"better would be {other.name} ({_facts(other)}{size}): unweave models pull "
                f"{other.name}"
            )
        return lines


def choose(quality: str, stems: Sequence[str], candidates: Iterable[Candidate]) -> Choice:
    """The model of a quality, from candidates that all have the stems.

    `best` has the highest score, `balanced` the highest where one network runs for the stems,
    `fast` the smallest real-time factor. Raises UsageError where none is ranked and none is there
    to fall back on.
    """
    every = list(candidates)
    ranked = [each for each in every if _counts(quality, each)]
    ranked.sort(key=partial(_rank, quality))
    chosen = next((each for each in ranked if each.here), None)
    fallbacks = [each for each in every if each.fallback]
    if chosen is None and fallbacks:
        chosen = min(fallbacks, key=lambda each: (not each.here, each.name))
    if chosen is None:
        raise UsageError(_none(quality, stems, every))
    if _counts(quality, chosen):
        value, _ = _rank(quality, chosen)
        ranked = [each for each in ranked if _rank(quality, each)[0] < value]
    return Choice(quality=quality, stems=tuple(stems), chosen=chosen, better=tuple(ranked))


def choose_installed(quality: str, stems: Sequence[str]) -> Choice:
    """The model of a quality among the installed cards.

    stems: as people write them; where none are named, models are compared by their vocals. Raises
    UsageError for a stem that no model has, and as `choose` does.
    """
    names = [name.strip() for word in stems for name in word.split(",") if name.strip()]
    asked = tuple(names) or (VOCALS,)
    found = [card for name in cards.names() if (card := _card(name)) and _has(card, asked)]
    parts = {name for card in found if card.bag for name in card.bag.members}
    found = [card for card in found if card.name not in parts]  # the bag runs those it needs
    slower = machine_factor()
    known = [candidate(card, asked, slower) for card in found]
    board, scores_db = compared(found, [each.here for each in known], asked)
    scored = [
        replace(each, score_db=value_db, score_of=board)
        for each, value_db in zip(known, scores_db, strict=True)
    ]
    return choose(quality, asked, scored)


def compared(
    found: Sequence[Card], here: Sequence[bool], stems: Sequence[str]
) -> tuple[str, list[float | None]]:
    """The board on which models are ranked, in words, and each card's score on it, None without.

    It is the one on which more of those whose weights are here have a score; where these are equal,
    more of all cards; then MUSDB18. here: of each card.
    """
    boards = [(board, [score_db(card, stems, board) for card in found]) for board in BOARDS]

    def ranked(scores_db: Sequence[float | None]) -> tuple[int, int]:
        there = [db is not None for db in scores_db]
        return sum(map(operator.and_, here, there)), sum(there)

    (metric, data), scores_db = max(boards, key=lambda board: ranked(board[1]))
    return f"{metric} on {data[0]}", scores_db


def candidate(card: Card, stems: Sequence[str], slower: float | None = None) -> Candidate:
    """What is known of a card for stems that it has. slower: as `cost.machine_factor` has it."""
    own = [_own(card, stem) for stem in stems]
    needed = registry.with_weights(card.name, own)
    return Candidate(
        name=card.name,
        licence=short(card.licence_weights),
        here=not any(map(store.needs_download, needed)),
        fallback=card.architecture == FALLBACK and permissive(card.licence_weights),
        networks=len(needed),
        real_time_factor=_factor(card, needed, slower),
        download_bytes=sum(each.download_bytes for each in needed if store.needs_download(each)),
    )


def _factor(card: Card, needed: Sequence[Card], slower: float | None) -> float | None:
    """Seconds of work for a second of sound here, where the model ran here or others did; else on
    the machine of all cards, which is alike for all that are compared then."""
    whole = len(needed) == len(registry.with_weights(card.name))
    return real_time_factor(card.name, slower or 1.0, None if whole else needed)[0]


def score_db(card: Card, stems: Sequence[str], board: Board = MUSDB18) -> float | None:
    """The mean score of the stems on songs that the model has not seen; None where one lacks.

    Stems go by what they mean. Of several scores of a stem the lowest counts.
    """
    metric, data = board
    if board == MUSDB18 and card.saw_musdb18_test is not False:
        return None
    scores = [s for s in card.scores if s.metric == metric and s.data.startswith(data)]
    found = [[s.value_db for s in scores if canonical(s.stem) == canonical(stem)] for stem in stems]
    return sum(map(min, found)) / len(found) if all(found) else None


def _counts(quality: str, each: Candidate) -> bool:
    if quality == "fast":
        return each.real_time_factor is not None
    return each.score_db is not None and (quality == "best" or each.networks == 1)


def _rank(quality: str, each: Candidate) -> tuple[float, str]:
    """What candidates that count are sorted by."""
    value = each.real_time_factor if quality == "fast" else each.score_db
    assert value is not None
    return (value if quality == "fast" else -value), each.name


def _facts(each: Candidate) -> str:
    score = "no score on songs of a test"
    if each.score_db is not None:
        score = f"{each.score_db:.1f} dB {each.score_of}".rstrip()
    return f"{each.licence}; {score}"


def _none(quality: str, stems: Sequence[str], every: Sequence[Candidate]) -> str:
    asked = ", ".join(stems)
    if not every:
        return f"no model has {asked}; 'unweave models list' shows the stems of each"
    best = sorted(every, key=lambda each: (not each.here, -(each.score_db or 0.0), each.name))
    told = ", ".join(
        f"{each.name} ({_facts(each)}{'' if each.here else ', not here'})"
        for each in best[:MOST_NAMED]
    )
    return (
        f"no model whose weights are here can be ranked as {quality} for {asked}: name one with "
        f"--model, or fetch one with 'unweave models pull', as {told}"
    )


def _card(name: str) -> Card | None:
    try:
        return cards.card(name)
    except UsageError:  # a wrong one is said where it is used
        return None


def _own(card: Card, stem: str) -> str:
    """What a card calls a stem."""
    return stem if stem in card.stems else canonical(stem)


def _has(card: Card, stems: Sequence[str]) -> bool:
    return all(_own(card, stem) in card.stems for stem in stems)
