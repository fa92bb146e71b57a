"""What the CI system says of this run: one file per provider, and the one table of them.

Everything here is what variables assert; an earlier step of the job can set them. `trust` says so for
each field, and only a verified identity token may say more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from pushpolicy.gather.ci import github
from pushpolicy.gather.ci.values import CiError
from pushpolicy.model.evidence import CiEvidence, Status


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One CI system.

    Attributes:
        detect: whether the environment is one of its jobs.
        read: what the environment says; raises CiError where that contradicts itself or lacks something.
    """

    name: str
    detect: Callable[[Mapping[str, str]], bool]
    read: Callable[[Mapping[str, str]], CiEvidence]


PROVIDERS: tuple[Provider, ...] = (Provider(name="github-actions", detect=github.detect, read=github.read),)


def evidence(environ: Mapping[str, str]) -> CiEvidence:
    """The CI context of this run."""
    provider = next((item for item in PROVIDERS if item.detect(environ)), None)
    if provider is None:
        known = ", ".join(item.name for item in PROVIDERS)
        reason = f"the environment is that of no known CI system (known: {known})"
        return CiEvidence(status=Status.MISSING, reason=reason)
    try:
        found = provider.read(environ)
    except CiError as error:
        return CiEvidence(status=Status.FAILED, reason=str(error), provider=provider.name)
    said = (name for name in found.__struct_fields__ if getattr(found, name) is not None and name != "status")
    trust = dict.fromkeys(sorted(said), "asserted")
    return replace(found, provider=provider.name, trust=trust)
