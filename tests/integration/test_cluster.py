"""Replays on a real Dask cluster: schedulers and workers in processes of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.audit.cluster.address import SchedulerAddress
from pushpolicy.audit.cluster.client import Cluster
from pushpolicy.engines import LocalOpa, find_engine
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import PolicySet, batches, load_policy
from pushpolicy.evaluate.batches import Answered, Question, decisions
from tests.authorities import AUTHORITY, CLIENT, SERVER, Issued, issue
from tests.dask_cluster import DaskCluster, dask_cluster
from tests.jobs import PASSED
from tests.policies import evidence, rule, write_policy
from tests.workspace import Workspace

MANY, BATCH = 160, 16


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_BATCH", BATCH)


@pytest.fixture(scope="module")
def cluster() -> Iterator[DaskCluster]:
    """Two workers that do what they should."""
    with dask_cluster(workers=2) as running:
        yield running


@pytest.fixture
def policy(tmp_path: Path, opa: Path) -> PolicySet:
    """A rule that denies some of what is asked about."""
    odd = 'deny contains {"at": {"id": "a"}, "msg": "no"} if input.extra.number % 3 == 0'
    rules = {"passed": rule("passed", PASSED), "odd": rule("odd", odd)}
    return load_policy([write_policy(tmp_path / "policy", rules)], LocalOpa(opa))


def questions(policy: PolicySet, number: int = MANY) -> Iterator[Question[int]]:
    """Documents that differ, asked about as they are made."""
    for each in range(number):
        yield Question(each, policy, evidence(extra={"number": each}))


def here(policy: PolicySet, opa: Path, number: int = MANY) -> dict[int, object]:
    """What this machine decides."""
    return told(decisions(questions(policy, number), LocalOpa(opa)))


def told(answers: Iterator[Answered[int]]) -> dict[int, object]:
    """By what was asked about, each once."""
    found = list(answers)
    assert len({each.about for each in found}) == len(found)
    return {each.about: each.outcome for each in found}


def connected(cluster: DaskCluster, tls: Path | None = None) -> Cluster:
    """A client of it."""
    return Cluster(
        SchedulerAddress.parse(cluster.address, str(tls) if tls else None), find_engine().identity()
    )


def refused(cluster: DaskCluster, policy: PolicySet, said: str) -> None:
    """Require that it ends, with these words."""
    with connected(cluster) as client, pytest.raises(EngineError, match=said):
        list(client.decisions(questions(policy, 3)))


def test_a_cluster_decides_what_this_machine_decides(
    cluster: DaskCluster, policy: PolicySet, opa: Path
) -> None:
    with connected(cluster) as client:
        assert told(client.decisions(questions(policy))) == here(policy, opa)


def test_no_more_is_taken_than_workers_have_room_for(cluster: DaskCluster, policy: PolicySet) -> None:
    taken = 0

    def endless() -> Iterator[Question[int]]:
        nonlocal taken
        for each in questions(policy, 10**9):
            taken += 1
            yield each

    with connected(cluster) as client:
        answers = client.decisions(endless())
        for _ in range(100):
            next(answers)
        del answers
    assert 100 <= taken <= 100 + 5 * BATCH


def test_a_worker_that_is_lost_changes_nothing(policy: PolicySet, opa: Path) -> None:
    with dask_cluster(workers=2) as running:
        lost = running.worker()
        with connected(running) as client:
            answers = client.decisions(questions(policy))
            first = next(answers)
            lost.kill()
            rest = told(answers)
    assert {first.about: first.outcome} | rest == here(policy, opa)


def test_without_a_scheduler_what_was_told_holds(policy: PolicySet, opa: Path) -> None:
    with dask_cluster() as running, connected(running) as client:
        answers = client.decisions(questions(policy))
        before = [next(answers) for _ in range(10)]
        running.scheduler.kill()
        with pytest.raises(EngineError, match=r"connection to the Dask scheduler at .* was lost"):
            before.extend(answers)
    whole = here(policy, opa)
    assert all(whole[each.about] == each.outcome for each in before)


def test_without_a_worker_it_ends(policy: PolicySet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.audit.cluster.client._NO_WORKER", 2.0)
    with dask_cluster(workers=0) as running:
        refused(running, policy, "has no worker, for 2 s")


def test_a_worker_that_says_nothing_does_not_hold_it_up(
    policy: PolicySet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("pushpolicy.audit.cluster.client._SILENCE", 15.0)
    lie = _lying(tmp_path, "import time\ndef decide(asked): time.sleep(3600)")
    with dask_cluster(preload=lie) as running:
        refused(running, policy, "have not answered for 15 s")


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.audit.cluster.client._CONNECT", 1.0)
    with pytest.raises(EngineError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        Cluster(SchedulerAddress.parse("tcp://127.0.0.1:9", None), find_engine().identity()).__enter__()


ACTS = """
CODE = f"import os; os.makedirs({FOLDER!r} + str(os.getpid()), exist_ok=True)"
class Acts:
    def __reduce__(self):
        return exec, (CODE,)
class Raises(Exception):
    def __reduce__(self):
        return exec, (CODE,)
