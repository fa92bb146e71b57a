"""What ``push`` and ``check`` do once OPA is at work, and how they report it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.cli.gathering import note_seen
from pushpolicy.cli.policies import Judge
from pushpolicy.cli.progress import progress
from pushpolicy.cli.render.text import decision_lines, denial_advice, published_lines
from pushpolicy.cli.report import Output, say, write_reports
from pushpolicy.cli.request import all_requests, push_request
from pushpolicy.evaluate import PolicySet
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import printable
from pushpolicy.pipeline import Outcome, PushRequest, admit_all, check_all
from pushpolicy.records import RawReports

KEPT = Path("pushpolicy-evidence.json")
ALL_SCHEMA = "pushpolicy.push-all/v1"


def requests(judge: Judge, image: str | None, **given: Any) -> tuple[PushRequest, ...]:
    """What is to be pushed: the image, or every one of the configuration.

    Raises:
        UsageError: when an option is wrong.
    """
    options = {name: value for name, value in given.items() if name not in ("config", "policies", "engine")}
    if image is not None:
        return (push_request(judge, image, **options),)
    return all_requests(judge, **{name: options[name] for name in options if name not in ("target", "tags")})


def check(wanted: tuple[PushRequest, ...]) -> tuple[Outcome, ...]:
    """Decide, and write nothing to a target."""
    return check_all(wanted)


def publish(wanted: tuple[PushRequest, ...], *, full: bool, raw: str, quiet: bool) -> tuple[Outcome, ...]:
    """Decide, and push what is allowed; the arguments are the options of those names."""
    with progress(quiet=quiet) as shown:
        return admit_all(
            tuple(replace(each, full=full, raw=RawReports(raw), progress=shown) for each in wanted)
        )


def report(
    policy: PolicySet,
    outcomes: tuple[Outcome, ...],
    wanted: tuple[Output, ...],
    *,
    quiet: bool,
    given: dict[str, Any],
) -> int:
    """Write the reports of what the policy made of the images; on DENY keep the evidence beside them.

    Returns:
        the exit code: 0, or 10 as soon as one is denied.
    """
    denied = [outcome for outcome in outcomes if not outcome.decision.allowed]
    with _interrupted_late(outcomes):
        if not quiet:
            note_seen(dict.fromkeys(seen for outcome in outcomes for seen in outcome.gathered.seen))
        kept = {id(item): _keep(item.evidence, number) for number, item in enumerate(denied, start=1)}
        write_reports(
            wanted,
            text=lambda: _texts(policy, outcomes, kept, given),
            json=lambda: _jsons(outcomes),
        )
    return errors.EXIT_DENIED if denied else errors.EXIT_OK


@contextmanager
def _interrupted_late(outcomes: tuple[Outcome, ...]) -> Iterator[None]:
    """Have an interrupt say what is published by now."""
    try:
        yield
    except KeyboardInterrupt as error:
        if all(outcome.published is None for outcome in outcomes):
            raise
        raise errors.StoppedError(
            "interrupted while the report was written: the image is published", "look at the tags"
        ) from error


def _texts(
    policy: PolicySet,
    outcomes: tuple[Outcome, ...],
    kept: Mapping[int, Path | None],
    given: dict[str, Any],
) -> Iterator[str]:
    for number, outcome in enumerate(outcomes):
        if number:
            yield ""
        yield from _text(outcome)
        if path := kept.get(id(outcome)):
            yield from denial_advice(outcome.decision, str(path), _reproduce(path, given), policy.unwaivable)
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


def _reproduce(kept: Path, given: dict[str, Any]) -> str:
    words = ["pushpolicy", "evaluate", str(kept)]
    for name in ("config", "engine"):
        if given[name]:
            words += [f"--{name}", given[name]]
    for policy in given["policies"]:
        words += ["--policy", policy]
    return shlex.join(words)
