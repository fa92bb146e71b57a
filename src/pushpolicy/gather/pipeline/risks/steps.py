"""CircleCI, Buildkite, Drone and Woodpecker: orbs and plugins of others, which see what a job is given."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.document import Node, walk
from pushpolicy.gather.pipeline.risks.logins import is_fixed, is_of_registry, login_in, name_of
from pushpolicy.gather.pipeline.values import is_credential_name


def of_circleci(root: Node) -> Iterator[Hit]:
    """CircleCI, "Configuration reference": orbs without a full version, in jobs that log in."""
    orbs = {alias: orb for alias, orb in root.get("orbs").fields if orb.text}
    loose = {alias for alias, orb in orbs.items() if not is_fixed(orb.text or "")}
    of_registry = {alias for alias, orb in orbs.items() if is_of_registry((orb.text or "").partition("@")[0])}
    for _, job in (*root.get("jobs").fields, *root.get("commands").fields):
        used = {name.partition("/")[0] for name in _steps_of(job)}
        if used & of_registry or login_in(job.get("steps")):
            yield from (Hit(orbs[alias].line, "unpinned-action") for alias in sorted(used & loose))
    for _, workflow in root.get("workflows").fields:
        used = {name_of(job).partition("/")[0] for job in workflow.get("jobs").items}
        yield from (Hit(orbs[alias].line, "unpinned-action") for alias in sorted(used & loose & of_registry))


def _steps_of(job: Node) -> Iterator[str]:
    """The names of its steps, those of `when` and `unless` too."""
    for place, node in walk([job.get("steps")]):
        if not {"run", "command"}.intersection(place):
            yield name_of(node)


def of_buildkite(root: Node) -> Iterator[Hit]:
    """Buildkite, "Using plugins": those by a branch, or by none, in a step that logs in."""
    for _, step in walk([root]):
        given = step.get("plugins")
        named = [(name_of(each), each.line) for each in given.items]
        named += [(name, below.line) for name, below in given.fields]
        has_login = any(is_of_registry(name) for name, _ in named)
        if named and (has_login or login_in(step.get("command"), step.get("commands"))):
            for name, line in named:
                if not name.startswith(".") and not is_fixed(name):
                    yield Hit(line, "unpinned-action")


def of_drone(root: Node) -> Iterator[Hit]:
    """Drone, "Plugins" and "Conditions"; Woodpecker, "Workflow syntax": steps that are given a password."""
    above = _events(root)
    steps = root.get("steps")
    for step in (*steps.items, *(below for _, below in steps.fields)):
        is_plugin = any(is_credential_name(key) for key, _ in step.get("settings").fields)
        if is_plugin and not is_fixed(step.get("image").text or ""):
            yield Hit(step.get("image").line, "unpinned-action")
        found = step if is_plugin else login_in(step.get("commands"))
        if found and "pull_request" in (_events(step) or above):
            yield Hit(found.line, "login-beside-untrusted-code")


def _events(node: Node) -> set[str]:
    """The events that a pipeline or a step names; none where it runs for all, or all but some."""
    found: set[str] = set()
    for when in (node.get("trigger"), node.get("when")):
        for each in (when, *when.items):
            event = each.get("event")
            found |= event.get("include").texts() if event.fields else event.texts()
    return found
