"""A denial is recorded elsewhere than in the target: by digest, by a tag of its own, and as a DENY."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep

import jsonschema

from pushpolicy.cli.schema import read_schema
from pushpolicy.model.digest import Digest
from pushpolicy.records.format import ARTIFACT_TYPE, STATEMENT_TYPE
from pushpolicy.signing.dsse import read_envelope
from tests.clients import client
from tests.fake_registry import fake_registry
from tests.faults.honest import Honest
from tests.keys import entry, key
from tests.registries import Registry
from tests.workspace import Workspace, fail_a_test


def test_the_whole_way(workspace: Workspace, any_registry: Registry) -> None:
    """Denied and recorded; listed, shown and replayed; the target and the image are nowhere."""
    place, apart = f"{any_registry.host}/team/app", f"{any_registry.host}/audit/denials"
    fail_a_test(workspace)
    ran = workspace.push("--denials", apart, "--format", "json", target=f"{place}:1.0")
    assert ran.code == 10, ran.err
    kept = ran.json["denial"]
    assert kept["records"] == apart
    records = client(any_registry, "audit/denials")
    named, image = records.resolve(kept["tag"]), Digest.parse(ran.json["image"]["digest"])
    assert named
    assert (named.artifact_type, str(named.digest)) == (ARTIFACT_TYPE, kept["record"])
    assert [str(each.digest) for each in records.referrers(image, ARTIFACT_TYPE)] == [kept["record"]]
    assert records.manifest(image) is None
    assert client(any_registry).tags() == ()
    assert client(any_registry).manifest(image) is None
    options = ("--records", apart)
    for reference, given in (
        (place, options),
        (f"{place}:1.0", options),
        (f"{place}@{image}", options),
        (apart, ()),
    ):
        listed = workspace.run("audit", "list", reference, *given, "--format", "json")
        assert listed.code == 0, (reference, listed.err)
        assert [each["digest"] for each in listed.json["records"]] == [kept["record"]], reference
        assert listed.json["records"][0]["decision"]["verdict"] == "DENY"
    shown = workspace.run("audit", "show", f"{place}@{kept['record']}", *options)
    assert (shown.code, shown.out.startswith(f"DENY {place}:1.0@{image}: ")) == (0, True)
    replayed = workspace.run("audit", "replay", f"{place}@{kept['record']}", *options)
    assert (replayed.code, replayed.out.startswith("reproduced")) == (0, True)
    other = workspace.run("audit", "list", f"{place}:2.0", *options)
    assert (other.code, other.complaint().startswith("there is no ")) == (51, True)


def test_a_layout_by_the_policy_of_the_command_line(workspace: Workspace, tmp_path: Path) -> None:
    policy = tmp_path / "organisation"
    policy.mkdir()
    (policy / "trust.yaml").write_text(f"denials: 'oci:{tmp_path}/denials'\n")
    options = ("--policy", "pack", "--policy", str(policy))
    assert workspace.push(*options, "--dry-run").code == 0
    fail_a_test(workspace)
    checked = workspace.run("check", "oci:image", "oci:registry:1.0.0", *options)
    assert (checked.code, "leaves no trace" in checked.out) == (10, False)
    assert not (tmp_path / "denials").exists()
    ran = workspace.push(*options)
    assert ran.code == 10, ran.err
    (again,) = (line for line in ran.out.splitlines() if line.startswith("look again:"))
    shown = workspace.shell(again.removeprefix("look again:").strip())
    assert shown.code == 0, shown.err
    assert shown.out.startswith("DENY oci:registry:1.0.0@")
    assert not workspace.published
    other = workspace.push(*options, "--denials", "oci:elsewhere")
    assert (other.code, "and the trust.yaml of the policy" in other.complaint()) == (2, True)


def test_denials_and_records_can_share_a_repository(workspace: Workspace) -> None:
    """A denial of what was pushed is the newest decision about it, and no link of the chain of pushes."""
    apart = ("--records", "oci:audit")
    first = workspace.push(*apart, "--format", "json")
    report = (workspace.folder / "reports/junit.xml").read_text()
    fail_a_test(workspace)
    denied = workspace.push(*apart, "--denials", "oci:audit", "--format", "json")
    assert denied.code == 10, denied.err
    listed = workspace.run("audit", "list", "oci:registry:1.0.0", *apart, "--format", "json")
    found = {each["digest"]: each["decision"]["verdict"] for each in listed.json["records"]}
    assert found == {first.json["published"]["record"]: "ALLOW", denied.json["denial"]["record"]: "DENY"}
    workspace.write("reports/junit.xml", report)
    again = workspace.push(*apart, "--format", "json")
    assert again.code == 0, again.err
    assert not any("ignored" in note for note in again.json.get("notes", ()))
    record = f"oci:registry@{again.json['published']['record']}"
    shown = workspace.run("audit", "show", record, *apart, "--format", "json")
    assert shown.json["previous"] == {"1.0.0": first.json["published"]["record"]}


def test_a_denial_counts_while_it_is_newer_than_what_was_allowed(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Of the same repository and image, whatever tag it was denied for; and signed by a listed key."""
    place = workspace.with_variables(PUSHPOLICY_SIGNING_KEY=key().private_pem().decode())
    trust = tmp_path / "trust.yaml"
    trust.write_text(json.dumps({"keys": {"ci": entry()}}))
    policy = ("--policy", "pack:tests_passed")
    where = ("--denials", "oci:denials")

    def verified(*options: str) -> tuple[int, list[dict[str, object]]]:
        command = ("audit", "verify", "oci:registry:1.0.0", "--trust", str(trust), "--format", "json")
        ran = place.run(*command, *options)
        return ran.code, [each for each in ran.json["checks"] if each["name"] == "denied"]

    assert place.push(*policy).code == 0
    assert verified() == (0, [])
    report = (place.folder / "reports/junit.xml").read_text()
    fail_a_test(place)
    # Denied for another repository, by nobody's key, and for another tag: only the last counts.
    assert place.push(*policy, *where, target="oci:other:1.0.0").code == 10
    assert workspace.push(*policy, *where, target="oci:registry:1.0.0").code == 10
    code, checks = verified(*where)
    assert (code, [check["result"] for check in checks]) == (0, ["not checked", "ok"]), checks
    denied = place.push(*policy, *where, "--format", "json", target="oci:registry:2.0.0")
    code, (check,) = verified(*where)
    assert (code, check["result"]) == (51, "failed")
    assert str(check["says"]).startswith("denied since, at ")
    assert denied.json["denial"]["record"] in str(check["says"])
    # Without the option nobody looks there.
    assert verified()[0] == 0
    place.write("reports/junit.xml", report)
    sleep(1.1)
    assert place.push(*policy).code == 0
    assert verified(*where)[0] == 0
    assert (
        place.run("audit", "verify", "oci:registry:1.0.0", "--trust", str(trust), "--denials", "oci:x").code
        == 20
    )


