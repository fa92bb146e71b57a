"""One flaw that several scans list is told once, by the strictest of them, and none gets lost."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from pushpolicy.gather.joined import join
from pushpolicy.model.evidence import Finding, Joined, Scan, Scanner, Severity, VexClaim
from pushpolicy.reports.scans import count
from tests.unit.gather.samples import make_image_evidence, make_platform

AMD, ARM = make_platform("linux/amd64", "amd"), make_platform("linux/arm64", "arm")
IMAGE = make_image_evidence(AMD, ARM)
DEB = "pkg:deb/debian/openssl@3.0.11?arch=amd64&distro=debian-12"
CRITICAL, HIGH, LOW = Severity.CRITICAL, Severity.HIGH, Severity.LOW


def flaw(name: str = "CVE-2026-1", severity: Severity = HIGH, **fields: Any) -> Finding:
    told = {"package": "openssl", "version": "3.0.11", "purl": DEB} | fields
    return Finding(id=name, severity=severity, kind="vulnerability", **told)


def scan(name: str, *findings: Finding, **fields: Any) -> Scan:
    given: dict[str, Any] = {"kind": "image", "bound": True, "platform": "linux/amd64"}
    return Scan(
        name=name,
        format="grype",
        scanner=Scanner(name=name.partition(".")[0]),
        counts=count(findings),
        sha256="0" * 64,
        findings=findings,
        **(given | fields),
    )


def joined(*scans: Scan) -> list[Joined | None]:
    return [finding.joined for each in join(scans, IMAGE) for finding in each.findings]


def one(*scans: Scan) -> Joined:
    """What all findings say together, which is the same in each."""
    (told,) = set(joined(*scans))
    assert told is not None
    return told


def test_two_scanners_tell_of_one_flaw_and_the_strictest_of_all_they_say_counts() -> None:
    claim = (VexClaim(sha256="0" * 64, status="fixed"),)
    told = one(
        scan("trivy", flaw(severity=LOW, aliases=("GHSA-1",), cvss=3.1, kev=False, suppressed_by="by me")),
        scan(
            "grype", flaw("GHSA-1", CRITICAL, aliases=("CVE-2026-1",), cvss=9.9, kev=True, fixed_in="3.1, 4")
        ),
        scan("snyk", flaw(epss=0.5, fix_state="not-fixed", fixed_in="3.1", purl=None, vex=claim)),
    )
    assert (told.sources, told.listed_by) == (("grype", "snyk", "trivy"), 3)
    assert (told.id, told.aliases, told.purl) == ("CVE-2026-1", (), None)
    assert (told.severity, told.cvss, told.epss, told.kev, told.fixed_in) == (
        CRITICAL,
        9.9,
        0.5,
        True,
        "3.1, 4",
    )
    said = [(each.severity, each.fix_state, each.suppressed_by, each.vex) for each in told.told]
    assert said == [
        (CRITICAL, "fixed", None, None),
        (HIGH, "fixed", None, claim),
        (LOW, "unknown", "by me", None),
    ]


@pytest.mark.parametrize(
    ("one_says", "other_says"),
    [
        ({}, {"purl": "pkg:deb/debian/openssl@3.0.11?distro=debian-12.4"}),
        ({"purl": "pkg:rpm/redhat/openssl@3.0.11"}, {"purl": "pkg:rpm/rhel/openssl@3.0.11"}),
        ({}, {"purl": None}),
        ({"purl": None}, {"purl": None}),
        (
            {"package": "org.a:x", "purl": "pkg:maven/org.a/x@1"},
            {"package": "x", "purl": "pkg:maven/org.a/x@1"},
        ),
        ({"version": None, "purl": "pkg:npm/x@1"}, {"purl": "pkg:npm/x@1"}),
    ],
)
def test_a_package_is_the_same_under_its_names(one_says: dict[str, Any], other_says: dict[str, Any]) -> None:
    assert one(scan("a", flaw(**one_says)), scan("b", flaw(**other_says))).listed_by == 2


@pytest.mark.parametrize(
    "other",
    [
        scan("b", flaw("CVE-2026-2")),
        scan("b", flaw(version="3.0.12", purl=None)),
        scan("b", flaw(version="3.0.12", purl="pkg:deb/debian/openssl@3.0.12")),
        scan("b", flaw(package="libssl3", purl="pkg:deb/debian/libssl3@3.0.11")),
        scan("b", flaw(package="openssl", purl="pkg:npm/openssl@3.0.11")),
        scan("b", flaw(package=None, purl=None)),
        scan("b", replace(flaw(), kind="license")),
        scan("b", flaw(), platform="linux/arm64"),
        scan("b", flaw(), bound=False, platform=None),
        scan("b", flaw(), kind="code", bound=False, platform=None),
    ],
)
def test_another_flaw_package_platform_or_image_is_not_joined(other: Scan) -> None:
    assert joined(scan("a", flaw()), other) == [None, None]


def test_two_packages_of_one_name_count_as_one_where_a_third_has_no_purl() -> None:
    told = joined(
        scan("a", flaw(purl="pkg:maven/a/openssl@3.0.11"), flaw(purl="pkg:maven/b/openssl@3.0.11")),
        scan("b", flaw(purl=None)),
    )
    assert told[0] is not None
    assert told == [told[0]] * 3
    assert told[0].purl is None


def test_two_manifests_of_one_platform_name_are_not_joined() -> None:
    image = make_image_evidence(AMD, replace(ARM, platform="linux/amd64"))
    scans = (scan("a", flaw()), scan("b", flaw()))
    assert join(scans, image) == scans


def test_scans_of_code_are_joined_where_they_name_one_commit() -> None:
    code: dict[str, Any] = {"kind": "code", "bound": False, "platform": None}
    same = [scan(name, flaw(), of_commit="same", **code) for name in ("a", "b")]
    assert one(*same).sources == ("a", "b")
    assert joined(same[0], scan("b", flaw(), of_commit="unsaid", **code)) == [None, None]
    others = [scan(name, flaw(), of_commit="other", **code) for name in ("a", "b")]
    assert joined(*others) == [None, None]


def test_a_purl_keeps_the_qualifiers_that_all_have() -> None:
    other = "pkg:deb/debian/openssl@3.0.11?distro=debian-12.4&arch=amd64#path"
    assert (
        one(scan("a", flaw()), scan("b", flaw(purl=other))).purl == "pkg:deb/debian/openssl@3.0.11?arch=amd64"
    )
    assert one(scan("a", flaw()), scan("b", flaw(purl=other.partition("?")[0]))).purl == DEB.partition("?")[0]


def test_where_aliases_only_form_a_chain_each_keeps_its_own_names_and_the_worst_severity() -> None:
    told = joined(
        scan("a", flaw("CVE-1", LOW)),
        scan("b", flaw("GO-1", LOW, aliases=("CVE-1", "GHSA-1"))),
        scan("c", flaw("GHSA-1", CRITICAL)),
    )
    names = [(each.id, each.aliases, each.severity) for each in told if each]
    assert names == [
        ("CVE-1", (), CRITICAL),
        ("CVE-1", ("GHSA-1", "GO-1"), CRITICAL),
        ("GHSA-1", (), CRITICAL),
    ]


def test_what_many_scans_say_is_bounded_and_then_nothing_sets_the_flaw_aside() -> None:
    scans = [
        scan(f"s{n:02}", flaw(severity=LOW, suppressed_by=f"rule {n}", fixed_in=f"v{n:02}"))
        for n in range(30)
    ]
    told = one(*scans)
    assert (len(told.sources), told.listed_by, told.fixed_in) == (
        10,
        30,
        ", ".join(f"v{n:02}" for n in range(10)),
    )
    assert [(each.severity, each.fix_state, each.suppressed_by) for each in told.told] == [
        (LOW, "fixed", None)
    ]


NAMES = ("CVE-2026-1", "CVE-2026-2", "GHSA-aaaa", "GHSA-bbbb", "GO-1")
PURLS = (
    None,
    DEB,
    "pkg:deb/debian/openssl@3.0.11",
    "pkg:deb/ubuntu/openssl@3.0.11",
    "pkg:npm/x@1",
    "no purl",
)
FLAWS = st.builds(
    flaw,
    st.sampled_from(NAMES),
    st.sampled_from(list(Severity)),
    aliases=st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    purl=st.sampled_from(PURLS),
    package=st.sampled_from((None, "openssl", "x")),
    version=st.sampled_from((None, "3.0.11", "1")),
    suppressed_by=st.sampled_from((None, "ignored")),
    fix_state=st.sampled_from((None, "fixed", "not-fixed")),
)
SUBJECTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"platform": "linux/amd64"},
        {"platform": "linux/amd64"},
        {"platform": "linux/arm64"},
        {"bound": False, "platform": None},
        {"kind": "code", "bound": False, "platform": None},
    ]
)
SCANS = st.lists(st.tuples(st.lists(FLAWS, max_size=5), SUBJECTS), max_size=5).map(
    lambda found: [scan(f"tool{n % 3}.{n}", *flaws, **about) for n, (flaws, about) in enumerate(found)]
)


def worst(severities: Sequence[Severity]) -> Severity:
    """Written down again: the order of the enumeration."""
    return next(each for each in Severity if each in severities)


@given(SCANS)
def test_nothing_is_lost_and_nothing_is_told_milder(scans: list[Scan]) -> None:
    done = join(scans, IMAGE)
    assert [replace(s, findings=tuple(replace(f, joined=None) for f in s.findings)) for s in done] == scans
    for each in done:
        for finding in each.findings:
            if told := finding.joined:
                mine = [t for t in told.told if t.severity == finding.severity]
                assert finding.suppressed_by in {t.suppressed_by for t in mine}
                assert told.severity == worst([finding.severity, told.severity])
                assert {told.id, *told.aliases} <= {
                    finding.id,
                    *finding.aliases,
                }  # a waiver of it is one of mine
                assert told.purl is None or finding.purl is not None
                assert each.name in told.sources


@given(SCANS, st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter_and_joining_again_changes_nothing(
    scans: list[Scan], random: Random
) -> None:
    done = join(scans, IMAGE)
    assert join(done, IMAGE) == done
    other = list(scans)
    random.shuffle(other)
    by_name = {each.name: each for each in join(other, IMAGE)}
    assert [by_name[each.name] for each in done] == list(done)


@example(
    [
        scan("a", flaw(purl=None)),
        scan("b", flaw(purl="pkg:deb/debian/openssl@3.0.11")),
        scan("c", flaw(purl="pkg:npm/x@1")),
    ]
)
@given(SCANS.filter(bool))
def test_one_more_report_makes_no_finding_milder(scans: list[Scan]) -> None:
    before = join(scans[:-1], IMAGE)
    after = join(scans, IMAGE)
    for old, new in zip(before, after, strict=False):
        for was, now in zip(old.findings, new.findings, strict=True):
            if was.joined:
                assert now.joined
                for says in ("severity", "suppressed_by"):
                    said = {getattr(each, says) for each in was.joined.told}
                    still = {getattr(each, says) for each in now.joined.told}
                    assert said <= still or (says, still) == ("suppressed_by", {None})
                assert {now.joined.id, *now.joined.aliases} <= {was.id, *was.aliases}
