"""A server that lies, with and without an OPA of this machine beside it; no answer is taken too far."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.engines import Limits, LocalOpa
from pushpolicy.engines.rest import Address
from pushpolicy.engines.server import OpaServer
from pushpolicy.errors import EXIT_POLICY, EngineError, InputError
from pushpolicy.evaluate import PACK, PolicySet, evaluate, evaluate_bytes, load_policy
from pushpolicy.evaluate.answer import read_answer
from pushpolicy.evaluate.program import laid_out
from pushpolicy.http.settings import Settings
from pushpolicy.model.decision import EngineIdentity, Verdict
from pushpolicy.model.document import Document
from tests.fake_registry import Answered, Asked, fake_registry
from tests.policies import evidence, scan

FINDING = {"id": "CVE-1", "severity": "critical", "kind": "vulnerability", "package": "a"}
DENIED = evidence(scans=scan([FINDING]))
LIMIT = 64 * 1024 * 1024
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def local(opa: Path) -> LocalOpa:
    return LocalOpa(opa)


@pytest.fixture(scope="module")
def pack(local: LocalOpa) -> PolicySet:
    return load_policy([PACK], local)


@pytest.fixture(scope="module")
def allow(pack: PolicySet, local: LocalOpa) -> dict[str, Any]:
    """The honest answer about the example, which is ALLOW."""
    with laid_out(pack) as program, local.start(program) as session:
        session.send(evidence().content)
        answer: dict[str, Any] = session.answer()
    assert answer["allow"] is True
    return answer


def told(decision: dict[str, Any], policy: PolicySet, about: Document) -> dict[str, Any]:
    """What an honest server answers."""
    return {
        "provenance": {"version": "1.22.2", "bundles": {"b": {"revision": "x"}}},
        "result": {
            "policy": str(policy.identity.digest),
            "evidence": str(about.digest),
            "decision": decision,
        },
    }


@contextmanager
def asking(
    answer: Callable[[Asked], Answered], local: LocalOpa | None = None, seconds: float = 20
) -> Iterator[OpaServer]:
    with fake_registry(answer) as double:
        settings = Settings(plain_http=True, first_pause=0.02)
        address = Address(url=f"http://{double.host}", token="secret-token", settings=settings)
        yield OpaServer(address, local, Limits(seconds=seconds, grace=0))


def saying(body: bytes, **changes: Any) -> Callable[[Asked], Answered]:
    return lambda asked: Answered(body=body, **changes)


def test_the_double_can_be_honest(pack: PolicySet, local: LocalOpa, allow: dict[str, Any]) -> None:
    asked = list[Asked]()

    def answer(one: Asked) -> Answered:
        asked.append(one)
        return Answered(body=json.dumps(told(allow, pack, evidence())).encode())

    for beside in (local, None):
        with asking(answer, beside) as server:
            assert evaluate(pack, evidence(), server).verdict is Verdict.ALLOW
    one = asked[0]
    path, _, query = one.path.partition("?")
    assert (one.method, path) == ("POST", "/v1/data/pushpolicy/server/answer")
    assert set(query.split("&")) == {"strict-builtin-errors=true", "provenance=true"}
    assert one.headers["Authorization"] == "Bearer secret-token"
    assert one.headers["Content-Type"] == "application/json"
    sent = json.loads(one.body)
    assert sent["input"].pop("_request") == {"evidence_digest": str(evidence().digest)}
    assert sent == {"input": evidence().value}


def test_a_false_allow_with_all_digests_right(
    pack: PolicySet, local: LocalOpa, allow: dict[str, Any]
) -> None:
    """With an OPA here it ends the run; without one it is the server's word, and says so."""
    lie = json.dumps(told(allow, pack, DENIED)).encode()
    with asking(saying(lie), local) as server, pytest.raises(EngineError) as caught:
        evaluate(pack, DENIED, server)
    assert "differ: ALLOW there, DENY here" in caught.value.message
    with asking(saying(lie)) as server:
        decision = evaluate(pack, DENIED, server)
    assert decision.engine.is_delegated
    assert not decision.policy.anchored


def test_a_false_deny_is_a_difference_too(pack: PolicySet, local: LocalOpa, allow: dict[str, Any]) -> None:
    lie = json.dumps(told({**allow, "allow": False}, pack, evidence())).encode()
    with asking(saying(lie), local) as server, pytest.raises(EngineError, match="DENY there, ALLOW here"):
        evaluate(pack, evidence(), server)


def result(**changes: Any) -> Change:
    return lambda said: {**said, "result": {**said["result"], **changes}}


def decision(**changes: Any) -> Change:
    return lambda said: result(decision={**said["result"]["decision"], **changes})(said)


