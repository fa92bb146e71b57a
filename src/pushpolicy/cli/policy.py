"""``pushpolicy policy``: for whoever writes rules."""

from __future__ import annotations

import click

from pushpolicy.cli import options
from pushpolicy.cli.config import read_config
from pushpolicy.cli.policies import repository_policy
from pushpolicy.cli.render.text import count
from pushpolicy.cli.report import show
from pushpolicy.engines import find_engine
from pushpolicy.evaluate import PACK, check_policy


@click.group("policy", short_help="Check the policies that decide.")
def command() -> None:
    """Work on policies."""


@command.command("check")
@click.argument("policies", nargs=-1, metavar="[pack|DIR|FILE]...")
@click.option("--policy", "more", multiple=True, metavar="pack|DIR|FILE", help="The same as an argument.")
@click.option("--engine", metavar="PATH", help="The opa program; default: that of the pushpolicy-opa wheel.")
@options.config_option
def check(policies: tuple[str, ...], more: tuple[str, ...], engine: str | None, config: str | None) -> int:
    """Load policies as a push would, and find what would silently never deny."""
    policy = check_policy(
        (*policies, *more) or (PACK,), find_engine(engine), repository_policy(read_config(config))
    )
    rules = policy.index.rules
    show(f"{policy.identity.source}: {count(len(rules), 'rule')} checked, digest {policy.identity.digest}")
    for name, rule in sorted(rules.items()):
        requires = ", ".join(rule.requires) or "image and target only"
        show(f"  {name:<20} {rule.title} (reads {requires})")
    return 0
