"""From folders of rules and documents to decisions, with the real OPA."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import (
    PACK,
    PolicySet,
    RepositoryPolicy,
    check_policy,
    evaluate,
    evaluate_bytes,
    load_policy,
)
from pushpolicy.evaluate.authority import parse_repo_may
from pushpolicy.evaluate.indexing import build_index, build_lib, index_shipped
from pushpolicy.evaluate.sources import SourceFile, policies
from pushpolicy.model.decision import RuleStatus, Verdict
from pushpolicy.model.index import COLLECTIONS
from tests.policies import evidence, example, rule, scan, write_policy

FINDING = {
    "id": "CVE-1",
    "severity": "critical",
    "kind": "vulnerability",
    "purl": "pkg:pypi/a@1",
    "package": "a",
}
WAIVER = (
    "{rule: scan_severity, id: CVE-1, reason: not reachable, approver: sam, expires: '2099-01-01T00:00:00Z'}"
)
SIZE = 'deny contains {"at": {}, "msg": "too large"} if input.image.size > data.settings.size.max'
SIZE_RULE = rule("size", SIZE, "settings:\n  max: {type: integer, minimum: 0, default: 0}")


@pytest.fixture
def engine(opa: Path) -> LocalOpa:
    return LocalOpa(opa)


def test_the_committed_index_is_that_of_the_rules(engine: LocalOpa) -> None:
    index = index_shipped(engine)
    assert (policies() / "index/data.json").read_bytes() == index.data(), "run `make index`"
    assert (policies() / "index/index.rego").read_bytes() == index.module(), "run `make index`"


def test_the_pack_passes_its_own_check(engine: LocalOpa) -> None:
    assert check_policy(["pack:strict"], engine).warnings == ()


def test_each_collection_of_the_pack_has_all_of_the_one_before(engine: LocalOpa) -> None:
    minimal, default, strict = (load_policy([f"pack:{name}"], engine) for name in COLLECTIONS)
    assert minimal.index.rules.keys() < default.index.rules.keys() < strict.index.rules.keys()
    assert strict.index.rules.keys() == {folder.name for folder in (policies() / "rules").iterdir()}
    assert default.files == load_policy([PACK], engine).files
    assert len({each.identity.digest for each in (minimal, default, strict)}) == 3


def test_the_pack_may_be_named_by_collection_and_by_rule(engine: LocalOpa) -> None:
    policy = load_policy(["pack:minimal", "pack:user_not_root"], engine)
    assert "user_not_root" in policy.index.rules
    assert "rules/user_not_root/user_not_root.rego" in policy.files
    assert "rules/tag_policy/tag_policy.rego" not in policy.files
    assert policy.identity.anchored
    assert policy.identity.source == "pack:minimal, pack:user_not_root"


@pytest.mark.parametrize("part", ["", "all", "Strict", "user_not_rooot", "default,strict"])
def test_a_part_that_the_pack_has_not_is_refused(part: str, engine: LocalOpa) -> None:
    with pytest.raises(PolicyError, match=f"no collection or rule '{part}': it has the collections minimal"):
        load_policy([PACK, f"pack:{part}"], engine)


def test_allow_and_deny(engine: LocalOpa) -> None:
    policy = load_policy([PACK], engine)
    good = evaluate(policy, evidence(scans=scan([])), engine)
    assert good.verdict is Verdict.ALLOW, good.violations
    assert [rule.name for rule in good.rules] == sorted(policy.index.rules)
    document = evidence(scans=scan([FINDING]))
    bad = evaluate(policy, document, engine)
    assert bad.verdict is Verdict.DENY
    (violation,) = bad.violations
    assert (violation.rule, violation.id, violation.severity) == ("scan_severity", "CVE-1", "critical")
    assert violation.fix == policy.index.rules["scan_severity"].fix
    assert bad.evidence == document.digest
    assert bad.policy.anchored


def test_bytes_are_decided_on_as_their_canonical_form(engine: LocalOpa) -> None:
    policy, document = load_policy([PACK], engine), evidence()
    decision = evaluate(policy, document, engine)
    assert evaluate_bytes(policy, document.content, engine) == (decision, document)
    spread = json.dumps(dict(document.value), indent=2).encode()
    assert evaluate_bytes(policy, spread, engine) == (decision, document)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"schema: pushpolicy.evidence/v1", b'{"schema":NaN}', b'{"schema":1,"schema":2}'],
)
def test_what_opa_reads_and_json_does_not_allow_is_refused(content: bytes, engine: LocalOpa) -> None:
    """OPA takes YAML, duplicate keys and NaN on standard input; its answer to them is thrown away."""
    with pytest.raises(ValueError, match=r"."):
        evaluate_bytes(load_policy([PACK], engine), content, engine)


def test_the_document_fits_its_schema(tmp_path: Path, engine: LocalOpa) -> None:
    schema = json.loads((policies() / "schema/decision.v1.json").read_bytes())
    check = fastjsonschema.compile(schema, use_default=False)
    waivers = f"max_days: 3660\nwaivers: [{WAIVER}, {WAIVER}]".replace("2099", "2027")
    enforcement = """rules:
  branch_allowed: {mode: off, until: '2026-08-01T00:00:00Z', reason: new}
