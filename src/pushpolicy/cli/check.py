"""``pushpolicy check``: the decision without the push."""

from __future__ import annotations

from typing import Any

import click

from pushpolicy.cli import options
from pushpolicy.cli.push import report
from pushpolicy.cli.report import outputs
from pushpolicy.cli.request import push_request
from pushpolicy.pipeline import check_all


@click.command("check", short_help="Decide without writing anything to the target.")
@click.argument("image")
@click.argument("target")
@options.gather_options
@options.part_option
@options.policy_options
@options.registry_options
@options.source_options
@options.format_option
@options.quiet_option
def command(image: str, formats: tuple[str, ...], quiet: bool, **given: Any) -> int:
    """Say whether IMAGE may be published as TARGET, and why; nothing is written there."""
    wanted = outputs(formats)
    return report(check_all((push_request(image, **given),)), wanted, quiet=quiet, given=given)
