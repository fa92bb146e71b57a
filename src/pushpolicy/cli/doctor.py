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
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.policies import judging_engine
from pushpolicy.cli.report import Outputs
from pushpolicy.errors import InputError, PushPolicyError, UsageError
from pushpolicy.gather import Limits, ci
from pushpolicy.gather.checkout import find_git
from pushpolicy.model.document import Document, plain
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.reports.declared import PLACES
from pushpolicy.reports.process import ChildDiedError
from pushpolicy.reports.reader import is_confined


class _Check(NamedTuple):
    """What was found of one thing, and the error that looking ended with.

    Attributes:
        exit_code: that of the error, or 0.
    """

    name: str
    found: tuple[str, ...]
    problem: str | None = None
    hint: str | None = None
    exit_code: int = errors.EXIT_OK


@click.command("doctor", short_help="Say what is found here: engine, reports, CI, credential.")
@click.argument("repository", required=False)
@click.option("--engine", metavar="PATH", help="The opa program to look at.")
@click.option("--config", metavar="FILE", help="The configuration to look at.")
@shared.format_option(Kind.DOCTOR)
def command(repository: str | None, engine: str | None, config: str | None, outputs: Outputs) -> int:
    """Say what a push from this folder would use: engine, configuration, CI context and reports.

    With REPOSITORY, as REGISTRY/REPO, also where its credential comes from; the registry is not asked.
    Ends with 30 when there is no usable engine, with 2 when the configuration or a credential file is wrong.
    """
    places = ", ".join(sorted(PLACES))
    looks: dict[str, Callable[[], Iterable[str]]] = {
        "engine": lambda: _engine(engine),
        "configuration": lambda: _config(config),
        "git": lambda: [str(find_git() or "not in the usual places: --git names it, to judge the checkout")],
        "CI": _ci,
        **({} if repository is None else {"credential": lambda: _credential(repository)}),
        "reports": _reports,
        "readers": _readers,
        "usual places": lambda: [places],
        "formats": _formats,
    }
    checks = [_check(name, look) for name, look in looks.items()]
    report = Report(Kind.DOCTOR, lambda: _lines(checks), lambda: _document(checks))
    return outputs.write(report, max(check.exit_code for check in checks))


def _check(name: str, look: Callable[[], Iterable[str]]) -> _Check:
    found: list[str] = []
    try:
        for line in look():
            found.append(line)  # noqa: PERF402 - what comes before an error is kept
    except PushPolicyError as error:
        return _Check(name, tuple(found), error.message, error.hint, error.exit_code)
    return _Check(name, tuple(found))


def _lines(checks: Iterable[_Check]) -> Iterator[str]:
    yield f"{'pushpolicy':<14} {__version__}, Python {sys.version.split()[0]}"
    for check in checks:
        said = [*check.found, *([check.problem] if check.problem else [])]
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
            "checks": [plain(check._asdict()) for check in checks],
        }
    )


def _engine(option: str | None) -> Iterator[str]:
    engine = judging_engine(option)
    identity = engine.identity()
    yield f"{identity.name} {identity.version} {identity.digest}"
    yield str(engine.executable)


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


def _ci() -> Iterator[str]:
    context = ci.evidence(environment.environment())
    if context.provider is None:
        yield f"{context.status}: {context.reason}"
        return
    where = context.branch or context.tag or context.ref or "unknown ref"
    yield f"{context.provider}: event {context.event} of {where} in {context.repository}"


def _credential(text: str) -> Iterator[str]:
    from pushpolicy.registry.credentials import resolve

    place = environment.workspace()
    try:
        repository = Repository.parse(text)
    except ValueError as error:
        raise UsageError(f"REPOSITORY: {error}") from error
    found = resolve(repository, environment.environment(), environment.home(), place)
    where = (found.variable, found.helper, found.path)
    yield f"{found.source_kind} {' '.join(str(item) for item in where if item)}".rstrip()


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
