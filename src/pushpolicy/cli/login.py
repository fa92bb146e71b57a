"""``--login NAME``: what reads the target until a push is allowed, and what is obtained for it then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Self

from pushpolicy.cli import environment
from pushpolicy.cli.identity import token_access
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.report import hide
from pushpolicy.errors import UsageError
from pushpolicy.gather.ci.identity import TokenAccess
from pushpolicy.identity.exchange import Prepared, obtain, prepare
from pushpolicy.identity.minted import JOB_TOKEN, Minted, Promise
from pushpolicy.identity.obtain import job_token, trusted_transport
from pushpolicy.model.reference import Repository
from pushpolicy.push import Login
from pushpolicy.registry import RepositoryClient
from pushpolicy.registry.credentials import ANONYMOUS, GIVEN, JOB_TOKENS, Credential, SourceKind, handed
from pushpolicy.signing.trust import Trust

_ANONYMOUS = "anonymous"
Open = Callable[[Credential], RepositoryClient]


class Logins:
    """What one NAME gives for each target of a run.

    Args:
        name: of ``--login``.
        trust: of the command line, which declares exchanges; the checkout never does.
        environ: of the job.
        access: whom the job's token is asked of, and how token services are reached.
    """

    def __init__(self, name: str, trust: Trust, environ: Mapping[str, str], access: TokenAccess) -> None:
        self._name = name
        self._trust = trust
        self._environ = environ
        self._issuers, self._metadata = access.issuers, access.metadata
        self._transport = trusted_transport(access.settings)
        self._is_job_token = name in JOB_TOKENS and name not in trust.exchanges

    @classmethod
    def of(cls, name: str, trust: Trust, registry: RegistryOptions, targets: Iterable[Repository]) -> Self:
        """What ``--login`` gives; it is alone, so that no other credential does the push.

        Raises:
            UsageError: when another credential was given, or a target needs none.
        """
        environ = environment.environment()
        given = [variable for variable in GIVEN if environ.get(variable)]
        if registry.username or registry.password_stdin or given:
            raise UsageError(
                f"--login {name} beside {', '.join(given) or '--username, --password-stdin'}",
                "give one or the other: with --login no other credential is used",
            )
        if any(target.is_layout for target in targets):
            raise UsageError(f"--login {name}: a folder (oci:) needs no credential", "leave it out")
        return cls(name, trust, environ, token_access(trust, registry))

    @property
    def may_pull(self) -> bool:
        """Whether targets are read by a role for that."""
        return self._trust.read_role not in (None, _ANONYMOUS)

    def reader(self, repository: Repository) -> Credential:
        """What a repository is read with until the push is allowed: nothing, or what the read role gives.

        Raises:
            UsageError: when there is no such role, or it may push.
            PushError: when the role's token service gives nothing, or more than was asked for.
        """
        role = self._trust.read_role
        if role is None or not self.may_pull:
            return ANONYMOUS
        prepared = prepare(role, self._trust.exchanges.get(role), repository, push=False)
        if self._could_push(role, prepared, repository):
            raise UsageError(
                f"read_role {role}: it would be given more than pull before the decision",
                "name an exchange that cannot push",
            )
        minted = obtain(prepared, self._job_token, self._transport, _keep)
        minted.check(prepared.promise)
        return _credential(role, minted)

    def _could_push(self, role: str, reading: Prepared, repository: Repository) -> bool:
        """Whether what would read may do more: its scope says so, or it is asked for as what pushes is."""
        scope, declared = reading.promise.scope, self._trust.exchanges
        actions = [
            action
            for part in (scope or "").split()
            if part.startswith(("repository:", "registry:"))
            for action in part.rpartition(":")[2].split(",")
        ]
        if "push" in (scope or "") or not set(actions) <= {"pull"}:
            return True
        own = declared.get(self._name)
        if role != self._name and (own is None or own != declared.get(role)):
            return False
        return scope == prepare(self._name, own, repository).promise.scope

    def judged(self, repository: Repository) -> Credential | None:
        """The credential that is there before the decision and will do the push: a token of the job, or none.

        Raises:
            UsageError: when the job has no token for this registry.
        """
        if not self._is_job_token:
            return None
        variable = JOB_TOKENS[self._name]
        found = handed(repository.registry, self._environ, variable)
        if found is None:
            raise UsageError(
                f"--login {self._name}: this job has no {variable} for {repository.registry}",
                "docs/login.md says what the pipeline has to hand over; no other credential is used",
            )
        hide(found)
        return found

    def login(self, repository: Repository, opened: Open, reader: Credential | None) -> Login:
        """How the credential for a target is obtained after the decision.

        Args:
            repository: of the target.
            opened: its client, with the credential that was obtained.
            reader: what it is read with until then.

        Raises:
            UsageError: when there is no such exchange, or it is not for this registry.
        """
        if own := self.judged(repository):
            return Login(
                promise=self._own(repository),
                obtain=_as_it_is(own),
                open=lambda _: opened(own),
                may_pull=self.may_pull,
                reader=reader,
            )
        prepared = prepare(self._name, self._trust.exchanges.get(self._name), repository)
        return Login(
            promise=prepared.promise,
            obtain=lambda: obtain(prepared, self._job_token, self._transport, _keep),
            open=lambda minted: opened(_credential(self._name, minted)),
            may_pull=self.may_pull,
            reader=reader,
        )

    def _own(self, repository: Repository) -> Promise:
        return Promise(
            name=self._name, kind=JOB_TOKEN, registry=repository.registry, repository=repository.path
        )

    def _job_token(self, audience: str) -> str:
        return job_token(self._environ, self._transport, audience, self._issuers, self._metadata).value


def _as_it_is(own: Credential) -> Callable[[], Minted]:
    return lambda: Minted(secret=own.secret or "", username=own.username, at=datetime.now(UTC))


def _credential(name: str, minted: Minted) -> Credential:
    """With a user name it is a password, else a bearer token."""
    source, is_password = SourceKind.LOGIN, minted.username is not None
    return Credential(
        source_kind=source,
        username=minted.username,
        secret=minted.secret if is_password else None,
        registry_token=None if is_password else minted.secret,
        login=name,
    )


def _keep(secret: str) -> None:
    hide(Credential(source_kind=SourceKind.LOGIN, secret=secret))
