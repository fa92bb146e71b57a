"""A trusted signature: which listed key signed, and whether its word counts here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.signing.dsse import Envelope
from pushpolicy.signing.keys import PublicKey, SigningError, read_public
from pushpolicy.signing.trust import Key, Role

IN_TOTO = "application/vnd.in-toto+json"
POLICY_STATEMENT = "application/vnd.pushpolicy.policy+json"
# A decision that is no approval to a stranger, and one that denied.
DECISION_STATEMENT = "application/vnd.pushpolicy.decision+json"
DENIAL_STATEMENT = "application/vnd.pushpolicy.denial+json"
# What the keys of a role sign. A signature counts for its role's payload types alone.
PAYLOADS: Mapping[Role, frozenset[str]] = {
    "decide": frozenset({IN_TOTO, DECISION_STATEMENT, DENIAL_STATEMENT}),
    "policy": frozenset({POLICY_STATEMENT}),
    "provenance": frozenset({IN_TOTO}),
    "vex": frozenset({IN_TOTO}),
}

_WHO = "find out who stored it; if that was right, the list of keys has to say so: key, role, time and place"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What a trusted key signed.

    Attributes:
        payload: the verified bytes.
        payload_type: what they are.
        key: the name of the key that signed them, in the trust file.
        trusted: that key.
    """

    payload: bytes
    payload_type: str
    key: str
    trusted: Key


def verify(
    envelope: Envelope, keys: Mapping[str, Key], repository: Repository, at: datetime, role: Role
) -> Signed:
    """The payload, if a listed key of this role signed it whose word counts for it.

    Args:
        envelope: as it was read.
        keys: those that are trusted, by name.
        repository: where it was found.
        at: when the key has to count.
        role: what is asked for; it may sign several types of payload.

    Raises:
        SigningError: when it is of another type, no listed key signed it, or the one that did has another
            role, counts at other times, or for other repositories.
    """
    if envelope.payload_type not in PAYLOADS[role]:
        kinds = " or ".join(sorted(PAYLOADS[role]))
        raise SigningError(f"is signed as {printable(envelope.payload_type, 100)}, not as {kinds}")
    name = who_signed(envelope.is_signed_by, keys, repository, at, role)
    return Signed(payload=envelope.payload, payload_type=envelope.payload_type, key=name, trusted=keys[name])


def who_signed(
    signed_by: Callable[[PublicKey], bool],
    keys: Mapping[str, Key],
    repository: Repository,
    at: datetime,
    role: Role,
) -> str:
    """The name of the key that signed, as for `verify`.

    Args:
        signed_by: whether the signature is a key's.
        keys: those that are trusted, by name.
        repository: where it was found.
        at: when the key has to count.
        role: what is asked for.

    Raises:
        SigningError: as `verify`, but for the type.
    """
    signers = [name for name in sorted(keys) if signed_by(read_public(keys[name].key))]
    refusals: list[str] = []
    for name in signers:
        why_not = next(_refusals(keys[name], repository, at, role), None)
        if why_not is None:
            return name
        refusals.append(f"is signed by the key {name}, {why_not}")
    listed = first_of(sorted(keys), 5) if keys else "none is listed"
    raise SigningError(refusals[0] if refusals else f"is signed by no listed key ({listed})", _WHO)


def deciders(keys: Mapping[str, Key], repository: Repository, at: datetime) -> list[str]:
    """The names of the keys whose signature of a decision about this repository counts."""
    return [name for name in sorted(keys) if not any(_refusals(keys[name], repository, at, "decide"))]


def signer_name(
    public: PublicKey, keys: Mapping[str, Key], repository: Repository, at: datetime
) -> str | None:
    """The name of a key that is to sign a decision; None where the trust file lists none for that.

    Raises:
        SigningError: when whoever trusts that file would not accept the signature; the message reads on after
            "the key".
    """
    shown = f"({public.fingerprint[:16]})"
    same = (name for name, key in keys.items() if read_public(key.key).fingerprint == public.fingerprint)
    name = next(same, None)
    hint = "sign with a key that it lists for this, or have it list this one"
    if name is None:
        if listed := [name for name, key in sorted(keys.items()) if key.role == "decide"]:
            raise SigningError(
                f"{shown} is none that the trust file lists for decisions: {first_of(listed, 5)}", hint
            )
        return None
    if why_not := next(_refusals(keys[name], repository, at, "decide"), None):
        raise SigningError(f"{shown} is {name} in the trust file, {why_not}", hint)
    return name


def _refusals(key: Key, repository: Repository, at: datetime, role: Role) -> Iterator[str]:
    if key.role != role:
        yield f"whose role is {key.role}, not {role}"
    if key.not_before and at < datetime.fromisoformat(key.not_before):
        yield f"which counts from {key.not_before} on"
    if key.not_after and at >= datetime.fromisoformat(key.not_after):
        yield f"which counted until {key.not_after}"
    if not key.covers(repository):
        yield f"which counts for {first_of(key.repositories, 3)}, not for {repository}"
