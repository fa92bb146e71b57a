"""``--login``: no credential that can push before an ALLOW, and after it the one that was judged, or none.

A real issuer and a real token service on loopback, in front of a real registry that verifies what they give.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.model import canonical
from tests.attacks.ci_system import JOBS
from tests.exchange_server import ExchangeServer, exchange_server, slowly
from tests.fake_registry import Answered, Asked, fake_registry
from tests.faults.honest import Honest
from tests.integration.test_job_credentials import in_gitlab
from tests.issuer import LocalIssuer, local_issuer, metadata_server
from tests.policies import write_policy
from tests.registries import Registry, distribution_registry
from tests.token_server import TokenServer
from tests.workspace import Ran, Workspace, fail_a_test

PUSHES = "repository:team/app:pull,push"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A job, its issuer, the token service and the registry."""

    place: Workspace
    issuer: LocalIssuer
    service: ExchangeServer
    registry: Registry

    @property
    def tokens(self) -> TokenServer:
        assert self.registry.tokens
        return self.registry.tokens

    @property
    def written(self) -> bool:
        return bool(self.registry.writes())

    def trust(self, more: str = "", exchange: str = "", settings: str = "") -> None:
        """Write the policy whose trust.yaml declares the exchange `broker`."""
        text = (
            f"issuers: {{local: {{issuer: '{self.issuer.url}'}}}}\n"
            f"exchanges:\n  broker: {{url: '{self.service.url}'{exchange}}}\n"
            f"  reader: {{url: '{self.service.url}/read', scope: 'repository:{{repository}}:pull'}}\n{more}"
        )
        write_policy(self.place.folder.parent / "policy", {}, trust=text, settings=settings or "{}")

    def run(self, command: str = "push", tag: str = "1.0.0", *options: str, image: str = "oci:image") -> Ran:
        ran = self.place.run(
            command,
            image,
            f"{self.registry.host}/team/app:{tag}",
            *("--policy", "pack", "--policy", "../policy", "--login", "broker"),
            *("--ca-file", str(self.registry.ca_file), *options),
        )
        for secret in (*self.service.given, *(form["subject_token"] for form in self.service.asked)):
            assert secret not in ran.out + ran.err
        return ran