def without(*names: str) -> Change:
    return lambda said: {name: value for name, value in said.items() if name not in names}


def undecided(said: dict[str, Any]) -> Any:
    return {**said, "result": {k: v for k, v in said["result"].items() if k != "decision"}}


# What is done to the honest answer, and what is said of it.
LIES: dict[str, tuple[Change, str]] = {
    "nothing": (lambda _: {}, "has no answer: nothing is defined there"),
    "undefined": (without("result"), "does not run a policy bundle of pushpolicy"),
    "a decision that is undefined": (undecided, "data.pushpolicy.main.decision is undefined"),
    "result is true": (lambda said: {**said, "result": True}, "out of contract"),
    "result is a list": (lambda said: {**said, "result": []}, "out of contract"),
    "a list": (lambda said: [said], "out of contract"),
    "null": (lambda _: None, "out of contract"),
    "true": (lambda _: True, "out of contract"),
    "another policy": (result(policy="sha256:" + "0" * 64), "runs policy sha256:0000"),
    "the policy in capitals": (
        lambda said: result(policy=said["result"]["policy"].upper())(said),
        "runs policy SHA256:",
    ),
    "a policy that is a command": (result(policy="::error::\x1b[2J"), "runs policy \\x3a:error::\\x1b[2J"),
    "a policy that is none": (result(policy=None), "out of contract"),
    "other evidence": (result(evidence="sha256:" + "0" * 64), "answered about evidence sha256:0000"),
    "no policy": (lambda said: {**said, "result": {"decision": {}}}, "out of contract"),
    "more than was asked": (lambda said: {**said, "warning": {"code": "x"}}, "out of contract"),
    "more in the result": (result(allow=True), "out of contract"),
    "no version": (without("provenance"), "out of contract"),
    "an old version": (lambda said: {**said, "provenance": {"version": "1.21.0"}}, "OPA 1.21.0 is too old"),
    "a version that is none": (lambda said: {**said, "provenance": {"version": "²²"}}, "is too old"),
    "a decision that is true": (result(decision=True), "out of contract"),
    "allow is a text": (decision(allow="true"), "out of contract"),
    "allow is 1": (decision(allow=1), "out of contract"),
    "ALLOW without rules": (decision(rules=[]), "out of contract"),
    "ALLOW without denials": (
        lambda said: result(decision=without("denials")(said["result"]["decision"]))(said),
        "ALLOW comes without the denials",
    ),
    "ALLOW with a denial": (
        lambda said: decision(
            denials={**said["result"]["decision"]["denials"], "tests_passed": [{"at": {}, "msg": "x"}]}
        )(said),
        "ALLOW does not follow from the denials",
    ),
    "a key beside": (decision(observe=False), "out of contract"),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("beside", [True, False], ids=["confirmed", "delegated"])
def test_an_answer_out_of_contract(
    name: str, beside: bool, pack: PolicySet, local: LocalOpa, allow: dict[str, Any]
) -> None:
    change, says = LIES[name]
    body = json.dumps(change(told(allow, pack, evidence()))).encode()
    with asking(saying(body), local if beside else None) as server, pytest.raises(EngineError) as caught:
        evaluate(pack, evidence(), server)
    assert caught.value.exit_code == EXIT_POLICY
    assert says in caught.value.message or (beside and "differ: " in caught.value.message)
    assert caught.value.message.isprintable()
    assert caught.value.hint


def honest(pack: PolicySet, allow: dict[str, Any]) -> bytes:
    return json.dumps(told(allow, pack, evidence())).encode()


def _twice(body: bytes) -> bytes:
    return body.replace(b'"allow": true', b'"allow": false, "allow": true')


BODIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a key twice": (_twice, "key 'allow' occurs twice"),
    "NaN": (lambda body: body.replace(b'"allow": true', b'"allow": NaN'), "NaN is not JSON"),
    "a number beyond": (lambda body: body.replace(b'"allow": true', b'"allow": 1e999'), "not strict JSON"),
    "an integer beyond": (lambda body: body.replace(b"true", b"9007199254740993", 1), "not strict JSON"),
    "half a surrogate": (lambda body: body.replace(b'"passed"', b'"\\ud800"', 1), "not strict JSON"),
    "not UTF-8": (lambda body: body.replace(b"passed", b"\xff", 1), "not strict JSON"),
    "nested deeply": (lambda _: b"[" * 100_000 + b"]" * 100_000, "not strict JSON"),
    "nested too deeply to be ours": (lambda _: b'{"a":' * 200 + b"1" + b"}" * 200, "nested too deeply"),
    "many values": (lambda _: b"[" + b"[]," * 4_000_000 + b"[]]", "more than 4000000 values"),
    "garbage": (lambda _: b"<html>", "not strict JSON"),
    "nothing at all": (lambda _: b"", "not strict JSON"),
    "two documents": (lambda body: body + body, "not strict JSON"),
    "too long": (lambda body: body + b" " * LIMIT, "over the limit of 67108864 bytes"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_none(name: str, pack: PolicySet, allow: dict[str, Any]) -> None:
    change, says = BODIES[name]
    with asking(saying(change(honest(pack, allow)))) as server, pytest.raises(EngineError) as caught:
        evaluate(pack, evidence(), server)
    assert says in caught.value.message
    assert caught.value.exit_code == EXIT_POLICY


STATUSES: dict[str, tuple[Answered, str]] = {
    "created": (Answered(status=201), "it answered 201"),
    "no content": (Answered(status=204), "it answered 204"),
    "asks for a token": (
        Answered(status=401, body=b'{"code": "unauthorized", "message": "no \\u001b[2J"}'),
        "it answered 401: no \\x1b[2J",
    ),
    "forbids": (Answered(status=403), "it answered 403"),
    "has no API": (Answered(status=404, body=b"nothing"), "it answered 404"),
    "evaluation ends with an error": (
        Answered(status=500, body=b'{"code": "internal", "message": "m", "errors": [{"message": "e"}]}'),
        "it answered 500: m; e",
    ),
    "an error in a line beyond": (
        Answered(
            status=500, body=b'{"message": "m", "errors": [{"message": "e", "location": {"row": 1e999}}]}'
        ),
        "it answered 500",
    ),
    "an error of another form": (Answered(status=500, body=b'{"errors": {"message": 1}}'), "it answered 500"),
    "is busy": (Answered(status=503), "it answered 503"),
    "is behind a broken gateway": (Answered(status=502), "it answered 502"),
    "too many": (Answered(status=429, headers={"Retry-After": "0"}), "it answered 429"),
    **{
        f"redirects with {status}": (
            Answered(status=status, headers={"Location": "http://127.0.0.1:1/v1/data"}),
            "redirects to http://127.0.0.1:1/v1/data, which is not followed",
        )
        for status in (301, 302, 303, 307, 308)
    },
}


@pytest.mark.parametrize("name", STATUSES)
def test_another_status(name: str, pack: PolicySet) -> None:
    answered, says = STATUSES[name]
    seen = list[Asked]()

    def answer(asked: Asked) -> Answered:
        seen.append(asked)
        return answered

    with asking(answer) as server, pytest.raises(EngineError) as caught:
        evaluate(pack, evidence(), server)
    assert says in caught.value.message
    assert caught.value.hint
    assert len(seen) == (6 if answered.status in (429, 502, 503) else 1)


def test_passing_trouble_passes(pack: PolicySet, local: LocalOpa, allow: dict[str, Any]) -> None:
    answers = iter([Answered(status=503), Answered(status=502), Answered(body=honest(pack, allow))])
    with asking(lambda _: next(answers), local) as server:
        assert evaluate(pack, evidence(), server).verdict is Verdict.ALLOW


def test_a_body_that_is_cut_off_is_asked_for_again(pack: PolicySet, allow: dict[str, Any]) -> None:
    body = honest(pack, allow)
    with asking(saying(body[:-50], length=len(body))) as server, pytest.raises(EngineError, match="broke"):
        evaluate(pack, evidence(), server)
    answers = iter([Answered(body=body[:-50], length=len(body)), Answered(body=body)])
    with asking(lambda _: next(answers)) as server:
        assert evaluate(pack, evidence(), server).verdict is Verdict.ALLOW


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "drips"])
def test_one_that_is_slow(drips: bool, pack: PolicySet) -> None:
    ended = threading.Event()

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            if drips:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not ended.wait(0.05):
                connection.sendall(b" " if drips else b"")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=[listening])
        thread.start()
        address = Address(
            url=f"http://127.0.0.1:{listening.getsockname()[1]}", settings=Settings(plain_http=True)
        )
        begun = time.monotonic()
        try:
            with pytest.raises(EngineError, match=r"in time|not done within|too slowly"):
                evaluate(pack, evidence(), OpaServer(address, limits=Limits(seconds=1, grace=0)))
            assert time.monotonic() - begun < 5
        finally:
            ended.set()
            thread.join()


