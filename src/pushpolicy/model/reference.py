"""Where an image comes from and where it goes: the names on the command line.

Grammar: distribution-spec, "Pulling manifests" (repository and tag), and skopeo's transport names.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from posixpath import normpath
from typing import Self

import msgspec
from msgspec.structs import replace

from pushpolicy.model.digest import Digest
from pushpolicy.model.expressions import expression

_HOST = expression(
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
    r"|\[(?P<address>[0-9a-fA-F:]+)\])(?::(?P<port>[0-9]{1,5}))?"
)
_REPOSITORY = expression(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = expression(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_LOOPBACK = expression(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?")
LAYOUT_REGISTRY = "oci"
# What stands for more than itself in a glob, and in a regular expression; the longer first.
_WILD = {"**/": "(?:.*/)?", "/**": "(?:/.*)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
# Names of Docker Hub: of its images, of its old index, of its API. A policy and a login know it by the first.
HUB = "docker.io"
HUB_API = "registry-1.docker.io"
HUB_NAMES = frozenset({HUB, "index.docker.io", HUB_API})


def check_tag(tag: str) -> str:
    """Return the tag.

    Raises:
        ValueError: when it does not fit the grammar of tags.
    """
    if not _TAG.fullmatch(tag):
        raise ValueError(f"{tag[:140]!r} is not a valid tag")
    return tag


def _check_no_url(text: str) -> None:
    """Refuse ``oci://...``: Helm and Flux mean a registry by it, and ``oci:`` would make a folder of it."""
    if text.startswith("oci://"):
        named = text[6:200].lstrip("/")
        raise ValueError(
            f"{text[:200]!r} begins with oci://; write {named} for a registry, oci:/{named} for a folder"
        )


def hub_path(path: str) -> str:
    """A repository of Docker Hub by its whole name: official images live in ``library/``."""
    return path if "/" in path else f"library/{path}"


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository of a registry, or an OCI image layout that stands in for one.

    Attributes:
        registry: host and optional port; ``oci`` for a layout.
        path: the repository's name; the folder for a layout.
    """

    registry: str
    path: str

    @property
    def is_layout(self) -> bool:
        """Whether this is a folder on this machine."""
        return self.registry == LAYOUT_REGISTRY

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is named by a loopback address, where plain http is usual."""
        return not self.is_layout and _LOOPBACK.fullmatch(self.registry) is not None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``REGISTRY/REPO`` or ``oci:DIR``.

        Raises:
            ValueError: when the text names no registry or no valid repository.
        """
        if text.startswith("oci:"):
            path = text.removeprefix("oci:")
            _check_no_url(text)
            if not path:
                raise ValueError("oci: names no folder")
            return cls(registry=LAYOUT_REGISTRY, path=path)
        scheme, mark, _ = text.removeprefix("docker://").partition("://")
        if mark:
            raise ValueError(f"{text[:200]!r} begins with {scheme}://; write REGISTRY/REPO without it")
        host, slash, path = text.removeprefix("docker://").partition("/")
        if not slash or not _is_host(host):
            raise ValueError(f"{text[:200]!r} names no registry; write REGISTRY/REPO or oci:DIR")
        if not _REPOSITORY.fullmatch(path) or len(path) > 255:
            raise ValueError(f"{path[:200]!r} is not a valid repository name (lower case, no spaces)")
        if host.lower() in HUB_NAMES:
            host, path = HUB, hub_path(path)
        return cls(registry=host, path=path)

    def matches(self, glob: str) -> bool:
        """Whether a glob names this: registry, port and each part of the path; ``*`` stops at a slash."""
        parts, patterns = str(self).lower().split("/"), glob.lower().split("/")
        return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))

    def is_covered_by(self, glob: str) -> bool:
        """Whether a glob names this, however the registry is spelled: for demands, which must not be missed.

        ``*`` stops at a slash, ``**`` is any number of parts. A folder is ``oci:DIR``, or ``oci/DIR`` as the
        evidence has it; it is known by the path that the command line gives.
        """
        pattern = re.escape(_spelled(glob))
        for wild, meant in _WILD.items():
            pattern = pattern.replace(re.escape(wild), meant)
        return re.fullmatch(pattern, _spelled(str(self))) is not None

    def __str__(self) -> str:
        return f"{self.registry}:{self.path}" if self.is_layout else f"{self.registry}/{self.path}"


def _spelled(name: str) -> str:
    """A name or a glob as all that mean one registry are spelled: in lower case, without a usual port."""
    if name.startswith((f"{LAYOUT_REGISTRY}:", f"{LAYOUT_REGISTRY}/")):
        folder = name[len(LAYOUT_REGISTRY) + 1 :]
        return f"{LAYOUT_REGISTRY}/{normpath(folder)}".lower()
    host, slash, path = name.lower().partition("/")
    host = host.removesuffix(":443").removesuffix(":80")
    if host in HUB_NAMES:
        host, path = HUB, path if path == "**" else hub_path(path)
    return host + slash + path


def _is_host(text: str) -> bool:
    """Whether the first part of a name is a host: it has a dot or a port, or is localhost."""
    has_mark = "." in text or ":" in text or text == "localhost"
    found = _HOST.fullmatch(text) if has_mark else None
    if found is None or not 0 < int(found["port"] or 443) < 65536:
        return False
    if found["address"]:
        from ipaddress import AddressValueError, IPv6Address  # hardly ever needed

        try:
            IPv6Address(found["address"])
        except AddressValueError:
            return False
    return True


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a push publishes to: a repository and at least one tag, TARGET's own first."""

    repository: Repository
    tags: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``REGISTRY/REPO:TAG`` or ``oci:DIR:TAG``.

        Raises:
            ValueError: when the registry or the tag is absent or malformed, or a digest is given.
        """
        _check_no_url(text)
        if "@" in text and not text.startswith("oci:"):
            raise ValueError("a target is named by tag, not by digest: its digest is the image's own")
        name, separator, tag = text.rpartition(":")
        if not separator or name == "oci" or "/" in tag:
            raise ValueError(f"{text[:200]!r} has no tag; write REGISTRY/REPO:TAG or oci:DIR:TAG")
        return cls(repository=Repository.parse(name), tags=(check_tag(tag),))

    def with_tags(self, tags: tuple[str, ...]) -> Self:
        """The same target under these tags too; a tag named twice counts once.

        Raises:
            ValueError: when one is malformed.
        """
        return replace(self, tags=tuple(dict.fromkeys(self.tags + tuple(map(check_tag, tags)))))

    def __str__(self) -> str:
        return f"{self.repository}:{self.tags[0]}"


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest in a repository, by tag or by digest; neither means: the repository as a whole."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``REGISTRY/REPO[:TAG][@DIGEST]`` or ``oci:DIR[:TAG|@DIGEST]``.

        Raises:
            ValueError: when a part is malformed.
        """
        _check_no_url(text)
        name, at, value = text.rpartition("@")
        digest = Digest.parse(value) if at else None
        name = name if at else text
        start, colon, tag = name.rpartition(":")
        if colon and "/" not in tag and start != "oci" and _TAG.fullmatch(tag):
            return cls(repository=Repository.parse(start), tag=tag, digest=digest)
        return cls(repository=Repository.parse(name), digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")
