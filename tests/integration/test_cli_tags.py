"""Tags that do not move: a denial where that is known, 41 where only the registry knows; and a free one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from pushpolicy import errors
from pushpolicy.model.digest import Digest
from pushpolicy.registry.move import free_tag
from tests.fake_registry import fake_registry
from tests.registries import Registry
from tests.registry_kinds import KINDS, KindRegistry
from tests.workspace import Ran, Workspace

TARGET = "oci:registry:edge"


def push_all(place: Workspace) -> Ran:
    return place.run("push", "--all", "--allow-target", "oci:registry", "--format", "json")


# How a configuration says that tags do not move, and the push that it is said of.
SAID: dict[str, tuple[dict[str, object], Callable[[Workspace], Ran]]] = {
    "of all targets": (
        {"immutable": True},
        lambda place: place.push("--format", "json", target=TARGET),
    ),
    "of one image": (
        {"images": [{"image": "oci:image", "target": TARGET, "immutable": True}]},
        push_all,
    ),
    "of all targets, with images": (
        {"immutable": True, "images": [{"image": "oci:image", "target": TARGET}]},
        push_all,
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_a_configuration_that_says_that_tags_do_not_move(workspace: Workspace, name: str) -> None:
    """It need not be committed: it has more denied, and never less."""
    content, pushed = SAID[name]
    workspace.write("pushpolicy.yaml", json.dumps(content))
    first, again = pushed(workspace), pushed(workspace)
    assert (first.code, again.code) == (errors.EXIT_OK, errors.EXIT_OK), first.err + again.err
    other = workspace.committed("new.txt", "other content")
    denied = pushed(other)
    assert denied.code == errors.EXIT_DENIED
    (found,) = denied.json["violations"]
    digest = Digest.parse(denied.json["image"]["digest"])
    assert (found["rule"], found["id"]) == ("tag_policy", "tag/edge")
    free = free_tag("edge", digest)
    assert found["msg"].endswith(f"it must stay, and {free} is free")
    assert other.push(target=f"oci:registry:{free}").code == errors.EXIT_OK
    evidence = json.loads((workspace.folder / "pushpolicy-evidence.json").read_bytes())
    assert evidence["target"]["immutable"] == {"by": "configuration"}


def test_a_tag_that_nobody_says_stays_moves(workspace: Workspace) -> None:
    assert workspace.push(target=TARGET).code == errors.EXIT_OK
    assert workspace.committed("new.txt", "other content").push(target=TARGET).code == errors.EXIT_OK


@pytest.mark.parametrize("name", SAID)
def test_a_configuration_takes_nothing_back(workspace: Workspace, name: str) -> None:
    workspace.write("pushpolicy.yaml", json.dumps(SAID[name][0]).replace("true", "false"))
    ran = workspace.push()
    assert ran.code == errors.EXIT_USAGE
    assert "immutable" in ran.complaint()


def test_where_only_the_registry_knows_it_is_41(workspace: Workspace) -> None:
    kind = replace(KINDS["ecr"], auth="none", creates=True)
    with fake_registry(KindRegistry(kind)) as registry:
        target = f"{registry.host}/team/app:edge"
        assert workspace.push(target=target).code == errors.EXIT_OK
        assert workspace.push(target=target).code == errors.EXIT_OK
        other = workspace.committed("new.txt", "other content")
        ran = other.push(target=target)
        assert ran.code == errors.EXIT_INCOMPLETE
        assert "the repository is immutable" in ran.complaint()
        assert f"not set: {target}" in ran.complaint()
        free = next(word for word in ran.hint().replace("(", "").split() if word.startswith("edge-"))
        assert other.push(target=target.replace(":edge", f":{free}")).code == errors.EXIT_OK


def test_the_report_says_what_held(workspace: Workspace, olareg: Registry) -> None:
    target = f"{olareg.host}/team/app:1.0.0"
    ran = workspace.push(
        "--tag", "1", "--tag", "1.0", "--format", "json", "--format", "text=t", target=target
    )
    assert ran.code == errors.EXIT_OK, ran.err
    assert ran.json["published"]["guarantee"] == "read-then-write"
    assert ran.json["published"]["together"] == ["1.0.0", "1", "1.0"]
    assert "guarantee:      read-then-write: " in (workspace.folder / "t").read_text()
