"""What counts as the success of a job: success; Azure and Tekton call it succeeded, Buildkite passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pushpolicy.gather.ci import readings
from pushpolicy.gather.ci.readings import CiError

# How many jobs of a run are read at most.
MOST = 1000
_WORDS = {
    **dict.fromkeys(("success", "succeeded", "passed"), "success"),
    "failure": "failure",
    "failed": "failure",
    **dict.fromkeys(("cancelled", "canceled", "canceling"), "cancelled"),
    **dict.fromkeys(("skipped", "neutral", "manual", "created", "preparing", "queued", "waiting"), "skipped"),
    **dict.fromkeys(("pending", "requested", "running", "in_progress", "scheduled"), "skipped"),
    **dict.fromkeys(("waiting_for_resource", "waiting_for_callback"), "skipped"),
}
# The worst of several runs of a job is what counts.
_WORST = ("failure", "cancelled", "skipped", "success")


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The result of each job by its name, how sure that is, and the address of the API that was asked."""

    of: Mapping[str, str]
    trust: str = "asserted"
    address: str | None = None


def by_name(told: Iterable[tuple[str, str]], where: str) -> dict[str, str]:
    """The result of each job from the words for it; a word that is not known is a failure.

    Raises:
        CiError: when a name does not show as what it is, or there are too many.
    """
    found: dict[str, str] = {}
    for name, word in told:
        result = _WORDS.get(word.lower(), "failure")
        found[readings.name(name)] = min(found.get(name, "success"), result, key=_WORST.index)
    if len(found) > MOST:
        raise CiError(f"{where} names over {MOST} jobs")
    return found