def test_its_report_is_a_decision_like_any_other(workspace: Workspace) -> None:
    """All that is said beside a decision is known to whoever reads one."""
    fail_a_test(workspace)
    assert workspace.push("--denials", "oci:denials", "--format", "json=a.json").code == 10
    assert workspace.push("--format", "json=b.json").code == 10
    assert "denial" in json.loads((workspace.folder / "a.json").read_text())
    ran = workspace.run("policy", "diff", "a.json", "b.json")
    assert (ran.code, ran.out) == (0, "nothing differs\n"), ran.err


def test_without_a_place_it_is_said_that_nothing_stays(workspace: Workspace) -> None:
    fail_a_test(workspace)
    ran = workspace.push("--format", "json", "--format", "text=report.txt")
    assert ran.code == 10
    (note,) = (each for each in ran.json["notes"] if "leaves no trace" in each)
    assert "--denials REPOSITORY" in note
    assert "denial" not in ran.json
    text = (workspace.folder / "report.txt").read_text()
    assert text.count(note) == 1


def test_the_target_is_never_written_to(workspace: Workspace, olareg: Registry) -> None:
    """Whatever name it has: a folder by a link or by its whole path, a host by other letters."""
    (workspace.folder / "link").symlink_to("registry")
    fail_a_test(workspace)
    for name in ("oci:registry", "oci:./registry", f"oci:{workspace.folder}/registry", "oci:link"):
        ran = workspace.push("--denials", name)
        assert (ran.code, "is not written to without ALLOW" in ran.complaint()) == (2, True), name
    assert not workspace.published
    host = olareg.host.replace("127.0.0.1", "localhost")
    ran = workspace.push("--denials", f"{host.upper()}/team/app", target=f"{host}/team/app:1.0")
    assert (ran.code, "is not written to without ALLOW" in ran.complaint()) == (2, True)
    ran = workspace.push("--denials", "oci:b", "--also", "oci:b:1")
    assert ran.code == 2
    assert workspace.push("--denials", "https://x").code == 2


