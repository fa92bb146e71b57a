"""Endpoints, redirect targets, proxies and challenges: small readers of foreign text."""

from __future__ import annotations

import socket

import pytest

from pushpolicy.errors import PushError, UsageError
from pushpolicy.http.proxies import Proxies
from pushpolicy.model.reference import Repository
from pushpolicy.registry.challenges import read_challenges
from pushpolicy.registry.endpoint import Endpoint, with_query


def endpoint(text: str, *, plain_http: bool = False) -> Endpoint:
    return Endpoint(Repository.parse(text), plain_http=plain_http)


def test_docker_hub_has_another_name_for_its_api() -> None:
    assert endpoint("docker.io/nginx").url("library/nginx/tags/list") == (
        "https://registry-1.docker.io/v2/library/nginx/tags/list"
    )


def test_plain_http_only_where_asked_for() -> None:
    assert endpoint("example.org/app").scheme == "https"
    assert endpoint("example.org/app", plain_http=True).scheme == "http"


def test_a_loopback_registry_without_tls_is_spoken_to_in_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert endpoint(f"127.0.0.1:{port}/app").scheme == "http"


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://example.org/v2/x", True),
        ("https://EXAMPLE.org:443/v2/x", True),
        ("https://example.org:444/v2/x", False),
        ("http://example.org/v2/x", False),
        ("https://example.org.evil.net/v2/x", False),
        ("https://evil.net/example.org", False),
        ("https://example.org:99999/v2", False),
        ("https://example.org@evil.net/v2/x", False),
    ],
)
def test_only_the_same_origin_is_own(url: str, own: bool) -> None:
    assert endpoint("example.org/app").is_own(url) is own


def test_relative_and_absolute_locations() -> None:
    registry = endpoint("example.org/app")
    base = registry.url("app/blobs/uploads/")
    assert (
        registry.follow(base, "/v2/app/blobs/uploads/1?_state=a", "x")
        == "https://example.org/v2/app/blobs/uploads/1?_state=a"
    )
    assert registry.follow(base, "https://storage.example.net/b", "x") == "https://storage.example.net/b"


@pytest.mark.parametrize(
    "location",
    [
        "http://example.org/v2/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "https://u:p@example.org/",
    ],
)
def test_locations_that_are_not_followed(location: str) -> None:
    registry = endpoint("example.org/app")
    with pytest.raises(PushError, match="leads"):
        registry.follow(registry.url(""), location, "x")


def test_query_parameters_are_added_and_kept() -> None:
    url = with_query("https://example.org/u?_state=a%2Bb%3D", digest="sha256:ab")
    assert url == "https://example.org/u?_state=a%2Bb%3D&digest=sha256%3Aab"
    assert with_query("https://example.org/u?d%69gest=1", digest="2") == "https://example.org/u?d%69gest=1"


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("https://registry.example.org/v2/", True),
        ("http://registry.example.org/v2/", False),
        ("https://internal.example.net/v2/", False),
        ("https://net/v2/", True),
        ("https://10.1.2.3:5000/v2/", False),
        ("https://11.1.2.3:5000/v2/", True),
        ("https://localhost:5000/v2/", False),
        ("https://127.0.0.1/v2/", False),
    ],
)
def test_proxies(url: str, proxied: bool) -> None:
    environ = {"HTTPS_PROXY": "http://user:secret@proxy:3128", "no_proxy": ".example.net, 10.0.0.0/8"}
    proxies = Proxies.from_environ(environ)
    assert proxies.for_url(url) == ("http://user:secret@proxy:3128" if proxied else None)
    assert "secret" not in repr(proxies)


@pytest.mark.parametrize(
    "proxy", ["socks5://proxy:1080", "http://proxy:abc", "http://proxy:99999", "http://[::1", "http://a..b"]
)
def test_what_is_no_http_proxy_is_refused_where_it_is_needed(proxy: str) -> None:
    proxies = Proxies.from_environ({"all_proxy": proxy, "no_proxy": "example.net"})
    assert proxies.for_url("https://example.net/v2/") is None
    with pytest.raises(UsageError, match="not one for HTTP"):
        proxies.for_url("https://example.org/v2/")


LEADS = [
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:abc/",
    "http://[::1/x",
    "/v2/\u00fc",
    "/v2/a b",
    "http://host:0/",
]


