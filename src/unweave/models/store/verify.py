"""Whether weights are those that their card pins, and give what they must."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from unweave.core.atomic import sha256
from unweave.core.files import check_file
from unweave.models import store
from unweave.models.cards import Card
from unweave.models.store import fixture


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
    """Hash the files of the weights, and run the card's fixture. Raises WeightsError for weights
    that the network does not take."""
    files = {}
    for file in store.files(card):
        try:
            check_file(file)
            files[str(file)] = sha256(file)
        except FileNotFoundError:
            continue
        except OSError as error:
            words = (
                f"{file} cannot be read ({error.strerror}); remove it, and pull the weights anew"
            )
            return Checked(name=card.name, right=False, words=words, files=files)
    if not store.here(card):
        lacks = "its weights are not here"
        return Checked(name=card.name, right=False, words=lacks, files=files)
    if not store.cached(card):
        wrong = "its weights are damaged; they are made again at their next use"
        return Checked(name=card.name, right=False, words=wrong, files=files)
    words = f"SHA-256 right ({', '.join(each[:12] + '...' for each in files.values())})"
    if card.fixture is None:
        return Checked(name=card.name, right=True, words=words, files=files)
    agreement_db = min(fixture.agreement_db(card.fixture.values, fixture.values(card)), 999.0)
    right = agreement_db >= fixture.LEAST_DB
    words += (
        f"; its stems of a known wave agree with {card.fixture.origin} to {agreement_db:.0f} dB"
    )
    if not right:
        words += f", less than the {fixture.LEAST_DB:.0f} dB of the same weights and code"
    return Checked(name=card.name, right=right, words=words, files=files, agreement_db=agreement_db)
