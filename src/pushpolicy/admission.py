"""What a push is asked and what comes out of it: the types around pipeline.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from pushpolicy.engines import Engine
from pushpolicy.evaluate import Decide, PolicySet
from pushpolicy.gather import Expected, Gathered, Limits, NamedEvidence
from pushpolicy.images import EVERYTHING, Selection
from pushpolicy.model.decision import Decision
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.reference import Target
from pushpolicy.push import SILENT, Progress, Published
from pushpolicy.records import RawReports
from pushpolicy.registry import RepositoryClient
from pushpolicy.registry.credentials import Credential


class PushRequest(Redacted, frozen=True, kw_only=True):
    """What is to be pushed where, and everything that is needed to judge it.

    Attributes:
        image: the IMAGE argument.
        source: the repository that a ``docker://`` argument names, with its own credential.
        source_credential: that credential; it is kept out of records, and not part of the evidence.
        selection: which part of the image, and what goes along.
        client: the target's repository.
        policy: loaded and checked before anything is gathered.
        decide: a decision by this policy and engine that OPA has begun with; no other request may have it.
        workspace: the checkout; reports and relative paths are found from here.
        credential: the one `client` uses; None for a target that needs none.
        evaluated_at: the clock of the decision, in UTC.
        raw: whether the record keeps the reports or their digests only.
        full: whether verification reads the layers back too.
    """

    hidden_fields = frozenset({"environ"})

    image: str
    target: Target
    client: RepositoryClient
    policy: PolicySet
    engine: Engine
    decide: Decide | None = None
    workspace: Path
    environ: Mapping[str, str]
    credential: Credential | None
    evaluated_at: datetime
    named: tuple[NamedEvidence, ...] = ()
    expected: Expected = msgspec.field(default_factory=Expected)
    limits: Limits = msgspec.field(default_factory=Limits)
    raw: RawReports = RawReports.KEEP
    full: bool = False
    progress: Progress = SILENT
    source: RepositoryClient | None = None
    source_credential: Credential | None = None
    selection: Selection = EVERYTHING


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about an image, on what; and where it is published, if it is.

    Attributes:
        previous: what each tag of the target named before.
        notes: what became of the image on opening that the user has to know.
    """

    gathered: Gathered
    evidence: Document
    decision: Decision
    previous: Mapping[str, Digest]
    published: Published | None = None
    notes: tuple[str, ...] = ()
