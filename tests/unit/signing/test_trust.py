from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.json_schema import MismatchError, compile_schema
from pushpolicy.model import strict_yaml
from pushpolicy.model.reference import Repository
from pushpolicy.signing.stricter import stricter
from pushpolicy.signing.trust import Trust, read_trust
from tests.keys import key
from tests.policies import ROOT
from tests.ssh import key as ssh_key
from tests.ssh import line

KEY = f"key: {json.dumps(key().public.pem)}, role: decide"
OTHER = f"key: {json.dumps(key('other').public.pem)}, role: decide"
WHOLE = f"""
issuers: {{github: {{issuer: 'https://token.example', audience: push, jwks: keys.json}}}}
exchanges: {{harbor: {{url: 'https://harbor.example/token', audience: a, scope: b}}}}
read_role: anonymous
keys:
  ci:
    {{{KEY}, repositories: ['reg.example/*'], verifier: v,
    not_before: '2026-01-01T00:00:00Z', not_after: '2027-01-01T00:00:00Z'}}
denials: oci:denials
records: reg.example/records
raw: keep
verified_for: ['reg.example/prod/*']
approvers: {{alice: {{key: '{line(ssh_key("alice"))}', not_after: '2027-01-01T00:00:00Z', revoked: true}}}}
quorum: {{policy: acme, rules: {{'*': 1, scan_severity: 0}}}}
"""
BY_REPOSITORY = """
records: {'reg.example/*': reg.example/records, 'oci:dist': oci:records}
raw: {'reg.example/**': digest, '**': keep}
"""
WRONG = [
    *(
        f"verified_for: ['{glob}']"
        for glob in (
            "",
            "https://r.example/a",
            "r.example/a/",
            "r.example/a:1",
            "oci:[a]",
            "*",
            "r.example:443",
        )
    ),
    'verified_for: ["r.example/a\\n"]',
    "verified_for:\n- |\n  r.example/a\n",
    "[]",
    "keys: []",
    "issuer: {}",
    "issuers: {a: {}}",
    "issuers: {a: {issuer: 1}}",
    "issuers: {a: {issuer: 'https://ci.example', system: github}}",
    "exchanges: {a: {url: x, more: y}}",
    "keys: {a: {role: decide}}",
    "keys: {a: {key: x, role: god}}",
    "keys: {a: {key: x, role: decide, repositories: x}}",
    "keys: {a: {key: x, role: decide, repositories: ['https://r.example/a']}}",
    "raw: drop",
    "raw: [keep]",
    "raw: {r.example/a: drop}",
    "raw: {r.example: digest}",
    "records: {'https://r.example/a': r.example/b}",
    "records: {r.example/a: 1}",
    "verified_for: x",
    "approvers: {a: {}}",
    "approvers: {'*': {key: x}}",
    "approvers: {'a b': {key: x}}",
    "approvers: {a: {key: x, namespaces: y}}",
    "approvers: {a: {key: x, revoked: 1}}",
    "quorum: 2",
    "quorum: {rules: {r: 1}}",
    "quorum: {policy: '', rules: {}}",
    "quorum: {policy: acme, rules: {r: 17}}",
    "quorum: {policy: acme, rules: {r: -1}}",
    "quorum: {policy: acme, rules: {r: two}}",
]


def trust(text: str) -> Trust:
    return read_trust("trust.yaml", text.encode())


def places(value: Any, *place: str) -> Iterator[tuple[str, ...]]:
    """Of each text and list in it."""
    if not isinstance(value, dict):
        yield place
        return
    for name, part in value.items():
        yield from places(part, *place, name)


def fits_schema(text: str) -> bool:
    value: Any = strict_yaml.read(text.encode())
    try:
        compile_schema(json.loads((ROOT / "policies/schema/trust.v1.json").read_bytes()))(value)
    except MismatchError:
        return False
    return True


def test_a_whole_file_is_read_and_the_schema_says_the_same() -> None:
    assert fits_schema(WHOLE)
    assert json.loads(json.dumps(trust(WHOLE).to_json())) == strict_yaml.read(WHOLE.encode())
    assert fits_schema(BY_REPOSITORY)
    assert json.loads(json.dumps(trust(BY_REPOSITORY).to_json())) == strict_yaml.read(BY_REPOSITORY.encode())
    assert trust("") == Trust()


@pytest.mark.parametrize("text", WRONG)
def test_what_is_malformed_is_refused_and_the_schema_says_the_same(text: str) -> None:
    assert not fits_schema(text)
    with pytest.raises(PolicyError, match=r"trust\.yaml"):
        trust(text)


