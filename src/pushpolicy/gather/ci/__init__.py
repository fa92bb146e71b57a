"""What the CI system says of this run: one table per system, one reader of them, and the list of them.

What variables and files say is asserted: an earlier step of the job can set them. `trust` says so for each
field. The job's identity token is one source more; what it says too is verified (`identity`).
What contradicts itself has failed, with both sides: nothing here picks one.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from pushpolicy.gather.ci import (
    azure,
    bitbucket,
    buildkite,
    circleci,
    cloudbuild,
    codebuild,
    drone,
    gitea,
    github,
    gitlab,
    handed,
    jenkins,
    jobs,
    teamcity,
    travis,
    woodpecker,
)
from pushpolicy.gather.ci.identity import Proof, claimed, judged, proven
from pushpolicy.gather.ci.reading import ContradictionError, Told, compose, tell
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.gather.ci.table import System
from pushpolicy.model.evidence import CiEvidence, Contradiction, Side, Status
from pushpolicy.model.text import printable

__all__ = ["SYSTEMS", "Context", "Told", "evidence", "in_cloud_build", "look"]

SYSTEMS: tuple[System, ...] = (
    github.SYSTEM,
    gitlab.SYSTEM,
    jenkins.SYSTEM,
    azure.SYSTEM,
    circleci.SYSTEM,
    bitbucket.SYSTEM,
    buildkite.SYSTEM,
    teamcity.SYSTEM,
    drone.SYSTEM,
    woodpecker.SYSTEM,
    travis.SYSTEM,
    codebuild.SYSTEM,
    cloudbuild.SYSTEM,
    handed.TEKTON,
    gitea.GITEA,
    gitea.FORGEJO,
    handed.OTHER,
)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence, and what each source told; nothing where the environment is that of no system.

    Attributes:
        advice: what the users of the system have to do for the fields to be there.
    """

    evidence: CiEvidence
    told: tuple[Told, ...] = ()
    advice: str = ""


def evidence(
    environ: Mapping[str, str],
    head: str | None = None,
    asking: jobs.Asking | None = None,
    proof: Proof | None = None,
) -> CiEvidence:
    """The CI context of this run.

    Args:
        environ: of the job.
        head: the commit that is checked out, where it is known and is to be compared.
        asking: to ask the system's API how the jobs before ended.
        proof: what the job's identity token proves, where it has one.

    Raises:
        UsageError: when that API cannot be asked from here.
    """
    return look(environ, head, asking, proof).evidence


def look(
    environ: Mapping[str, str],
    head: str | None = None,
    asking: jobs.Asking | None = None,
    proof: Proof | None = None,
) -> Context:
    """The same, with what each source told."""
    here = _here(environ)
    if not here:
        known = ", ".join(system.title for system in SYSTEMS if system is not handed.OTHER)
        reason = f"the environment is that of no known CI system ({known})"
        return Context(evidence=CiEvidence(status=Status.MISSING, reason=reason))
    told: tuple[Told, ...] = ()
    try:
        _check_alone(here)
        _check_read(here[0], environ)
        told = tell(here[0], environ)
        if proof is not None:
            told += claimed(here[0], proof)
        found = compose(here[0], told)
        _check_checkout(found, told, head)
        before = jobs.read(here[0], found, environ, asking)
        if before is not None:
            count = len(before.of)
            found = replace(found, jobs=before.of, jobs_told=count, jobs_from=before.address)
    except ContradictionError as error:
        return _failed(here, error, told, error.contradictions)
    except CiError as error:
        return _failed(here, error, told)
    silent = ("status", "provider", "contradictions")
    said = (
        name for name in found.__struct_fields__ if name not in silent and getattr(found, name) is not None
    )
    trust = dict.fromkeys(sorted(said), "asserted")
    if before is not None:
        trust |= dict.fromkeys(("jobs", "jobs_told"), before.trust)
    if proof is not None:
        identity = judged(here[0], proof, told)
        found, trust = replace(found, identity=identity), trust | proven(identity, told, found)
    return Context(evidence=replace(found, trust=trust), told=told, advice=here[0].advice)


def in_cloud_build(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of Google Cloud Build, and of nothing else: there a metadata server is asked."""
    return _here(environ) == [cloudbuild.SYSTEM]


def _here(environ: Mapping[str, str]) -> list[System]:
    return [system for system in SYSTEMS if system.is_here(environ)]


def _check_alone(here: list[System]) -> None:
    if len(here) > 1:
        sides = (Side(source=str(system.marks[0]), value=system.name) for system in here)
        raise ContradictionError((Contradiction(field="provider", sides=tuple(sides)),))


def _check_read(system: System, environ: Mapping[str, str]) -> None:
    """What the pipeline hands over is read, or refused: never passed over beside what the system says."""
    names = {source.name for sources in system.fields.values() for source in sources}
    names |= {mark.variable for mark in system.marks}
    unread = sorted(name for name in environ if name.startswith(handed.PREFIX) and name not in names)
    if unread:
        name = printable(unread[0], 100)
        raise CiError(f"{name} is set, and nothing reads it in a job of {system.name}; leave it out")


def _check_checkout(found: CiEvidence, told: tuple[Told, ...], head: str | None) -> None:
    """What is checked out is what the run is for, or what its pull request would merge."""
    proposed = found.pull_request.head_commit if found.pull_request else None
    if head is None or found.commit is None or head in (found.commit, proposed):
        return
    said = next(each for each in told if each.field == "commit")
    sides = (Side(source=said.source, value=found.commit), Side(source="git HEAD", value=head))
    raise ContradictionError((Contradiction(field="commit", sides=sides),))


def _failed(
    here: list[System], error: CiError, told: tuple[Told, ...], both: tuple[Contradiction, ...] | None = None
) -> Context:
    found = CiEvidence(
        status=Status.FAILED,
        reason=str(error),
        provider=here[0].name if len(here) == 1 else None,
        contradictions=both,
    )
    return Context(evidence=found, told=told)
