"""The local OPA process: bounded, hermetic, identified, and gone afterwards."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from pushpolicy.engines import Limits, LocalOpa, find_engine
from pushpolicy.engines.interface import Program
from pushpolicy.errors import EXIT_POLICY, EngineError
from pushpolicy.evaluate import PolicySet, evaluate, load_policy, start_decision
from pushpolicy.evaluate.program import laid_out
from pushpolicy.model.decision import Verdict
from pushpolicy.model.digest import Digest
from tests.policies import evidence, rule, write_policy

# A shape seen to run on for 10 s under `opa eval --timeout 1s`: one call into a builtin is not interrupted.
PASSES = 'deny contains {"at": {}, "msg": "x"} if input.image.size < 1'
SLOW = 'deny contains {"at": {}, "msg": "x"} if format_int(bits.lsh(input.image.size, 40000000), 10) == "0"'
MANY = "numbers.range(1, 30000000 + input.image.size)"
HUNGRY = f'deny contains {{"at": {{}}, "msg": "x"}} if count([[1, 2] | some _ in {MANY}]) == 7'


def policy_of(folder: Path, opa: Path, body: str) -> PolicySet:
    return load_policy([write_policy(folder, {"r": rule("r", body)})], LocalOpa(opa))


def children() -> set[str]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(path.read_text().split()) if path.exists() else set()


def test_the_deadline_holds_inside_a_builtin(tmp_path: Path, opa: Path) -> None:
    policy = policy_of(tmp_path, opa, SLOW)
    engine = LocalOpa(opa, limits=Limits(seconds=1, grace=1))
    before, begun = children(), time.monotonic()
    with pytest.raises(EngineError, match="no answer within 2 s") as caught:
        evaluate(policy, evidence(), engine)
    assert time.monotonic() - begun < 8
    assert caught.value.exit_code == EXIT_POLICY
    assert children() == before


def test_gathering_takes_none_of_its_time(tmp_path: Path, opa: Path) -> None:
    policy = policy_of(tmp_path, opa, PASSES)
    with start_decision(policy, LocalOpa(opa, limits=Limits(seconds=1, grace=9))) as decide:
        time.sleep(2)
        assert decide(evidence()).verdict is Verdict.ALLOW


def test_a_search_without_end(tmp_path: Path, opa: Path) -> None:
    body = """deny contains {"at": {}, "msg": "x"} if {
    some a in numbers.range(1, 9999)
    some b in numbers.range(1, 9999)
    a * b == 0 - input.image.size
}"""
    policy = policy_of(tmp_path, opa, body)
    with pytest.raises(EngineError, match=r"no answer within 1 s"):
        evaluate(policy, evidence(), LocalOpa(opa, limits=Limits(seconds=0.5, grace=0.5)))


def test_the_memory_limit(tmp_path: Path, opa: Path) -> None:
    policy = policy_of(tmp_path, opa, HUNGRY)
    engine = LocalOpa(opa, limits=Limits(seconds=60, memory=1800 * 1024 * 1024))
    with pytest.raises(EngineError, match="memory") as caught:
        evaluate(policy, evidence(), engine)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("started", range(4))
def test_no_more_threads(tmp_path: Path, opa: Path, monkeypatch: pytest.MonkeyPatch, started: int) -> None:
    """As where the system's limits leave none: it is no bug, and OPA does not go on."""
    policy, before, start = policy_of(tmp_path, opa, SLOW), children(), threading.Thread.start
    threads = iter(range(started))

    def run_out(thread: threading.Thread) -> None:
        if next(threads, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", run_out)
    with pytest.raises(EngineError, match="OPA cannot be run: can't start new thread"):
        evaluate(policy, evidence(), LocalOpa(opa))
    assert children() == before


def test_the_output_limit(tmp_path: Path, opa: Path) -> None:
    body = (
        'deny contains {"at": {"n": n}, "msg": "a rather long message"} if '
        "{ input.image.size > 0; some n in numbers.range(1, 20000) }"
    )
    policy = policy_of(tmp_path, opa, body)
    with pytest.raises(EngineError, match="its output is over 1 MiB"):
        evaluate(policy, evidence(), LocalOpa(opa, limits=Limits(output=1024 * 1024)))


def test_a_session_that_is_left_leaves_nothing(
    tmp_path: Path, opa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, before = policy_of(tmp_path, opa, SLOW), children()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(KeyboardInterrupt), laid_out(policy) as program, LocalOpa(opa).start(program):
        raise KeyboardInterrupt
    assert children() == before
    assert list(temporary.iterdir()) == []


def test_a_large_document(tmp_path: Path, opa: Path) -> None:
    """More than the pipes hold, both ways."""
    body = 'deny contains {"at": {"n": n}, "msg": m} if some n, m in input.extra.many'
    policy = policy_of(tmp_path, opa, body)
    many = [f"message {number} " + "x" * 100 for number in range(5000)]
    decision = evaluate(policy, evidence(extra={"many": many}), LocalOpa(opa))
    assert sorted(violation.msg for violation in decision.violations) == sorted(many)


def test_identity(opa: Path) -> None:
    identity = LocalOpa(opa).identity()
    assert identity.digest == Digest.of(opa.read_bytes())
    assert re.fullmatch(r"1\.\d+\.\d+", identity.version)
    assert identity.hermeticity == "local"


def test_another_binary_than_the_wheel_was_built_with(opa: Path) -> None:
    with pytest.raises(EngineError, match="is not the OPA it was built as"):
        LocalOpa(opa, version="1.22.2", sha256="0" * 64).identity()


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", ["1.21.9", "0.70.0", "1.5.0", "dev", ""])
def test_an_old_or_unknown_version(tmp_path: Path, version: str) -> None:
    with pytest.raises(EngineError, match=r"too old|not OPA"):
        LocalOpa(script(tmp_path / "opa", f"echo 'Version: {version}'")).identity()


@pytest.mark.parametrize(
    "text",
    [
        "exit 1",
        "exit 0",
        "echo '{}'",
        "echo '[]'",
        "echo '{\"result\": []}'",
        'echo \'{"result": [{"expressions": [{"value": true}, {"value": true}]}]}\'',
        'echo \'{"result": [{"expressions": [{"value": {"allow": true}}]}]}\'',
        "echo ALLOW",
        "kill -9 $$",
        "head -c 3000000 /dev/zero >&2",
    ],
)
def test_a_program_that_is_not_opa(tmp_path: Path, opa: Path, text: str) -> None:
    policy = policy_of(
        tmp_path / "policy", opa, 'deny contains {"at": {}, "msg": "x"} if input.image.size < 1'
    )
    engine = LocalOpa(script(tmp_path / "opa", text), version="1.22.2")
    with pytest.raises(EngineError) as caught:
        evaluate(policy, evidence(), engine)
    assert "\n" not in caught.value.message


def test_find_engine_never_looks_at_path(tmp_path: Path, opa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(opa, tmp_path / "opa")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "pushpolicy_opa", None)
    with pytest.raises(EngineError, match="no OPA engine is installed") as caught:
        find_engine()
    assert "--engine PATH" in str(caught.value.hint)
    with pytest.raises(EngineError, match="opa is not an executable file"):
        find_engine("opa")
    assert find_engine(str(tmp_path / "opa")).identity().digest == Digest.of(opa.read_bytes())


def test_check_and_parse_name_file_and_line(tmp_path: Path, opa: Path) -> None:
    engine = LocalOpa(opa)
    (broken,) = engine.parse([b"package a\nx := {"])
    assert isinstance(broken, tuple)
    assert broken[0].row >= 2
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "a.rego").write_text("package a\n\nimport rego.v2\n\nx if y == 1\n")
    schema, capabilities = (
        Path("policies").absolute() / name for name in ("schema/evidence.v1.json", "capabilities.json")
    )
    program = Program(
        folder=tmp_path,
        bundles=(bundle,),
        schema=schema,
        capabilities=capabilities,
        query="data",
        digest=lambda: Digest.of(b"none"),
    )
    (problem,) = engine.check(program)
    assert str(problem).startswith("bundle/a.rego:5: rego_unsafe_var_error")


def test_no_file_that_can_be_changed_holds_what_opa_loads(
    tmp_path: Path, opa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that an earlier step left behind may own the temporary folder."""
    policy = policy_of(
        tmp_path / "policy", opa, 'deny contains {"at": {}, "msg": "x"} if input.image.size > 0'
    )
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    with laid_out(policy) as program:
        assert list((tmp_path / "tmp").iterdir()) == []
        for descriptor in program.descriptors if sys.platform == "linux" else ():
            with pytest.raises(PermissionError):
                os.write(os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR), b"x")
            with pytest.raises(PermissionError):
                os.truncate(descriptor, 0)