observe: {until: '2026-08-01T00:00:00Z', reason: start}
"""
    data = write_policy(tmp_path, {"size": SIZE_RULE}, waivers=waivers, enforcement=enforcement)
    other = {**FINDING, "id": "CVE-2"}
    document = evidence(scans=scan([FINDING, other]), ci={"status": "failed", "reason": "two events"})
    observed = evaluate(load_policy([PACK, data], engine), document, engine)
    denied = evaluate(load_policy([PACK], engine), document, engine)
    assert observed.allowed
    assert observed.observed
    assert {result.because for result in observed.rules} >= {"off", "observe"}
    assert any(violation.evidence == "ci" for violation in denied.violations)
    for decision in (observed, denied):
        check(decision.document().value)


def test_the_same_bundle_gives_the_same_decision(engine: LocalOpa) -> None:
    policy, document = load_policy([PACK], engine), evidence(scans=scan([FINDING]))
    bundle = policy.bundle()
    recorded = PolicySet.from_bundle(bundle, source=PACK)
    assert recorded.bundle() == bundle == load_policy([PACK], engine).bundle()
    assert recorded.identity == policy.identity
    assert evaluate(recorded, document, engine) == evaluate(policy, document, engine)


def test_a_folder_added_to_the_pack(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(tmp_path, {"size": SIZE_RULE}, settings="size: {max: 1}")
    policy = load_policy([PACK, folder], engine)
    assert {"size", "scan_severity"} < policy.index.rules.keys()
    assert not policy.identity.anchored
    assert [v.msg for v in evaluate(policy, evidence(scans=scan([])), engine).violations] == ["too large"]


def test_a_single_file(tmp_path: Path, engine: LocalOpa) -> None:
    (tmp_path / "size.rego").write_text(SIZE_RULE)
    policy = load_policy([str(tmp_path / "size.rego")], engine)
    assert list(policy.index.rules) == ["size"]


def test_rules_of_the_repository_keep_the_pack_anchored(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(tmp_path, {"size": SIZE_RULE})
    repository = RepositoryPolicy(rules=(folder,), settings={"size": {"max": 10**12}})
    policy = load_policy([PACK], engine, repository)
    assert policy.identity.anchored
    assert evaluate(policy, evidence(scans=scan([])), engine).allowed


def wish(may: str | None = None, **wishes: Any) -> RepositoryPolicy:
    return RepositoryPolicy(may=parse_repo_may([may] if may else []), **wishes)


CHECKOUTS_WAIVER = {
    "rule": "scan_severity", "id": "CVE-1", "reason": "x", "approver": "y", "expires": "2026-04-01T00:00:00Z",
}  # fmt: skip


def test_the_checkout_loosens_nothing_of_its_own_accord(engine: LocalOpa) -> None:
    document = evidence(scans=scan([FINDING]))
    policy = load_policy([PACK], engine, wish(waivers=(CHECKOUTS_WAIVER,)))
    decision = evaluate(policy, document, engine)
    assert not decision.allowed
    assert decision.policy.anchored
    (use,) = decision.waivers
    assert use.state == "refused"
    assert "--repo-may scan_severity=waive" in use.waiver["refused"]
    with pytest.raises(PolicyError, match=r"pushpolicy\.yaml: a repository .*--repo-may scan_severity="):
        load_policy([PACK], engine, wish(settings={"scan_severity": {"max_critical": 5}}))


@pytest.mark.parametrize("may", ["scan_severity=settings,waive", "*=settings,waive"])
def test_what_the_command_line_lets_the_checkout_loosen_is_told(may: str, engine: LocalOpa) -> None:
    document = evidence(scans=scan([FINDING]))
    for wishes, loosened in (
        ({"waivers": (CHECKOUTS_WAIVER,)}, "waiver of scan_severity CVE-1"),
        ({"settings": {"scan_severity": {"max_critical": 5}}}, "setting scan_severity.max_critical"),
    ):
        decision = evaluate(load_policy([PACK], engine, wish(may, **wishes)), document, engine)
        assert decision.allowed
        assert decision.loosened == (loosened,)
        assert not decision.policy.anchored
        assert decision.policy.not_anchored[0].startswith("checkout: the judged checkout brings ")


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "commit_matches"},
        {"id": None, "evidence": "evidence:scans"},
        {"id": None, "purl": "**"},
        {"id": None, "purl": "*"},
        {"id": None, "purl": "pkg:pypi/*"},
        {"id": None, "purl": "pkg:*/a@1"},
        {"id": None, "purl": "pkg:npm/**/a@1"},
        {"repository": "**"},
        {"repository": "reg.example/*"},
    ],
)
def test_a_checkouts_waiver_names_one_thing_whatever_it_may(change: dict[str, Any], engine: LocalOpa) -> None:
    waiver = {key: value for key, value in {**CHECKOUTS_WAIVER, **change}.items() if value}
    policy = load_policy([PACK], engine, wish("*=settings,waive", waivers=(waiver,)))
    (use,) = evaluate(policy, evidence(scans=scan([FINDING])), engine).waivers
    assert (use.state, bool(use.waiver["refused"])) == ("refused", True)


def test_the_organisation_takes_back_what_the_command_line_gives(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(tmp_path, {}, enforcement="repo_may: {scan_severity: []}")
    policy = load_policy([PACK, folder], engine, wish("*=waive", waivers=(CHECKOUTS_WAIVER,)))
    assert "refused" in policy.waivers[0]


def test_data_files_in_a_repositorys_rules_are_refused(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(tmp_path, {"size": SIZE_RULE}, enforcement="observe: {until: x, reason: y}")
    with pytest.raises(PolicyError, match=r"enforcement\.yaml: not read"):
        load_policy([PACK], engine, RepositoryPolicy(rules=(folder,)))


def test_two_rules_of_one_name(tmp_path: Path, engine: LocalOpa) -> None:
    ours = write_policy(
        tmp_path, {"tests_passed": rule("tests_passed", 'deny contains {"at": {}, "msg": "x"} if false')}
    )
    with pytest.raises(PolicyError, match="a rule named tests_passed is in the shipped pack too"):
        load_policy([PACK, ours], engine)


def test_waivers_and_enforcement_from_files(tmp_path: Path, engine: LocalOpa) -> None:
    document = evidence(scans=scan([FINDING]))
    folder = tmp_path / "data"
    waivers = f"max_days: 3660\nwaivers:\n- {WAIVER}\n".replace("2099", "2027")
    policy = load_policy([PACK, write_policy(folder, {}, waivers=waivers)], engine)
    decision = evaluate(policy, document, engine)
    assert decision.allowed
    assert decision.waived[0].waiver == policy.waivers[0]
    assert [use.state for use in decision.waivers] == ["used"]
    enforcement = "rules:\n  scan_severity: {mode: warn, until: '2026-08-01T00:00:00Z', reason: new}\n"
    policy = load_policy([PACK, write_policy(tmp_path / "rollout", {}, enforcement=enforcement)], engine)
    decision = evaluate(policy, document, engine)
    assert decision.allowed
    warned = next(result for result in decision.rules if result.name == "scan_severity")
    assert (warned.status, warned.because) == (RuleStatus.WARNED, "rollout")


def test_digests_vary_alone(tmp_path: Path, engine: LocalOpa) -> None:
    plain = load_policy([PACK], engine).identity
    other = write_policy(tmp_path / "a", {}, settings="scan_severity: {max_high: 3}")
    settings = load_policy([PACK, other], engine).identity
    other = write_policy(tmp_path / "b", {}, waivers=f"waivers: [{WAIVER}]")
    waivers = load_policy([PACK, other], engine).identity
    other = write_policy(tmp_path / "c", {"size": SIZE_RULE + "\n# a comment\n"})
    rules = load_policy([PACK, other], engine).identity
    assert settings.rules == waivers.rules == plain.rules != rules.rules
    assert settings.waivers == plain.waivers != waivers.waivers
    assert waivers.settings == plain.settings != settings.settings
    assert len({plain.digest, settings.digest, waivers.digest, rules.digest}) == 4


def test_a_waiver_of_no_rule_is_loud_in_a_push_and_an_error_in_a_check(
    tmp_path: Path, engine: LocalOpa
) -> None:
    waivers = f"waivers: [{WAIVER}]".replace("scan_severity", "scan_severty")
    folder = write_policy(tmp_path, {}, waivers=waivers)
    (warning,) = load_policy([PACK, folder], engine).warnings
    assert "no rule is named 'scan_severty'" in warning
    with pytest.raises(PolicyError, match="scan_severty"):
        check_policy([PACK, folder], engine)


def test_check_names_the_file_of_the_writer(tmp_path: Path, engine: LocalOpa) -> None:
    text = rule("r", 'deny contains {"at": {}, "msg": "x"} if {\n\tunused := 1\n\tinput.image.size > 0\n}')
    folder = write_policy(tmp_path, {"r": text})
    load_policy([folder], engine)
    with pytest.raises(PolicyError, match=rf"{folder}/r/r\.rego:12: .*unused"):
        check_policy([folder], engine)


def test_every_problem_is_reported(tmp_path: Path, engine: LocalOpa) -> None:
    texts = {name: rule(name, "denny contains 1") for name in ("a", "b")} | {"c": "package c\nx := {"}
    folder = write_policy(tmp_path, texts)
    with pytest.raises(PolicyError) as caught:
        load_policy([folder], engine)
    lines = caught.value.message.splitlines()
    assert {line.split(":")[0].removeprefix(f"{folder}/") for line in lines} == {
        "a/a.rego",
        "b/b.rego",
        "c/c.rego",
    }
    assert all(line.split(":")[1].isdigit() for line in lines)


def test_what_lib_reads_is_required_of_its_callers(engine: LocalOpa) -> None:
    lib = """package pushpolicy.lib.scanning

