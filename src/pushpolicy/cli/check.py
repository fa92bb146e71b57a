"""``pushpolicy check``: the decision without the push."""

from __future__ import annotations

from typing import Any

import click

from pushpolicy.cli import options
from pushpolicy.cli.policies import judge_ahead
from pushpolicy.cli.report import outputs


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
    with judge_ahead(given["config"], given["policies"], given["engine"]) as judge:
        from pushpolicy.cli import publishing

        outcomes = publishing.check(publishing.requests(judge, image, **given))
        return publishing.report(judge.policy, outcomes, wanted, quiet=quiet, given=given)
