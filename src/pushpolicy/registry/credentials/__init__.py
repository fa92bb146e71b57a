"""Find the one credential of a push, in the order that docker and podman users know.

The first place that has one decides:

1. --password-stdin, or PUSHPOLICY_USERNAME and PUSHPOLICY_PASSWORD
2. the file that REGISTRY_AUTH_FILE names (podman, skopeo), alone when it is set
3. DOCKER_AUTH_CONFIG, a configuration in a variable (docker 28, GitLab)
4. $DOCKER_CONFIG/config.json, else ~/.docker/config.json
5. podman's auth.json in XDG_RUNTIME_DIR (where it is not set, in /run/containers/UID), then in
   XDG_CONFIG_HOME or ~/.config
6. ~/.dockercfg
7. what the CI system hands the job for its own registry, and for no other (`handed`)
In a file a helper of the registry comes first, then the general helper, then its own entries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from pushpolicy.errors import UsageError
from pushpolicy.model.reference import Repository
from pushpolicy.registry.credentials.config_file import (
    AUTH_CONFIG,
    AUTH_FILE,
    ConfigFile,
    Secret,
    server_name,
)
from pushpolicy.registry.credentials.credential import ANONYMOUS, Credential, SourceKind
from pushpolicy.registry.credentials.handed import JOB_TOKENS, PASSWORDS, handed
from pushpolicy.registry.credentials.helper import ask_helper

__all__ = [
    "ANONYMOUS",
    "GIVEN",
    "HANDED",
    "JOB_TOKENS",
    "Credential",
    "SourceKind",
    "handed",
    "resolve",
]

USERNAME = "PUSHPOLICY_USERNAME"
PASSWORD = "PUSHPOLICY_PASSWORD"  # noqa: S105 (a variable's name)
# The variables that the user gives a credential by, and those that a CI system hands one over in.
GIVEN = (USERNAME, PASSWORD)
HANDED = PASSWORDS
_RUN = Path("/run/containers")
_EMPTY_HINT = "a CI system gives an empty value for a secret that is not there, or that this job may not see"


def resolve(
    repository: Repository,
    environ: Mapping[str, str],
    home: Path,
    workspace: Path,
    *,
    username: str | None = None,
    password_stdin: str | None = None,
) -> Credential:
    """Find the credential for a repository, once.

    Args:
        repository: what will be pushed to; a layout needs no credential.
        environ: the environment.
        home: the user's home folder.
        workspace: the folder being judged; no helper is run from it.
        username: the user of `password_stdin`, else PUSHPOLICY_USERNAME names it.
        password_stdin: what was read from standard input, without its last newline.

    Raises:
        UsageError: when a place that decides is malformed, or half a credential is given.
    """
    if repository.is_layout:
        return ANONYMOUS
    given = _given(environ, username, password_stdin)
    if given is not None:
        return given
    search = _Search(repository, environ, home, workspace)
    found = next(filter(None, map(search.credential_in, _places(environ, home))), None)
    # A file that REGISTRY_AUTH_FILE names decides alone.
    if found is None and not environ.get(AUTH_FILE):
        found = handed(repository.registry, environ)
    if found is None and environ.get(PASSWORD) == "":
        return replace(ANONYMOUS, variable=PASSWORD)
    return found or ANONYMOUS


def _given(environ: Mapping[str, str], username: str | None, password_stdin: str | None) -> Credential | None:
    user = username or environ.get(USERNAME) or None
    if password_stdin is not None:
        if not user or not password_stdin:
            raise UsageError(
                f"--password-stdin needs a password on standard input, and a user name in {USERNAME}"
            )
        return Credential(source_kind=SourceKind.STDIN, username=user, secret=password_stdin)
    password = environ.get(PASSWORD) or None
    if password is None and user is None:
        return None
    for name, value in ((PASSWORD, password), (USERNAME, user)):
        if value is None and name in environ:
            raise UsageError(f"{name} is set, and empty", _EMPTY_HINT)
    if username and password is None:
        raise UsageError(f"--username needs a password: --password-stdin, or {PASSWORD}")
    if password is None or user is None:
        raise UsageError(f"{USERNAME} and {PASSWORD} go together, and only one of them is set")
    return Credential(source_kind=SourceKind.VARIABLE, username=user, secret=password, variable=PASSWORD)


def _places(environ: Mapping[str, str], home: Path) -> Iterator[Path | ConfigFile]:
    """Files by their path, and the variable by its content, in order."""
    if environ.get(AUTH_FILE):
        path = Path(environ[AUTH_FILE])
        if not os.access(path, os.R_OK):
            raise UsageError(
                f"{AUTH_FILE} names {path}, which is not there or not readable", "log in first, or unset it"
            )
        yield path
        return
    if environ.get(AUTH_CONFIG):
        yield ConfigFile.parse(AUTH_CONFIG, os.fsencode(environ[AUTH_CONFIG]))
    yield Path(environ.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    # containers-auth.json(5)
    runtime = environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime, "containers") if runtime else _RUN / str(os.getuid())
    # Where root's podman has run, nobody else may look below /run/containers.
    if runtime or os.access(folder, os.X_OK):
        yield folder / "auth.json"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"
    yield home / ".dockercfg"


class _Search(msgspec.Struct, frozen=True):
    repository: Repository
    environ: Mapping[str, str]
    home: Path
    workspace: Path

    def credential_in(self, place: Path | ConfigFile) -> Credential | None:
        """The credential that one place has."""
        config = ConfigFile.load(place) if isinstance(place, Path) else place
        if config is None:
            return None
        path = place if isinstance(place, Path) else None
        variable = None if path else AUTH_CONFIG
        helper = config.helper_for(self.repository)
        if helper:
            server = server_name(self.repository)
            secret = ask_helper(
                helper, server, environ=self.environ, workspace=self.workspace, home=self.home
            )
            if secret:
                return _credential(SourceKind.HELPER, secret, helper=helper, path=path, variable=variable)
        found = config.entry_for(self.repository)
        if found is None:
            return None
        kind = SourceKind.FILE if path else SourceKind.VARIABLE
        return _credential(kind, found[1], key=found[0], path=path, variable=variable)


def _credential(
    kind: SourceKind,
    secret: Secret,
    *,
    path: Path | None,
    variable: str | None,
    helper: str | None = None,
    key: str | None = None,
) -> Credential:
    return Credential(
        source_kind=kind,
        username=secret.username,
        secret=secret.password,
        identity_token=secret.identity_token,
        registry_token=secret.registry_token,
        path=path,
        variable=variable,
        helper=helper,
        key=key,
    )
