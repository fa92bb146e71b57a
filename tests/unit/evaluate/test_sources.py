from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import sources
from pushpolicy.evaluate.sources import read_source
from tests.policies import write_policy


def test_an_installation_without_policies_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.policies.cache_clear()
    monkeypatch.setattr(sources, "__file__", str(tmp_path / "src/pushpolicy/evaluate/sources.py"))
    with pytest.raises(PolicyError, match="the shipped policies are not beside"):
        sources.policies()


def test_tests_and_examples_are_not_read(tmp_path: Path) -> None:
    write_policy(tmp_path, {"a": "package a"}, settings="{}")
    (tmp_path / "a" / "a_test.rego").write_text("package a_test")
    (tmp_path / "a" / "examples.yaml").write_text("[]")
    (tmp_path / "README.md").write_text("text")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.rego").write_text("package x")
    (tmp_path / "docs").mkdir()
    source = read_source(tmp_path)
    assert {name: file.content for name, file in source.rules.items()} == {"a": b"package a"}
    assert source.data.keys() == {"settings.yaml"}


@pytest.mark.parametrize(
    "path",
    [
        "loose.rego",
        "a/other.rego",
        "a/deeper/a.rego",
        "b/a.rego",
        "a/data.json",
        "a/data.yaml",
        "setings.yaml",
        "settings.yml",
        "data.json",
        "Bad/Bad.rego",
        "a-b/a-b.rego",
        "1a/1a.rego",
        "b/b.Rego",
        "loose.REGO",
        "settings.YAML",
        "Settings.yaml",
        "a/settings.yaml",
        "a/Waivers.yml",
        "data/enforcement.yaml",
        "a/examples.yml",
        "a/example.yaml",
        "a/deeper/examples.yaml",
        "b/b_test.rego",
        "b/examples.yaml",
        "b/b.rego.txt",
        "b/b.rego ",
    ],
)
def test_what_would_silently_not_be_evaluated(tmp_path: Path, path: str) -> None:
    write_policy(tmp_path, {"a": "package a"})
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("package x")
    with pytest.raises(PolicyError, match=str(tmp_path / Path(path).parts[0])):
        read_source(tmp_path)


def test_a_rule_may_be_named_as_tests_are(tmp_path: Path) -> None:
    write_policy(tmp_path, {"load_test": "package a"})
    (tmp_path / "load_test" / "load_test_test.rego").write_text("package a_test")
    assert read_source(tmp_path).rules.keys() == {"load_test"}


def test_links_that_leave_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_policy(outside, {"a": "package a"}, settings="{}")
    (tmp_path / "policy").mkdir()
    for name in ("a", "settings.yaml"):
        (tmp_path / "policy" / name).symlink_to(outside / name)
    with pytest.raises(PolicyError) as caught:
        read_source(tmp_path / "policy")
    assert len(caught.value.message.splitlines()) == 2
    assert "a link that leaves the policy folder" in caught.value.message


def test_a_link_inside_the_folder(tmp_path: Path) -> None:
    write_policy(tmp_path, {"a": "package a"})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "b.rego").symlink_to(tmp_path / "a" / "a.rego")
    assert read_source(tmp_path).rules.keys() == {"a", "b"}


@pytest.mark.parametrize("name", ["absent", "file.txt", "Bad.rego"])
def test_neither_folder_nor_rule(tmp_path: Path, name: str) -> None:
    if name != "absent":
        (tmp_path / name).write_text("x")
    reasons = {"Bad.rego": "is not a valid name for a rule", "absent": "is not there$"}
    reason = reasons.get(name, r"is not a folder or a \.rego file$")
    with pytest.raises(PolicyError, match=f"{name.split('.')[0]}.*{reason}"):
        read_source(tmp_path / name)


@pytest.mark.parametrize(("name", "meant"), [("polices", "policies"), ("packk", "pack")])
def test_what_a_misspelt_policy_may_be(tmp_path: Path, name: str, meant: str) -> None:
    write_policy(tmp_path / "policies", {"a": "package a"})
    with pytest.raises(PolicyError, match=rf"{name} is not there \(is {meant} meant\?\)$"):
        read_source(tmp_path / name)


def test_the_folder_of_one_rule_is_no_set(tmp_path: Path) -> None:
    """What stands in it, tests and examples, is not to be moved: the folder is the wrong one."""
    folder = Path(write_policy(tmp_path, {"a": "package a"})) / "a"
    for name in ("a_test.rego", "examples.yaml"):
        (folder / name).write_text("")
    with pytest.raises(PolicyError, match=r"a is the folder of one rule$") as caught:
        read_source(folder)
    assert str(folder / "a.rego") in str(caught.value.hint)
    assert read_source(folder / "a.rego").rules.keys() == read_source(tmp_path).rules.keys() == {"a"}


@pytest.mark.parametrize(("method", "refused"), [("iterdir", "a"), ("read_bytes", "a/a.rego")])
def test_what_cannot_be_read_is_no_policy_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, refused: str
) -> None:
    write_policy(tmp_path, {"a": "package a", "b": "package b"})
    really = getattr(Path, method)

    def read(path: Path) -> object:
        if path == tmp_path / refused:
            raise PermissionError(errno.EACCES, "Permission denied")
        return really(path)

    monkeypatch.setattr(Path, method, read)
    with pytest.raises(PolicyError, match=f"{refused}: Permission denied"):
        read_source(tmp_path)


def test_a_file_of_a_policy_is_regular_and_no_larger_than_the_limit(tmp_path: Path) -> None:
    write_policy(tmp_path, {"a": "package a"}, settings="#" * (4 * 1024 * 1024 + 1))
    os.mkfifo(tmp_path / "waivers.yaml")
    with pytest.raises(PolicyError) as caught:
        read_source(tmp_path)
    assert caught.value.message.splitlines() == [
        f"{tmp_path / 'settings.yaml'}: over the limit of 4 MiB; split it",
        f"{tmp_path / 'waivers.yaml'}: not a regular file; put a file there",
    ]
