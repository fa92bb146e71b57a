"""OPA as a server: asked for a decision, and believed only as far as an OPA of this machine agrees.

Nothing is known of a server's builtins, nor whether it is what it says: that it names the right policy and
evidence shows a mistake, and stops no lie. So where this machine has an OPA, that evaluates too, and a
difference ends the run; where it has none, the decision is *delegated*, and is not anchored.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from pushpolicy.engines.interface import Program
from pushpolicy.engines.local import LocalOpa, check_version
from pushpolicy.engines.process import Limits
from pushpolicy.engines.rest import Address, Input, StrictOpaClient
from pushpolicy.errors import EngineError
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.model.decision import EngineIdentity

# data.pushpolicy.server.answer, of the server's bundle: policies/server/answer.rego.
_DECISION = "data.pushpolicy.main.decision"
_PACKAGE, _RULE = "pushpolicy.server", "answer"
# Without the first an error of a builtin is silently undefined; the second has the server name its version.
_PARAMETERS = {"strict-builtin-errors": "true", "provenance": "true"}
_BUNDLE_HINT = (
    "start it with the bundle of this policy: opa run --server -b FILE, which `pushpolicy policy bundle"
    " --server` writes"
)
_OTHER_HINT = (
    "have it load the bundle of this policy: `pushpolicy policy bundle --server`, by this version of"
    " pushpolicy and with the same --policy; what a checkout adds to that makes another policy"
)
_TRUST_HINT = "one of the two is not what it should be; until it is known which, neither decides"


class _Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: str
    evidence: str
    decision: Any | UnsetType = UNSET


class _Provenance(msgspec.Struct, frozen=True):
    version: str


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provenance: _Provenance
    result: _Result | UnsetType = UNSET
    decision_id: str | UnsetType = UNSET


class OpaServer:
    """An OPA server, or several behind one address: each query is complete in itself.

    Args:
        address: the server.
        local: the OPA of this machine, which then evaluates too.
        limits: `seconds` and `grace` hold for each query.
    """

    def __init__(self, address: Address, local: LocalOpa | None = None, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._url, self._local = address.url, local
        self._client = StrictOpaClient(address, limits.seconds + limits.grace)

    def start(self, program: Program) -> ServerSession:
        """Have the OPA of this machine load the program; the server has loaded its own, for its own query."""
        if program.query != _DECISION:
            raise EngineError(f"the OPA server {self._url} is asked for decisions only")
        return ServerSession(self._url, self._client, program, self._local)


class ServerSession:
    """One query, which is sent when the answer is asked for: by then the document is known to be evidence."""

    def __init__(self, url: str, client: StrictOpaClient, program: Program, local: LocalOpa | None) -> None:
        self._url, self._client, self._program = url, client, program
        self._stack = ExitStack()
        self._local = local.start(program) if local else None
        self._document = b""
        self._version: str | None = None

    def __enter__(self) -> Self:
        if self._local:
            self._stack.enter_context(self._local)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def send(self, document: bytes) -> None:
        """Keep the document, and have the OPA of this machine work on it."""
        self._document = document
        if self._local:
            self._local.send(document)

    def answer(self) -> Any:
        """Ask the server, and compare with what the OPA of this machine finds."""
        value = self._ask()
        if self._local is None:
            return value
        expected = self._local.answer()
        if not _same(value, expected):
            both = f"the OPA server {self._url} and the OPA of this machine"
            raise EngineError(f"{both} differ: {_difference(value, expected)}", _TRUST_HINT)
        return expected

    def identity(self) -> EngineIdentity:
        """The OPA of this machine, with the server that agrees; or the server alone."""
        from pushpolicy.model.decision import EngineIdentity

        if self._local:
            return replace(self._local.identity(), server=self._url)
        if self._version is None:
            raise EngineError(f"the OPA server {self._url} has not answered yet")
        return EngineIdentity(name="opa", version=self._version, hermeticity="delegated", server=self._url)

    def _ask(self) -> Any:
        from pushpolicy.model.digest import Digest

        digest = str(Digest.of(self._document))
        # Canonical JSON begins with a brace, and has a member after it, or is refused before it is sent.
        asked = b'{"_request":{"evidence_digest":"%b"},%b' % (digest.encode(), self._document[1:])
        said = self._client.query_rule(Input(asked), _PACKAGE, _RULE, query_params=_PARAMETERS)
        return self._read(said, digest)

    def _read(self, said: Any, digest: str) -> Any:
        """The decision in an answer that names the policy of this run and this evidence."""
        where = f"the OPA server {self._url}"
        if said == {}:
            raise EngineError(f"{where} has no answer: nothing is defined there", _BUNDLE_HINT)
        try:
            answer = msgspec.convert(said, _Answer)
        except msgspec.ValidationError as error:
            why = printable(str(error), 200)
            raise EngineError(f"{where} answered out of contract: {why}", _BUNDLE_HINT) from error
        check_version(answer.provenance.version, where)
        self._version = printable(answer.provenance.version, 40)
        result = answer.result
        if result is UNSET:
            raise EngineError(f"{where} does not run a policy bundle of pushpolicy", _BUNDLE_HINT)
        if result.policy != (expected := str(self._program.digest())):
            runs = printable(result.policy, 80)
            raise EngineError(f"{where} runs policy {runs}, this run expects {expected}", _OTHER_HINT)
        if result.evidence != digest:
            about = printable(result.evidence, 80)
            raise EngineError(
                f"{where} answered about evidence {about}, and was asked about {digest}",
                "a cache or a proxy before it mixes answers up",
            )
        if result.decision is UNSET:
            raise EngineError(f"{where}: {self._program.query} is undefined")
        return result.decision


def _same(server: Any, local: Any) -> bool:
    # In Python True is 1.
    return bool(server == local) and json.dumps(server, sort_keys=True) == json.dumps(local, sort_keys=True)


def _difference(server: Any, local: Any) -> str:
    """How two answers differ: the verdict first."""
    if not isinstance(server, dict) or not isinstance(local, dict):
        return "one of them is no decision"
    there, here = ("ALLOW" if each.get("allow") is True else "DENY" for each in (server, local))
    names = sorted(
        name
        for name in server.keys() | local.keys()
        if name not in server or name not in local or not _same(server[name], local[name])
    )
    return f"{there} there, {here} here (other {printable(', '.join(names), 200)})"
