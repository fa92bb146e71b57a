"""Approvals of waivers: which count, in OPA's answer and in the floor alike, and why each other does not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import evaluate, load_policy
from pushpolicy.evaluate.answer import decision_of
from pushpolicy.evaluate.approvals import statement
from pushpolicy.evaluate.conftest import Conftest
from pushpolicy.evaluate.data import WAIVERS_PATH
from pushpolicy.evaluate.margins.moments import moments
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.told import ContradictionError
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision
from pushpolicy.model.document import Document
from pushpolicy.records.floor import author_of, objections
from tests import ssh
from tests.keys import key
from tests.policies import example, rule, write_policy
from tests.programs import installed
from tests.workspace import Ran, Workspace

RULE = rule("r", 'deny contains {"at": {"id": "CVE-1"}, "msg": "bad"} if input.image.size > 1')
PLACE = "registry.example.com/shop/web"
WAIVER = {
    "rule": "r",
    "id": "CVE-1",
    "reason": "not reachable",
    "approver": "dana",
    "repository": PLACE,
    "expires": "2026-03-31T00:00:00Z",
}
KINDS = {"alice": "ed25519", "bob": "ecdsa", "carol": "rsa"}
QUORUM = {"policy": "acme", "rules": {"*": 2}}
AUTHOR = "mallory"
Changes = dict[str, Any]


def private(name: str) -> Any:
    return ssh.key(name, KINDS.get(name, "ed25519"))


def approvers(**changes: Any) -> dict[str, Any]:
    return {name: {"key": ssh.line(private(name))} | changes.get(name, {}) for name in (*KINDS, AUTHOR)}


def policy(folder: Path, opa: Path, **given: Any) -> PolicySet:
    """A set with one rule and one waiver; `given` replaces what it is made of."""
    trust = {"approvers": given.get("approvers", approvers()), "quorum": given.get("quorum", QUORUM)}
    write_policy(
        folder,
        {"r": given.get("text", RULE)},
        trust=json.dumps(trust),
        waivers=json.dumps({"waivers": given.get("waivers", [given.get("waiver", WAIVER)])}),
    )
    return load_policy([str(folder)], LocalOpa(opa))


def document(**ci: Any) -> Document:
    value = example()
    value["ci"] = {
        **value["ci"],
        "actor": AUTHOR,
        "trust": {**value["ci"]["trust"], "actor": "verified"},
        **ci,
    }
    return Document.of(value)


def approval(name: str, content: bytes, **changes: Any) -> dict[str, str]:
    signer = changes.pop("signer", private(name))
    return {"principal": name, "signature": ssh.signed(signer, content, **changes)}


@pytest.fixture
def content(tmp_path: Path, opa: Path) -> bytes:
    """What approves the waiver when it is signed."""
    loaded = policy(tmp_path / "first", opa)
    return statement(loaded.waivers[0], loaded.files)


Case = Callable[[bytes], Changes]
Row = tuple[Case, str]


def second(name: str = "bob", **changes: Any) -> Case:
    """Alice approves as she should, and then somebody as they should not."""
    return lambda content: {"approvals": [approval("alice", content), approval(name, content, **changes)]}


def both(content: bytes) -> list[dict[str, str]]:
    return [approval("alice", content), approval("bob", content)]


def edited(**fields: str) -> Case:
    return lambda content: {"waiver": {**WAIVER, **fields}, "approvals": both(content)}


def listed(**changes: Any) -> Case:
    return lambda content: {"approvers": approvers(**changes), "approvals": both(content)}


def with_flipped(content: bytes) -> Changes:
    signature = bytearray(ssh.dearmored(ssh.signed(private("bob"), content)))
    signature[-1] ^= 1
    other = {"principal": "bob", "signature": ssh.armored(bytes(signature))}
    return {"approvals": [approval("alice", content), other]}


def twice(content: bytes) -> Changes:
    armor = ssh.signed(private("bob"), content)
    return {"approvals": [approval("alice", content), {"principal": "bob", "signature": armor + armor}]}


def of(**fields: Any) -> Case:
    """Both sign a statement that says something else than the policy's."""

    def made(content: bytes) -> Changes:
        return {"approvals": both(canonical.encode({**canonical.decode(content), **fields}))}

    return made


