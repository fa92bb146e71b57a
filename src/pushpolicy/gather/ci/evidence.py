"""What the CI system says of this run: one file per provider, and the one table of them.

Everything here is what variables assert; an earlier step of the job can set them. `trust` says so for
each field, and only a verified identity token may say more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pushpolicy.gather.ci import github
from pushpolicy.gather.ci.claims import CiError, Claims
from pushpolicy.model.evidence import CiEvidence, Status


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One CI system.

    Attributes:
        detect: whether the environment is one of its jobs.
        read: what the environment says; raises CiError where that contradicts itself or lacks a part.
    """

    name: str
    detect: Callable[[Mapping[str, str]], bool]
    read: Callable[[Mapping[str, str]], Claims]


PROVIDERS: tuple[Provider, ...] = (Provider(name="github-actions", detect=github.detect, read=github.read),)


def evidence(environ: Mapping[str, str]) -> CiEvidence:
    """The CI context of this run."""
    provider = next((item for item in PROVIDERS if item.detect(environ)), None)
    if provider is None:
        return CiEvidence(status=Status.MISSING, reason="the environment is that of no known CI system")
    try:
        claims = provider.read(environ)
    except CiError as error:
        return CiEvidence(status=Status.FAILED, reason=str(error), provider=provider.name)
    known = _known(claims)
    trust = dict.fromkeys(sorted(known), "asserted")
    return CiEvidence(status=Status.COLLECTED, provider=provider.name, trust=trust, **known)


def _known(claims: Claims) -> dict[str, Any]:
    found = {name: getattr(claims, name) for name in claims.__struct_fields__}
    return {name: value for name, value in found.items() if value is not None}
