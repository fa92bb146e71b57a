"""Step 8: move the tags, unless one of them moved since it was judged. Only now the image is published."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pushpolicy.errors import IncompleteError, StoppedError, after_landing
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.push.permit import Terms
from pushpolicy.push.verify import Verified
from pushpolicy.registry.interface import RepositoryClient


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose tags name it, with its record beside it."""

    target: Target
    digest: Digest
    record: Descriptor


def move_tags(verified: Verified) -> Published:
    """Set every tag of the permit to the digest of the image.

    OCI has no compare-and-swap: another writer can move a tag between the check of it and its PUT.

    Raises:
        IncompleteError: when a tag moved since the evidence, or could not be set or read back.
    """
    (published,) = move_all_tags((verified,))
    return published


def move_all_tags(verified: Sequence[Verified]) -> tuple[Published, ...]:
    """Set the tags of several images; no tag is set before every one of them was checked.

    Raises:
        IncompleteError: as for one image; the tags that were set before it stay, and are named.
        StoppedError: when it is interrupted.
    """
    with after_landing("looking at the tags"):
        for each in verified:
            _unmoved(each.pushed.terms, each.pushed.client)
    moved = list[str]()
    try:
        for each in verified:
            pushed = each.pushed
            for tag in pushed.terms.target.tags:
                with after_landing(f"setting tag {tag} ({_sum(moved)})"):
                    pushed.client.put_manifest(pushed.admission.vouched(pushed.image.top), tag)
                moved.append(f"{pushed.terms.target.repository}:{tag}")
        with after_landing("reading the tags back"):
            for each in verified:
                _read_back(each.pushed.terms, each.pushed.image.top.digest, each.pushed.client)
    except KeyboardInterrupt as error:
        raise StoppedError(
            f"interrupted while tags were being moved ({_sum(moved)}); one more may be",
            "look at the tags, or run the same push again: it re-sends only what is missing",
        ) from error
    return tuple(
        Published(
            target=each.pushed.terms.target,
            digest=each.pushed.image.top.digest,
            record=each.pushed.record.artifact.manifest.descriptor,
        )
        for each in verified
    )


def _unmoved(terms: Terms, client: RepositoryClient) -> None:
    for tag in terms.target.tags:
        now, before = _named_by(tag, client), terms.previous.get(tag)
        if now != before:
            raise IncompleteError(
                f"pushed by digest, but tag {tag} was moved meanwhile: "
                f"it named {before or 'nothing'} when this push was judged, and names {now or 'nothing'} now",
                "another push came first; run this one again, so that it is judged against the tag as it is",
            )


def _read_back(terms: Terms, digest: Digest, client: RepositoryClient) -> None:
    for tag in terms.target.tags:
        now = _named_by(tag, client)
        if now != digest:
            raise IncompleteError(
                f"tag {tag} was set to {digest} and names {now or 'nothing'} now",
                "another writer moved it, or the registry did not keep it; look at the tag, then push again",
            )


def _named_by(tag: str, client: RepositoryClient) -> Digest | None:
    manifest = client.resolve(tag)
    return manifest.digest if manifest else None


def _sum(moved: list[str]) -> str:
    return f"already set: {', '.join(moved)}" if moved else "none was set before it"
