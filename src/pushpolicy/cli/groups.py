"""A group of commands, of which each is imported only when it runs or prints its help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

import click
from click.core import ParameterSource

from pushpolicy import errors
from pushpolicy.cli import environment


class LazyGroup(click.Group):
    """Commands by name; start-up is part of every push.

    Args:
        package: whose modules define the commands, each as `command` in the module of its name.
        lazy: the name of each command, and its help line.
    """

    def __init__(self, *args: Any, package: str, lazy: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._package, self._lazy = package, lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of this name, imported."""
        if name not in self._lazy:
            return None
        # No command does without its folder; Python 3.13.0 cannot even import socket in one that is deleted.
        environment.workspace()
        if name not in self.commands:
            command: click.Command = import_module(f"{self._package}.{name}").command
            _refuse_empty(command)
            self.commands[name] = command
        return self.commands[name]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help lines, without importing what they are of."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._lazy.items()))


def _refuse_empty(command: click.Command) -> None:
    """Let no option of a command, or of those below it, be given as an empty text.

    That is what a variable leaves which is not set: as a path it would be this folder, and as anything else
    what nobody asked for.
    """
    for option in command.params:
        if isinstance(option, click.Option):
            option.callback = partial(_not_empty, option.callback)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _refuse_empty(inner)


def _not_empty(
    then: Callable[[click.Context, click.Parameter, Any], Any] | None,
    context: click.Context,
    option: click.Parameter,
    value: Any,
) -> Any:
    typed = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    given = value if isinstance(value, tuple) else (value,)
    if typed and any(isinstance(each, str) and not each.strip() for each in given):
        raise errors.UsageError(
            f"{max(option.opts, key=len)} is empty",
            "see that the variable which fills it is set, or leave it out",
        )
    return then(context, option, value) if then else value
