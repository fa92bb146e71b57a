"""Which files of a checkout are read, what they name in turn, and what a hostile one can do."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import inspect
from pushpolicy.gather.pipeline import evidence
from pushpolicy.model.evidence import PipelineEvidence, Status
from tests.unit.gather.samples import make_checkout

ENVIRON = {"PATH": os.environ["PATH"]}
LOGIN = "docker login -u bob -p hunter2\n"
WORKFLOW = ".github/workflows/a.yml"


def judged(folder: Path, files: Mapping[str, str | bytes]) -> PipelineEvidence:
    """What a checkout of these files shows."""
    return evidence(inspect(make_checkout(folder, files), ENVIRON))


def found(pipeline: PipelineEvidence) -> set[tuple[str, int, str]]:
    """File, line and rule of all findings."""
    assert pipeline.status == Status.COLLECTED, pipeline.reason
    return {(each.file, each.line, each.rule) for each in (*pipeline.findings, *pipeline.risks)}


def test_where_there_is_no_checkout(tmp_path: Path) -> None:
    result = evidence(inspect(tmp_path, ENVIRON))
    assert (result.status, result.reason) == (Status.MISSING, "there is no git repository here")


def test_only_files_of_a_pipeline_are_read(tmp_path: Path) -> None:
    names = [
        WORKFLOW,
        "Dockerfile",
        "a/compose.yml",
        "src/a.py",
        "docs/a.yml",
        "push.sh",
        "a/.github/workflows/b.yml",
    ]
    result = judged(tmp_path, dict.fromkeys(names, LOGIN))
    assert result.files == (WORKFLOW, "Dockerfile", "a/compose.yml")


def test_what_git_does_not_track_is_not_read(tmp_path: Path) -> None:
    make_checkout(tmp_path, {"a": "a"})
    (tmp_path / "Dockerfile").write_text("ENV REGISTRY_TOKEN=hunter2")
    assert evidence(inspect(tmp_path, ENVIRON)).files == ()


@pytest.mark.parametrize(
    "call",
    [
        "./ci/push.sh",
        "bash ci/push.sh a",
        "source ci/push.sh",
        "$GITHUB_WORKSPACE/ci/push.sh",
        "if ci/../ci/push.sh; then",
    ],
)
def test_scripts_that_are_called_are_read(tmp_path: Path, call: str) -> None:
    files = {WORKFLOW: f"jobs: {{a: {{steps: [{{run: '{call}'}}]}}}}", "ci/push.sh": f"#!/bin/sh\n{LOGIN}"}
    assert found(judged(tmp_path, files)) == {("ci/push.sh", 2, "login-literal")}


def test_scripts_of_scripts_and_makefiles_are_read(tmp_path: Path) -> None:
    files = {
        WORKFLOW: "jobs: {a: {steps: [{run: make push}]}}",
        "Makefile": "push:\n\t@./one.sh\n\t@docker login -p $(PASSWORD)\n",
        "one.sh": ". ./two.sh",
        "two.sh": f"./one.sh\n{LOGIN}",
    }
    assert found(judged(tmp_path, files)) == {
        ("Makefile", 3, "secret-on-command-line"),
        ("two.sh", 2, "login-literal"),
    }


def test_what_is_included_is_read(tmp_path: Path) -> None:
    files = {
        ".gitlab-ci.yml": "include:\n  - local: /ci/one.yml\n  - ci/two.yml\n  - project: x\n",
        "ci/one.yml": "variables: {REGISTRY_PASSWORD: hunter2}",
        "ci/two.yml": f"a:\n  script:\n  - {LOGIN}",
        "azure-pipelines.yml": "steps:\n- template: ci/three.yml",
        "ci/three.yml": f"steps:\n- bash: {LOGIN}",
    }
    assert {file for file, _, _ in found(judged(tmp_path, files))} == {
        "ci/one.yml",
        "ci/two.yml",
        "ci/three.yml",
    }


JOB = """
on: {trigger}
jobs:
  a:
    steps:
      - uses: actions/checkout@{pin}
        with: {{ref: "{ref}", persist-credentials: {kept}}}
      - uses: docker/login-action@{action}
        with: {{username: a, password: "${{{{ secrets.X }}}}"}}
