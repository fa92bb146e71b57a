"""From ``--policy``, ``--engine`` and the configuration to what decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pushpolicy.cli.config import DEFAULT, Config, read_config
from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.report import say
from pushpolicy.engines import Compiler, LocalOpa, find_engine
from pushpolicy.evaluate import PACK, Decide, PolicySet, RepositoryPolicy, load_policy, start_decision
from pushpolicy.model.text import printable


class PolicyAndEngine(NamedTuple):
    """What decides, and the configuration it was read with.

    Attributes:
        decide: the decision that a started OPA waits for, if one was started; for one document.
    """

    config: Config
    engine: LocalOpa
    policy: PolicySet
    decide: Decide | None = None


def read_policy(config: str | None, options: PolicyOptions) -> PolicyAndEngine:
    """What ``--config`` and the policy options say.

    Raises:
        UsageError: when the configuration is wrong.
        PolicyError: when the policy does not load.
        EngineError: when there is no engine.
    """
    settings, opa = read_config(config), find_engine(options.engine)
    return PolicyAndEngine(settings, opa, load(options.policies, settings, opa))


@contextmanager
def start_engine(config: str | None, options: PolicyOptions) -> Iterator[PolicyAndEngine]:
    """The same, and OPA is started: it loads and is hashed while the rest of the program is imported.

    Raises:
        PushPolicyError: as `read_policy`, and when OPA cannot be started.
    """
    read = read_policy(config, options)
    with start_decision(read.policy, read.engine) as decide:
        yield read._replace(decide=decide)


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
