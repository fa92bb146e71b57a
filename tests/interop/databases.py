"""Vulnerability databases that know three flaws, made from one list, as the scanners' own programs make them.

Grype makes the tables itself when it imports a database that lacks them; the rows are written into those.
Trivy's is built by trivy-db, the program that builds the published one, from its sources' files.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.interop.images import RELEASE
from tests.interop.programs import Programs


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A flaw of one package; `advisory` is its name at GitHub, none where a distribution tells of it."""

    cve: str
    advisory: str | None
    ecosystem: str
    package: str
    fixed_in: str
    severity: str
    vector: str
    score: float


FLAWS = (
    Flaw(
        cve="CVE-2024-4741",
        advisory=None,
        ecosystem="apk",
        package="openssl",
        fixed_in="3.3.0-r3",
        severity="high",
        vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
        score=7.5,
    ),
    Flaw(
        cve="CVE-2020-14343",
        advisory="GHSA-8q59-q68h-6hv4",
        ecosystem="python",
        package="pyyaml",
        fixed_in="5.4",
        severity="critical",
        vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        score=9.8,
    ),
    Flaw(
        cve="CVE-2021-23337",
        advisory="GHSA-35jh-r3h4-6jhm",
        ecosystem="npm",
        package="lodash",
        fixed_in="4.17.21",
        severity="high",
        vector="CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H",
        score=7.2,
    ),
)
_VERSIONS = {"apk": "apk", "python": "python", "npm": "semver"}


def feed_grype(programs: Programs, folder: Path) -> None:
    """Import a database with the flaws into the folder's cache."""
    seed, fed = folder / "seed.db", folder / "fed.db"
    with closing(sqlite3.connect(seed)) as database, database:
        database.execute(
            "CREATE TABLE db_metadata (build_timestamp datetime NOT NULL, model integer NOT NULL,"
            " revision integer NOT NULL, addition integer NOT NULL)"
        )
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")
        database.execute("INSERT INTO db_metadata VALUES (?, 6, 1, 10)", (now,))
    programs.run("grype", "db", "import", str(seed))
    shutil.copy(programs.grype_cache / "6" / "vulnerability.db", fed)
    with closing(sqlite3.connect(fed)) as database, database:
        _fill(database, now)
    programs.run("grype", "db", "import", str(fed))


def _fill(database: sqlite3.Connection, now: str) -> None:
    def insert(table: str, row: Mapping[str, Any]) -> None:
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    major, _, minor = RELEASE.partition(".")
    system = {"name": "alpine", "release_id": "alpine", "major_version": major, "minor_version": minor}
    texts = dict.fromkeys(("label_version", "codename", "channel"), "")
    insert("operating_systems", {"id": 1, **system, **texts})
    for provider in ("alpine", "github"):
        insert("providers", {"id": provider, "version": "1", "processor": "vunnel", "date_captured": now})
    for number, flaw in enumerate(FLAWS, 1):
        for blob, value in ((2 * number, _told(flaw)), (2 * number + 1, _affected(flaw))):
            insert("blobs", {"id": blob, "value": json.dumps(value)})
        known = {"name": _told(flaw)["id"], "status": "active", "blob_id": 2 * number}
        provider = "github" if flaw.advisory else "alpine"
        insert("vulnerability_handles", {"id": number, "provider_id": provider, **known})
        if flaw.advisory:
            insert("vulnerability_aliases", {"name": flaw.advisory, "alias": flaw.cve})
        insert("packages", {"id": number, "ecosystem": flaw.ecosystem, "name": flaw.package})
        place = {"operating_system_id": None if flaw.advisory else 1, "package_id": number}
        affected = {"id": number, "vulnerability_id": number, "blob_id": 2 * number + 1}
        insert("affected_package_handles", affected | place)


def _told(flaw: Flaw) -> dict[str, Any]:
    rated = [
        {"scheme": "CHML", "value": flaw.severity, "rank": 1},
        {"scheme": "CVSS", "value": {"vector": flaw.vector, "version": "3.1"}, "rank": 2},
    ]
    known = {
        "id": flaw.advisory or flaw.cve,
        "description": f"A flaw of {flaw.package}.",
        "severities": rated,
    }
    return known | ({"aliases": [flaw.cve]} if flaw.advisory else {})


def _affected(flaw: Flaw) -> dict[str, Any]:
    version = {"type": _VERSIONS[flaw.ecosystem], "constraint": f"< {flaw.fixed_in}"}
    fix = {"version": flaw.fixed_in, "state": "fixed"}
    return {"cves": [flaw.cve], "ranges": [{"version": version, "fix": fix}]}


def feed_trivy(programs: Programs, folder: Path) -> None:
    """Build a database with the flaws into the folder's cache."""
    sources = folder / "sources"
    for flaw in FLAWS:
        if flaw.advisory:
            _write(sources / f"ghsa/advisories/github-reviewed/{flaw.advisory}.json", _github(flaw))
        else:
            _write(sources / f"vuln-list/alpine/{RELEASE}/main/{flaw.package}.json", _alpine(flaw))
        _write(sources / f"vuln-list-nvd/api/{flaw.cve}.json", _nvd(flaw))
    (sources / "cocoapods-specs/Specs").mkdir(parents=True)
    chosen = [text for source in ("alpine", "ghsa", "nvd") for text in ("--only-update", source)]
    output = str(programs.trivy_cache / "db")
    programs.run("trivy-db", "build", *chosen, "--cache-dir", str(sources), "--output-dir", output)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def _alpine(flaw: Flaw) -> dict[str, Any]:
    return {
        "name": flaw.package,
        "secfixes": {flaw.fixed_in: [flaw.cve]},
        "reponame": "main",
        "distroversion": f"v{RELEASE}",
    }


def _github(flaw: Flaw) -> dict[str, Any]:
    """The advisory in the form of OSV."""
    ecosystem = {"python": "PyPI"}.get(flaw.ecosystem, flaw.ecosystem)
    events = [{"introduced": "0"}, {"fixed": flaw.fixed_in}]
    return {
        "id": flaw.advisory,
        "aliases": [flaw.cve],
        "summary": f"A flaw of {flaw.package}",
        "details": "More of it.",
        "modified": "2024-01-01T00:00:00Z",
        "published": "2024-01-01T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": flaw.vector}],
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": flaw.package},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        "database_specific": {"severity": flaw.severity.upper()},
    }


def _nvd(flaw: Flaw) -> dict[str, Any]:
    rated = {"version": "3.1", "vectorString": flaw.vector, "baseScore": flaw.score}
    data = rated | {"baseSeverity": flaw.severity.upper()}
    return {
        "id": flaw.cve,
        "published": "2024-01-01T00:00:00",
        "lastModified": "2024-01-01T00:00:00",
        "descriptions": [{"lang": "en", "value": f"A flaw of {flaw.package}."}],
        "metrics": {"cvssMetricV31": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData": data}]},
        "references": [],
        "vulnStatus": "Analyzed",
    }