@pytest.fixture
def site(workspace: Workspace, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        registry = stack.enter_context(distribution_registry(tmp_path / "r", auth="token", tls=True))
        assert registry.certificates
        assert registry.tokens
        issuer = stack.enter_context(local_issuer(registry.certificates))
        service = stack.enter_context(exchange_server(issuer, registry.tokens, registry.certificates))
        place = workspace.with_variables(**issuer.environ())
        site = Site(place=place, issuer=issuer, service=service, registry=registry)
        site.trust("read_role: reader\n")
        yield site


def pushes_asked(site: Site) -> list[str]:
    """The scopes that were asked of the token service and can push, whoever asked."""
    scopes = [form["scope"] for form in site.service.asked]
    scopes += [scope for request in site.tokens.requests for scope in request.scopes]
    return [scope for scope in scopes if "push" in scope]


def judged(site: Site, tag: str = "1.0.0") -> dict[str, Any]:
    """The evidence of a run that is denied."""
    fail_a_test(site.place)
    assert site.run("push", tag).code == errors.EXIT_DENIED
    content = (site.place.folder / "pushpolicy-evidence.json").read_bytes()
    document: dict[str, Any] = canonical.decode(content)
    return document


def test_a_push_obtains_its_credential_after_the_decision(site: Site) -> None:
    ran = site.run("push", "1.0.0", "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    assert [form["scope"] for form in site.service.asked] == ["repository:team/app:pull", PUSHES]
    assert site.written
    assert not site.tokens.requests  # what it gave was shown as it is


def test_a_build_of_google_trades_the_token_of_its_service_account(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = site.place.folder.parent / "policy/trust.yaml"
    trust.write_text(
        trust.read_text().replace(f"'{site.issuer.url}'", f"'{site.issuer.url}', system: cloud-build")
    )
    build = JOBS["cloud-build"](site.place)
    assert build
    with metadata_server(site.issuer) as address:
        monkeypatch.setattr("pushpolicy.cli.identity.METADATA", address)
        ran = replace(site, place=build).run()
    assert ran.code == errors.EXIT_OK, ran.err
    assert "/request" not in site.issuer.asked
    assert [form["scope"] for form in site.service.asked] == ["repository:team/app:pull", PUSHES]


def test_a_denied_run_never_held_a_credential_that_can_push(site: Site) -> None:
    fail_a_test(site.place)
    assert site.run().code == errors.EXIT_DENIED
    assert site.service.asked  # it was read
    assert not pushes_asked(site)
    assert not site.written


def test_a_check_judges_the_login_and_does_not_make_it(site: Site) -> None:
    assert site.run("check").code == errors.EXIT_OK
    assert not pushes_asked(site)
    assert not site.written


def test_what_is_judged_of_it(site: Site) -> None:
    told = judged(site)["credentials"]
    assert told["source"] == "workload-identity"
    assert told["login"] == {"kind": "rfc8693", "max_seconds": 3600, "name": "broker"}
    assert told["push_to"] == ["team/app"]
    assert told["ephemeral"] is True
    assert told["trust"]["source"] == told["trust"]["push_to"] == "verified"


def test_the_strictest_settings_take_it(site: Site) -> None:
    strict = "ephemeral: true, scope: repository, exchanged: true, command_line: deny, others_may_open: deny"
    site.trust(
        "read_role: reader\n", settings=f"credential_source: {{{strict}, sources: [workload-identity]}}"
    )
    assert site.run().code == errors.EXIT_OK


Lie = Callable[[ExchangeServer], None]


def scoped(scope: str) -> Lie:
    def lie(service: ExchangeServer) -> None:
        service.change = lambda answer: (
            answer | {"access_token": service.tokens.token("x", tuple(scope.split()))}
        )

    return lie


def changed(**changes: Any) -> Lie:
    def lie(service: ExchangeServer) -> None:
        service.change = lambda answer: {
            name: value for name, value in (answer | changes).items() if value is not None
        }

    return lie


def living(seconds: int) -> Lie:
    """The token itself lives that long, whatever the answer says."""

    def lie(service: ExchangeServer) -> None:
        def change(answer: dict[str, Any]) -> dict[str, Any]:
            service.tokens.lifetime, before = seconds, service.tokens.lifetime
            token = service.tokens.token("x", (PUSHES,))
            service.tokens.lifetime = before
            return answer | {"access_token": token}

        service.change = change

    return lie


def echo(service: ExchangeServer) -> None:
    service.change = lambda answer: answer | {"access_token": service.asked[-1]["subject_token"]}


def answering(answered: Callable[[], Answered]) -> Lie:
    def lie(service: ExchangeServer) -> None:
        service.answer = answered

    return lie


LIES: dict[str, tuple[Lie, str]] = {
    "for another repository, too": (
        scoped(f"{PUSHES} repository:team/other:pull,push"),
        "is for the repository team/other, too",
    ),
    "for every repository": (scoped("repository:*:pull,push"), "is for the repository *, too"),
    "for the catalogue": (scoped(f"{PUSHES} registry:catalog:pull"), "registry catalog"),
    "that may delete": (changed(scope="repository:team/app:pull,push,delete"), "which was not asked for"),
    "of a scope that was not asked for": (changed(scope=f"{PUSHES} admin"), "has the scope admin"),
    "that lives longer, as the answer says": (changed(expires_in=86400), "longer than 3600 s"),
    "that lives longer, as the token says": (living(86400), "longer than 3600 s"),
    "that does not end": (changed(expires_in=None, access_token="opaque-token"), "does not say when it ends"),
    "that has ended": (changed(expires_in=-5), "has ended"),
    "that is renewed": (changed(refresh_token="again-and-again"), "comes with a refresh token"),
    "of another type": (changed(token_type="mac"), "is a token of type mac"),
    "that is an identity": (
        changed(issued_token_type="urn:ietf:params:oauth:token-type:id_token"),
        "not an access token",
    ),
    "that is the job's own": (echo, "the job's own token"),
    "with a line break": (changed(access_token="a\nb"), "what is no token"),
    "that is none": (changed(access_token=None), "has no access_token as documented"),
    "that is a number": (changed(access_token={"a": 1}), "has no access_token as documented"),
    "after a redirect": (
        answering(lambda: Answered(status=307, headers={"Location": "https://localhost:1/"})),
        "307",
    ),
    "with duplicate keys": (
        answering(lambda: Answered(body=b'{"access_token": "a", "access_token": "b"}')),
        "not strict JSON",
    ),
    "that is huge": (answering(lambda: Answered(body=b'"' + b"x" * 300_000 + b'"')), "over the limit"),
    "that is refused": (answering(lambda: Answered(status=403, body=b'{"error": "denied"}')), "denied"),
}


@pytest.mark.parametrize("lie", LIES)
def test_another_credential_than_was_judged_writes_nothing(site: Site, lie: str) -> None:
    site.trust()  # read anonymously: the only exchange is that of the push
    site.tokens.anonymous = frozenset({"pull"})
    how, says = LIES[lie]
    how(site.service)
    ran = site.run("push", "latest", "--tag", "build-7")
    assert ran.code == errors.EXIT_PUSH, ran.err
    assert says in ran.complaint()
    assert not site.written


def test_a_token_service_that_hangs_ends_the_push(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.identity.exchange.SECONDS", 1.0)
    site.trust()
    site.tokens.anonymous = frozenset({"pull"})
    site.service.answer = slowly(3)
    ran = site.run("push", "latest", "--tag", "build-7")
    assert ran.code == errors.EXIT_PUSH
    assert not site.written


def test_no_other_credential_is_tried(site: Site) -> None:
    """Docker's configuration has one that could push."""
    site.service.answer = lambda: Answered(status=403)
    auth = {"username": site.registry.username, "password": site.registry.password}
    folder = site.place.write("../docker/config.json", "")
    folder.write_text(f'{{"auths": {{"{site.registry.host}": {auth}}}}}'.replace("'", '"'))
    site.trust()
    site.tokens.anonymous = frozenset({"pull"})
    place = site.place.with_variables(DOCKER_CONFIG=str(folder.parent))
    ran = replace(site, place=place).run("push", "b-1")
    assert ran.code == errors.EXIT_PUSH
    assert {request.user for request in site.tokens.requests} == {None}
    assert not site.written


def test_a_tag_that_nobody_may_read_is_unknown_and_a_release_is_denied(site: Site) -> None:
    site.trust()
    document = judged(site)["target"]
    assert document["new_tags"] == []
    assert document["previous_digests"] == {}
    assert "401" in document["previous_unknown"]
    ran = site.run("push", "1.0.0")
    assert ran.code == errors.EXIT_DENIED
    assert "whether release tag 1.0.0 exists already is not known" in ran.out
    assert not site.service.asked


def test_a_hidden_repository_is_no_empty_one(site: Site) -> None:
    """A 404 without pull rights may be how it hides."""
    site.trust()
    site.tokens.anonymous = frozenset({"pull"})
    document = judged(site)["target"]
    assert document["new_tags"] == []
    assert "may be hidden" in document["previous_unknown"]


def test_a_tag_that_may_move_is_pushed_though_it_was_unknown(site: Site) -> None:
    site.trust()
    for _ in range(2):  # the second finds it, and moves it from what it was found to be
        ran = site.run("push", "edge")
        assert ran.code == errors.EXIT_OK, ran.err


def test_a_tag_that_moved_before_the_exchange_stops_the_push(site: Site) -> None:
    """It is read again with the new credential; nothing is written then."""
    first = site.run("push", "edge")
    assert first.code == errors.EXIT_OK, first.err
    written = len(site.registry.writes())
    link = next(site.registry.storage.rglob("_manifests/tags/edge"))

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        if "push" in site.service.asked[-1]["scope"]:
            link.rename(link.with_name("moved"))
        return answer

    site.service.change = change
    ran = site.run("push", "edge")
    assert ran.code == errors.EXIT_PUSH
    assert "tag edge was moved since this push was judged" in ran.complaint()
    assert len(site.registry.writes()) == written


def test_a_read_role_that_can_push_is_refused(site: Site) -> None:
    site.trust("read_role: broker\n", exchange=", scope: 'repository:{repository}:pull,push'")
    assert site.run().code == errors.EXIT_USAGE
    assert not site.service.asked


GITLAB = "glcbt-64_" + "A1b2" * 5  # made up
PAIR = "Basic " + base64.b64encode(f"gitlab-ci-token:{GITLAB}".encode()).decode()


@pytest.mark.parametrize("is_allowed", [True, False])
def test_the_jobs_own_token_is_shown_after_the_decision_only(
    workspace: Workspace, *, is_allowed: bool
) -> None:
    """GitLab's registry takes it as it is, and there is nothing to trade it for."""
    registry, shown = Honest(), list[str]()

    def answer(asked: Asked) -> Answered:
        if asked.headers.get("Authorization") == PAIR:
            shown.append(asked.method)
            return registry(asked)
        return Answered(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    if not is_allowed:
        fail_a_test(workspace)
    with fake_registry(answer) as running:
        place = in_gitlab(workspace, running.host)
        place = place.with_variables(CI_COMMIT_SHA=workspace.environ["GITHUB_SHA"])
        ran = place.push("--login", "gitlab", target=f"{running.host}/team/app:edge")
    assert GITLAB not in ran.out + ran.err
    assert ran.code == (errors.EXIT_OK if is_allowed else errors.EXIT_DENIED), ran.out + ran.err
    assert bool(shown) is bool(registry.tags) is is_allowed


def test_a_job_without_its_token_is_told(workspace: Workspace) -> None:
    ran = workspace.push("--login", "github", target="registry.example/team/app:edge")
    assert ran.code == errors.EXIT_USAGE
    assert "this job has no GITHUB_TOKEN for registry.example" in ran.complaint()


def test_an_empty_name_is_not_passed_over(workspace: Workspace) -> None:
    ran = workspace.push("--login", "", target="registry.example/team/app:edge")
    assert ran.code == errors.EXIT_USAGE
    assert "--login" in ran.complaint()


@pytest.mark.parametrize(
    ("options", "variables", "target"),
    [
        (("--username", "ci"), {}, "registry.example/team/app:1"),
        (
            (),
            {"PUSHPOLICY_USERNAME": "ci", "PUSHPOLICY_PASSWORD": "secret-of-ci"},
            "registry.example/team/app:1",
        ),
        ((), {}, "oci:registry:1"),
    ],
)
def test_a_login_stands_alone(
    workspace: Workspace, options: tuple[str, ...], variables: dict[str, str], target: str
) -> None:
    ran = workspace.with_variables(**variables).push("--login", "gitlab", *options, target=target)
    assert ran.code == errors.EXIT_USAGE
    assert ran.complaint().startswith("--login gitlab")


def test_a_read_role_that_is_given_more_reads_nothing(site: Site) -> None:
    site.service.scope = PUSHES
    ran = site.run()
    assert ran.code == errors.EXIT_PUSH
    assert "may push in team/app" in ran.complaint()
    assert not site.written
