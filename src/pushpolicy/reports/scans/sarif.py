"""SARIF 2.1.0 (OASIS) of any tool; the drafts of 2.0.0 and version 1.0.0 as far as they say the same.

A result counts unless its `kind` says that it is no failure or `baselineState` that it is gone; one that is
open or under review, and a word that SARIF does not have, may mean the worst.
Severity: the rule's ``security-severity``, else the level (error is high, warning medium, note low).
Suppressed results are listed as such. A run without results, or whose invocation was not
successful, has failed. Each run is a scan; runs of one tool on one target are one, which is as old as the
oldest. A log of which a part is stored outside of its runs is not read. A result whose rule cannot be told
has no severity, unless it states a level.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from pushpolicy.model.evidence import Finding, Scanner, Severity
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import at_line, brief, number, score, utc
from pushpolicy.reports.scans import aliases, is_vulnerability, severity
from pushpolicy.reports.scans.sarif_model import (
    ComponentReference,
    Configuration,
    Invocation,
    Log,
    Override,
    Result,
    Rule,
    RuleProperties,
    RuleReference,
    Run,
    RunProperties,
    Suppression,
    Text,
)

_VERSIONS = ("2.1.0", "2.0.0", "1.0.0")
_NOT_FIXED = "not fixed"  # Docker Scout
_KIND_TAGS = ("vulnerability", "misconfiguration", "secret")
_NO_FAILURE = frozenset({"pass", "notApplicable", "informational"})
# What the tools that can look for nothing else look for, and what a finding of each kind shows.
_ONLY_LOOKS_FOR = dict.fromkeys(("grype", "docker scout", "snyk container"), ("vulnerabilities",))
_LOOKED_FOR = {
    "vulnerability": "vulnerabilities",
    "secret": "secrets",
    "misconfiguration": "misconfiguration",
}
_MOST_TOLD = 2_000
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
    "gitleaks": "secret",
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
    return within(limits, _joined([_scan(run) for run in log.runs]))


def _scan(run: Run) -> ScanFacts:
    tool = run.tool.driver or run.tool
    name = tool.name or run.tool.name
    if not name:
        raise ReportError("a run does not name its tool")
    invocations = run.invocations or []
    if any(map(_has_failed, invocations)):
        raise FailedRunError(f"{printable(name, 60)} says that its run was not successful")
    if run.results is None:
        raise FailedRunError(f"{printable(name, 60)} gave no results, which is not the same as finding none")
    about = run.properties or RunProperties()
    image_name, image_id, digests = _text(about.image_name), _text(about.image_id), _texts(about.repo_digests)
    kind = "image" if image_id or digests or image_name else _TOOLS.get(name.lower(), "code")
    places = (place for result in run.results for place in result.locations or ())
    if name.lower() == "grype" and run.results and not any(place.logical_locations for place in places):
        kind = "code"  # a directory
    findings = tuple(_findings(run, kind))
    shown = {_LOOKED_FOR[finding.kind] for finding in findings if finding.kind in _LOOKED_FOR}
    return ScanFacts(
        scanner=Scanner(name=name, version=tool.version or tool.semantic_version or None),
        kind=kind,
        identity=Identity(
            name=image_name,
            digests=tuple(digest.rpartition("@")[2] for digest in digests),
            tags=tuple(_texts(about.repo_tags)),
            image_id=image_id,
        ),
        findings=findings,
        looked_for=_ONLY_LOOKS_FOR.get(name.lower()) or tuple(sorted(shown)) or ("unsaid",),
        commit=next((c.revision_id for c in run.version_control_provenance or () if c.revision_id), None),
        at=_oldest(utc(i.end_time_utc) or utc(i.start_time_utc) for i in invocations),
    )


def _has_failed(invocation: Invocation) -> bool:
    said = (invocation.execution_successful, invocation.tool_execution_successful)
    ended_badly = (
        invocation.exit_code or invocation.exit_signal_name or invocation.process_start_failure_message
    )
    return False in said or (True not in said and bool(ended_badly))


def _findings(run: Run, scan: str) -> Iterator[Finding]:
    rules = _Rules(run)
    for result in run.results or ():
        # Section 3.27.10: what is no failure has the level none, or none is given.
        is_failure = result.kind not in _NO_FAILURE or result.level not in (None, "none")
        if is_failure and result.baseline_state != "absent":
            rule = rules.of(result)
            # A rule that cannot be told may be the worst.
            level = "lost" if not result.level and rules.is_lost(result) else rules.level(result, rule)
            yield _finding(result, rule, level, scan)


def _finding(result: Result, rule: Rule | None, level: str, scan: str) -> Finding:
    reference = result.rule or RuleReference()
    name = result.rule_id or reference.id or (rule.id if rule else None) or "unidentified"
    more = (rule.properties if rule else None) or RuleProperties()
    fixed_in = None if more.fixed_version == _NOT_FIXED else _text(more.fixed_version)
    purls = _texts(more.purls)
    is_rated = not isinstance(word := more.cvss_v3_severity, str) or severity.from_word(word) != "unknown"
    tags = _texts(more.tags)
    tagged = next((tag for tag in _KIND_TAGS if tag in tags), _KINDS_BY_SCAN[scan])
    message = result.message.text if isinstance(result.message, Text) else result.message
    told = _told(message or "")
    fixed_in = fixed_in or (told.get("fixed") or None if told else None)
    return Finding(
        id=name,
        aliases=aliases(name, ()),
        severity=_severity(more.security_severity, level, result) if is_rated else Severity.UNKNOWN,
        kind="vulnerability" if is_vulnerability(name) else tagged,
        title=brief(rule.short_description.text if rule and rule.short_description else message),
        cvss=score(number(more.security_severity)) if is_vulnerability(name) and is_rated else None,
        package=(told["package"] if told else ", ".join(_packages(purls))) or None,
        version=(told["version"] if told else None) or None,
        purl=purls[0] if len(purls) == 1 else None,
        fixed_in=fixed_in,
        fix_state="not-fixed" if more.fixed_version == _NOT_FIXED else "fixed" if fixed_in else None,
        location=_location(result),
        suppressed_by=_suppression(result.suppressions or []),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> tuple[str, ...]:
    """The texts of a list, or the one text that stands in its place."""
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str) and item)


def _told(message: str) -> Mapping[str, str] | None:
    """The package and its versions, as Trivy and Grype write them into the message."""
    found = next((match for each in _MESSAGES if (match := each.search(message[:_MOST_TOLD]))), None)
    return found.groupdict(default="") if found else None


def _packages(purls: tuple[str, ...]) -> list[str]:
    """The names of the packages where a rule is about several, or one."""
    parsed = (Purl.parse(purl) for purl in purls)
    return list(dict.fromkeys(purl.name for purl in parsed if purl))


def _severity(stated: object, level: str, result: Result) -> Severity:
    """By ``security-severity``, a number or rarely a word; without one by the level.

    What nobody has decided yet has no level of its own (section 3.27.10), so nothing rates it.
    """
    if stated is None or stated == "":
        undecided = result.kind not in (None, "fail") and result.level in (None, "none")
        return Severity.UNKNOWN if undecided else severity.from_level(level)
    rating = number(stated)
    return severity.from_word(str(stated)) if rating is None else severity.from_score(rating)


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
        )


def _oldest(times: Iterable[str | None]) -> str | None:
    """Not known where one of them is not."""
    stated = list(times)
    known = [each for each in stated if each is not None]
    return min(known, key=datetime.fromisoformat) if known and len(known) == len(stated) else None


class _Rules:
    """The rules of one run's tool, and how its invocations configured them."""

    def __init__(self, run: Run) -> None:
        self._driver = run.tool.driver or run.tool
        self._extensions = run.tool.extensions or []
        self._by_id: dict[str, Rule | None] = {}
        for rule in (rule for each in (*self._extensions, self._driver) for rule in each.rules or ()):
            # Of two rules of one name, nothing tells which is meant.
            if rule.id:
                self._by_id[rule.id] = rule if self._by_id.get(rule.id, rule) == rule else None
        self._invocations = run.invocations or []

    def of(self, result: Result) -> Rule | None:
        """The rule of a result (section 3.27.7); an index that contradicts the id is not believed."""
        reference = result.rule or RuleReference()
        name = result.rule_id or reference.id
        rules = self._component(reference)
        index = _index(result)
        if index is not None and 0 <= index < len(rules):
            rule = rules[index]
            if not name or name == rule.id or name.startswith(f"{rule.id}/"):
                return rule
        # Hierarchical ids: `CA1000/1` is an instance of rule `CA1000` (section 3.5.4).
        while name and name not in self._by_id and "/" in name:
            name = name.rpartition("/")[0]
        return self._by_id.get(name) if name else None

    def level(self, result: Result, rule: Rule | None) -> str:
        """The effective level (section 3.27.10): the result's, an override's, the rule's, or warning."""
        configuration = rule.default_configuration if rule else None
        for override in self._overrides(result):
            if rule is not None and _concerns(override, result, rule):
                configuration = override.configuration or configuration
        return result.level or (configuration or Configuration()).level or "warning"

    def is_lost(self, result: Result) -> bool:
        """Whether a rule is named that cannot be told: its index is that of none, its id that of several."""
        reference = result.rule or RuleReference()
        name = result.rule_id or reference.id
        return self.of(result) is None and (_index(result) is not None or name in self._by_id)

    def _component(self, reference: RuleReference) -> list[Rule]:
        """The rules of the component that is named by its index, GUID or name; else those of the driver."""
        told = reference.tool_component or ComponentReference()
        if told.index is not None and told.index >= 0:
            return (self._extensions[told.index].rules or []) if told.index < len(self._extensions) else []
        named = (told.guid or told.name) is not None
        every = (self._driver, *self._extensions) if named else (self._driver,)
        alike = (c for c in every if told.guid in (None, c.guid) and told.name in (None, c.name))
        return next((component.rules or [] for component in alike), [])

    def _overrides(self, result: Result) -> list[Override]:
        index = result.provenance.invocation_index if result.provenance else None
        if index is None or not 0 <= index < len(self._invocations):
            return []
        return self._invocations[index].rule_configuration_overrides or []


def _index(result: Result) -> int | None:
    if result.rule_index is not None and result.rule_index >= 0:
        return result.rule_index
    return result.rule.index if result.rule else None


def _concerns(override: Override, result: Result, rule: Rule) -> bool:
    named = override.descriptor or RuleReference()
    if named.id is not None:
        return named.id == rule.id
    return named.index is not None and named.index >= 0 and named.index == _index(result)


def _recognise(head: Head) -> bool:
    return head.keys.get("runs", b"").startswith(b"[") and "version" in head.keys and not head.is_array


FORMAT = Format(
    name="sarif",
    kind="scans",
    media_type="application/sarif+json",
    suffixes=(".sarif.json", ".sarif", ".json"),
    file_names=("*.sarif", "*.sarif.json"),
    marks=(b'"runs"', b"sarif"),
    recognise=_recognise,
    read=_read,
)
