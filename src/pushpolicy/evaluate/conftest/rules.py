"""The rule that stands for a namespace: it takes over what conftest would report of it, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import Origin
from pushpolicy.evaluate.conftest.given import Group, Module
from pushpolicy.evaluate.sources import RULE_NAME, fail_if
from pushpolicy.evaluate.syntax import head_name, read_references
from pushpolicy.model.index import RuleEntry
from pushpolicy.model.text import first_of, printable

# conftest 0.71.1, policy/engine.go: failureRegex, warningRegex.
_DENIES = re.compile(r"(deny|violation)(_[a-zA-Z0-9]+)*")
_WARNS = re.compile(r"warn(_[a-zA-Z0-9]+)*")
_ALMOST = re.compile(
    r"(deny|den(y|ie[sd])|violations?|violates?|warn|warnings?)((_|(?-i:[A-Z])).*)?", re.IGNORECASE
)
_PREFIXES = ("violation", "deny", "warn")
_FIRST_LINE = "# Generated from conftest policies."
# The values of a complete rule that conftest reports.
_MANY = frozenset({"array", "set", "arraycomprehension", "setcomprehension"})
_NAMESPACE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")

# What they give becomes a finding; what conftest would not report, or end with an error for, denies.
_FINDINGS = """
_plain(found) := found if is_string(found)

else := found.msg if {
	is_string(found.msg)
	object.remove(found, ["msg"]) == {}
}

_known(found) if is_string(found)

_known(found) if is_string(found.msg)

# A text names itself in a waiver; what says more is named by the digest of all of it.
_finding(rule, found) := {"msg": text, "at": {"id": $"{rule}: {text}", "rule": rule}} if {
	text := _plain(found)
} else := {"msg": found.msg, "at": {"rule": rule, "details": object.remove(found, ["msg"])}}

_unknown(rule, found) := {
	"msg": $"{rule} gives neither a text nor an object with a text `msg`: {found}",
	"at": {"rule": rule, "given": found},
}
"""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A generated rule: its entry of the index, and its module."""

    name: str
    entry: RuleEntry
    origin: Origin
    module: bytes


def make_rules(namespaces: Sequence[str], groups: Sequence[Group]) -> tuple[list[Rule], tuple[str, ...]]:
    """A rule of each namespace, and what should be said of them.

    Raises:
        PolicyError: for a namespace that nothing has, a folder that no namespace is of, and each rule in a
            form that conftest would not report.
    """
    rules, warnings, used = list[Rule](), list[str](), set[Origin]()
    for namespace in dict.fromkeys(namespaces):
        group, modules = _named(namespace, groups)
        used.add(group.origin)
        fail_if([problem for module in modules for problem in _misshapen(module)])
        rule = _rule(namespace, group, modules)
        if any(rule.name == other.name for other in rules):
            raise PolicyError(f"two namespaces are the rule {rule.name}: name one of them otherwise")
        rules.append(rule)
        warnings += _remarks(namespace, modules)
    fail_if(
        [f"{_having(group)}, none of which --namespace names" for group in groups if group.origin not in used]
    )
    return rules, tuple(warnings)


def is_generated(module: bytes) -> bool:
    """Whether a rule of the set stands for policies of conftest; in a record it may only say so."""
    return module.startswith(_FIRST_LINE.encode())


def all_rules(groups: Sequence[Group]) -> Iterator[Rule]:
    """What would be the rule of each package that denies or warns."""
    for group in groups:
        for namespace in dict.fromkeys(".".join(module.package) for module in group.modules):
            modules = [module for module in group.modules if ".".join(module.package) == namespace]
            if any(_evaluated(modules)) and _NAMESPACE.fullmatch(namespace):
                yield _rule(namespace, group, modules)


def _named(namespace: str, groups: Sequence[Group]) -> tuple[Group, list[Module]]:
    """The modules of a namespace; their group, since no two groups have the same."""
    if not _NAMESPACE.fullmatch(namespace):
        raise PolicyError(f"--namespace {printable(namespace)!r} is not the name of a package")
    for group in groups:
        modules = [module for module in group.modules if ".".join(module.package) == namespace]
        if any(_evaluated(modules)):
            return group, modules
        if modules:
            raise PolicyError(
                f"{modules[0].file.path}: package {namespace} has no deny, violation or warn",
                "conftest would pass over it: name another with --namespace",
            )
    raise PolicyError(
        f"no conftest policy is of the namespace {namespace}: " + "; ".join(map(_having, groups)),
        "conftest would pass over it: name one that is there with --namespace",
    )


