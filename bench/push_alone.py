"""One push by pushpolicy's engine with the permit given, in a process of its own: no evidence, no OPA.

Does what the other pushers do, by digest first: blobs, manifest, tag, and reads the tag back.

    python -m bench.push_alone LAYOUT TARGET CA_FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

import pushpolicy.cli  # noqa: F401 (sets the process up, as for every command)
from pushpolicy.errors import PushError
from pushpolicy.images import open_image
from pushpolicy.model.decision import PolicyIdentity
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.records.build import build_record
from pushpolicy.registry import Access, open_repository
from tests.judged import judge, push_by_digest

# Any will do: nobody reads this record.
_POLICY = b"policy"


def main() -> None:
    layout, name, ca_file = sys.argv[1:]
    target = Target.parse(name)
    client = open_repository(target.repository, Access(ca_file=Path(ca_file)))
    with open_image(f"oci:{layout}") as image:
        judged = judge(image, target, policy=_identity())
        with build_record(judged.contents(policy=_POLICY)) as record:
            push_by_digest(judged.permit(), image=image, target=target, record=record, client=client)
        for tag in target.tags:
            client.put_manifest(image.top, tag)
            if client.resolve(tag) != image.top:
                raise PushError(f"{target}: the tag names something else")


def _identity() -> PolicyIdentity:
    one = Digest.of(_POLICY)
    return PolicyIdentity(source="policy", digest=one, rules=one, settings=one, waivers=one, anchored=False)


if __name__ == "__main__":
    main()
