"""Every error unweave raises on purpose: one clear line that names the file and says what to do.

The class decides the exit code of the command line, so that scripts can tell what went wrong.
"""

import reprlib
from collections.abc import Callable, Sequence


class UnweaveError(Exception):
    """Root of all errors that unweave raises on purpose. `str(error)` is one line for a person."""

    exit_code = 1


class InputError(UnweaveError):
    """A recording that cannot be read, or that holds nothing to separate."""


class OutputError(UnweaveError):
    """A place or format that cannot take the stems."""


class InTheWayError(OutputError):
    """A file lies where one is to be written. what: in words; option: the one of the command line
    that names the folder."""

    kind = OutputError.__name__

    def __init__(self, what: str, option: str = "-o") -> None:
        super().__init__(what, option)
        self.what, self.option = what, option

    def __str__(self) -> str:
        return f"{self.what}; use --overwrite, or another folder with {self.option}"


class OptionName(str):
    """The name of an option in Python, in an error; the command line puts its own there."""


class UsageError(UnweaveError):
    """Options that contradict each other or the input; raised before any work starts.

    words: parts of the line, the names of options among them as `OptionName`.
    """

    exit_code = 2

    def __init__(self, *words: str) -> None:
        super().__init__("".join(words))
        self.words = words

    def told(self, name: Callable[[str], str]) -> str:
        """The line with other names of its options."""
        return "".join(name(part) if isinstance(part, OptionName) else part for part in self.words)


class WeightsError(UnweaveError):
    """Weights that are missing, incomplete or not the pinned ones."""

    exit_code = 3


class Unfit(WeightsError):
    """Arrays that are not those of a network. names: those that lack, and those left over."""

    def __init__(self, line: str, names: Sequence[str]) -> None:
        super().__init__(line)
        self.names = names


class Unstated(WeightsError):
    """Weights that run in more than one way, and nobody says in which."""


class SeparatorError(UnweaveError):
    """A separator that returned another shape than its spec says, or samples not finite."""


class MemoryLimitError(UnweaveError):
    """Work that would not fit in the memory it was given; the message names both sizes."""


class Cancelled(UnweaveError):
    """The caller asked to stop. Nothing half-written is left."""

    exit_code = 130


def quoted(value: object) -> str:
    """A value as Python writes it, for an error: cut to what fits a line."""
    try:
        if isinstance(value, (str, int, float)):
            return f"{value!r:.80}"
        return f"{reprlib.repr(value):.80}"  # it never writes out all of a value of many levels
    except ValueError:  # a whole number is written out up to a length only
        return "a number of thousands of digits"


class TrainingError(UnweaveError):
    """A training that cannot go on: the loss is not a number, the disk is full, data ran out."""