@pytest.mark.parametrize("place", [*places(strict_yaml.read(WHOLE.encode()))])
@pytest.mark.parametrize("empty", ["", []])
def test_nothing_is_empty_which_would_limit_nothing(place: tuple[str, ...], empty: object) -> None:
    value: Any = strict_yaml.read(WHOLE.encode())
    parent = value
    for name in place[:-1]:
        parent = parent[name]
    parent[place[-1]] = empty
    assert not fits_schema(json.dumps(value))
    with pytest.raises(PolicyError, match=re.escape(f"{'.'.join(place)} is empty")):
        trust(json.dumps(value))


def test_what_is_no_yaml_is_told_with_its_line() -> None:
    with pytest.raises(PolicyError, match=r"trust\.yaml:2: "):
        trust("raw: keep\nraw: digest\n")


@pytest.mark.parametrize("time", ["'2026-01-01'", "soon", "'2026-01-01T00:00:00'"])
def test_a_window_has_times_with_a_zone(time: str) -> None:
    with pytest.raises(PolicyError, match=r"trust\.yaml"):
        trust(f"keys: {{a: {{{KEY}, not_after: {time}}}}}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("keys: {a: {key: x, role: decide}}", r"keys\.a\.key is not a key in PEM"),
        (
            f"keys: {{a: {{{KEY}}}, b: {{key: '-----BEGIN CERTIFICATE-----', role: vex}}}}",
            r"keys\.b\.key is a cert",
        ),
        (
            f"keys: {{a: {{{KEY.replace('decide', 'policy')}, verifier: v}}}}",
            "verifier is for keys of the role",
        ),
        (
            f"keys: {{a: {{{KEY}, not_before: '2027-01-01T00:00:00Z', not_after: '2027-01-01T00:00:00Z'}}}}",
            "never",
        ),
        (f"keys: {{a: {{{KEY}}}, b: {{{KEY.replace('decide', 'vex')}}}}}", r"keys\.b is the key of keys\.a"),
        (
            f"keys: {{a: {{{KEY}, not_after: '2027-01-01T00:00:00Z'}}, b: {{{KEY}}}}}",
            r"keys\.b is the key of keys\.a",
        ),
    ],
)
def test_a_key_that_could_never_count_is_refused(text: str, why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        trust(text)


def test_of_two_files_the_stricter_holds() -> None:
    one = trust(f"keys: {{a: {{{KEY}}}, b: {{{OTHER}}}}}\nverified_for: [x/a]\nraw: keep")
    other = trust(f"keys: {{a: {{{KEY}}}, b: {{{OTHER}, verifier: v}}}}\nverified_for: [y/b]\nrecords: r")
    both = stricter([one, other])
    assert (list(both.keys), both.verified_for, both.raw, both.records) == (
        ["a"],
        ("x/a", "y/b"),
        "keep",
        "r",
    )
    assert stricter([other, one]) == both
    issuers = [f"issuers: {{a: {{issuer: 'https://{name}.example'}}}}" for name in ("one", "two")]
    assert stricter([trust(issuers[0]), trust("")]) == stricter([trust(""), trust(issuers[0])])
    assert stricter([trust(issuers[0]), trust("")]).issuers
    with pytest.raises(PolicyError, match="none that is the same in both"):
        stricter([*map(trust, issuers)])  # none named would be all that are known
    with pytest.raises(PolicyError, match="another records"):
        stricter([other, trust("records: {'**': elsewhere}")])


LIMITED = "repositories: ['r.example/a/*']"


@pytest.mark.parametrize(
    ("one", "other", "keys"),
    [
        (f"a: {{{KEY}}}", "", ["a"]),
        (f"a: {{{KEY}}}", f"b: {{{OTHER.replace('decide', 'vex')}}}", ["a"]),
        (f"a: {{{KEY}}}", f"a: {{{KEY}}}, b: {{{OTHER}}}", ["a"]),
        (f"a: {{{KEY}, {LIMITED}}}", f"a: {{{KEY}, {LIMITED}}}, b: {{{OTHER}, {LIMITED}}}", ["a"]),
        (f"a: {{{KEY}}}", f"b: {{{OTHER}}}", None),
        (f"a: {{{KEY}}}", f"a: {{{KEY}, verifier: v}}", None),
        (f"a: {{{KEY}, {LIMITED}}}", f"a: {{{KEY}, {LIMITED}}}, b: {{{OTHER}}}", None),
    ],
)
def test_two_files_never_demand_less_than_one(one: str, other: str, keys: list[str] | None) -> None:
    """Where no key of the role decide is listed, a record needs no signature."""
    files = [trust(f"keys: {{{one}}}"), trust(f"keys: {{{other}}}")]
    for given in (files, files[::-1]):
        if keys is None:
            with pytest.raises(PolicyError, match="not the same in both"):
                stricter(given)
        else:
            assert list(stricter(given).keys) == keys


def repository(text: str) -> Repository:
    return Repository.parse(text)


def test_what_is_said_of_each_repository() -> None:
    by_glob = trust(
        """
        raw: {'ghcr.io/acme/*': digest, ghcr.io/acme/app: keep, 'oci:dist': digest}
        records: {'ghcr.io/**': r.example/audit, ghcr.io/acme/app: r.example/audit, ghcr.io/acme/b: oci:x}
        """
    )
    # What one glob wants left out is left out, whatever another one says.
    for name, said in {
        "ghcr.io/acme/app": "digest",
        "GHCR.io/acme/app": "digest",
        "ghcr.io/acme/team/app": None,
        "oci:./dist": "digest",
        "oci:other": None,
    }.items():
        assert by_glob.raw_of(repository(name)) == said, name
    assert by_glob.records_of(repository("ghcr.io/acme/app")) == "r.example/audit"
    assert by_glob.records_of(repository("r.example/acme/app")) is None
    with pytest.raises(PolicyError, match=r"ghcr\.io/acme/b go to two places"):
        by_glob.records_of(repository("ghcr.io/acme/b"))
    for name in ("ghcr.io/a", "oci:dist"):
        assert trust("raw: digest").raw_of(repository(name)) == "digest"
        assert trust("records: r.example/x").records_of(repository(name)) == "r.example/x"
        assert trust("").raw_of(repository(name)) is None


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("raw: keep", "raw: digest", "raw: digest"),
        ("raw: keep", "", "raw: keep"),
        ("raw: {x/a: digest}", "raw: keep", "raw: {x/a: digest, '**': keep}"),
        ("raw: {x/a: digest, x/b: keep}", "raw: {x/a: keep}", "raw: {x/a: digest, x/b: keep}"),
        ("records: {x/a: y/b}", "records: {x/a: y/b, x/c: y/d}", "records: {x/a: y/b, x/c: y/d}"),
        ("records: {x/a: y/b}", "records: y/c", "records: {x/a: y/b, '**': y/c}"),
    ],
)
def test_of_two_files_what_is_said_of_each_repository_is_joined(one: str, other: str, both: str) -> None:
    for files in ((one, other), (other, one)):
        assert stricter([*map(trust, files)]) == trust(both)


