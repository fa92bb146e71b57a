"""What ``push`` and ``check`` do once OPA is at work, and how they report it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pushpolicy import errors
from pushpolicy.cli.gathering import note_seen
from pushpolicy.cli.options import PublishOptions, PushOptions
from pushpolicy.cli.policies import PolicyAndEngine
from pushpolicy.cli.progress import progress
from pushpolicy.cli.render.text import decision_lines, denial_advice, published_lines
from pushpolicy.cli.report import Output, say, write_reports
from pushpolicy.cli.request import push_requests
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import first_of, printable
from pushpolicy.pipeline import Outcome, admit_all, check_all

KEPT = Path("pushpolicy-evidence.json")
ALL_SCHEMA = "pushpolicy.push-all/v1"


def publish(
    deciding: PolicyAndEngine,
    image: str | None,
    target: str | None,
    options: PushOptions,
    publish: PublishOptions,
    reports: tuple[Output, ...],
    *,
    quiet: bool,
) -> int:
    """Decide about IMAGE, or every image of the configuration, push what is allowed, and report it.

    On DENY the evidence is kept in the current folder.

    Returns:
        the exit code: 0, or 10 as soon as one is denied.

    Raises:
        PushPolicyError: as `push_requests` and `admit_all` do.
    """
    if publish.dry_run:
        outcomes = check_all(push_requests(deciding, image, target, options, publish))
    else:
        with progress(quiet=quiet) as shown:
            outcomes = admit_all(push_requests(deciding, image, target, options, publish, shown))
    denied = [outcome for outcome in outcomes if not outcome.decision.allowed]
    with _published_before(outcomes):
        if not quiet:
            note_seen(dict.fromkeys(seen for outcome in outcomes for seen in outcome.gathered.seen))
        kept = {id(item): _keep(item.evidence, number) for number, item in enumerate(denied, start=1)}
        return write_reports(
            reports,
            text=lambda: _texts(deciding, outcomes, kept, options),
            json=lambda: _jsons(outcomes),
            code=errors.EXIT_DENIED if denied else errors.EXIT_OK,
        )


@contextmanager
def _published_before(outcomes: tuple[Outcome, ...]) -> Iterator[None]:
    """Have an interrupt, and a report that cannot be written, say what is published by now."""
    published = [outcome.published for outcome in outcomes if outcome.published]
    try:
        yield
    except KeyboardInterrupt as error:
        if not published:
            raise
        raise errors.StoppedError(
            "interrupted while the report was written: the image is published", "look at the tags"
        ) from error
    except errors.InputError as error:
        if not published:
            raise
        names = first_of([f"{each.target}@{each.digest}" for each in published], 3)
        raise errors.IncompleteError(
            f"published {names}, but without a report: {error.message}", error.hint
        ) from error


def _texts(
    deciding: PolicyAndEngine,
    outcomes: tuple[Outcome, ...],
    kept: Mapping[int, Path | None],
    options: PushOptions,
) -> Iterator[str]:
    for number, outcome in enumerate(outcomes):
        if number:
            yield ""
        yield from _text(outcome)
        if path := kept.get(id(outcome)):
            command = _reproduce(path, options)
            yield from denial_advice(outcome.decision, str(path), command, deciding.policy.unwaivable)
    if len(outcomes) > 1 and kept:
        yield ""
        yield f"nothing was pushed: {len(kept)} of {len(outcomes)} images are denied"


def _jsons(outcomes: tuple[Outcome, ...]) -> bytes:
    """One image's document as it is; those of several in one that names them all."""
    documents = [_json(outcome) for outcome in outcomes]
    if len(documents) == 1:
        return documents[0].content
    return Document.of({"schema": ALL_SCHEMA, "images": [each.value for each in documents]}).content


def _text(outcome: Outcome) -> Iterator[str]:
    yield from decision_lines(outcome.decision)
    yield from (f"{'note:':<15} {printable(note, 400)}" for note in outcome.notes)
    if outcome.published:
        yield from published_lines(outcome.published)


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


def _reproduce(kept: Path, options: PushOptions) -> str:
    words = ["pushpolicy", "evaluate", str(kept)]
    given = {
        "--config": options.gathering.config,
        "--engine": options.policy.engine,
        "--trust": options.policy.trust,
    }
    for name, value in given.items():
        if value:
            words += [name, value]
    for policy in options.policy.policies:
        words += ["--policy", policy]
    for may in options.policy.repo_may:
        words += ["--repo-may", may]
    return shlex.join(words)
