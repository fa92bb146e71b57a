"""The twins of builtins give what OPA's own give, wherever they give anything."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate.follow.builtins import call, matched
from pushpolicy.evaluate.follow.domain import ANYTHING, Domain, few, kinds
from pushpolicy.evaluate.follow.forms import text
from pushpolicy.evaluate.sources import policies

TEXTS = ["", "a", "high", "HIGH", "not-fixed", "  x\t", "aXa", "a.b/c", "3", "-12", "x\ny", "Ä", "critical"]
PARTS = ["", "a", "H", "-", ".", "high", "xyz", "i"]
NUMBERS = [0, 1, -1, 7, 12, 2.5, -0.5, 2**53, 10**15]
PATTERNS = [
    "^h",
    "gh$",
    "^(high|low)$",
    "[a-z]+",
    "^[^a-z]",
    "a{2}",
    "a{,2}",
    r"\d+",
    r"^\s",
    r"x\.y",
    "(?i)HIGH",
]
PATTERNS += [
    r"^\w+-\w+$",
    "",
    "a|",
    "[[:alpha:]]",
    r"\pL",
    ".",
    "^$",
    "(a",
    "[]a]",
    "a*?",
    r"\bx",
    "é",
    r"[\w-]",
]
GLOBS = ["*", "**", "h*", "?igh", "*-fixed", "a.*", "a*c", "a?b", "*.*", "[ab]*", "{a,b}*", "", "a/**", "***"]
LISTS = [[], ["a"], ["high", "low"], ["b", "a", "b"], [1, 2, 3], [2.5], ["a", 1], [True]]
FORMS = ["%s", "%d", "%v", "%s-%s", "%%", "a", "%5s", "%x"]
SCALARS = ["a", 1, 1.5, True, None]
# Builtins, and what each of their arguments is in turn.
CALLS: list[tuple[str, list[list[Any]]]] = [
    ("lower upper trim_space strings.reverse base64.encode", [TEXTS]),
    ("trim trim_left trim_right trim_prefix trim_suffix", [TEXTS, PARTS]),
    ("startswith endswith contains indexof split strings.count", [TEXTS, PARTS]),
    ("strings.any_prefix_match strings.any_suffix_match", [TEXTS, [*PARTS, ["a", "h"], []]]),
    ("replace", [TEXTS, PARTS, ["", "Z"]]),
    ("substring", [TEXTS, [0, 1, 3, 20, -1], [0, 2, -1, 30]]),
    ("concat", [PARTS, LISTS]),
    ("sprintf", [FORMS, [[], ["a"], [3], ["a", "b"], [True], [2.5], [["a"]]]]),
    ("regex.match", [PATTERNS, TEXTS]),
    ("glob.match", [GLOBS, [None, [], ["."], ["/", "-"]], TEXTS]),
    ("to_number", [[*TEXTS, *SCALARS, "1e3", "1.5"]]),
    ("format_int", [NUMBERS, [2, 10, 16]]),
    ("json.marshal", [[*TEXTS, *SCALARS, '"', "<", "\u2028"]]),
    ("plus minus mul div rem", [NUMBERS, NUMBERS]),
    ("abs ceil floor round", [NUMBERS]),
    ("sum product max min", [LISTS]),
    ("numbers.range", [[-3, 0, 2, 1000], [-1, 0, 3]]),
    ("units.parse_bytes", [["1", "7b", "1GB", "3gib", "10Ki", "2TB", "1m", "1.5kb"]]),
    ("time.parse_duration_ns", [["1h", "90m", "30s", "1h30m", "5ms"]]),
    ("bits.and bits.or bits.xor", [[0, 1, 6, 7, -1, 2**40], [0, 1, 6, 7, -1, 2**40]]),
    ("bits.lsh bits.rsh", [[0, 1, 6, 2**40], [0, 1, 6]]),
    ("hex.encode base64url.encode base64url.encode_no_pad urlquery.encode", [TEXTS]),
    ("crypto.md5 crypto.sha1 crypto.sha256", [TEXTS]),
    ("crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512", [TEXTS, ["k"]]),
    ("is_null is_boolean is_number is_string is_array is_object is_set type_name", [SCALARS]),
]
ROWS = {name: list(product(*given)) for names, given in CALLS for name in names.split()}


def asked(opa: Path, folder: Path) -> dict[str, list[list[Any]]]:
    """What OPA gives for each: nothing where it is undefined."""
    lines = []
    for name, rows in ROWS.items():
        arguments = ", ".join(f"row[{place}]" for place in range(len(rows[0])))
        lines.append(f'all["{name}"] := [[x | x := {name}({arguments})] | some row in input["{name}"]]')
    module = folder / "t.rego"
    module.write_text("\n".join(["package t\n", *lines, ""]))
    with LocalOpa(opa).run(
        "eval", "--stdin-input", "--format", "json", "-d", str(module), "data.t.all"
    ) as run:
        run.send(json.dumps(ROWS).encode())
        result = run.finish()
    assert result.code == 0, (result.stdout + result.stderr)[:2000]
    answer: dict[str, list[list[Any]]] = json.loads(result.stdout)["result"][0]["expressions"][0]["value"]
    return answer


def domain_of(value: Any) -> Domain:
    return kinds("array") if isinstance(value, list) else few([value])


def test_each_call_gives_what_it_gives_in_opa(opa: Path, tmp_path: Path) -> None:
    """Also where only bounds, the form or the type are known: OPA's result is among what they allow."""
    wrong, known = list[str](), 0
    answers = asked(opa, tmp_path)
    rows = [(name, *pair) for name in ROWS for pair in zip(ROWS[name], answers[name], strict=True)]
    for name, arguments, given in rows:
        outcome = call(name, [*map(domain_of, arguments)], [[each] for each in arguments])
        if outcome.results is not None:
            known += 1
            right = list(outcome.results) == given
        else:
            right = all(isinstance(each, list) or outcome.domain.holds(each) for each in given)
        if not right or (outcome.is_sure and not given):
            wrong.append(f"{name}{arguments} is {given}, not {outcome.results or outcome.domain}")
    assert wrong == []
    assert known > len(rows) * 0.6 > 1000


