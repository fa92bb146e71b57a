"""What a push is asked and what comes out of it: the types around pipeline.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from pushpolicy.attach.denial import Denial
from pushpolicy.engines import Engine
from pushpolicy.errors import PushPolicyError
from pushpolicy.evaluate import Decide, PolicySet
from pushpolicy.gather import Gathered, Job
from pushpolicy.images import EVERYTHING, Selection
from pushpolicy.model.decision import Decision
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Target
from pushpolicy.push import SILENT, Login, Progress, Published
from pushpolicy.records.build import RawReports
from pushpolicy.registry import RepositoryClient
from pushpolicy.registry.credentials import Credential
from pushpolicy.signing.keys import Signer


class PushRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be pushed where, and everything that is needed to judge it.

    Attributes:
        job: what evidence is read from; its credential is the one `client` uses, unless there is a login.
        image: the IMAGE argument.
        records: the repository that the record goes to instead of the target's; its credential is the job's.
        denials: the repository that a denial is recorded in; never the target's.
        denials_credential: its credential; it is kept out of records, and not part of the evidence.
        onlooker: the repository that the record goes to, without a credential; None where only this machine
            could look at it.
        source: the repository that a ``docker://`` argument names, with its own credential.
        source_credential: that credential; it is kept out of records, and not part of the evidence.
        selection: which part of the image, and what goes along.
        signer: gives what signs the decision, once that is made; None where nothing is signed.
        client: the target's repository; with a login, as it is read until the push is allowed.
        forms: of the signed decision, for who asks for another than a verification summary.
        login: how the credential of the push is obtained after the decision.
        policy: loaded and checked before anything is gathered.
        engine_credential: what an OPA server is shown; it is kept out of records.
        decide: a decision by this policy and engine that OPA has begun with; no other request may have it.
        raw: whether the record keeps the reports or their digests only.
        mount_from: globs of repositories of the target's registry that blobs may be mounted from.
        full: whether verification reads the layers back too.
    """

    job: Job
    image: str
    target: Target
    client: RepositoryClient
    policy: PolicySet
    engine: Engine
    engine_credential: Credential | None = None
    decide: Decide | None = None
    raw: RawReports = RawReports.KEEP
    mount_from: tuple[str, ...] = ()
    full: bool = False
    progress: Progress = SILENT
    records: RepositoryClient | None = None
    onlooker: RepositoryClient | None = None
    denials: RepositoryClient | None = None
    denials_credential: Credential | None = None
    source: RepositoryClient | None = None
    source_credential: Credential | None = None
    login: Login | None = None
    signer: Callable[[], Signer] | None = None
    forms: tuple[str, ...] = ()
    selection: Selection = EVERYTHING


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What signed the decision, and as what.

    Attributes:
        key: the fingerprint of the key, in hex.
        name: of that key in the policy's trust file; None where it lists it not.
        approval: whether other tools take what was signed for an approval.
        forms: in which it was signed beside that; None where in no other.
    """

    key: str
    name: str | None
    approval: bool
    forms: tuple[str, ...] | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about an image, on what; and where it is published, if it is.

    Attributes:
        previous: what each tag of the target named before; of a login's push, with what it then read.
        notes: what became of the image on opening that the user has to know.
        signature: what signed the decision; None where nothing did.
        denial: where it is recorded that it was denied.
        untraced: why it could not be recorded, where that was asked for.
    """

    gathered: Gathered
    decision: Decision
    previous: Mapping[str, Digest]
    published: Published | None = None
    notes: tuple[str, ...] = ()
    signature: Signature | None = None
    denial: Denial | None = None
    untraced: PushPolicyError | None = None

    @property
    def evidence(self) -> Document:
        """The document that was judged."""
        return self.gathered.evidence.document()