def by(actor: Any, trust: str = "verified", status: str = "collected") -> Case:
    ci = {"actor": actor, "trust": {**example()["ci"]["trust"], "actor": trust}, "status": status}
    return lambda content: {"approvals": both(content), "ci": ci}


NOT_OF_THIS = "0 of 2 approvals: not alice: the signature is not of this waiver"
FORGED: dict[str, Row] = {
    "none": (lambda _: {}, "0 of 2 approvals: none is there"),
    "one": (lambda content: {"approvals": both(content)[:1]}, "1 of 2 approvals: alice"),
    "another namespace": (second(namespace="file"), "for the namespace file, not waiver@pushpolicy"),
    "git's namespace": (second(namespace="git"), "for the namespace git"),
    "a hash of SHA-1": (second(hash="sha1"), "of the kind sha1, not sha256 or sha512"),
    "a signature of SHA-1": (
        second("carol", algorithm="ssh-rsa"),
        "made with ssh-rsa, not with rsa-sha2-512",
    ),
    "1024 bits": (second("carol", signer=ssh.key("small", "rsa", 1024)), "an RSA key of 1024 bits"),
    "a certificate": (
        second(public=ssh.string("ssh-ed25519-cert-v01@openssh.com")),
        "not bob: the signature is of a certificate",
    ),
    "a hardware key": (second(public=ssh.string("sk-ssh-ed25519@openssh.com")), "of a hardware key"),
    "bytes after it": (second(after=b"\0"), "has 1 bytes more than belong to it"),
    "another magic": (second(magic=b"SSHSIH"), "does not begin with SSHSIG"),
    "another version": (second(version=2), "is of version 2"),
    "two signatures in one": (twice, "holds more than one signature"),
    "a bit is flipped": (with_flipped, "not bob: the signature"),
    "alice approves twice": (second("alice"), "1 of 2 approvals: alice; not alice: counts once"),
    "alice signs as bob": (second(signer=private("alice")), "of alice"),
    "a key that nobody has": (second(signer=ssh.key("stranger")), "of nobody listed"),
    "a key claims to be bob's": (
        second(signer=ssh.key("stranger", "ecdsa"), public=ssh.blob(private("bob"))),
        "is not of this waiver",
    ),
    "a principal that is not listed": (second("eve"), "not eve: no approver is listed by this name"),
    "a pattern for principals": (
        lambda content: {"approvals": [*both(content)[:1], approval("*", content, signer=private("bob"))]},
        "not *: no approver is listed by this name",
    ),
    "a principal in other letters": (second("Bob", signer=private("bob")), "not Bob: no approver is listed"),
    "the author": (second(AUTHOR), "not mallory: set off this run"),
    "the author in other letters": (by("ALICE"), "1 of 2 approvals: bob; not alice: set off this run"),
    "an author that variables name": (
        by(AUTHOR, "asserted"),
        "no identity token proves who set off this run",
    ),
    "an author that may be another's": (by(AUTHOR, "replayable"), "no identity token proves"),
    "no author": (by(""), "no identity token proves who set off this run"),
    "a key that is over": (
        listed(bob={"not_after": "2026-03-02T10:00:00Z"}),
        "not bob: the key counted until",
    ),
    "a key of the future": (
        listed(bob={"not_before": "2026-03-02T10:00:01Z"}),
        "not bob: the key counts from",
    ),
    "a revoked key": (listed(bob={"revoked": True}), "not bob: the key is revoked, which voids all"),
    "a key that was replaced": (listed(bob={"key": ssh.line(ssh.key("new"))}), "of nobody listed"),
    "another end": (edited(expires="2026-04-15T00:00:00Z"), NOT_OF_THIS),
    "another reason": (edited(reason="as before"), NOT_OF_THIS),
    "a field more": (edited(ticket="SEC-1"), NOT_OF_THIS),
    "another repository": (edited(repository="registry.example.com/shop/other"), NOT_OF_THIS),
    "another finding": (edited(id="CVE-2"), NOT_OF_THIS),
    "every repository": (edited(repository="registry.example.com/**"), "its repository has to be one"),
    "no repository": (
        lambda content: {
            "waiver": {key: value for key, value in WAIVER.items() if key != "repository"},
            "approvals": both(content),
        },
        "its repository has to be one",
    ),
    "another text of the rule": (
        lambda content: {"text": RULE.replace("> 1", "> 0"), "approvals": both(content)},
        NOT_OF_THIS,
    ),
    "another policy": (
        lambda content: {"quorum": {**QUORUM, "policy": "other"}, "approvals": both(content)},
        NOT_OF_THIS,
    ),
    "signed for another rule": (of(rule="sha256:" + "0" * 64), NOT_OF_THIS),
    "signed for another registry": (of(registry="other.example"), NOT_OF_THIS),
    "signed as something else": (of(schema="pushpolicy.waiver/v2"), NOT_OF_THIS),
    "signed as the rule alone asks for more": (
        lambda content: {"quorum": {**QUORUM, "rules": {"*": 1, "r": 3}}, "approvals": both(content)},
        "2 of 3 approvals: alice, bob",
    ),
}


