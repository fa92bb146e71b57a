"""From ``--policy`` and the configuration to a loaded policy set."""

from __future__ import annotations

from pushpolicy.cli.config import DEFAULT, Config
from pushpolicy.cli.report import say
from pushpolicy.engines import Compiler
from pushpolicy.evaluate import PACK, PolicySet, RepositoryPolicy, load_policy
from pushpolicy.model.text import printable


def load(policies: tuple[str, ...], config: Config, compiler: Compiler) -> PolicySet:
    """What ``--policy`` names, or the shipped pack; with what the repository adds.

    Raises:
        PolicyError: when it does not load.
    """
    policy = load_policy(policies or (PACK,), compiler, repository_policy(config))
    for warning in policy.warnings:
        say(f"warning: {printable(warning, 500)}", color="yellow")
    return policy


def repository_policy(config: Config) -> RepositoryPolicy:
    """What the configuration says about rules."""
    return RepositoryPolicy(
        rules=config.policies,
        settings=config.settings,
        waivers=config.waivers,
        file=str(config.path or DEFAULT),
    )
