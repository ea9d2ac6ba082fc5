"""What the log keeps of a run: who, when, where, with what."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from unweave.core.source import PACKAGE, commit
from unweave.engine.limits import cores


def now() -> str:
    """The time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def account() -> str:
    """The name of whoever is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number that has no name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def facts() -> dict[str, Any]:
    """The command line, the machine, and every package."""
    from unweave import __version__

    return {
        "command": list(sys.argv),
        "folder": os.getcwd(),
        "account": account(),
        "host": platform.node(),
        "processor": processor(),
        "cores": cores(),
        "system": platform.platform(),
        "python": sys.version,
        "unweave": __version__,
        "commit": commit(),
        "code_sha256": code(),
        "packages": packages(),
    }


def processor() -> str:
    """The name of the processor."""
    try:
        for text in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = text.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except (OSError, ValueError):
        pass
    return platform.processor() or platform.machine()


@cache
def packages() -> dict[str, str]:
    """The version of every package that Python finds here, and of FFmpeg's libraries."""
    import av

    found = {
        each.metadata["Name"]: each.version for each in metadata.distributions() if each.metadata
    }
    libraries = {
        f"FFmpeg {name}": ".".join(map(str, version))
        for name, version in av.library_versions.items()
    }
    return dict(sorted((found | libraries).items()))


@cache
def code() -> str:
    """One SHA-256 of all files of unweave: their names and bytes, sorted."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(PACKAGE).as_posix()
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
