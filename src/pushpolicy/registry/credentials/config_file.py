"""Docker's config.json and podman's auth.json: whose credential is where (containers-auth.json(5))."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from pushpolicy.errors import UsageError
from pushpolicy.files import NotRegularError, open_regular
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.reference import HUB, HUB_NAMES, Repository

_HEADER_TOKEN = re.compile(r"[!-~]+")
# What Go's base64 reads, line breaks left out: Python's own differs from release to release.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_MAX_SIZE = 4 * 1024 * 1024
# Variables: the path of a configuration, and one itself.
AUTH_FILE = "REGISTRY_AUTH_FILE"
AUTH_CONFIG = "DOCKER_AUTH_CONFIG"
# The name under which docker keeps, and asks helpers for, Docker Hub's credential.
HUB_SERVER = "https://index.docker.io/v1/"


class Secret(Redacted, frozen=True):
    """What one entry of ``auths`` holds; at most one of the kinds, all None in an empty entry."""

    hidden_fields = frozenset({"password", "identity_token", "registry_token"})

    username: str | None = None
    password: str | None = None
    identity_token: str | None = None
    registry_token: str | None = None

    def __bool__(self) -> bool:
        return bool(self.password or self.identity_token or self.registry_token)


class ConfigFile(Redacted, frozen=True):
    """One configuration.

    Attributes:
        name: the path or variable, for messages.
        auths: entries by key, as the file has them.
        helpers: the helper of a registry, by key (``credHelpers``).
        store: the helper of every other registry (``credsStore``).
    """

    hidden_fields = frozenset({"auths"})

    name: str
    auths: Mapping[str, Any]
    helpers: Mapping[str, str]
    store: str | None

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read a file; None when it is absent.

        Raises:
            UsageError: when it is not readable or malformed.
        """
        try:
            with open_regular(path) as file:
                content = file.read(_MAX_SIZE + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except NotRegularError as error:
            raise UsageError(f"{path}: not a regular file") from error
        except OSError as error:
            raise UsageError(f"{path}: not readable ({error.strerror})") from error
        if len(content) > _MAX_SIZE:
            raise UsageError(f"{path}: over the limit of {_MAX_SIZE} bytes for a credential file")
        return cls.parse(str(path), content)

    @classmethod
    def parse(cls, name: str, content: bytes) -> Self:
        """Read a configuration; a legacy ``.dockercfg`` is the auths alone.

        Raises:
            UsageError: when it is malformed. The message never quotes the content.
        """
        try:
            value = json.loads(content) if content.strip() else {}
        except (ValueError, RecursionError):
            raise _not_json(name, content) from None
        if not isinstance(value, dict):
            raise UsageError(f"{name}: not an object")
        auths = value if name.endswith(".dockercfg") else value.get("auths") or {}
        helpers, store = value.get("credHelpers") or {}, value.get("credsStore") or None
        if not isinstance(auths, dict):
            raise UsageError(f"{name}: auths is not an object")
        if not isinstance(helpers, dict) or not all(isinstance(item, str) for item in helpers.values()):
            raise UsageError(f"{name}: credHelpers is not an object of strings")
        if store is not None and not isinstance(store, str):
            raise UsageError(f"{name}: credsStore is not a string")
        return cls(name, auths, helpers, store)

    def helper_for(self, repository: Repository) -> str | None:
        """The helper that keeps the credential: that of the registry, else the one for all."""
        for key, helper in self.helpers.items():
            if _normalised(key) == repository.registry:
                return helper
        return self.store

    def entry_for(self, repository: Repository) -> tuple[str, Secret] | None:
        """The most specific entry that holds something, with its key.

        Raises:
            UsageError: when it is malformed.
        """
        for wanted in _scopes(repository):
            usual = (wanted, HUB_SERVER)
            matching = [key for key in self.auths if _normalised(key) == wanted]
            for key in sorted(matching, key=lambda key: key not in usual):
                secret = self._secret(key)
                if secret:
                    return key, secret
        return None

    def _secret(self, key: str) -> Secret:
        entry = self.auths[key]
        if not isinstance(entry, dict):
            raise UsageError(f"{self.name}: the entry {key!r} is malformed")
        values = {
            name: entry.get(name)
            for name in ("auth", "username", "password", "identitytoken", "registrytoken")
        }
        if not all(value is None or isinstance(value, str) for value in values.values()):
            raise UsageError(f"{self.name}: the entry {key!r} is malformed")
        username, password = values["username"], values["password"]
        if values["auth"]:
            username, password = self._decoded(key, values["auth"])
        if values["registrytoken"]:
            if not _HEADER_TOKEN.fullmatch(values["registrytoken"]):
                raise UsageError(f"{self.name}: registrytoken of the entry {key!r} is not a bearer token")
            return Secret(registry_token=values["registrytoken"])
        if values["identitytoken"]:
            return Secret(username=username, identity_token=values["identitytoken"])
        return Secret(username=username, password=password)

    def _decoded(self, key: str, encoded: str) -> tuple[str, str]:
        # `base64` wraps its lines, and docker's reader, Go's, passes over line breaks and nothing else.
        joined = encoded.replace("\r", "").replace("\n", "")
        username = colon = password = ""
        if _BASE64.fullmatch(joined):
            with suppress(UnicodeDecodeError):
                username, colon, password = base64.b64decode(joined).decode().partition(":")
        if not colon:
            raise UsageError(
                f"{self.name}: auth of the entry {key!r} is not base64 of user:password",
                "docker login writes it anew",
            )
        return username, password.strip("\0")


def server_name(repository: Repository) -> str:
    """How a credential helper is asked for the registry."""
    return HUB_SERVER if repository.registry == HUB else repository.registry


def _scopes(repository: Repository) -> Iterator[str]:
    """The repository's names from the most specific: itself, its namespaces, its registry."""
    path = repository.path
    while path:
        yield f"{repository.registry}/{path}"
        path = path.rpartition("/")[0]
    yield repository.registry


def _normalised(key: str) -> str:
    """The registry of a URL, whatever its path (docker); a name with its namespaces (podman) as it is."""
    _, is_url, rest = key.partition("://")
    if is_url:
        name = rest.partition("/")[0].rpartition("@")[2]
    else:
        name = key.rstrip("/").removesuffix("/v1").removesuffix("/v2")
    host, slash, path = name.partition("/")
    return (HUB if host in HUB_NAMES else host) + slash + path


def _not_json(name: str, content: bytes) -> UsageError:
    if name == AUTH_CONFIG and not content.lstrip().startswith((b"{", b"[")):
        return UsageError(
            f"{name} holds no configuration but another text, such as the path of one",
            f"it takes what stands in a config.json; {AUTH_FILE} takes the path of one",
        )
    return UsageError(f"{name}: not JSON", "docker login writes it anew")