def decided(folder: Path, opa: Path, content: bytes, case: Case) -> tuple[PolicySet, Document, Decision]:
    given = case(content)
    waiver = {**given.pop("waiver", WAIVER)}
    waiver |= {"approvals": found} if (found := given.pop("approvals", None)) else {}
    evidence = document(**given.pop("ci", {}))
    loaded = policy(folder, opa, waiver=waiver, **given)
    return loaded, evidence, evaluate(loaded, evidence, LocalOpa(opa))


@pytest.mark.parametrize("kinds", [("alice", "bob"), ("bob", "carol"), ("carol", "alice", "bob")])
def test_enough_approvals_waive(kinds: tuple[str, ...], tmp_path: Path, opa: Path, content: bytes) -> None:
    """What every row below is but for one thing."""

    def case(content: bytes) -> Changes:
        return {"approvals": [approval(name, content) for name in kinds]}

    _, _, decision = decided(tmp_path / "second", opa, content, case)
    assert decision.allowed
    assert [use.state for use in decision.waivers] == ["used"]


@pytest.mark.parametrize("name", FORGED)
def test_what_is_no_approval_does_not_count_and_it_is_said_why(
    name: str, tmp_path: Path, opa: Path, content: bytes
) -> None:
    case, reason = FORGED[name]
    loaded, evidence, decision = decided(tmp_path / "second", opa, content, case)
    assert not decision.allowed
    (use,) = decision.waivers
    assert use.state == "refused"
    assert use.reason is not None
    assert reason in use.reason
    # The floor finds the same without Rego.
    denials = {"r": [{"at": {"id": "CVE-1"}, "msg": "bad"}]}
    assert list(objections(evidence.value, loaded.grounds, denials)) == [
        "r: 1 findings stand, the first is CVE-1"
    ]


def test_what_a_set_says_of_approvals_is_computed_again(tmp_path: Path, opa: Path, content: bytes) -> None:
    """As of a record: whoever can write one could write that a waiver is approved."""
    loaded, _, decision = decided(
        tmp_path / "second", opa, content, lambda content: {"approvals": both(content)[:1]}
    )
    forged = canonical.decode(loaded.files[WAIVERS_PATH])
    for quorum in (
        {"needs": 2, "approved": [{"principal": "alice"}, {"principal": "bob"}]},
        {"needs": 1, "approved": [{"principal": "alice"}]},
        {"needs": 2, "approved": []},
        None,
        False,
    ):
        forged["waivers"][0]["quorum"] = quorum
        with pytest.raises(PolicyError, match="approvals"):
            PolicySet.of({**loaded.files, WAIVERS_PATH: canonical.encode(forged)}, "record")
    del forged["waivers"][0]["quorum"]
    with pytest.raises(PolicyError, match="approvals"):
        PolicySet.of({**loaded.files, WAIVERS_PATH: canonical.encode(forged)}, "record")
    assert PolicySet.from_bundle(loaded.bundle()).waivers == loaded.waivers
    assert not decision.allowed


