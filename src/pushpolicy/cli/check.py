"""``pushpolicy check``: the decision without the push."""

from __future__ import annotations

import click

from pushpolicy.cli import options as shared
from pushpolicy.cli.artifacts import PolicyRegistries
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PublishOptions, PushOptions
from pushpolicy.cli.policies import start_engine
from pushpolicy.cli.report import Outputs


@click.command("check", short_help="Decide without writing anything to the target.")
@click.argument("image")
@click.argument("target")
@shared.push_options
@shared.also_option
@shared.verify_option
@shared.format_option(Kind.DECISION)
@shared.quiet_option
def command(
    image: str,
    target: str,
    options: PushOptions,
    also: tuple[str, ...],
    verify: str,
    outputs: Outputs,
    quiet: bool,
) -> int:
    """Say whether IMAGE may be published as TARGET, and why; nothing is written there."""
    registries = PolicyRegistries.of(options, target)
    with start_engine(options.gathering.config, options.policy, options.server, registries) as deciding:
        from pushpolicy.cli import publishing

        publish = PublishOptions(dry_run=True, also=also, verify=verify)
        return publishing.publish(deciding, image, target, options, publish, outputs, quiet=quiet)
