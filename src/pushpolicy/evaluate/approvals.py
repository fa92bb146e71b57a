"""Which approvals of a waiver count, where its rule needs some (docs/quorum.md).

An approval is an SSH signature of the whole waiver, with the one repository it is for, the name of the
policy and the digest of the rule. What can be known of it without evidence is computed when a set is read,
and stands in its data as `quorum` of the waiver: {needs, approved: [{principal, not_before?, not_after?}]}.
Whether a key counts at the time of a decision, and who set the run off, Rego and the floor see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.data import TRUST_PATH, WAIVERS_PATH
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.records.floor import approving, author_of, nanoseconds
from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.trust import Approver, Quorum, Trust

if TYPE_CHECKING:
    from pushpolicy.signing.sshsig import SshKey

NAMESPACE = "waiver@pushpolicy"
STATEMENT = "pushpolicy.waiver/v1"
# What a set's data says of a waiver, beside what was written.
ADDED = frozenset({"origin", "refused", "quorum"})
_ONE_PLACE = "it needs approvals, and so its repository has to be one: REGISTRY/REPOSITORY without * and ?"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One approval, as it stands in a waiver.

    Attributes:
        principal: whom it says it is of.
        approver: that one, where the signature is theirs and of this waiver.
        reason: why it does not count; None where it does.
    """

    principal: str
    approver: Approver | None = None
    reason: str | None = None


