"""Who answers in the place of the OPA server that the command line names, or leads it astray.

Beside it this machine has an OPA, as the companion wheel brings it. The server of the control is honest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pushpolicy import errors
from pushpolicy.engines import find_engine
from pushpolicy.evaluate import PACK, load_policy
from pushpolicy.evaluate.program import laid_out
from pushpolicy.model.document import Document
from tests.attacks.table import Attack, Change, chain
from tests.certificates import make_certificates
from tests.fake_registry import Answered, Asked, fake_registry
from tests.policies import evidence
from tests.workspace import Ran, Workspace, fail_a_test

Lie = Callable[[dict[str, Any]], Any]
LIES: dict[str, Lie] = {}


def decide(document: Document) -> Any:
    """What OPA answers."""
    policy, opa = load_policy([PACK], find_engine()), find_engine()
    with laid_out(policy) as program, opa.start(program) as session:
        session.send(document.content)
        return session.answer()


def push_asking(place: Workspace) -> Ran:
    """`push` that asks a server, which lies where that was prepared."""
    digest = str(load_policy([PACK], find_engine()).identity.digest)
    lie = LIES[_lie(place).read_text()] if _lie(place).exists() else honest

    def answer(asked: Asked) -> Answered:
        given = json.loads(asked.body)["input"]
        about = given.pop("_request")["evidence_digest"]
        decision = decide(Document.of(given))
        result = {"policy": digest, "evidence": about, "decision": decision}
        said = lie({"result": result, "provenance": {"version": "1.22.2"}})
        return said if isinstance(said, Answered) else Answered(body=json.dumps(said).encode())

    (pki := place.folder.parent / "pki").mkdir()
    certificates = make_certificates(pki)
    with fake_registry(answer, certificates) as server:
        trusted = ("--engine-ca-file", str(certificates.authority)) if _is_trusted(place) else ()
        return place.push("--engine", f"https://{server.host}", *trusted)


def _lie(place: Workspace) -> Path:
    return place.folder.parent / "lie"


def _is_trusted(place: Workspace) -> bool:
    return not (place.folder.parent / "stranger").exists()


def honest(said: dict[str, Any]) -> Any:
    return said


def says(name: str, lie: Lie) -> Change:
    """The server changes what it says."""
    LIES[name] = lie

    def strike(place: Workspace) -> None:
        _lie(place).write_text(name)

    return strike


def allows(said: dict[str, Any]) -> Any:
    """A false ALLOW, with policy and evidence as they should be."""
    said["result"]["decision"] = decide(evidence())
    return said


def lies(name: str, told: str, lie: Lie, *before: Change) -> Attack:
    return Attack(
        name=name,
        strike=chain(*before, says(name, lie)),
        run=push_asking,
        code=errors.EXIT_POLICY,
        says=told,
    )


def stranger(place: Workspace) -> None:
    """Whoever is on the way answers with a certificate of its own."""
    (place.folder.parent / "stranger").touch()


def names_authorities(place: Workspace) -> Workspace:
    """An earlier step says whom to trust."""
    stranger(place)
    (folder := place.folder.parent / "theirs").mkdir()
    return place.with_variables(SSL_CERT_FILE=str(make_certificates(folder).authority), **place.environ)


def changed(**parts: Any) -> Lie:
    return lambda said: {**said, "result": {**said["result"], **parts}}


def denies(said: dict[str, Any]) -> Any:
    said["result"]["decision"]["allow"] = False
    return said


def rewritten(old: str, new: str) -> Lie:
    """What is sent is no strict JSON."""
    return lambda said: Answered(body=json.dumps(said).replace(old, new).encode())


ELSEWHERE = Answered(status=307, headers={"Location": "https://127.0.0.1:1/v1/data"})
ROWS = [
    lies("allows what is denied", "differ: ALLOW there, DENY here", allows, fail_a_test),
    lies("denies what is allowed", "differ: DENY there, ALLOW here", denies),
    lies("says true", "out of contract", lambda said: {**said, "result": True}),
    lies("says nothing", "has no answer: nothing is defined there", lambda _: {}),
    lies("runs another policy", "runs policy sha256:0000", changed(policy=f"sha256:{'0' * 64}")),
    lies("answers about other evidence", "answered about evidence", changed(evidence=f"sha256:{'0' * 64}")),
    lies("says a key twice", "occurs twice", rewritten('"allow": ', '"allow": false, "allow": ')),
    lies("says allow is not a number", "NaN is not JSON", rewritten('"allow": true', '"allow": NaN')),
    lies("leads elsewhere", "which is not followed", lambda _: ELSEWHERE),
    lies("answers without end", "over the limit of", lambda _: Answered(body=b" " * (65 << 20))),
    lies("nests without end", "not strict JSON", lambda _: Answered(body=b"[" * 100_000)),
    Attack(
        name="answers in its place",
        strike=stranger,
        run=push_asking,
        code=errors.EXIT_POLICY,
        says="is not trusted",
    ),
    Attack(
        name="answers in its place, by authorities of a variable",
        strike=names_authorities,
        run=push_asking,
        code=errors.EXIT_POLICY,
        says="is not trusted",
    ),
]
