"""Registries that lie, mislead, fail and keep silent."""

from __future__ import annotations

import io
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import InputError, PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, OCI_MANIFEST, Manifest
from pushpolicy.registry import RepositoryClient
from tests.certificates import make_certificates
from tests.clients import client_of, login
from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry
from tests.layouts import of_bytes

CONTENT = b"the content of a blob"
BLOB = Descriptor.of(CONTENT, "text/plain")
EMPTY = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json")
MANIFEST = Manifest.parse(
    json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": EMPTY.to_json(), "layers": []}
    ).encode()
)
OTHER = Manifest.parse(MANIFEST.content.replace(b" ", b""))
BASIC = {"WWW-Authenticate": 'Basic realm="x"'}
QUICK: dict[str, Any] = {"attempts": 3, "read_timeout": 0.5, "connect_timeout": 2.0}


def always(answered: Answered) -> Callable[[Asked], Answered]:
    return lambda asked: answered


def quick(registry: FakeRegistry, **options: Any) -> RepositoryClient:
    return client_of(registry.host, **QUICK | options)


def manifest_answer(manifest: Manifest, stated: Digest | None = None, kind: str = OCI_MANIFEST) -> Answered:
    headers = {"Content-Type": kind, "Docker-Content-Digest": str(stated or manifest.digest)}
    return Answered(headers=headers, body=manifest.content)


def test_the_right_header_over_a_wrong_manifest() -> None:
    with (
        fake_registry(always(manifest_answer(OTHER, stated=MANIFEST.digest))) as registry,
        pytest.raises(PushError, match="serves other content"),
    ):
        quick(registry).manifest(MANIFEST.digest)


def test_a_wrong_header_over_the_right_manifest_is_not_believed_either() -> None:
    with fake_registry(always(manifest_answer(MANIFEST, stated=OTHER.digest))) as registry:
        found = quick(registry).resolve("v1")
        assert found == MANIFEST


@pytest.mark.parametrize("body", [CONTENT[:-1] + b"B", CONTENT + b"!", b""])
def test_a_wrong_blob(body: bytes) -> None:
    with fake_registry(
        always(Answered(headers={"Docker-Content-Digest": str(BLOB.digest)}, body=body))
    ) as registry:
        got: list[bytes] = []
        with pytest.raises(PushError):
            got.extend(quick(registry, attempts=1).read_blob(BLOB))
        assert not got


def test_a_cut_download_goes_on_where_it_broke() -> None:
    def answer(asked: Asked) -> Answered:
        start = int(asked.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        left = CONTENT[start:]
        return Answered(status=206 if start else 200, body=left[:5], length=len(left))

    with fake_registry(answer) as registry:
        assert b"".join(quick(registry, attempts=9).read_blob(BLOB)) == CONTENT
        assert len(registry.asked) == 5


def test_a_download_from_a_registry_without_ranges() -> None:
    def answer(asked: Asked) -> Answered:
        return Answered(body=CONTENT if "Range" in asked.headers else CONTENT[:5], length=len(CONTENT))

    with fake_registry(answer) as registry:
        assert b"".join(quick(registry).read_blob(BLOB)) == CONTENT


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"{", OCI_MANIFEST, "not JSON"),
        (b"[]", OCI_MANIFEST, "not an object"),
        (MANIFEST.content, OCI_INDEX, "is not the"),
        (b"<html>", "text/html", "not JSON"),
        (b" " * (4 * 1024 * 1024 + 1), OCI_MANIFEST, "over the limit"),
        (b"[" * 100_000, OCI_MANIFEST, "not JSON"),
        (MANIFEST.content.replace(b'"layers"', b'"Layers":[],"layers"'), OCI_MANIFEST, "'Layers'"),
        (MANIFEST.content.replace(b'"config"', b'"config":{},"config"'), OCI_MANIFEST, "occurs twice"),
    ],
)
def test_manifests_that_are_none(content: bytes, kind: str, said: str) -> None:
    with (
        fake_registry(always(Answered(headers={"Content-Type": kind}, body=content))) as registry,
        pytest.raises(PushError, match=said),
    ):
        quick(registry).resolve("v1")


def test_a_manifest_under_a_careless_type_is_read() -> None:
    answered = manifest_answer(MANIFEST, kind="application/json; charset=utf-8")
    with fake_registry(always(answered)) as registry:
        assert quick(registry).resolve("v1") == MANIFEST


def upload(registry: FakeRegistry, content: bytes = CONTENT, **options: Any) -> None:
    quick(registry, **options).put_blob(BLOB, of_bytes(content))


