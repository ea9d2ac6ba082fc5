"""Who may come in: tokens, of which only hashes are kept.

A client is known by the hash of its token, so that its jobs are its own after a restart, too.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unweave.core.files import readable, shown
from unweave.errors import UsageError

LOCAL = "local"  # the one client of a service without tokens
LEAST = 16  # characters of a token


@dataclass(frozen=True, slots=True)
class Tokens:
    """hashes: SHA-256 of each token -> the client. Without any, everyone is the same client."""

    hashes: Mapping[bytes, str] = field(default_factory=dict)

    def client(self, token: str | None) -> str | None:
        """Whose token it is, None for a wrong one. Takes as long for any."""
        if not self.hashes:
            return LOCAL
        given = _hash(token or "")
        found = None
        for known, client in self.hashes.items():
            if hmac.compare_digest(given, known):
                found = client
        return found


def of_file(path: Path) -> Tokens:
    """The tokens of a file, one a line. Raises InputError, UsageError."""
    with readable(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    tokens = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not tokens:
        raise UsageError(f"{shown(path)}: holds no token; write one a line")
    if any(len(token) < LEAST or not token.isascii() or " " in token for token in tokens):
        raise UsageError(f"{shown(path)}: a token is {LEAST} or more ASCII characters, no spaces")
    return of(tokens)


def of(tokens: Iterable[str]) -> Tokens:
    """Each token is a client of its own."""
    return Tokens({_hash(token): _hash(token).hex()[:16] for token in tokens})


def for_session() -> tuple[str, Tokens]:
    """A new token, for whoever owns this machine's own jobs."""
    token = secrets.token_urlsafe(24)
    return token, Tokens({_hash(token): LOCAL})


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
