"""What is no file, and hostile configurations: one line with file and remedy, nothing pushed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pushpolicy import errors
from tests.hostile import DEEP, NO_FILES, YAML_BOMB, refused
from tests.workspace import IMAGE, TARGET, Workspace


@pytest.mark.parametrize("kind", ["tests", "extra.x"])
@pytest.mark.parametrize("arrange", NO_FILES.values(), ids=NO_FILES)
def test_report_that_is_no_file(workspace: Workspace, arrange: Callable[[Workspace], str], kind: str) -> None:
    name = arrange(workspace)
    refused(workspace, errors.EXIT_INPUT, "push", IMAGE, TARGET, "--evidence", f"{kind}={name}")


@pytest.mark.parametrize("arrange", NO_FILES.values(), ids=NO_FILES)
def test_evidence_that_is_no_file(workspace: Workspace, arrange: Callable[[Workspace], str]) -> None:
    refused(workspace, errors.EXIT_INPUT, "evaluate", arrange(workspace))


@pytest.mark.parametrize("arrange", NO_FILES.values(), ids=NO_FILES)
def test_configuration_that_is_no_file(workspace: Workspace, arrange: Callable[[Workspace], str]) -> None:
    refused(workspace, errors.EXIT_USAGE, "push", IMAGE, TARGET, "--config", arrange(workspace))


@pytest.mark.parametrize("arrange", NO_FILES.values(), ids=NO_FILES)
def test_image_that_is_no_file(workspace: Workspace, arrange: Callable[[Workspace], str]) -> None:
    name = arrange(workspace)
    if name == "image":
        name = "reports"
    for transport in ("oci:", "oci-archive:", ""):
        refused(workspace, errors.EXIT_INPUT, "push", transport + name, TARGET)


CONFIGURATIONS: dict[str, str | bytes] = {
    "YAML bomb": YAML_BOMB,
    "alias": "evidence: &a {}\nreports: *a\n",
    "duplicate key": "evidence: {}\nevidence: {}\n",
    "unknown key": "trust: {}\n",
    "engine": "engine: ./opa\n",
    "unknown kind": "reports: {test.unit: x}\n",
    "other type": "evidence: []\n",
    "no text": "reports: {tests: 1}\n",
    "a list": "- evidence\n",
    "a word": "evidence\n",
    "tag": "evidence: !!python/name:os.system\n",
    "invalid UTF-8": b"reports: {tests: \xff}\n",
    "tabs": "evidence:\n\ttests: [unit]\n",
    "deep": "[" * DEEP,
    "two documents": "{}\n---\n{}\n",
    "infinity": "reports: {tests: .inf}\n",
    "huge": "x" * 5_000_000,
    "zero byte": 'reports: {tests: "a\\0b"}\nreports: {}\n',
}


@pytest.mark.parametrize("content", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_configuration(workspace: Workspace, content: str | bytes) -> None:
    workspace.write("pushpolicy.yaml", content)
    complaint = refused(workspace, errors.EXIT_USAGE, "push", IMAGE, TARGET)
    assert complaint.startswith("pushpolicy.yaml:")


def test_configuration_may_not_loosen(workspace: Workspace) -> None:
    workspace.write("pushpolicy.yaml", "settings: {scan_severity: {ignore_unfixed: true}}\n")
    complaint = refused(workspace, errors.EXIT_POLICY, "push", IMAGE, TARGET)
    assert complaint.startswith("pushpolicy.yaml:")


@pytest.mark.parametrize(
    "where", ["/etc/hostname", "../victim.json", "link.json", "lin*.json", "/**/*", "in/../../x"]
)
@pytest.mark.parametrize("kind", ["extra.x", "tests"])
def test_configuration_names_files_of_the_checkout_only(workspace: Workspace, kind: str, where: str) -> None:
    """What is read is stored with the record, and the configuration comes with the checkout."""
    victim = workspace.folder.parent / "victim.json"
    victim.write_text('{"auths": {"other.example": {"auth": "c2VjcmV0"}}}')
    workspace.path("link.json").symlink_to(victim)
    workspace.write("pushpolicy.yaml", json.dumps({"reports": {kind: where}}))
    if kind == "tests" or "*" not in where:
        complaint = refused(workspace, errors.EXIT_USAGE, "push", IMAGE, TARGET)
        assert complaint.startswith("pushpolicy.yaml: reports: ")
    workspace.write("pushpolicy.yaml", "{}")
    assert workspace.run("check", IMAGE, TARGET, "--evidence", f"extra.x={victim}").code == errors.EXIT_OK
