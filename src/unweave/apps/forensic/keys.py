"""Ed25519 signatures over the last hash of a log (RFC 8032), by the package cryptography."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.core.files import content, readable, shown
from unweave.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

MADE = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"
FIELDS = {"algorithm", "entry", "log_hash", "public_key", "signature"}
_CONTEXT = b"unweave forensic log\n"  # so that the key signs nothing else by it


def private(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file. Raises UsageError, InputError where it cannot be read."""
    _need()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    with readable(path):
        data = content(path)
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError:
        raise UsageError(
            f"{shown(path)}: the key is encrypted; give one that is not, as openssl pkey writes it"
        ) from None
    except ValueError:
        raise UsageError(f"{shown(path)}: is no private key in PEM; {MADE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{shown(path)}: is no key of Ed25519; {MADE}")
    return key


def public(path: Path) -> str:
    """The public key in a PEM file, 32 bytes as hexadecimal. Raises UsageError, InputError."""
    _need()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    with readable(path):
        data = content(path)
    try:
        key = load_pem_public_key(data)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(
            f"{shown(path)}: is no public key of Ed25519 in PEM; take it from the private one "
            "with: openssl pkey -in key.pem -pubout"
        )
    return _hex(key)


def public_of(key: Ed25519PrivateKey) -> str:
    """The public key that belongs to a private one, as hexadecimal."""
    return _hex(key.public_key())


def fingerprint(public_key: str) -> str:
    """A short name of a public key: the SHA-256 of its 32 bytes, the first 16 digits."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def signature(key: Ed25519PrivateKey, entry: int, log_hash: str) -> bytes:
    """The file of a signature over the hash of an entry."""
    return _written(
        {
            "algorithm": "Ed25519",
            "entry": entry,
            "log_hash": log_hash,
            "public_key": public_of(key),
            "signature": key.sign(_CONTEXT + log_hash.encode()).hex(),
        }
    )


def read(data: bytes) -> dict[str, Any] | None:
    """What a file of a signature says; None where the signature is not that of its key, or a byte
    of the file is another. Raises UsageError where cryptography is missing."""
    _need()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        said = json.loads(data)
        if set(said) != FIELDS or _written(said) != data or said["algorithm"] != "Ed25519":
            return None
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(said["public_key"]))
        key.verify(bytes.fromhex(said["signature"]), _CONTEXT + said["log_hash"].encode())
    except (InvalidSignature, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return dict(said)


def _written(said: Mapping[str, Any]) -> bytes:
    return (json.dumps(said, sort_keys=True, indent=1) + "\n").encode()


def _hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes_raw().hex()


def _need() -> None:
    """Raises UsageError where cryptography is not installed."""
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        raise UsageError(
            "signatures need cryptography; install it with: pip install 'unweave[forensic]'"
        )
