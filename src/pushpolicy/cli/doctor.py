"""``pushpolicy doctor``: what is found here, before anybody depends on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from pushpolicy import __version__, errors
from pushpolicy.cli import environment
from pushpolicy.cli.config import DEFAULT, read_config
from pushpolicy.cli.report import show
from pushpolicy.engines import find_engine
from pushpolicy.errors import PushPolicyError, UsageError
from pushpolicy.gather import Limits
from pushpolicy.gather.checkout import find_git
from pushpolicy.gather.ci import evidence as ci
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.reports.recognise import PLACES


@click.command("doctor", short_help="Say what is found here: engine, reports, CI, credential.")
@click.argument("repository", required=False)
@click.option("--engine", metavar="PATH", help="The opa program to look at.")
@click.option("--config", metavar="FILE", help="The configuration to look at.")
def command(repository: str | None, engine: str | None, config: str | None) -> int:
    """Say what a push from this folder would use: engine, configuration, CI context and reports.

    With REPOSITORY, as REGISTRY/REPO, also where its credential comes from; the registry is not asked.
    Ends with 30 when there is no usable engine, with 2 when the configuration or a credential file is wrong.
    """
    show(f"{'pushpolicy':<14} {__version__}, Python {sys.version.split()[0]}")
    code = max(_say("engine", _engine(engine)), _say("configuration", _config(config)))
    _say("git", iter([str(find_git() or "not in the usual places: --git names it, to judge the checkout")]))
    _say("CI", _ci())
    if repository is not None:
        code = max(code, _say("credential", _credential(repository)))
    _say("reports", _reports())
    _say("usual places", iter([", ".join(sorted(PLACES))]))
    _say("formats", _formats())
    return code


def _say(name: str, lines: Iterator[str]) -> int:
    """Print the lines under a name, or the error they end with.

    Returns:
        the exit code of that error, or 0.
    """
    label = name
    try:
        for line in lines:
            show(f"{label:<14} {printable(line, 400)}")
            label = ""
    except PushPolicyError as error:
        show(f"{label:<14} {printable(error.message, 400)}")
        if error.hint:
            show(f"{'':<14} -> {printable(error.hint, 400)}")
        return error.exit_code
    return errors.EXIT_OK


def _engine(option: str | None) -> Iterator[str]:
    engine = find_engine(option)
    identity = engine.identity()
    yield f"{identity.name} {identity.version} {identity.digest}"
    yield str(engine.executable)


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

    found = [item for item in find_reports(environment.workspace(), Limits()) if item.taken_for]
    for item in found:
        yield f"{item.path}: {item.taken_for} {item.note}".rstrip()
    if not found:
        yield "none is found here; name them with --evidence, or put them in one of the usual places"