def test_what_is_not_known_is_at_least_of_its_type() -> None:
    assert call("regex.split", [ANYTHING, ANYTHING], [None, None]).domain == kinds("array")
    assert call("no.builtin", [ANYTHING], [None]).domain == ANYTHING


@pytest.mark.parametrize(
    ("name", "given", "held", "not_held"),
    [
        ("plus", [Domain(types=frozenset({"number"}), low=(0, 0)), few([1])], [1, 2.5], [0.5, "1"]),
        ("minus", [few([1]), Domain(types=frozenset({"number"}), low=(0, 0))], [1, -9], [2]),
        ("mul", [Domain(types=frozenset({"number"}), low=(0, 0)), few([2])], [0, 5], [-1]),
        ("div", [Domain(types=frozenset({"number"}), low=(0, 0), high=(100, 0)), few([100])], [0, 1], [1.5]),
        ("semver.compare", [ANYTHING, ANYTHING], [-1, 0, 1], [2, 0.5, "1"]),
        ("indexof", [ANYTHING, ANYTHING], [-1, 7], [-2]),
        ("time.parse_rfc3339_ns", [ANYTHING], [0, 9223372036854775807, -9223372036854775808], [1e19, 0.5]),
        ("lower", [kinds("string")], ["a", "ä", ""], ["A", "aB", 3]),
        ("upper", [kinds("string")], ["A", "1"], ["a"]),
        ("trim_space", [kinds("string")], ["a b", ""], [" a", "a\n"]),
        ("crypto.sha256", [kinds("string")], ["0" * 64], ["0" * 63, "high"]),
    ],
)
def test_bounds_and_forms(name: str, given: list[Domain], held: list[Any], not_held: list[Any]) -> None:
    domain = call(name, given, [None] * len(given)).domain
    assert all(map(domain.holds, held))
    assert not any(map(domain.holds, not_held))


def test_a_text_has_the_form_of_its_parts() -> None:
    assert text([few(["a", "b"]), few(["-"])]) == few(["a-", "b-"])
    assert text([few(["v"]), ANYTHING]).holds("v1.0\n")
    assert not text([few(["v."]), ANYTHING, few(["!"])]).holds("v.1")
    assert not text([few(["v."]), ANYTHING]).holds("vx1")


@pytest.mark.parametrize(
    ("name", "known", "place", "held", "not_held"),
    [
        ("startswith", [None, ["v."]], 0, ["v.1"], ["vx", "av."]),
        ("endswith", [None, ["$"]], 0, ["a$"], ["a", "$a"]),
        ("contains", [None, ["("]], 0, ["a(b"], ["ab"]),
        ("regex.match", [["^a|b$"], None], 1, ["ax", "xb"], ["xa"]),
        ("glob.match", [["a*c"], [["/"]], None], 2, ["abc"], ["a/c", "abcd"]),
    ],
)
def test_where_a_call_holds_its_text_has_a_form(
    name: str, known: list[Any], place: int, held: list[str], not_held: list[str]
) -> None:
    asked = matched(name, known)
    assert asked is not None
    assert asked[0] == place
    assert all(map(asked[1].holds, held))
    assert not any(map(asked[1].holds, not_held))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("lower", [None]),
        ("regex.match", [["(?i)a"], None, None]),
        ("regex.match", [["^a"]]),
        ("startswith", [None, ["a", "b"]]),
        ("startswith", [None, None]),
        ("startswith", [None, [3]]),
        ("regex.match", [["(a"], None]),
        ("glob.match", [["[ab]"], [None], None]),
    ],
)
def test_of_other_calls_no_form_is_known(name: str, known: list[Any]) -> None:
    asked = matched(name, known)
    assert asked is None or asked[1].patterns == {"(?i)a"}


def of_lib(opa: Path, query: str) -> list[str]:
    """What OPA gives for a query, with the lib."""
    with LocalOpa(opa).run(
        "eval", "--format", "json", "-d", str(policies() / "system" / "lib"), query
    ) as run:
        result = run.finish()
    assert result.code == 0, (result.stdout + result.stderr)[:2000]
    answer: list[str] = json.loads(result.stdout)["result"][0]["expressions"][0]["value"]
    return answer


def test_functions_of_the_lib_give_what_is_said_of_them(opa: Path) -> None:
    """Each hour of a week, and zones on both sides of it."""
    times = [f"2026-03-{day:02}T{hour:02}:59:00Z" for day in range(1, 8) for hour in range(24)]
    for zone in ("Z", "-11:30", "+14:00"):
        query = f'some at in {json.dumps(times)}; x := data.pushpolicy.lib.calendar.FUNCTION(at, "{zone}")'
        for name in ("weekday", "clock"):
            given = set(of_lib(opa, f"[x | {query.replace('FUNCTION', name)}]"))
            told = call(f"calendar.{name}", [ANYTHING, ANYTHING], [None, None]).domain
            assert len(given) == {"weekday": 7, "clock": 24}[name]
            assert all(map(told.holds, given))
            assert name == "clock" or given == set(told.values)
    days = [None, ["2026-03-02"], ["2026-03-01"], ["Z"]]
    assert call("calendar.within", [ANYTHING] * 4, days).results == (False,)
    assert call("calendar.within", [ANYTHING] * 4, [None, days[2], days[1], days[3]]).results is None
