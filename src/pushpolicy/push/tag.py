"""Step 8: move the tags, unless one of them moved since it was judged. Only now the image is published."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec

from pushpolicy.errors import IncompleteError, StoppedError, after_landing
from pushpolicy.http.parallel import each
from pushpolicy.http.retry import TRANSIENT_STATUS
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.model.text import first_of
from pushpolicy.push.transfer import Pushed
from pushpolicy.push.verify import Verified
from pushpolicy.registry.interface import RepositoryClient
from pushpolicy.registry.move import Guarantee, Move
from pushpolicy.registry.refusals import RefusedError

_SHOWN = 10


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose tags name it, with its record beside it.

    Attributes:
        guarantee: what kept its tags from being moved over what somebody else set.
        together: those of its tags that were moved in one step, with no moment between them.
        records: the repository that its record is in, where that is not the target's.
    """

    target: Target
    digest: Digest
    record: Descriptor
    guarantee: Guarantee
    together: tuple[str, ...] = ()
    records: Repository | None = None


def move_tags(verified: Verified) -> Published:
    """Have every tag of the permit name the image; one that does already is left alone.

    Raises:
        IncompleteError: when a tag moved since the evidence, or could not be set or read back.
    """
    (published,) = move_all_tags((verified,))
    return published


def move_all_tags(verified: Sequence[Verified]) -> tuple[Published, ...]:
    """Move the tags of several images; none is moved before every one of them was looked at.

    Raises:
        IncompleteError: as for one image; says which tags name their image by then, and which do not.
        StoppedError: when it is interrupted.
    """
    with after_landing("looking at the tags"):
        work = _to_move(verified)
    done: dict[str, bool] = {}  # the tags that are set, and whether with others in one step
    try:
        _set(work, done)
        with after_landing("reading the tags back"):
            for client, moves in work:
                _read_back(client, moves)
    except KeyboardInterrupt as error:
        already = first_of(list(done), _SHOWN) or "none"
        raise StoppedError(
            f"interrupted while tags were being moved (already set: {already}); others may be",
            "look at the tags, or run the same push again: it re-sends only what is missing",
        ) from error
    return tuple(_published(one.pushed, done) for one in verified)


def _set(work: Sequence[tuple[RepositoryClient, Sequence[Move]]], done: dict[str, bool]) -> None:
    try:
        with after_landing("setting the tags"):
            for client, moves in work:
                for step in client.move_tags(moves):
                    done.update({f"{client.repository}:{move.tag}": len(step) > 1 for move in step})
    except IncompleteError as error:
        standing = _standing(work, done, error.__cause__)
        raise IncompleteError(f"{error.message}; {standing}", error.hint) from error


def _to_move(verified: Iterable[Verified]) -> list[tuple[RepositoryClient, list[Move]]]:
    """The tags that do not name their image yet, by repository: one may take them all at once."""
    work: dict[Repository, tuple[RepositoryClient, list[Move]]] = {}
    for one in verified:
        pushed, top, found = one.pushed, one.pushed.image.top, dict[str, Digest | None]()
        _look(pushed.client, pushed.terms.target.tags, found)
        for tag in pushed.terms.target.tags:
            before, now = pushed.previous.get(tag), found[tag]
            move = Move(tag=tag, manifest=pushed.admission.vouched(top), before=before)
            if now not in (before, top.digest):
                raise move.conflict(now)
            if now != top.digest:
                work.setdefault(pushed.client.repository, (pushed.client, []))[1].append(move)
    return list(work.values())


def _read_back(client: RepositoryClient, moves: Sequence[Move]) -> None:
    found = dict[str, Digest | None]()
    _look(client, [move.tag for move in moves], found)
    wrong = [
        f"tag {move.tag} was to name {move.manifest.digest} and names {found[move.tag] or 'nothing'} now"
        for move in moves
        if found[move.tag] != move.manifest.digest
    ]
    if wrong:
        raise IncompleteError(
            "; ".join(wrong[:_SHOWN]),
            "another writer moved it, or the registry did not keep it; look at the tag, then push again",
        )


def _standing(
    work: Iterable[tuple[RepositoryClient, Iterable[Move]]], done: Container[str], failure: object
) -> str:
    """What became of the tags: a request that had no answer may have set its own all the same.

    They are not looked at anew: where there was no answer after so many tries, there would be none to that.
    """
    is_answered = isinstance(failure, RefusedError) and failure.status not in TRANSIENT_STATUS
    left = "not set" if failure is None or is_answered else "not known"
    states: dict[str, list[str]] = {"set": [], left: []}
    for client, moves in work:
        for move in moves:
            name = f"{client.repository}:{move.tag}"
            states["set" if name in done else left].append(name)
    return "; ".join(f"{state}: {first_of(tags, _SHOWN)}" for state, tags in states.items() if tags)


def _look(client: RepositoryClient, tags: Sequence[str], found: dict[str, Digest | None]) -> None:
    """Find what the tags name, asked for at once; what was found stays if one fails."""

    def resolve(tag: str) -> None:
        manifest = client.resolve(tag)
        found[tag] = manifest.digest if manifest else None

    each(resolve, tags, distant=client.distant)


def _published(pushed: Pushed, done: Mapping[str, bool]) -> Published:
    target, kept_in = pushed.terms.target, pushed.records.repository
    return Published(
        target=target,
        digest=pushed.image.top.digest,
        record=pushed.record.artifact.manifest.descriptor,
        guarantee=pushed.client.guarantee,
        together=tuple(tag for tag in target.tags if done.get(f"{target.repository}:{tag}")),
        records=None if kept_in == target.repository else kept_in,
    )
