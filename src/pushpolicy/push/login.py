"""Step 5 begins: with ``--login`` the credential of the push is obtained now, and was not there before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.identity.minted import Minted, Promise
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.push.permit import Permit
from pushpolicy.registry.credentials import Credential
from pushpolicy.registry.interface import RepositoryClient


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How the credential of a push is obtained, once it was allowed.

    Attributes:
        promise: what will be obtained; the push is judged by that.
        obtain: asks for it.
        open: the target's repository, with what was obtained.
        may_pull: whether the target is read by a role for that until then; else without a credential.
        reader: what it is read with; it is kept out of records.
    """

    promise: Promise
    obtain: Callable[[], Minted]
    open: Callable[[Minted], RepositoryClient]
    may_pull: bool = False
    reader: Credential | None = None


class LoggedIn(NamedTuple):
    """The target's repository with the credential of the push, and what its tags name now."""

    client: RepositoryClient
    named: dict[str, Digest]


def log_in(permit: Permit, login: Login, evidence: Document) -> LoggedIn:
    """Obtain the credential that was judged, and read the tags again; nothing is written yet.

    Args:
        permit: shows that the push was allowed; it stays as it is.
        login: how to.
        evidence: the document that was judged.

    Raises:
        PushError: when nobody gives one, it is not the one that was judged, or a tag moved since.
    """
    _check_judged(login.promise, evidence.value["credentials"])
    minted = login.obtain()
    minted.check(login.promise)
    client = login.open(minted)
    found = {tag: client.resolve(tag) for tag in permit.terms.target.tags}
    named = {tag: manifest.digest for tag, manifest in found.items() if manifest}
    _check_tags(evidence.value["target"], named)
    return LoggedIn(client, named)


def _check_judged(promise: Promise, judged: dict[str, Any]) -> None:
    """The evidence speaks of this very login."""
    if judged.get("login") != promise.evidence():
        raise PushError(f"--login {promise.name}: the decision was made about another credential")


def _check_tags(judged: dict[str, Any], named: dict[str, Digest]) -> None:
    """What was known of the tags is so still; of what was not known, this is the first that is."""
    for tag in (*judged["previous_digests"], *judged["new_tags"]):
        before, now = judged["previous_digests"].get(tag), named.get(tag)
        if before != (str(now) if now else None):
            raise PushError(
                f"tag {tag} was moved since this push was judged: it named {before or 'nothing'}, "
                f"and names {now or 'nothing'} now",
                "nothing was written; run the push again, so that it is judged against the tag as it is",
            )