@pytest.mark.parametrize("location", LEADS)
def test_what_is_no_address_is_not_followed(location: str) -> None:
    endpoint = Endpoint(Repository.parse("registry.example/app"), plain_http=True)
    with pytest.raises(PushError, match="not an address to follow"):
        endpoint.follow("http://registry.example/v2/", location, "upload")


# What golang.org/x/net/http/httpproxy answers.
NO_PROXY = {
    "corp.example": ("https://corp.example/", "https://a.b.corp.example/", "https://CORP.example:5000/"),
    "Corp.Example": ("https://corp.example/", "https://a.corp.example/"),
    ".corp.example": ("https://a.corp.example/", "https://a.b.corp.example:5000/"),
    "*.corp.example": ("https://a.corp.example/", "https://a.b.corp.example:5000/"),
    "corp.example:5000": ("https://corp.example:5000/", "https://a.corp.example:5000/"),
    "*.corp.example:443": ("https://a.corp.example/", "https://a.corp.example:443/"),
    "10.1.2.3": ("https://10.1.2.3/", "https://10.1.2.3:5000/", "https://[::ffff:10.1.2.3]/"),
    "::ffff:10.1.2.3": ("https://10.1.2.3/",),
    "anything.example": ("https://127.0.0.2/", "https://[::1]/", "https://[::ffff:127.0.0.1]/"),
    "10.1.2.3:5000": ("https://10.1.2.3:5000/",),
    "10.0.0.0/8": ("https://10.9.9.9/",),
    "fd00::1": ("https://[fd00::1]/", "https://[fd00::1]:5000/"),
    "[fd00::1]:5000": ("https://[fd00::1]:5000/",),
    "fd00::/8": ("https://[fd12::9]/",),
    "other.example , corp.example": ("https://corp.example/",),
}
PROXIED = {
    "corp.example": ("https://notcorp.example/", "https://corp.example.org/"),
    ".corp.example": ("https://corp.example/", "https://notcorp.example/"),
    "*.corp.example": ("https://corp.example/", "https://notcorp.example/", "https://corp.example.org/"),
    "corp.example:5000": ("https://corp.example/", "https://corp.example:5001/"),
    "a.*.example": ("https://a.corp.example/",),
    "*corp.example": ("https://a.corp.example/", "https://xcorp.example/"),
    "10.1.2.3:5000": ("https://10.1.2.3/",),
    "10.0.0.0/8": ("https://11.1.1.1/", "https://corp.example/"),
    "10.0.0.0/255.0.0.0": ("https://10.9.9.9/",),
    "[fd00::1]:5000": ("https://[fd00::1]/",),
    ":5000": ("https://corp.example:5000/",),
    ", ,": ("https://corp.example/",),
}


@pytest.mark.parametrize(
    ("no_proxy", "url", "proxied"),
    [(item, url, False) for item, urls in NO_PROXY.items() for url in urls]
    + [(item, url, True) for item, urls in PROXIED.items() for url in urls],
)
def test_no_proxy_as_go_reads_it(no_proxy: str, url: str, proxied: bool) -> None:
    proxies = Proxies.from_environ({"https_proxy": "http://proxy:3128", "NO_PROXY": no_proxy})
    assert (proxies.for_url(url) is not None) is proxied


def test_no_proxy_for_anything() -> None:
    proxies = Proxies.from_environ({"all_proxy": "http://proxy:3128", "NO_PROXY": "*"})
    assert proxies.for_url("https://example.org/") is None


def test_challenges() -> None:
    header = (
        'Basic realm="a, b", Bearer realm="https://auth.example.org/token",service=reg,'
        'scope="repository:app:pull,push",error="insufficient_scope"'
    )
    basic, bearer = read_challenges(header)
    assert basic.scheme == "basic"
    assert basic.parameters == {"realm": "a, b"}
    assert bearer.parameters == {
        "realm": "https://auth.example.org/token",
        "service": "reg",
        "scope": "repository:app:pull,push",
        "error": "insufficient_scope",
    }
    assert read_challenges("") == ()
    assert read_challenges("Negotiate") == ()
    assert [challenge.scheme for challenge in read_challenges("BEARER realm=x")] == ["bearer"]
