"""How the jobs before ended, as the pipeline hands it over: JSON in PUSHPOLICY_JOBS.

GitHub's `toJSON(needs)`, the list of jobs of GitLab's API, or an object of names and results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pushpolicy.gather.ci.jobs.results import Results, by_name
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.model import strict_json

VARIABLE = "PUSHPOLICY_JOBS"


def read(environ: Mapping[str, str], own: str | None) -> Results | None:
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
    told = (each for each in _each(content) if each != (own, "running"))
    return Results(of=by_name(told, VARIABLE))


def _each(content: Any) -> Iterator[tuple[str, str]]:
    for name, result in _pairs(content):
        if not isinstance(result, str) or not isinstance(name, str):
            raise CiError(f"{VARIABLE} does not say of each job its name and how it ended")
        yield name, result


def _pairs(content: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(content, dict):
        for name, said in content.items():
            yield name, said.get("result") if isinstance(said, dict) else said
    elif isinstance(content, list):
        for said in content:
            yield (said.get("name"), said.get("status")) if isinstance(said, dict) else (None, None)
    else:
        raise CiError(f"{VARIABLE} is neither an object nor a list")
