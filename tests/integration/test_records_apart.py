"""Records in a repository of their own, for registries that keep none beside the image."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pushpolicy.model.reference import Repository
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry import Access, open_repository
from tests.clients import client
from tests.fake_registry import Answered, Asked, fake_registry
from tests.faults.honest import Honest
from tests.layouts import of_bytes
from tests.registries import Registry
from tests.workspace import IMAGE, Ran, Workspace


def _listed(ran: Ran) -> list[tuple[str, str]]:
    assert ran.code in (0, 51), ran.err
    return [(each["digest"], each["decision"]["image"]["repository"]) for each in ran.json["records"]]


def test_the_whole_way(workspace: Workspace, any_registry: Registry) -> None:
    """Pushed twice, listed, shown and replayed: nothing of it lies beside the image."""
    place, apart = f"{any_registry.host}/team/app", f"{any_registry.host}/audit/records"
    options = ("--records", apart)
    first = workspace.push(*options, target=f"{place}:1.0", image=IMAGE)
    assert first.code == 0, first.err
    assert f" in {apart}" in first.out
    assert f"pushpolicy audit show {place}:1.0 --records {apart}" in first.out
    again = workspace.push(*options, "--format", "json", target=f"{place}:1.0")
    assert again.json["published"]["records"] == apart
    image = client(any_registry).resolve("1.0")
    assert image
    assert client(any_registry).referrers(image.digest) == ()
    records = client(any_registry, "audit/records")
    assert len(records.referrers(image.digest, ARTIFACT_TYPE)) == 2
    # The image is not there, and needs not be.
    assert records.manifest(image.digest) is None
    assert workspace.run("audit", "show", f"{place}:1.0", *options).code == 0
    # By its digest: both may be of one second.
    second = f"{place}@{again.json['published']['record']}"
    shown = workspace.run("audit", "show", second, *options, "--format", "json")
    assert shown.code == 0, shown.err
    assert list(shown.json["previous"]) == ["1.0"]
    listed = workspace.run("audit", "list", place, *options, "--format", "json")
    assert len(_listed(listed)) == 2
    assert workspace.run("audit", "replay", place, *options).code == 0
    alone = workspace.run("audit", "show", f"{place}:1.0")
    assert (alone.code, alone.complaint()) == (51, f"{place}:1.0 has no record")


def test_one_digest_in_two_repositories_stays_apart(workspace: Workspace, olareg: Registry) -> None:
    """What is found is what was decided about this repository, not what has the digest."""
    apart = f"{olareg.host}/audit/records"
    for name in ("a", "b"):
        ran = workspace.push("--records", apart, "--format", "json", target=f"{olareg.host}/team/{name}:1.0")
        assert ran.code == 0, ran.err
    for name in ("a", "b"):
        place = f"{olareg.host}/team/{name}"
        listed = workspace.run("audit", "list", place, "--records", apart, "--format", "json")
        assert [where for _, where in _listed(listed)] == [f"team/{name}"]
        shown = workspace.run("audit", "show", f"{place}:1.0", "--records", apart, "--format", "json")
        assert shown.code == 0, shown.err
        assert shown.json["previous"] == {}  # the chain of one is not the other's
        workspace.push("--records", apart, target=f"{place}:2.0")
    # Of a repository that only has the digest, nothing is known.
    source, other = client(olareg, "team/a"), client(olareg, "team/c")
    image = source.resolve("1.0")
    assert image
    for blob in filter(None, (image.config, *image.layers)):
        content = b"".join(source.read_blob(blob))
        other.put_blob(blob, of_bytes(content))
    other.put_manifest(image, "1.0")
    shown = workspace.run("audit", "show", f"{olareg.host}/team/c:1.0", "--records", apart)
    assert (shown.code, shown.complaint()) == (51, f"{olareg.host}/team/c:1.0 has no record")
    everything = workspace.run("audit", "list", apart, "--format", "json")
    assert everything.code in (0, 51)


def test_the_policy_of_the_command_line_says_where(workspace: Workspace, tmp_path: Path) -> None:
    policy = tmp_path / "organisation"
    policy.mkdir()
    (policy / "trust.yaml").write_text(f"records: 'oci:{tmp_path}/records'\n")
    options = ("--policy", "pack", "--policy", str(policy))
    ran = workspace.push(*options, "--format", "json")
    assert ran.code == 0, ran.err
    assert ran.json["published"]["records"] == f"oci:{tmp_path}/records"
    shown = workspace.run("audit", "show", "oci:registry:1.0.0", "--records", f"oci:{tmp_path}/records")
    assert shown.code == 0, shown.err
    other = workspace.push(*options, "--records", "oci:elsewhere")
    assert (other.code, "and the trust.yaml of the policy" in other.complaint()) == (2, True)
    assert not (workspace.folder / "elsewhere").exists()


def test_the_checkout_does_not_say_where(workspace: Workspace) -> None:
    """pushpolicy.yaml has no such key, and a trust.yaml in the checkout is refused."""
    place = workspace.committed("pushpolicy.yaml", "records: oci:mine\n")
    assert place.push().code == 2
    place = workspace.committed("pushpolicy.yaml", "policies: [policy]\n")
    place = place.committed("policy/trust.yaml", "records: oci:mine\n")
    assert place.push().code in (2, 30)
    assert not (workspace.folder / "mine").exists()


@pytest.mark.parametrize("status", [400, 405, 415])
def test_a_registry_that_takes_known_artifact_types_only(workspace: Workspace, status: int) -> None:
    said = json.dumps({"errors": [{"code": "MANIFEST_INVALID", "message": "unknown artifact type"}]}).encode()

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        if asked.method == "PUT" and b"vnd.pushpolicy.record" in asked.body:
            return Answered(status=status, body=said)
        return honest(asked)

    honest = Honest(lie=lie)
    with fake_registry(honest) as registry:
        target = f"{registry.host}/team/app:1.0"
        ran = workspace.push(target=target)
        assert (ran.code, "unknown artifact type" in ran.complaint()) == (41, True)
        assert "--records REPOSITORY" in ran.hint()
        assert honest.tags == {}
        assert workspace.push("--records", "oci:records", target=target).code == 0
    assert list(honest.tags) == ["1.0"]


def test_a_registry_that_lets_no_tag_be_moved_and_has_no_api(workspace: Workspace) -> None:
    """The second record needs the list, which is a tag; the advice is not about the image's tag."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        if "/referrers/" in asked.path:
            return Answered(status=404)
        tag = asked.path.rpartition("/manifests/")[2]
        if asked.method == "PUT" and tag in told.tags:
            return Answered(status=400, body=b'{"errors": [{"code": "TAG_INVALID", "message": "immutable"}]}')
        answer = honest(asked)
        return Answered(status=answer.status, headers={}, body=b"") if asked.method == "PUT" else answer

    told = Honest(lie=lie)
    with fake_registry(told) as registry:
        assert workspace.push(target=f"{registry.host}/team/app:1.0").code == 0
        ran = workspace.push(target=f"{registry.host}/team/app:2.0")
        assert (ran.code, "attaching the record failed" in ran.complaint()) == (41, True)
        assert "--records REPOSITORY" in ran.hint()
        ran = workspace.push("--records", "oci:records", target=f"{registry.host}/team/app:2.0")
        assert ran.code == 0, ran.err


