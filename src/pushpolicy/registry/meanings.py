"""What registries' refusals mean, what is tried once before one is told, and what a user can do about it.

One table, by which both the tries and the words go. The first row that fits an answer counts, so that what a
registry says comes before what its status means by itself.
Sources: distribution-spec 1.1, "Error Codes"; `Row.seen` for what registries really say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum, auto
from typing import Any, Self

import msgspec

from pushpolicy.http.call import Answer
from pushpolicy.http.failures import PROXY_LOGIN_HINT


class Phase(Enum):
    """What was asked for: a read, a part of an upload, a manifest's storing, or a token."""

    READ = auto()
    UPLOAD = auto()
    MANIFEST = auto()
    TOKEN = auto()


_WRITES = frozenset({Phase.UPLOAD, Phase.MANIFEST})
_ASKS = frozenset({Phase.READ, Phase.UPLOAD, Phase.MANIFEST})


class Try(Enum):
    """What is done, once, before a refusal is told.

    Members:
        SEND_SKIPPED: the blobs that were not sent since they were said to be there, or were mounted.
        BEGIN_ANEW: the upload.
        ASK_BASE: ``/v2/`` for the challenge that an answer lacks.
    """

    SEND_SKIPPED = auto()
    BEGIN_ANEW = auto()
    ASK_BASE = auto()


class TagStays(StrEnum):
    """Meanings of a refusal that is about a tag which is there already."""

    FOR_GOOD = "the tag is there and this repository lets no tag be moved"
    LOCKED = "the tag, the image or the repository is locked"
    FOR_US = "the tag is there, and this credential may not overwrite it"


class RegistryAnswer(Answer, frozen=True, kw_only=True):
    """A registry's answer, with what its meaning depends on besides.

    Attributes:
        phase: what was asked for.
        media_type: of the manifest that was sent; empty for anything else.
        shown: the credential that a 401 or 403 is about, in words; empty when there is none, None where that
            is not known.
        asked: whether a login was asked for in a way that is known, so that the credential was shown.
        has_read: whether a read of the same repository was answered before.
        elsewhere: the host that answered, where the registry led to another one.
    """

    phase: Phase = Phase.READ
    media_type: str = ""
    shown: str | None = None
    asked: bool = True
    has_read: bool = False
    elsewhere: str = ""

    @property
    def codes(self) -> frozenset[str]:
        """The codes of its errors."""
        errors = errors_in(self.content) or ()
        return frozenset(item["code"] for item in errors if isinstance(item.get("code"), str))

    @classmethod
    def of(cls, answer: Answer, **about: Any) -> Self:
        """The answer, and what it is about."""
        return cls(**{name: getattr(answer, name) for name in Answer.__struct_fields__}, **about)


def errors_in(content: bytes) -> tuple[Mapping[str, Any], ...] | None:
    """The errors that an answer lists, or the one that other JSON is; None where it is no JSON."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    listed = value.get("errors") if isinstance(value, dict) else None
    found = listed if isinstance(listed, list) else [value]
    return tuple(item for item in found if isinstance(item, dict))


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to refuse. Every column that is set has to fit; of several values in one, any will do.

    Attributes:
        whose: who refuses so; ``any`` for what is not one registry's.
        meaning: what it means.
        hint: what to do about it.
        attempt: what is tried once before it is told.
        seen: where it was read: a report or a manual; empty for what a specification says.
        statuses: the HTTP status.
        codes: the code of an error.
        words: parts of the body or of the Server header, in lower case.
        phases: what was asked for.
        has_credential: whether there is a credential.
        has_read: whether reading worked before.
        asked: whether a login was asked for in a way that is known.
        elsewhere: whether it was another host that answered, where the registry led.
        is_general: whether anything that is sent there would be refused so, whatever its kind or tag.
    """

    whose: str = "any"
    meaning: str
    hint: str
    attempt: Try | None = None
    seen: str = ""
    statuses: Sequence[int] = ()
    codes: Sequence[str] = ()
    words: Sequence[str] = ()
    phases: frozenset[Phase] = frozenset(Phase)
    has_credential: bool | None = None
    has_read: bool | None = None
    asked: bool | None = None
    elsewhere: bool | None = None
    is_general: bool = False

    def fits(self, answer: RegistryAnswer, said: str, codes: frozenset[str]) -> bool:
        """Whether it is about this answer, which says `said` in lower case, and these codes."""
        return (
            (not self.statuses or answer.status in self.statuses)
            and answer.phase in self.phases
            and (not self.words or any(part in said for part in self.words))
            and (not self.codes or not codes.isdisjoint(self.codes))
            and self.has_credential in (None, None if answer.shown is None else bool(answer.shown))
            and self.has_read in (None, answer.has_read)
            and self.asked in (None, answer.asked)
            and self.elsewhere in (None, bool(answer.elsewhere))
        )


