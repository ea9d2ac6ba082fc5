"""`unweave models`: which separators there are, what is known of each, where its weights lie."""

import json
import re
from dataclasses import asdict, replace
from itertools import zip_longest
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.cli.options import Json, Quiet, model_names
from unweave.cli.session import session
from unweave.errors import UsageError

if TYPE_CHECKING:
    from unweave.options import Option

NETWORKS, TECHNIQUES, PRESETS = "Networks", "Classical techniques", "Presets, made of others"

app = typer.Typer(help="Separators.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Name of a separator.", autocompletion=model_names)]


@app.callback()
def models(context: typer.Context, as_json: Json = False) -> None:
    """Separators: list (the default), show NAME, path NAME, pull [NAME...]."""
    if context.invoked_subcommand is None:
        list_models(as_json)


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List every separator with its stems, rate and licence."""
    with session(as_json=as_json) as current:
        from unweave import registry

        facts = []
        for name in registry.names():
            try:
                facts.append(_facts(name))
            except UsageError as error:  # of a package whose code or card is wrong
                current.note(f"warning: {error}")
        if as_json:
            current.emit(facts)
            return
        facts.sort(key=lambda fact: (fact["name"] != registry.DEFAULT, fact["name"]))
        groups: dict[str, list[dict[str, Any]]] = {}
        for fact in facts:
            groups.setdefault(_group(fact), []).append(fact)
        for title in sorted(
            groups, key=lambda title: (title == PRESETS, title == TECHNIQUES, title)
        ):
            current.result(title)
            for line in _rows(groups[title], registry.DEFAULT, get_terminal_size().columns):
                current.result(line)
        current.result("'unweave models show NAME' shows all of one, its options too.")


@app.command("show")
def show(name: Name, as_json: Json = False) -> None:
    """Show the facts and options of a separator."""
    with session(as_json=as_json) as current:
        from unweave import registry

        facts = _facts(name)
        if "made_of" in facts:
            registry.resolve(name, {})  # what is wrong with it shows in its members alone
        if as_json:
            current.emit(facts)
            return
        options, title, doc = facts.pop("options"), facts.pop("title"), facts.pop("doc", "")
        current.result(f"{facts.pop('name')}: {title}")
        without = "options: none of its own; the file gives those of its members"
        for line in [*_prose(doc), *_flat(facts), *(_options(options) if options else [without])]:
            current.result(line)


@app.command("path")
def path(name: Name, as_json: Json = False) -> None:
    """Print the path of a separator's weights, in the cache or once they are fetched."""
    with session(as_json=as_json) as current:
        facts = _facts(name)
        if "weights_path" not in facts:
            raise UsageError(f"{name}: has no weights of its own")
        if as_json:
            keys = ("name", "weights_path", "weights_path_exists")
            current.emit({key: facts[key] for key in keys})
        else:
            current.result(facts["weights_path"])


