"""The options by which records are looked for, and what they mean."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click
import msgspec

from pushpolicy.audit.outcome import Outcome
from pushpolicy.audit.selection import Selection
from pushpolicy.cli import environment
from pushpolicy.cli.audit.options import duration
from pushpolicy.cli.options import group
from pushpolicy.errors import UsageError
from pushpolicy.model.text import printable
from pushpolicy.model.times import is_time

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RESULTS = {"allow": Outcome.ALLOWED, "deny": Outcome.DENIED, "observed": Outcome.OBSERVED}


class SelectionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """As they were given."""

    since: str | None = None
    until: str | None = None
    repositories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    waived: bool = False
    waivers: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    anchored: bool | None = None
    verified: bool | None = None


selection_options = group(
    "selected",
    SelectionOptions,
    click.option(
        "--since",
        metavar="TIME",
        help="Decided then or later: 2026-11-01, 2026-11-01T10:00:00Z, or 7d ago (12h, 4w).",
    ),
    click.option("--until", metavar="TIME", help="Decided before that; of a date, until its end in UTC."),
    click.option(
        "--repository",
        "repositories",
        multiple=True,
        metavar="GLOB",
        help="For this repository; `*` stops at a slash, `**` does not. This and what follows is repeatable: "
        "one of them has to fit, whatever the case of its letters.",
    ),
    click.option("--tag", "tags", multiple=True, metavar="GLOB", help="For this tag."),
    click.option(
        "--result",
        "results",
        multiple=True,
        type=click.Choice(list(_RESULTS)),
        help="How it was decided; observed: allowed only since nothing was enforced.",
    ),
    click.option(
        "--rule",
        "rules",
        multiple=True,
        metavar="GLOB",
        help="In which this rule found something: it denied, warned, or was waived.",
    ),
    click.option(
        "--finding",
        "findings",
        multiple=True,
        metavar="GLOB",
        help="In which a rule found this: CVE-2024-1234.",
    ),
    click.option("--waived", is_flag=True, help="That relied on a waiver."),
    click.option(
        "--waiver",
        "waivers",
        multiple=True,
        metavar="GLOB",
        help="That relied on this waiver, by its finding, purl, rule, ticket or approver.",
    ),
    click.option(
        "--actor", "actors", multiple=True, metavar="GLOB", help="Run by them, by the word of the CI."
    ),
    click.option(
        "--commit", "commits", multiple=True, metavar="SHA", help="Of this commit, or its beginning."
    ),
    click.option(
        "--credential",
        "credentials",
        multiple=True,
        metavar="GLOB",
        help="Pushed with a credential from there: secret-env, workload-identity, file, a variable, ...",
    ),
    click.option("--anchored/--not-anchored", default=None, help="Whether everything that decided is known."),
    click.option(
        "--verified/--not-verified", default=None, help="With --trust: whether a listed key vouches for it."
    ),
)


def selection(given: SelectionOptions, trust: str | None) -> Selection:
    """What they mean.

    Raises:
        UsageError: when a time is none, no time is between both, or nothing can be verified.
    """
    if given.verified is not None and trust is None:
        raise UsageError(
            "--verified and --not-verified: nothing says whose signatures count",
            "--trust FILE: a trust.yaml, or a public key in PEM",
        )
    since, until = _moment(given.since, "--since"), _moment(given.until, "--until", whole_day=True)
    if since and until and since >= until:
        raise UsageError(
            "--since is not before --until: no record can fit", "exchange them, or leave one out"
        )
    return Selection(
        since=since,
        until=until,
        repositories=given.repositories,
        tags=given.tags,
        results=tuple(_RESULTS[each] for each in given.results),
        rules=given.rules,
        findings=given.findings,
        waivers=given.waivers,
        waived=given.waived,
        actors=given.actors,
        commits=given.commits,
        credentials=given.credentials,
        anchored=given.anchored,
        verified=given.verified,
    )


def _moment(text: str | None, option: str, *, whole_day: bool = False) -> datetime | None:
    if text is None:
        return None
    if is_time(text):
        return datetime.fromisoformat(text)
    if _DATE.fullmatch(text) and is_time(f"{text}T00:00:00Z"):
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1 if whole_day else 0)
    if (ago := duration(text)) is not None:
        return environment.now() - ago
    raise UsageError(
        f"{option} {printable(text)} is no time",
        "a date (2026-11-01), a time (2026-11-01T10:00:00Z), or how long ago (7d; s, m, h, d or w)",
    )