"""
LIES = {
    "an object that acts": (f"{ACTS}\ndef decide(asked): return Acts()", "out of contract: it is not bytes"),
    "an exception that acts": (f"{ACTS}\ndef decide(asked): raise Raises()", "failed: "),
    "a warning that acts": (
        f"{ACTS}\nfrom distributed import get_worker\n"
        "def decide(asked):\n"
        "    import pickle\n"
        "    for topic in ('warn', 'print'):\n"
        "        get_worker().log_event(topic, {'message': pickle.dumps(Acts()), 'args': ['told']})\n"
        "    return b''",
        "out of contract",
    ),
    "what cannot be pickled": (
        "def decide(asked): return decide(asked)",
        "failed: builtins.(Exception: )?RecursionError",
    ),
    "fewer": (
        "def decide(asked): return true(asked).rpartition(b'\\n')[0]",
        "it has 2 decisions on 3 documents",
    ),
    "another version": (
        "import pushpolicy.audit.cluster.forms as forms\nforms.__version__ = '0.0.9'\ndecide = true",
        "it is of pushpolicy 0.0.9, and this is",
    ),
    "an older version": (
        "import importlib.metadata as metadata\nmetadata.version, decide = lambda _: '0.0.9', true",
        "the worker .* has pushpolicy 0.0.9, and this is ",
    ),
    "no pushpolicy": (
        "import importlib.metadata as metadata\n"
        "def decide(_): raise metadata.PackageNotFoundError('pushpolicy')\n"
        "metadata.version, decide = decide, true",
        "failed: importlib.metadata.PackageNotFoundError: pushpolicy",
    ),
}


def test_what_kills_its_workers_is_not_sent_for_ever(policy: PolicySet, tmp_path: Path) -> None:
    dies = _lying(tmp_path, "import os\ndef decide(asked): os._exit(1)")
    with dask_cluster(workers=5, preload=dies) as running:
        refused(running, policy, "failed: distributed.scheduler.KilledWorker")


def _lying(folder: Path, text: str) -> Path:
    """Code for a worker in the place of what it should do."""
    file = folder / "lying.py"
    file.write_text(
        f"FOLDER = {str(folder / 'acted-')!r}\n"
        "import pushpolicy.audit.cluster.worker as worker\n"
        # Dask runs it twice.
        f"true = worker.true = getattr(worker, 'true', None) or worker.decide\n{text}\n"
        "if decide: worker.decide = decide; decide.__module__ = worker.__name__\n"
    )
    return file


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_is_found_out_and_does_nothing_here(
    lie: str, policy: PolicySet, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text, said = LIES[lie]
    with dask_cluster(preload=_lying(tmp_path, text)) as running:
        refused(running, policy, said)
    assert not (tmp_path / f"acted-{os.getpid()}").exists()
    assert capfd.readouterr() == ("", "")


def certificates(folder: Path, authority: Issued, signer: Issued | None = None) -> Path:
    """A folder for --scheduler-tls: of whom certificates count, and one of this side by `signer`."""
    own = issue("dask", signer or authority, ip=["127.0.0.1"], use=[SERVER, CLIENT])
    folder.mkdir()
    for name, content in (("ca.crt", authority.pem), ("tls.crt", own.pem), ("tls.key", own.key_pem)):
        (folder / name).write_bytes(content)
    return folder


def test_over_tls_both_sides_show_certificates(policy: PolicySet, opa: Path, tmp_path: Path) -> None:
    ours, others = (issue(name, authority=AUTHORITY, key_usage="key_cert_sign") for name in ("a", "b"))
    right = certificates(tmp_path / "right", ours)
    with dask_cluster(tls=right) as running:
        for wrong in (
            certificates(tmp_path / "of another cluster", others),
            certificates(tmp_path / "without one of its own", ours, signer=others),
        ):
            with pytest.raises(EngineError, match="no Dask scheduler answers at tls://"):
                connected(running, wrong).__enter__()
        with connected(running, right) as client:
            assert told(client.decisions(questions(policy, 3))) == here(policy, opa, 3)


@pytest.mark.parametrize(
    "more", [(), ("--policy", "pack:image_user", "--fail-on", "none")], ids=["replay", "what-if"]
)
def test_the_command_line_says_the_same(
    more: tuple[str, ...], cluster: DaskCluster, workspace: Workspace
) -> None:
    for tag in ("1", "2"):
        assert workspace.push(target=f"oci:registry:{tag}").code == 0
    asked = ("audit", "replay", "oci:registry", "--format", "json", *more)
    here = workspace.run(*asked)
    there = workspace.run(*asked, "--scheduler", cluster.address)
    assert (there.code, there.json) == (here.code, here.json)
    # What an earlier step of a job sets configures nothing.
    evil = workspace.write("evil.py", "raise SystemExit('loaded')")
    hostile = workspace.with_variables(DASK_DISTRIBUTED__CLIENT__PRELOAD=str(evil))
    with hostile.start(*asked, "--scheduler", cluster.address) as process:
        told, _ = process.communicate()
    assert (process.returncode, json.loads(told)) == (here.code, here.json)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scheduler", "tcp://10.0.0.1:8786"), "could read and change what is decided"),
        (("--scheduler", "tls://10.0.0.1:8786"), "needs certificates"),
        (("--scheduler-tls", "."), "--scheduler-tls goes with --scheduler"),
        (("--scheduler", "tcp://127.0.0.1:9", "--engine", "/bin/true"), "--engine and --scheduler"),
    ],
)
def test_options_that_cannot_be_are_refused(
    options: tuple[str, ...], said: str, workspace: Workspace
) -> None:
    ran = workspace.run("audit", "replay", "oci:registry", *options)
    assert ran.code == 2
    assert said in ran.complaint()