@app.command("pull")
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Names of separators, or paths of cards; without one the default model.",
            autocompletion=model_names,
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch weights now, for use without a network."""
    with session(quiet=quiet, as_json=as_json) as current:
        from unweave import registry
        from unweave.cli.weights import fetch
        from unweave.models import store

        chosen = list(dict.fromkeys(names or [registry.DEFAULT]))
        for name in chosen:
            registry.describe(name)  # a wrong name is said before any work
        found = {}
        for name in chosen:
            fetch(current, [name])
            found[name] = [str(store.pull(card)) for card in registry.with_weights(name)]
            current.result(f"{name}: {', '.join(found[name]) or 'it needs no weights'}")
        if as_json:
            current.emit([{"name": name, "weights_paths": found[name]} for name in chosen])


def _facts(name: str) -> dict[str, Any]:
    """A separator as plain data: its facts and its options, of a model the place of its weights."""
    from unweave import registry
    from unweave.models import store

    described = registry.describe(name)
    options = {item.name: _option(item) for item in registry.declared(name)}
    if isinstance(described, registry.Technique):
        return {**asdict(described), "origin": registry.origin(name), "options": options}
    if isinstance(described, registry.Preset):
        return {
            "name": described.name,
            "title": described.title,
            "stems": described.stems,
            "made_of": [member.separator for member in described.members()],
            "preset_path": str(described.path),
            "origin": described.origin,
            "options": options,
        }
    facts = {**asdict(replace(described, file=None, path=None)), "options": options}
    if described.bag is None:
        file = store.path(described)
        facts |= {"weights_path": str(file), "weights_path_exists": file.is_file()}
    return facts


def _option(item: "Option") -> dict[str, Any]:
    """An option as plain data."""
    return {
        "meaning": item.meaning,
        "type": item.kind,
        "default": item.default,
        "unit": item.unit,
        "limits": item.limits,
        "choices": list(item.choices),
    }


def _rows(facts: list[dict[str, Any]], default: str, columns: int) -> list[str]:
    """A table: name, stems, and what it is; long cells go on in the next line, below themselves."""
    heads = (
        "name",
        "stems",
        "runs at, licence, weights" if "licence_weights" in facts[0] else "idea",
    )
    rows = [
        (
            fact["name"],
            ", ".join(fact["stems"]),
            _gist(fact) + " (default)" * (fact["name"] == default),
        )
        for fact in facts
    ]
    first = max(len(row[0]) for row in (heads, *rows))
    second = min(24, max(len(row[1]) for row in (heads, *rows)))
    widths = (first, second, max(24, columns - first - second - 7))
    lines = []
    for row in (heads, *rows):
        cells = [
            wrap(cell, width, break_long_words=False, break_on_hyphens=False)
            for cell, width in zip(row, widths, strict=True)
        ]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = [part.ljust(width) for part, width in zip(parts, widths, strict=True)]
            lines.append("  " + "  ".join(padded).rstrip())
    return [*lines, ""]


def _group(fact: dict[str, Any]) -> str:
    """The table that a separator stands in."""
    if "made_of" in fact:
        return PRESETS
    if "licence_weights" not in fact:
        return TECHNIQUES
    return NETWORKS if fact["origin"] == "unweave" else f"{NETWORKS} of {fact['origin']}"


def _gist(fact: dict[str, Any]) -> str:
    """What it takes to run it, in a few words."""
    if "made_of" in fact:
        return f"{fact['title']} ({', '.join(fact['made_of'])})"
    if "licence_weights" not in fact:
        return fact["title"]
    if fact["bag"]:
        return (
            f"{fact['sample_rate_hz'] / 1000:g} kHz, {fact['licence_weights']}, "
            f"made of {', '.join(fact['bag']['members'])}"
        )
    where = "" if fact["weights_path_exists"] else ", fetched at first use"
    return (
        f"{fact['sample_rate_hz'] / 1000:g} kHz, {fact['licence_weights']}, "
        f"{fact['weights']['size_bytes'] / 1e6:.0f} MB{where}"
    )


def _options(options: dict[str, Any]) -> list[str]:
    """The options, one line each: name, default, meaning, and what a value may be."""
    lines = ["options (--set NAME=VALUE):"]
    for name, facts in options.items():
        default = "none" if facts["default"] is None else json.dumps(facts["default"])
        kind = "" if facts["choices"] else facts["type"]
        if facts["unit"]:
            kind += f" in {facts['unit']}"
        allowed = ", ".join(filter(None, (kind, facts["limits"])))
        lines.append(f"  {name} = {default}: {_plain(facts['meaning'])} ({allowed})")
    return lines


def _prose(doc: str) -> list[str]:
    """A docstring as plain text: without its title, and without the marks of Markdown."""
    text = _plain(doc.partition("\n")[2].strip())
    return ["", *text.splitlines(), ""] if text else []


def _plain(markdown: str) -> str:
    """Text without the marks of Markdown; a star of a formula, as in `|L|_*`, stays."""
    text = markdown.replace("**", "").replace("`", "")
    return re.sub(r"(?<![\w*])\*(\w[^*]*)\*(?!\w)", r"\1", text)


def _flat(facts: dict[str, Any], indent: str = "") -> list[str]:
    """`key: value` lines of what is known; what is nested is indented below its key."""
    lines: list[str] = []
    for key, value in facts.items():
        label = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(value, dict) and value:
            lines += [label, *_flat(value, indent + "  ")]
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            lines.append(label)
            for item in value:
                lines += _flat(item, indent + "  ")
        elif isinstance(value, (list, tuple)) and value:
            lines.append(f"{label} {', '.join(map(str, value))}")
        elif isinstance(value, bool):
            lines.append(f"{label} {'yes' if value else 'no'}")
        elif value not in (None, {}, "", [], ()):
            lines.append(f"{label} {value}")
    return lines


EXAMPLES = {
    list_models: ("unweave models list",),
    show: ("unweave models show hpss",),
    path: ("unweave models path spleeter-2stems",),
    pull: ("unweave models pull", "unweave models pull spleeter-2stems"),
}