"""
PIN, HEAD = "a" * 40, "${{ github.event.pull_request.head.sha }}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"action": "v3"}, {"unpinned-action"}),
        ({"action": "main"}, {"unpinned-action"}),
        ({"kept": "true"}, {"persisted-credentials"}),
        ({"trigger": "pull_request_target", "ref": HEAD}, {"login-beside-untrusted-code"}),
        ({"trigger": "[push, workflow_run]", "ref": HEAD}, {"login-beside-untrusted-code"}),
        ({"trigger": "{issue_comment: {types: [created]}}", "ref": HEAD}, {"login-beside-untrusted-code"}),
        ({"trigger": "pull_request_target"}, set()),
        ({"trigger": "pull_request", "ref": HEAD}, set()),
    ],
)
def test_risks_of_a_job(tmp_path: Path, changes: dict[str, str], expected: set[str]) -> None:
    values = {"trigger": "push", "pin": PIN, "ref": "main", "kept": "false", "action": PIN, **changes}
    assert {rule for _, _, rule in found(judged(tmp_path, {WORKFLOW: JOB.format(**values)}))} == expected


def test_credentials_that_are_copied_into_an_image(tmp_path: Path) -> None:
    files = {
        "Dockerfile": 'FROM a\nCOPY .npmrc /root/\nADD [".docker/config.json", "/root/"]\nCOPY a.npmrc b\n'
    }
    assert found(judged(tmp_path, files)) == {
        ("Dockerfile", 2, "copied-credentials"),
        ("Dockerfile", 3, "copied-credentials"),
    }


# What takes long, or much memory, where it is read without care.
HOSTILE: dict[str, tuple[str, str | bytes]] = {
    "an alias to itself": (WORKFLOW, "jobs: &a {a: *a, steps: [*a]}"),
    "a missing quote": (WORKFLOW, "a:\n  run: |\n    docker login '" + "x " * 200_000),
    "opened substitutions": ("Jenkinsfile", "sh '" + "docker login $(" * 40_000),
    "variables of variables": (
        "Dockerfile",
        "RUN A="
        + "login" * 19
        + "; "
        + "; ".join("B='$A$A'; C=" + "$A" * 240 + '; echo "$C$C $B"' for _ in range(1500)),
    ),
    "opened expressions": (WORKFLOW, "a: {run: 'make " + "${{ secrets.A " * 40_000 + "'}"),
    "here-documents without end": ("Dockerfile", "RUN <<A docker login\n" * 20_000),
    "words in words": ("Dockerfile", 'RUN sh -c "' + "docker login -p $X; " * 40_000 + '"'),
    "spaces": ("compose.yaml", "a: 'login" + " " * 500_000 + "'\n\tx: 1" + " " * 400_000),
    "one long value": ("compose.yaml", "REGISTRY_PASSWORD: " + "put-" * 120_000),
    "common words": ("compose.yaml", "API_TOKEN: " + "aaan" * 120_000 + "!"),
    "backticks": (WORKFLOW, "a:\n  run: |\n    docker login " + "`" * 300_001),
    "quotes of Groovy": ("Jenkinsfile", "'\"'''" * 100_000),
    "addresses": ("Dockerfile", "RUN " + "http://a:" * 50_000),
    "bytes": ("Dockerfile", bytes(range(256)) * 1000),
    "nothing": ("Dockerfile", b""),
    "many jobs": (".gitlab-ci.yml", "".join(f"a{n}: {{script: [docker login]}}\n" for n in range(1_900))),
    "many values": (".circleci/config.yml", "jobs: {a: {steps: [" + "a," * 100_000 + "docker push]}}"),
    "many programs": (".gitlab-ci.yml", f"a: {{script: ['{'docker ' * 140_000}']}}"),
    "many dots": (".drone.yml", f"steps: [{{image: 'a{':1.1.1-' * 140_000}', settings: {{password: $A}}}}]"),
    "many libraries": ("Jenkinsfile", "docker login " + "library(['a@b', " * 30_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By the processor's time: what other programs of the machine take is not the file's doing."""
    monkeypatch.setattr("pushpolicy.gather.pipeline._SECONDS", 600)
    path, content = HOSTILE[name]
    start = time.process_time()
    result = judged(tmp_path, {path: content})
    assert result.status == Status.COLLECTED, result.reason
    assert time.process_time() - start < 15


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a: " + "[" * 5000, "nested more than 100 deep"),
        ("x: 1\n" * 300_000, "over the limit of 1048576 bytes"),
        (
            "a0: &a0 [x, x]\n"
            + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 20)}]\n" for n in range(30)),
            "aliases written out it holds over 1000000 values",
        ),
        (
            "jobs:\n  a: &a {steps: ["
            + "x, " * 100_000
            + "]}\n"
            + "".join(f"  a{n}: *a\n" for n in range(40_000)),
            "aliases written out it holds over 1000000 values",
        ),
        (
            f"x: &x '{'docker ' * 50_000}'\nsteps: [{'*x, ' * 40_000}]",
            "aliases written out it holds over 1000000 values",
        ),
        ("".join(f"REGISTRY_PASSWORD{n}X: hunter2\n" for n in range(2_100)), "over 2000 findings"),
    ],
)
def test_what_cannot_be_judged_has_failed(tmp_path: Path, content: str, reason: str) -> None:
    result = judged(tmp_path, {WORKFLOW: content})
    assert result.status == Status.FAILED
    assert reason in str(result.reason)
    assert result.findings == ()


