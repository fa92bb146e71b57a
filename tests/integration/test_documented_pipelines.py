"""docs/ci: each page's pipeline is one, holds no credential, and its command decides there as it should."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from pushpolicy.cli.main import cli as program
from pushpolicy.gather.ci import SYSTEMS
from pushpolicy.gather.pipeline.places import kind_of
from pushpolicy.model.reference import Target
from tests.ci import Case, cases
from tests.policies import ROOT, write_policy
from tests.programs import tool
from tests.unit.gather.samples import COMMIT
from tests.workspace import IMAGE, TARGET, Workspace

_PAGE = re.compile(r"`(?P<path>[^`\n]+)`:\n\n```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
_NOT_SHOWN = re.compile(r"\*\*What it does not show\.\*\*(.*?)(?:\n\n|\Z)", re.DOTALL)
_VARIABLE = re.compile(r"\$?\$(\w+)|%(build\.vcs\.number)%")
# Fields that a system may not tell, and a word that says so.
_FIELDS = {
    "event_raw": "caused the run",
    "ref_protected": "branch is protected",
    "default_branch": "default branch",
    "actor": "started",
    "environment": "environment",
    "runner.kind": "kind of the|runner|machine|agent",
}
# What the fixtures leave to others: variables of a registry, and of a script that people write.
_FURTHER = {"CI_REGISTRY_IMAGE": "registry.gitlab.com/team/app", "BRANCH": "main", "RUN": "7"}
_ON_A_LAPTOP = {"$(git branch --show-current)": "main", "$(git rev-parse HEAD)": "$COMMIT"}


class Page(NamedTuple):
    """A page of docs/ci: the file that it shows, and all of its text."""

    name: str
    path: str
    language: str
    text: str
    page: str

    @property
    def document(self) -> Any:
        """The file, where it is YAML."""
        return yaml.safe_load(self.text) if self.language == "yaml" else None

    def commands(self) -> list[list[str]]:
        """The words of each command line of pushpolicy."""
        if self.language == "yaml":
            return list(_of_yaml(self.document))
        return [words for line in self.text.splitlines() for words in _of_line(_unquoted(line))]


def page(name: str) -> Page:
    """One page."""
    text = (ROOT / f"docs/ci/{name}.md").read_text(encoding="utf-8")
    found = _PAGE.search(text)
    assert found, f"{name} shows no file"
    return Page(name, found["path"], found["language"], found["text"], text)


def _of_yaml(value: Any) -> Iterator[list[str]]:
    if isinstance(value, str):
        yield from (words for line in value.splitlines() for words in _of_line(line))
    elif isinstance(value, list):
        for item in value:
            yield from _of_yaml(item)
    elif isinstance(value, dict):
        if "pushpolicy" in str(value.get("name")) and "args" in value:
            yield ["pushpolicy", *value["args"]]
        for item in value.values():
            yield from _of_yaml(item)


def _of_line(line: str) -> Iterator[list[str]]:
    for part in re.split(r"[|;]\s*", line):
        if part.strip().startswith("pushpolicy "):
            yield shlex.split(part)


def _unquoted(line: str) -> str:
    """What stands in the quotes around a command, in a language that is no shell."""
    before, mark, after = line.partition("pushpolicy ")
    quote = before[-1:]
    return mark + (after.rpartition(quote)[0] if quote in ("'", '"') else after)


NAMES = sorted(path.stem for path in (ROOT / "docs/ci").glob("*.md"))
PAGES = {name: page(name) for name in NAMES}
_SYSTEM = {"other": "handed-over", "laptop": "handed-over"}


def test_every_system_has_its_page_which_the_index_names() -> None:
    assert {_SYSTEM.get(name, name) for name in NAMES} == {system.name for system in SYSTEMS}
    index = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"(ci/{name}.md)" not in index] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_one_of_its_language(name: str) -> None:
    shown = PAGES[name]
    if shown.language == "yaml":
        assert isinstance(shown.document, dict)
    elif shown.language == "sh":
        subprocess.run(["sh", "-n"], input=shown.text, text=True, check=True)
    else:
        code = re.sub(r"//[^\n]*|'[^'\n]*'|\"[^\"\n]*\"", "", shown.text)
        assert not re.search(r"['\"]", code)
        assert [code.count(opening) for opening in "({["] == [code.count(closing) for closing in ")}]"]


@pytest.mark.parametrize("name", NAMES)
def test_its_commands_are_commands(name: str) -> None:
    commands = PAGES[name].commands()
    assert [words[1] for words in commands] == ["push"]
    for _, group, *arguments in commands:
        with click.Context(program) as context:
            found = program.get_command(context, group)
            assert found
            found.make_context(group, list(arguments), parent=context)


@pytest.mark.parametrize("name", ["github-actions", "gitea-actions", "forgejo-actions"])
def test_actionlint_finds_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text(PAGES[name].text)
    arguments = [str(tool("actionlint")), "-shellcheck=", "-pyflakes=", str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_what_is_not_told_is_said(system: Any) -> None:
    told = {*system.fields, *(field.partition(".")[0] for field in system.fields)}
    for name in NAMES:
        if _SYSTEM.get(name, name) == system.name and name != "laptop":
            found = _NOT_SHOWN.search(PAGES[name].page)
            assert found
            said = " ".join(found[1].split())
            silent = [word for field, word in _FIELDS.items() if field not in told]
            assert [word for word in silent if not re.search(word, said)] == []


def environment(shown: Page, case: Case, commit: str, folder: Path) -> dict[str, str]:
    """What a job sees: as the fixture says, or as the script of the page sets it."""
    if shown.language != "sh":
        return Case(*json.loads(json.dumps(case).replace(COMMIT, commit))).variables(folder)
    given = {**_FURTHER, "COMMIT": commit}
    found = dict[str, str]()
    for name, value in re.findall(r"^export (\w+)=(.*)$", shown.text, re.MULTILINE):
        for command, result in _ON_A_LAPTOP.items():
            value = value.replace(command, result)
        found[name] = expanded(value.strip('"'), given)
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables filled in; each has to be known."""
    return _VARIABLE.sub(lambda found: variables[found[1] or found[2]], text)


