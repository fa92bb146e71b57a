"""Names on the command line: what is accepted, and what is refused before anything is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository, Target

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag"),
    [
        ("ghcr.io/org/app:1.2.3", "ghcr.io", "org/app", "1.2.3"),
        ("localhost:5000/app:v1", "localhost:5000", "app", "v1"),
        ("localhost/app:v1", "localhost", "app", "v1"),
        ("[::1]:5000/app:v1", "[::1]:5000", "app", "v1"),
        ("docker.io/alpine:3", "docker.io", "library/alpine", "3"),
        ("docker://quay.io/a/b__c:x", "quay.io", "a/b__c", "x"),
        ("oci:out/registry:1.0", "oci", "out/registry", "1.0"),
        ("oci:/tmp/a b:1.0", "oci", "/tmp/a b", "1.0"),
    ],
)
def test_targets(text: str, registry: str, path: str, tag: str) -> None:
    target = Target.parse(text)
    assert (target.repository.registry, target.repository.path, target.tags) == (registry, path, (tag,))


@pytest.mark.parametrize(
    "text",
    [
        "app:1",
        "org/app:1",
        "ghcr.io/org/app",
        "ghcr.io/Org/app:1",
        "ghcr.io/org//app:1",
        "ghcr.io/org/app:-x",
        f"ghcr.io/org/app@{DIGEST}",
        "user@ghcr.io/app:1",
        "ghcr.io/org/app:1\n",
        "ghcr.io/../app:1",
        "localhost:5000/app",
        "localhost:0/app:1",
        "localhost:65536/app:1",
        "localhost:99999/app:1",
        "[::1]:99999/app:1",
        "[:::1]/app:1",
        "[1]/app:1",
        "oci:dir",
        "oci:",
        "oci::x",
        "",
        "ghcr.io/" + "a/" * 130 + "a:1",
    ],
)
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Target.parse(text)


@pytest.mark.parametrize(
    "named", ["ghcr.io/org/app:1", "ghcr.io/org/app", f"ghcr.io/org/app@{DIGEST}", "tmp/x:1"]
)
@pytest.mark.parametrize("read", [Target.parse, Repository.parse, Reference.parse])
def test_a_registry_is_not_named_as_helm_does(read: Callable[[str], object], named: str) -> None:
    with pytest.raises(ValueError, match=f"begins with oci://; write {named}.* for a registry, oci:/{named}"):
        read(f"oci://{named}")


def test_more_tags_count_once() -> None:
    target = Target.parse("ghcr.io/org/app:1").with_tags(("2", "1", "2"))
    assert target.tags == ("1", "2")
    with pytest.raises(ValueError, match="not a valid tag"):
        target.with_tags(("a b",))


@pytest.mark.parametrize(
    "text",
    [
        "ghcr.io/org/app",
        "ghcr.io/org/app:1",
        f"ghcr.io/org/app@{DIGEST}",
        f"ghcr.io/org/app:1@{DIGEST}",
        "localhost:5000/app",
        "oci:out/dir",
        "oci:out/dir:1.0",
        f"oci:out/dir@{DIGEST}",
    ],
)
def test_references_come_back_as_written(text: str) -> None:
    assert str(Reference.parse(text)) == text


def test_loopback() -> None:
    assert Repository.parse("127.0.0.1:5000/a").is_loopback
    assert Repository.parse("[::1]:5000/a").is_loopback
    assert not Repository.parse("127.0.0.1.evil.com/a").is_loopback
    assert not Repository.parse("oci:localhost").is_loopback


@given(st.binary(max_size=100), st.sampled_from(["sha256", "sha512"]))
def test_digest_round_trip(content: bytes, algorithm: str) -> None:
    digest = Digest.of(content, algorithm)
    assert Digest.parse(str(digest)) == digest
    assert digest.matches(content)
    assert not digest.matches(content + b"x")


@pytest.mark.parametrize(
    "text",
    ["", "sha256", "sha256:", "sha256:abc", "sha256:" + "A" * 64, "md5:" + "a" * 32, "sha256:../../../x"],
)
def test_what_is_no_digest(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Digest.parse(text)


@pytest.mark.parametrize(
    ("name", "glob"),
    [
        ("reg.example:443/prod/app", "reg.example/prod/**"),
        ("reg.example/prod/app", "REG.example:443/prod/*"),
        ("Index.docker.io/company/app", "docker.io/company/**"),
        ("docker.io/library/nginx", "index.docker.io/nginx"),
        ("docker.io/library/nginx", "docker.io/**"),
        ("reg.example/a/b/app", "reg.example/**/app"),
        ("reg.example/app", "reg.example/**/app"),
        ("reg.example/prod", "reg.example/prod/**"),
        ("[::1]:5000/a/b", "[::1]:5000/**"),
        ("oci:/a/b", "oci:**"),
        ("oci:/a/b", "**"),
        ("oci:published", "oci/**"),
        ("oci:/srv/published", "oci/**"),
        ("oci:./published/", "oci/published"),
        ("oci:published", "oci:./published"),
        ("oci:/srv/prod/app", "oci:/srv/prod/*"),
        ("oci:published", "**"),
    ],
)
def test_a_demand_finds_a_repository_however_it_is_spelled(name: str, glob: str) -> None:
    assert Repository.parse(name).is_covered_by(glob)


@pytest.mark.parametrize(
    ("name", "glob"),
    [
        ("reg.example/production/app", "reg.example/prod/**"),
        ("reg.example/prod/a/b", "reg.example/prod/*"),
        ("reg.example/x/prod/a", "reg.example/prod/**"),
        ("reg-example.io/prod", "reg.example.io/prod"),
        ("reg.example:5000/prod/a", "reg.example/prod/**"),
        ("oci:published", "oci/other"),
        ("oci:prod/a/b", "oci/prod/*"),
        ("oci.example/published", "oci/**"),
    ],
)
def test_a_demand_finds_no_other_repository(name: str, glob: str) -> None:
    assert not Repository.parse(name).is_covered_by(glob)
