"""`pushpolicy doctor REPOSITORY`: what the registry can do, without a write and under no other name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.registry_checks import RegistryChecks
from pushpolicy.identity.vendors import VENDORS, vendor_of
from pushpolicy.model.manifest import OCI_INDEX
from pushpolicy.model.reference import Repository
from tests.clients import client
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import LayoutMaker, push
from tests.registries import PASSWORD, USERNAME, Registry, distribution_registry
from tests.workspace import Ran, Workspace


def _checks(ran: Ran) -> dict[str, Sequence[str]]:
    return {check["name"]: check["found"] for check in ran.json["checks"]}


def test_what_a_registry_can_do(workspace: Workspace, any_registry: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    push(client(any_registry), maker, maker.image(), "v1")
    before = any_registry.writes()
    place = f"{any_registry.host}/team/app"
    ran = workspace.run("doctor", place, "--format", "json")
    assert ran.code == 0, ran.err
    found = _checks(ran)
    assert found["credential"] == ["anonymous"]
    assert found["registry"] == ["reached by http, not encrypted", "asks for no credential"]
    assert found["repository"] == ["lists 1 tag: v1", "v1 can be read"]
    (listed,) = found["referrers"]
    has_api = any_registry.kind == "olareg"
    assert listed.startswith("listed by the registry" if has_api else "no referrers API: listed under tags")
    assert "OCI-Chunk-Min-Length" in found["at a push"][0]
    assert any_registry.writes() == before
    text = workspace.run("doctor", place).out
    assert all(line in text for lines in found.values() for line in lines)


def test_a_repository_that_is_not_there_yet(workspace: Workspace, any_registry: Registry) -> None:
    ran = workspace.run("doctor", f"{any_registry.host}/team/new", "--format", "json")
    assert ran.code == 0, ran.err
    found = _checks(ran)
    assert found["repository"][0].startswith("there is no such repository, or nothing in it has a tag")
    assert found["referrers"] == ["learned at a push: nothing is there to ask about"]
    # No name is asked about that was not given.
    assert all("/team/new/" in asked.path or asked.path == "/v2/" for asked in any_registry.requests())
    assert any_registry.writes() == []


def test_what_it_asks_for(workspace: Workspace, tmp_path: Path) -> None:
    with distribution_registry(tmp_path / "registry", auth="token") as registry:
        assert registry.tokens
        place = f"{registry.host}/team/app"
        alone = workspace.run("doctor", place, "--format", "json")
        assert f"asks for a token of '{registry.tokens.realm}'" in _checks(alone)["registry"][1]
        assert alone.code == 40
        named = workspace.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
        ran = named.run("doctor", place, "--format", "json")
        assert ran.code == 0, ran.err
        assert PASSWORD not in ran.out + ran.err
        assert _checks(ran)["credential"] == ["variable PUSHPOLICY_PASSWORD"]


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_registry_that_is_none_is_asked_nothing_more(workspace: Workspace, status: int) -> None:
    with fake_registry(lambda _: Answered(status=status, headers={"Content-Type": "text/html"})) as registry:
        ran = workspace.run("doctor", f"{registry.host}/team/app")
        if status == 200:
            assert (ran.code, "the list is malformed" in ran.out) == (40, True)
        else:
            assert (ran.code, f"answered {status}" in ran.out) == (40, True)
            assert {asked.path for asked in registry.asked} == {"/v2/"}


def test_one_that_is_not_reached(workspace: Workspace) -> None:
    ran = workspace.run("doctor", "127.0.0.1:1/team/app")
    assert (ran.code, "127.0.0.1:1 refuses connections" in ran.out) == (40, True)


def test_an_api_that_refuses(workspace: Workspace) -> None:
    def answer(asked: Asked) -> Answered:
        if "/tags/" in asked.path:
            return Answered(body=b'{"tags": ["v1"]}')
        if "/manifests/" in asked.path:
            return Answered(
                headers={"Content-Type": OCI_INDEX}, body=b'{"schemaVersion": 2, "manifests": []}'
            )
        return Answered(status=403 if "/referrers/" in asked.path else 200)

    with fake_registry(answer) as registry:
        ran = workspace.run("doctor", f"{registry.host}/team/app", "--format", "json")
    found = _checks(ran)["referrers"]
    assert found[0].startswith("its API refuses, so they are listed under tags")
    assert "answered 403" in found[1]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_password_said_back_is_in_no_report(workspace: Workspace, form: str) -> None:
    """As the realm, and as a tag."""

    def echo(asked: Asked) -> Answered:
        headers = {"WWW-Authenticate": f'Basic realm="for {PASSWORD}"', "Content-Type": "application/json"}
        if "Authorization" not in asked.headers:
            return Answered(status=401, headers=headers)
        return Answered(headers=headers, body=f'{{"name": "team/app", "tags": ["{PASSWORD}"]}}'.encode())

    place = workspace.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
    with fake_registry(echo) as registry:
        ran = place.run("doctor", f"{registry.host}/team/app", "--format", form)
    assert "<the registry's credential>" in ran.out
    assert PASSWORD not in ran.out + ran.err


def test_the_repository_of_the_records_too(workspace: Workspace, any_registry: Registry) -> None:
    ran = workspace.run(
        "doctor", "oci:registry", "--records", f"{any_registry.host}/audit/records", "--format", "json"
    )
    found = _checks(ran)
    assert found["registry"] == ["a folder: no registry is asked"]
    assert found["records: registry"][0] == "reached by http, not encrypted"
    assert workspace.run("doctor", "oci:registry", "--records", "https://x").code == 2


def test_a_folder(workspace: Workspace) -> None:
    found = _checks(workspace.run("doctor", "oci:registry", "--format", "json"))
    assert found["credential"] == ["none: a folder needs none"]
    assert found["registry"] == ["a folder: no registry is asked"]
    assert workspace.run("doctor", "https://x/y").code == 2


@pytest.mark.parametrize(
    ("host", "name"),
    [("docker.io", "Docker Hub"), ("123.dkr.ecr.eu-west-1.amazonaws.com", "Amazon ECR"), ("ghcr.io", "GHCR")],
)
def test_a_registry_that_is_known_is_named(host: str, name: str) -> None:
    checks = RegistryChecks(Repository.parse(f"{host}/team/app"), RegistryOptions())
    assert next(checks.registry()).startswith(f"{name}: docs/registries.md")


def test_what_is_known_is_written_down() -> None:
    page = (Path(__file__).parents[2] / "docs/registries.md").read_text()
    assert [vendor.name for vendor in VENDORS if f"\n| {vendor.name} |" not in page] == []
    assert vendor_of("ghcr.io.example.com") is None
