"""From ``--policy``, ``--engine`` and the configuration to what decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pushpolicy.cli.config import DEFAULT, Config, read_config
from pushpolicy.cli.report import say
from pushpolicy.engines import Compiler, LocalOpa, find_engine
from pushpolicy.evaluate import PACK, Decide, PolicySet, RepositoryPolicy, load_policy, start_decision
from pushpolicy.model.text import printable


class Judge(NamedTuple):
    """What decides.

    Attributes:
        decide: a decision that OPA has begun with, if it has; for one document.
    """

    config: Config
    engine: LocalOpa
    policy: PolicySet
    decide: Decide | None = None


def read_judge(config: str | None, policies: tuple[str, ...] = (), engine: str | None = None) -> Judge:
    """What the options of these names say.

    Raises:
        UsageError: when the configuration is wrong.
        PolicyError: when the policy does not load.
        EngineError: when there is no engine.
    """
    settings, opa = read_config(config), find_engine(engine)
    return Judge(settings, opa, load(policies, settings, opa))


@contextmanager
def judge_ahead(config: str | None, policies: tuple[str, ...], engine: str | None) -> Iterator[Judge]:
    """The same, and OPA is started: beside the rest of the program's own start it gets ready and is hashed.

    Raises:
        PushPolicyError: as `read_judge`, and when OPA cannot be started.
    """
    judge = read_judge(config, policies, engine)
    with start_decision(judge.policy, judge.engine) as decide:
        yield judge._replace(decide=decide)


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