def decided(place: Workspace, shown: Page, case: Case) -> str:
    """What the page's command says in a job, for a folder as its target."""
    commit = place.environ["GITHUB_SHA"]
    kept = {name: value for name, value in place.environ.items() if not name.startswith(("GITHUB_", "CI"))}
    job = environment(shown, case, commit, place.folder.parent)
    ((_, _, _, target, *options),) = shown.commands()
    known = {**_FURTHER, **job, "COMMIT": commit, "build.vcs.number": commit}
    Target.parse(expanded(target, known))
    ran = replace(place, environ={**kept, **job}).run("check", IMAGE, TARGET, *options)
    return ran.out + ran.err


def test_each_command_is_allowed_on_a_push_to_main_and_denied_for_a_pull_request(
    workspace: Workspace,
) -> None:
    place = workspace
    for shown in PAGES.values():
        if kind_of(shown.path):
            place.write(shown.path, shown.text)
    place = place.committed("notes.md", "")
    write_policy(place.folder.parent / "policy", {}, settings="event_allowed: {events: [push, manual]}\n")
    for shown in PAGES.values():
        jobs = list(cases(_SYSTEM.get(shown.name, shown.name)))
        # Of TeamCity those without a word of the build itself, as its page has it.
        jobs = [job for job in jobs if job.properties or not jobs[-1].properties]
        push, proposal = jobs[0], next(job for job in jobs if job.expected["event"] == "pull_request")
        assert (said := decided(place, shown, push)).startswith("ALLOW "), f"{shown.name}: {said}"
        if shown.language != "sh":
            assert (said := decided(place, shown, proposal)).startswith("DENY "), f"{shown.name}: {said}"
    pipeline = place.run("gather", IMAGE, TARGET).json["pipeline"]
    read = [shown.path for shown in PAGES.values() if kind_of(shown.path)]
    assert set(read) <= set(pipeline["files"])
    assert (pipeline.get("findings", []), pipeline.get("risks", [])) == ([], [])
