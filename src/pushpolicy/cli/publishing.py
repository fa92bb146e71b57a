"""What ``push`` and ``check`` do once OPA is at work, and how they report it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from pushpolicy import errors
from pushpolicy.cli.gathering import note_seen
from pushpolicy.cli.options import PublishOptions, PushOptions
from pushpolicy.cli.policies import PolicyAndEngine
from pushpolicy.cli.progress import progress
from pushpolicy.cli.render import push as render
from pushpolicy.cli.render.push import Advice
from pushpolicy.cli.report import Outputs, complain, say
from pushpolicy.cli.request import push_requests
from pushpolicy.evaluate.prints import printing_rules
from pushpolicy.model.document import Document
from pushpolicy.model.text import first_of
from pushpolicy.pipeline import Outcome, admit_all, check_all
from pushpolicy.signing.keys import Signer

KEPT = Path("pushpolicy-evidence.json")


def publish(
    deciding: PolicyAndEngine,
    image: str | None,
    target: str | None,
    options: PushOptions,
    publish: PublishOptions,
    outputs: Outputs,
    signer: Callable[[], Signer] | None = None,
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
        outcomes = check_all(push_requests(deciding, image, target, options, publish, signer=signer))
    else:
        with progress(quiet=quiet) as shown:
            outcomes = admit_all(push_requests(deciding, image, target, options, publish, shown, signer))
    for lost in [outcome.untraced for outcome in outcomes if outcome.untraced]:
        complain(f"a denial could not be recorded, and leaves no trace: {lost.message}", lost.hint)
    is_allowed = all(outcome.decision.allowed for outcome in outcomes)
    with _published_before(outcomes):
        if not quiet:
            note_seen(dict.fromkeys(seen for outcome in outcomes for seen in outcome.gathered.seen))
        if publish.dry_run and not quiet and printing_rules(deciding.policy):
            from pushpolicy.cli.printing import show_printed

            for evidence in [outcome.evidence for outcome in outcomes]:
                show_printed(deciding, options.policy, evidence)
        report = render.admitted(outcomes, _advise(deciding, outcomes, options))
        return outputs.write(report, errors.EXIT_OK if is_allowed else errors.EXIT_DENIED)


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


def _advise(
    deciding: PolicyAndEngine, outcomes: tuple[Outcome, ...], options: PushOptions
) -> tuple[Advice | None, ...]:
    """Keep the evidence of what is denied; None for an image that is allowed, or if it cannot be kept."""
    numbers = count(1)
    kept = [None if each.decision.allowed else _keep(each.evidence, next(numbers)) for each in outcomes]
    unwaivable = deciding.policy.unwaivable
    return tuple(Advice(path, _reproduce(path, options), unwaivable) if path else None for path in kept)


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
        "--rego-version": options.policy.rego_version,
        "--min-sequence": options.policy.min_sequence,
    }
    for name, value in given.items():
        if value:
            words += [name, str(value)]
    words += options.server.named()
    repeated = {
        "--policy": options.policy.policies,
        "--policy-key": options.policy.policy_keys,
        "--conftest": options.policy.conftest,
        "--namespace": options.policy.namespaces,
        "--data": options.policy.data,
        "--repo-may": options.policy.repo_may,
    }
    for name, values in repeated.items():
        words += [word for value in values for word in (name, value)]
    return shlex.join(words)
