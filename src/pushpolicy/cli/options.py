"""Options that several commands share; each is explained once, here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

from pushpolicy.cli.limits import limits_option
from pushpolicy.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def _stack(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _refuse_password(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        _literal_password()


def _literal_password() -> NoReturn:
    raise UsageError(
        "--password is refused: other processes and shell histories see a literal password",
        "pipe it to --password-stdin, or set PUSHPOLICY_PASSWORD from the CI's secret store",
    )


format_option = click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="text|json[=FILE]",
    envvar="PUSHPOLICY_FORMAT",
    help="Report format; repeat for several, each to a file of its own.",
)

policy_options = _stack(
    click.option(
        "--policy",
        "policies",
        multiple=True,
        metavar="pack|DIR|FILE",
        help="Policy that decides; repeatable. Without it, the pack that ships with pushpolicy.",
    ),
    click.option(
        "--engine",
        metavar="PATH",
        help="The opa program, 1.22 or newer. Default: that of the pushpolicy-opa wheel; never from PATH.",
    ),
)

config_option = click.option(
    "--config",
    metavar="FILE",
    help="Configuration of the repository.  [default: pushpolicy.yaml, where it exists]",
)

gather_options = _stack(
    config_option,
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="A further tag; repeatable."),
    click.option(
        "--evidence",
        "evidence",
        multiple=True,
        metavar="KIND[.NAME]=PATH|GLOB",
        help="A report: tests.unit=PATH, scans=PATH, extra.NAME=PATH; or any path or glob, known by content. "
        "part=FILE: what another job gathered (`gather --part`).",
    ),
    limits_option,
)

part_option = click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="FILE|GLOB",
    help="What another job gathered (`gather --part`); repeatable. As --evidence part=FILE.",
)

registry_options = _stack(
    click.option(
        "--plain-http", is_flag=True, help="Speak http instead of https. Loopback hosts may anyway."
    ),
    click.option(
        "--ca-file",
        metavar="FILE",
        help="Certificates of further authorities to trust, in PEM.",
    ),
    click.option(
        "--cert-dir",
        metavar="DIR",
        help="Folder with *.crt (authorities), NAME.cert and NAME.key (what the client shows) of a registry."
        "  [default: its folder in a certs.d of podman or docker]",
    ),
    click.option(
        "--username",
        envvar="PUSHPOLICY_USERNAME",
        metavar="NAME",
        help="User name at the registry, with --password-stdin or PUSHPOLICY_PASSWORD.",
    ),
    click.option("--password-stdin", is_flag=True, help="Read the password from standard input."),
    click.option("--password", hidden=True, expose_value=False, callback=_refuse_password),
)

source_options = _stack(
    click.option(
        "--platform",
        "platforms",
        multiple=True,
        metavar="OS/ARCH[/VARIANT]",
        help="Only this platform of an index; repeatable. What is pushed then has another digest.",
    ),
    click.option(
        "--referrers",
        is_flag=True,
        help="Carry along what refers to the image at its source: signatures, SBOMs, attestations.",
    ),
    click.option(
        "--source-plain-http", is_flag=True, help="Speak http to the registry of a docker:// IMAGE."
    ),
    click.option(
        "--compression",
        type=click.Choice(["gzip", "zstd", "none"]),
        help="For the uncompressed layers of docker-archive: and docker-daemon: images.  [default: gzip]",
    ),
    click.option(
        "--compression-level",
        type=int,
        metavar="N",
        help="0 to 3 for gzip (ISA-L's scale), 1 to 19 for zstd.  [default: 2 and 3]",
    ),
)

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on standard error.")
