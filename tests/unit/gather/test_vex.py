"""VEX is about this image and this finding or it is about nothing, and its strictest word holds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pushpolicy.gather.binding import Products
from pushpolicy.gather.vex import Source, apply
from pushpolicy.model.evidence import Finding, Scan, Scanner, ScansEvidence, Severity, Status, VexClaim
from pushpolicy.model.reference import Repository
from pushpolicy.reports.facts import Product, Statement, VexFacts, VexStatus
from pushpolicy.reports.format import Identity
from pushpolicy.reports.scans import count
from tests.unit.gather.samples import make_image_evidence, make_platform

AMD, ARM = make_platform("linux/amd64", "amd"), make_platform("linux/arm64", "arm")
INDEX = make_image_evidence(AMD, ARM)
PURL = "pkg:apk/alpine/busybox@1.36.1-r2?arch=x86_64"
FINDING = Finding(id="CVE-1", aliases=("GHSA-1",), severity=Severity.HIGH, kind="vulnerability", purl=PURL)
WHOLE = Product(identity=Identity(digests=(str(INDEX.digest),)))


def scan(platform: str | None = "linux/amd64", finding: Finding = FINDING) -> Scan:
    return Scan(
        name="s",
        format="trivy",
        scanner=Scanner(name="trivy"),
        kind="image",
        bound=platform is not None,
        platform=platform,
        counts=count([finding]),
        sha256="0" * 64,
        findings=(finding,),
    )


def said(
    status: VexStatus = VexStatus.NOT_AFFECTED,
    product: Product = WHOLE,
    name: str = "CVE-1",
    at: str | None = None,
    reason: str | None = "because",
) -> Statement:
    return Statement(names=(name,), status=status, products=(product,), at=at, reason=reason)


def claims(
    *documents: list[Statement], of: Scan | None = None, repository: str = "ghcr.io/o/app"
) -> list[str]:
    """The documents, by their number, that call the finding harmless."""
    sources = [
        Source(str(number), VexFacts(statements=tuple(statements)))
        for number, statements in enumerate(documents)
    ]
    before = ScansEvidence(status=Status.COLLECTED, items=(of or scan(),))
    after = apply(before, sources, Products(INDEX, Repository.parse(repository)))
    assert after.items[0].counts == before.items[0].counts, "what VEX speaks of still counts"
    return [claim.sha256 for claim in after.items[0].findings[0].vex or ()]


def test_a_claim_names_its_document_and_its_reason() -> None:
    told = {"justification": "code_not_reachable", "last_updated": "2026-02-03T04:05:06Z"}
    statement = replace(said(at="2026-01-02T03:04:05Z"), **told)
    source = Source("f" * 64, VexFacts(statements=(statement,)))
    before = ScansEvidence(status=Status.COLLECTED, items=(scan(),))
    (item,) = apply(before, [source], Products(INDEX, Repository.parse("ghcr.io/o/app"))).items
    (claim,) = item.findings[0].vex or ()
    assert claim == VexClaim(
        sha256="f" * 64,
        status="not_affected",
        reason="because",
        justification="code_not_reachable",
        at="2026-01-02T03:04:05Z",
        last_updated="2026-02-03T04:05:06Z",
    )
    assert item.findings[0].suppressed_by is None


@pytest.mark.parametrize("name", ["CVE-1", "GHSA-1"])
def test_a_flaw_has_several_names(name: str) -> None:
    assert claims([said(name=name)]) == ["0"]


def image(*digests: object) -> Product:
    return Product(identity=Identity(digests=tuple(map(str, digests))))


def package(*purls: str, parts: tuple[str, ...] = ()) -> Product:
    return Product(purls=purls, subcomponents=parts)


@pytest.mark.parametrize(
    ("product", "concerned"),
    [
        (WHOLE, True),
        (image(AMD.digest), True),
        (image(AMD.config_digest), True),
        (image(ARM.digest), False),
        (image("sha256:" + "9" * 64), False),
        (Product(identity=Identity(image_id=str(AMD.config_digest))), True),
        (Product(identity=Identity(diff_ids=tuple(map(str, AMD.diff_ids)))), True),
        (Product(identity=Identity(diff_ids=(str(AMD.diff_ids[0]),))), False),
        (Product(), False),
        (package("pkg:oci/app?repository_url=ghcr.io/o/app"), True),
        (package("pkg:oci/app?repository_url=ghcr.io%2Fo%2Fapp&arch=amd64"), True),
        (package("pkg:oci/app?repository_url=ghcr.io/o/app&arch=arm64"), False),
        (package("pkg:oci/app?repository_url=ghcr.io/o/app&tag=1"), False),
        (package("pkg:oci/app?repository_url=ghcr.io/o/other"), False),
        (package("pkg:oci/app"), False),
        (package("pkg:docker/o/app?repository_url=ghcr.io"), True),
        (package("pkg:docker/o/app@1.0?repository_url=ghcr.io"), False),
        (package("pkg:docker/o/app"), False),
        (package("pkg:oci/app?repository_url=ghcr.io/o/app", parts=("pkg:apk/alpine/busybox",)), True),
        (package("pkg:oci/app?repository_url=ghcr.io/o/app", parts=("pkg:apk/alpine/zlib",)), False),
        (package("pkg:oci/app?repository_url=ghcr.io/o/app", parts=("",)), False),
        (package("pkg:apk/alpine/busybox@1.36.1-r2"), True),
        (package(PURL), True),
        (package("pkg:apk/alpine/busybox@1.36.1-r2?arch=arm64"), False),
        (package("pkg:apk/alpine/busybox@1.36.1"), False),
        (package("pkg:apk/alpine/busybox"), False),
        (package("pkg:apk/alpine/busybox@1.36.1-r2", parts=("pkg:apk/alpine/x",)), False),
    ],
)
def test_the_product_is_this_image_or_this_very_package(product: Product, concerned: bool) -> None:
    assert bool(claims([said(product=product)])) is concerned


def test_docker_hub_has_one_name() -> None:
    product = package("pkg:oci/ubuntu?repository_url=index.docker.io%2Flibrary%2Fubuntu")
    assert claims([said(product=product)], repository="docker.io/ubuntu") == ["0"]
    assert claims([said(product=package("pkg:docker/ubuntu"))], repository="docker.io/library/ubuntu") == [
        "0"
    ]


def test_of_a_scan_that_is_not_bound_nothing_is_known_to_be_this_image() -> None:
    assert claims([said()], of=scan(None)) == []
    assert claims([said(product=package(PURL))], of=scan(None)) == ["0"]


def test_a_finding_without_a_package_is_no_part_of_anything() -> None:
    finding = Finding(id="CVE-1", severity=Severity.HIGH, kind="vulnerability")
    part = Product(identity=WHOLE.identity, subcomponents=("pkg:apk/alpine/busybox",))
    assert claims([said(product=part)], of=scan(finding=finding)) == []
    assert claims([said()], of=scan(finding=finding)) == ["0"]


@pytest.mark.parametrize(
    ("status", "harmless"),
    [
        (VexStatus.FIXED, True),
        (VexStatus.NOT_AFFECTED, True),
        (VexStatus.AFFECTED, False),
        (VexStatus.UNDER_INVESTIGATION, False),
    ],
)
def test_only_two_statuses_are_an_all_clear(status: VexStatus, harmless: bool) -> None:
    assert bool(claims([said(status)])) is harmless


def test_not_affected_needs_a_reason() -> None:
    assert claims([said(reason=None)]) == []
    assert claims([said(VexStatus.FIXED, reason=None)]) == ["0"]


EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z"


@pytest.mark.parametrize(
    ("affected", "harmless", "cleared"),
    [
        (EARLY, LATE, True),
        (LATE, EARLY, False),
        (EARLY, EARLY, False),
        (None, LATE, False),
        (EARLY, None, False),
    ],
)
def test_the_latest_statement_holds_and_the_strictest_where_that_is_not_clear(
    affected: str | None, harmless: str | None, cleared: bool
) -> None:
    statements = [said(VexStatus.AFFECTED, at=affected), said(at=harmless)]
    assert bool(claims(statements)) is cleared
    assert bool(claims(statements[::-1])) is cleared


def test_of_documents_that_contradict_one_another_the_strictest_holds() -> None:
    older = [said(VexStatus.UNDER_INVESTIGATION, at=EARLY)]
    assert claims([said(at=LATE)], older) == []
    assert claims([said()], [said(VexStatus.FIXED)]) == ["0", "1"]
    assert claims([said()], [said(VexStatus.AFFECTED, product=image(ARM.digest))]) == ["0"]
