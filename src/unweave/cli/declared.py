"""Options of the command line from their declarations (`options.py`).

A verb that is `with_options(Output, Execution)` gets one option for each of their fields, and its
`**values` hold what was given, by the fields' names.
"""

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from unweave.options import Option, options_of

MOST_CHOICES = 60  # letters of the choices that stand beside an option


def with_options(panels: dict[type, str]) -> Callable[..., Any]:
    """A verb with the options that the keys of `panels` declare, each under that panel's title."""
    items = [(item, panel) for owner, panel in panels.items() for item in options_of(owner)]

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(verb).parameters.values()
        named = [item for item in own if item.kind is not inspect.Parameter.VAR_KEYWORD]
        signature = [*named, *(_option(item, panel) for item, panel in items)]

        def called(**values: Any) -> None:
            for item, _ in items:
                value = values.pop(item.name)
                if value is not None:
                    values[item.name] = value.value if isinstance(value, StrEnum) else value
            verb(**values)

        called.__name__, called.__doc__ = verb.__name__, verb.__doc__
        called.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
        called.__annotations__ = {item.name: item.annotation for item in signature}
        return called

    return decorate


def _option(item: Option, panel: str) -> inspect.Parameter:
    """The option of the command line that a declaration stands for."""
    kind: Any = item.types[0]
    default: Any = item.default
    metavar = item.unit or None
    meaning = f"{item.meaning[0].upper()}{item.meaning[1:]}."
    facts: dict[str, Any] = {}
    if item.time:
        kind, metavar = str, "TIME"
        default = None
    elif str in item.types and item.choices:
        kind = _choices(item)
        default = kind(item.default)
        if len("|".join(kind)) > MOST_CHOICES:  # no line is broken within them
            metavar = "WORD"
            meaning += f" One of {', '.join(kind)}."
    elif item.choices:
        metavar = "|".join(map(str, item.choices))
    elif kind is int:
        metavar = metavar or "N"
        facts["min"] = item.at_least
    elif kind is float:
        metavar = metavar or "NUMBER"
    elif kind is str:
        metavar = "NAME"
    name = item.name.removesuffix(f"_{item.unit.lower()}") if item.unit else item.name
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        metavar=metavar,
        help=meaning,
        case_sensitive=False,
        show_default=item.unset or default is not None,
        rich_help_panel=panel,
        **facts,
    )
    annotation: Any = Annotated[kind if default is not None else kind | None, option]
    return inspect.Parameter(
        item.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _choices(item: Option) -> Any:
    """The choices of an option, in typer's form, which lists and completes them."""
    return StrEnum("Choice", [(str(word).upper(), str(word)) for word in item.choices])
