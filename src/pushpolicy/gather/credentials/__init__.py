"""Where the credential of the push comes from, and what it is; never its value (standards: source classes).

A secret that stands in a tracked file is `literal`, wherever else it was found: what everybody who can
read the repository knows is no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from pushpolicy.gather.checkout import Checkout
from pushpolicy.gather.credentials.declared import declared_in
from pushpolicy.gather.credentials.exposure import TooMuchError, command_lines, literals, others_may
from pushpolicy.gather.credentials.source import source_of
from pushpolicy.gather.credentials.users import told
from pushpolicy.gather.request import RecordsAccess
from pushpolicy.identity.forms import SHORT
from pushpolicy.identity.minted import JOB_TOKEN, Promise
from pushpolicy.model.evidence import CredentialsEvidence, LoginEvidence, RecordsCredential, Status
from pushpolicy.model.redacted import Redacted
from pushpolicy.registry.credentials import Credential, SourceKind
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import format_time, text

# Fields that follow from the form of a token, a user name or a variable, and from nothing that was seen here.
BY_FORM = ("ephemeral", "expires_at", "issued_by", "push_to", "scope", "user_kind")
_COMPUTED = (
    "command_line_of",
    "declared_in",
    "helper",
    "literal_in",
    "on_command_line",
    "others_may",
    "path",
    "tracked_by_git",
    "variable",
)


class Around(Redacted, frozen=True, kw_only=True):
    """What a credential is judged beside.

    Attributes:
        environ: of the job.
        checkout: whose files are searched for it.
        limits: of that search.
        at: the clock of the decision.
    """

    hidden_fields = frozenset({"environ"})

    environ: Mapping[str, str]
    checkout: Checkout
    limits: Limits
    at: datetime


def evidence(
    credential: Credential | None,
    registry: str,
    around: Around,
    records: RecordsAccess | None = None,
    promise: Promise | None = None,
) -> CredentialsEvidence:
    """Classify the credential of the target, and that of the records' registry where it is another one.

    Args:
        credential: None is that of a target that needs none.
        registry: of the target.
        around: what it is judged beside.
        records: what the records' registry is shown, where that is another registry or credential.
        promise: what is obtained after the decision, and was not there when this was gathered.
    """
    try:
        found = _judged(credential, registry, around)
        if promise is not None:
            found = _promised(promise, found)
        if records is None:
            return found
        apart = _judged(records.credential, records.registry, around)
    except TooMuchError as error:
        return CredentialsEvidence(status=Status.FAILED, reason=str(error))
    # As for the target: a file that may be tracked is one that is.
    held_by = [apart.path] if apart.path and apart.tracked_by_git is not False else []
    return replace(
        found,
        records=RecordsCredential(
            registry=records.registry,
            source=apart.source or "anonymous",
            ephemeral=apart.ephemeral,
            scope=apart.scope,
            push_to=apart.push_to,
            path=apart.path,
            others_may=apart.others_may,
            on_command_line=apart.on_command_line,
            written_in=(*held_by, *apart.literal_in),
        ),
    )


def _promised(promise: Promise, found: CredentialsEvidence) -> CredentialsEvidence:
    """What will be shown after the decision: a token of the job as it is, or what is obtained for it."""
    login = LoginEvidence(name=promise.name, kind=promise.kind, max_seconds=promise.seconds)
    if promise.kind == JOB_TOKEN:
        return replace(found, login=login)
    obtained = CredentialsEvidence(
        status=Status.COLLECTED,
        source="workload-identity",
        ephemeral=promise.seconds is not None and promise.seconds <= SHORT.total_seconds(),
        user_kind="access-token",
        issued_by=promise.issued_by,
        scope="repository" if promise.is_for_one else None,
        push_to=(promise.repository,) if promise.is_for_one else None,
        on_command_line=False,
        login=login,
    )
    sure = ("source", *BY_FORM)
    trust = {name: "verified" for name in sure if getattr(obtained, name) is not None}
    return replace(obtained, trust={**trust, "login": "computed", "on_command_line": "computed"})


def _judged(credential: Credential | None, registry: str, around: Around) -> CredentialsEvidence:
    if credential is None:
        return CredentialsEvidence(status=Status.COLLECTED, source="none", trust={"source": "computed"})
    form = told(credential, around.at)
    source = source_of(credential, form, registry, around.environ)
    programs = command_lines(credential)
    found = CredentialsEvidence(
        status=Status.COLLECTED,
        source=source.name,
        ephemeral=source.ephemeral,
        user_kind=source.user_kind,
        issued_by=form.issued_by,
        expires_at=format_time(form.expires_at) if form.expires_at else None,
        scope=form.scope,
        push_to=form.push_to,
        variable=credential.variable,
        helper=credential.helper,
        path=text(str(credential.path)) if credential.path else None,
        tracked_by_git=around.checkout.tracks(credential.path) if credential.path else None,
        others_may=_others_may(credential),
        on_command_line=None if programs is None else bool(programs),
        command_line_of=programs or None,
    )
    if source.name == "secret-env" and credential.variable:
        shown = declared_in(credential.variable, around.environ, around.checkout)
        found = replace(found, declared_in=shown)
    literal_in = tuple(literals(credential, around.checkout, around.limits))
    if literal_in:
        found = replace(found, source="literal", ephemeral=False, literal_in=literal_in)
    return replace(found, trust=_trust(found, source.is_asserted))


def _others_may(credential: Credential) -> str | None:
    """Of a file that only names a helper it matters who may write it: there is nothing to read."""
    if credential.path is None:
        return None
    may = others_may(credential.path)
    if may is not None and credential.source_kind is SourceKind.HELPER:
        may -= {"read"}
    return None if may is None else "-".join(sorted(may)) or "nothing"


def _trust(found: CredentialsEvidence, is_asserted: bool) -> Mapping[str, str]:
    """How sure each field is that is there."""
    sure = "declared" if found.declared_in else "asserted" if is_asserted else "computed"
    classes = {
        "source": "computed" if found.literal_in else sure,
        **dict.fromkeys(BY_FORM, "asserted"),
        **dict.fromkeys(_COMPUTED, "computed"),
    }
    if found.literal_in:
        classes["ephemeral"] = "computed"  # what is written in a file stays there
    return {name: classes[name] for name in sorted(classes) if getattr(found, name) is not None}
