"""``pushpolicy doctor``: what is found here, before anybody depends on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import NamedTuple

import click

from pushpolicy import __version__, errors
from pushpolicy.cli import environment
from pushpolicy.cli import options as shared
from pushpolicy.cli.config import DEFAULT, read_config
from pushpolicy.cli.engine import judge
from pushpolicy.cli.fields import Field, fields_of, sources_of
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.gathering import asked_jobs
from pushpolicy.cli.options import PolicyOptions, RegistryOptions, ServerOptions
from pushpolicy.cli.policies import load, repository_policy
from pushpolicy.cli.render.identity import proof
from pushpolicy.cli.report import Outputs
from pushpolicy.errors import InputError, PushPolicyError, UsageError
from pushpolicy.evaluate import evaluate
from pushpolicy.evaluate.sources import policies
from pushpolicy.gather import Asking, Limits, ci
from pushpolicy.gather.checkout import find_git
from pushpolicy.gather.ci.identity import Proof, prove
from pushpolicy.identity.token import offered
from pushpolicy.model.document import Document, plain
from pushpolicy.model.evidence import Status
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.reports.declared import PLACES
from pushpolicy.reports.process import ChildDiedError
from pushpolicy.reports.reader import is_confined

# Claims that the line before the fields shows already.
_SHOWN_OTHERWISE = frozenset(f"the token's {name}" for name in ("aud", "exp", "iat", "iss", "nbf"))
Look = Callable[[], Iterable[str | Field]]


class _Check(NamedTuple):
    """What was found of one thing, and the error that looking ended with.

    Attributes:
        fields: what is believed field by field, where the thing is evidence.
        exit_code: that of the error, or 0.
    """

    name: str
    found: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    problem: str | None = None
    hint: str | None = None
    exit_code: int = errors.EXIT_OK


@click.command("doctor", short_help="Say what is found here: engine, reports, CI, credential.")
@click.argument("repository", required=False)
@shared.policy_options
@shared.server_options
@click.option("--config", metavar="FILE", help="The configuration to look at.")
@shared.jobs_option
@shared.registry_options
@shared.format_option(Kind.DOCTOR)
def command(
    repository: str | None,
    policy: PolicyOptions,
    server: ServerOptions,
    config: str | None,
    jobs: str | None,
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Say what a push from this folder would use: engine, configuration, CI context and reports.

    What the CI system says is printed field by field, with who says it and how sure that is: the job's
    identity token, where it has one, is verified as a push with the same --policy and --trust would. With
    REPOSITORY, as REGISTRY/REPO, so is where its credential comes from and what it is; and what its
    registry can do, as far as it tells without being written to. Ends with 30 when there is no usable
    engine or the policy does not load, with 2 when the configuration or a credential file is wrong, with 40
    when the registry cannot be reached or read.
    """
    places = ", ".join(sorted(PLACES))
    looks: dict[str, Look] = {
        "engine": lambda: _engine(config, policy, server),
        "configuration": lambda: _config(config),
        "git": lambda: [str(find_git() or "not in the usual places: --git names it, to judge the checkout")],
        "CI": lambda: _ci(asked_jobs(jobs, registry), _proof(policy, server, registry)),
        **({"credential": _unasked} if repository is None else _of_registry(repository, registry)),
        "reports": _reports,
        "readers": _readers,
        "usual places": lambda: [places],
        "formats": _formats,
    }
    checks = [_check(name, look) for name, look in looks.items()]
    report = Report(Kind.DOCTOR, lambda: _lines(checks), lambda: _document(checks))
    return outputs.write(report, max(check.exit_code for check in checks))


def _check(name: str, look: Look) -> _Check:
    found: list[str] = []
    fields: list[Field] = []
    try:
        # What comes before an error is kept.
        for item in look():
            if isinstance(item, Field):
                fields.append(item)
            else:
                found.append(item)
    except PushPolicyError as error:
        return _Check(name, tuple(found), tuple(fields), error.message, error.hint, error.exit_code)
    return _Check(name, tuple(found), tuple(fields))


def _lines(checks: Iterable[_Check]) -> Iterator[str]:
    yield f"{'pushpolicy':<14} {__version__}, Python {sys.version.split()[0]}"
    for check in checks:
        said = [*check.found, *map(str, check.fields), *([check.problem] if check.problem else [])]
        for label, line in zip(chain([check.name], repeat("")), said, strict=False):
            yield f"{label:<14} {printable(line, 400)}"
        if check.hint:
            yield f"{'':<14} -> {printable(check.hint, 400)}"


def _document(checks: Iterable[_Check]) -> Document:
    """``pushpolicy.doctor/v1``."""
    return Document.of(
        {
            "schema": "pushpolicy.doctor/v1",
            "version": __version__,
            "python": sys.version.split()[0],
            "checks": [
                plain({**check._asdict(), "fields": [field._asdict() for field in check.fields]})
                for check in checks
            ],
        }
    )


