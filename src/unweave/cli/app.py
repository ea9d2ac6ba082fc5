"""The command `unweave`: its verbs, its version, its exit codes.

Only typer is imported here and in the verbs' files; the work is imported when a verb runs, so that
`--help` and completion answer at once. These files have their annotations as types, not as text
(`from __future__ import annotations`), which typer would compile several times at every start.
"""

import inspect
import io
import os
import pkgutil
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.models import CommandInfo

from unweave import plugins
from unweave.cli import interrupt, lean, verbs
from unweave.cli.help import WIDTH, Command, Group
from unweave.cli.session import Session, session

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

EXIT_CODES = (
    "Exit codes: 0 all done; 1 at least one file failed (or, for verify, differs); 2 usage; "
    "3 weights missing or wrong; 130 interrupted."
)


class _Verbs(Group):
    """The verbs, with those of plug-ins, whose code is imported when they are run.

    A file, a folder or a link where a verb should be is meant for `separate`.
    """

    def list_commands(self, context: Any) -> list[str]:
        return [*super().list_commands(context), *self._of_plugins()]

    def get_command(self, context: Any, name: str) -> Any:
        own = super().get_command(context, name)
        if own is None and name in (found := self._of_plugins()):
            # For the list of all commands, which imports nothing.
            return Command(name, help=f"Of the package {plugins.origin(found[name])}.")
        return own

    def resolve_command(self, context: Any, words: list[str]) -> tuple[str | None, Any, list[str]]:
        word = words[0]
        if word not in self.commands and word in (found := self._of_plugins()):
            with session():
                return word, _plugin_verb(word, plugins.loaded(found[word])), words[1:]
        if word not in self.commands and (
            os.path.lexists(word) or "://" in word or os.path.splitext(word)[1]
        ):
            file = "FILE, once you have downloaded it" if "://" in word else shlex.quote(word)
            context.fail(f"no command is called {word!r}; try: unweave separate {file}")
        return super().resolve_command(context, words)

    def _of_plugins(self) -> dict[str, "EntryPoint"]:
        found = plugins.found(plugins.COMMANDS)
        return {name: point for name, point in found.items() if name not in self.commands}


def _plugin_verb(name: str, found: Any) -> Any:
    """The command of a plug-in: a function as typer takes it, or a `typer.Typer`."""
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        found.command(name)(function)
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(
    name="unweave",
    cls=_Verbs,
    help="Separate recordings into stems, such as vocals and accompaniment.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
)


def _describe(command: CommandInfo, examples: Sequence[str]) -> None:
    """Give a verb examples and exit codes, and paragraphs that break where the terminal ends."""
    assert command.callback is not None
    paragraphs = inspect.cleandoc(command.callback.__doc__ or "").split("\n\n")
    command.cls = Command
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    title = "Examples:" if len(examples) > 1 else "Example:"
    # \b keeps the lines of a paragraph as they are.
    command.epilog = "\n".join(["\b", title, *(f"  {each}" for each in examples), "", EXIT_CODES])


def _add(name: str) -> None:
    """Add the verb, or the group of verbs, that the file `verbs/NAME.py` has."""
    module = import_module(f"{verbs.__name__}.{name}")
    group: typer.Typer | None = getattr(module, "app", None)
    if group is None:
        alone = getattr(module, "ALONE", False)  # it does something without arguments
        app.command(no_args_is_help=not alone)(getattr(module, name))
        _describe(app.registered_commands[-1], module.EXAMPLES)
        return
    app.add_typer(group, name=name, cls=getattr(module, "GROUP", Group), epilog=EXIT_CODES)
    for command in group.registered_commands:
        _describe(command, module.EXAMPLES[command.callback])


_NAMES = sorted(module.name for module in pkgutil.iter_modules(verbs.__path__))
for _name in sorted(_NAMES, key=lambda name: name != "separate"):  # what most come for, first
    _add(_name)


def _version(wanted: bool) -> None:
    if wanted:
        import unweave

        typer.echo(f"unweave {unweave.__version__}")
        raise typer.Exit


@app.callback()
def unweave(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    cache: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Cache folder, in which the weights of models lie.",
            show_default="UNWEAVE_CACHE, else the user's",
        ),
    ] = None,
) -> None:
    """Separate recordings into stems, such as vocals and accompaniment."""
    if cache:
        os.environ["UNWEAVE_CACHE"] = os.path.abspath(cache)


def main() -> NoReturn:
    """The entry point. Undecodable file names are escaped rather than fatal."""
    from unweave.engine.allocator import settle

    settle()  # before the first thread, so that there is one heap
    _open_streams()
    interrupt.install(Session().last_words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    lean.allow()
    try:
        app(prog_name="unweave")
    except SystemExit as done:
        _leave(done.code)
    except OSError as error:  # of help and usage; a session sees to its own
        with suppress(OSError):
            print(f"error: standard output: {error.strerror or error}", file=sys.stderr)
        _leave(1)
    _leave(0)


def _open_streams() -> None:
    """Streams that are closed or missing, as in a service or a windowed Python, lead nowhere.

    A file opened later must not get the number of a closed one: what any library says on stderr
    would go into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))


def _leave(code: str | int | None) -> NoReturn:
    """Exit, at once but for a small command that went well.

    Taking torch and its memory down piece by piece costs a third of a second, and what is left of a
    library whose import was interrupted would end Python with SIGABRT.
    """
    quickly = "torch" in sys.modules or bool(code)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # stdout is closed, and Python would print an error
            quickly = True
    if not quickly:
        sys.exit(code)
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
