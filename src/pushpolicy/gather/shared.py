"""What the images of one run have in common: the checkout and the reports, each read once."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from pushpolicy.budget import count_folder
from pushpolicy.gather import ci, extra, pipeline
from pushpolicy.gather.checkout import Checkout, inspect
from pushpolicy.gather.ci.identity import Proof, prove
from pushpolicy.gather.collect import collect
from pushpolicy.gather.names import CAPTURES, Reports
from pushpolicy.gather.parts import Part, identity, open_parts
from pushpolicy.gather.request import Job, NamedEvidence, RawReport, Reading
from pushpolicy.model.evidence import CiEvidence, PartEvidence, PipelineEvidence
from pushpolicy.reports.format import KINDS
from pushpolicy.reports.limits import Limits

if TYPE_CHECKING:
    from pushpolicy.identity.keys import Keyring

_Asked = tuple[Path, tuple[NamedEvidence, ...], Limits]


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """What the files that were named or found say."""

    reports: Reports
    extra: Mapping[str, Any]
    raw: tuple[RawReport, ...]
    parts: tuple[Part, ...] = ()


class Shared(msgspec.Struct):
    """Keeps what was read, and until it is left the files of parts that were unpacked.

    Images whose evidence is named alike have the same reports.
    """

    _proofs: list[Proof | None] = []
    _keys: Keyring = {}
    _checkouts: dict[Path, Checkout] = {}
    _pipelines: dict[Path, PipelineEvidence] = {}
    _contexts: dict[Path, CiEvidence] = {}
    _files: dict[_Asked, Files] = {}
    _parts_by: dict[_Asked, tuple[PartEvidence, ...]] = {}
    _unpacked: ExitStack = msgspec.field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._unpacked.close()

    def read(self, job: Job) -> None:
        """Read all that has to do with neither image nor target; raises as `files` does."""
        self.files(job)
        self.pipeline(job)

    def proof(self, job: Job) -> Proof | None:
        """What the job's identity token proves: of one run, whatever it pushes, asked for once."""
        if not self._proofs:
            self._proofs.append(prove(job.environ, job.tokens, self._keys))
        return self._proofs[0]

    def checkout(self, job: Job) -> Checkout:
        """The workspace as git keeps it."""
        if job.workspace not in self._checkouts:
            self._checkouts[job.workspace] = inspect(job.workspace, job.environ, job.git)
        return self._checkouts[job.workspace]

    def pipeline(self, job: Job) -> PipelineEvidence:
        """What the pipeline's files show."""
        if job.workspace not in self._pipelines:
            self._pipelines[job.workspace] = pipeline.evidence(self.checkout(job))
        return self._pipelines[job.workspace]

    def context(self, job: Job) -> CiEvidence:
        """What the CI system says of the run; its API is asked once.

        Raises:
            UsageError: when it is to be asked, and cannot be from here.
        """
        if job.workspace not in self._contexts:
            commit = self.checkout(job).evidence.commit
            self._contexts[job.workspace] = ci.evidence(job.environ, commit, job.jobs, self.proof(job))
        return self._contexts[job.workspace]

    def files(self, job: Job) -> Files:
        """The reports and extra files of a job.

        Raises:
            UsageError: when an ``--evidence`` option contradicts itself.
            InputError: when evidence that was named is absent, malformed or over a limit.
        """
        asked = (job.workspace, job.named, job.limits)
        if asked not in self._files:
            self._files[asked] = read_files(job, self.checkout(job), self._parts(job))
        return self._files[asked]

    def parts(self, job: Job) -> tuple[PartEvidence, ...]:
        """Which parts there are, and whose each is by its token; raises as `files` does."""
        asked = (job.workspace, job.named, job.limits)
        if asked not in self._parts_by:
            found, context = self.files(job).parts, self.context(job)
            self._parts_by[asked] = identity.evidence(found, context, job.tokens, self._keys)
        return self._parts_by[asked]

    def _parts(self, job: Job) -> tuple[Part, ...]:
        if all(item.kind != "part" for item in job.named):
            return ()
        folder = self._unpacked.enter_context(tempfile.TemporaryDirectory(prefix="pushpolicy-parts-"))
        count_folder(Path(folder))
        return open_parts(job.workspace, job.named, Path(folder), job.limits)


def read_files(request: Reading, checkout: Checkout, parts: tuple[Part, ...] = ()) -> Files:
    """Read the reports and extra files, and those of the parts.

    Raises:
        UsageError: when an ``--evidence`` option contradicts itself.
        InputError: when evidence that was named is absent, malformed or over a limit.
    """
    reports = collect(request, parts, checkout.tracks)
    added, added_files = extra.collect(request, reports, parts)
    kinds = (*KINDS, CAPTURES)
    raw = (*(report.raw for kind in kinds for report in reports.of(kind)), *added_files)
    return Files(reports=reports, extra=added, raw=raw, parts=parts)
