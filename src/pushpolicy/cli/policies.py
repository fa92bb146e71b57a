"""From ``--policy``, ``--engine`` and the configuration to what decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pushpolicy.cli import environment
from pushpolicy.cli.config import DEFAULT, Config, read_config
from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.report import say
from pushpolicy.engines import Compiler, LocalOpa, find_engine
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import PACK, Decide, PolicySet, RepositoryPolicy, load_policy, start_decision
from pushpolicy.evaluate.authority import lies_in, parse_repo_may
from pushpolicy.files import real
from pushpolicy.model.text import printable

_NOTHING = RepositoryPolicy()


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
        EngineError: as `judging_engine`.
    """
    settings, opa = read_config(config), judging_engine(options.engine)
    return PolicyAndEngine(settings, opa, load(options, opa, repository_policy(settings, options)))


def judging_engine(option: str | None) -> LocalOpa:
    """The engine of the companion wheel, or the one of ``--engine``.

    Raises:
        EngineError: when there is none, or it lies in the checkout, which never brings what judges it.
    """
    if option is not None and lies_in(option, _Checkout()):
        raise EngineError(
            f"the OPA program {printable(option)} lies inside the checkout that is judged",
            "keep it elsewhere, or use that of the companion wheel",
        )
    return find_engine(option)


@contextmanager
def start_engine(config: str | None, options: PolicyOptions) -> Iterator[PolicyAndEngine]:
    """The same, and OPA is started: it loads and is hashed while the rest of the program is imported.

    Raises:
        PushPolicyError: as `read_policy`, and when OPA cannot be started.
    """
    read = read_policy(config, options)
    with start_decision(read.policy, read.engine) as decide:
        yield read._replace(decide=decide)


def load(options: PolicyOptions, compiler: Compiler, repository: RepositoryPolicy = _NOTHING) -> PolicySet:
    """What ``--policy`` names, or the shipped pack; with what the judged checkout adds.

    Raises:
        PolicyError: when it does not load.
    """
    policy = load_policy(options.policies or (PACK,), compiler, repository, options.trust)
    for warning in policy.warnings:
        say(f"warning: {printable(warning, 500)}", color="yellow")
    return policy


def repository_policy(config: Config, options: PolicyOptions) -> RepositoryPolicy:
    """What the configuration says about rules, and what the command line lets it do.

    Raises:
        UsageError: when ``--repo-may`` has another form.
    """
    return RepositoryPolicy(
        rules=config.policies,
        settings=config.settings,
        waivers=config.waivers,
        file=str(config.path or DEFAULT),
        content=config.content,
        checkout=_Checkout(),
        may=parse_repo_may(options.repo_may),
    )


class _Checkout:
    """The checkout that is judged, asked only where a policy or a wish of the configuration depends on it."""

    @property
    def roots(self) -> Sequence[Path]:
        from pushpolicy.gather.checkout.repository import all_enclosing

        workspace = real(environment.workspace())
        return all_enclosing(workspace) or [workspace]

    def may_track(self, path: Path) -> bool:
        from pushpolicy.gather.checkout import may_be_in_head

        return any(may_be_in_head(root, path, environment.environment()) for root in self.roots)

    def unproven(self, path: Path, content: bytes) -> str | None:
        from pushpolicy.gather.checkout import FileState, state_in_head

        return {
            FileState.TRACKED: None,
            FileState.DIFFERS: f"{path} is not as HEAD has it",
            FileState.UNTRACKED: f"git does not track {path}",
        }[state_in_head(environment.workspace(), path, content, environment.environment())]
