"""What is tried once before a refusal is told, by the command line; and that it is tried once only.

Registries are those of tests/registry_kinds, which say something else than they would at one place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from pushpolicy import errors
from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.challenges import united
from tests.clients import client_of
from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry
from tests.layouts import of_bytes
from tests.registries import PASSWORD, READER, USERNAME
from tests.registry_kinds import KINDS, KindRegistry
from tests.workspace import Ran, Workspace

Honest = Callable[[Asked], Answered]
LOGIN = {"PUSHPOLICY_USERNAME": USERNAME, "PUSHPOLICY_PASSWORD": PASSWORD}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.http.retry.pause_after", lambda failures, first, wait=None: wait or 0.0)


def running(kind: str, lie: Callable[[Asked, Honest], Answered] | None = None) -> tuple[
    KindRegistry, AbstractContextManager[FakeRegistry]
]:  # fmt: skip
    registry = KindRegistry(KINDS[kind], lie)
    return registry, fake_registry(registry)


def tags(registry: KindRegistry) -> dict[str, str]:
    return registry.repositories["team/app"].tags


def is_blob(asked: Asked, method: str) -> bool:
    return asked.method == method and "/blobs/sha256:" in asked.path


def puts(registry: FakeRegistry, part: str) -> list[Asked]:
    return [asked for asked in registry.asked if asked.method in ("PUT", "POST") and part in asked.path]


@dataclass
class SaysYes:
    """Of every blob of the image it says that it is there until it is sent; `code` is said of the manifest.

    Attributes:
        sizes: of what the workspace's image is made of.
    """

    code: str
    sizes: dict[str, int] = field(default_factory=dict)

    def __call__(self, asked: Asked, honest: Honest) -> Answered:
        answer = honest(asked)
        digest = urlsplit(asked.path).path.rpartition("/")[2]
        if is_blob(asked, "HEAD") and answer.status == 404 and digest in self.sizes:
            return Answered(length=self.sizes[digest])
        if answer.status == 400 and b"MANIFEST_BLOB_UNKNOWN" in answer.body:
            return replace(answer, body=answer.body.replace(b"MANIFEST_BLOB_UNKNOWN", self.code.encode()))
        return answer


def sizes(place: Workspace) -> dict[str, int]:
    return {f"sha256:{path.name}": path.stat().st_size for path in place.folder.glob("image/blobs/sha256/*")}


@pytest.mark.parametrize("code", ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_INVALID"])
def test_what_a_registry_says_it_has_is_sent_all_the_same(workspace: Workspace, code: str) -> None:
    registry, running_one = running("full", SaysYes(code, sizes(workspace)))
    with running_one as server:
        ran = workspace.push(target=f"{server.host}/team/app:1.0.0")
    assert ran.code == errors.EXIT_OK, ran.err
    held = registry.repositories["team/app"]
    assert set(tags(registry)) == {"1.0.0"}
    named = json.loads(held.manifests[held.tags["1.0.0"]].content)
    assert {part["digest"] for part in (named["config"], *named["layers"])} <= held.blobs.keys()


def test_what_a_registry_says_it_mounted_is_sent_all_the_same(workspace: Workspace) -> None:
    """From the repository that the image is promoted from."""

    def lie(asked: Asked, honest: Honest) -> Answered:
        return Answered(status=201) if asked.method == "POST" and "mount=" in asked.path else honest(asked)

    registry, running_one = running("full", lie)
    with running_one as server:
        assert workspace.push(target=f"{server.host}/team/built:rc").code == errors.EXIT_OK
        source = f"docker://{server.host}/team/built:rc"
        ran = workspace.push(image=source, target=f"{server.host}/team/app:1.0.0")
        mounts = [asked for asked in server.asked if "mount=" in asked.path]
    assert ran.code == errors.EXIT_OK, ran.err
    assert mounts
    assert set(tags(registry)) == {"1.0.0"}


class Collected:
    """The layers of the image are removed, once, as what `at` tells comes in."""

    def __init__(self, kind: str, *, checks: bool, at: Callable[[Asked], bool], layers: set[str]) -> None:
        self.registry = KindRegistry(replace(KINDS[kind], checks=checks), self.lie)
        self.at, self.layers, self.collects = at, layers, False

    def lie(self, asked: Asked, honest: Honest) -> Answered:
        if self.collects and self.at(asked):
            self.collects = False
            for held in self.registry.repositories.values():
                for layer in self.layers:
                    held.blobs.pop(layer, None)
        return honest(asked)

    def is_whole(self) -> bool:
        return self.layers <= self.registry.repositories["team/app"].blobs.keys()


def layers_of(place: Workspace) -> set[str]:
    (entry,) = json.loads((place.folder / "image/index.json").read_bytes())["manifests"]
    top = json.loads((place.folder / f"image/blobs/sha256/{entry['digest'].partition(':')[2]}").read_bytes())
    return {layer["digest"] for layer in top["layers"]}


@pytest.mark.parametrize("at", ["/manifests/sha256:", "/manifests/new"])
@pytest.mark.parametrize("kind", ["full", "fallback", "conditions"])
def test_what_a_manifest_there_named_is_sent_where_it_is_removed_meanwhile(
    workspace: Workspace, kind: str, at: str
) -> None:
    """It was looked at before anything was sent."""
    layers = layers_of(workspace)
    store = Collected(
        kind, checks=True, at=lambda asked: asked.method == "PUT" and at in asked.path, layers=layers
    )
    with fake_registry(store.registry) as server:
        assert workspace.push(target=f"{server.host}/team/app:old").code == errors.EXIT_OK
        store.collects = True
        ran = workspace.push("--tag", "old", target=f"{server.host}/team/app:new")
    assert not store.collects
    assert ran.code == errors.EXIT_OK, ran.err
    assert store.is_whole()


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_what_was_looked_at_long_ago_is_looked_at_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """A push that takes long: what a manifest there named may have gone with it."""
    monkeypatch.setattr("pushpolicy.registry.remote._GOOD_FOR", seconds)
    store = Collected(
        "full",
        checks=False,
        at=lambda asked: asked.method == "PUT" and "/manifests/sha256:" in asked.path,
        layers=layers_of(workspace),
    )
    with fake_registry(store.registry) as server:
        assert workspace.push(target=f"{server.host}/team/app:old").code == errors.EXIT_OK
        store.collects = True
        ran = workspace.push("--tag", "old", target=f"{server.host}/team/app:new")
    held = store.registry.repositories["team/app"]
    assert not store.is_whole()
    assert (ran.code, "new" in held.tags) == (
        (errors.EXIT_OK, True) if seconds else (errors.EXIT_INCOMPLETE, False)
    )


def test_it_is_sent_once_more_only(workspace: Workspace) -> None:
    def never(asked: Asked, honest: Honest) -> Answered:
        if is_blob(asked, "HEAD") and (size := sizes(workspace).get(asked.path.rpartition("/")[2])):
            return Answered(length=size)
        if asked.method == "PUT" and "/manifests/" in asked.path:
            return Answered(status=400, body=b'{"errors": [{"code": "MANIFEST_INVALID"}]}')
        return honest(asked)

    _, running_one = running("full", never)
    with running_one as server:
        ran = workspace.push(target=f"{server.host}/team/app:1.0.0")
        # And once more, since the first two had a condition that cannot hold.
        assert len(puts(server, "/manifests/")) == 3
    assert ran.code == errors.EXIT_PUSH
    assert "finds something wrong with the manifest" in ran.hint()


def test_nothing_is_sent_again_where_everything_was_sent(workspace: Workspace) -> None:
    def never(asked: Asked, honest: Honest) -> Answered:
        if asked.method == "PUT" and "/manifests/" in asked.path:
            return Answered(status=400, body=b'{"errors": [{"code": "MANIFEST_INVALID"}]}')
        return honest(asked)

    _, running_one = running("full", never)
    with running_one as server:
        assert workspace.push(target=f"{server.host}/team/app:1.0.0").code == errors.EXIT_PUSH
        # With a condition that cannot hold, and without.
        assert len(puts(server, "/manifests/")) == 2


GONE = Answered(status=404, body=b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}')


@pytest.mark.parametrize(("times", "code", "begun"), [(1, errors.EXIT_OK, 2), (9, errors.EXIT_PUSH, 2)])
def test_an_upload_that_is_gone_is_begun_anew_once(times: int, code: int, begun: int) -> None:
    content, left = b"x" * 200_000, [GONE] * times

    def lie(asked: Asked, honest: Honest) -> Answered:
        return left.pop() if asked.method == "PUT" and left else honest(asked)

    _, running_one = running("sessions-only", lie)
    blob = Descriptor.of(content, "text/plain")
    with running_one as server:
        repository = client_of(server.host)
        if code == errors.EXIT_OK:
            repository.put_blob(blob, of_bytes(content))
            assert b"".join(repository.read_blob(blob)) == content
        else:
            with pytest.raises(PushError, match="BLOB_UPLOAD_UNKNOWN") as caught:
                repository.put_blob(blob, of_bytes(content))
            assert "begun anew once" in (caught.value.hint or "")
        assert len([asked for asked in server.asked if asked.method == "POST"]) == begun


@pytest.mark.parametrize("kind", ["distribution", "olareg", "sessions-only"])
def test_a_registry_that_restarts_in_the_middle_of_an_upload(kind: str) -> None:
    content, restarts = b"x" * 200_000, [True]

    def lie(asked: Asked, honest: Honest) -> Answered:
        if asked.method == "PUT" and restarts:
            registry.restart()
            restarts.clear()
        return honest(asked)

    registry, running_one = running(kind, lie)
    blob = Descriptor.of(content, "text/plain")
    with running_one as server:
        repository = client_of(server.host)
        repository.put_blob(blob, of_bytes(content))
        assert b"".join(repository.read_blob(blob)) == content
    assert not restarts


def test_an_upload_that_was_kept_although_it_is_gone_is_not_sent_again() -> None:
    """GitHub's: the first attempt was done when its answer was lost (GoogleContainerTools/jib#4301)."""
    content, answers = b"x" * 200_000, [GONE]

    def lie(asked: Asked, honest: Honest) -> Answered:
        answer = honest(asked)
        return answers.pop() if asked.method == "PUT" and answers else answer

    _, running_one = running("sessions-only", lie)
    with running_one as server:
        client_of(server.host).put_blob(Descriptor.of(content, "text/plain"), of_bytes(content))
        assert len([asked for asked in server.asked if asked.method == "POST"]) == 1


