"""What gather is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from pushpolicy.gather.ci.identity import TokenAccess
from pushpolicy.gather.ci.jobs import Asking
from pushpolicy.gather.previous import Previous
from pushpolicy.identity.minted import Promise
from pushpolicy.images.image import Image
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Clock, Evidence
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.reference import Target
from pushpolicy.model.text import printable
from pushpolicy.registry.credentials import Credential
from pushpolicy.registry.interface import RepositoryClient
from pushpolicy.reports.limits import Limits

if TYPE_CHECKING:
    from pushpolicy.signing.trust import Key


class NamedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One ``--evidence`` option, or one report that a configuration names.

    Attributes:
        kind: a kind of report, extra or part; None for a path that is recognised by its content.
        name: the name after the dot; None where the file's name gives it.
        path: a path or a glob, relative to the workspace.
        configuration: the file that names it, None for an option. It is part of the checkout that is
            judged, so it may name files of the workspace only: what is read is stored with the record.
    """

    kind: str | None
    name: str | None
    path: str
    configuration: str | None = None

    @property
    def shown(self) -> str:
        """How a message names it."""
        if self.configuration:
            return printable(f"{self.configuration}: reports: {self}")
        return printable(f"--part {self.path}" if self.kind == "part" else f"--evidence {self}")

    def __str__(self) -> str:
        name = ".".join(word for word in (self.kind, self.name) if word)
        return f"{name}={self.path}" if name else self.path


class ExpectedReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report that must be there: a name or a glob over names, and for a scan its platform."""

    name: str
    platform: str | None = None
    minimum: int = 1

    def __str__(self) -> str:
        return f"{self.name}@{self.platform}" if self.platform else self.name


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The reports that the configuration expects, by kind."""

    tests: tuple[ExpectedReport, ...] = ()
    coverage: tuple[ExpectedReport, ...] = ()
    scans: tuple[ExpectedReport, ...] = ()


class Reading(Protocol):
    """Which reports are to be read."""

    @property
    def workspace(self) -> Path:
        """The checkout; reports are looked for here, and relative paths start here."""

    @property
    def named(self) -> tuple[NamedEvidence, ...]:
        """What was named, beside what is found."""

    @property
    def limits(self) -> Limits:
        """Of what is read."""


class RecordsAccess(NamedTuple):
    """The registry that records go to, where it is not the target's repository, and what it is shown."""

    registry: str
    credential: Credential


class Job(Redacted, frozen=True, kw_only=True):
    """The job that pushes: what evidence is read from, and is known before the image is opened.

    Attributes:
        workspace: the checkout; reports are looked for here, and relative paths start here.
        credential: the one the push will use; None for a target that needs none.
        evaluated_at: the clock of the decision, in UTC.
        records: what the records' registry is shown; None where they stay, or go to a folder.
        promise: what will be obtained after the decision instead of `credential`, which is None then, but for
            a token of the job.
        named: the reports that were named, beside those in the usual places.
        expected: the reports that have to be there.
        limits: of what is read.
        git: the program, where it is not in one of the usual places.
        not_secret: the variables that hold no secret, whatever they look like.
        tokens: whose identity tokens are believed; None where nobody asks for one.
        keys: of the policy's trust.yaml, by name.
        verified_for: globs of the repositories whose pushes need a verified identity, as trust.yaml says.
        immutable: whether the configuration says that the tags of the target do not move once they are set.
        jobs: to ask the CI system's API how the jobs before ended; None to take what the pipeline hands over.
    """

    hidden_fields = frozenset({"environ"})

    workspace: Path
    environ: Mapping[str, str]
    credential: Credential | None
    evaluated_at: datetime
    records: RecordsAccess | None = None
    promise: Promise | None = None
    named: tuple[NamedEvidence, ...] = ()
    expected: Expected = Expected()
    limits: Limits = Limits()
    git: Path | None = None
    not_secret: frozenset[str] = frozenset()
    immutable: bool = False
    jobs: Asking | None = None
    tokens: TokenAccess | None = None
    keys: Mapping[str, Key] = {}
    verified_for: tuple[str, ...] = ()


class GatherRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything gather looks at: the job, the opened image, and the target as it is before the push.

    Attributes:
        previous: what the tags of the target name now.
        insecure: whether the target's registry is reached without verified TLS.
        authorities: whose word is taken for who the target's registry is (`RepositoryClient.authorities`).
        client: the target's repository, in which its tags have records.
        source: the repository that the image comes from, if it is one.
        records: the repository that has the records of both instead.
        clock: how far the target's clock is from this one's, where it said so.
    """

    job: Job
    image: Image
    target: Target
    previous: Previous
    insecure: bool
    clock: Clock | None
    client: RepositoryClient
    authorities: str | None = None
    source: RepositoryClient | None = None
    records: RepositoryClient | None = None


class RawReport(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read, as it is stored with the record; digest and size are of the bytes judged."""

    name: str
    path: Path
    kind: str
    format: str
    digest: Digest
    size: int
    media_type: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was looked at: the kind and format it was taken for, or None; and why."""

    path: str
    taken_for: str | None
    note: str


class Gathered(Redacted, frozen=True, kw_only=True):
    """The evidence, the files that go with it, all that were looked at, and the secrets that were met.

    Attributes:
        remote_secrets: those of git's remote.
        token_secrets: identity tokens, of the job and of parts, and their signatures, with which they could
            be put together again.
    """

    hidden_fields = frozenset({"remote_secrets", "token_secrets"})

    evidence: Evidence
    reports: tuple[RawReport, ...]
    seen: tuple[Seen, ...]
    remote_secrets: frozenset[str] = frozenset()
    token_secrets: frozenset[str] = frozenset()
