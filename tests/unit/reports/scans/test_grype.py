"""Grype: matches old and new, what was set aside and left out, and which image it proves."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from pushpolicy.gather.binding import bind
from pushpolicy.model.evidence import Severity
from pushpolicy.reports.format import FailedRunError, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.scans.grype import FORMAT
from tests.unit.gather.samples import make_image_evidence, make_platform
from tests.unit.reports.scans.reading import read_one, recognised

FLAW: dict[str, Any] = {
    "id": "GHSA-2222-3333-4444",
    "severity": "High",
    "description": "a hole",
    "cvss": [
        {"version": "3.1", "metrics": {"baseScore": 7.5}},
        {"version": "2.0", "metrics": {"baseScore": 10}},
    ],
    "epss": [{"cve": "CVE-2026-1234", "epss": 0.25}],
    "knownExploited": [{"cve": "CVE-2026-1234"}],
    "fix": {"versions": ["2", "3"], "state": "fixed"},
}
MATCH: dict[str, Any] = {
    "vulnerability": FLAW,
    "relatedVulnerabilities": [{"id": "CVE-2026-1234"}],
    "artifact": {"name": "x", "version": "1", "purl": "pkg:npm/x@1", "locations": [{"path": "/app/x"}]},
}
CONFIG = json.dumps({"rootfs": {"diff_ids": ["sha256:1", "sha256:2"]}}).encode()
IMAGE_ID = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"


def report(*matches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    source = {"type": "image", "target": {"userInput": "app:1"}}
    return {"matches": list(matches), "source": source, "descriptor": {"name": "grype"}} | fields


def target(**fields: Any) -> dict[str, Any]:
    config = {"config": base64.b64encode(CONFIG).decode(), "imageID": IMAGE_ID}
    return {"source": {"type": "image", "target": {"userInput": "app:1"} | config | fields}}


def described(**fields: Any) -> dict[str, Any]:
    return {"descriptor": {"name": "grype"} | fields}


def test_a_match_is_read_whole() -> None:
    (finding,) = read_one(FORMAT, report(MATCH)).findings
    assert (finding.id, finding.aliases) == ("GHSA-2222-3333-4444", ("CVE-2026-1234",))
    assert (finding.severity, finding.cvss, finding.epss, finding.kev) == (Severity.HIGH, 7.5, 0.25, True)
    assert (finding.package, finding.version, finding.purl) == ("x", "1", "pkg:npm/x@1")
    assert (finding.fixed_in, finding.fix_state, finding.location) == ("2, 3", "fixed", "/app/x")


def test_a_grype_that_does_not_know_its_version_has_none() -> None:
    assert read_one(FORMAT, report(**described(version="0.121.2"))).scanner.version == "0.121.2"
    assert read_one(FORMAT, report(**described(version="[not provided]"))).scanner.version is None


def test_an_advisory_over_many_flaws_is_no_name_of_one() -> None:
    related = [{"id": "CVE-2026-1"}, {"id": "CVE-2026-1234"}, {"id": "CVE-2026-1235"}]
    advisory = MATCH | {"vulnerability": FLAW | {"id": "ALAS-2026-1"}, "relatedVulnerabilities": related}
    assert read_one(FORMAT, report(advisory)).findings[0].aliases == ()


@pytest.mark.parametrize(
    ("fix", "state"),
    [
        ({"versions": [], "state": "not-fixed"}, "not-fixed"),
        ({"versions": [], "state": "wont-fix"}, "wont-fix"),
        ({"versions": [], "state": ""}, "unknown"),
        (None, "unknown"),
    ],
)
def test_only_a_state_says_that_there_is_no_fix(fix: dict[str, Any] | None, state: str) -> None:
    finding = read_one(FORMAT, report(MATCH | {"vulnerability": FLAW | {"fix": fix}})).findings[0]
    assert (finding.fixed_in, finding.fix_state) == (None, state)


def test_the_first_versions_of_grype() -> None:
    flaw = {"id": "CVE-2020-1", "severity": "Low", "fixedInVersion": "9", "cvssV3": {"baseScore": 3}}
    finding = read_one(FORMAT, report({"vulnerability": flaw, "artifact": {"name": "x"}})).findings[0]
    assert (finding.fixed_in, finding.cvss, finding.kev) == ("9", 3.0, None)


def test_only_a_database_with_the_catalogue_knows_what_is_not_in_it() -> None:
    plain = MATCH | {"vulnerability": FLAW | {"knownExploited": None}}
    database = described(db={"status": {"built": "2026-01-02T03:04:05Z"}, "providers": {"kev": {}}})
    assert read_one(FORMAT, report(plain)).findings[0].kev is None
    assert read_one(FORMAT, report(plain, **database)).findings[0].kev is False


@pytest.mark.parametrize(
    ("rule", "by"),
    [
        ({"vulnerability": "CVE-2026-1234", "reason": "accepted"}, "grype ignore"),
        ({"vex-status": "not_affected", "namespace": "vex"}, "grype vex"),
        (
            {"match-type": "exact-indirect-match", "package": {"upstream-name": "linux"}},
            "grype kernel-headers",
        ),
        ({"reason": "Explicit APK NAK"}, "grype matcher"),
    ],
)
def test_matches_that_were_set_aside_stay_visible(rule: dict[str, Any], by: str) -> None:
    ignored = [MATCH | {"appliedIgnoreRules": [rule]}]
    first, aside = read_one(FORMAT, report(MATCH, ignoredMatches=ignored)).findings
    assert (first.suppressed_by, aside.id, aside.suppressed_by) == (None, FLAW["id"], by)


def test_a_configured_rule_cannot_pose_as_a_matcher() -> None:
    rule = {"reason": "Explicit APK NAK", "vulnerability": "CVE-2026-1234"}
    content = report(
        ignoredMatches=[MATCH | {"appliedIgnoreRules": [rule]}], **described(configuration={"ignore": [rule]})
    )
    assert read_one(FORMAT, content).findings[0].suppressed_by == "grype ignore"


def test_what_it_was_told_to_look_for_less_is_told() -> None:
    configuration = {
        "distro": "alpine:3.99",
        "search": {"scope": "top-layer", "indexed-archives": False},
        "match": {"stock": {"using-cpes": False}},
        "fail-on-severity": "critical",
        "platform": "linux/amd64",
    }
    assert read_one(FORMAT, report(**described(configuration=configuration))).filters == (
        "indexed-archives false",
        "stock using-cpes false",
        "distro alpine:3.99",
        "scope toplayer",
    )
    for scope in ("squashed", "Squashed", "all-layers", "deep-squashed", "", None):
        usual = {
            "distro": "",
            "search": {"scope": scope, "indexed-archives": True},
            "match": {"stock": {"using-cpes": True}},
        }
        assert read_one(FORMAT, report(**described(configuration=usual))).filters == ()


@pytest.mark.parametrize(
    ("told", "end_of_life"),
    [
        ([{"alerts": [{"type": "other"}, {"type": "distro-eol"}]}], True),
        ([{"alerts": [{"type": "other"}]}], False),
        (None, False),
    ],
)
def test_the_end_of_life_of_the_system_is_a_fact(told: object, end_of_life: bool) -> None:
    debian = {"distro": {"name": "debian", "version": "12"}}
    looks = described(configuration={"alerts": {"enable-eol-distro-warnings": True}})
    scan = read_one(FORMAT, report(alertsByPackage=told, **debian, **looks))
    assert (scan.system, scan.end_of_life) == ("debian 12", end_of_life)


def test_a_grype_that_does_not_look_for_an_end_of_life_says_nothing_of_it() -> None:
    off = described(configuration={"alerts": {"enable-eol-distro-warnings": False}})
    unknown = described(configuration={"alerts": {"enable-eol-distro-warnings": True}})
    for fields in (off, {"distro": {"name": "debian"}}, {"distro": {"name": ""}} | unknown, unknown):
        assert read_one(FORMAT, report(**fields)).end_of_life is None


def test_what_was_left_out_is_told() -> None:
    own = {
        "match-type": "exact-indirect-match",
        "package": {"name": "linux-libc-dev", "upstream-name": "linux"},
    }
    configuration = {
        "only-fixed": True,
        "only-notfixed": False,
        "ignore-wontfix": "wont-fix",
        "exclude": ["/usr/**"],
        "vex-documents": ["vex.json"],
        "ignore": [own, {"vulnerability": "CVE-2026-1234", "package": {"name": "x"}}],
    }
    assert read_one(FORMAT, report(**described(configuration=configuration))).filters == (
        "only-fixed",
        "ignore-states wont-fix",
        "exclude /usr/**",
        "vex-documents vex.json",
        "ignore vulnerability: CVE-2026-1234, package: x",
    )
    assert read_one(FORMAT, report(**described(configuration={"ignore": None}))).filters == ()
    assert read_one(FORMAT, report()).filters is None


def test_the_enclosed_config_gives_the_layers() -> None:
    content = report(**target(manifestDigest="sha256:m", repoDigests=["r/app@sha256:i", "odd"]))
    identity = read_one(FORMAT, content).identity
    assert (identity.name, identity.image_id) == ("app:1", IMAGE_ID)
    assert (identity.digests, identity.diff_ids) == (("sha256:m", "sha256:i"), ("sha256:1", "sha256:2"))


@pytest.mark.parametrize("fields", [{"imageID": "sha256:other"}, {"config": "%"}, {"config": "e30="}])
def test_a_config_that_contradicts_gives_none(fields: dict[str, Any]) -> None:
    assert read_one(FORMAT, report(**target(**fields))).identity.diff_ids == ()


def test_a_name_within_an_sbom_is_no_image_id() -> None:
    of_sbom = {"config": "", "imageID": "2c2cf1c2dead38ca", "manifestDigest": "sha256:m"}
    about = read_one(FORMAT, report(MATCH, **target(**of_sbom))).identity
    assert (about.image_id, about.digests) == (None, ("sha256:m",))


def test_a_local_image_is_bound_by_its_layers_or_its_config() -> None:
    platform = make_platform("linux/amd64", "a")
    layers = [{"digest": str(digest)} for digest in platform.diff_ids]
    image = make_image_evidence(platform)
    by_layers = read_one(FORMAT, report(**target(config=None, imageID=None, layers=layers))).identity
    by_config = read_one(FORMAT, report(**target(imageID=str(platform.config_digest)))).identity
    assert [found.by for identity in (by_layers, by_config) if (found := bind(identity, image))] == [
        "diff_ids",
        "config",
    ]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"type": "image", "target": "app"}, "image"),
        ({"type": "directory", "target": "/src"}, "code"),
        ({"type": "unknown", "target": "unknown"}, "image"),
        (None, "image"),
    ],
)
def test_the_kind_follows_from_the_source(source: dict[str, Any] | None, kind: str) -> None:
    assert read_one(FORMAT, report(source=source)).kind == kind


@pytest.mark.parametrize(
    "database", [{"built": "2026-01-02T03:04:05Z"}, {"status": {"built": "2026-01-02T03:04:05Z"}}]
)
def test_the_age_of_the_database(database: dict[str, Any]) -> None:
    scan = read_one(FORMAT, report(**described(db=database, timestamp="2026-01-03T00:00:00+01:00")))
    assert (scan.scanner.db_built, scan.at) == ("2026-01-02T03:04:05Z", "2026-01-02T23:00:00Z")


@pytest.mark.parametrize("database", [{"valid": False}, {"status": {"error": "gone\x1b[2J"}}])
def test_a_database_that_was_not_valid_fails(database: dict[str, Any]) -> None:
    with pytest.raises(FailedRunError, match="database") as caught:
        read_one(FORMAT, report(**described(db=database)))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content", ["{}", '{"matches": 1}', '{"matches": [{}]}', '{"matches": null}', '{"matches": []} x']
)
def test_hostile_documents_are_refused(content: str) -> None:
    with pytest.raises(ReportError):
        read_one(FORMAT, content)


def test_findings_are_never_cut_short() -> None:
    with pytest.raises(ReportError, match="limit of 1"):
        read_one(FORMAT, report(MATCH, MATCH), Limits(max_findings=1))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (report(), "grype"),
        ({"matches": [MATCH]}, "grype"),
        ({"matches": []}, None),
        ({"matches": [{"trigger": ":x", "replace": "y"}]}, None),
    ],
)
def test_recognition(content: dict[str, Any], name: str | None) -> None:
    assert recognised(content) == name