def pushed(
    workspace: Workspace, kind: str, user: str | None = USERNAME
) -> tuple[Ran, KindRegistry, list[Asked]]:
    registry, running_one = running(kind)
    variables = {"PUSHPOLICY_USERNAME": user, "PUSHPOLICY_PASSWORD": PASSWORD} if user else {}
    with running_one as server:
        ran = workspace.with_variables(**variables).push(target=f"{server.host}/team/app:1.0.0")
        return ran, registry, server.asked


def test_a_challenge_that_only_the_base_has_is_asked_for_there(workspace: Workspace) -> None:
    ran, registry, asked = pushed(workspace, "base-challenge")
    assert ran.code == errors.EXIT_OK, ran.err
    assert set(tags(registry)) == {"1.0.0"}
    assert len([one for one in asked if one.path == "/v2/"]) == 1
    ran, _, _ = pushed(workspace, "base-challenge", None)
    assert ran.code == errors.EXIT_PUSH
    assert "(no credential was shown)" in ran.complaint()


@pytest.mark.parametrize("kind", ["wide-scope", "odd-scope", "strict-scopes", "gitea"])
def test_a_scope_is_asked_for_as_the_registry_says_it(workspace: Workspace, kind: str) -> None:
    ran, registry, asked = pushed(workspace, kind)
    assert ran.code == errors.EXIT_OK, ran.err
    assert "1.0.0" in tags(registry)
    wanted = KINDS[kind].scope.format(name="team/app", actions="pull,push")
    tokens = [parse_qs(urlsplit(one.path).query)["scope"] for one in asked if one.path.startswith("/token")]
    assert any(wanted in scopes for scopes in tokens)


