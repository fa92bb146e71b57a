"""Policies of conftest that would decide more than their own denials, or nothing: refused, or denied."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.engines.process import Limits
from pushpolicy.engines.rest import Address
from pushpolicy.engines.server import OpaServer
from pushpolicy.errors import EngineError, PolicyError
from pushpolicy.evaluate import RepositoryPolicy, evaluate, load_policy
from pushpolicy.evaluate.conftest import Conftest
from pushpolicy.evaluate.program import server_bundle
from pushpolicy.http.settings import Settings
from pushpolicy.model.decision import Decision
from pushpolicy.model.document import Document
from tests.opa_servers import opa_server
from tests.policies import example

PACK = ("pack:user_not_root",)
SOUND = 'package main\nimport rego.v1\ndeny contains "no" if input.source.dirty\n'
LINKED = object()


class Hostile(msgspec.Struct, frozen=True):
    """Files of a folder that differ in one thing from a sound one, and a part of what is said of them."""

    name: str
    says: str
    files: Mapping[str, Any]
    namespaces: tuple[str, ...] = ("main",)
    rego: str = "v1"
    data: tuple[str, ...] = ()


def of_text(name: str, says: str, text: str, **more: Any) -> Hostile:
    """A sound policy, and a further file."""
    return Hostile(name, says, {"a.rego": SOUND, "b.rego": text}, **more)


def of_rule(name: str, says: str, rule: str, **more: Any) -> Hostile:
    """A sound policy with a further rule of its package."""
    return of_text(name, says, f"package main\nimport rego.v1\n{rule}\n", **more)


def of_data(name: str, says: str, **files: str) -> Hostile:
    """A sound policy with data."""
    named = {f"{file}.json": content for file, content in files.items()}
    return Hostile(name, says, {"a.rego": SOUND, **named}, data=tuple(named))


TEXTS = [
    of_text(
        "the package of the decision",
        "b.rego:1: a package pushpolicy is",
        "package pushpolicy.main\nimport rego.v1\ndecision := 1\n",
    ),
    of_text(
        "the package of a rule",
        "b.rego:1: a package pushpolicy is",
        "package pushpolicy.rules.user_not_root\nimport rego.v1\ndeny contains 1 if false\n",
    ),
    of_text("the package of settings", "b.rego:1: a package settings is", "package settings.x\na := 1\n"),
    of_text("the package of OPA", "b.rego:1: a package system is", "package system.main\na := 1\n"),
    of_text("no Rego", "b.rego:1: rego_parse_error", "deny\n"),
    of_text("the older Rego", "say --rego-version v0", 'package main\ndeny[msg] { msg := "x" }\n'),
    of_text("two packages in a file", "b.rego:2: rego_parse_error", "package main\npackage other\n"),
    of_text(
        "METADATA that is no YAML",
        "b.rego:",
        "# METADATA\n# title: [\npackage main\nimport rego.v1\ndeny contains 1 if input.source\n",
    ),
]
READS = [
    of_rule("reads the system", "b.rego:3: data.pushpolicy is undefined", "x := data.pushpolicy.index"),
    of_rule("reads settings", "b.rego:3: data.settings is undefined", "x := data.settings.tag_policy"),
    of_rule("imports the system", "b.rego:3: data.pushpolicy is", "import data.pushpolicy.main\nx := main"),
    of_rule("reads everything", "b.rego:3: `data` as a whole", "x := data"),
    of_rule("reads a computed package", "b.rego:3: `data` as a whole", "x[k] := v if v := data[k]"),
    of_rule("reads it in a call", "b.rego:3: `data` as a whole", "x := count(data)"),
    of_rule("walks it", "b.rego:3: `data` as a whole", "x contains v if walk(data, [_, v])"),
    of_rule("reads it in another's key", "b.rego:3: data.other is", "x := input.extra[data.other.key]"),
    of_rule(
        "replaces the system",
        "b.rego:3: data.pushpolicy is",
        "x := 1 if input.source with data.pushpolicy.index as {}",
    ),
    of_rule("reads the file that conftest reads", "data.conftest is", "x := data.conftest.file.name"),
    of_rule(
        "reads what evidence never has",
        "a file of your own is input.extra.NAME in it",
        "deny contains 1 if input.kind",
    ),
]
BUILTINS = [
    of_rule(
        "asks the network",
        "b.rego:3: http.send is removed",
        'deny contains "x" if http.send({"method": "get", "url": "http://127.0.0.1:1"}).status_code == 200',
    ),
    of_rule("reads the environment", "b.rego:3: opa.runtime is removed", "x := opa.runtime().env"),
    of_rule("reads the clock", "b.rego:3: time.now_ns is removed", "x := time.now_ns()"),
    of_rule("throws dice", "b.rego:3: rand.intn is removed", 'x := rand.intn("a", 9)'),
    of_rule("resolves a name", "net.lookup_ip_addr is removed", 'x := net.lookup_ip_addr("example.com")'),
    of_rule("reads a file as conftest does", "functions are not there: hand", 'x := parse_config_file("a")'),
    of_rule(
        "reads a text as conftest does", "undefined function parse_config", 'x := parse_config("a", "b")'
    ),
]
SHAPES = [
    of_rule("a boolean", "b.rego:3: `deny_x` is not a set", "deny_x if input.source"),
    of_rule("a text", "b.rego:3: `deny_x` is not a set", 'deny_x := "no" if input.source'),
    of_rule("a default", "b.rego:3: `violation` is not a set", "default violation := false"),
    of_rule("an object", "b.rego:3: `deny_x` is not a set", 'deny_x[k] := v if { k := "a"; v := 1 }'),
    of_rule("a function", "b.rego:3: `deny_x` is not a set", 'deny_x(y) := ["no"] if y'),
    of_rule("a name with dots", "b.rego:3: `deny` is not a set", "deny.x contains 1 if input.source"),
    of_rule(
        "one of several",
        "b.rego:3: `deny_x` is not a set",
        'deny_x := ["a"] if input.source.dirty\nelse := []',
    ),
    of_rule("a warning that is a text", "b.rego:3: `warn` is not a set", 'warn := "no" if input.source'),
    of_rule("an exception for all", "b.rego:3: `exception` is not a set", "exception := true"),
    of_rule("calls itself", "rego_recursion_error", "deny_x contains 1 if count(deny_x) > 0"),
    of_rule("an unsafe variable", "b.rego:3: rego_unsafe_var_error", "deny_x contains y if input.source"),
    of_rule("two forms of a rule", "a.rego:", 'deny := ["x"] if input.source'),
    of_rule("misspelt", "no conftest policy is of the namespace mian", "x := 1", namespaces=("mian",)),
    of_rule("a namespace of words", "is not the name of a package", "x := 1", namespaces=("main; true",)),
    Hostile("nothing that denies", "has no deny, violation or warn", {"a.rego": "package main\nx := 1\n"}),
    Hostile("one of two namespaces", "of the namespace b", {"a.rego": SOUND}, namespaces=("main", "b")),
    Hostile(
        "two namespaces that are one rule",
        "two namespaces are the rule conftest_a_b",
        {"a.rego": SOUND.replace("main", "a.b"), "b.rego": SOUND.replace("main", "a_b")},
        namespaces=("a.b", "a_b"),
    ),
    Hostile(
        "too long a namespace",
        "too long for the name of a rule",
        {"a.rego": SOUND.replace("main", "a" * 60)},
        namespaces=("a" * 60,),
    ),
]
FILES = [
    Hostile("an empty folder", "there is no .rego file", {}),
    Hostile("other suffixes", "there is no .rego file", {"a.REGO": SOUND, "b.rego.txt": SOUND}),
    Hostile("a link out of the folder", "b.rego: a link that leaves", {"a.rego": SOUND, "b.rego": LINKED}),
    Hostile("a linked folder", "linked: a link to a folder", {"a.rego": SOUND, "linked": LINKED}),
    Hostile(
        "a hidden folder", ".hidden/b.rego:1: rego_parse_error", {"a.rego": SOUND, ".hidden/b.rego": "x"}
    ),
    Hostile("a test that denies nothing it knows", "b_test.rego:1: ", {"a.rego": SOUND, "b_test.rego": "x"}),
    Hostile("too many", "1001 files are over the limit", {f"{n}.rego": SOUND for n in range(1001)}),
    Hostile("no name but a suffix", ".rego:1: rego_parse_error", {"a.rego": SOUND, ".rego": "x"}),
    Hostile("not UTF-8", "b.rego:", {"a.rego": SOUND, "b.rego": b"package main\n# \xff\xfe\n"}),
    Hostile("too large", "b.rego: over the limit", {"a.rego": SOUND, "b.rego": "#" * (4 * 1024 * 1024 + 1)}),
    of_data("data of the decision", "the key pushpolicy is", x='{"pushpolicy": {"waivers": {}}}'),
    of_data("data of settings", "the key settings is", x='{"settings": {}}'),
    of_data("data of OPA", "the key system is", x='{"system": {}}'),
    of_data("data that reach into others", "the key 'main/deny'", x='{"main/deny": []}'),
    of_data("data of everything", "the key ''", x='{"": {"pushpolicy": {}}}'),
    of_data("data with a number that is none", "x.json: ", x='{"a": 1e999}'),
    of_data("data with a number beyond 2^53", "--data: ", x='{"a": 12345678901234567890}'),
    of_data("data in place of a rule", "conflict", x='{"main": {"deny": []}}'),
    of_data("data without names", "not an object", x="[]"),
    of_data("data with a name twice", "x.json: ", x='{"a": 1, "a": 2}'),
    of_data("data that contradict each other", "says otherwise", x='{"a": 1}', y='{"a": 2}'),
    of_data("data that are no JSON", "x.json: ", x='{"a": NaN}'),
]
HOSTILE = [*TEXTS, *READS, *BUILTINS, *SHAPES, *FILES]


def written(folder: Path, files: Mapping[str, Any]) -> Path:
    folder.mkdir()
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "x.rego").write_text(SOUND)
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is LINKED:
            file.symlink_to(outside / "x.rego" if name.endswith(".rego") else outside)
        else:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def decide(opa: Path, *folders: Path, limits: Limits | None = None, **more: Any) -> Decision:
    """Of evidence of a dirty checkout."""
    engine = LocalOpa(opa, limits=limits)
    document = example()
    document["source"]["dirty"] = True
    given = Conftest(folders=tuple(map(str, folders)), **{"namespaces": ("main",), **more})
    return evaluate(load_policy(PACK, engine, conftest=given), Document.of(document), engine)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_each_is_refused_by_name(tmp_path: Path, opa: Path, hostile: Hostile) -> None:
    folder = written(tmp_path / "policy", hostile.files)
    data = tuple(str(folder / name) for name in hostile.data)
    with pytest.raises(PolicyError) as error:
        decide(opa, folder, namespaces=hostile.namespaces, rego=hostile.rego, data=data)
    assert hostile.says in error.value.message


def test_there_are_enough_of_them_and_the_sound_one_denies(tmp_path: Path, opa: Path) -> None:
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE) >= 55
    decision = decide(opa, written(tmp_path / "policy", {"a.rego": SOUND}))
    [denial] = decision.violations
    assert (denial.rule, denial.id, denial.msg) == ("conftest_main", "deny: no", "no")
    [result] = [rule for rule in decision.rules if rule.name == "conftest_main"]
    assert result.title == f"conftest: {tmp_path}/policy namespace main"
    assert result.origin == "local"
    assert not decision.policy.anchored


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ('deny_x contains to_number("a") if input.source', "eval_builtin_error"),
        (
            'x := 1 if input.source\nx := 2 if input.target\ndeny_x contains "a" if x == 3',
            "eval_conflict_error",
        ),
        ('deny_x contains "a" if numbers.range(1, 100000000)[_] == -1', ""),
        ('deny_x contains sprintf("%d", [i]) if some i in numbers.range(1, 30000000)', ""),
    ],
    ids=["a builtin's error", "a conflict", "no end", "a huge answer"],
)
def test_what_conftest_passes_over_or_never_ends_is_no_decision(
    tmp_path: Path, opa: Path, rule: str, says: str
) -> None:
    files = {"a.rego": SOUND, "b.rego": f"package main\nimport rego.v1\n{rule}\n"}
    with pytest.raises(EngineError) as error:
        decide(opa, written(tmp_path / "policy", files), limits=Limits(seconds=3, grace=0.5))
    assert says in error.value.message


@pytest.mark.parametrize(
    "rule",
    [
        "deny_x contains 3 if input.source",
        'deny_x contains {"message": "no"} if input.source',
        'warn contains {"msg": 3} if input.source',
        "warn contains [] if input.source",
    ],
)
def test_a_result_that_conftest_leaves_out_or_ends_with_denies(tmp_path: Path, opa: Path, rule: str) -> None:
    files = {"a.rego": f"package main\nimport rego.v1\n{rule}\n"}
    [denial] = decide(opa, written(tmp_path / "policy", files)).violations
    assert "gives neither a text nor an object with a text `msg`" in denial.msg


def test_a_file_named_as_a_test_is_evaluated_as_conftest_does(tmp_path: Path, opa: Path) -> None:
    test = 'test_it if count(deny) == 0 with input as {} with data.inventory as {"a": 1}\n'
    files = {"a_test.rego": SOUND + test, "deep/er/b.rego": SOUND.replace('"no"', '"deep"')}
    decision = decide(opa, written(tmp_path / "policy", files))
    assert {denial.msg for denial in decision.violations} == {"no", "deep"}


def test_a_warning_only_warns_and_that_it_is_all_is_said(tmp_path: Path, opa: Path) -> None:
    text = SOUND.replace("deny contains", "warn_x contains") + 'denied contains "x" if input.source\n'
    folder = written(tmp_path / "policy", {"a.rego": text})
    decision = decide(opa, folder)
    assert decision.allowed
    assert [(warning.rule, warning.msg) for warning in decision.warnings] == [("conftest_main", "no")]
    given = Conftest(folders=(str(folder),), namespaces=("main",))
    only, almost = load_policy(PACK, LocalOpa(opa), conftest=given).warnings
    assert only == "conftest namespace main has neither deny nor violation: it only warns"
    assert almost.startswith(f"{folder}/a.rego:4: `denied` is not evaluated")


@pytest.mark.parametrize("name", ["Deny", "DENY_x", "denyRoot", "deny_x_", "violates", "Violation"])
def test_a_name_that_is_nearly_conftests_is_told(tmp_path: Path, opa: Path, name: str) -> None:
    clauses = (f'{each} contains "a" if input.source.dirty\n' for each in ("deny", name))
    text = "\n".join(["package main\n", *clauses])
    (tmp_path / "a.rego").write_text(text)
    given = Conftest(folders=(str(tmp_path),), namespaces=("main",))
    [told] = load_policy(PACK, LocalOpa(opa), conftest=given).warnings
    assert f"a.rego:5: `{name}` is not evaluated" in told


@pytest.mark.parametrize("name", ["denylist", "denial", "warned"])
def test_a_helper_of_another_name_is_not(tmp_path: Path, opa: Path, name: str) -> None:
    text = f'package main\n\ndeny contains "a" if {name}\n\n{name} if input.source.dirty\n'
    (tmp_path / "a.rego").write_text(text)
    given = Conftest(folders=(str(tmp_path),), namespaces=("main",))
    assert load_policy(PACK, LocalOpa(opa), conftest=given).warnings == ()


def test_evidence_that_it_reads_has_to_be_there(tmp_path: Path, opa: Path) -> None:
    """conftest would pass: over what is absent a condition never holds."""
    text = "package main\nimport rego.v1\nimport input.sbom as bom\n"
    text += 'deny contains "x" if { bom.status == "none"; input.extra.doc.kind == 1 }\n'
    text += 'warn contains "x" if input.vex.status == "failed"\n'
    folder = written(tmp_path / "policy", {"a.rego": text})
    given = Conftest(folders=(str(folder),), namespaces=("main",))
    engine = LocalOpa(opa)
    policy = load_policy(PACK, engine, conftest=given)
    document = example()
    document["sbom"] = {"status": "missing", "reason": "no file"}
    document["extra"] = {}
    decision = evaluate(policy, Document.of(document), engine)
    assert {denial.evidence for denial in decision.violations} == {"sbom", "extra.doc"}


def test_data_are_read_as_conftest_reads_them(tmp_path: Path, opa: Path) -> None:
    text = (
        "package main\nimport rego.v1\nimport data.services\n"
        "deny contains sprintf(`%v`, [p]) if some p in services.ports\n"
        "deny contains data.more.deep.word if input.source\n"
    )
    folder = written(tmp_path / "policy", {"a.rego": text})
    data = tmp_path / "data"
    (data / "more/deep").mkdir(parents=True)
    (data / "services.yaml").write_text("services: {ports: [22, 23]}\n")
    (data / "more/deep/x.json").write_text('{"word": "deep"}')
    decision = decide(opa, folder, data=(str(data),))
    assert {denial.msg for denial in decision.violations} == {"22", "23", "deep"}


class Checkout:
    """A checkout in which everything below a folder is tracked."""

    def __init__(self, root: Path) -> None:
        self.roots: Sequence[Path] = [root]

    def may_track(self, path: Path) -> bool:
        return True

    def unproven(self, path: Path, content: bytes) -> str | None:
        return None


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (
            "package main\nimport rego.v1\nexception contains [``] if true\ndeny contains 1 if false\n",
            "main is in",
        ),
        (
            "package allowed\nimport rego.v1\nall := true\ndeny contains `x` if false\n",
            "data.allowed is undefined",
        ),
        ("package other\nimport rego.v1\ndeny contains `x` if data.main.x\n", "data.main is undefined"),
    ],
    ids=["an exception in the same package", "a package that others ask", "a read of others"],
)
def test_what_the_judged_checkout_brings_cannot_reach_what_others_bring(
    tmp_path: Path, opa: Path, theirs: str, says: str
) -> None:
    ours = 'package main\nimport rego.v1\ndeny contains "no" if not data.allowed.all\n'
    if "allowed" not in theirs:
        ours = SOUND
    ours_at, theirs_at = tmp_path / "ours", os.path.realpath(tmp_path / "checkout")
    ours_at.mkdir()
    Path(theirs_at).mkdir()
    (ours_at / "a.rego").write_text(ours)
    (Path(theirs_at) / "a.rego").write_text(theirs)
    given = Conftest(folders=(str(ours_at), theirs_at), namespaces=("main", "other", "allowed"))
    checkout = RepositoryPolicy(checkout=Checkout(Path(theirs_at)))
    with pytest.raises(PolicyError) as error:
        load_policy(PACK, LocalOpa(opa), checkout, conftest=given)
    assert says in error.value.message
    (ours_at / "a.rego").write_text(SOUND)
    (Path(theirs_at) / "a.rego").write_text(SOUND.replace("main", "theirs"))
    given = Conftest(folders=(str(ours_at), theirs_at), namespaces=("main", "theirs"))
    policy = load_policy(PACK, LocalOpa(opa), checkout, conftest=given)
    assert policy.grounds.origins["rules"] == {
        "user_not_root": "pack",
        "conftest_main": "local",
        "conftest_theirs": "checkout",
    }
    given = Conftest(folders=(str(ours_at),), namespaces=("main",), data=(theirs_at,))
    with pytest.raises(PolicyError, match="of another origin than the policies"):
        load_policy(PACK, LocalOpa(opa), checkout, conftest=given)


def test_they_are_never_the_only_policy(tmp_path: Path, opa: Path) -> None:
    folder = written(tmp_path / "policy", {"a.rego": SOUND})
    (tmp_path / "empty").mkdir()
    given = Conftest(folders=(str(folder),), namespaces=("main",))
    with pytest.raises(PolicyError, match="the policy has no rules"):
        load_policy([str(tmp_path / "empty")], LocalOpa(opa), conftest=given)


def test_a_server_decides_the_same(tmp_path: Path, opa: Path) -> None:
    """Its one bundle holds both languages, and two documents of data."""
    text = "package main\ndeny[msg] { msg := data.words[_]; input.source.dirty }\n"
    (tmp_path / "words.yaml").write_text("words: [no, never]\n")
    folder = written(tmp_path / "policy", {"a.rego": text})
    given = Conftest(
        folders=(str(folder),), namespaces=("main",), data=(str(tmp_path / "words.yaml"),), rego="v0"
    )
    local = LocalOpa(opa)
    policy = load_policy(["pack"], local, conftest=given)
    document = example()
    document["source"]["dirty"] = True
    evidence, reached = Document.of(document), Settings(plain_http=True)
    with opa_server(opa, tmp_path / "opa", server_bundle(policy)) as running:
        remote = evaluate(policy, evidence, OpaServer(Address(url=running.url, settings=reached)))
    assert remote.violations == evaluate(policy, evidence, local).violations
    assert {item.msg for item in remote.violations if item.rule == "conftest_main"} == {"no", "never"}