def test_one_password_is_not_shown_to_two_registries(workspace: Workspace) -> None:
    place = workspace.with_variables(PUSHPOLICY_USERNAME="ci", PUSHPOLICY_PASSWORD="never-to-be-seen")
    with fake_registry(lambda _: Answered(status=404)) as one, fake_registry(Honest()) as other:
        ran = place.push("--records", f"{other.host}/audit/records", target=f"{one.host}/team/app:1.0")
        assert (ran.code, "two registries" in ran.complaint()) == (2, True)
        assert (one.asked, other.asked) == ([], [])


def test_the_password_of_the_records_registry_is_judged_too(workspace: Workspace) -> None:
    """A password that stands in the repository is denied, though the target needs none."""
    auth = base64.b64encode(b"ci:literal-password-of-the-records").decode()
    with fake_registry(Honest()) as registry:
        config = json.dumps({"auths": {registry.host: {"auth": auth}}})
        home = workspace.folder.parent / "docker"
        home.mkdir()
        (home / "config.json").write_text(config)
        place = workspace.with_variables(DOCKER_CONFIG=str(home))
        allowed = place.push("--records", f"{registry.host}/audit/records")
        assert allowed.code == 0, allowed.err
        written = place.committed("ci.yml", "password: literal-password-of-the-records\n")
        target = "oci:registry:1.0.1"
        denied = written.push("--records", f"{registry.host}/audit/records", target=target)
        assert denied.code == 10, denied.err
        assert "the credential for the records in" in denied.out
        assert written.push(target=target).code == 0


def test_no_credential_for_a_registry_elsewhere_is_denied(workspace: Workspace, olareg: Registry) -> None:
    """That a registry of this machine needs none says nothing of the records' one."""
    target = f"{olareg.host}/team/app:1.0"
    assert workspace.push(target=target).code == 0
    ran = workspace.push("--records", "audit.example.com/x/y", target=f"{target}.1")
    assert ran.code == 10, ran.err
    assert "the credential for the records in audit.example.com is of source anonymous" in ran.out


def test_no_tag_is_moved_where_the_record_is_not_taken(workspace: Workspace) -> None:
    honest = Honest()
    refuses = Honest(lie=lambda asked, told: Answered(status=403) if asked.method == "PUT" else told(asked))
    with fake_registry(honest) as registry, fake_registry(refuses) as other:
        ran = workspace.push("--records", f"{other.host}/r", target=f"{registry.host}/team/app:1.0")
        assert ran.code == 41, ran.err
        assert honest.tags == {}


def test_what_is_no_repository_is_said(workspace: Workspace) -> None:
    for text in ("https://x/y", "oci:"):
        for command in (("push", IMAGE, "oci:registry:1.0.0"), ("audit", "list", "oci:image")):
            ran = workspace.run(*command, "--records", text)
            assert (ran.code, ran.complaint().startswith("--records: ")) == (2, True)
    ran = workspace.run("audit", "list", "oci:image", "--records", "oci:absent")
    assert ran.code == 20


def test_a_layout_of_records(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.push("--records", "oci:records").code == 0
    records = open_repository(Repository.parse(f"oci:{workspace.folder}/records"), Access())
    assert records.tags() == ()
    assert len(records.subjects()) == 1
