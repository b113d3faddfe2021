"""How a command reads its line: no value is lost silently, and old names are read as new ones."""

from collections.abc import Container
from typing import Any

from typer.core import TyperCommand

from .._retired import warn
from .options import RETIRED_COMMANDS, RETIRED_OPTIONS


class Command(TyperCommand):
    """A command that refuses an option given twice, and takes retired names with a warning."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        command = ctx.info_name
        if command in RETIRED_COMMANDS:
            warn(f"mithridate {command}", f"mithridate {RETIRED_COMMANDS[command]}", level=2)
        known = {name: p for p in self.params for name in (*p.opts, *p.secondary_opts)}
        given, read, tokens = set(), [], iter(args)
        for written in tokens:
            token = _current(written, known)
            read.append(token)
            if token == "--":
                break
            name, equals, _ = token.partition("=")
            option: Any = known.get(name)
            if not name.startswith("-") or option is None or option.is_flag:
                continue
            if option.name in given and not option.multiple:
                ctx.fail(
                    f"The option {name} is given twice; give it once, with commas between values."
                )
            given.add(option.name)
            if not equals:
                read += [value for value in [next(tokens, None)] if value is not None]
        return super().parse_args(ctx, [*read, *tokens])


def _current(token: str, known: Container[str]) -> str:
    """The token itself, or what a retired option is read as."""
    name, equals, value = token.partition("=")
    new = RETIRED_OPTIONS.get(name)
    if new is None or name in known or new[0] not in known:
        return token
    warn(name, " ".join(new), level=3)
    return "=".join([*new, *([value] if equals else [])])
