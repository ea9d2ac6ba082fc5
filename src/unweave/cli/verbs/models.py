"""`unweave models`: which separators there are, what is known of each, where its weights lie."""

from enum import StrEnum
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated

import typer

from unweave.cli.options import Json, Quiet, model_names
from unweave.cli.session import session
from unweave.errors import UnweaveError, UsageError, WeightsError

app = typer.Typer(help="Separators.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Name of a separator.", autocompletion=model_names)]
Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Models.", autocompletion=model_names)
]
Stem = Annotated[str, typer.Option("--stem", metavar="NAME", help="Those with this stem.")]
Network = Annotated[
    str,
    typer.Option("--network", metavar="NAME", help="Those of this architecture, as roformer."),
]
Installed = Annotated[bool, typer.Option("--installed", help="Those whose weights are here.")]


class Licence(StrEnum):
    PERMISSIVE = "permissive"


OfLicence = Annotated[
    Licence | None,
    typer.Option("--licence", help="Those whose weights anyone may use, as under MIT."),
]


@app.callback()
def models(context: typer.Context, as_json: Json = False) -> None:
    """Separators: what there is (list, the default; show NAME), and the weights of models."""
    if context.invoked_subcommand is None:
        list_models(as_json=as_json)


@app.command("list")
def list_models(
    stem: Stem = "",
    network: Network = "",
    licence: OfLicence = None,
    installed: Installed = False,
    as_json: Json = False,
) -> None:
    """List separators: stems, size and licence of their weights, whether these are here, a score,
    and how a model ran on this machine."""
    with session(as_json=as_json) as current:
        from unweave import registry
        from unweave.cli import listing
        from unweave.models import architectures
        from unweave.registry import estimators
        from unweave.registry.facts import facts, matches
        from unweave.registry.offers import members

        if network and network not in (known := architectures.names()):
            raise UsageError(f"there is no network {network!r}; there are {', '.join(known)}")
        found = []
        for name in [*registry.names(), *estimators.names()]:
            try:
                found.append(facts(name))
            except UnweaveError as error:  # of a package whose code or card is wrong
                current.note(f"warning: {error}")
        found = [
            each
            for each in found
            if matches(
                each,
                stem=stem,
                network=network,
                permissive=bool(licence),
                installed=installed,
            )
        ]
        if as_json:
            current.emit(found)
            return
        inner = members()
        shown = [each for each in found if each["name"] not in inner]
        for line in listing.lines(shown, registry.DEFAULT, stem, get_terminal_size().columns):
            current.result(line)
        if not found:
            current.result("none; 'unweave models list' without options shows all")


@app.command("show")
def show(name: Name, as_json: Json = False) -> None:
    """Show the facts and options of a separator."""
    with session(as_json=as_json) as current:
        from unweave import registry
        from unweave.cli import showing
        from unweave.registry.facts import facts as known

        facts = known(name)
        if "made_of" in facts:
            registry.resolve(name, {})  # what is wrong with it shows in its members alone
        if as_json:
            current.emit(facts)
            return
        options, title, doc = facts.pop("options"), facts.pop("title"), facts.pop("doc", "")
        current.result(f"{facts.pop('name')}: {title}")
        without = ["options: none of its own; the file gives those of its members"]
        last = showing.options(options) if options else without if "preset_path" in facts else []
        for line in [*showing.prose(doc), *showing.flat(facts), *last]:
            current.result(line)


@app.command("path")
def path(name: Name, as_json: Json = False) -> None:
    """Print the path of a separator's weights, in the cache or once they are fetched."""
    with session(as_json=as_json) as current:
        from unweave.registry.facts import facts as known

        facts = known(name)
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
            registry.with_weights(name)  # a wrong name is said before any work
        found = {}
        for name in chosen:
            fetch(current, [name])
            found[name] = [str(store.pull(card)) for card in registry.with_weights(name)]
            current.result(f"{name}: {', '.join(found[name]) or 'it needs no weights'}")
        if as_json:
            current.emit([{"name": name, "weights_paths": found[name]} for name in chosen])