def _having(group: Group) -> str:
    names = sorted({".".join(module.package) for module in group.modules})
    return f"{group.named} has the packages {first_of([printable(name) for name in names], 10)}"


def _evaluated(modules: Sequence[Module]) -> list[str]:
    """The rules that conftest evaluates, each once."""
    names = dict.fromkeys(head_name(rule) for module in modules for rule in module.rules)
    return [name for name in names if _DENIES.fullmatch(name) or _WARNS.fullmatch(name)]


def _misshapen(module: Module) -> Iterator[str]:
    for rule in module.rules:
        head, name = rule["head"], head_name(rule)
        if not (_DENIES.fullmatch(name) or _WARNS.fullmatch(name) or name == "exception"):
            continue
        many = head["value"].get("type") in _MANY if "value" in head else "key" in head
        if not many or len(head.get("ref", [])) != 1 or "args" in head or "else" in rule:
            yield module.at(
                rule,
                f"`{name}` is not a set: conftest would pass over what it says; write"
                f" `{name} contains ... if ...`, before OPA 1.0 `{name}[...] {{ ... }}`",
            )


def _remarks(namespace: str, modules: Sequence[Module]) -> Iterator[str]:
    if not any(_DENIES.fullmatch(name) for name in _evaluated(modules)):
        yield f"conftest namespace {namespace} has neither deny nor violation: it only warns"
    for module in modules:
        for rule in module.rules:
            name = head_name(rule)
            evaluated = _DENIES.fullmatch(name) or _WARNS.fullmatch(name)
            if _ALMOST.fullmatch(name) and not evaluated and "args" not in rule["head"]:
                yield module.at(rule, f"`{name}` is not evaluated: it is not named as conftest's rules are")


def _rule(namespace: str, group: Group, modules: Sequence[Module]) -> Rule:
    name, names = f"conftest_{namespace.lower().replace('.', '_')}", _evaluated(modules)
    if not RULE_NAME.fullmatch(name):
        raise PolicyError(f"--namespace {namespace} is too long for the name of a rule")
    entry = RuleEntry(
        title=f"conftest: {group.named} namespace {namespace}",
        description=f"What the conftest policies of the package {namespace} deny.",
        severity="high",
        fix="Change what the message names; what it demands is said by the conftest policies.",
        requires=tuple(sorted(_kinds(group))),
        heads=("deny", "warn") if any(map(_WARNS.fullmatch, names)) else ("deny",),
        effective_on=None,
        repo_may=(),
        integrity=False,
        settings={},
    )
    excepts = any(head_name(rule) == "exception" for module in modules for rule in module.rules)
    text = "\n".join(_module(name, namespace, names, excepts=excepts)) + _FINDINGS
    return Rule(name=name, entry=entry, origin=group.origin, module=text.encode())


def _kinds(group: Group) -> set[str]:
    """The evidence that is read by name, but by warnings and tests. As for any rule, it must be there."""
    found = set[str]()
    for module in group.modules:
        rules = [rule for rule in module.rules if not head_name(rule).startswith(("warn", "test_", "todo_"))]
        # What is refused in a rule of pushpolicy's form, conftest's may do.
        found |= read_references(None, module.tree, rules)[0].kinds
    return found


def _module(name: str, namespace: str, names: Sequence[str], *, excepts: bool) -> Iterator[str]:
    package = "data" + "".join(f"[{json.dumps(part)}]" for part in namespace.split("."))
    yield f"{_FIRST_LINE}\npackage pushpolicy.rules.{name}\n\nimport rego.v2"
    for each in names:
        body = [f"some found in {package}.{each}"]
        if excepts:
            body.insert(0, f'not _excepted("{_without_prefix(each)}")')
        head = "deny" if _DENIES.fullmatch(each) else "warn"
        yield _clause(head, f'_finding("{each}", found)', [*body, "_known(found)"])
        yield _clause("deny", f'_unknown("{each}", found)', [*body, "not _known(found)"])
    if excepts:
        # As conftest asks: data.NAMESPACE.exception[_][_] == NAME.
        names_it = [f"some names in {package}.exception", "some given in names", "given == name"]
        yield _clause("_excepted(name)", None, names_it)


def _clause(head: str, member: str | None, body: Sequence[str]) -> str:
    lines = "".join(f"\n\t{line}" for line in body)
    return f"\n{head}{f' contains {member}' if member else ''} if {{{lines}\n}}"


def _without_prefix(name: str) -> str:
    """What an exception names, as conftest has it (removeRulePrefix)."""
    if name in _PREFIXES:
        return ""
    for prefix in _PREFIXES:
        name = name.removeprefix(f"{prefix}_")
    return name
