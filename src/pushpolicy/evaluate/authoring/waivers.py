"""`pushpolicy policy waive`: the waiver of exactly what was denied, for whoever grants it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from pushpolicy.errors import InputError, UsageError
from pushpolicy.evaluate.answer import UNJUDGED
from pushpolicy.evaluate.authority import NAMED_PURL
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.files import read_file, write_whole
from pushpolicy.model import strict_yaml
from pushpolicy.model.text import first_of, printable, quoted
from pushpolicy.records.floor import matches_glob, nanoseconds, waiver_days

# What a list in the file may be indented by.
_INDENTS = ("  ", "", "    ")
# What no pattern for OPA is, beyond * and ?; the schema of waivers.yaml says so, too.
_PURL = re.compile(r"[^\[\]{}\\!]+")


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever grants a waiver says.

    Attributes:
        expires: RFC 3339 time, as are the others.
        purl: which package it is for, with * for its version; without one, each waiver names a finding.
        repository: where it holds, REGISTRY/REPOSITORY with * for one part of the path; everywhere without.
    """

    reason: str
    approver: str
    expires: str
    ticket: str | None = None
    not_before: str | None = None
    purl: str | None = None
    repository: str | None = None


def grant(
    policy: PolicySet, denials: Sequence[Mapping[str, Any]], given: Grant, at: datetime, *, by_id: bool = True
) -> list[dict[str, str]]:
    """The waivers of these denials ({rule, id, evidence?}), one for each; or one of a package for each rule.

    Args:
        policy: what denied.
        denials: those of `select`.
        given: what is granted.
        at: now.
        by_id: whether each names the id of the finding; without it, the package alone.

    Raises:
        UsageError: when one can never be waived, or what is given would not be honoured.
    """
    if problem := next(_problems(policy, denials, given, at), None):
        raise UsageError(*problem)
    words = {key: value for key, value in msgspec.structs.asdict(given).items() if value is not None}
    if by_id:
        return [{**_named(each), **words} for each in denials]
    return [{"rule": rule, **words} for rule in dict.fromkeys(str(each["rule"]) for each in denials)]


def _named(denial: Mapping[str, Any]) -> dict[str, str]:
    return {"rule": denial["rule"], "evidence" if denial.get("evidence") else "id": denial["id"]}


def _problems(
    policy: PolicySet, denials: Sequence[Mapping[str, Any]], given: Grant, at: datetime
) -> Iterator[tuple[str, str]]:
    rules = policy.index.rules
    if all(each["id"] == UNJUDGED and each.get("at") == {"id": UNJUDGED} for each in denials):
        yield (
            "no waiver helps: no rule judged the image",
            "set what a rule asks for, or add a rule that applies",
        )
    for name in sorted({str(each["rule"]) for each in denials}):
        if name not in rules:
            yield f"no rule is named {printable(name)}", "name the policy that denied with --policy"
        elif rules[name].integrity:
            yield f"nobody can waive {name}: it is about whether evidence can be believed", rules[name].fix
    for name, text in (("reason", given.reason), ("approver", given.approver)):
        if not text.strip():
            yield f"--{name} is empty", "a waiver says why it is tolerable, and who says so"
    if given.repository is not None and not given.repository.replace("*", "").strip("/"):
        yield "--repository is a pattern for everything", "leave it out, or name the registry"
    yield from _timing(policy, given, at)


def _timing(policy: PolicySet, given: Grant, at: datetime) -> Iterator[tuple[str, str]]:
    now = int(at.timestamp()) * 10**9
    end, start = nanoseconds(given.expires), nanoseconds(given.not_before) if given.not_before else now
    days = waiver_days({}, policy.grounds)
    if end is None or start is None:
        name = "expires" if end is None else "not-before"
        yield f"--{name} is not a time", 'write it like "2027-01-31T00:00:00Z"'
    elif end <= max(now, start):
        yield f"--expires {given.expires} is over before the waiver counts", "name a later time"
    elif end - start > days * 24 * 3600 * 10**9:
        latest = datetime.fromtimestamp(start // 10**9, tz=at.tzinfo) + timedelta(days=days)
        yield (
            f"--expires {given.expires} is later than the {days} days that the policy allows",
            f"{latest:%Y-%m-%dT%H:%M:%SZ} at the latest",
        )


def as_yaml(waivers: Sequence[Mapping[str, str]], indent: str = "  ") -> str:
    """The items of a list of waivers, as YAML."""
    return "".join(
        f"{indent}{'- ' if number == 0 else '  '}{key}: {quoted(value)}\n"
        for waiver in waivers
        for number, (key, value) in enumerate(waiver.items())
    )


def append(path: Path, waivers: Sequence[Mapping[str, str]]) -> None:
    """Append waivers to the list at the end of a YAML file; either is made where it is not there.

    Everything else in the file, comments too, stays as it is.

    Raises:
        InputError: when the file cannot be read or written, or does not end with such a list.
    """
    if path.is_symlink():
        raise InputError(f"{path}: it is a link", "name the file that it leads to")
    try:
        text = read_file(path, strict_yaml.MAX_SIZE).decode() if path.exists() else ""
        before = strict_yaml.read(text.encode()) or {}
        if "waivers" not in before:
            text = f"{text.rstrip()}\nwaivers:\n".lstrip()
        content = next(_with(text, before, waivers))
        with write_whole(path) as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: not a file with waivers: {error}") from error
    except StopIteration as error:
        raise InputError(
            f"{path}: it does not end with a list of waivers, one below the other",
            "leave --write out, and put what is printed where it belongs",
        ) from error


def _with(text: str, before: Mapping[str, Any], waivers: Sequence[Mapping[str, str]]) -> Iterator[bytes]:
    """The text with the waivers below, in each indentation in which a reader finds them where they belong."""
    there = before.get("waivers") or []
    wanted = {**before, "waivers": [*there, *waivers]}
    for indent in _INDENTS:
        content = f"{text.removesuffix(chr(10))}\n{as_yaml(waivers, indent)}".encode()
        try:
            if strict_yaml.read(content) == wanted:
                yield content
        except strict_yaml.YamlError:
            continue


def select(
    denials: Sequence[Mapping[str, Any]], rules: Sequence[str], ids: Sequence[str], purl: str | None = None
) -> list[Mapping[str, Any]]:
    """Those of these rules, ids and packages; all, where none is named.

    Raises:
        UsageError: when there is none, or the package could be any.
    """
    if purl is not None and not (_PURL.fullmatch(purl) and NAMED_PURL.fullmatch(purl)):
        raise UsageError(
            f"--purl {printable(purl)} does not name one package",
            "write its type and name, with * for the version alone: pkg:deb/debian/openssl@*",
        )
    found = [
        each
        for each in denials
        if (not rules or each["rule"] in rules)
        and (not ids or each["id"] in ids)
        and (purl is None or matches_glob(purl, "", _purl(each)))
    ]
    if not found:
        named = "rule and id" if purl is None else "rule, id and package"
        there = sorted(
            {
                f"{each['rule']} {each['id'] if purl is None else _purl(each)}"
                for each in denials
                if purl is None or _purl(each)
            }
        )
        nothing = "nothing was denied at all" if not denials else "no finding that was denied has a purl"
        raise UsageError(
            f"nothing of that {named} was denied",
            f"denied are {printable(first_of(there, 5), 400)}" if there else nothing,
        )
    return found


def _purl(denial: Mapping[str, Any]) -> str | None:
    at = denial.get("at")
    purl = at.get("purl") if isinstance(at, Mapping) else None
    return purl if isinstance(purl, str) else None
