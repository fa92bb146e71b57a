"""What a record keeps, and where it goes, for each repository: trust.yaml says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workspace import Workspace


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "organisation"
    folder.mkdir()
    return folder


def options(policy: Path, trust: str) -> tuple[str, ...]:
    (policy / "trust.yaml").write_text(trust)
    return ("--policy", "pack", "--policy", str(policy))


def test_raw_reports_are_kept_by_repository(workspace: Workspace, policy: Path) -> None:
    """One target keeps digests only, the other all; both replay, and the redaction is said to be one."""
    given = options(policy, "raw: {'oci:shown': digest}\n")
    ran = workspace.push(*given, "--also", "oci:shown:1.0.0")
    assert ran.code == 0, ran.err
    for place, kept in (("oci:registry:1.0.0", True), ("oci:shown:1.0.0", False)):
        shown = workspace.run("audit", "show", place, "--format", "json").json
        titles = [each["annotations"]["org.opencontainers.image.title"] for each in shown["layers"]]
        assert any(title.startswith("reports/") for title in titles) == kept
        assert (shown["redacted"] == 0) == kept
        due = {each["sha256"] for each in shown["evidence"]["reports"]}
        assert shown["redacted"] in (0, len(due))
        text = workspace.run("audit", "show", place).out
        assert ("of which only digests were kept; the decision still replays" in text) != kept
        replayed = workspace.run("audit", "replay", place)
        assert replayed.code == 0, replayed.out
        assert replayed.out.startswith("reproduced")


def test_the_plain_word_is_for_all_and_the_command_line_does_not_contradict_it(
    workspace: Workspace, policy: Path
) -> None:
    given = options(policy, "raw: digest\n")
    assert workspace.push(*given).code == 0
    assert workspace.run("audit", "show", "oci:registry:1.0.0", "--format", "json").json["redacted"] > 0
    ran = workspace.push(*given, "--raw", "keep", target="oci:registry:2.0.0")
    assert (ran.code, "--raw says keep, and the trust.yaml of the policy digest" in ran.complaint()) == (
        2,
        True,
    )
    assert workspace.push(*given, "--raw", "digest", target="oci:registry:2.0.0").code == 0
    # What is said of other repositories contradicts nothing.
    other = options(policy, "raw: {'r.example/**': digest}\n")
    assert workspace.push(*other, "--raw", "keep", target="oci:registry:3.0.0").code == 0


def test_records_go_apart_by_repository(workspace: Workspace, policy: Path, tmp_path: Path) -> None:
    apart = f"oci:{tmp_path}/records"
    given = options(policy, f"records: {{'oci:registry': '{apart}'}}\n")
    ran = workspace.push(*given, "--also", "oci:other:1.0.0", "--format", "json")
    assert ran.code == 0, ran.err
    assert [each["published"].get("records") for each in ran.json["images"]] == [apart, None]
    assert workspace.run("audit", "show", "oci:registry:1.0.0", "--records", apart).code == 0
    assert workspace.run("audit", "show", "oci:other:1.0.0").code == 0
    two = options(policy, f"records: {{'oci:*': '{apart}', 'oci:registry': oci:another}}\n")
    ran = workspace.push(*two, target="oci:registry:2.0.0")
    assert (ran.code, "records of oci:registry go to two places" in ran.complaint()) == (30, True)
    assert not (workspace.folder / "another").exists()