@app.command("verify")
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Models; without one all whose weights are here.",
            autocompletion=model_names,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check weights: the SHA-256 of every file, and what the model gives for a known wave."""
    with session(as_json=as_json) as current:
        from unweave import registry
        from unweave.models.store.verify import check
        from unweave.registry import estimators
        from unweave.registry.facts import here

        chosen = list(names or [])
        for name in () if names else [*registry.names(), *estimators.names()]:
            try:
                chosen += [name] if here(name) else []
            except UnweaveError as error:
                current.note(f"warning: {error}")
        cards = {card.place: card for name in chosen for card in registry.with_weights(name)}
        checked = [check(card) for card in cards.values()]
        for each in checked:
            current.result(f"{each.name}: {each.words}")
        if as_json:
            current.emit([each.document() for each in checked])
        if not all(each.right for each in checked):
            raise typer.Exit(WeightsError.exit_code)


@app.command("remove")
def remove(names: Names, as_json: Json = False) -> None:
    """Remove weights from the cache, and models that were added by hand altogether."""
    with session(as_json=as_json) as current:
        from unweave import registry
        from unweave.models import store
        from unweave.models.store import measured, own

        mine = {name: own.called(name) for name in names}
        cards = {name: registry.with_weights(name) for name, own_ in mine.items() if not own_}
        freed = {}
        for name, its in mine.items():
            freed[name] = own.remove(its) if its else sum(map(store.remove, cards[name]))
            measured.forget(its or name)
            current.result(f"{name}: {freed[name] / 1e6:.0f} MB are free again")
            for bag in own.bags_with(its) if its else ():
                current.note(f"warning: {bag} has {its} as a member, and needs it")
        if as_json:
            current.emit([{"name": name, "bytes": count} for name, count in freed.items()])


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Folder for the weights.")],
    names: Names,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy weights into a folder, for 'import' on a machine without a network."""
    with session(quiet=quiet, as_json=as_json) as current:
        from unweave import registry
        from unweave.cli.weights import fetch
        from unweave.models.store import transfer

        cards = {card.place: card for name in names for card in registry.with_weights(name)}
        described = map(registry.describe, names)
        bags = [each for each in described if isinstance(each, registry.Card) and each.bag]
        fetch(current, names)
        files = [str(path) for path in transfer.export([*cards.values(), *bags], folder)]
        for file in files:
            current.result(file)
        if as_json:
            current.emit(files)


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder that 'export' wrote.")],
    as_json: Json = False,
) -> None:
    """Take the weights in a folder into the cache, each checked by its SHA-256."""
    with session(as_json=as_json) as current:
        from unweave import registry
        from unweave.models.store import transfer

        names, errors = transfer.import_(folder, registry.names())
        if not names:
            raise errors[0]
        for name in names:
            current.result(f"{name}: its weights are here")
        for error in errors:
            current.error(str(error))
        if as_json:
            current.emit(names)
        if errors:
            raise typer.Exit(WeightsError.exit_code)


@app.command("advise")
def advise(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="A recording.")],
    stem: Annotated[
        str,
        typer.Option("--stem", metavar="NAMES", help="Stems that are wanted, as in drums,bass."),
    ] = "vocals",
    licence: OfLicence = None,
    installed: Installed = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Try by one segment what is not known: this takes long."),
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="Only this; may be repeated.",
            autocompletion=model_names,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which models suit a recording, and what each takes on this machine: time and memory."""
    with session(as_json=as_json) as current:
        from dataclasses import asdict

        from unweave.apps.info import info
        from unweave.cli import advising
        from unweave.registry.advice import advise as advised

        duration_s = info(song)["duration_s"]
        if duration_s is None:
            raise UsageError(
                f"{song}: does not say how long it is; convert it, to FLAC for example"
            )
        found = advised(
            duration_s,
            [name for name in stem.split(",") if name.strip()],
            free=bool(licence),
            installed=installed,
            measure=measure,
            names=model or (),
            on_trial=lambda name: current.note(f"trying {name}"),
        )
        for line in advising.lines(found, get_terminal_size().columns) if not as_json else ():
            current.result(line)
        if as_json:
            current.emit({"duration_s": duration_s, "models": list(map(asdict, found))})


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A checkpoint.")],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="What to call it.", show_default="the file's name")
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="The settings it was trained with.", show_default="none"),
    ] = None,
    licence: Annotated[
        str, typer.Option(metavar="TEXT", help="The licence of the weights.")
    ] = "not stated",
    as_json: Json = False,
) -> None:
    """Add a checkpoint of a network that unweave has: it becomes a model with a name.

    A file that is a published model's, by its SHA-256, becomes the weights of that model, unless it
    is given another name or other settings.
    """
    with session(as_json=as_json) as current:
        from unweave import registry
        from unweave.models.store import given, own
        from unweave.registry.facts import facts

        published = None if name or config else given.card_of(file)
        if published is not None:
            given.take(published, file)
            current.result(f"{published.name}: its weights are here; {published.title}")
            card = published
        else:
            taken = registry.names()
            card = own.add(file, name=name, config=config, licence=licence, taken=taken)
            facts_ = f"{card.architecture} with {', '.join(card.stems)}; {card.notes}"
            current.result(f"{card.name}: {facts_}".rstrip("; "))
            current.result(f"its card is {card.path}")
        if as_json:
            current.emit(facts(card.name))


EXAMPLES = {
    list_models: ("unweave models list", "unweave models list --stem vocals --licence permissive"),
    show: ("unweave models show hpss",),
    path: ("unweave models path spleeter-2stems",),
    pull: ("unweave models pull", "unweave models pull spleeter-2stems"),
    verify: ("unweave models verify", "unweave models verify spleeter-2stems"),
    remove: ("unweave models remove spleeter-2stems",),
    export: ("unweave models export stick spleeter-2stems",),
    import_: ("unweave models import stick",),
    advise: (
        "unweave models advise song.mp3",
        "unweave models advise song.mp3 --stem drums,bass --licence permissive",
    ),
    add: ("unweave models add mine.th --name mine", "unweave models add v.ckpt --config v.yaml"),
}
