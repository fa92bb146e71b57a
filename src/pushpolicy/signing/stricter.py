"""Several trust files as one: what all of them say (design section 6, "join to the stricter value")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pushpolicy.errors import PolicyError
from pushpolicy.identity.issuers import Issuer
from pushpolicy.model.text import printable
from pushpolicy.signing.trust import Approver, Key, Quorum, Raw, Trust, by_glob

Entry = TypeVar("Entry")


def stricter(files: Sequence[Trust]) -> Trust:
    """What all of several trust files say.

    Whom one of them does not trust is not trusted, what one demands is demanded, what one leaves out is left
    out; where two name another place or role, which is stricter cannot be told.

    Raises:
        PolicyError: when it cannot be told.
    """
    first, *others = files or [Trust()]
    for other in others:
        first = Trust(
            issuers=_issuers(first.issuers, other.issuers),
            exchanges=_common(first.exchanges, other.exchanges),
            keys=_keys(first.keys, other.keys),
            read_role=_same("read_role", first.read_role, other.read_role),
            denials=_same("denials", first.denials, other.denials),
            records=_each_place(first.records, other.records),
            raw=_each_raw(first.raw, other.raw),
            verified_for=tuple(sorted({*first.verified_for, *other.verified_for})),
            approvers=_approvers(first.approvers, other.approvers),
            quorum=_quorum(first.quorum, other.quorum),
        )
    return first


def _issuers(one: Mapping[str, Issuer], other: Mapping[str, Issuer]) -> Mapping[str, Issuer]:
    """Those that both name; a file that names none leaves it to the other."""
    if not one or not other:
        return one or other
    # None at all would stand for those that are known.
    if not (common := _common(one, other)):
        raise PolicyError(
            "two trust files name issuers, and none that is the same in both: no token could be believed",
            "let one of them name the issuers",
        )
    return common


def _keys(one: Mapping[str, Key], other: Mapping[str, Key]) -> Mapping[str, Key]:
    """Those that both list alike. Of the role decide, a file that lists none leaves it to the other.

    Where such keys are listed for a repository, nothing else counts there: to drop the last would be looser.
    """
    common = _common(one, other)
    first, second = _deciding(one), _deciding(other)
    if not first or not second:
        return {**common, **first, **second}
    kept = _deciding(common).values()
    for name, key in {**first, **second}.items():
        if name not in common and not any(_covers(each, key) for each in kept):
            raise PolicyError(
                f"two trust files list keys of the role decide, and {printable(name, 100)} is not the same "
                "in both: nothing would be demanded of its repositories any more",
                "let one of them list the keys, or both the same",
            )
    return common


def _deciding(keys: Mapping[str, Key]) -> dict[str, Key]:
    return {name: key for name, key in keys.items() if key.role == "decide"}


def _covers(kept: Key, dropped: Key) -> bool:
    """Whether the one counts wherever the other did, by the globs as they are written."""
    if not kept.repositories:
        return True
    return bool(dropped.repositories) and {*dropped.repositories} <= {*kept.repositories}


def _approvers(one: Mapping[str, Approver], other: Mapping[str, Approver]) -> Mapping[str, Approver]:
    """Those that both name alike; a file that names none leaves it to the other."""
    if not one or not other:
        return one or other
    if not (common := _common(one, other)):
        raise PolicyError(
            "two trust files name approvers, and none that is the same in both: nobody could approve",
            "let one of them name the approvers",
        )
    return common


def _quorum(one: Quorum | None, other: Quorum | None) -> Quorum | None:
    """The larger number for each rule."""
    if one is None or other is None:
        return one or other
    policy = _same("quorum.policy", one.policy, other.policy)
    assert policy is not None, "both have one"
    rules = {rule: max(one.needs(rule), other.needs(rule)) for rule in {*one.rules, *other.rules}}
    return Quorum(policy=policy, rules=rules)


def _each_place(
    one: str | Mapping[str, str] | None, other: str | Mapping[str, str] | None
) -> str | Mapping[str, str] | None:
    """What both say, glob by glob; a push tells where globs of the two name two places."""
    if one is None or other is None or one == other:
        return other if one is None else one
    first, second = by_glob(one), by_glob(other)
    for glob in first.keys() & second.keys():
        _same(f"records of {glob}", first[glob], second[glob])
    return {**first, **second}


def _each_raw(
    one: Raw | Mapping[str, Raw] | None, other: Raw | Mapping[str, Raw] | None
) -> Raw | Mapping[str, Raw] | None:
    """What both say, glob by glob: what one of them wants left out is not stored."""
    if one is None or other is None or one == other:
        return other if one is None else one
    if isinstance(one, str) and isinstance(other, str):
        return "digest"
    first, second = by_glob(one), by_glob(other)
    left_out = {glob for said in (first, second) for glob, raw in said.items() if raw == "digest"}
    return {glob: "digest" if glob in left_out else "keep" for glob in {**first, **second}}


def _common(one: Mapping[str, Entry], other: Mapping[str, Entry]) -> dict[str, Entry]:
    return {name: entry for name, entry in one.items() if other.get(name) == entry}


def _same(name: str, one: Entry | None, other: Entry | None) -> Entry | None:
    if one is not None and other is not None and one != other:
        raise PolicyError(
            f"two trust files say another {name}, and which is stricter cannot be told",
            "let one of them say it",
        )
    return other if one is None else one