def _engine(config: str | None, policy: PolicyOptions, server: ServerOptions) -> Iterator[str]:
    judging = judge(policy.engine, server)
    if (local := judging.local) is not None:
        identity = local.identity()
        yield f"{identity.name} {identity.version} {identity.digest}"
        yield str(local.executable)
    if judging.engine is local:
        return
    yield f"beside the OPA server {policy.engine}" if local else f"only the OPA server {policy.engine}"
    example = (policies() / "schema" / "evidence.v1.example.json").read_bytes()
    # Nothing less shows that it can be reached, runs this policy and comes to the same answer.
    loaded = load(policy, judging, repository_policy(read_config(config), policy))
    decision = evaluate(loaded, Document.read(example), judging.engine)
    yield f"it runs policy {decision.policy.digest}, as this run does, and decided on an example"
    if decision.engine.is_delegated:
        yield "delegated: no OPA of this machine checks what it says, so that no decision is anchored"


def _readers() -> Iterator[str]:
    try:
        confined = is_confined(Limits())
    except ChildDiedError as error:
        raise InputError(f"no report can be read: {error}") from error
    rest = "can open and reach nothing" if confined else "has limits, and could open files: see SECURITY.md"
    yield f"a process without environment that {rest}"


def _config(option: str | None) -> Iterator[str]:
    config = read_config(option)
    yield str(config.path) if config.path else f"no {DEFAULT}: the defaults hold"


def _proof(policy: PolicyOptions, server: ServerOptions, registry: RegistryOptions) -> Proof | None:
    """What the job's identity token proves, by the issuers that the policy trusts; None where it has none."""
    environ = environment.environment()
    if not (offered(environ) or ci.in_cloud_build(environ)):
        return None
    from pushpolicy.cli.identity import token_access

    return prove(environ, token_access(load(policy, judge(policy.engine, server)).trust, registry))


def _ci(jobs: Asking | None, given: Proof | None) -> Iterator[str | Field]:
    context = ci.look(environment.environment(), asking=jobs, proof=given)
    found, told = context.evidence, context.told
    if found.status is not Status.COLLECTED:
        yield f"{found.status}: {found.reason}"
        if found.status is Status.MISSING:
            yield "elsewhere PUSHPOLICY_CI_* hand over what is known: docs/ci/other.md, docs/ci/laptop.md"
        yield from (Field(each.field, plain(each.value), "asserted", (each.source,)) for each in told)
        return
    where = found.branch or found.tag or found.ref or "unknown ref"
    yield f"{found.provider}: event {found.event} of {where} in {found.repository or 'unknown repository'}"
    yield f"identity {proof(plain(found))}"
    yield from fields_of(plain(found), sources_of(told))
    if identity := found.identity:
        shown = {each.source for each in told} | _SHOWN_OTHERWISE
        for name, value in (identity.claims or {}).items():
            if (source := f"the token's {name}") not in shown:
                yield Field(f"identity.claims.{name}", value, identity.assurance, (source,))
    named = {"branch or tag": found.branch or found.tag, "commit": found.commit}
    if lacking := " and no ".join(name for name, value in named.items() if value is None):
        yield f"no {lacking}: a push is denied; the job takes {context.advice}"


def _unasked() -> Iterator[str]:
    yield "`pushpolicy doctor REGISTRY/REPO` says which one a push there would show, and what it is"


def _of_registry(text: str, options: RegistryOptions) -> dict[str, Look]:
    """What is looked at of a repository; the registry is asked nothing once it did not answer."""
    from pushpolicy.cli.registries import parse_records
    from pushpolicy.cli.registry_checks import RegistryChecks

    try:
        places = {"": Repository.parse(text)}
    except ValueError as error:
        raise UsageError(f"REPOSITORY: {error}") from error
    if kept_in := parse_records(options.records):
        places["records: "] = kept_in
    return {
        f"{place}{name}": look
        for place, repository in places.items()
        for name, look in RegistryChecks(repository, options).looks.items()
    }


def _formats() -> Iterator[str]:
    from pushpolicy.reports.catalogue import by_kind

    for kind, items in by_kind().items():
        yield f"{kind}: {', '.join(item.name for item in items)}"


def _reports() -> Iterator[str]:
    from pushpolicy.gather.collect import find_reports

    seen = find_reports(environment.workspace(), Limits(), environment.environment())
    found = [item for item in seen if item.taken_for]
    for item in found:
        yield f"{item.path}: {item.taken_for} {item.note}".rstrip()
    for item in seen:
        if item.taken_for is None:
            yield f"{item.path}: not read: {item.note}"
    if not found:
        yield "none is found here; name them with --evidence, or put them in one of the usual places"
