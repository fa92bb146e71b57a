"""SARIF 2.1.0 (OASIS) of any tool; the drafts of 2.0.0 and version 1.0.0 as far as they say the same.

A result counts unless its `kind` says that it is no failure or `baselineState` that it is gone; one that is
open or under review, and a word that SARIF does not have, may mean the worst. Severity: the ``security-
severity`` of rule and result, else the level (error is high, warning medium, note low). A score of zero is
what tools write that have none. A severity among the rule's tags or beside it, as Trivy and Docker Scout
write it, counts where it is worse; so does the level error of a known vulnerability. Suppressed results are
listed as such. A run without results, or whose invocation was not successful, has failed; so has one that
looked into an image and notes an error of its own (appendix I). Where it looked into code, a file that does
not parse is such an error (3.58.6): they are among the filters of the scan. Each run is a scan, but one of
zizmor or gitleaks, which is evidence of the pipeline as those tools' own reports are; runs of one tool on
one target are one, which is as old as the oldest. A log of which a part is stored outside of its runs is
not read. A result whose rule cannot be told has no severity, unless it states a level.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from pushpolicy.model.evidence import Finding, PipelineFinding, Scanner, Severity
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import at_line, brief, utc
from pushpolicy.reports.pipeline import PipelineFacts, gitleaks, place, zizmor
from pushpolicy.reports.scans import aliases, is_vulnerability, severity
from pushpolicy.reports.scans.sarif_model import (
    Component,
    Invocation,
    Log,
    Result,
    Run,
    RunProperties,
    Suppression,
    Text,
    text,
    texts,
)
from pushpolicy.reports.scans.sarif_rules import Rules, Said, rated, rule_name

_VERSIONS = ("2.1.0", "2.0.0", "1.0.0")
_NO_FAILURE = frozenset({"pass", "notApplicable", "informational"})
# What the tools that can look for nothing else look for, and what a finding of each kind shows.
_ONLY_LOOKS_FOR = dict.fromkeys(("grype", "docker scout", "snyk container"), ("vulnerabilities",))
_LOOKED_FOR = {
    "vulnerability": "vulnerabilities",
    "secret": "secrets",
    "misconfiguration": "misconfiguration",
}
_MOST_TOLD = 2_000
_ERRORS_TOLD = 5
_MESSAGES = (
    re.compile(
        r"\APackage: (?P<package>[^\n]+)\nInstalled Version: (?P<version>[^\n]*)"
        r"(?:.*?^Fixed Version: (?P<fixed>[^\n]*))?",
        re.DOTALL | re.MULTILINE,
    ),
    re.compile(r"vulnerability in [a-z-]+ package: (?P<package>[^,\n]+), version (?P<version>\S+) was found"),
    re.compile(r" reports (?P<package>\S+) at version (?P<version>\S+) +which would result in a vulnerable "),
)
# The kind of a result whose id and tags do not tell it, by the kind of the scan.
_KINDS_BY_SCAN = {
    "image": "misconfiguration",
    "config": "misconfiguration",
    "secret": "secret",
    "code": "code",
}
# What a tool scans, by the lower-case name of its driver; a tool that is not listed scans code.
# A report that names an image is a scan of that image, whatever its tool.
_TOOLS = {
    "anchore": "image",
    "checkov": "config",
    "dockle": "image",
    "docker scout": "image",
    "grype": "image",
    "hadolint": "config",
    "kics": "config",
    "kubescape": "config",
    "snyk container": "image",
    "snyk iac": "config",
    "terrascan": "config",
    "tfsec": "config",
    "trufflehog": "secret",
}


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    log = jsondoc.decode(report, Log)
    if not log.version.startswith(_VERSIONS):
        raise ReportError(f"its SARIF version is {printable(log.version, 40)}, not 2.1.0")
    if log.inline_external_properties or any(run.external_property_file_references for run in log.runs):
        raise ReportError(
            "a part of it is stored outside of its runs (external properties), which is not read"
        )
    found = [_run(run) for run in log.runs]
    others = [each for each in found if not isinstance(each, ScanFacts)]
    return within(limits, [*_joined(each for each in found if isinstance(each, ScanFacts)), *others])


def _run(run: Run) -> ScanFacts | PipelineFacts:
    tool = run.tool.driver or run.tool
    name = tool.name or run.tool.name
    if not name:
        raise ReportError("a run does not name its tool")
    if any(map(_has_failed, run.invocations or ())):
        raise FailedRunError(f"{printable(name, 60)} says that its run was not successful")
    if run.results is None:
        raise FailedRunError(f"{printable(name, 60)} gave no results, which is not the same as finding none")
    of_pipeline = _OF_PIPELINE.get(name.lower())
    return of_pipeline(_places(run, name.lower())) if of_pipeline else _scan(run, tool, name)


def _leaks(found: Iterable[PipelineFinding]) -> PipelineFacts:
    return PipelineFacts(tool=gitleaks.TOOL, findings=tuple(found))


# The tools whose results are about the pipeline, or about what is written into files; suppressed ones count.
_OF_PIPELINE = {gitleaks.TOOL: _leaks, zizmor.TOOL: zizmor.facts}


def _places(run: Run, tool: str) -> Iterator[PipelineFinding]:
    """Where the results lie. A result without a place is one of the run: it counts under the tool's name."""
    for result in _failures(run):
        physical = result.locations[0].physical_location if result.locations else None
        file = physical.artifact_location.uri if physical and physical.artifact_location else None
        line = physical.region.start_line if physical and physical.region else None
        rule = (rule_name(result) or "unidentified").removeprefix(f"{tool}/")
        yield place(tool, file or tool, line, rule)


