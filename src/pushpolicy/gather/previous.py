"""What the tags of the target name before the push, as far as who reads them may know it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.registry import RepositoryClient

if TYPE_CHECKING:  # it brings http.client, which an error before that is told without
    from pushpolicy.registry.refusals import RefusedError

_MAX_REASON = 400


class Previous(NamedTuple):
    """What each tag names.

    Attributes:
        digests: of those that exist.
        unknown: why it is not known of those that are in neither; None where all is known.
        new: those that do not exist.
    """

    digests: Mapping[str, Digest]
    new: tuple[str, ...]
    unknown: str | None = None


def named_now(client: RepositoryClient, tags: Iterable[str]) -> Previous:
    """What each tag names, read with the credential of the push.

    Raises:
        PushError: when the repository refuses or fails.
    """
    found = {tag: client.resolve(tag) for tag in tags}
    digests = {tag: manifest.digest for tag, manifest in found.items() if manifest}
    return Previous(digests, tuple(tag for tag in found if tag not in digests))


def told_now(client: RepositoryClient, tags: Iterable[str], *, may_pull: bool) -> Previous:
    """What each tag names, as far as a reader without the credential of the push is told.

    A 404 may be how a registry hides what somebody may not see. So it means that there is no such tag only
    where the reader may pull: by a role for that, or since the repository shows its tags.

    Args:
        client: the target's repository, with what it is read with.
        tags: of the target.
        may_pull: whether it is read by a role that may.

    Raises:
        PushError: when there is no answer.
    """
    from pushpolicy.registry.refusals import RefusedError

    digests, absent, reasons = dict[str, Digest](), list[str](), list[str]()
    for tag in tags:
        try:
            manifest = client.resolve(tag)
        except RefusedError as error:
            _expect_refusal(error)
            reasons.append(printable(f"{error.message} (read before the push is decided)", _MAX_REASON))
            continue
        if manifest:
            digests[tag] = manifest.digest
        else:
            absent.append(tag)
    if absent and not (may_pull or _shows_tags(client)):
        reasons.append(
            f"{client.repository} shows no tags to an anonymous reader: {', '.join(absent)} may be hidden"
        )
        absent = []
    return Previous(digests, tuple(absent), printable(reasons[0], _MAX_REASON) if reasons else None)


def _shows_tags(client: RepositoryClient) -> bool:
    from pushpolicy.registry.refusals import RefusedError

    try:
        return client.is_known()
    except RefusedError as error:
        _expect_refusal(error)
        return False


def _expect_refusal(error: RefusedError) -> None:
    """A refusal to this reader is a fact; trouble of the server is none."""
    if not 400 <= error.status < 500:
        raise error
