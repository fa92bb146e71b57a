"""Step 5, its second part: the child manifests, then the top manifest by its digest.

On request what referred to the image at its source goes along, before any tag names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pushpolicy.errors import IncompleteError, after_landing
from pushpolicy.http.parallel import each
from pushpolicy.model.manifest import Manifest
from pushpolicy.push.send import Sent
from pushpolicy.registry.admitted import Admission
from pushpolicy.registry.interface import RepositoryClient, Settle


class Pushed(Sent, frozen=True, kw_only=True):
    """An image that is in the repository by digest, and no tag names it yet."""


def push_by_digest(sent: Sent) -> Pushed:
    """Put the manifests, the top last; it is there already where every tag was read to name it.

    Raises:
        PushError: when the repository refuses, or a manifest names what was not read in this run.
    """
    # Children before the index that names them; those that name none do not wait for one another.
    top, named = sent.image.top, sent.previous
    is_there = not top.subject and all(named.get(tag) == top.digest for tag in sent.terms.target.tags)
    missing = [manifest for manifest in sent.image.manifests if manifest != top or not is_there]
    with settled(sent.client, sent.admission) as put:
        each(put, [manifest for manifest in missing if not manifest.manifests], distant=sent.client.distant)
        for manifest in missing:
            if manifest.manifests:
                put(manifest)
    sent.admission.vouched(top)
    return Pushed(**{name: getattr(sent, name) for name in Sent.__struct_fields__})


@contextmanager
def settled(client: RepositoryClient, admission: Admission) -> Iterator[Callable[[Manifest], None]]:
    """Stores manifests; at the end, waits until those that refer to others are sure to stay listed."""
    settling = list[Settle]()

    def put(manifest: Manifest) -> None:
        if manifest.subject:
            settling.append(client.put_referrer(admission.vouched(manifest)))
        else:
            client.put_manifest(admission.vouched(manifest))

    yield put
    for settle in settling:
        settle()


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
                "the repository lost or changed it, and no tag was moved; where the next push says the same, "
                "it does not keep what it is sent",
            )
