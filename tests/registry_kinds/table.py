"""The kinds: one of each trait by itself, those that run here, and those that people use.

The last are from what their makers and users wrote; nobody here has seen them answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.registry_kinds.kind import DENIED, Kind, Refusal

_NO_ROUTE = Refusal(status=404, words="404 page not found\n")
_TO_A_PAGE = Refusal(status=303, headers={"Location": "/packages/container/package"})
_KNOWN_TYPES = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.cncf.helm.config.v1+json",
    }
)


def _not_seen(*places: str) -> str:
    return "not seen live: " + ", ".join(places)


_FULL = Kind(name="full", source="distribution-spec 1.1")
_FALLBACK = replace(_FULL, name="fallback", referrers=_NO_ROUTE, oci_subject=False)
_GO = replace(
    _FULL, name="go-containerregistry-referrers", source="seen: 0.22.1", oci_subject=False,
    listed_type="config", progress=False, mounts=False, checks=False,
    gone_upload=Refusal(status=400, code="METHOD_UNKNOWN"),
)  # fmt: skip

_BY_TRAIT = (
    _FULL,
    _FALLBACK,
    replace(_FULL, name="api-without-header", oci_subject=False),
    replace(_FALLBACK, name="empty-200", referrers="empty"),
    replace(_FALLBACK, name="header-without-api", oci_subject=True,
            source="github.com/sigstore/sigstore-js/pull/1183 (ECR in 2024)"),
    replace(_FALLBACK, name="referrers-303", referrers=_TO_A_PAGE),
    *(
        replace(_FALLBACK, name=f"referrers-{status}", referrers=Refusal(status=status, code=code))
        for status, code in ((401, "UNAUTHORIZED"), (403, "DENIED"), (500, "UNKNOWN"))
    ),
    replace(_FULL, name="immutable", moves="same"),
    replace(_FALLBACK, name="immutable-fallback", moves="same"),
    replace(_FULL, name="create-only", moves="never",
            immovable=Refusal(status=403, code="DENIED", message=DENIED)),
    replace(_FULL, name="multi-tag", source="distribution-spec after 1.1.1", multi_tag=30),
    replace(_FULL, name="conditions", source="RFC 9110, 13", conditions=True),
    replace(_FULL, name="known-types", types=_KNOWN_TYPES),
    replace(_FULL, name="strict-scopes", auth="token", denied=None),
    replace(_FULL, name="wide-scope", auth="token", scope="*"),
    replace(_FULL, name="odd-scope", auth="token", scope="repository:{name}:push/pull"),
    replace(_FULL, name="base-challenge", auth="basic", challenges="base"),
    replace(_FULL, name="no-head", heads=False),
    replace(_FULL, name="no-location", locations=False, single_post=False),
    replace(_FULL, name="sessions-only", single_post=False, mounts=False, ranges=False),
    replace(_FULL, name="storage-elsewhere", redirects=True),
    replace(_FULL, name="to-be-created", creates=False),
    replace(_FULL, name="untagged-retention", retention="untagged", orphans="deleted"),
)  # fmt: skip

_RUN_HERE = (
    replace(_FALLBACK, name="distribution", source="seen: 3.1", retention="untagged"),
    replace(_FALLBACK, name="distribution-2.8", source="seen: 2.8.2", deletes="manifests", gaps="taken",
            retention="all untagged"),
    replace(_GO, name="go-containerregistry", referrers=_NO_ROUTE),
    _GO,
    replace(_FULL, name="olareg", source="seen: 0.2.2", multi_tag=30, absent=None, deletes="nothing",
            gone_upload=Refusal(status=400, code="BLOB_UPLOAD_UNKNOWN",
                                message="blob upload unknown to registry")),
)  # fmt: skip

_IN_USE = (
    replace(
        _FALLBACK, name="gitea", auth="token", scope="*", ranges=False, retention="untagged",
        source=_not_seen("go-gitea/gitea: routers/api/packages/container"),
    ),
    replace(
        _FALLBACK, name="cloudflare", auth="basic", single_post=False, ranges=False,
        retention="all untagged",
        source=_not_seen("cloudflare/serverless-registry: src/router.ts, garbage-collector.ts"),
    ),
    replace(
        _FALLBACK, name="gitlab", auth="token", denied=None, redirects=True, types=_KNOWN_TYPES,
        retention="untagged",
        source=_not_seen("github.com/ocx-sh/ocx/issues/480", "gitlab-org/container-registry#1205",
                         "docs.gitlab.com: delete_container_registry_images"),
    ),
    replace(
        _FULL, name="ecr", auth="basic", redirects=True, creates=False, moves="never", orphans="deleted",
        retention="untagged",
        source=_not_seen("docs.aws.amazon.com: image-tag-mutability, images",
                         "github.com/aws/containers-roadmap/issues/862"),
        immovable=Refusal(status=400, code="TAG_INVALID", message="The image tag '{tag}' already exists in "
                          "the repository and cannot be overwritten because the repository is immutable."),
        uncreated=Refusal(status=404, code="NAME_UNKNOWN",
                          message="The repository with name '{name}' does not exist in the registry"),
    ),
    replace(
        _FULL, name="quay", auth="token", denied=None, redirects=True, moves="same",
        retention="untagged without subject",
        source=_not_seen("docs.redhat.com: red_hat_quay, immutability_policy",
                         "github.com/sigstore/docs/issues/372"),
        immovable=Refusal(status=409, code="TAG_IMMUTABLE", message="tag is immutable", detail="{tag}"),
    ),
    replace(
        _FULL, name="harbor", auth="token", denied=None, creates=False, moves="same", orphans="deleted",
        retention="untagged without subject",
        source=_not_seen("goharbor.io: create-tag-immutability-rules", "goharbor/harbor: pkg/immutable"),
        immovable=Refusal(status=412, code="PRECONDITION",
                          message="Failed to process request due to '{tag}' configured as immutable."),
        uncreated=Refusal(status=404, code="NOT_FOUND", message="project {name} not found"),
    ),
    replace(
        _FULL, name="artifactory", auth="token", redirects=True, moves="never", retention="untagged",
        source=_not_seen("jfrog.com: use-referrers-rest-api-to-discover-oci-references",
                         "github.com/GoogleContainerTools/kaniko/issues/1095"),
        immovable=Refusal(status=403, code="MANIFEST_INVALID", message="manifest invalid",
                          detail={"description": "HTTP 403 Forbidden"}),
    ),
    replace(
        _FALLBACK, name="docker-hub", auth="token", denied=None, redirects=True, moves="same",
        source=_not_seen("github.com/docker/roadmap/issues/724", "docs.docker.com: immutable-tags"),
    ),
    replace(
        _FALLBACK, name="ghcr", auth="token", redirects=True, referrers=_TO_A_PAGE, retention="untagged",
        source=_not_seen("github.com/artifacthub/hub/issues/4785", "github.com/ocx-sh/ocx/issues/480"),
    ),
    replace(
        _FULL, name="acr", auth="token", denied=None, redirects=True, orphans="deleted",
        retention="untagged without subject",
        source=_not_seen("learn.microsoft.com: container-registry-retention-policy"),
    ),
    replace(
        _FULL, name="gar", auth="token", redirects=True, creates=False, moves="same", retention="untagged",
        source=_not_seen("docs.cloud.google.com: update-repo-settings, cleanup-policy"),
        immovable=Refusal(status=400, code="MANIFEST_INVALID", message="the tag is immutable"),
    ),
    replace(
        _FULL, name="zot", retention="untagged without subject", orphans="deleted",
        source=_not_seen("zotregistry.dev/v2.1.11/articles/retention"),
    ),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*_BY_TRAIT, *_RUN_HERE, *_IN_USE)}