def accepting(asked: Asked) -> Answered:
    """A registry that takes everything and has nothing."""
    if asked.method == "POST":
        return Answered(status=202, headers={"Location": "/v2/team/app/blobs/uploads/1?state=x"})
    return Answered(status=201 if asked.method == "PUT" else 404)


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"B", CONTENT + b"!", CONTENT[:-1], b""])
def test_content_that_changed_is_never_sent_to_its_end(content: bytes) -> None:
    with fake_registry(accepting) as registry:
        with pytest.raises(InputError, match="the content to be sent"):
            upload(registry, content)
        time.sleep(0.1)
        assert not [
            asked for asked in registry.asked if asked.method == "PUT" and len(asked.body) == BLOB.size
        ]


def test_head_says_yes_with_another_size() -> None:
    def answer(asked: Asked) -> Answered:
        return Answered(length=1) if asked.method == "HEAD" else accepting(asked)

    with fake_registry(answer) as registry:
        assert not quick(registry).has_blob(BLOB)
        upload(registry)
        assert registry.asked[-1].body == CONTENT


@pytest.mark.parametrize("status", [401, 403, 405, 507])
def test_head_that_fails_is_no_absence(status: int) -> None:
    with fake_registry(always(Answered(status=status))) as registry:
        with pytest.raises(PushError, match=str(status)):
            quick(registry).has_blob(BLOB)
        assert len([asked for asked in registry.asked if asked.path != "/v2/"]) == 1


@pytest.mark.parametrize("status", [200, 204, 404, 413])
def test_an_upload_that_is_not_opened(status: int) -> None:
    def answer(asked: Asked) -> Answered:
        return Answered(status=404 if asked.method == "HEAD" else status)

    with fake_registry(answer) as registry:
        with pytest.raises(PushError, match=f"upload of .*answered {status}"):
            upload(registry)
        # With the content in the POST, and then without.
        assert [asked.method for asked in registry.asked] == ["HEAD", "POST", "POST"]


def two_hosts(
    status: int,
) -> tuple[Callable[[FakeRegistry], Callable[[Asked], Answered]], Callable[[Asked], Answered]]:
    """The registry, which asks for a login and then leads to another host, and that host, which asks too."""

    def first(other: FakeRegistry) -> Callable[[Asked], Answered]:
        def answer(asked: Asked) -> Answered:
            if "Authorization" not in asked.headers:
                return Answered(status=401, headers=BASIC)
            return Answered(status=status, headers={"Location": f"http://{other.host}{asked.path}"})

        return answer

    return first, always(Answered(status=401, headers=BASIC))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_never_sees_the_credential(status: int) -> None:
    first, second = two_hosts(status)
    with fake_registry(second) as other, fake_registry(first(other)) as registry:
        with pytest.raises(PushError, match="401"):
            list(quick(registry, credential=login("user", "hidden")).read_blob(BLOB))
        assert [asked.headers.get("Authorization") for asked in other.asked] == [None]


@pytest.mark.parametrize("status", [307, 308])
def test_a_write_led_to_another_host_shows_no_credential(status: int) -> None:
    first, _ = two_hosts(status)
    with fake_registry(always(Answered(status=201))) as other, fake_registry(first(other)) as registry:
        quick(registry, credential=login("user", "hidden")).put_manifest(MANIFEST)
        (asked,) = other.asked
        assert asked.method == "PUT"
        assert asked.body == MANIFEST.content
        assert "Authorization" not in asked.headers


def test_a_write_is_not_led_elsewhere_by_a_302() -> None:
    first, second = two_hosts(302)
    with fake_registry(second) as other, fake_registry(first(other)) as registry:
        with pytest.raises(PushError, match="302"):
            quick(registry, credential=login("user", "hidden")).put_manifest(MANIFEST)
        assert other.asked == []


def test_an_upload_location_on_another_host_shows_no_credential() -> None:
    with fake_registry(always(Answered(status=201))) as other:

        def answer(asked: Asked) -> Answered:
            if "Authorization" not in asked.headers:
                return Answered(status=401, headers=BASIC)
            if asked.method == "HEAD":
                return Answered(status=404)
            return Answered(status=202, headers={"Location": f"http://{other.host}/upload"})

        with fake_registry(answer) as registry:
            upload(registry, credential=login("user", "hidden"))
        (asked,) = other.asked
        assert asked.body == CONTENT
        assert "Authorization" not in asked.headers