@pytest.mark.parametrize(
    ("scopes", "asked"),
    [
        (("repository:a/b:pull", "repository:a/b:push,pull"), ("repository:a/b:pull,push",)),
        (("repository:a/b:pull", "*"), ("repository:a/b:pull", "*")),
        (("repository:a/b:pull", "aws", "aws"), ("repository:a/b:pull", "aws")),
        (("repository:a/b:push/pull",), ("repository:a/b:push/pull",)),
        (("repository:a/b:*", "repository:a/b:pull"), ("repository:a/b:pull", "repository:a/b:*")),
        (("repository:host:5000/a:pull",), ("repository:host:5000/a:pull",)),
        (("registry:catalog:*",), ("registry:catalog:*",)),
        ((":pull", "a:"), (":pull", "a:")),
    ],
)
def test_scopes(scopes: tuple[str, ...], asked: tuple[str, ...]) -> None:
    assert united(scopes) == asked


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.auth != "none"])
def test_who_may_only_read_is_told_so(workspace: Workspace, kind: str) -> None:
    registry = KindRegistry(replace(KINDS[kind], creates=True))
    place = workspace.with_variables(PUSHPOLICY_USERNAME=READER, PUSHPOLICY_PASSWORD=PASSWORD)
    with fake_registry(registry) as server:
        ran = place.push(target=f"{server.host}/team/app:1.0.0")
        assert ran.code == errors.EXIT_PUSH, ran.err
        assert "the credential of reader from PUSHPOLICY_PASSWORD was shown" in ran.complaint()
        assert "reading works here and writing does not" in ran.hint()
        assert PASSWORD not in ran.err