def test_what_is_no_evidence_is_not_sent(pack: PolicySet, allow: dict[str, Any]) -> None:
    asked = list[Asked]()

    def answer(one: Asked) -> Answered:
        asked.append(one)
        return Answered(body=honest(pack, allow))

    for odd in ({}, {**evidence().value, "_request": {"evidence_digest": "x"}}, {"secret": "file"}):
        with asking(answer) as server, pytest.raises(InputError):
            evaluate(pack, Document.of(odd), server)
    with asking(answer) as server, pytest.raises(ValueError, match="Expecting value"):
        evaluate_bytes(pack, b"root:x:0:0", server)
    assert asked == []
    spread = json.dumps(evidence().value, indent=1).encode()
    with asking(answer) as server:
        assert evaluate_bytes(pack, spread, server)[0].verdict is Verdict.ALLOW
    assert len(asked) == 1


def test_two_queries_at_once_are_two_questions(pack: PolicySet, allow: dict[str, Any]) -> None:
    """A balancer that hands one client the other's answer shows."""
    with (
        asking(saying(honest(pack, allow))) as server,
        pytest.raises(EngineError, match=f"and was asked about {DENIED.digest}"),
    ):
        evaluate(pack, DENIED, server)


def test_the_floor_stands_for_a_server_s_answers(pack: PolicySet, allow: dict[str, Any]) -> None:
    """What Python can compute from evidence and index is not the server's to say."""
    unscanned = evidence(scans={"status": "missing", "reason": "none"})
    lie = json.dumps(told(allow, pack, unscanned)).encode()
    contradicted = r"^the OPA server http\S+ answered out of contract: ALLOW does not follow"
    with asking(saying(lie)) as server, pytest.raises(EngineError, match=contradicted) as caught:
        evaluate(pack, unscanned, server)
    assert "find out what answers there" in str(caught.value.hint)
    own = EngineIdentity(name="opa", version="1.22.2", hermeticity="delegated", server="https://opa")
    assert read_answer(allow, pack, evidence(), own).engine == own


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("asks for a token", "PUSHPOLICY_OPA_TOKEN"),
        ("forbids", "PUSHPOLICY_OPA_TOKEN"),
        ("has no API", "the address ends where OPA's /v1 begins"),
        ("redirects with 307", "give the address that answers itself"),
        ("created", "what answers there is no OPA"),
        ("is busy", "try again later"),
        ("evaluation ends with an error", "an OPA of this machine (without --engine) says it, too"),
    ],
)
def test_what_to_do_about_a_status(name: str, advice: str, pack: PolicySet) -> None:
    with asking(lambda _: STATUSES[name][0]) as server, pytest.raises(EngineError) as caught:
        evaluate(pack, evidence(), server)
    assert advice in str(caught.value.hint)