def test_a_server_that_lies_is_held_against_the_floor(tmp_path: Path, opa: Path, content: bytes) -> None:
    loaded, evidence, decision = decided(tmp_path / "second", opa, content, lambda _: {})
    finding = {"rule": "r", "id": "CVE-1", "msg": "bad", "at": {"id": "CVE-1"}}
    lie: Mapping[str, Any] = {
        "allow": True,
        "observed": False,
        "rules": [{"name": "r", "status": "waived"}],
        "violations": [],
        "warnings": [],
        "waived": [{**finding, "waiver": 0}],
        "waivers": [{"waiver": 0, "state": "used"}],
        "rollouts": [],
        "denials": {"r": [{"at": {"id": "CVE-1"}, "msg": "bad"}]},
    }
    with pytest.raises(ContradictionError, match="1 findings stand"):
        decision_of(lie, loaded, evidence, decision.engine)


def test_without_a_quorum_nothing_changes(tmp_path: Path, opa: Path) -> None:
    loaded = policy(tmp_path, opa, quorum={"policy": "acme", "rules": {"r": 0, "*": 2}})
    assert "quorum" not in loaded.waivers[0]
    assert evaluate(loaded, document(trust={}), LocalOpa(opa)).allowed


def test_the_author_is_who_a_verified_token_names() -> None:
    assert author_of(document(actor="Mallory").value) == "mallory"
    assert author_of(document(status="failed").value) is None
    assert author_of(document(trust={"actor": "asserted"}).value) is None