def test_redirects_without_end() -> None:
    with fake_registry(
        lambda asked: Answered(status=302, headers={"Location": asked.path + "x"})
    ) as registry:
        with pytest.raises(PushError, match="redirects more than"):
            quick(registry).resolve("v1")
        assert len(registry.asked) == 6


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://x/", "http://u:p@127.0.0.1/"])
def test_redirects_to_what_is_no_address(location: str) -> None:
    with (
        fake_registry(always(Answered(status=302, headers={"Location": location}))) as registry,
        pytest.raises(PushError, match="not an address to follow"),
    ):
        quick(registry).resolve("v1")


@pytest.mark.parametrize(
    "realm",
    [
        "file:///etc/passwd",
        "",
        "http://user@127.0.0.1/token",
        "ftp://127.0.0.1/",
        "http://[::1",
        "http://[::1/token",
        "http://127.0.0.1:99999/token",
        "http://127.0.0.1:abc/token",
        "http://127.0.0.1:0/token",
        "http://127.0.0.1:-1/token",
        "http://127.0.0.1/to ken",
        "http://127.0.0.1/t\u00f6ken",
        "http:///token",
    ],
)
def test_token_servers_that_are_none(realm: str) -> None:
    headers = {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'}
    with (
        fake_registry(always(Answered(status=401, headers=headers))) as registry,
        pytest.raises(PushError, match="as its token server"),
    ):
        quick(registry, credential=login("user", "hidden")).resolve("v1")


def test_a_password_does_not_leave_tls(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with fake_registry(always(Answered(body=b'{"token": "t"}'))) as elsewhere:
        headers = {"WWW-Authenticate": f'Bearer realm="http://{elsewhere.host}/token",service="x"'}
        with fake_registry(always(Answered(status=401, headers=headers)), certificates) as registry:
            client = quick(registry, credential=login("user", "hidden"), ca_file=certificates.authority)
            with pytest.raises(PushError, match="as its token server, which is not safe"):
                client.resolve("v1")
        assert elsewhere.asked == []


TROUBLES = {
    "unavailable": Answered(status=503),
    "too many": Answered(status=429, headers={"Retry-After": "0"}),
    "cut off": Answered(body=b'{"token": "go', length=100),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("times", [1, 2])
def test_a_token_server_may_fail_for_a_while(trouble: Answered, times: int) -> None:
    troubles = [trouble] * times

    def answer(asked: Asked) -> Answered:
        if asked.path.startswith("/token"):
            return troubles.pop() if troubles else Answered(body=b'{"token": "good"}')
        if asked.headers.get("Authorization") == "Bearer good":
            return manifest_answer(MANIFEST)
        realm = f"http://{asked.headers['Host']}/token"
        return Answered(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    with fake_registry(answer) as registry:
        assert quick(registry, first_pause=0.01).resolve("v1") == MANIFEST
    assert troubles == []


@contextmanager
def taking(pause: float, pieces: int | None = None) -> Iterator[str]:
    """A registry that takes the content of an upload in pieces with pauses, all or some; its address."""
    left = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Location", "/v2/upload")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self) -> None:
            self.answer(404)

        def do_GET(self) -> None:
            self.answer(404)

        def do_POST(self) -> None:
            self.answer(202)

        def do_PATCH(self) -> None:
            size = int(self.headers["Content-Length"])
            for number in itertools.takewhile(lambda number: number != pieces, itertools.count()):
                time.sleep(pause if number else 0)
                size -= len(self.rfile.read(min(size, 65536)))
                if not size:
                    return self.answer(201)
            left.wait(30)
            return None

        do_PUT = do_PATCH  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        left.set()
        server.shutdown()
        server.server_close()


def test_an_upload_may_take_as_long_as_bytes_are_taken() -> None:
    """The total is for requests that transfer no content."""
    content = bytes(16 * 1024 * 1024)
    with taking(0.01) as host:
        # What the system's buffers hold is taken before there is an answer.
        options = {"total_timeout": 0.5, "minimum_rate": 1e9, "read_timeout": 5}
        client = client_of(host, **QUICK | options)
        started = time.monotonic()
        client.put_blob(Descriptor.of(content, "text/plain"), lambda: io.BytesIO(content))
        assert time.monotonic() - started > 1


def test_an_upload_of_which_nothing_is_taken_any_more_fails() -> None:
    content = bytes(64 * 1024 * 1024)
    with taking(0, pieces=3) as host:
        client = client_of(host, **QUICK | {"first_pause": 0.01})
        started = time.monotonic()
        with pytest.raises(PushError, match="does not answer in time"):
            client.put_blob(Descriptor.of(content, "text/plain"), lambda: io.BytesIO(content))
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("subject", ["", str(OTHER.digest)])
def test_a_registry_that_names_another_subject_has_not_listed_it(subject: str) -> None:
    """distribution-spec, "Pushing Manifests with Subject": the header has the subject's own digest."""
    value = json.loads(MANIFEST.content) | {"subject": MANIFEST.descriptor.to_json()}
    note = Manifest.parse(json.dumps(value).encode())
    stored: dict[str, bytes] = {}

    def answer(asked: Asked) -> Answered:
        name = asked.path.rpartition("/")[2]
        if asked.method == "PUT":
            stored[name] = asked.body
            return Answered(status=201, headers={"OCI-Subject": subject} if subject else {})
        if name not in stored:
            return Answered(status=404)
        return Answered(headers={"Content-Type": OCI_INDEX}, body=stored[name])

    with fake_registry(answer) as registry:
        quick(registry).put_referrer(note)()
    assert str(note.digest) in stored.pop(f"sha256-{MANIFEST.digest.hex}").decode()


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"x",
        b'{"token": 7}',
        b'{"token": "a\\r\\nX-Evil: 1"}',
        b'{"token": ""}',
        b'{"token": "a", "expires_in": 1%s}' % (b"0" * 400),
        b'{"token": "a", "expires_in": "soon"}',
        b'{"token": "a", "expires_in": [1]}',
    ],
)
def test_tokens_that_are_none(body: bytes) -> None:
    def answer(asked: Asked) -> Answered:
        if asked.path.startswith("/token"):
            return Answered(body=body)
        realm = f"http://{asked.headers['Host']}/token"
        return Answered(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    with (
        fake_registry(answer) as registry,
        pytest.raises(PushError, match="token server"),
    ):
        quick(registry).resolve("v1")


def test_a_registry_that_always_asks_again_is_answered_once() -> None:
    def answer(asked: Asked) -> Answered:
        if asked.path.startswith("/token"):
            return Answered(body=b'{"token": "abc"}')
        realm = f"http://{asked.headers['Host']}/token"
        return Answered(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    with fake_registry(answer) as registry:
        with pytest.raises(PushError, match="401"):
            quick(registry).resolve("v1")
        assert len(registry.asked) == 3


def test_insufficient_scope_is_answered_with_what_is_asked_for() -> None:
    def answer(asked: Asked) -> Answered:
        if asked.path.startswith("/token"):
            return Answered(body=json.dumps({"token": str(asked.path.count("push"))}).encode())
        if asked.headers.get("Authorization") == "Bearer 1":
            return manifest_answer(MANIFEST)
        headers = f'Bearer realm="http://{asked.headers["Host"]}/token",scope="repository:team/app:push"'
        if "Authorization" in asked.headers:
            return Answered(status=403, headers={"WWW-Authenticate": headers + ',error="insufficient_scope"'})
        return Answered(status=401, headers={"WWW-Authenticate": headers})

    with fake_registry(answer) as registry:
        assert quick(registry).resolve("v1") == MANIFEST


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_trouble_is_survived(status: int) -> None:
    seen: list[int] = []

    def answer(asked: Asked) -> Answered:
        seen.append(1)
        return Answered(status=status) if len(seen) < 3 else manifest_answer(MANIFEST)

    with fake_registry(answer) as registry:
        assert quick(registry).resolve("v1") == MANIFEST
        assert len(registry.asked) == 3


def test_lasting_trouble_is_told_in_the_registrys_words() -> None:
    body = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "slow \\u001b[2Jdown"}]}'
    with fake_registry(always(Answered(status=429, headers={"Retry-After": "0"}, body=body))) as registry:
        with pytest.raises(PushError, match="429") as caught:
            quick(registry).resolve("v1")
        assert len(registry.asked) == 3
    assert "TOOMANYREQUESTS: slow \\x1b[2Jdown" in caught.value.message
    assert "rate of requests" in (caught.value.hint or "")


def test_a_long_retry_after_is_not_waited_for() -> None:
    started = time.monotonic()
    with fake_registry(always(Answered(status=503, headers={"Retry-After": "3600"}))) as registry:
        with pytest.raises(PushError, match="503"):
            quick(registry).resolve("v1")
        assert len([asked for asked in registry.asked if asked.path != "/v2/"]) == 1
    assert time.monotonic() - started < 5


def test_a_silent_registry_ends_by_timeout() -> None:
    def answer(asked: Asked) -> Answered:
        time.sleep(3)
        return Answered()

    started = time.monotonic()
    with (
        fake_registry(answer) as registry,
        pytest.raises(PushError, match="does not answer in time"),
    ):
        quick(registry, attempts=2).resolve("v1")
    assert time.monotonic() - started < 8


def test_nobody_there() -> None:
    with fake_registry(accepting) as registry:
        host = registry.host
    with pytest.raises(PushError, match="refuses connections"):
        client_of(host, attempts=2).resolve("v1")


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(PushError, match=r"nowhere\.invalid"):
        client_of("nowhere.invalid", attempts=2).resolve("v1")


PAGE = {"Content-Type": OCI_INDEX}


@pytest.mark.parametrize("status", [400, 404, 406])
def test_registries_without_the_referrers_api(status: int) -> None:
    def answer(asked: Asked) -> Answered:
        return Answered(status=status if "/referrers/" in asked.path else 404)

    with fake_registry(answer) as registry:
        assert quick(registry).referrers(MANIFEST.digest) == ()
        assert registry.asked[-1].path.endswith(f"/manifests/sha256-{MANIFEST.digest.hex}")


def test_a_referrers_page_of_another_type_is_not_the_api() -> None:
    def answer(asked: Asked) -> Answered:
        if "/referrers/" in asked.path:
            return Answered(headers={"Content-Type": "text/html"}, body=b"<html>")
        return Answered(status=404)

    with fake_registry(answer) as registry:
        assert quick(registry).referrers(MANIFEST.digest) == ()


def test_referrers_in_pages() -> None:
    def answer(asked: Asked) -> Answered:
        page = int(asked.path.rpartition("page=")[2]) if "page=" in asked.path else 0
        listed = [Descriptor.of(b"%d" % page, OCI_MANIFEST, artifact_type="a/b").to_json()]
        headers = (
            {**PAGE, "Link": f'<{asked.path.partition("?")[0]}?page={page + 1}>; rel="next"'}
            if page < 3
            else PAGE
        )
        return Answered(headers=headers, body=json.dumps({"manifests": listed if page else None}).encode())

    with fake_registry(answer) as registry:
        assert len(quick(registry).referrers(MANIFEST.digest)) == 3
        assert len(quick(registry).referrers(MANIFEST.digest, "a/b")) == 3
        assert quick(registry).referrers(MANIFEST.digest, "a/c") == ()


def test_a_next_page_on_another_host_is_refused() -> None:
    headers = {**PAGE, "Link": '<http://127.0.0.2:1/v2/>; rel="next"'}
    with (
        fake_registry(always(Answered(headers=headers, body=b'{"manifests": []}'))) as registry,
        pytest.raises(PushError, match="another host"),
    ):
        quick(registry).referrers(MANIFEST.digest)


@pytest.mark.parametrize(
    "body", [b"x", b"{}", b'{"manifests": 7}', b'{"manifests": [{"digest": "sha256:../x"}]}']
)
def test_malformed_referrers(body: bytes) -> None:
    with (
        fake_registry(always(Answered(headers=PAGE, body=body))) as registry,
        pytest.raises(PushError, match="malformed"),
    ):
        quick(registry).referrers(MANIFEST.digest)


@pytest.mark.parametrize("body", [b"x", b"{}", b'{"tags": 7}', b'{"tags": [7]}', b"[" * 100_000])
def test_malformed_tags(body: bytes) -> None:
    with (
        fake_registry(always(Answered(body=body))) as registry,
        pytest.raises(PushError, match="malformed"),
    ):
        quick(registry).tags()


def test_the_clock_is_compared() -> None:
    headers = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    with fake_registry(always(Answered(status=404, headers=headers))) as registry:
        repository = quick(registry)
        assert repository.clock is None
        repository.resolve("v1")
        assert repository.clock
        assert repository.clock.skew_seconds > 300_000_000
        assert repository.clock.against == registry.host


def test_a_token_that_is_taken_back_is_renewed() -> None:
    given: list[str] = []

    def answer(asked: Asked) -> Answered:
        if asked.path.startswith("/token"):
            given.append(str(len(given)))
            return Answered(body=json.dumps({"token": given[-1], "expires_in": 3600}).encode())
        if given and asked.headers.get("Authorization") == f"Bearer {given[-1]}":
            return manifest_answer(MANIFEST)
        realm = f"http://{asked.headers['Host']}/token"
        return Answered(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    with fake_registry(answer) as registry:
        repository = quick(registry)
        assert repository.resolve("v1") == MANIFEST
        given.append("taken back")
        assert repository.resolve("v1") == MANIFEST
        assert len([asked for asked in registry.asked if asked.path.startswith("/token")]) == 2
