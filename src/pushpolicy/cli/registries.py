"""The registries of one run: how each is reached, and which credential it is shown.

A credential is resolved once for a repository, and shown to its registry only: what was given by hand
(``--password-stdin``, PUSHPOLICY_PASSWORD, ``--cert-dir``) belongs to the registry of the target, or of a
source that the command line names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from pushpolicy.cli import environment
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.report import hide, say
from pushpolicy.errors import UsageError
from pushpolicy.http.certificates import Certificates, cert_dir, certs_d, find_certificates
from pushpolicy.http.proxies import Proxies
from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.registry.credentials import ANONYMOUS, GIVEN, HANDED, Credential
from pushpolicy.reports.limits import Limits

if TYPE_CHECKING:
    from pushpolicy.cli.login import Logins
    from pushpolicy.push import Login

# For a note, a registry is asked once, and not waited for.
_ONCE: dict[str, Any] = {"attempts": 1, "connect_timeout": 3.0, "read_timeout": 3.0, "total_timeout": 5.0}
Opened = tuple[RepositoryClient, Credential | None]
# What standard input said, by that input.
_passwords: WeakKeyDictionary[TextIO, str] = WeakKeyDictionary()


def parse_records(text: str | None, where: str = "--records") -> Repository | None:
    """The repository that records are in, if one is named; `where` says in a message by what.

    Raises:
        UsageError: when it is no repository.
    """
    try:
        return None if text is None else Repository.parse(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}", "write REGISTRY/REPO, or oci:DIR for a folder") from error


class Registries:
    """Opens repositories, each once.

    Args:
        options: how the target's registry is reached; a source's own registry gets no secret of it.
        limits: of which one is for how long a registry may be silent.
        source_plain_http: whether http is spoken to a source's own registry.
        logins: what `--login` gives; a target's registry is then shown that, and nothing else.
        owner: the registry that what was given by hand is for, where that is known before it is opened.
    """

    def __init__(
        self,
        options: RegistryOptions,
        limits: Limits,
        *,
        source_plain_http: bool = False,
        logins: Logins | None = None,
        owner: str | None = None,
    ) -> None:
        self._options = options
        self._limits = limits
        self._source_plain_http = source_plain_http
        self._logins = logins
        self._registries = set[str]()  # those that --login is for
        self._opened: dict[Repository, Opened] = {}
        self._owner = owner

    def target(self, repository: Repository) -> Opened:
        """The client of a target, and the credential it will use; None for a layout.

        Raises:
            UsageError: when credential or certificates cannot be read, or what was given by hand would be
                shown to a second registry.
        """
        if repository.is_layout:
            return open_repository(repository, Access()), None
        if self._logins:
            self._registries.add(repository.registry)
            client, _ = self._open(repository, plain_http=self._options.plain_http)
            return client, self._logins.judged(repository)
        self._become_owner(repository)
        return self._open(repository, plain_http=self._options.plain_http)

    def access(self, repository: Repository) -> Access:
        """How a registry is asked for what is in it, and shown what it is shown for such a repository.

        Raises:
            UsageError: as `target` does.
        """
        self._become_owner(repository)
        return self._resolved(repository, plain_http=self._options.plain_http)

    def _become_owner(self, repository: Repository) -> None:
        if self._is_given() and self._owner not in (None, repository.registry):
            raise UsageError(
                f"one password or certificate for two registries, {self._owner} and {repository.registry}",
                "log in to each (docker login, certs.d), and leave out what is for one of them only",
            )
        self._owner = repository.registry

    def login(self, repository: Repository) -> Login | None:
        """How the credential for a target is obtained after the decision; None without `--login`.

        Raises:
            UsageError: when there is no such exchange, or it is not for this registry.
        """
        if self._logins is None:
            return None

        def opened(credential: Credential) -> RepositoryClient:
            hide(credential)
            return open_repository(
                repository, self._access(repository, credential, plain_http=self._options.plain_http)
            )

        return self._logins.login(repository, opened, self._opened[repository][1])

    def records(self, repository: Repository) -> Opened:
        """The client of the repository of records; opened after every target, and before the sources.

        Raises:
            UsageError: as `target` does.
        """
        owner = self._owner
        try:
            return self.target(repository)
        finally:
            self._owner = owner or self._owner

    def denials(self, repository: Repository) -> Opened:
        """The client of the repository of denials; opened after every target.

        What was given by hand, and what --login gives, is for the target: another registry is shown what the
        files have for it.

        Raises:
            UsageError: when credential or certificates cannot be read, or only --login has one for it.
        """
        if repository.is_layout:
            return open_repository(repository, Access()), None
        if self._logins and repository.registry in self._registries:
            raise UsageError(
                f"--login: denials in {repository} would need a credential of their own",
                "keep them in another registry, or in a folder (oci:DIR)",
            )
        is_own = repository.registry == self._owner
        return self._open(repository, plain_http=is_own and self._options.plain_http)

    def onlooker(self, repository: Repository) -> RepositoryClient | None:
        """A repository as everybody sees it, who shows nothing; None where only this machine could look."""
        if repository.is_layout or repository.is_loopback:
            return None
        is_own = repository.registry == self._owner
        access = self._access(repository, ANONYMOUS, plain_http=is_own and self._options.plain_http)
        authorities = Certificates(authorities=access.certificates.authorities)
        return open_repository(repository, replace(access, certificates=authorities, **_ONCE))

    def source(self, repository: Repository, *, is_configured: bool = False) -> Opened:
        """The client of a source; opened after every target, because what was given by hand is theirs.

        Args:
            repository: of the source.
            is_configured: whether the judged checkout chose it, which is given nothing but what the files
                have for its registry.

        Raises:
            UsageError: when credential or certificates cannot be read.
        """
        if not is_configured:
            self._owner = self._owner or repository.registry
        is_same = self._owner == repository.registry
        return self._open(
            repository,
            plain_http=self._options.plain_http if is_same else self._source_plain_http,
            # A job's own token is not for what the checkout chooses either.
            withheld=HANDED if is_configured and not is_same else (),
        )

    def policy(self, repository: Repository) -> RepositoryClient:
        """The client of the repository of a policy.

        The owner's registry is shown what it is shown for an image; another one what the files have for it.

        Raises:
            UsageError: when credential or certificates cannot be read.
        """
        if repository.is_layout:
            return open_repository(repository, Access())
        is_own = repository.registry == self._owner
        plain_http, withheld = is_own and self._options.plain_http, () if is_own else HANDED
        return self._open(repository, plain_http=plain_http, withheld=withheld)[0]

    def _open(self, repository: Repository, *, plain_http: bool, withheld: tuple[str, ...] = ()) -> Opened:
        if repository not in self._opened:
            access = self._resolved(repository, plain_http=plain_http, withheld=withheld)
            self._opened[repository] = open_repository(repository, access), access.credential
        return self._opened[repository]

    def _resolved(
        self, repository: Repository, *, plain_http: bool, withheld: tuple[str, ...] = ()
    ) -> Access:
        environ = {k: v for k, v in environment.environment().items() if k not in withheld}
        access = self._access(repository, self._credential(repository, environ), plain_http=plain_http)
        if access.credential.is_anonymous and access.credential.variable:
            say(f"warning: {access.credential.variable} is set, and empty: no credential is shown")
        hide(access.credential)
        return access

    def _access(self, repository: Repository, credential: Credential, *, plain_http: bool) -> Access:
        return Access(
            credential=credential,
            plain_http=plain_http,
            ca_file=Path(self._options.ca_file) if self._options.ca_file else None,
            certificates=self._certificates(repository.registry),
            proxies=Proxies.from_environ(environment.environment()),
            read_timeout=self._limits.max_stall_seconds,
        )

    def _is_given(self) -> bool:
        environ = environment.environment()
        options = self._options
        named = options.username is not None or any(environ.get(name) for name in GIVEN)
        return named or options.password_stdin or options.cert_dir is not None

    def _certificates(self, registry: str) -> Certificates:
        # A folder that was named is the target's; another registry has its own.
        if self._options.cert_dir and registry == self._owner:
            return cert_dir(Path(self._options.cert_dir))
        return find_certificates(certs_d(registry, environment.home()))

    def _credential(self, repository: Repository, environ: Mapping[str, str]) -> Credential:
        from pushpolicy.registry.credentials import resolve

        if self._logins and repository.registry in self._registries:
            return self._logins.reader(repository)
        is_owner = repository.registry == self._owner
        return resolve(
            repository,
            environ=environ if is_owner else {k: v for k, v in environ.items() if k not in GIVEN},
            home=environment.home(),
            workspace=environment.workspace(),
            username=self._options.username if is_owner else None,
            password_stdin=self._read_password() if is_owner and self._options.password_stdin else None,
        )

    def _read_password(self) -> str:
        """Read once, whatever number of repositories it is for, and of registries of one command."""
        if sys.stdin not in _passwords:
            if not self._options.username:
                raise UsageError(
                    "--password-stdin needs a user name", "add --username NAME or PUSHPOLICY_USERNAME"
                )
            password = sys.stdin.readline().rstrip("\r\n")
            if not password:
                raise UsageError("--password-stdin: standard input holds no password")
            _passwords[sys.stdin] = password
        return _passwords[sys.stdin]
