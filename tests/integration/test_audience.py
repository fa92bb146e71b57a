"""Before the first push to a repository that anybody can read, a note says what the record would show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connect_proxy import connect_proxy
from tests.registries import Registry, distribution_registry
from tests.workspace import Ran, Workspace

HOST = "tunnelled.invalid"
POLICY = ("--policy", "pack:tests_passed")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A real one with a token server, over TLS."""
    with distribution_registry(tmp_path / "registry", auth="token", tls=True) as running:
        yield running


@pytest.fixture
def place(workspace: Workspace, registry: Registry) -> Iterator[Workspace]:
    """Where the registry has a name that is not this machine's: a tunnel leads to it."""
    assert registry.password
    with connect_proxy(registry.host) as proxy:
        yield workspace.with_variables(
            HTTPS_PROXY=f"http://{proxy.host}",
            NO_PROXY="localhost,127.0.0.1",
            PUSHPOLICY_USERNAME=str(registry.username),
            PUSHPOLICY_PASSWORD=registry.password,
        )


def notes(ran: Ran) -> list[str]:
    assert ran.code == 0, ran.err
    return [note for note in ran.json.get("notes", ()) if "without a credential" in note]


def push(place: Workspace, registry: Registry, tag: str, *options: str, command: str = "push") -> Ran:
    target = f"{HOST}/team/app:{tag}"
    given = ("--ca-file", str(registry.ca_file), "--format", "json", *POLICY, *options)
    return place.run(command, "oci:image", target, *given)


def test_what_everybody_can_read_is_told_once(place: Workspace, registry: Registry) -> None:
    """Of a repository that is not there yet only the record tells, once it is there; then its tags do."""
    assert registry.tokens
    registry.tokens.anonymous = frozenset({"pull"})
    first = push(place, registry, "1.0")
    (note,) = notes(first)
    assert note.startswith(f"{HOST}/team/app can be read without a credential, and so can the record")
    assert "branch main" in note
    assert "reports, " in note
    assert "raw: digest" in note
    assert note not in first.err
    assert notes(push(place, registry, "1.0")) == []
    (before,) = notes(push(place, registry, "2.0", command="check"))
    second = push(place, registry, "2.0")
    assert notes(second) == [before]
    # It is said before the record is there, too.
    assert second.err.count("can be read without a credential") == 1
    (fewer,) = notes(push(place, registry, "3.0", "--raw=digest"))
    assert "of which it holds" not in fewer


def test_what_nobody_else_can_read_is_not_told(place: Workspace, registry: Registry) -> None:
    assert registry.tokens
    registry.tokens.anonymous = frozenset()
    for tag in ("1.0", "2.0"):
        assert notes(push(place, registry, tag)) == []


def test_where_the_record_goes_counts(place: Workspace, registry: Registry) -> None:
    """The image's repository is public, and the record is in a folder."""
    assert registry.tokens
    registry.tokens.anonymous = frozenset({"pull"})
    assert notes(push(place, registry, "1.0", "--records", "oci:records")) == []


def test_nothing_is_asked_before_an_allow(place: Workspace, registry: Registry) -> None:
    assert registry.tokens
    registry.tokens.anonymous = frozenset({"pull"})
    place.write("reports/junit.xml", "<testsuite/>")
    assert push(place, registry, "1.0").code == 10
    assert {asked.user for asked in registry.tokens.requests} <= {registry.username}


def test_nothing_is_asked_on_this_machine(workspace: Workspace, olareg: Registry) -> None:
    ran = workspace.push(*POLICY, "--format", "json", target=f"{olareg.host}/team/app:1.0")
    assert notes(ran) == []
    assert notes(workspace.push(*POLICY, "--format", "json")) == []
