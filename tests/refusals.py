"""Refusals as registries and what stands before them really give them, and what has to be told of each.

The words are from the reports and manuals that the rows of `pushpolicy.registry.meanings.TABLE` name; nobody
here has seen the hosted ones answer.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pushpolicy.registry.meanings import Phase, Try

READ, UPLOAD, MANIFEST, TOKEN = Phase.READ, Phase.UPLOAD, Phase.MANIFEST, Phase.TOKEN
LOGIN = "the credential of ci from PUSHPOLICY_PASSWORD"
DENIED = "requested access to the resource is denied"
LOCKED = (
    "The operation is disallowed on this registry, repository or image. View troubleshooting steps at "
    "https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation"
)


def listed(code: str, message: str = "", detail: Any = None) -> str:
    """A body as distribution-spec has it."""
    return json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]})


def page(title: str, server: str) -> str:
    """A page as nginx and its like make it."""
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>"
        f"\r\n<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )


class Case(NamedTuple):
    """An answer, as that registry gives it, and what has to be said of it.

    Attributes:
        told: parts of the message and of the hint.
    """

    status: int
    phase: Phase
    body: str
    told: tuple[str, ...]
    attempt: Try | None = None
    about: dict[str, Any] = {}  # noqa: RUF012 (a NamedTuple's default, which nobody changes)
    headers: dict[str, str] = {}  # noqa: RUF012


CASES = {
    "plain http to Go": Case(
        400,
        READ,
        "Client sent an HTTP request to an HTTPS server.\n",
        ("speaks https", "leave out the option"),
    ),
    "plain http to nginx": Case(
        400,
        READ,
        page("400 The plain HTTP request was sent to HTTPS port", "nginx"),
        ("speaks https",),
    ),
    "rate, Docker Hub": Case(
        429, READ, listed("TOOMANYREQUESTS", "You have reached your pull rate limit."), ("rate of requests",)
    ),
    "rate, Docker Hub's other": Case(
        429,
        MANIFEST,
        "Too Many Requests (HAP429).\n",
        ("(HAP429)", "(Retry-After: 3600)", "wait as long as it asks"),
        headers={"retry-after": "3600"},
    ),
    "rate, Google's quota of requests": Case(
        429,
        READ,
        listed("DENIED", "Quota exceeded for quota metric 'Requests per project'"),
        ("rate of requests",),
    ),
    "storage that does not know an address any more": Case(
        403,
        READ,
        "<?xml version='1.0'?><Error><Code>RequestTimeTooSkewed</Code></Error>",
        ("localhost", ", where the registry leads, answered 403", "clocks are right"),
        about={"elsewhere": "localhost"},
    ),
    "tag stays, ECR": Case(
        400,
        MANIFEST,
        listed(
            "TAG_INVALID",
            "The image tag '1.0' already exists in the 'app' repository and cannot be overwritten because "
            "the repository is immutable.",
        ),
        ("TAG_INVALID: The image tag '1.0' already exists", "lets no tag be moved; push under another tag"),
    ),
    "tag stays, Google": Case(
        400,
        MANIFEST,
        listed("MANIFEST_INVALID", "cannot update tag 1.0. The repository has enabled tag immutability"),
        ("lets no tag be moved",),
    ),
    "tag stays, Azure": Case(
        405,
        MANIFEST,
        listed("REGISTRY_DISALLOWED_OPERATION", LOCKED, {}),
        ("is locked", "--write-enabled true"),
    ),
    "tag stays, Artifactory": Case(
        403,
        MANIFEST,
        listed("MANIFEST_INVALID", "manifest invalid", {"description": "HTTP 403 Forbidden"}),
        ('{"description": "HTTP 403 Forbidden"}', "may not overwrite it", "Delete/Overwrite"),
    ),
    "tag stays, Harbor": Case(
        412,
        MANIFEST,
        listed("PRECONDITION", "Failed to process request due to 'app:1.0' configured as immutable."),
        ("lets no tag be moved",),
    ),
    "tag stays, Quay": Case(
        409, MANIFEST, listed("TAG_IMMUTABLE", "tag is immutable"), ("lets no tag be moved",)
    ),
    "tag stays, Mirantis": Case(
        400,
        MANIFEST,
        listed(
            "UNKNOWN", "tag=1.0 cannot be overwritten because msr.example/team/app is an immutable repository"
        ),
        ("lets no tag be moved",),
    ),
    "full, distribution": Case(
        500,
        UPLOAD,
        listed("UNKNOWN", "unknown error", "filesystem: write /var/lib/registry: no space left on device"),
        ("no space left on device", "storage of the registry is full"),
    ),
    "full, by status": Case(507, UPLOAD, "", ("storage of the registry is full",)),
    "quota, Harbor": Case(
        403,
        MANIFEST,
        listed(
            "DENIED",
            "adding 29.0 MiB of storage resource, which when updated to current usage of 152.4 MiB will "
            "exceed the configured upper limit of 10.0 MiB.",
        ),
        ("upper limit of 10.0 MiB", "quota of this repository is used up"),
        about={"shown": LOGIN, "has_read": True},
    ),
    "quota, Quay": Case(403, UPLOAD, listed("DENIED", "Quota has been exceeded on namespace"), ("quota",)),
    "type, by status": Case(
        415,
        MANIFEST,
        "",
        (
            "415 Unsupported Media Type (a manifest of type application/vnd.oci.image.manifest.v1+json)",
            "convert",
        ),
        about={"media_type": "application/vnd.oci.image.manifest.v1+json"},
    ),
    "type, old Quay": Case(
        400,
        MANIFEST,
        listed("MANIFEST_INVALID", "manifest invalid", {"message": "manifest schema version not supported"}),
        ("manifest schema version not supported", "does not take this type", "v2s2 for docker schema 2"),
        about={"media_type": "application/vnd.docker.distribution.manifest.v2+json"},
    ),
    "type, OpenShift and Artifactory": Case(
        400,
        MANIFEST,
        listed(
            "MANIFEST_INVALID", "manifest invalid", "empty history when trying to create schema1 manifest"
        ),
        ("does not take this type",),
    ),
    "blobs, distribution": Case(
        400,
        MANIFEST,
        listed("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", {"digest": "sha256:12"}),
        ('{"digest": "sha256:12"}', "sent once more"),
        Try.SEND_SKIPPED,
    ),
    "blobs, Cloudflare": Case(
        400,
        MANIFEST,
        listed("BLOB_UNKNOWN", "unknown blob sha256:12", {}),
        ("sent once more",),
        Try.SEND_SKIPPED,
    ),
    "manifest": Case(
        400,
        MANIFEST,
        listed("MANIFEST_INVALID", "manifest invalid"),
        ("its words, or its log",),
        Try.SEND_SKIPPED,
    ),
    "upload, Azure": Case(
        404,
        UPLOAD,
        listed("BLOB_UPLOAD_INVALID", "blob upload invalid"),
        ("no longer knows an upload", "http.secret"),
        Try.BEGIN_ANEW,
    ),
    "upload, GitHub": Case(
        404, UPLOAD, listed("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"), (), Try.BEGIN_ANEW
    ),
    "login, and no word how": Case(
        401,
        UPLOAD,
        page("401 Authorization Required", "Apache"),
        ("was not asked for", "does not say how", "/v2/ was asked"),
        Try.ASK_BASE,
        about={"shown": LOGIN, "asked": False},
    ),
    "GitHub, no write": Case(
        403,
        UPLOAD,
        listed("DENIED", "permission_denied: write_package"),
        ("packages: write", "Manage Actions access"),
        about={"shown": LOGIN, "has_read": True},
    ),
    "GitHub, no organization": Case(
        403,
        UPLOAD,
        listed("DENIED", "installation not allowed to Create organization package"),
        ("packages: write",),
    ),
    "GitHub, scopes": Case(
        403,
        READ,
        listed("DENIED", "permission_denied: The token provided does not match expected scopes."),
        ("packages: write",),
    ),
    "token server": Case(
        401,
        TOKEN,
        '{"error": "invalid_grant", "error_description": "expired"}',
        (
            "invalid_grant: expired",
            f"({LOGIN} was shown)",
            "the token server does not accept that credential",
        ),
        about={"shown": LOGIN},
    ),
    "nobody": Case(
        401,
        UPLOAD,
        listed("UNAUTHORIZED", "authentication required"),
        ("(no credential was shown)", "log in (docker login)"),
        about={"shown": ""},
    ),
    "nobody, Docker Hub": Case(
        403, UPLOAD, listed("DENIED", DENIED), ("(no credential was shown)", "log in"), about={"shown": ""}
    ),
    "read-only, by token": Case(
        401,
        UPLOAD,
        listed("UNAUTHORIZED", "authentication required", [{"Type": "repository", "Action": "push"}]),
        (
            '[{"Type": "repository", "Action": "push"}]',
            f"({LOGIN} was shown)",
            "the credential is read-only here",
        ),
        about={"shown": LOGIN, "has_read": True},
    ),
    "read-only, denied": Case(
        403,
        MANIFEST,
        listed("DENIED", DENIED),
        ("read-only here", "permission to push"),
        about={"shown": LOGIN, "has_read": True},
    ),
    "wrong password": Case(
        401,
        READ,
        listed("UNAUTHORIZED", "authentication required"),
        (f"({LOGIN} was shown)", "does not accept that credential", "log in anew"),
        about={"shown": LOGIN},
    ),
    "401 of somebody unknown": Case(401, READ, "", ("wants a login",)),
    "403, writing": Case(403, UPLOAD, "", ("permission to push",), about={"shown": LOGIN}),
    "403, reading": Case(403, READ, "", ("permission to read",), about={"shown": LOGIN}),
    "to be created, ECR": Case(
        404,
        UPLOAD,
        listed(
            "NAME_UNKNOWN", "The repository with name 'team/app' does not exist in the registry with id '12'"
        ),
        ("has to be created first",),
    ),
    "to be created, Harbor": Case(
        404, UPLOAD, listed("NOT_FOUND", "project team not found"), ("created first",)
    ),
    "404, writing": Case(404, UPLOAD, "404 page not found\n", ("may see", "created first")),
    "404, writing, with a credential": Case(
        404,
        UPLOAD,
        "",
        (f"({LOGIN} was not asked for)", "may see"),
        about={"shown": LOGIN, "asked": False},
    ),
    "404, writing, without one": Case(
        404, UPLOAD, "", ("(no credential was shown)", "may see"), about={"shown": ""}
    ),
    "404, reading": Case(404, READ, "", ("may see", "check the repository's name")),
    "a mirror": Case(
        405, UPLOAD, listed("UNSUPPORTED", "The operation is unsupported."), ("takes no pushes",)
    ),
    "no such request": Case(405, READ, "", ("does not know this request",)),
    "the proxy's login": Case(407, READ, page("407", "squid"), ("HTTPS_PROXY=http://USER:PASSWORD",)),
    "size, Cloudflare": Case(
        413,
        UPLOAD,
        page("413 Request Entity Too Large", "cloudflare"),
        ('a page with the title "413 Request Entity Too Large"', "100 MB", "smaller layers"),
    ),
    "size, Cloudflare by its header": Case(413, UPLOAD, "", ("100 MB",), headers={"server": "cloudflare"}),
    "size, nginx": Case(
        413, UPLOAD, page("413 Request Entity Too Large", "nginx"), ("client_max_body_size",)
    ),
    "a gateway": Case(
        502,
        MANIFEST,
        page("502 Bad Gateway", "nginx"),
        ('title "502 Bad Gateway"', "in its place"),
    ),
    "a gateway, late": Case(504, UPLOAD, page("504 Gateway Time-out", "nginx"), ("answers in its place",)),
    "trouble": Case(
        500, MANIFEST, listed("UNKNOWN", "unknown error", {}), ("trouble of its own", "try again later")
    ),
}
