"""How the jobs before ended: as the pipeline hands it over, or as the CI system's API says."""

from __future__ import annotations

from collections.abc import Mapping

from pushpolicy.errors import UsageError
from pushpolicy.gather.ci.jobs import api, github, gitlab, handed
from pushpolicy.gather.ci.jobs.api import Api, Asking
from pushpolicy.gather.ci.jobs.results import Results
from pushpolicy.gather.ci.table import System
from pushpolicy.model.evidence import CiEvidence

__all__ = ["Asking", "Results", "read"]

_APIS: Mapping[str, Api] = {"github-actions": github.API, "gitlab-ci": gitlab.API}


def read(
    system: System, found: CiEvidence, environ: Mapping[str, str], asking: Asking | None
) -> Results | None:
    """The result of each job; None where nobody tells it.

    Args:
        system: that the run is in.
        found: what it says of the run.
        environ: of the job.
        asking: to ask the system's API; None to read what the pipeline hands over.

    Raises:
        UsageError: when the API cannot be asked from here, or the pipeline hands results over beside it.
        CiError: when what is said is wrong, or not whole.
    """
    if asking is None:
        return handed.read(environ, found.job)
    if environ.get(handed.VARIABLE):
        raise UsageError(f"--jobs asks the API, and {handed.VARIABLE} is set too", "leave one of the two out")
    if system.name not in _APIS:
        known = " and ".join(_APIS)
        raise UsageError(
            f"--jobs: the API of {system.title} is not known, that of {known} is",
            f"let the pipeline hand the results over in {handed.VARIABLE} (docs/ci.md)",
        )
    return api.ask(_APIS[system.name], found, environ, asking)
