"""How a command reads its line: an option that holds one value is given once."""

from typing import Any

from typer.core import TyperCommand


class Command(TyperCommand):
    """A command that refuses an option given twice, so that no value is lost silently."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        names = {name: p for p in self.params for name in (*p.opts, *p.secondary_opts)}
        given, tokens = set(), iter(args)
        for token in tokens:
            if token == "--":
                break
            name, equals, _ = token.partition("=")
            option: Any = names.get(name)
            if not name.startswith("-") or option is None or option.is_flag:
                continue
            if option.name in given and not option.multiple:
                ctx.fail(
                    f"The option {name} is given twice; give it once, with commas between values."
                )
            given.add(option.name)
            if not equals:
                next(tokens, None)
        return super().parse_args(ctx, args)
