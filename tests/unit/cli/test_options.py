"""Shared options arrive at a command as one value of one frozen type per group."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from pushpolicy.cli import options
from pushpolicy.cli.main import cli

GROUPS = {
    "policy": (options.policy_options, options.PolicyOptions),
    "gathering": (options.gather_options, options.GatherOptions),
    "registry": (options.registry_options, options.RegistryOptions),
    "source": (options.source_options, options.SourceOptions),
    "publish": (options.publish_options, options.PublishOptions),
}


@pytest.mark.parametrize(("name", "group"), GROUPS.items(), ids=GROUPS)
def test_every_option_of_a_group_is_a_field_of_its_type_with_the_same_default(
    name: str, group: tuple[Callable[[Any], Any], type[msgspec.Struct]]
) -> None:
    decorate, kind = group
    given: dict[str, object] = {}

    @click.command()
    @decorate
    def command(**arguments: object) -> None:
        given.update(arguments)

    assert {param.name for param in command.params if param.expose_value} == set(kind.__struct_fields__)
    CliRunner(env={"PUSHPOLICY_USERNAME": None}).invoke(command, [], catch_exceptions=False)
    assert given == {name: kind()}


def test_groups_within_a_group_arrive_whole() -> None:
    given: dict[str, options.PushOptions] = {}

    @click.command()
    @options.push_options
    def command(options: options.PushOptions) -> None:
        given["options"] = options

    arguments = [
        "--policy",
        "pack",
        "--tag",
        "v1",
        "--tag",
        "v2",
        "--part",
        "a.part",
        "--referrers",
        "--plain-http",
    ]
    CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert given["options"] == options.PushOptions(
        policy=options.PolicyOptions(policies=("pack",)),
        gathering=options.GatherOptions(tags=("v1", "v2")),
        registry=options.RegistryOptions(plain_http=True),
        source=options.SourceOptions(referrers=True),
        parts=("a.part",),
    )


def test_an_option_that_no_type_has_a_field_for_fails_at_once() -> None:
    @click.command()
    @options.policy_options
    @click.option("--more")
    def command(policy: options.PolicyOptions) -> None:
        raise AssertionError("it must not get here")

    with pytest.raises(TypeError, match="more"):
        CliRunner().invoke(command, [], catch_exceptions=False)


@pytest.mark.parametrize("name", cli.list_commands(None))  # type: ignore[arg-type]  # the context is not used
def test_the_short_help_of_a_command_is_its_line_in_the_list(name: str) -> None:
    command = import_module(f"pushpolicy.cli.{name}").command
    with click.Context(cli) as context:
        listing = cli.get_help(context)
    assert command.short_help in " ".join(listing.split())
