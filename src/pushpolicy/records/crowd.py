"""What is beside an image already, and what becomes of it once a signed decision is attached there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each
from pushpolicy.model.digest import Digest
from pushpolicy.registry.interface import RepositoryReader

# Kyverno's ClusterPolicy takes no more than 50 of whatever kind; every tool that verifies reads each.
_MANY = 20


def old_signatures(client: RepositoryReader, image: Digest) -> tuple[str, ...]:
    """The tags under which cosign before version 3 keeps signatures and attestations of the image.

    They are looked for at once. One that cannot be read is not told: that stops no push.
    """
    name = f"{image.algorithm}-{image.hex}"
    found: dict[str, bool] = {f"{name}.sig": False, f"{name}.att": False}

    def look(tag: str) -> None:
        with suppress(PushError):
            found[tag] = client.resolve(tag) is not None

    each(look, list(found), distant=client.distant)
    return tuple(tag for tag, is_there in found.items() if is_there)


def crowd_notes(old: tuple[str, ...], listed: int) -> Iterator[str]:
    """What to know before a signed decision is attached.

    Args:
        old: as `old_signatures` gives them; none where what is attached is no bundle, which hides nothing.
        listed: how many manifests of any kind are listed with the image.
    """
    if old:
        yield (
            f"the image has what cosign before version 3 signed ({', '.join(old)}): beside a signed decision "
            "cosign 3 looks at that alone, and refuses the image where it asks for the other; sign it anew "
            "with cosign 3"
        )
    if listed > _MANY:
        yield (
            f"{listed} artifacts are attached to the image: with more than 50 a ClusterPolicy of Kyverno "
            "refuses it, and every tool that verifies reads each; remove those that nobody needs"
        )