def _scan(run: Run, tool: Component, name: str) -> ScanFacts:
    invocations = run.invocations or []
    about = run.properties or RunProperties()
    image_name, image_id, digests = text(about.image_name), text(about.image_id), texts(about.repo_digests)
    kind = "image" if image_id or digests or image_name else _TOOLS.get(name.lower(), "code")
    results = run.results or []
    places = (each for result in results for each in result.locations or ())
    if name.lower() == "grype" and results and not any(each.logical_locations for each in places):
        kind = "code"  # a directory
    errors = list(dict.fromkeys(_errors(invocations)))
    if kind == "image" and errors:
        raise FailedRunError(f"{printable(name, 60)} notes an error, so results may be missing: {errors[0]}")
    findings = tuple(_findings(run, kind))
    shown = {_LOOKED_FOR[finding.kind] for finding in findings if finding.kind in _LOOKED_FOR}
    return ScanFacts(
        scanner=Scanner(name=name, version=tool.version or tool.semantic_version or None),
        kind=kind,
        identity=Identity(
            name=image_name,
            digests=tuple(digest.rpartition("@")[2] for digest in digests),
            tags=tuple(texts(about.repo_tags)),
            image_id=image_id,
        ),
        findings=findings,
        looked_for=_ONLY_LOOKS_FOR.get(name.lower()) or tuple(sorted(shown)) or ("unsaid",),
        commit=next((c.revision_id for c in run.version_control_provenance or () if c.revision_id), None),
        at=_oldest(utc(i.end_time_utc) or utc(i.start_time_utc) for i in invocations),
        filters=_limited(errors),
    )


def _has_failed(invocation: Invocation) -> bool:
    said = (invocation.execution_successful, invocation.tool_execution_successful)
    has_not_ended = invocation.exit_signal_name or invocation.process_start_failure_message
    return False in said or bool(has_not_ended) or (True not in said and bool(invocation.exit_code))


def _errors(invocations: Iterable[Invocation]) -> Iterator[str]:
    """What the tool says went wrong in its own run."""
    for each in invocations:
        for notes in (each.tool_execution_notifications, each.tool_configuration_notifications):
            errors = (note for note in notes or () if note.level == "error")
            yield from (printable(_message(note.message) or "it does not say what") for note in errors)


def _limited(errors: list[str]) -> tuple[str, ...] | None:
    """What a run says that it could not do, as one of the filters of a scan; None where it says nothing."""
    told = [f"an error of its own, {brief(error, 200)}" for error in errors[:_ERRORS_TOLD]]
    more = len(errors) - len(told)
    return (*told, *([f"{more} more errors of its own"] if more else [])) or None


def _findings(run: Run, scan: str) -> Iterator[Finding]:
    rules = Rules(run)
    for result in _failures(run):
        rule = rules.of(result)
        # A rule that cannot be told may be the worst.
        level = result.level or ("lost" if rules.is_lost(result) else rules.level(result, rule))
        yield _finding(result, rules.said(rule), level, scan)


