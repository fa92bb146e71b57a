"""Trivy's JSON report, SchemaVersion 2: vulnerabilities, misconfigurations and secrets.

It tells the image's config digest, repository digests and layers, but neither which severities or
findings were filtered out nor the age of its database. Findings that an ignore file or VEX set aside
are there only with ``--show-suppressed``. Licences are listed by themselves, and count as no findings. What
it looked for shows in the classes of its results: without any, as of an image without packages, it does not
say. Nor does it where it lists packages and no flaw: since 0.67 ``--scanners secret`` lists them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from pushpolicy.model.evidence import Finding, Licence, Scanner
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import at_line, brief, dated, score, utc
from pushpolicy.reports.sbom.components import terms
from pushpolicy.reports.scans import aliases, severity

_PACKAGES = frozenset({"os-pkgs", "lang-pkgs"})
_CLASSES = {
    "secret": "secrets",
    "license": "licences",
    "license-file": "licences",
    "config": "misconfiguration",
}
# Only what says that no fix exists; "fixed" without a version, or no status at all, says nothing.
_FIX_STATES = {
    "affected": "not-fixed",
    "fix_deferred": "not-fixed",
    "will_not_fix": "wont-fix",
    "end_of_life": "wont-fix",
    "under_investigation": "unknown",
    "unknown": "unknown",
}


Target = TypeVar("Target", bound="_Result")


class _TrivyStruct(msgspec.Struct, rename="pascal", gc=False):
    """Trivy writes its keys in Pascal case; what it leaves out or writes as null is None."""


class _Identifier(msgspec.Struct, gc=False):
    """How else a package is named."""

    PURL: str | None = None


class _Cvss(_TrivyStruct):
    """The scores one source gives."""

    v2_score: float | None = msgspec.field(name="V2Score", default=None)
    v3_score: float | None = msgspec.field(name="V3Score", default=None)
    v40_score: float | None = msgspec.field(name="V40Score", default=None)


class _Layer(_TrivyStruct):
    """The layer that something is in."""

    diff_id: str | None = msgspec.field(name="DiffID", default=None)


class _Vulnerability(_TrivyStruct):
    """A known flaw in a package."""

    id: str | None = msgspec.field(name="VulnerabilityID", default=None)
    vendor_ids: list[str] | None = msgspec.field(name="VendorIDs", default=None)
    pkg_name: str | None = None
    pkg_path: str | None = None
    pkg_identifier: _Identifier | None = None
    installed_version: str | None = None
    fixed_version: str | None = None
    status: str | None = None
    layer: _Layer | None = None
    severity: str | None = None
    title: str | None = None
    published_date: str | None = None
    cvss: dict[str, _Cvss] | None = msgspec.field(name="CVSS", default=None)


class _Cause(_TrivyStruct):
    """Where a misconfiguration is."""

    start_line: int | None = None


class _Misconfiguration(_TrivyStruct):
    """A check of a configuration file, passed or failed."""

    id: str | None = msgspec.field(name="ID", default=None)
    title: str | None = None
    severity: str | None = None
    status: str | None = None
    cause_metadata: _Cause | None = None


class _Secret(_TrivyStruct):
    """A secret in a file; its value is masked, and not read."""

    rule_id: str | None = msgspec.field(name="RuleID", default=None)
    title: str | None = None
    severity: str | None = None
    start_line: int | None = None
    layer: _Layer | None = None


class _Licence(_TrivyStruct):
    """The terms of a package, or of a file of its own."""

    severity: str | None = None
    category: str | None = None
    pkg_name: str | None = None
    file_path: str | None = None
    name: str | None = None


class _Modified(_TrivyStruct):
    """A finding that an ignore file or VEX set aside."""

    type: str | None = None
    status: str | None = None
    source: str | None = None
    finding: msgspec.Raw = msgspec.Raw(b"{}")


class _Result(_TrivyStruct):
    """One target within a report: a package list or a file."""

    target: str | None = None
    klass: str | None = msgspec.field(name="Class", default=None)
    packages: list[msgspec.Raw] | None = None
    vulnerabilities: list[_Vulnerability] | None = None
    misconfigurations: list[_Misconfiguration] | None = None
    secrets: list[_Secret] | None = None
    licenses: list[_Licence] | None = None
    experimental_modified_findings: list[_Modified] | None = None


class _KnownResult(_Result, forbid_unknown_fields=True):
    """All that is written of a target: nothing in it has to be looked for in other case."""

    type: msgspec.Raw | None = None
    misconf_summary: msgspec.Raw | None = None
    custom_resources: msgspec.Raw | None = None


class _System(_TrivyStruct):
    family: str | None = None
    name: str | None = None
    eosl: bool | None = msgspec.field(name="EOSL", default=None)


class _Metadata(_TrivyStruct):
    os: _System | None = msgspec.field(name="OS", default=None)
    image_id: str | None = msgspec.field(name="ImageID", default=None)
    diff_ids: list[str] | None = msgspec.field(name="DiffIDs", default=None)
    repo_digests: list[str] | None = None
    repo_tags: list[str] | None = None
    commit: str | None = None


class _Trivy(_TrivyStruct):
    version: str | None = None


class _Marks(_TrivyStruct):
    """What tells a report, and what it found, in whatever case: manifests of OCI share the other names."""

    schema_version: msgspec.Raw
    artifact_name: msgspec.Raw
    results: msgspec.Raw


class _Report(_TrivyStruct, Generic[Target]):
    schema_version: int
    artifact_name: str | None = None
    artifact_type: str | None = None
    created_at: str | None = None
    trivy: _Trivy | None = None
    metadata: _Metadata | None = None
    results: Sequence[Target] | None = None


def _document(report: ReportBytes) -> _Report[_KnownResult] | _Report[_Result]:
    try:
        return jsondoc.decode(report, _Report[_KnownResult])
    except ReportError:  # of a version that writes more, mostly
        document = jsondoc.decode(report, _Report[_Result])
    jsondoc.check_case(jsondoc.objects(report, "Results"), _Result)
    return document


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document = _document(report)
    if document.schema_version != 2:
        raise ReportError(f"its SchemaVersion is {document.schema_version}, not 2")
    results, metadata = document.results or [], document.metadata or _Metadata()
    system = metadata.os or _System()
    looked_for = _looked_for(results)
    scan = ScanFacts(
        scanner=Scanner(name="trivy", version=document.trivy.version if document.trivy else None),
        kind=_kind(document, results),
        identity=Identity(
            name=document.artifact_name or None,
            digests=tuple(name.rpartition("@")[2] for name in metadata.repo_digests or ()),
            tags=tuple(metadata.repo_tags or ()),
            image_id=metadata.image_id or None,
            diff_ids=tuple(metadata.diff_ids or ()),
        ),
        findings=tuple(_findings(results)),
        commit=metadata.commit or None,
        at=utc(document.created_at),
        licences=_licences(results),
        looked_for=looked_for,
        packages=_packages(results, looked_for),
        system=" ".join(word for word in (system.family, system.name) if word) or None,
        # Looking for flaws in a system, Trivy looks up whether it is maintained.
        end_of_life=system.eosl or (False if system.family and "vulnerabilities" in looked_for else None),
    )
    return within(limits, [scan])


def _kind(document: _Report[_KnownResult] | _Report[_Result], results: Sequence[_Result]) -> str:
    if document.artifact_type == "container_image" or (document.metadata and document.metadata.image_id):
        return "image"
    classes = {result.klass for result in results}
    return next((kind for kind in ("config", "secret") if classes == {kind}), "code")


def _looked_for(results: Iterable[_Result]) -> tuple[str, ...]:
    """What the classes of the results show.

    A target of packages that has none is there because Trivy looked for flaws in it, or for licences; one
    that lists them is there in any case.
    """
    found, bare, listed = set(), False, False
    for result in results:
        of_packages = result.klass in _PACKAGES or (result.klass is None and not result.misconfigurations)
        aside = (each.type or "" for each in result.experimental_modified_findings or ())
        if result.vulnerabilities or "vulnerability" in map(str.lower, aside):
            found.add("vulnerabilities")
        bare = bare or (of_packages and not result.packages)
        listed = listed or bool(of_packages and result.packages)
        if result.klass in _CLASSES:
            found.add(_CLASSES[result.klass])
        found |= {"secrets"} if result.secrets else set()
        found |= {"misconfiguration"} if result.misconfigurations else set()
    if bare and not listed and "licences" not in found:
        found.add("vulnerabilities")
    elif "vulnerabilities" not in found and (bare or listed or not found):
        found.add("unsaid")
    return tuple(sorted(found))


def _packages(results: Sequence[_Result], looked_for: tuple[str, ...]) -> int | None:
    """How many packages are listed; None where none is, or where they are listed for their licences."""
    if "licences" in looked_for:
        return None
    return sum(len(result.packages or ()) for result in results if result.klass in _PACKAGES) or None


def _findings(results: Iterable[_Result]) -> Iterator[Finding]:
    """What the targets list; licences are terms, not flaws, and are told by themselves."""
    for result in results:
        for vulnerability in result.vulnerabilities or ():
            yield _vulnerability(vulnerability, result.target)
        for misconfiguration in result.misconfigurations or ():
            if misconfiguration.status == "EXCEPTION":
                yield _misconfiguration(misconfiguration, result.target, "trivy exception")
            elif misconfiguration.status != "PASS":  # a word that is not known may mean FAIL
                yield _misconfiguration(misconfiguration, result.target)
        for secret in result.secrets or ():
            yield _secret(secret, result.target)
        for modified in result.experimental_modified_findings or ():
            yield from _modified(modified, result.target)


def _vulnerability(entry: _Vulnerability, target: str | None) -> Finding:
    # Python takes more than 15 keywords by way of a dict, which takes three times as long.
    return Finding(
        id=entry.id or "unidentified",
        aliases=aliases(entry.id or "", entry.vendor_ids or ()),
        severity=severity.from_word(entry.severity),
        kind="vulnerability",
        title=brief(entry.title),
        cvss=_cvss(entry.cvss) if entry.cvss else None,
        package=entry.pkg_name or None,
        version=entry.installed_version or None,
        purl=(entry.pkg_identifier.PURL or None) if entry.pkg_identifier else None,
        fixed_in=entry.fixed_version or None,
        fix_state="fixed" if entry.fixed_version else _FIX_STATES.get(entry.status or ""),
        location=entry.pkg_path or target or None,
        published=dated(entry.published_date),
        layer=(entry.layer.diff_id or None) if entry.layer else None,
        paths=(entry.pkg_path,) if entry.pkg_path else None,
    )


def _cvss(by_source: Mapping[str, _Cvss]) -> float | None:
    """By the newest version of CVSS that a source uses, the highest of all sources."""
    most = None
    for each in by_source.values():
        stated = score(each.v40_score or each.v3_score or each.v2_score)
        if stated is not None and (most is None or stated > most):
            most = stated
    return most


def _misconfiguration(entry: _Misconfiguration, target: str | None, by: str | None = None) -> Finding:
    line = entry.cause_metadata.start_line if entry.cause_metadata else None
    return Finding(
        id=entry.id or "unidentified",
        severity=severity.from_word(entry.severity),
        kind="misconfiguration",
        title=brief(entry.title),
        location=at_line(target, line),
        suppressed_by=by,
    )


def _secret(entry: _Secret, target: str | None, by: str | None = None) -> Finding:
    return Finding(
        id=entry.rule_id or "unidentified",
        severity=severity.from_word(entry.severity),
        kind="secret",
        title=brief(entry.title),
        location=at_line(target, entry.start_line),
        suppressed_by=by,
        layer=(entry.layer.diff_id or None) if entry.layer else None,
        paths=(target,) if target else None,
    )


def _licences(results: Iterable[_Result]) -> tuple[Licence, ...] | None:
    """What the targets list; None where none of them is about licences."""
    found = []
    for result in results:
        found += [_licence(entry) for entry in result.licenses or ()]
        for each in result.experimental_modified_findings or ():
            if (each.type or "").lower() == "license":
                entry = jsondoc.decode_value(memoryview(each.finding).tobytes(), _Licence)
                found.append(_licence(entry, _by(each)))
    looked = any(_CLASSES.get(result.klass or "") == "licences" for result in results)
    return tuple(found) if found or looked else None


def _licence(entry: _Licence, by: str | None = None) -> Licence:
    licences, expression = terms([entry.name])
    return Licence(
        severity=severity.from_word(entry.severity),
        licences=licences or (),
        expression=expression,
        package=entry.pkg_name or None,
        category=entry.category or None,
        path=entry.file_path or None,
        suppressed_by=by,
    )


def _by(modified: _Modified) -> str:
    return " ".join(word for word in (modified.source, modified.status) if word) or "trivy"


def _modified(entry: _Modified, target: str | None) -> Iterator[Finding]:
    """A finding that was set aside; licences are none."""
    by = _by(entry)
    content = memoryview(entry.finding).tobytes()
    kind = (entry.type or "").lower()
    if kind == "misconfiguration":
        yield _misconfiguration(jsondoc.decode_value(content, _Misconfiguration), target, by)
    elif kind == "secret":
        yield _secret(jsondoc.decode_value(content, _Secret), target, by)
    elif kind != "license":
        vulnerability = _vulnerability(jsondoc.decode_value(content, _Vulnerability), target)
        yield replace(vulnerability, suppressed_by=by)


def _recognise(head: Head) -> bool:
    keys = {"ArtifactName", "ArtifactType", "Results", "Metadata"}
    return not head.is_array and "SchemaVersion" in head.keys and bool(keys & set(head.keys))


FORMAT = Format(
    name="trivy",
    kind="scans",
    media_type="application/json",
    suffixes=(".trivy.json", ".json"),
    file_names=("trivy*.json", "*-trivy.json", "*_trivy.json", "*.trivy.json"),
    marks=(b'"SchemaVersion"', b'"Artifact'),
    recognise=_recognise,
    document=_Marks,
    read=_read,
)


class _Resource(_TrivyStruct):
    results: list[_Result] | None = None


class _Cluster(_TrivyStruct):
    """Resources, or before version 0.46 those with vulnerabilities and those with misconfigurations."""

    resources: list[_Resource] | None = None
    vulnerabilities: list[_Resource] | None = None
    misconfigurations: list[_Resource] | None = None


def _read_k8s(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    """``trivy k8s --format json``: the same entries, by resource of a cluster; about no single image."""
    cluster = jsondoc.decode(report, _Cluster)
    for name in _Cluster.__struct_encode_fields__:
        jsondoc.check_case(jsondoc.objects(report, name), _Resource)
        jsondoc.check_case(jsondoc.objects(report, name, "Results"), _Result)
    resources = [
        *(cluster.resources or ()),
        *(cluster.vulnerabilities or ()),
        *(cluster.misconfigurations or ()),
    ]
    results = [result for resource in resources for result in resource.results or ()]
    scan = ScanFacts(
        scanner=Scanner(name="trivy"),
        kind="config",
        findings=tuple(_findings(results)),
        licences=_licences(results),
        looked_for=_looked_for(results),
    )
    return within(limits, [scan])


def _recognise_k8s(head: Head) -> bool:
    listed = {"Resources", "Vulnerabilities", "Misconfigurations"} & set(head.keys)
    return not head.is_array and "ClusterName" in head.keys and bool(listed)


K8S = Format(
    name="trivy-k8s",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=(),
    marks=(b'"ClusterName"', b'"Resources"'),
    recognise=_recognise_k8s,
    document=_Cluster,
    read=_read_k8s,
)


def _read_legacy(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    """Trivy's JSON before 0.20: a bare array of targets.

    It names neither image nor time, and binds to nothing. An empty array says nothing at all, not even that
    Trivy wrote it, and is no report.
    """
    results = jsondoc.decode(report, list[_Result])
    jsondoc.check_case(jsondoc.objects(report), _Result)
    scan = ScanFacts(
        scanner=Scanner(name="trivy"),
        kind="image",
        findings=tuple(_findings(results)),
        licences=_licences(results),
        looked_for=_looked_for(results),
    )
    return within(limits, [scan])


LEGACY = Format(
    name="trivy-legacy",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=(),
    marks=(b'"Target"', b'"VulnerabilityID"'),
    recognise=lambda head: head.is_array and {"Target", "Vulnerabilities"} <= set(head.keys),
    document=_Result,
    read=_read_legacy,
)


class _OperatorVulnerability(msgspec.Struct, rename="camel", gc=False):
    id: str = msgspec.field(name="vulnerabilityID")
    severity: str | None = None
    title: str | None = None
    resource: str | None = None
    installed_version: str | None = None
    fixed_version: str | None = None
    score: float | None = None
    target: str | None = None
    package_purl: str | None = msgspec.field(name="packagePURL", default=None)
    published_date: str | None = None


class _Artifact(msgspec.Struct, gc=False):
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


class _Registry(msgspec.Struct, gc=False):
    server: str | None = None


class _Scanner(msgspec.Struct, gc=False):
    name: str
    version: str | None = None


class _OperatorReport(msgspec.Struct, rename="camel", gc=False):
    scanner: _Scanner
    vulnerabilities: list[_OperatorVulnerability]
    artifact: _Artifact | None = None
    registry: _Registry | None = None
    update_timestamp: str | None = None


class _VulnerabilityReport(msgspec.Struct, gc=False):
    report: _OperatorReport


def _read_operator(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    """Trivy Operator's VulnerabilityReport, a Kubernetes resource (aquasecurity.github.io/v1alpha1)."""
    content = jsondoc.decode(report, _VulnerabilityReport).report
    jsondoc.check_case(jsondoc.objects(report, "report"), _OperatorReport)
    image, registry = content.artifact or _Artifact(), content.registry or _Registry()
    name = "/".join(name for name in (registry.server, image.repository) if name)
    scan = ScanFacts(
        scanner=Scanner(name=content.scanner.name, version=content.scanner.version or None),
        kind="image",
        identity=Identity(
            name=(f"{name}:{image.tag}" if image.tag else name) or None,
            digests=(image.digest,) if image.digest else (),
        ),
        findings=tuple(_operator_finding(entry) for entry in content.vulnerabilities),
        looked_for=("vulnerabilities",),
        at=utc(content.update_timestamp),
    )
    return within(limits, [scan])


def _operator_finding(entry: _OperatorVulnerability) -> Finding:
    return Finding(
        id=entry.id or "unidentified",
        aliases=aliases(entry.id, ()),
        severity=severity.from_word(entry.severity),
        kind="vulnerability",
        title=brief(entry.title),
        cvss=score(entry.score),
        package=entry.resource or None,
        version=entry.installed_version or None,
        purl=entry.package_purl or None,
        fixed_in=entry.fixed_version or None,
        fix_state="fixed" if entry.fixed_version else None,
        location=entry.target or None,
        published=dated(entry.published_date),
    )


def _recognise_operator(head: Head) -> bool:
    kind, version = head.keys.get("kind", b""), head.keys.get("apiVersion", b"")
    return kind == b'"VulnerabilityReport"' and version.startswith(b'"aquasecurity.github.io/')


OPERATOR = Format(
    name="trivy-operator",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=(),
    marks=(b"aquasecurity.github.io", b'"VulnerabilityReport"'),
    recognise=_recognise_operator,
    document=_VulnerabilityReport,
    read=_read_operator,
)