def test_a_denial_that_is_lost_is_loud_and_stays_one(workspace: Workspace) -> None:
    workspace.write("full", "not a folder")
    fail_a_test(workspace)
    ran = workspace.push("--denials", "oci:full", "--format", "json", "--quiet")
    assert ran.code == 10
    assert ran.complaint().startswith("a denial could not be recorded, and leaves no trace: oci:full: ")
    assert any("it could not be recorded" in note for note in ran.json["notes"])
    assert not workspace.published
    # Nor is a key that cannot be read another answer than the denial.
    ran = workspace.push("--denials", "oci:denials", "--key", "absent.key")
    assert ran.code == 10
    assert "the key" in ran.complaint() or "absent.key" in ran.complaint()
    assert not (workspace.folder / "denials").exists()


def test_what_is_given_by_hand_is_not_shown_to_another_registry(workspace: Workspace) -> None:
    """Nor is a denial lost for it: files have the credential of its registry, or it needs none."""
    place = workspace.with_variables(PUSHPOLICY_USERNAME="ci", PUSHPOLICY_PASSWORD="never-to-be-seen")
    fail_a_test(place)
    with fake_registry(Honest()) as one, fake_registry(Honest()) as other:
        ran = place.push("--denials", f"{other.host}/audit/denials", target=f"{one.host}/team/app:1.0")
        assert ran.code == 10, ran.err
        assert {asked.method for asked in one.asked} <= {"GET", "HEAD"}
        assert any(asked.method == "PUT" for asked in other.asked)
        for asked in other.asked:
            assert "Authorization" not in asked.headers


def test_what_is_signed_about_a_denial_is_no_bundle(workspace: Workspace, olareg: Registry) -> None:
    place = workspace.with_variables(PUSHPOLICY_SIGNING_KEY=key().private_pem().decode())
    fail_a_test(place)
    options = ("--denials", f"{olareg.host}/audit/denials", "--statement", "svr")
    ran = place.push(*options, "--format", "json")
    assert ran.code == 10, ran.err
    jsonschema.Draft7Validator(json.loads(read_schema("decision"))).validate(ran.json)
    kept = ran.json["denial"]
    assert kept["signature"]["approval"] is False
    records = client(olareg, "audit/denials")
    assert records.tags() == (kept["tag"], f"{kept['tag']}.1")
    statement = records.resolve(f"{kept['tag']}.1")
    assert statement
    assert statement.artifact_type == STATEMENT_TYPE
    (layer,) = statement.layers
    envelope = read_envelope(b"".join(records.read_blob(layer)))
    assert envelope.payload_type == "application/vnd.pushpolicy.denial+json"
    assert b'"verdict":"DENY"' in envelope.payload
    assert kept["record"].encode() in envelope.payload


def test_of_several_images_those_are_recorded_that_are_denied(workspace: Workspace) -> None:
    """One target is denied for its name; the other is allowed, not pushed, and not a denial."""
    workspace.write("../own/settings.yaml", "registries_allowed: {allowed: [oci/registry]}\n")
    options = (
        "--policy",
        "pack",
        "--policy",
        "pack:registries_allowed",
        "--policy",
        str(workspace.folder / "../own"),
    )
    ran = workspace.push(
        *options, "--also", "oci:other:1.0.0", "--denials", "oci:denials", "--format", "json"
    )
    assert ran.code == 10, ran.out
    one, other = ran.json["images"]
    assert ("denial" in one, "denial" in other) == (False, True), ran.out
    assert not workspace.published
    listed = workspace.run("audit", "list", "oci:denials", "--format", "json")
    assert [each["decision"]["image"]["repository"] for each in listed.json["records"]] == ["other"]
