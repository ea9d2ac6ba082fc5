"""A program that downloads a package into a folder, and how far it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from unweave.core.atomic import temporary_folder
from unweave.errors import WeightsError
from unweave.models.cards import Source
from unweave.models.store.sources.files import Count

LOOK_EVERY_S = 0.1


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder for a package. Raises WeightsError where there can be none."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder("unweave-package-"))
        except OSError as error:
            raise WeightsError(
                f"{error.filename or 'a temporary folder'}: {error.strerror or error}; TMPDIR "
                "moves the folder of temporary files"
            ) from error
        yield folder


def run(
    command: Sequence[str], source: Source, folder: Path, count: Count, env: Mapping[str, str]
) -> tuple[int, list[str]]:
    """The exit code of `command`, run in `folder`, and the lines that it wrote.

    Whatever `count` or an interrupt raises ends the program, too.
    """
    from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired

    said = folder / "said.log"
    with said.open("wb") as output:
        process = Popen(  # noqa: S603 - a list, whose words no shell reads
            command, stdin=DEVNULL, stdout=output, stderr=STDOUT, env=env, cwd=folder
        )
        try:
            while process.poll() is None:
                count(min(_largest(folder), source.size_bytes), source.size_bytes)
                try:
                    process.wait(LOOK_EVERY_S)
                except TimeoutExpired:
                    pass
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return process.returncode, said.read_text(errors="replace").splitlines()


def _largest(folder: Path) -> int:
    """The size of the largest file below `folder`: what has arrived of a download."""
    sizes = [0]
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # renamed meanwhile
                sizes.append(os.path.getsize(os.path.join(place, name)))
    return max(sizes)