def counted(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a set, with what each waiver whose rule has a quorum needs and has."""
    trust = _trust(files)
    waivers = canonical.decode(files[WAIVERS_PATH])
    for waiver in waivers["waivers"]:
        if trust.quorum and (needs := trust.quorum.needs(str(waiver["rule"]))):
            waiver["quorum"] = {"needs": needs, "approved": list(_approved(waiver, files))}
    return {**files, WAIVERS_PATH: canonical.encode(waivers)}


def check_counted(files: Mapping[str, bytes]) -> None:
    """Require that a set says of approvals what follows from its trust, its rules and its waivers.

    Raises:
        PolicyError: when it does not.
    """
    try:
        waivers = canonical.decode(files[WAIVERS_PATH])
        for waiver in waivers["waivers"]:
            waiver.pop("quorum", None)
        same = counted({**files, WAIVERS_PATH: canonical.encode(waivers)})[WAIVERS_PATH]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise PolicyError(f"{WAIVERS_PATH} or {TRUST_PATH} is malformed: {error}") from error
    if same != files[WAIVERS_PATH]:
        raise PolicyError(f"{WAIVERS_PATH} says of approvals what does not follow from the policy")


def statement(waiver: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """The bytes that approve a waiver when they are signed.

    Raises:
        PolicyError: when its rule needs no approvals, or it is not for one repository.
    """
    quorum = _trust(files).quorum
    if quorum is None or not quorum.needs(str(waiver["rule"])):
        raise PolicyError(
            f"waivers of {printable(str(waiver['rule']))} need no approvals",
            "trust.yaml says which do: quorum",
        )
    content = _statement(waiver, quorum, files)
    if content is None:
        raise PolicyError(
            f"the waiver is for no one repository: {_ONE_PLACE}", "write its repository, and no pattern"
        )
    return content


def judged(waiver: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[Judged]:
    """Each approval of a waiver, whenever it is and whoever set the run off."""
    trust = _trust(files)
    content = _statement(waiver, trust.quorum, files) if trust.quorum else None
    seen = set[str | bytes]()
    for approval in waiver.get("approvals", ()):
        name = str(approval["principal"])
        try:
            approver = _approver(name, trust)
            if content is None:
                raise SigningError(_ONE_PLACE)
            key = _signer(str(approval["signature"]), content, name, trust)
        except SigningError as error:
            yield Judged(principal=name, reason=error.message)
            continue
        again = {name.lower(), key.blob} & seen
        seen |= {name.lower(), key.blob}
        reason = "counts once, as its key does" if again else None
        yield Judged(principal=name, approver=approver, reason=reason)


def told(waiver: Mapping[str, Any], files: Mapping[str, bytes], now: int, author: str | None) -> str:
    """How many approvals a waiver has, and why others do not count.

    As in ``1 of 2 approvals: alice; not bob: the key is revoked``.

    Args:
        waiver: as the data of the set has it, with its quorum.
        files: the set's.
        now: nanoseconds since 1970.
        author: who set the run off; empty where that is not asked, None where it is not proven.
    """
    found = approving(waiver, now, author)
    reasons = [", ".join(sorted(found))] if found else []
    if author is None:
        reasons.append("no identity token proves who set off this run, and it could be an approver")
    reasons += [
        f"not {printable(each.principal, 60)}: {why}"
        for each in judged(waiver, files)
        if (why := each.reason or _not_now(each, now, author))
    ]
    return f"{len(found)} of {waiver['quorum']['needs']} approvals: {'; '.join(reasons) or 'none is there'}"


def told_in(waiver: Mapping[str, Any], files: Mapping[str, bytes], evidence: Mapping[str, Any]) -> str:
    """`told` of a decision."""
    return told(waiver, files, nanoseconds(evidence.get("evaluated_at")) or 0, author_of(evidence))


def _trust(files: Mapping[str, bytes]) -> Trust:
    return msgspec.convert(canonical.decode(files.get(TRUST_PATH, b"{}")), Trust)


def _statement(waiver: Mapping[str, Any], quorum: Quorum, files: Mapping[str, bytes]) -> bytes | None:
    """None where the waiver is not for one repository."""
    registry, _, repository = str(waiver.get("repository", "")).partition("/")
    if not registry or not repository or {"*", "?"} & set(f"{registry}/{repository}"):
        return None
    value = {
        "schema": STATEMENT,
        "waiver": {key: value for key, value in waiver.items() if key not in {*ADDED, "approvals"}},
        "registry": registry,
        "repository": repository,
        "policy": quorum.policy,
        "rule": str(_rule_digest(str(waiver["rule"]), files)),
    }
    return canonical.encode(value)


def _rule_digest(rule: str, files: Mapping[str, bytes]) -> Digest:
    """Of a rule's text; of one that stands for policies of conftest, of all of those too."""
    from pushpolicy.evaluate.conftest.rules import is_generated

    path = f"rules/{rule}/{rule}.rego"
    if not is_generated(files.get(path, b"")):
        return Digest.of(files.get(path, b""))
    parts = [path, *(name for name in files if name.startswith("conftest/"))]
    return Digest.of(canonical.encode({name: str(Digest.of(files[name])) for name in parts}))


def _approved(waiver: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[dict[str, str]]:
    for each in judged(waiver, files):
        if each.reason is None and each.approver is not None:
            window = {"not_before": each.approver.not_before, "not_after": each.approver.not_after}
            yield {"principal": each.principal} | {key: time for key, time in window.items() if time}


def _approver(name: str, trust: Trust) -> Approver:
    """The listed one.

    Raises:
        SigningError: when there is none, or the key was revoked.
    """
    if name not in trust.approvers:
        raise SigningError("no approver is listed by this name")
    if trust.approvers[name].revoked:
        raise SigningError("the key is revoked, which voids all its approvals")
    return trust.approvers[name]


def _signer(armor: str, content: bytes, name: str, trust: Trust) -> SshKey:
    """The key of an approver, if a signature is by it, and of this content.

    Raises:
        SigningError: saying why it is not.
    """
    from pushpolicy.signing.sshsig import read_key, read_signature

    try:
        signature = read_signature(armor)
        if signature.namespace != NAMESPACE:
            raise SigningError(f"is for the namespace {printable(signature.namespace, 60)}, not {NAMESPACE}")
        if signature.key != read_key(trust.approvers[name].key):
            owner = [who for who, each in trust.approvers.items() if read_key(each.key) == signature.key]
            raise SigningError(
                f"is by the key {signature.key.fingerprint} of {' '.join(owner) or 'nobody listed'}"
            )
        if not signature.verifies(content):
            raise SigningError(
                "is not of this waiver: it, its rule or the policy's name was another when it was signed"
            )
    except SigningError as error:
        raise SigningError(f"the signature {error.message}") from error
    return signature.key


def _not_now(each: Judged, now: int, author: str | None) -> str | None:
    """Why an approval that is right does not count in a decision."""
    if author and each.principal.lower() == author:
        return "set off this run"
    start, end = (each.approver.not_before, each.approver.not_after) if each.approver else (None, None)
    if start and (nanoseconds(start) or 0) > now:
        return f"the key counts from {start}"
    if end and (nanoseconds(end) or 0) <= now:
        return f"the key counted until {end}"
    return None
