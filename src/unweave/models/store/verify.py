"""Whether weights are those that their card pins, and give what they must."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from unweave.core.atomic import sha256
from unweave.core.files import check_file
from unweave.errors import UsageError, WeightsError
from unweave.models import store
from unweave.models.cards import Card
from unweave.models.store import fixture, own

MOST_DB = 999.0  # JSON knows no infinity


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of one card. agreement_db: of the fixture, where the card has one."""

    name: str
    right: bool
    words: str
    files: dict[str, str]  # SHA-256 by path
    agreement_db: float | None = None

    def document(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def check(card: Card) -> Checked:
    """Hash the files of the weights, and run the card's fixture."""
    files: dict[str, str] = {}

    def wrong(words: str, agreement_db: float | None = None) -> Checked:
        return Checked(
            name=card.name, right=False, words=words, files=files, agreement_db=agreement_db
        )

    for file in store.files(card):
        try:
            check_file(file)
            files[str(file)] = sha256(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            return wrong(f"{file} cannot be read ({error.strerror}); {_mended(card)}")
    if not store.here(card):
        return wrong("its weights are not here")
    if not store.cached(card):
        return wrong(f"its weights are damaged; {_mended(card)}")
    words = f"SHA-256 right ({', '.join(each[:12] + '...' for each in files.values())})"
    if card.fixture is None:
        return Checked(name=card.name, right=True, words=words, files=files)
    try:
        found = fixture.values(card)
    except (WeightsError, UsageError) as error:
        return wrong(f"{words}; {error}")
    exact = fixture.agreement_db(card.fixture.values, found)
    agreement_db = min(max(exact, -MOST_DB), MOST_DB) if exact == exact else -MOST_DB
    words += (
        f"; its stems of a known wave agree with {card.fixture.origin} to {agreement_db:.0f} dB"
    )
    if agreement_db < fixture.LEAST_DB:
        words += f", less than the {fixture.LEAST_DB:.0f} dB of the same weights and code"
        return wrong(words, agreement_db)
    return Checked(name=card.name, right=True, words=words, files=files, agreement_db=agreement_db)


def _mended(card: Card) -> str:
    """What becomes of weights that are wrong, or what to do about them."""
    if card.file is None:
        return "they are made again at their next use"
    if card.origin:
        return f"install {card.origin} anew"
    if own.called(card.place):
        return f"run: unweave models remove {card.name}, and add or import it anew"
    return f"put the file there that {card.place} was written for"
