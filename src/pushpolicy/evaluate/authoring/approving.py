"""`pushpolicy policy approve`: which waiver is meant, and whose approval a signature is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pushpolicy.errors import PolicyError, UsageError
from pushpolicy.evaluate.approvals import judged, statement
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.text import first_of, nearest, printable
from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.sshsig import read_key, read_signature


def find(
    waivers: Sequence[Mapping[str, Any]], rule: str, named: str, repository: str | None
) -> Mapping[str, Any]:
    """The one waiver of a rule that names this id, purl or evidence.

    Raises:
        UsageError: when there is none, or more than one.
    """
    of_rule = [each for each in waivers if each["rule"] == rule]
    names = {str(each.get(key)) for each in of_rule for key in ("id", "purl", "evidence") if key in each}
    found = [
        each
        for each in of_rule
        if named in (each.get("id"), each.get("purl"), each.get("evidence"))
        and repository in (None, each.get("repository"))
    ]
    if not found:
        hint = f"there are waivers of it for {printable(first_of(sorted(names), 5), 300)}" if names else None
        raise UsageError(
            f"no waiver of {printable(rule)} is for {printable(named)}{nearest(named, names)}", hint
        )
    if len(found) > 1:
        places = first_of([str(each.get("repository", "everywhere")) for each in found], 5)
        raise UsageError(
            f"{len(found)} waivers are meant: {printable(places, 300)}", "name one by --repository"
        )
    return found[0]


def approver_of(policy: PolicySet, waiver: Mapping[str, Any], armor: str) -> str:
    """Whose approval of a waiver a signature is.

    Raises:
        PolicyError: when it is nobody's, or would not count.
    """
    statement(waiver, policy.files)
    try:
        key = read_signature(armor).key
    except SigningError as error:
        raise PolicyError(f"the signature {error.message}", error.hint) from error
    approvers = policy.trust.approvers.items()
    name = next((name for name, each in approvers if read_key(each.key) == key), None)
    if name is None:
        raise PolicyError(
            f"the key {key.fingerprint} is of no approver",
            "trust.yaml lists them: approvers, with their keys",
        )
    given = {**waiver, "approvals": [{"principal": name, "signature": armor}]}
    for each in judged(given, policy.files):
        if each.reason:
            raise PolicyError(f"not an approval of {name}: {each.reason}")
    return name
