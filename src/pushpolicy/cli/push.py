"""``pushpolicy push`` and what it shares with ``check``: decide, publish on ALLOW, report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.cli import options
from pushpolicy.cli.gathering import note_seen
from pushpolicy.cli.progress import progress
from pushpolicy.cli.render.text import decision_lines, denial_advice, published_lines
from pushpolicy.cli.report import Output, outputs, say, write_reports
from pushpolicy.cli.request import all_requests, push_request
from pushpolicy.errors import UsageError
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import printable
from pushpolicy.pipeline import Outcome, PushRequest, admit_all, check_all
from pushpolicy.records import RawReports

KEPT = Path("pushpolicy-evidence.json")
ALL_SCHEMA = "pushpolicy.push-all/v1"


@click.command("push", short_help="Decide, publish on ALLOW, attach the record, verify, move the tags.")
@click.argument("image", required=False)
@click.argument("target", required=False)
@options.gather_options
@options.part_option
@options.policy_options
@options.registry_options
@options.source_options
@click.option("--all", "everything", is_flag=True, help="Push the images of the configuration: all, or none.")
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
    image: str | None,
    everything: bool,
    dry_run: bool,
    verify: str,
    raw: str,
    formats: tuple[str, ...],
    quiet: bool,
    **given: Any,
) -> int:
    """Publish IMAGE as TARGET if policy allows it, with the evidence attached.

    IMAGE is oci:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF] (docker save; - for standard
    input), docker-daemon:NAME[:TAG], docker://REGISTRY/REPO[:TAG|@DIGEST], or a path to one.
    TARGET is REGISTRY/REPO:TAG, or oci:DIR:TAG for a folder.
    """
    wanted = outputs(formats)
    requests = _requests(image, everything=everything, given=given)
    if not dry_run:
        requests = tuple(replace(each, full=verify == "full", raw=RawReports(raw)) for each in requests)
    outcomes = check_all(requests) if dry_run else _admit(requests, quiet=quiet)
    return report(outcomes, wanted, quiet=quiet, given=given)


def _requests(image: str | None, *, everything: bool, given: dict[str, Any]) -> tuple[PushRequest, ...]:
    if not everything:
        if image is None or given["target"] is None:
            raise UsageError("IMAGE and TARGET are missing", "or --all, for the images of the configuration")
        return (push_request(image, **given),)
    if image is not None or given["tags"]:
        raise UsageError("--all: the configuration names each image with its target and tags")
    return all_requests(**{name: value for name, value in given.items() if name not in ("target", "tags")})


def _admit(requests: tuple[PushRequest, ...], *, quiet: bool) -> tuple[Outcome, ...]:
    shown = progress(quiet=quiet)
    return admit_all(tuple(replace(each, progress=shown) for each in requests))


def report(
    outcomes: tuple[Outcome, ...], wanted: tuple[Output, ...], *, quiet: bool, given: dict[str, Any]
) -> int:
    """Write the reports of the outcomes; on DENY keep the evidence beside them.

    Returns:
        the exit code: 0, or 10 as soon as one is denied.
    """
    if not quiet:
        note_seen(dict.fromkeys(seen for outcome in outcomes for seen in outcome.gathered.seen))
    denied = [outcome for outcome in outcomes if not outcome.decision.allowed]
    kept = {id(outcome): _keep(outcome.evidence, number) for number, outcome in enumerate(denied, start=1)}
    write_reports(
        wanted,
        text=lambda: _texts(outcomes, kept, given),
        json=lambda: _jsons(outcomes),
    )
    return errors.EXIT_DENIED if denied else errors.EXIT_OK


def _texts(
    outcomes: tuple[Outcome, ...], kept: Mapping[int, Path | None], given: dict[str, Any]
) -> Iterator[str]:
    for number, outcome in enumerate(outcomes):
        if number:
            yield ""
        yield from _text(outcome, kept.get(id(outcome)), given)
    if len(outcomes) > 1 and kept:
        yield ""
        yield f"nothing was pushed: {len(kept)} of {len(outcomes)} images are denied"


def _jsons(outcomes: tuple[Outcome, ...]) -> bytes:
    """One image's document as it is; those of several in one that names them all."""
    documents = [_json(outcome) for outcome in outcomes]
    if len(documents) == 1:
        return documents[0].content
    return Document.of({"schema": ALL_SCHEMA, "images": [each.value for each in documents]}).content


def _text(outcome: Outcome, kept: Path | None, given: dict[str, Any]) -> Iterator[str]:
    yield from decision_lines(outcome.decision)
    yield from (f"{'note:':<15} {printable(note, 400)}" for note in outcome.notes)
    if outcome.published:
        yield from published_lines(outcome.published)
    if kept:
        yield from denial_advice(outcome.decision, str(kept), _reproduce(kept, given))


def _json(outcome: Outcome) -> Document:
    """The decision document; of a push, with where the image is published now."""
    decision = outcome.decision.document()
    added: dict[str, Any] = {"notes": list(outcome.notes)} if outcome.notes else {}
    if published := outcome.published:
        where = {"digest": published.digest, "tags": published.target.tags, "record": published.record.digest}
        added["published"] = plain(where)
    return Document.of({**decision.value, **added}) if added else decision


def _keep(evidence: Document, number: int) -> Path | None:
    path = KEPT if number == 1 else KEPT.with_stem(f"{KEPT.stem}-{number}")
    try:
        # Anew: the checkout may bring along a link of this name that leads anywhere.
        path.unlink(missing_ok=True)
        with path.open("xb") as file:
            file.write(evidence.content + b"\n")
    except OSError as error:
        say(f"pushpolicy: the evidence could not be kept as {path}: {error.strerror}")
        return None
    return path


def _reproduce(kept: Path, given: dict[str, Any]) -> str:
    words = ["pushpolicy", "evaluate", str(kept)]
    for name in ("config", "engine"):
        if given[name]:
            words += [f"--{name}", given[name]]
    for policy in given["policies"]:
        words += ["--policy", policy]
    return shlex.join(words)
