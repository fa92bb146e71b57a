"""Step 5, on request: what referred to the image at its source goes along, before any tag names it."""

from __future__ import annotations

from pushpolicy.errors import IncompleteError, after_landing
from pushpolicy.push.transfer import Pushed, settled
from pushpolicy.registry.interface import RepositoryClient


def carry_referrers(pushed: Pushed) -> Pushed:
    """Put the referrers that the permit names, and read them back; nothing where none were asked for.

    Raises:
        IncompleteError: when the repository refuses one, or does not list it.
    """
    carried, client = pushed.image.referrers, pushed.client
    with after_landing("carrying its referrers along"):
        with settled(client, pushed.admission) as put:
            for manifest in carried.manifests:
                put(manifest)
        _read_back(pushed, client)
    return pushed


def _read_back(pushed: Pushed, client: RepositoryClient) -> None:
    manifests = pushed.image.referrers.manifests
    subjects = {manifest.subject.digest for manifest in manifests if manifest.subject}
    listed = {entry.digest for subject in subjects for entry in client.referrers(subject)}
    for manifest in manifests:
        stored = client.manifest(manifest.digest)
        is_listed = manifest.subject is None or manifest.digest in listed
        if stored is None or stored.content != manifest.content or not is_listed:
            raise IncompleteError(
                f"pushed by digest, but the referrer {manifest.digest} is not there as it was sent",
                "the repository lost or changed it; no tag was moved; run the push again",
            )
