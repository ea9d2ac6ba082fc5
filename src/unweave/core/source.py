"""Which source of unweave runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def commit(package: Path = PACKAGE) -> str:
    """The commit of the source that runs, "+" if it was changed; empty where there is none.

    package: the folder of unweave. Only a work tree that has it as `src/unweave` is unweave's own:
    a package may be installed somewhere inside a repository of its user.
    """
    # As in a hook of another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}

    def git(*words: str) -> str:
        done = subprocess.run(  # noqa: S603 - words of ours
            ["git", *words],  # noqa: S607 - whichever git the user has
            cwd=package,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    try:
        if not (Path(git("rev-parse", "--show-toplevel")) / "src" / "unweave").samefile(package):
            return ""
        changed = git("status", "--porcelain", "--", ".")
        return git("rev-parse", "--short=12", "HEAD") + "+" * bool(changed)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return ""