def test_a_server_is_asked_for_decisions_only_and_known_by_its_answer(pack: PolicySet) -> None:
    with asking(saying(b"{}")) as server, laid_out(pack) as program:
        with pytest.raises(EngineError, match="is asked for decisions only"):
            server.start(replace(program, query="data.pushpolicy.rules"))
        with server.start(program) as session, pytest.raises(EngineError, match="has not answered yet"):
            session.identity()


class Known:
    """In the place of the OPA of this machine: its answer, which is known."""

    def __init__(self, answer: dict[str, Any], identity: EngineIdentity) -> None:
        self._answer, self._identity = answer, identity

    def start(self, program: object) -> Known:
        return self

    def __enter__(self) -> Known:
        return self

    def __exit__(self, *_: object) -> None: ...

    def send(self, document: bytes) -> None: ...

    def answer(self) -> dict[str, Any]:
        return self._answer

    def identity(self) -> EngineIdentity:
        return self._identity


VALUES: tuple[Any, ...] = (True, False, 0, "", "x", [], {}, None, [{}])


def leaves(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """The way to each value that holds no other."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ways = [way for key, item in inner for way in leaves(item, *path, key)]
    yield from ways or [path]


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """A copy with another value at the end of a way."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


def test_no_change_of_one_value_of_an_answer_passes(
    pack: PolicySet, local: LocalOpa, allow: dict[str, Any]
) -> None:
    """Law: what a server says is what the OPA of this machine says, to the last value, or no decision."""
    known: Any = Known(allow, local.identity())
    told_now = [told(allow, pack, evidence())]
    with asking(lambda _: Answered(body=json.dumps(told_now[0]).encode()), known) as server:
        assert evaluate(pack, evidence(), server).verdict is Verdict.ALLOW
        honestly, passed = told_now[0], list[object]()
        ways = [way for way in leaves(honestly) if way[0] == "result"]
        for way in ways:
            for new in VALUES:
                told_now[0] = changed(honestly, way, new)
                if json.dumps(told_now[0]) == json.dumps(honestly):
                    continue
                try:
                    passed.append((way, new, evaluate(pack, evidence(), server).verdict))
                except EngineError:
                    continue
    assert len(ways) > 60
    assert passed == []