def _failures(run: Run) -> Iterator[Result]:
    """Section 3.27.10: what is no failure has the level none, or none is given."""
    for result in run.results or ():
        is_failure = result.kind not in _NO_FAILURE or result.level not in (None, "none")
        if is_failure and result.baseline_state != "absent":
            yield result


def _finding(result: Result, said: Said, level: str, scan: str) -> Finding:
    name = rule_name(result) or said.id or "unidentified"
    message = _message(result.message)
    told = _told(message or "")
    # Advisories have more names than are known; whatever tells package and version is a flaw of that package.
    is_known = is_vulnerability(name) or told is not None
    fixed_in = said.fixed_in or (told.get("fixed") or None if told else None)
    return Finding(
        id=name,
        aliases=aliases(name, ()),
        severity=_severity(said, level, result, is_known=is_known),
        kind="vulnerability" if is_known else said.kind or _KINDS_BY_SCAN[scan],
        title=said.title or brief(message),
        cvss=said.score if is_known else None,
        package=(told["package"] if told else said.packages) or None,
        version=(told["version"] if told else None) or None,
        purl=said.purl,
        fixed_in=fixed_in,
        fix_state="not-fixed" if said.is_not_fixed else "fixed" if fixed_in else None,
        location=_location(result),
        suppressed_by=_suppression(result.suppressions) if result.suppressions else None,
    )


def _told(message: str) -> Mapping[str, str] | None:
    """The package and its versions, as Trivy and Grype write them into the message."""
    found = next((match for each in _MESSAGES if (match := each.search(message[:_MOST_TOLD]))), None)
    return found.groupdict(default="") if found else None


def _message(message: Text | str | None) -> str | None:
    return message.text if isinstance(message, Text) else message


def _severity(said: Said, level: str, result: Result, *, is_known: bool) -> Severity:
    """The worst that is stated, else by the level.

    What nobody has decided yet has no level of its own (3.27.10), so nothing rates it.
    """
    own = rated(result.properties.security_severity) if result.properties else None
    if said.severity or own:
        by_level = Severity.HIGH if is_known and level == "error" else None
        return severity.worst(each for each in (said.severity, own, by_level) if each)
    undecided = result.kind not in (None, "fail") and result.level in (None, "none")
    return Severity.UNKNOWN if undecided else severity.from_level(level)


def _location(result: Result) -> str | None:
    physical = result.locations[0].physical_location if result.locations else None
    if physical is None or physical.artifact_location is None:
        return None
    return at_line(physical.artifact_location.uri, physical.region.start_line if physical.region else None)


def _suppression(suppressions: list[Suppression]) -> str | None:
    """How a result was set aside; not at all while one suppression is under review or rejected."""
    states = {s.state or s.status or "accepted" for s in suppressions}
    if states != {"accepted"}:
        return None
    return "sarif " + ", ".join(sorted({s.kind or "external" for s in suppressions}))


def _joined(scans: Iterable[ScanFacts]) -> Iterator[ScanFacts]:
    """One scan, as old as the oldest, for all runs of a tool on one target: Snyk writes one a project."""
    groups: dict[Hashable, list[ScanFacts]] = {}
    for scan in scans:
        groups.setdefault((scan.scanner.name, scan.identity, scan.kind, scan.commit), []).append(scan)
    for group in groups.values():
        yield replace(
            group[0],
            findings=tuple(finding for scan in group for finding in scan.findings),
            looked_for=tuple(sorted({word for scan in group for word in scan.looked_for})),
            at=_oldest(scan.at for scan in group),
            filters=tuple(dict.fromkeys(each for scan in group for each in scan.filters or ())) or None,
        )


def _oldest(times: Iterable[str | None]) -> str | None:
    """Not known where one of them is not."""
    stated = list(times)
    known = [each for each in stated if each is not None]
    return min(known, key=datetime.fromisoformat) if known and len(known) == len(stated) else None


def _recognise(head: Head) -> bool:
    runs = head.keys.get("runs", b"")
    known = "version" in head.keys or b'"tool"' in runs  # without its version it is malformed
    return runs.startswith(b"[") and known and not head.is_array


FORMAT = Format(
    name="sarif",
    kind="scans",
    also=("pipeline",),
    media_type="application/sarif+json",
    suffixes=(".sarif.json", ".sarif", ".json"),
    file_names=("*.sarif", "*.sarif.json"),
    marks=(b'"runs"', b"sarif"),
    recognise=_recognise,
    read=_read,
)
