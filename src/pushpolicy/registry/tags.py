"""Tags moved in a registry: over what was judged only, and as many at once as the registry lets be.

Sources: distribution-spec (main after 1.1.1), "Pushing Manifests", for tags in the query and ``OCI-Tag``;
RFC 9110, 13.1, for conditions, which the specification allows and few registries honour.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pushpolicy.errors import PushError
from pushpolicy.http.retry import TransientError
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.registry.meanings import Row, TagStays, meaning_of
from pushpolicy.registry.move import Guarantee, Move, free_tag
from pushpolicy.registry.refusals import refusal

if TYPE_CHECKING:
    from pushpolicy.registry.answers import KeptManifest, OrasAnswer
    from pushpolicy.registry.remote import RemoteRepository

# What no manifest's digest is: a condition on it cannot hold.
_NEVER = {"If-Match": f'"sha256:{"0" * 64}"'}
# A condition did not hold.
_FAILED = 412
# How registries refuse a query that they do not know, or that is too long for them.
_NO_QUERY = frozenset({400, 404, 405, 414, 431, 501})
# How they refuse to move a tag: ECR, Harbor and others that keep tags, and credentials that may only create.
_KEPT = frozenset({400, 403, 405, 409, 412, 422})
_KEPT_HINT = "the repository, or the credential, may not let it be moved; push under another tag"

T = TypeVar("T")


class Tags:
    """The tags of a repository in a registry, and what the registry can do with them, once it was asked."""

    def __init__(self, client: RemoteRepository) -> None:
        self._client = client
        self._unasked = threading.Lock()
        self._honours_conditions = False
        self._takes_several = True
        self._etags: dict[tuple[str, Digest], str] = {}

    @property
    def guarantee(self) -> Guarantee:
        """What `move` moves tags with, as far as is known by now."""
        return Guarantee.CONDITIONAL if self._honours_conditions else Guarantee.READ_THEN_WRITE

    def note(self, tag: str, found: KeptManifest) -> None:
        """Remember what the registry calls the manifest of a tag in a condition."""
        if found.etag:
            self._etags[tag, found.manifest.digest] = found.etag

    def store(self, manifest: Manifest) -> None:
        """Store a manifest under its digest; the first with a condition that cannot hold.

        Who stores it all the same honours none, which costs no request; who refuses it gets it again.

        Raises:
            PushError: when the registry refuses it without a condition.
        """
        if self._unasked.acquire(blocking=False):
            answer = self._client.send_manifest(manifest, headers=_NEVER)
            self._honours_conditions = answer.status == _FAILED
            if answer.is_taken:
                return
        self._client.upload_manifest(manifest, self._client.container(manifest.digest))

    def move(self, moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
        """Have each tag name its manifest.

        Tags of one manifest go in one request where the registry takes that. Conditions are worth more: a
        request can have one only for the tag that it is for, so where they are honoured each has its own.

        Yields:
            the moves that are done, as they are done; together those that one request did.

        Raises:
            PushError: when the registry refuses one; those after it are not tried.
            IncompleteError: when a tag was moved by somebody else.
        """
        by_manifest: dict[Digest, list[Move]] = {}
        for move in moves:
            by_manifest.setdefault(move.manifest.digest, []).append(move)
        for group in by_manifest.values():
            together = self._together(group) if len(group) > 1 else ()
            if together:
                yield together
            for move in group:
                if move not in together:
                    self._again(partial(self._set, move), [move])
                    yield (move,)

    def _again(self, attempt: Callable[[], T], moves: Sequence[Move]) -> T | None:
        """Try until there is an answer; None where the tags turn out to be moved already.

        They are looked at before each further attempt: another push may have come since, and what was sent
        may have arrived.
        """
        budget = self._client.api.budget()
        while True:
            try:
                return attempt()
            except TransientError as error:
                budget.pause(error)
            left = [move for move in moves if self._is_to_move(move)]
            if not left:
                return None

    def _together(self, moves: Sequence[Move]) -> tuple[Move, ...]:
        """Put a manifest by its digest, with its tags in the query; those that the registry says it took.

        Where it knows nothing of that the request moves no tag, and is the only one of its kind.
        """
        if self._honours_conditions or not self._takes_several:
            return ()
        tags = [move.tag for move in moves]
        send = partial(self._client.send_manifest, moves[0].manifest, tags=tags, once=True)
        answer = self._again(send, moves)
        if answer is None:
            return tuple(moves)
        named = answer.headers.get("OCI-Tag", "") if answer.is_taken else ""
        taken = {name.strip() for name in named.split(",")} - {""}
        self._takes_several = bool(taken)
        if not answer.is_taken and (answer.status not in _NO_QUERY or _says_it_stays(meaning_of(answer))):
            # One by one, some would be moved before the one that is refused.
            if any(self._named_by(move) != move.manifest.digest for move in moves):
                raise _refused(answer, next((move for move in moves if move.before), None))
            return tuple(moves)  # by an attempt whose answer was lost
        return tuple(move for move in moves if move.tag in taken)

    def _is_to_move(self, move: Move) -> bool:
        now = self._named_by(move)
        if now not in (move.before, move.manifest.digest):
            raise move.conflict(now)
        return now != move.manifest.digest

    def _set(self, move: Move) -> None:
        answer = self._client.send_manifest(move.manifest, move.tag, headers=self._condition(move), once=True)
        if answer.status in _KEPT:
            now = self._named_by(move)
            if now == move.manifest.digest:
                return  # by an attempt whose answer was lost, or by another push of the same image
            if answer.status == _FAILED and now != move.before:
                raise move.conflict(now)
            if answer.status == _FAILED:
                # What it compares with is not what it served the tag with: its conditions are of no use.
                self._honours_conditions = False
                answer = self._client.send_manifest(move.manifest, move.tag, once=True)
        if not answer.is_taken:
            raise _refused(answer, move if move.before and answer.status in _KEPT else None)

    def _named_by(self, move: Move) -> Digest | None:
        found = self._client.resolve(move.tag)
        return found.digest if found else None

    def _condition(self, move: Move) -> Mapping[str, str]:
        if move.before is None:
            return {"If-None-Match": "*"}
        return {"If-Match": self._etags.get((move.tag, move.before), f'"{move.before}"')}


def _says_it_stays(row: Row | None) -> bool:
    return row is not None and isinstance(row.meaning, TagStays)


def _refused(answer: OrasAnswer, kept: Move | None) -> PushError:
    """The registry's refusal; with another tag to take where it keeps this one, which is there already."""
    error = refusal(answer.action, answer)
    if kept is None or (error.row and error.row.is_general):
        return error
    hint = error.hint if _says_it_stays(error.row) else _KEPT_HINT
    error.message += f"; tag {kept.tag} is there already, as {kept.before}, and stays"
    error.hint = f"{hint} ({free_tag(kept.tag, kept.manifest.digest)} is free)"
    return error
