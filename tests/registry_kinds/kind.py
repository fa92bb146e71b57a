"""What registries differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DENIED = "requested access to the resource is denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is not what was asked for (distribution-spec, "Error Codes").

    Attributes:
        words: the body, where it is not the specification's JSON.
    """

    status: int
    code: str = ""
    message: str = ""
    detail: str | Mapping[str, str] = ""
    words: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


NAME_UNKNOWN = Refusal(status=404, code="NAME_UNKNOWN", message="repository name not known to registry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of registry; the defaults are those of a registry that does all of distribution-spec 1.1.

    Attributes:
        source: where this is from: "seen" (with the version), else "not seen live" and the document.
        referrers: how the referrers API answers; a refusal where there is none.
        oci_subject: whether the PUT of a manifest with a subject is answered with OCI-Subject.
        listed_type: the artifactType of an entry in that list: as specified, of the config, or none.
        moves: whether a tag that is there can be put again: always, with the digest it names, or never.
        movable: tags (a regular expression) that can be moved all the same.
        immovable: how a tag that cannot be moved is refused.
        types: the only media types that configs and artifactType may have; None takes any.
        unknown_type: how others are refused.
        checks: whether what a manifest names has to be there.
        multi_tag: how many tags one PUT by digest may set (`?tag=a&tag=b`, OCI-Tag); 0 ignores them.
        conditions: whether If-Match and If-None-Match of a manifest's PUT are honoured, with 412; the ETag is
            then one that only the registry can make.
        auth: how it asks for a credential.
        scope: the scope of its challenge; {name} and {actions} stand for those of the request.
        challenges: whether every 401 has a challenge, or only that of /v2/.
        denied: what a user who may only read gets for a write; None is a token without that scope.
        heads: whether HEAD is answered; else 405.
        locations: whether the 202 for an upload says where it is.
        progress: whether GET of an open upload says how much it has; else it is answered as one that is gone.
        gaps: whether a part that begins elsewhere than the last one ended is refused (416).
        single_post: whether a POST with the content is taken.
        mounts: whether blobs are mounted from other repositories.
        ranges: whether a part of a blob can be had.
        redirects: whether content of blobs is served from another path (307), without a credential.
        creates: whether the first push creates the repository.
        uncreated: how a write to a repository that is not there is refused.
        absent: how tags and referrers of a repository that is not there are answered; None is an empty list.
        gone_upload: how an upload that is not open, or not any more, is answered.
        deletes: what DELETE takes.
        orphans: what becomes of referrers when their subject is deleted.
        retention: what `KindRegistry.clean` removes, as its clean-up does when it is set to remove what has
            no tag: what no tagged index names either; the same but for what refers to what stays; or all that
            has no tag itself.
        page: entries of one page of a tag list.
    """

    name: str
    source: str
    referrers: Literal["listed", "empty"] | Refusal = "listed"
    oci_subject: bool = True
    listed_type: Literal["specified", "config", "missing"] = "specified"
    moves: Literal["any", "same", "never"] = "any"
    movable: str = ""
    immovable: Refusal = Refusal(status=400, code="TAG_INVALID", message="the tag is immutable")
    types: frozenset[str] | None = None
    unknown_type: Refusal = Refusal(status=400, code="MANIFEST_INVALID", detail="unknown media type: {type}")
    checks: bool = True
    multi_tag: int = 0
    conditions: bool = False
    auth: Literal["none", "basic", "token"] = "none"
    scope: str = "repository:{name}:{actions}"
    challenges: Literal["every", "base"] = "every"
    denied: Refusal | None = Refusal(status=403, code="DENIED", message=DENIED)
    heads: bool = True
    locations: bool = True
    progress: bool = True
    gaps: Literal["refused", "taken"] = "refused"
    single_post: bool = True
    mounts: bool = True
    ranges: bool = True
    redirects: bool = False
    creates: bool = True
    uncreated: Refusal = NAME_UNKNOWN
    absent: Refusal | None = NAME_UNKNOWN
    gone_upload: Refusal = Refusal(
        status=404, code="BLOB_UPLOAD_UNKNOWN", message="blob upload unknown to registry"
    )
    deletes: Literal["tags and manifests", "manifests", "nothing"] = "tags and manifests"
    orphans: Literal["kept", "deleted"] = "kept"
    retention: Literal["nothing", "untagged", "untagged without subject", "all untagged"] = "nothing"
    page: int = 1000
