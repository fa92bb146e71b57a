"""The job's identity token as a source of the CI context, beside variables and event file.

What it says is compared with what they say, as any two sources are. What of it counts as proven: ref, event,
repository, commit and run all together or nothing, since half of them could belong to another run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pushpolicy.gather.ci.reading import ContradictionError, Told
from pushpolicy.gather.ci.readings import CiError, Reading, boolean, branch, commit, name, number, plain, tag
from pushpolicy.gather.ci.table import Source, System, variable
from pushpolicy.identity.issuers import Issuer
from pushpolicy.identity.token import Token, TokenError, offered
from pushpolicy.model.evidence import CiEvidence, Configuration, Contradiction, Identity, Side
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable
from pushpolicy.reports.parsing.values import format_time, text

if TYPE_CHECKING:
    from pushpolicy.http.settings import Settings
    from pushpolicy.identity.keys import Keyring
    from pushpolicy.identity.verify import Verified

# What a token has to say at once for any of it to be proven.
WHOLE = ("ref", "event_raw", "repository_id", "commit", "run.id")
# Which fields of the evidence follow from one that is told.
_FOLLOWS = {
    "ref": ("ref", "ref_type", "branch", "tag"),
    "event_raw": ("event", "event_raw", "untrusted_trigger"),
}
# Of claims that trust.yaml names for an issuer of its own; every other field is read as it is.
_READINGS: Mapping[str, tuple[tuple[str, Reading], ...]] = {
    "ref": (("ref", name), ("branch", branch), ("tag", tag)),
    "repository": (("repository", name),),
    "commit": (("commit", commit),),
    "ref_protected": (("ref_protected", boolean),),
    "run.attempt": (("run.attempt", number),),
}
_MAY_BE_ANOTHERS = "token and variables do not both say run and job, so another job may have left the token"
_REGISTERED = ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")


class Proof(Redacted, frozen=True, kw_only=True):
    """What became of the job's token: what it proves, or why nothing.

    Attributes:
        token: which must not be stored anywhere.
    """

    hidden_fields = frozenset({"token"})

    token: Token | None = None
    found: Verified | None = None
    reason: str | None = None

    @property
    def secrets(self) -> frozenset[str]:
        """What nothing that is stored may hold."""
        return self.token.secrets if self.token else frozenset()


class TokenAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Which issuers are trusted, and how they are reached.

    Attributes:
        metadata: address of Google's metadata server, where the job asks it for its token.
    """

    issuers: tuple[Issuer, ...]
    settings: Settings
    metadata: str | None = None


def prove(
    environ: Mapping[str, str], access: TokenAccess | None, keys: Keyring | None = None
) -> Proof | None:
    """What the job's token proves; None where it has none, or nobody wants to know. A run asks once."""
    if access is None or not (access.metadata or offered(environ)):
        return None
    from pushpolicy.identity import job  # with all that checks a signature, which most jobs do not need

    try:
        token, found = job.prove(environ, access.issuers, access.settings, keys, access.metadata)
    except TokenError as error:
        return Proof(reason=why(error))
    return Proof(token=token, found=found)


def why(error: TokenError) -> str:
    """Why a token proves nothing, and what to do about it."""
    return "; ".join(filter(None, (error.message, error.hint)))


def claimed(system: System, proof: Proof) -> tuple[Told, ...]:
    """What a verified token says of the fields of the evidence.

    Raises:
        ContradictionError: when it is a token of another CI system.
        CiError: when a claim is not what it has to be.
    """
    if proof.found is None:
        return ()
    issuer = proof.found.issuer
    if issuer.system is not None and issuer.system != system.name:
        sides = (Side(source="variables", value=system.name), Side(source=issuer.issuer, value=issuer.system))
        raise ContradictionError((Contradiction(field="provider", sides=sides),))
    return tuple(_told(_sources(system, issuer), _texts(proof.found.claims)))