import rego.v2

import input.scans as reports

covered(platform) if _any(platform)

_any(platform) if some report in reports.items

_any(platform) if input.ci.event == platform
"""
    functions = build_lib([SourceFile(path=Path("scanning.rego"), content=lib.encode())], engine)
    assert functions["scanning.covered"] == ("ci", "scans")
    condition = 'input.image.size > 0; not scanning.covered("linux/amd64")'
    body = f'deny contains {{"at": {{}}, "msg": "x"}} if {{ {condition} }}'
    text = rule("r", body).replace("import rego.v2", "import rego.v2\n\nimport data.pushpolicy.lib.scanning")
    rules = {"r": SourceFile(path=Path("r.rego"), content=text.encode())}
    assert build_index(rules, engine, functions).rules["r"].requires == ("ci", "scans")
    with pytest.raises(PolicyError, match=r"lib\.scanning\.covered does not exist"):
        build_index(rules, engine, {})


def test_indexing_is_quick(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(
        tmp_path, {f"r{n}": rule(f"r{n}", SIZE.replace("data.settings.size.max", "1")) for n in range(10)}
    )
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        load_policy([folder], engine)
        times.append(time.perf_counter() - begun)
    # 0.1 s on two idle cores.
    assert min(times) < 1.5


class Checkout:
    """A checkout that tracks everything and vouches for nothing that holds `changed`."""

    def __init__(self, root: Path) -> None:
        self.roots = [root]

    def may_track(self, path: Path) -> bool:
        return "nested" not in path.name

    def unproven(self, path: Path, content: bytes) -> str | None:
        return f"{path.name} differs from HEAD" if b"changed" in content else None


def test_a_policy_folder_of_the_checkout_loosens_no_more_than_its_configuration(
    tmp_path: Path, engine: LocalOpa
) -> None:
    checkout = Checkout(tmp_path)
    for name, text in (
        ("settings", "scan_severity: {max_critical: 5}"),
        ("enforcement", "rules: {scan_severity: {mode: off, until: '2026-04-01T00:00:00Z', reason: x}}"),
        ("enforcement", "observe: {until: '2026-04-01T00:00:00Z', reason: x}"),
        ("trust", "raw: digest"),
    ):
        folder = write_policy(tmp_path / name / str(len(text)), {}, **{name: text})
        with pytest.raises(PolicyError, match=f"{name}.yaml"):
            load_policy([PACK, folder], engine, RepositoryPolicy(checkout=checkout))
    folder = write_policy(tmp_path / "waivers", {}, waivers=f"waivers: [{WAIVER}]")
    policy = load_policy([PACK, folder], engine, RepositoryPolicy(checkout=checkout))
    assert "refused" in policy.waivers[0]


def test_a_policy_of_the_checkout_alone_decides_and_is_not_anchored(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(tmp_path / "own", {"size": SIZE_RULE}, settings="size: {max: 1000000000000}")
    policy = load_policy([folder], engine, RepositoryPolicy(checkout=Checkout(tmp_path)))
    decision = evaluate(policy, evidence(scans=scan([])), engine)
    assert decision.allowed
    assert (decision.rules[0].origin, decision.loosened) == ("checkout", ())
    assert decision.policy.not_anchored == ("checkout: every rule lies in the checkout that is judged",)


def test_a_work_tree_within_the_checkout_is_local_unless_the_commit_has_it(
    tmp_path: Path, engine: LocalOpa
) -> None:
    for name, origin in (("nested", "local"), ("submodule", "checkout")):
        (tmp_path / name / ".git").mkdir(parents=True)
        folder = write_policy(tmp_path / name / "rules", {"size": SIZE_RULE})
        policy = load_policy([PACK, folder], engine, RepositoryPolicy(checkout=Checkout(tmp_path)))
        assert policy.grounds.origins["rules"]["size"] == origin
    outside = write_policy(tmp_path.parent / f"{tmp_path.name}-outside", {"size": SIZE_RULE})
    policy = load_policy([PACK, outside], engine, RepositoryPolicy(checkout=Checkout(tmp_path)))
    (reason,) = policy.identity.not_anchored
    assert reason == "local: only its path is known of the folder with rule size"


def test_a_link_in_the_checkout_is_the_checkouts_wherever_it_points(tmp_path: Path, engine: LocalOpa) -> None:
    outside = write_policy(tmp_path / "outside", {}, settings="scan_severity: {max_critical: 5}")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "policy").symlink_to(outside)
    repository = RepositoryPolicy(checkout=Checkout(checkout))
    with pytest.raises(PolicyError, match="a repository may not change settings"):
        load_policy([PACK, str(checkout / "policy")], engine, repository)
    assert load_policy([PACK, outside], engine, repository).settings[0].origin == "local"
    (tmp_path / "back").symlink_to(checkout)
    inside = write_policy(checkout / "own", {}, settings="scan_severity: {max_critical: 5}")
    with pytest.raises(PolicyError, match="a repository may not change settings"):
        load_policy([PACK, f"{tmp_path}/back/{Path(inside).name}"], engine, repository)


def test_repo_may_of_no_rule_is_an_error(engine: LocalOpa) -> None:
    with pytest.raises(PolicyError, match="--repo-may scan_severty: no rule is named so"):
        load_policy([PACK], engine, wish("scan_severty=waive"))


def test_a_configuration_that_differs_from_head_loosens_nothing(engine: LocalOpa, tmp_path: Path) -> None:
    def load(content: bytes, **wishes: Any) -> PolicySet:
        repository = wish("*=settings,waive", checkout=Checkout(tmp_path), content=content, **wishes)
        return load_policy([PACK], engine, repository)

    settings = {"scan_severity": {"max_critical": 5}}
    assert load(b"committed", settings=settings).settings[0].origin == "checkout"
    with pytest.raises(PolicyError, match=r"changes no settings of .*: pushpolicy\.yaml differs from HEAD"):
        load(b"changed", settings=settings)
    assert "refused" not in load(b"committed", waivers=(CHECKOUTS_WAIVER,)).waivers[0]
    assert "differs from HEAD" in load(b"changed", waivers=(CHECKOUTS_WAIVER,)).waivers[0]["refused"]


def test_trust_is_part_of_the_set_and_of_its_digest(tmp_path: Path, engine: LocalOpa) -> None:
    folder = write_policy(tmp_path / "org", {}, trust="verified_for: ['a/b']")
    (tmp_path / "trust.yaml").write_text("verified_for: ['c/d']")
    policy = load_policy([PACK, folder], engine, trust=str(tmp_path / "trust.yaml"))
    assert json.loads(policy.files["data/pushpolicy/trust/data.json"]) == {"verified_for": ["a/b", "c/d"]}
    assert policy.identity.digest != load_policy([PACK], engine).identity.digest
    assert PolicySet.from_bundle(policy.bundle()).identity.digest == policy.identity.digest
    assert evaluate(policy, evidence(scans=scan([])), engine).verdict is Verdict.ALLOW


def test_a_builtin_that_cannot_take_the_evidence_ends_the_decision_and_says_what_to_do(
    tmp_path: Path, engine: LocalOpa
) -> None:
    body = 'deny contains {"at": {}, "msg": "low"} if to_number(input.image.platforms[_].user) < 1000'
    policy = load_policy([write_policy(tmp_path, {"uid": rule("uid", body)})], engine)
    image = example()["image"]
    image["platforms"][0]["user"] = "app"
    with pytest.raises(PolicyError, match=r'uid\.rego:11: eval_builtin_error: to_number: .*"app"') as caught:
        evaluate(policy, evidence(image=image), engine)
    assert "let the rule ask first" in str(caught.value.hint)