def test_an_upload_without_an_address_says_what_is_missing(workspace: Workspace) -> None:
    ran, _, _ = pushed(workspace, "no-location")
    assert ran.code == errors.EXIT_PUSH
    assert "the registry answered 202 without a Location header" in ran.complaint()
    assert "takes the header away" in ran.hint()


def forbidding(asked: Asked, honest: Honest) -> Answered:
    body = b'{"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}'
    return Answered(status=403, body=body) if "/v2/team" in asked.path else honest(asked)


@pytest.mark.parametrize("command", [("audit", "list", "{}"), ("audit", "show", "{}:1")])
def test_who_reads_is_not_told_of_pushing(workspace: Workspace, command: tuple[str, ...]) -> None:
    def lie(asked: Asked, honest: Honest) -> Answered:
        answer = honest(asked)
        return answer if answer.status == 401 else forbidding(asked, honest)

    login_asked = replace(KINDS["full"], auth="basic")
    hints = {"log in (docker login)": KINDS["full"], "give it permission to read": login_asked}
    for hint, kind in hints.items():
        with fake_registry(KindRegistry(kind, lie)) as server:
            place = workspace.with_variables(**(LOGIN if kind is login_asked else {}))
            ran = place.run(*(part.format(f"{server.host}/team/app") for part in command))
        assert ran.code == errors.EXIT_RECORD
        assert "DENIED" in ran.complaint()
        assert hint in ran.hint()
        assert "push to" not in ran.hint()


def test_a_limit_of_the_rate_is_not_taken_for_the_lack_of_an_api(workspace: Workspace) -> None:
    """Other requests are limited as well: the fallback tag is not asked for."""

    def lie(asked: Asked, honest: Honest) -> Answered:
        return Answered(status=429) if "/referrers/" in asked.path else honest(asked)

    _, running_one = running("full", lie)
    with running_one as server:
        ran = workspace.push(target=f"{server.host}/team/app:1.0.0")
        assert not [asked for asked in server.asked if "/manifests/sha256-" in asked.path]
    assert ran.code in (errors.EXIT_PUSH, errors.EXIT_INCOMPLETE), ran.err
    assert "rate of requests" in ran.hint()


def refuses_another_manifest() -> Callable[[Asked, Honest], Answered]:
    """The image's is taken, the record's is not."""
    taken = list[str]()

    def lie(asked: Asked, honest: Honest) -> Answered:
        is_manifest = asked.method == "PUT" and "/manifests/" in asked.path
        if is_manifest and taken not in ([], [asked.path]):
            return Answered(status=418, body=b"no")
        taken.extend([asked.path] * (is_manifest and not taken))
        return honest(asked)

    return lie


def refuses_the_record(body: bytes) -> Callable[[Asked, Honest], Answered]:
    """With a 400 that says this."""

    def lie(asked: Asked, honest: Honest) -> Answered:
        is_record = asked.method == "PUT" and b"vnd.pushpolicy.record" in asked.body
        return Answered(status=400, body=body) if is_record else honest(asked)

    return lie


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("MANIFEST_INVALID", "unknown media type", "--records REPOSITORY"),
        ("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", "sent once more"),
        ("DENIED", "will exceed the configured upper limit of 10.0 MiB", "quota"),
    ],
)
def test_a_record_is_advised_to_go_elsewhere_where_that_helps(
    workspace: Workspace, code: str, message: str, hint: str
) -> None:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    _, running_one = running("full", refuses_the_record(body))
    with running_one as server:
        ran = workspace.push(target=f"{server.host}/team/app:1.0.0")
    assert ran.code == errors.EXIT_INCOMPLETE, ran.err
    assert message in ran.complaint()
    assert hint in ran.hint()
    assert ("--records" in ran.hint()) == (hint == "--records REPOSITORY")


def gives_out_no_blob(asked: Asked, honest: Honest) -> Answered:
    return Answered(status=418, body=b"no") if is_blob(asked, "GET") else honest(asked)


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (refuses_another_manifest(), "attaching the record failed"),
        (gives_out_no_blob, "reading it back failed"),
    ],
)
def test_after_the_image_is_there_no_hint_promises_that_a_rerun_helps(
    workspace: Workspace, lie: Callable[[Asked, Honest], Answered], said: str
) -> None:
    _, running_one = running("full", lie)
    with running_one as server:
        ran = workspace.push(target=f"{server.host}/team/app:1.0.0")
    assert ran.code == errors.EXIT_INCOMPLETE, ran.err
    assert said in ran.complaint()
    assert "run the" not in ran.hint()
    assert "put right what is named" in ran.hint()
