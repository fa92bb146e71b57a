"""A real OPA server: the same decisions as on this machine, and every fault is an error."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import fastjsonschema
import pytest
from msgspec.structs import replace

from pushpolicy.engines import Limits, LocalOpa
from pushpolicy.engines.rest import Address
from pushpolicy.engines.server import OpaServer
from pushpolicy.errors import EXIT_POLICY, EngineError
from pushpolicy.evaluate import PACK, PolicySet, evaluate, load_policy
from pushpolicy.evaluate.answer import read_answer
from pushpolicy.evaluate.bundle import archive
from pushpolicy.evaluate.examples import decide, read
from pushpolicy.evaluate.program import server_bundle
from pushpolicy.evaluate.sources import policies
from pushpolicy.http.settings import Settings
from pushpolicy.model.decision import Decision, Verdict
from pushpolicy.model.document import Document
from tests.fake_registry import Answered, Asked, fake_registry
from tests.opa_servers import TOKEN, opa_server
from tests.opa_servers import OpaServer as Running
from tests.policies import evidence, rule, scan, write_policy
from tests.registries.running import free_port, serving

FINDING = {"id": "CVE-1", "severity": "critical", "kind": "vulnerability", "package": "a"}
DENIED = evidence(scans=scan([FINDING]))
WAIVER = "{rule: scan_severity, id: CVE-1, reason: x, approver: sam, expires: '2026-04-20T00:00:00Z'}"
SLOW = 'deny contains {"at": {}, "msg": "x"} if format_int(bits.lsh(input.image.size, 40000000), 10) == "0"'


SIZE = 'deny contains {"at": {"id": "size"}, "msg": "large"} if input.image.size > data.settings.size.max'


def own_rules(folder: Path) -> str:
    return write_policy(
        folder,
        {"size": rule("size", SIZE, "settings:\n  max: {type: integer, minimum: 0, default: 0}")},
        settings="size: {max: 1}\n",
        waivers=f"max_days: 90\nwaivers: [{WAIVER}]\n",
        enforcement="rules: {size: {mode: warn, until: '2026-04-20T00:00:00Z', reason: new}}\n",
    )


@pytest.fixture(scope="module")
def local(opa: Path) -> LocalOpa:
    return LocalOpa(opa)


@pytest.fixture(scope="module")
def pack(local: LocalOpa) -> PolicySet:
    return load_policy([PACK], local)


@pytest.fixture(scope="module")
def running(opa: Path, pack: PolicySet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with opa_server(opa, tmp_path_factory.mktemp("opa"), server_bundle(pack)) as server:
        yield server


def engine(url: str, local: LocalOpa | None = None, *, seconds: float = 20, **settings: object) -> OpaServer:
    reached = Settings(plain_http=url.startswith("http:"), **{"first_pause": 0.05, **settings})  # type: ignore[arg-type]
    return OpaServer(Address(url=url, settings=reached), local, Limits(seconds=seconds, grace=0))


def without_engine(decision: Decision) -> bytes:
    """The decision as it is recorded, but for who gave it, and what follows from that."""
    value = dict(decision.document().value)
    if value.pop("engine")["hermeticity"] == "delegated":
        policy = dict(value["policy"])
        assert policy.pop("anchored") is False
        *others, why = policy.pop("not_anchored")
        assert why.startswith("delegated: evaluated by http://127.0.0.1:")
        value["policy"] = {**policy, "anchored": not others, "not_anchored": others}
    return Document.of(value).content


def corpus() -> list[Document]:
    """The evidence of every example of every rule of the pack."""
    folders = sorted((policies() / "rules").iterdir())
    return [Document.of(dict(each.evidence)) for folder in folders for each in read(folder, folder.name)]


def test_server_and_local_opa_decide_the_same_to_the_byte(opa: Path, local: LocalOpa, tmp_path: Path) -> None:
    policy = load_policy(["pack:strict"], local)
    documents = [evidence(), DENIED, *corpus()]
    assert len(documents) > 300
    # One process for all of them.
    answers = decide(policy, local, [(document.value, {}) for document in documents])
    own = local.identity()
    ours = [read_answer(answer, policy, each, own) for answer, each in zip(answers, documents, strict=True)]
    with opa_server(opa, tmp_path / "opa", server_bundle(policy)) as running:
        server = engine(running.url)
        with ThreadPoolExecutor(4) as pool:
            theirs = list(pool.map(lambda document: evaluate(policy, document, server), documents))
    assert [without_engine(each) for each in theirs] == [without_engine(each) for each in ours]
    assert {each.verdict for each in theirs} == set(Verdict)
    assert all(each.engine.is_delegated and each.engine.version == own.version for each in theirs)


def test_so_they_do_with_waivers_rollouts_and_rules_of_one_s_own(
    opa: Path, local: LocalOpa, tmp_path: Path
) -> None:
    policy = load_policy([PACK, own_rules(tmp_path / "own")], local)
    documents = [evidence(), DENIED, evidence(extra={}), *corpus()[::25]]
    with opa_server(opa, tmp_path / "opa", server_bundle(policy)) as running:
        both, alone = engine(running.url, local), engine(running.url)
        for document in documents:
            ours = evaluate(policy, document, local)
            confirmed = evaluate(policy, document, both)
            assert without_engine(confirmed) == without_engine(ours)
            assert without_engine(evaluate(policy, document, alone)) == without_engine(ours)
            assert confirmed.engine == replace(ours.engine, server=running.url)
            assert confirmed.policy == ours.policy
    assert evaluate(policy, DENIED, local).waived
    assert evaluate(policy, evidence(), local).rollouts


def test_what_only_a_server_decided_is_delegated_and_not_anchored(running: Running, pack: PolicySet) -> None:
    decision = evaluate(pack, evidence(), engine(running.url))
    assert decision.verdict is Verdict.ALLOW
    assert pack.identity.anchored
    assert not decision.policy.anchored
    assert decision.document().value["engine"] == {
        "name": "opa",
        "version": "1.22.2",
        "hermeticity": "delegated",
        "server": running.url,
    }
    schema = json.loads((policies() / "schema" / "decision.v1.json").read_bytes())
    fastjsonschema.compile(schema)(decision.document().value)


def test_a_bundle_that_is_swapped_between_two_queries(
    opa: Path, local: LocalOpa, pack: PolicySet, tmp_path: Path
) -> None:
    other = load_policy(["pack:minimal"], local)
    with opa_server(opa, tmp_path, server_bundle(pack)) as running:
        server = engine(running.url, local)
        assert evaluate(pack, evidence(), server).verdict is Verdict.ALLOW
        running.swap(server_bundle(other))
        with pytest.raises(EngineError) as caught:
            evaluate(pack, evidence(), server)
        assert caught.value.message == (
            f"the OPA server {running.url} runs policy {other.identity.digest},"
            f" this run expects {pack.identity.digest}"
        )
        assert "policy bundle --server" in str(caught.value.hint)
        running.swap(server_bundle(pack))
        assert evaluate(pack, evidence(), server).verdict is Verdict.ALLOW


def slow(folder: Path, local: LocalOpa) -> PolicySet:
    return load_policy([write_policy(folder, {"r": rule("r", SLOW)})], local)


def test_a_server_that_is_killed_within_a_query(opa: Path, local: LocalOpa, tmp_path: Path) -> None:
    policy = slow(tmp_path / "policy", local)
    with opa_server(opa, tmp_path / "opa", server_bundle(policy)) as running:
        threading.Timer(1, running.server.stop).start()
        with pytest.raises(EngineError, match=r"the connection to 127.0.0.1:.* broke|refuses connections"):
            evaluate(policy, evidence(), engine(running.url))


def test_one_that_is_there_again_is_asked_again(
    opa: Path, pack: PolicySet, running: Running, tmp_path: Path
) -> None:
    with opa_server(opa, tmp_path, server_bundle(pack)) as own:
        own.server.stop()
        threading.Timer(0.5, own.server.start).start()
        decision = evaluate(pack, evidence(), engine(own.url, first_pause=0.5))
    assert decision.verdict is Verdict.ALLOW


def test_a_query_that_takes_too_long(opa: Path, local: LocalOpa, tmp_path: Path) -> None:
    policy = slow(tmp_path / "policy", local)
    with opa_server(opa, tmp_path / "opa", server_bundle(policy)) as running:
        begun = time.monotonic()
        with pytest.raises(EngineError, match=r"does not answer in time|not done within 1 s") as caught:
            evaluate(policy, evidence(), engine(running.url, seconds=1))
        assert time.monotonic() - begun < 5
        assert caught.value.exit_code == EXIT_POLICY


def test_an_error_of_a_builtin_is_none_of_the_rule_s_silence(
    opa: Path, local: LocalOpa, tmp_path: Path
) -> None:
    body = 'deny contains {"at": {}, "msg": "x"} if to_number(input.image.source) > 1'
    policy = load_policy([write_policy(tmp_path / "policy", {"r": rule("r", body)})], local)
    with opa_server(opa, tmp_path / "opa", server_bundle(policy)) as running:
        for each in (local, engine(running.url)):
            with pytest.raises(
                EngineError, match=r"rules/r/r.rego:11: eval_builtin_error: to_number"
            ) as caught:
                evaluate(policy, evidence(), each)
            assert "let the rule ask first" in str(caught.value.hint)


def test_a_server_without_the_policy(opa: Path, pack: PolicySet, tmp_path: Path) -> None:
    with opa_server(opa, tmp_path, archive({"a/a.rego": b"package a\n"}, level=6)) as running:
        with pytest.raises(EngineError, match="does not run a policy bundle of pushpolicy"):
            evaluate(pack, evidence(), engine(running.url))
        with pytest.raises(EngineError, match="it answered 404"):
            evaluate(pack, evidence(), engine(f"{running.url}/elsewhere"))
    with pytest.raises(EngineError, match=r"127.0.0.1:\d+ refuses connections"):
        evaluate(pack, evidence(), engine(running.url))


def test_what_the_bundle_holds_nobody_overwrites(running: Running, pack: PolicySet) -> None:
    for method, path, body in (
        ("PUT", "data/pushpolicy/server/policy", b'"x"'),
        ("PUT", "policies/x", b"package pushpolicy.main\n"),
        ("DELETE", "data/pushpolicy/waivers", b""),
    ):
        asked = Request(f"{running.url}/v1/{path}", body, method=method)
        with pytest.raises(HTTPError, match="400"):
            urlopen(asked)
    assert evaluate(pack, evidence(), engine(running.url)).verdict is Verdict.ALLOW


def test_a_token_and_certificates(opa: Path, pack: PolicySet, local: LocalOpa, tmp_path: Path) -> None:
    with opa_server(opa, tmp_path, server_bundle(pack), tls=True, token=True) as running:
        assert running.certificates
        trusting = Settings(ca_file=running.certificates.authority, variables=False)

        def ask(token: str | None, settings: Settings = trusting, url: str = running.url) -> Decision:
            address = Address(url=url, token=token, settings=settings)
            return evaluate(pack, evidence(), OpaServer(address, local))

        assert ask(TOKEN).verdict is Verdict.ALLOW
        for token in (None, "another"):
            with pytest.raises(EngineError, match="it answered 401: request rejected") as caught:
                ask(token)
            assert "PUSHPOLICY_OPA_TOKEN" in str(caught.value.hint)
        with pytest.raises(EngineError, match=r"the certificate of .* is not trusted") as caught:
            ask(TOKEN, Settings(variables=False))
        assert "--engine-ca-file" in str(caught.value.hint)
        with pytest.raises(EngineError, match=r"answered 400|does not speak|broke"):
            ask(TOKEN, Settings(plain_http=True, first_pause=0.05), running.url.replace("https", "http"))

        context = ssl.create_default_context(cafile=running.certificates.authority)

        def status(path: str, token: str | None) -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            try:
                return int(urlopen(Request(f"{running.url}/{path}", headers=headers), context=context).status)
            except HTTPError as error:
                return error.code

        assert status("health", None) == 200
        assert status("v1/data", TOKEN) == status("v1/policies", TOKEN) == status("v1/config", TOKEN) == 401
    assert TOKEN not in repr(Address(url="https://a", token=TOKEN))


def test_a_fleet_behind_one_address(opa: Path, pack: PolicySet, local: LocalOpa, tmp_path: Path) -> None:
    """Each query is complete in itself: it does not matter which server answers, nor that one is down."""
    other = load_policy(["pack:minimal"], local)
    with (
        opa_server(opa, tmp_path / "1", server_bundle(pack)) as first,
        opa_server(opa, tmp_path / "2", server_bundle(pack)) as second,
    ):
        servers = cycle([first, second])

        def balanced(asked: Asked) -> Answered:
            url = f"{next(servers).url}{asked.path}"
            try:
                with urlopen(Request(url, asked.body, dict(asked.headers))) as answer:
                    return Answered(body=answer.read())
            except URLError:
                return Answered(status=502)

        with fake_registry(balanced) as balancer:
            server = engine(f"http://{balancer.host}", local)
            before = len(balancer.asked)
            decisions = {evaluate(pack, evidence(), server).document().content for _ in range(6)}
            second.server.stop()
            decisions |= {evaluate(pack, evidence(), server).document().content for _ in range(6)}
            assert len(decisions) == 1
            assert len(balancer.asked) - before > 12
            second.swap(server_bundle(other))
            with pytest.raises(EngineError, match=f"runs policy {other.identity.digest}"):
                [evaluate(pack, evidence(), server) for _ in range(2)]


def test_a_bundle_that_is_swapped_under_the_eyes_of_the_server(
    opa: Path, local: LocalOpa, pack: PolicySet, tmp_path: Path
) -> None:
    """It polls for bundles: each answer is wholly of the one before, or wholly of the one after."""
    minimal = load_policy(["pack:minimal"], local)
    other = str(minimal.identity.digest)[:14]
    served, answers = [server_bundle(pack)], list[str]()
    with fake_registry(lambda _: Answered(body=served[0])) as store:
        settings = [f"services.s.url=http://{store.host}", "bundles.p.service=s", "bundles.p.resource=b"]
        settings += [f"bundles.p.polling.{which}_delay_seconds=1" for which in ("min", "max")]
        options = [word for setting in settings for word in ("--set", setting)]
        port = free_port()
        argv = [str(opa), "run", "--server", "--addr", f"127.0.0.1:{port}", *options]
        with serving([*argv, "--skip-version-check"], tmp_path / "log", port):
            server = engine(f"http://127.0.0.1:{port}")

            def ask(_: int) -> None:
                try:
                    answers.append(evaluate(pack, evidence(), server).verdict)
                except EngineError as error:
                    answers.append(error.message.partition("runs policy ")[2][:14] or error.message)

            until = time.monotonic() + 20
            with ThreadPoolExecutor(4) as pool:
                while not {Verdict.ALLOW, other} <= set(answers):
                    assert time.monotonic() < until, answers[-3:]
                    list(pool.map(ask, range(20)))
                    if Verdict.ALLOW in answers:
                        served[0] = server_bundle(minimal)
    not_yet = f"the OPA server http://127.0.0.1:{port} does not run a policy bundle of pushpolicy"
    assert {Verdict.ALLOW, other} <= set(answers) <= {Verdict.ALLOW, other, not_yet}