ALICE, BOB = (f"key: '{line(ssh_key(name))}'" for name in ("alice", "bob"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"approvers: {{alice: {{{ALICE}}}, bob: {{{ALICE}}}}}", "bob: has the key of alice"),
        (f"approvers: {{alice: {{{ALICE}}}, Alice: {{{BOB}}}}}", "by upper and lower case alone"),
        ("approvers: {alice: {key: cert-authority x}}", "not one public key"),
        (f"approvers: {{alice: {{{ALICE}, not_after: 2027-01-01}}}}", "is not a time"),
        (f"approvers: {{alice: {{{ALICE}}}}}\nquorum: {{policy: a, rules: {{r: 2}}}}", "1 can approve"),
        ("quorum: {policy: a, rules: {}}", "no waiver would need an approval"),
    ],
    ids=["one key", "one name", "an authority", "no zone", "too few", "none"],
)
def test_approvers_that_could_not_be_told_apart_are_refused(text: str, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason):
        trust(text)


def test_of_two_files_the_larger_quorum_holds_and_whom_both_name() -> None:
    one = trust(
        f"approvers: {{alice: {{{ALICE}}}, bob: {{{BOB}}}}}\nquorum: {{policy: a, rules: {{'*': 1, r: 0}}}}"
    )
    other = trust(f"approvers: {{alice: {{{ALICE}}}}}\nquorum: {{policy: a, rules: {{s: 1, r: 1}}}}")
    merged = stricter([one, other, trust("")])
    assert merged.approvers.keys() == {"alice"}
    assert merged.quorum is not None
    assert {rule: merged.quorum.needs(rule) for rule in ("r", "s", "t")} == {"r": 1, "s": 1, "t": 1}
    assert stricter([trust(""), one]) == one


@pytest.mark.parametrize(
    "text",
    ["quorum: {policy: b, rules: {r: 1}}", f"approvers: {{alice: {{{BOB}}}}}"],
    ids=["policy", "approvers"],
)
def test_two_files_that_contradict_each_other_are_refused(text: str) -> None:
    one = trust(f"approvers: {{alice: {{{ALICE}}}}}\nquorum: {{policy: a, rules: {{'*': 1}}}}")
    with pytest.raises(PolicyError, match="two trust files"):
        stricter([one, trust(text)])
