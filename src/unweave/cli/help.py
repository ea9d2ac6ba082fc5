"""What `--help` says: plain text, with the options under the titles of their groups.

typer would draw boxes with rich, whose import takes as long as all else that `--help` does.
"""

from collections.abc import Collection
from typing import Any

from typer.core import TyperCommand, TyperGroup

from unweave.cli.session import typed

WIDTH = 100  # characters of a line, where the terminal has them
LONGEST = 1000  # characters of a sentence that is not cut


class _Titled:
    """Lists parameters under their panels' titles; those without one come first and last."""

    def format_options(self, context: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(context):  # type: ignore[attr-defined]
            line = parameter.get_help_record(context)
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if line is not None:
                title = getattr(parameter, "rich_help_panel", None) or usual
                sections.setdefault(title, []).append(line)
        for title in sorted(sections, key=lambda title: title == "Options"):
            if sections[title]:
                with formatter.section(title):
                    formatter.write_dl(sections[title])


class Command(_Titled, TyperCommand):
    """A verb, whose errors name its options as they are typed."""

    def invoke(self, context: Any) -> Any:
        typed.set({each.name or "": max(each.opts, key=len) for each in self.params})
        return super().invoke(context)


class Group(_Titled, TyperGroup):
    """A group of verbs."""

    def format_options(self, context: Any, formatter: Any) -> None:
        self.format_commands(context, formatter)
        super().format_options(context, formatter)

    def format_commands(self, context: Any, formatter: Any) -> None:
        found = {name: self.get_command(context, name) for name in self.list_commands(context)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(LONGEST)) for name, each in found.items() if each]
            )


class WithDefault(Group):
    """A group whose first command stands for itself: `unweave lyrics IN` is `lyrics convert IN`."""

    def parse_args(self, context: Any, words: list[str]) -> list[str]:
        own = {*self.commands, *context.help_option_names}
        return super().parse_args(context, [*self._default(words[:1], own), *words])

    def resolve_command(self, context: Any, words: list[str]) -> tuple[str | None, Any, list[str]]:
        return super().resolve_command(context, [*self._default(words[:1], self.commands), *words])

    def _default(self, first: list[str], own: Collection[str]) -> list[str]:
        return [next(iter(self.commands))] if first and first[0] not in own else []
