"""A small past of one image, with something of all that an auditor asks for; decided by the real engine.

2025-01-10  dana   1.0  DENY   a critical flaw
2025-01-12  dana   1.0  ALLOW  waived by erin until March
2025-02-05  frank  1.1  ALLOW  the same waiver; the credential is of the CI's store now
2025-02-20  frank  1.2  DENY   a test failed, and so does the flaw in another build
2025-03-05  dana   1.2  DENY   the waiver has ended
2025-03-15  dana   1.2  ALLOW  mended; a package with a hostile name
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import load_policy
from pushpolicy.model.reference import Repository, Target
from pushpolicy.pipeline import admit
from pushpolicy.registry import Access, open_repository
from pushpolicy.registry.credentials import Credential, SourceKind
from tests.jobs import BAD, GOOD, PASSED, Job
from tests.keys import key
from tests.layouts import LayoutMaker
from tests.policies import ROOT, rule, write_policy

CVE = "CVE-2024-1000"
HOSTILE = "a\x00\x1b[2J'; DROP TABLE decisions; --\u2028=cmd|' /C calc'!A0\"\\\n😀"
_FLAWS = """deny contains {"at": {"id": finding.id}, "msg": $"{finding.id} is critical"} if {
	some scan in input.scans.items
	some finding in scan.findings
	finding.severity == "critical"
}"""
_WAIVER = """waivers:
  - rule: flaws
    id: CVE-2024-1000
    reason: not reachable
    approver: erin
    ticket: SEC-7
    not_before: 2025-01-11T00:00:00Z
    expires: 2025-03-01T00:00:00Z
"""
_ENVIRON = json.loads((ROOT / "tests/ci/github-actions.json").read_bytes())["base"]


class _Push(NamedTuple):
    day: str
    actor: str
    tag: str
    report: str = GOOD
    flaw: bool = True
    variable: str | None = None


PUSHES = (
    _Push("2025-01-10", "dana", "1.0"),
    _Push("2025-01-12", "dana", "1.0"),
    _Push("2025-02-05", "frank", "1.1", variable="PUSHPOLICY_PASSWORD"),
    _Push("2025-02-20", "frank", "1.2", report=BAD),
    _Push("2025-03-05", "dana", "1.2", variable="PUSHPOLICY_PASSWORD"),
    _Push("2025-03-15", "dana", "1.2", flaw=False, variable="PUSHPOLICY_PASSWORD"),
)


def make_history(folder: Path, opa: Path) -> tuple[Path, Path]:
    """Push all of them; signed.

    Returns:
        the layouts of what was published, and of the denials.
    """
    published, denials = folder / "published", folder / "denials"
    push_all(folder, opa, f"oci:{published}", f"oci:{denials}")
    return published, denials


def push_all(folder: Path, opa: Path, published: str, denials: str) -> None:
    """The same, into these repositories."""
    engine = LocalOpa(opa)
    rules = {"passed": rule("passed", PASSED), "flaws": rule("flaws", _FLAWS)}
    policy = load_policy([write_policy(folder / "policy", rules, waivers=_WAIVER)], engine)
    for number, push in enumerate(PUSHES):
        job = Job(folder=folder / str(number), engine=engine)
        _write_reports(job.folder, push)
        request = job.request(
            push.report,
            Target.parse(f"{published}:{push.tag}"),
            policy=policy,
            environ=_ENVIRON | {"GITHUB_ACTOR": push.actor, "GITHUB_RUN_ID": str(number)},
            evaluated_at=datetime.fromisoformat(f"{push.day}T10:00:00Z").astimezone(UTC),
            signer=key,
            denials=open_repository(Repository.parse(denials), Access()),
        )
        if push.variable:
            found = Credential(
                source_kind=SourceKind.VARIABLE, secret="x", username="ci", variable=push.variable
            )
            request = replace(request, job=replace(request.job, credential=found))
        admit(request)


def _write_reports(folder: Path, push: _Push) -> None:
    reports = folder / "work/reports"
    reports.mkdir(parents=True)
    maker = LayoutMaker(folder / "image")
    maker.add(maker.image(content=push.day.encode()), name="1.0")
    flaws = list(_flaws(push))
    scan = {"SchemaVersion": 2, "ArtifactName": "app", "ArtifactType": "container_image", "Metadata": {}}
    result = {"Target": "app", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": flaws}
    (reports / "trivy.json").write_text(json.dumps({**scan, "Results": [result]}))
    components = [
        {"type": "library", "name": name, "version": "1.0", "purl": f"pkg:pypi/{name}@1.0"}
        for name in ("flask", "click")
    ] + [{"type": "library", "name": HOSTILE, "version": "1.0"}]
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}
    (reports / "app.cdx.json").write_text(json.dumps(bom))


def _flaws(push: _Push) -> Iterator[dict[str, Any]]:
    mended = {"PkgName": "openssl", "InstalledVersion": "3.0", "FixedVersion": "3.1", "Status": "fixed"}
    yield {"VulnerabilityID": "CVE-2024-2", "Severity": "LOW", "Title": HOSTILE, **mended}
    if push.flaw:
        yield {"VulnerabilityID": CVE, "Severity": "CRITICAL", "Title": "a hole", **mended}