def judged(system: System, proof: Proof, told: Iterable[Told]) -> Identity:
    """The evidence of a token: how far it is believed, and why no further."""
    if proof.found is None or proof.token is None:
        return Identity(assurance="asserted", reason=proof.reason)
    told = tuple(told)
    lacking = _lacking(system, told)
    other = proof.token.replayable and not _is_of_this_job(told)
    found, claims = proof.found, _texts(proof.found.claims)
    reason = _MAY_BE_ANOTHERS if other else lacking
    return Identity(
        assurance="asserted" if other else "replayable" if proof.token.replayable else "verified",
        whole=not other and lacking is None,
        reason=reason,
        source=proof.token.source,
        issuer=found.issuer.issuer,
        audience=found.audience,
        repository_id=next(
            (str(each.value) for each in told if each.in_token and each.field == "repository_id"), None
        ),
        algorithm=found.algorithm,
        key={key: str(value) for key, value in found.key.items()},
        keys_from="file" if found.issuer.jwks is not None else "issuer",
        issued_at=format_time(found.issued),
        until=format_time(found.expires),
        claims={key: value for key, value in claims.items() if key in _kept(system, found.issuer)},
        configuration=_configuration(system, claims),
    )


def proven(identity: Identity, told: Sequence[Told], found: CiEvidence) -> dict[str, str]:
    """The fields of the evidence that a token proves, each with how far."""
    if not identity.whole:
        return {}
    fields = {field for each in told if each.in_token for field in _FOLLOWS.get(each.field, (each.field,))}
    # An event of the same name in the evidence may follow from a variable alone (a merge train of GitLab's).
    if any(each.field == "event" and not each.in_token for each in told):
        fields.discard("event")
    return {field: identity.assurance for field in sorted(fields) if _is_known(found, field)}


def _sources(system: System, issuer: Issuer) -> Iterator[tuple[str, Source]]:
    own = system.claims if issuer.system == system.name else {}
    for field, sources in own.items():
        if field.partition(".")[0] not in issuer.claims and field not in issuer.claims:
            yield from ((field, source) for source in sources)
    for field, claim in issuer.claims.items():
        for each, reading in _READINGS.get(field, ((field, plain),)):
            yield each, variable(claim, reading)


def _told(sources: Iterable[tuple[str, Source]], claims: Mapping[str, str]) -> Iterator[Told]:
    for field, source in sources:
        if not claims.get(source.name) or not all(each.holds(claims) for each in source.when):
            continue
        try:
            value = source.reading(text(claims[source.name]))
        except CiError as error:
            raise CiError(f"the token's {source.name}: {error}") from error
        if value is not None:
            yield Told(field=field, value=value, source=f"the token's {source.name}", in_token=True)


def _texts(claims: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """The claims that are one value, as text; one in an object by its path (`object.claim`)."""
    inner, own = dict[str, str](), dict[str, str]()
    for key, value in claims.items():
        if isinstance(value, Mapping):
            inner |= _texts(value, f"{path}{key}.")
        elif isinstance(value, str | int | bool):
            own[f"{path}{key}"] = str(value).lower() if isinstance(value, bool) else str(value)
    return inner | own  # what a claim says by its own name, no object can say otherwise


def _lacking(system: System, told: Iterable[Told]) -> str | None:
    """Why a token does not prove what the run is of, if it does not."""
    said = {each.field: each.value for each in told if each.in_token}
    lacks = [field.removesuffix("_raw") for field in WHOLE if field not in said]
    if lacks:
        return f"the token does not say {', '.join(lacks)}: nothing of the run is proven"
    if (event := said["event_raw"]) in system.untrusted:
        return f"of {printable(str(event))} the ref is the default branch, whatever was checked out"
    return None


def _is_of_this_job(told: Sequence[Told]) -> bool:
    """Whether token and variables both say run and job; that they say the same is known by now."""
    both = {each.field for each in told if each.in_token} & {each.field for each in told if not each.in_token}
    return "run.id" in both and not both.isdisjoint(("job_id", "job"))


def _kept(system: System, issuer: Issuer) -> frozenset[str]:
    named = frozenset(source.name for _, source in _sources(system, issuer))
    own = (*system.kept, *(system.configuration or ())) if issuer.system == system.name else ()
    return named.union(_REGISTERED, own)


def _configuration(system: System, claims: Mapping[str, str]) -> Configuration | None:
    address, revision = system.configuration or ("", "")
    if address not in claims:
        return None
    path, _, ref = claims[address].rpartition("@")
    return Configuration(path=path or ref, ref=ref if path else None, commit=claims.get(revision))


def _is_known(found: CiEvidence, field: str) -> bool:
    value: Any = found
    for part in field.split("."):
        value = getattr(value, part, None)
    return value is not None
