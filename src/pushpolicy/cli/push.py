"""``pushpolicy push`` and what it shares with ``check``: decide, publish on ALLOW, report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pushpolicy import errors
from pushpolicy.cli import options
from pushpolicy.cli.gathering import note_seen
from pushpolicy.cli.progress import TerminalProgress, on_terminal
from pushpolicy.cli.render.text import decision_lines, denial_advice, published_lines
from pushpolicy.cli.report import Output, outputs, say, write_reports
from pushpolicy.cli.request import push_request
from pushpolicy.model.document import Document, plain
from pushpolicy.pipeline import Outcome, PushRequest, admit
from pushpolicy.pipeline import check as check_only
from pushpolicy.records import RawReports

KEPT = Path("pushpolicy-evidence.json")


@click.command("push", short_help="Decide, publish on ALLOW, attach the record, verify, move the tags.")
@click.argument("image")
@click.argument("target")
@options.gather_options
@options.policy_options
@options.registry_options
@click.option("--dry-run", is_flag=True, help="Decide only, as `pushpolicy check` does.")
@click.option(
    "--verify",
    type=click.Choice(["head", "full"]),
    default="head",
    show_default=True,
    help="How layers are verified after the push: head asks for size and presence, full reads them back.",
)
@click.option(
    "--raw",
    type=click.Choice(["keep", "digest"]),
    default="keep",
    show_default=True,
    help="Whether the record keeps the raw reports, or only their digests.",
)
@options.format_option
@options.quiet_option
def command(
    image: str, dry_run: bool, verify: str, raw: str, formats: tuple[str, ...], quiet: bool, **given: Any
) -> int:
    """Publish IMAGE as TARGET if policy allows it, with the evidence attached.

    IMAGE is oci:DIR[:REF], oci-archive:FILE[:REF] or a path to one.
    TARGET is REGISTRY/REPO:TAG, or oci:DIR:TAG for a folder.
    """
    wanted = outputs(formats)
    request = push_request(image, **given)
    if dry_run:
        return decide(request, wanted, quiet=quiet, given=given)
    request = replace(request, full=verify == "full", raw=RawReports(raw))
    outcome = _admit(request, quiet=quiet)
    return report(outcome, wanted, quiet=quiet, given=given)


def decide(request: PushRequest, wanted: tuple[Output, ...], *, quiet: bool, given: dict[str, Any]) -> int:
    """Gather and evaluate without a write to the target, and report.

    Returns:
        the exit code: 0 or 10.
    """
    return report(check_only(request), wanted, quiet=quiet, given=given)


def _admit(request: PushRequest, *, quiet: bool) -> Outcome:
    if quiet or not on_terminal():
        return admit(request)
    progress = TerminalProgress()
    try:
        return admit(replace(request, progress=progress))
    finally:
        progress.clear()


def report(outcome: Outcome, wanted: tuple[Output, ...], *, quiet: bool, given: dict[str, Any]) -> int:
    """Write the reports of an outcome; on DENY keep the evidence beside them.

    Returns:
        the exit code: 0 or 10.
    """
    if not quiet:
        note_seen(outcome.gathered.seen)
    kept = None if outcome.decision.allowed else _keep(outcome.evidence)
    write_reports(
        wanted,
        text=lambda: _text(outcome, kept, given),
        json=lambda: _json(outcome),
    )
    return errors.EXIT_OK if outcome.decision.allowed else errors.EXIT_DENIED


def _text(outcome: Outcome, kept: Path | None, given: dict[str, Any]) -> Iterator[str]:
    yield from decision_lines(outcome.decision)
    if outcome.published:
        yield from published_lines(outcome.published)
    if kept:
        yield from denial_advice(outcome.decision, str(kept), _reproduce(kept, given))


def _json(outcome: Outcome) -> bytes:
    """The decision document; of a push, with where the image is published now."""
    decision = outcome.decision.document()
    if outcome.published is None:
        return decision.content
    published = outcome.published
    where = {"digest": published.digest, "tags": published.target.tags, "record": published.record.digest}
    return Document.of({**decision.value, "published": plain(where)}).content


def _keep(evidence: Document) -> Path:
    try:
        KEPT.write_bytes(evidence.content + b"\n")
    except OSError as error:
        say(f"pushpolicy: the evidence could not be kept as {KEPT}: {error.strerror}")
    return KEPT


def _reproduce(kept: Path, given: dict[str, Any]) -> str:
    words = ["pushpolicy", "evaluate", str(kept)]
    for name in ("config", "engine"):
        if given[name]:
            words += [f"--{name}", given[name]]
    for policy in given["policies"]:
        words += ["--policy", policy]
    return shlex.join(words)