def test_a_usual_checkout_costs_little(tmp_path: Path) -> None:
    """Less than 50 ms of 2,000 files on a machine at rest; twice that is let pass, of the best of five."""
    values = {"trigger": "push", "pin": PIN, "ref": "main", "kept": "false", "action": PIN}
    script = "".join(f"      - run: make step{n} TOKEN=$TOKEN && ./ci/step.sh\n" for n in range(40))
    files: dict[str, str | bytes] = {f"src/p{n % 40}/m{n}.py": "x = 1\n" for n in range(2_000)}
    files |= {f".github/workflows/{n}.yml": JOB.format(**values) + script for n in range(5)}
    checkout = inspect(make_checkout(tmp_path, {**files, "Dockerfile": "FROM a\nRUN make\n"}), ENVIRON)
    costs = []
    for _ in range(5):
        start = time.process_time()
        assert len(evidence(checkout).files) == 6
        costs.append(time.process_time() - start)
    assert min(costs) < 0.1, costs


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("_MAX_TOTAL", 100, "over the limit of 100 bytes together"),
        ("_MAX_CALLED", 1, "name over 1 others"),
        ("_SECONDS", -1, "took over -1 seconds"),
    ],
)
def test_all_together_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, reason: str
) -> None:
    monkeypatch.setattr(f"pushpolicy.gather.pipeline.{limit}", value)
    run = "jobs: {a: {steps: [{run: './one.sh; ./two.sh; ./three.sh'}]}}"
    names = ("one.sh", "two.sh", "three.sh")
    result = judged(tmp_path, {WORKFLOW: run, **dict.fromkeys(names, f"#!/bin/sh\n# {'x' * 40}\n")})
    assert result.status == Status.FAILED
    assert reason in str(result.reason)


def test_a_program_and_another_configuration_are_no_text(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        WORKFLOW: "jobs: {a: {steps: [{run: ./push.sh}]}}",
        "push.sh": b"\x7fELF\0docker login -p hunter2",
        "app/config.json": b"x" * 1_100_000,
        "b/config.json": "{}",
    }
    assert judged(tmp_path, files).files == (WORKFLOW,)


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    make_checkout(
        tmp_path / "work", {"a": "a", WORKFLOW: LOGIN, "b/Dockerfile": "ENV REGISTRY_TOKEN=hunter2"}
    )
    checkout = inspect(tmp_path / "work", ENVIRON)
    (tmp_path / "work/b").rename(tmp_path / "c")
    (tmp_path / "work/b").symlink_to(tmp_path / "c")
    assert "cannot be read" in str(evidence(checkout).reason)
    (tmp_path / "work/b").unlink()
    (tmp_path / "work" / WORKFLOW).unlink()
    os.mkfifo(tmp_path / "work" / WORKFLOW)
    assert "not a regular file" in str(evidence(checkout).reason)


def test_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    make_checkout(tmp_path, {WORKFLOW: "on: push"})
    checkout = inspect(tmp_path, ENVIRON)
    (tmp_path / WORKFLOW).unlink()
    assert (evidence(checkout).status, evidence(checkout).files) == (Status.COLLECTED, ())