_ANOTHER_TAG = "push under another tag"
_LOG_IN = "log in (docker login), or set PUSHPOLICY_USERNAME and PUSHPOLICY_PASSWORD"
_FULL = "the storage of the registry is full"
_MAKE_ROOM = "its administrator must make room"
_CONVERT = (
    "convert the image to a type that it takes (skopeo copy --format oci, or v2s2 for docker schema 2), or "
    "use a newer version of the registry"
)
_LACKS = (
    "it lacks a part of the distribution specification; `pushpolicy doctor REPOSITORY` says what it can do"
)

TABLE = (
    Row(
        meaning="the registry speaks https",
        hint="leave out the option for plain http",
        words=("http request to an https server", "plain http request was sent to https port"),
        seen="Go's net/http, nginx",
    ),
    Row(
        meaning="the registry limits the rate of requests",
        hint="wait as long as it asks, or a while; log in if this was anonymous",
        statuses=(429,),
        seen="docker/hub-feedback#1907, docker/buildx#3630",
    ),
    # Tags that stay.
    Row(
        whose="Amazon ECR",
        meaning=TagStays.FOR_GOOD,
        hint=_ANOTHER_TAG,
        codes=("TAG_INVALID",),
        words=("immutable",),
        seen="moby/buildkit#3776, osscontainertools/kaniko#204",
    ),
    Row(
        whose="Google Artifact Registry",
        meaning=TagStays.FOR_GOOD,
        hint=_ANOTHER_TAG,
        words=("enabled tag immutability",),
        seen="cloud.google.com/artifact-registry/docs/docker/troubleshoot",
    ),
    Row(
        whose="Azure Container Registry",
        meaning=TagStays.LOCKED,
        hint="push under another tag, or have it unlocked (az acr repository update --write-enabled true)",
        words=("operation is disallowed on this registry, repository or image",),
        seen="Azure/acr-cli#70",
    ),
    Row(
        whose="JFrog Artifactory",
        meaning=TagStays.FOR_US,
        hint="push under another tag, or have the permission Delete/Overwrite given to it",
        codes=("MANIFEST_INVALID",),
        words=("http 403 forbidden",),
        seen="GoogleContainerTools/kaniko#1095",
    ),
    Row(
        whose="Harbor, Quay, GitLab, Docker Hub, Mirantis",
        meaning=TagStays.FOR_GOOD,
        hint=_ANOTHER_TAG,
        words=("immutable",),
        seen="goharbor/harbor#9427, quay/quay#1927, docs.gitlab.com (immutable container tags), "
        "docs.mirantis.com (msr)",
    ),
    # Room.
    Row(
        meaning=_FULL,
        hint=_MAKE_ROOM,
        words=("no space left on device", "minimum free drive threshold", "insufficient storage"),
        is_general=True,
        seen="distribution, MinIO",
    ),
    Row(
        meaning=_FULL,
        hint=_MAKE_ROOM,
        statuses=(507,),
    ),
    Row(
        whose="Harbor, Quay, Amazon ECR",
        meaning="the quota of this repository is used up",
        hint="remove old images or have it raised",
        words=("quota", "configured upper limit", "maximum allowed number"),
        is_general=True,
        seen="goharbor/harbor#8802, goharbor/harbor#17390",
    ),
    # What kind of manifest it takes.
    Row(
        meaning="the registry does not take this type of manifest",
        hint=_CONVERT,
        statuses=(415,),
        phases=frozenset({Phase.MANIFEST}),
        seen="uber-archive/makisu#189",
    ),
    Row(
        whose="Quay, OpenShift, old Artifactory",
        meaning="the registry does not take this type of manifest",
        hint=_CONVERT,
        words=(
            "schema version not supported",
            "schema1 manifest",
            "unsupported manifest",
            "media type",
        ),
        phases=frozenset({Phase.MANIFEST}),
        seen="GoogleContainerTools/jib#698, GoogleContainerTools/jib#534",
    ),
    # What is tried once more.
    Row(
        meaning="the registry says it has blobs, and takes no manifest that names them",
        hint="what it was said to have was sent once more; if it stays so its storage has lost something, "
        "which its administrator can repair",
        attempt=Try.SEND_SKIPPED,
        statuses=(400, 404),
        codes=("BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"),
        is_general=True,
        phases=frozenset({Phase.MANIFEST}),
        seen="cloudflare/serverless-registry#59, moby/moby#36823",
    ),
    Row(
        meaning="the registry finds something wrong with the manifest",
        hint="its words, or its log, say what; another registry may take it",
        attempt=Try.SEND_SKIPPED,
        statuses=(400, 404),
        codes=("MANIFEST_INVALID",),
        phases=frozenset({Phase.MANIFEST}),
        seen="langfuse/langfuse#4864",
    ),
    Row(
        whose="Azure, GitHub, olareg, registries behind a load balancer",
        meaning="the registry no longer knows an upload that it began",
        hint="it was begun anew once; several instances of a registry need one storage and one http.secret",
        attempt=Try.BEGIN_ANEW,
        statuses=(400, 404),
        codes=("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UNKNOWN"),
        phases=frozenset({Phase.UPLOAD}),
        seen="Azure/azure-sdk-for-java#34276, GoogleContainerTools/jib#4301",
    ),
    # Who may do what.
    Row(
        meaning="the registry wants a login and does not say how",
        hint="a proxy before it may take the WWW-Authenticate header away; /v2/ was asked for it too",
        attempt=Try.ASK_BASE,
        statuses=(401,),
        phases=_ASKS,
        asked=False,
        seen="docker/cli#745",
    ),
    Row(
        whose="GitHub",
        meaning="the token may not write this package",
        hint="a job needs `permissions: {packages: write}`, and the package has to let its repository write "
        "(Package settings, Manage Actions access)",
        words=("write_package", "organization package", "does not match expected scopes"),
        seen="docker/build-push-action#606, Snowfork/snowbridge#1272",
    ),
    Row(
        meaning="the token server does not accept that credential for this, or no longer",
        hint="log in anew, or use one that has this right",
        statuses=(401, 403),
        phases=frozenset({Phase.TOKEN}),
        has_credential=True,
    ),
    Row(
        meaning="the registry leads to another host, its storage as a rule, and that refuses",
        hint="no login is shown there; see that a proxy lets that host through, and that clocks are right",
        statuses=(401, 403),
        elsewhere=True,
    ),
    Row(
        meaning="no credential was found for this registry",
        hint=_LOG_IN,
        statuses=(401, 403),
        has_credential=False,
    ),
    Row(
        meaning="reading works here and writing does not: the credential is read-only here",
        hint="use one that has permission to push to this repository",
        statuses=(401, 403),
        phases=_WRITES,
        has_read=True,
    ),
    Row(
        meaning="the registry does not accept that credential for this, or no longer",
        hint="log in anew",
        statuses=(401,),
        has_credential=True,
    ),
    Row(meaning="the registry wants a login", hint=_LOG_IN, statuses=(401,)),
    Row(
        meaning="the credential may not do this here",
        hint="give it permission to push to this repository, and see that the repository exists",
        statuses=(403,),
        phases=_WRITES,
    ),
    Row(
        meaning="the credential may not do this here",
        hint="give it permission to read this repository, and see that the repository exists",
        statuses=(403,),
    ),
    Row(
        whose="Amazon ECR, JFrog Artifactory, Harbor",
        meaning="the repository, or the project that it belongs to, has to be created first",
        hint="this registry does not do it on a push; or check the repository's name",
        statuses=(400, 404),
        codes=("NAME_UNKNOWN", "NOT_FOUND"),
        is_general=True,
        phases=_WRITES,
        seen="actions/starter-workflows#2647, plexsystems/sinker#55",
    ),
    Row(
        meaning="there is no such repository, or none that this credential may see (some do not tell which)",
        hint="check its name, whether it has to be created first, and what the credential may do",
        statuses=(404,),
        phases=_WRITES,
    ),
    Row(
        meaning="there is no such thing, or none that this credential may see (some do not tell which)",
        hint="check the repository's name, and what the credential may",
        statuses=(404,),
    ),
    # What is not for the registry to decide, or not for now.
    Row(
        meaning="the registry takes no pushes",
        hint="it may be a mirror, a proxy or read-only; name the one behind it",
        statuses=(405,),
        phases=_WRITES,
    ),
    Row(meaning="the registry does not know this request", hint=_LACKS, statuses=(405, 501)),
    Row(
        meaning="a proxy on the way wants a login",
        hint=PROXY_LOGIN_HINT,
        statuses=(407,),
    ),
    Row(
        whose="Cloudflare",
        meaning="Cloudflare limits the size of an upload (100 MB, more by plan)",
        hint="let the registry's name lead past its proxy, or build smaller layers",
        statuses=(413,),
        words=("cloudflare",),
        seen="cloudflare/serverless-registry#67, distribution/distribution#2042",
    ),
    Row(
        meaning="the registry or a proxy before it limits the size of an upload",
        hint="raise that limit (nginx: client_max_body_size 0)",
        statuses=(413,),
        seen="docker/build-push-action#634",
    ),
    Row(
        meaning="something before the registry answers in its place",
        hint="it got no answer from the registry in time, or none that it takes; see that the registry runs",
        statuses=(502, 503, 504),
        words=("<html", "<!doctype"),
    ),
    Row(
        meaning="the registry has trouble of its own",
        hint="try again later; its log, which its administrator sees, says more",
        statuses=(408, 500, 502, 503, 504),
    ),
)


def attempt_of(answer: Answer) -> Try | None:
    """What is to be tried before this answer is told, if anything."""
    row = meaning_of(answer) if isinstance(answer, RegistryAnswer) and answer.status >= 400 else None
    return row.attempt if row else None


def meaning_of(answer: RegistryAnswer) -> Row | None:
    """The row that fits an answer, if one does."""
    server = answer.headers.get("Server", "")
    said = f"{answer.content.decode('utf-8', 'replace')} {server}".lower()
    codes = answer.codes
    return next((row for row in TABLE if row.fits(answer, said, codes)), None)
