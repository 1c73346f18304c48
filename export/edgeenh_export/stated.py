"""Options that the user typed and that mean nothing for what was asked: refused, never ignored."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from edgeenh.errors import UsageError

if TYPE_CHECKING:
    import typer

_NAMES = {"value_range": "--range", "json_target": "--json", "checkpoint": "the model"}


def is_stated(context: typer.Context, name: str) -> bool:
    """Whether a parameter of the command was typed; what comes from the environment or by default was not."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_stated(context: typer.Context, names: Collection[str], reason: str, remedy: str = "leave it out") -> None:
    """Refuse the first of some parameters that was typed.

    Args:
        context: Of the command.
        names: The parameters.
        reason: Why it means nothing; `{option}` in it becomes the option.
        remedy: What to do.

    Raises:
        UsageError: One was.
    """
    for name in context.params:
        if name in names and is_stated(context, name):
            option = _NAMES.get(name, "--" + name.replace("_", "-"))
            raise UsageError(f"{reason.format(option=option)}: {remedy}")