def test_a_waiver_is_approved_as_the_documentation_says(workspace: Workspace) -> None:
    """With real keys: what is printed is signed, and the signature printed as it belongs into the file."""
    above, program = workspace.folder.parent, installed("ssh-keygen", "openssh-client")
    for name in ("alice", "bob"):
        subprocess.run([program, "-q", "-N", "", "-t", "ed25519", "-f", above / name], check=True)
    keys = {name: {"key": (above / f"{name}.pub").read_text()} for name in ("alice", "bob")}
    end = datetime.now(UTC) + timedelta(days=30)
    waiver = {**WAIVER, "expires": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    lines = "\n".join(f"    {key}: {json.dumps(value)}" for key, value in waiver.items())
    folder = write_policy(
        above / "org",
        {"r": RULE},
        trust=json.dumps({"approvers": keys, "quorum": QUORUM}),
        waivers=f"max_days: 3660\nwaivers:\n  - approver: x\n{lines}\n".replace(
            "  - approver: x\n    ", "  - ", 1
        ),
    )
    ask = ("policy", "approve", "--policy", folder, "--rule", "r", "--for", "CVE-1")
    entries = list[str]()
    for name in ("alice", "bob"):
        (above / "waiver").write_text(workspace.run(*ask).out)
        (above / "waiver.sig").unlink(missing_ok=True)
        command: list[str | Path] = [
            program,
            "-q",
            "-Y",
            "sign",
            "-n",
            ssh.NAMESPACE,
            "-f",
            above / name,
            above / "waiver",
        ]
        subprocess.run(command, check=True)
        entries.append(workspace.run(*ask, "--signature", str(above / "waiver.sig")).out)
    checked = workspace.run("policy", "check", "--policy", folder)
    assert "is not honoured: 0 of 2 approvals: none is there" in checked.out
    added = entries[0] + entries[1].partition("\n")[2]
    (above / "org/waivers.yaml").write_text((above / "org/waivers.yaml").read_text() + added)
    checked = workspace.run("policy", "check", "--policy", folder)
    assert "has 2 of 2 approvals: alice, bob" in checked.out
    (workspace.folder / "e.json").write_bytes(document().content)
    ran = workspace.run("evaluate", "e.json", "--policy", folder)
    assert ran.code == errors.EXIT_OK, ran.out
    asserted = document(trust={}, actor="dana").content
    (workspace.folder / "e.json").write_bytes(asserted)
    ran = workspace.run("evaluate", "e.json", "--policy", folder)
    assert ran.code == errors.EXIT_DENIED
    assert "waiver refused: r CVE-1" in ran.out
    assert "0 of 2 approvals: no identity token proves who set off this run" in ran.out


def test_what_cannot_be_approved_is_refused(workspace: Workspace) -> None:
    above = workspace.folder.parent
    for name, repository, number in (("free", PLACE, 0), ("wide", "registry.example.com/**", 1)):
        trust = {"approvers": approvers(), "quorum": {"policy": "acme", "rules": {"r": number}}}
        waivers = {"waivers": [{**WAIVER, "repository": repository}]}
        write_policy(above / name, {"r": RULE}, trust=json.dumps(trust), waivers=json.dumps(waivers))

    def run(folder: str, named: str = "CVE-1", *more: str) -> Ran:
        return workspace.run(
            "policy", "approve", "--policy", str(above / folder), "--rule", "r", "--for", named, *more
        )

    assert "waivers of r need no approvals" in (free := run("free")).err
    assert free.code == errors.EXIT_POLICY
    assert "its repository has to be one" in run("wide").err
    assert "no waiver of r is for CVE-2 (is CVE-1 meant?)" in (wrong := run("free", "CVE-2")).err
    assert wrong.code == errors.EXIT_USAGE
    assert run("free", "CVE-1", "--signature", "absent.sig").code == errors.EXIT_INPUT


def test_an_unknown_rule_has_no_quorum(tmp_path: Path, opa: Path) -> None:
    """Misspelt, it would silently demand nothing."""
    with pytest.raises(PolicyError, match=r"quorum\.rules\.rr: no rule is named so \(is r meant\?\)"):
        policy(tmp_path, opa, quorum={"policy": "acme", "rules": {"rr": 2}})


def test_what_ends_soon_names_an_approval_that_does(tmp_path: Path, opa: Path, content: bytes) -> None:
    loaded, evidence, decision = decided(
        tmp_path / "second", opa, content, listed(bob={"not_after": "2026-03-10T00:00:00Z"})
    )
    assert decision.allowed
    _, found = moments(loaded, LocalOpa(opa), evidence, decision)
    (moment,) = (each for each in found if each.at == "2026-03-10T00:00:00Z")
    assert moment.ends == ("bob's approval of the waiver of r CVE-1 ends",)
    assert [each.rule for each in moment.denies] == ["r"]


def test_an_approval_travels_with_its_policy(workspace: Workspace, opa: Path, content: bytes) -> None:
    """In a signed artifact the waiver counts as it does in the folder."""
    above = workspace.folder.parent
    policy(above / "org", opa, waiver={**WAIVER, "approvals": both(content)})
    (above / "org.key").write_bytes(key().private_pem())
    stored = workspace.run(
        "policy", "push", str(above / "org"), f"oci:{above}/store:1", "--key", str(above / "org.key"),
        "--name", "acme", "--sequence", "1",
    )  # fmt: skip
    (workspace.folder / "e.json").write_bytes(document().content)
    ran = workspace.run("evaluate", "e.json", "--policy", stored.out.strip())
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert "waiver used: r CVE-1" in ran.out


def test_of_a_rule_for_conftest_the_policies_are_signed(tmp_path: Path, opa: Path) -> None:
    digests = set()
    for text in ("input.image.size > 1", "input.image.size > 2"):
        write_policy(
            tmp_path / "org",
            {"r": RULE},
            trust=json.dumps({"approvers": approvers(), "quorum": QUORUM}),
            waivers=json.dumps({"waivers": [{**WAIVER, "rule": "conftest_main"}]}),
        )
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c/a.rego").write_text(f'package main\nimport rego.v1\ndeny contains "x" if {text}\n')
        given = Conftest(folders=(str(tmp_path / "c"),), namespaces=("main",), data=(), rego="v1")
        loaded = load_policy([str(tmp_path / "org")], LocalOpa(opa), conftest=given)
        digests.add(json.loads(statement(loaded.waivers[0], loaded.files))["rule"])
    assert len(digests) == 2
