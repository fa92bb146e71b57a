"""``pushpolicy policy``: for whoever writes rules."""

from __future__ import annotations

import click

from pushpolicy.cli import options as shared
from pushpolicy.cli.config import read_config
from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.policies import repository_policy
from pushpolicy.cli.render.text import count
from pushpolicy.cli.report import show
from pushpolicy.engines import find_engine
from pushpolicy.evaluate import PACK, check_policy


@click.group("policy", short_help="Check the policies that decide.")
def command() -> None:
    """Work on policies."""


@command.command("check")
@click.argument("sources", nargs=-1, metavar="[pack|DIR|FILE]...")
@shared.policy_options
@shared.config_option
def check(sources: tuple[str, ...], policy: PolicyOptions, config: str | None) -> int:
    """Load policies as a push would, and find what would silently never deny.

    What is to be checked is named by arguments or by --policy.
    """
    named = (*sources, *policy.policies) or (PACK,)
    repository = repository_policy(read_config(config), policy)
    checked = check_policy(named, find_engine(policy.engine), repository, policy.trust)
    rules, identity = checked.index.rules, checked.identity
    show(f"{identity.source}: {count(len(rules), 'rule')} checked, digest {identity.digest}")
    for name, rule in sorted(rules.items()):
        requires = ", ".join(rule.requires) or "image and target only"
        show(f"  {name:<20} {rule.title} (reads {requires})")
    return 0
