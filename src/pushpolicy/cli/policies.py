"""From ``--policy``, ``--engine`` and the configuration to what decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from pushpolicy.cli.artifacts import PolicyRegistries, fetched
from pushpolicy.cli.checkout import Checkout
from pushpolicy.cli.config import DEFAULT, Config, read_config
from pushpolicy.cli.engine import Judge, judge
from pushpolicy.cli.options import PolicyOptions, ServerOptions
from pushpolicy.cli.report import say
from pushpolicy.engines import Compiler
from pushpolicy.errors import UsageError
from pushpolicy.evaluate import PACK, Decide, PolicySet, RepositoryPolicy, load_policy, start_decision
from pushpolicy.evaluate.authority import Origin, origin_of, parse_repo_may
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.evaluate.conftest import Conftest

_NOTHING = RepositoryPolicy()
_NO_SERVER = ServerOptions()


class PolicyAndEngine(NamedTuple):
    """What decides, and the configuration it was read with.

    Attributes:
        judge: the engine, with the OPA of this machine.
        decide: the decision that a started OPA waits for, if one was started; for one document.
    """

    config: Config
    judge: Judge
    policy: PolicySet
    decide: Decide | None = None


def read_policy(
    config: str | None,
    options: PolicyOptions,
    server: ServerOptions = _NO_SERVER,
    registries: PolicyRegistries = PolicyRegistries(),  # noqa: B008 - it is frozen
) -> PolicyAndEngine:
    """What ``--config`` and the policy options say.

    Raises:
        UsageError: when the configuration is wrong.
        PolicyError: when the policy does not load.
        EngineError: as `judge`.
    """
    settings, judging = read_config(config), judge(options.engine, server)
    policy = load(options, judging, repository_policy(settings, options), registries)
    return PolicyAndEngine(settings, judging, policy)


@contextmanager
def start_engine(
    config: str | None, options: PolicyOptions, server: ServerOptions, registries: PolicyRegistries
) -> Iterator[PolicyAndEngine]:
    """The same, and OPA is started: it loads and is hashed while the rest of the program is imported.

    Raises:
        PushPolicyError: as `read_policy`, and when OPA cannot be started.
    """
    read = read_policy(config, options, server, registries)
    with start_decision(read.policy, read.judge.engine) as decide:
        yield read._replace(decide=decide)


def load(
    options: PolicyOptions,
    compiler: Compiler,
    repository: RepositoryPolicy = _NOTHING,
    registries: PolicyRegistries = PolicyRegistries(),  # noqa: B008 - it is frozen
) -> PolicySet:
    """What ``--policy`` names, or the shipped pack; with what the judged checkout adds.

    Raises:
        PolicyError: when it does not load.
    """
    sources, artifacts = options.policies or (PACK,), fetched(options.policies, options, registries)
    policy = load_policy(sources, compiler, repository, options.trust, conftest_of(options), artifacts)
    for warning in policy.warnings:
        say(f"warning: {printable(warning, 500)}", color="yellow")
    return policy


def conftest_of(options: PolicyOptions) -> Conftest | None:
    """What ``--conftest`` and the options beside it name; None without it.

    Raises:
        UsageError: when one of those stands alone.
    """
    if not options.conftest:
        if options.namespaces or options.data or options.rego_version:
            raise UsageError(
                "--namespace, --data and --rego-version say how policies of conftest are read",
                "name these with --conftest DIR",
            )
        return None
    from pushpolicy.evaluate.conftest import Conftest

    return Conftest(
        folders=options.conftest,
        namespaces=options.namespaces or ("main",),
        data=options.data,
        rego=options.rego_version or "v1",
    )


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
        checkout=Checkout(),
        may=parse_repo_may(options.repo_may),
    )


def repository_of(arguments: Sequence[str], options: PolicyOptions, config: str | None) -> RepositoryPolicy:
    """For a command about policies: what the configuration adds, and which checkout is judged.

    Where arguments name the set and there is no configuration, none is: this is the repository of the policy
    itself, which may set what it likes.

    Raises:
        UsageError: when the configuration is wrong.
    """
    read = read_config(config)
    repository = repository_policy(read, options)
    return replace(repository, checkout=None) if arguments and not read.content else repository


def on_their_own(arguments: Sequence[str], repository: RepositoryPolicy) -> Iterator[str]:
    """Which folders were checked as policies of their own, and would be the checkout's in a push."""
    if repository.checkout is None:
        for each in arguments:
            if origin_of(each, Checkout()) is Origin.CHECKOUT:
                yield (
                    f"{each} was checked as a policy of its own; in a push from this repository it could "
                    f"only add rules: --policy {each} checks that"
                )
