"""Names that are made of names, and how models that are named together are joined.

`a+b` is an ensemble, `a>vocals>b` a chain: the vocals of `a` are separated further by `b`. `+`
binds first, and chains are read from the left: in `a+b>vocals>c>drums>d` the vocals of the ensemble
go on to `c`, and the drums of all that to `d`. A part is a name of any kind, or the path of a card
or a preset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from unweave.errors import OptionName, UsageError, quoted
from unweave.options import option

ALL, ON = "+", ">"
ALGORITHMS = (
    "avg_wave", "median_wave", "min_wave", "max_wave",
    "avg_fft", "median_fft", "min_fft", "max_fft",
    "uvr_max_spec", "uvr_min_spec", "ensemble_wav",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """The options of an ensemble, which a name such as `a+b` stands for."""

    ensemble: str = option(
        ALGORITHMS[0], "how models that are joined by + become one", choices=ALGORITHMS
    )
    ensemble_weights: str | None = option(
        None, "weight of each model in a mean, as in 2,1,1", numbers=True, unset="all alike"
    )


def weights_of(value: str | None) -> tuple[float, ...]:
    """The numbers of `2,1,1`; none where there are none."""
    return tuple(map(float, value.split(","))) if value else ()


def is_chain(name: str) -> bool:
    return ON in name


def is_ensemble(name: str) -> bool:
    """Whether models are joined before the first stem goes on, so that `Joining` says how."""
    return ALL in name.partition(ON)[0]


def is_made_of_names(name: str) -> bool:
    return is_chain(name) or ALL in name


def members(name: str) -> list[str]:
    """The parts of an ensemble. Raises UsageError where one has no name."""
    return _named(name, name.split(ALL))


def step(name: str) -> tuple[str, str, str]:
    """The last step of a chain: what comes before, the stem, and what separates that.

    Raises UsageError where one has no name.
    """
    words = name.split(ON)
    if len(words) < 3 or not len(words) % 2:
        raise UsageError(
            f"{name}: a chain names a model, a stem and a model, as in htdemucs>drums>drumsep"
        )
    _named(name, words)
    *first, stem, then = map(str.strip, words)
    return ON.join(first), stem, then


def _named(name: str, parts: Iterable[str]) -> list[str]:
    found = [part.strip() for part in parts]
    if not all(found):
        raise UsageError(f"{name}: a name lacks beside {ALL!r} or {ON!r}, as in a{ALL}b")
    return found


def with_parts(name: str, change: Callable[[str], str]) -> str:
    """The same name with other names of its models; what `change` makes of a plain name."""
    if is_chain(name):
        first, stem, then = step(name)
        return ON.join((with_parts(first, change), stem, with_parts(then, change)))
    return ALL.join(map(change, members(name) if ALL in name else [name]))


def models(name: str) -> list[str]:
    """The names that a name is made of, in their order; itself where it is of none."""
    if not is_made_of_names(name):
        return [name]
    if is_chain(name):
        first, _, then = step(name)
        return [*models(first), *models(then)]
    return members(name)


def chained(name: str, then: object) -> str:
    """The name of a chain. then: a step as people write it, `stem:model`, or several in a list.

    Raises UsageError for a step of another form.
    """
    steps = then if isinstance(then, (list, tuple)) else [] if then is None else [then]
    for word in steps:
        stem, colon, model = (part.strip() for part in str(word).partition(":"))
        if not (stem and colon and model) or ON in str(word):
            raise UsageError(
                OptionName("then"),
                f" names a stem and what separates it further, as in drums:drumsep; got "
                f"{quoted(word)}",
            )
        name = ON.join((name, stem, model))
    return name
