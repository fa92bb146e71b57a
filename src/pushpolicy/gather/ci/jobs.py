"""How the jobs before ended, as the pipeline hands it over: JSON in PUSHPOLICY_JOBS.

GitHub's `toJSON(needs)`, the list of jobs of GitLab's API, or an object of names and results. Whatever is
not a plain success is none: a word that is not known counts as a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pushpolicy.gather.ci import readings
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.model import strict_json

VARIABLE = "PUSHPOLICY_JOBS"
_RESULTS = {
    "success": "success",
    "failure": "failure",
    "failed": "failure",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    **dict.fromkeys(
        ("skipped", "neutral", "manual", "created", "pending", "running", "scheduled"), "skipped"
    ),
}
# The worst of several runs of a job is what counts.
_WORST = ("failure", "cancelled", "skipped", "success")
_MOST = 1000


def read(environ: Mapping[str, str], own: str | None) -> dict[str, str] | None:
    """The result of each job by its name; None where nothing is handed over.

    Args:
        environ: of the job.
        own: the name of this job, which still runs and is in the list of GitLab's API too.

    Raises:
        CiError: when it is something else.
    """
    said = environ.get(VARIABLE)
    if not said:
        return None
    try:
        content = strict_json.read(said.encode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise CiError(f"{VARIABLE} {error}") from error
    found: dict[str, str] = {}
    for name, result in _each(content):
        if not isinstance(result, str) or not isinstance(name, str):
            raise CiError(f"{VARIABLE} does not say of each job its name and how it ended")
        told = _RESULTS.get(result.lower(), "failure")
        if name == own and result == "running":
            continue
        found[readings.name(name)] = min(found.get(name, "success"), told, key=_WORST.index)
    if len(found) > _MOST:
        raise CiError(f"{VARIABLE} names over {_MOST} jobs")
    return found


def _each(content: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(content, dict):
        for name, said in content.items():
            yield name, said.get("result") if isinstance(said, dict) else said
    elif isinstance(content, list):
        for said in content:
            yield (said.get("name"), said.get("status")) if isinstance(said, dict) else (None, None)
    else:
        raise CiError(f"{VARIABLE} is neither an object nor a list")
