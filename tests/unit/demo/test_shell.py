"""The demo's commands: what they see of the reader's environment, and how they may end."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.demo.shell import Ran, Shell, UnexpectedExitError
from pushpolicy.errors import EXIT_BUG, EXIT_USAGE, UsageError

PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell.of(tmp_path, {"PATH": PATH})


def test_commands_see_the_story_and_not_the_readers_settings(tmp_path: Path) -> None:
    reader = {
        "PATH": PATH,
        "GITLAB_CI": "true",
        "GITHUB_TOKEN": "s3cret",
        "GITHUB_EVENT_NAME": "pull_request",
        "PUSHPOLICY_FORMAT": "json",
        "PYTEST_ADDOPTS": "--exitfirst",
        "GIT_DIR": "/nowhere",
    }
    seen = dict(line.split("=", 1) for line in Shell.of(tmp_path, reader).quietly("env").splitlines())
    assert seen["PATH"] == PATH
    assert seen["GITHUB_EVENT_NAME"] == "push"
    assert not {"GITLAB_CI", "GITHUB_TOKEN", "PUSHPOLICY_FORMAT", "PYTEST_ADDOPTS", "GIT_DIR"} & seen.keys()


def test_ci_names_the_commit(shell: Shell) -> None:
    assert "GITHUB_SHA=abc123\n" in shell.at("abc123").quietly("env")


def test_both_streams_are_shown(shell: Shell) -> None:
    assert shell.quietly("sh -c 'echo out; echo err >&2; echo out'") == "out\nerr\nout\n"


def test_python_tools_run_with_this_interpreter(shell: Shell) -> None:
    assert shell.quietly("pytest --version").startswith("pytest ")
    no_path = Shell.of(shell.folder, {"PATH": "/nowhere"})
    assert no_path.quietly("pytest --version").startswith("pytest ")


def test_a_failure_of_pushpolicy_keeps_its_exit_code() -> None:
    ran = Ran(command="pushpolicy push a b", code=30, output="talk\nno engine\n")
    with pytest.raises(UnexpectedExitError, match="ended with exit code 30") as caught:
        ran.expect(10)
    assert (caught.value.exit_code, caught.value.hint) == (30, "no engine")


@pytest.mark.parametrize("code", [0, 1, -9])
def test_an_end_that_is_no_failure_of_pushpolicy_is_a_bug(code: int) -> None:
    with pytest.raises(UnexpectedExitError) as caught:
        Ran(command="pushpolicy push a b", code=code, output="").expect(10)
    assert caught.value.exit_code == EXIT_BUG


def test_a_failure_of_another_program_is_the_environments(shell: Shell) -> None:
    with pytest.raises(UnexpectedExitError) as caught:
        shell.quietly("sh -c 'exit 129'")
    assert caught.value.exit_code == EXIT_USAGE


def test_an_expected_failure_is_output(shell: Shell) -> None:
    ran = shell.run("sh -c 'echo denied; exit 10'")
    ran.expect(10)
    assert ran.output == "denied\n"


def test_a_missing_program_is_named(shell: Shell) -> None:
    with pytest.raises(UsageError, match="no-such-program"):
        shell.quietly("no-such-program --now")
