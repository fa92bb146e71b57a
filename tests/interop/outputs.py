"""Every file that the scanners write about an image, and what pushpolicy has to make of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop import counted
from tests.interop.databases import FLAWS
from tests.interop.images import archive
from tests.interop.programs import TOOLS, Programs, find_go


@dataclass(frozen=True, kw_only=True)
class Output:
    """One kind of file.

    Attributes:
        command: what is run; `{layout}` and `{archive}` are the image, `{file}` is where to write,
            `{settings}` the folder of what the scanners are told to ignore.
        format: what it has to be read as.
        findings: counts the findings of the file by severity, without pushpolicy; None for an SBOM.
        components: counts its components, without pushpolicy; None for what is no SBOM.
        bound_by: how it is bound to the image; None where it does not name it.
        denied: the rules that are not met whatever was found, for what the format cannot say.
        denied_empty: those that are not met where nothing was found.
        ids: what the file has to call the findings, so that a denial names them.
    """

    command: str
    file: str
    format: str
    findings: Callable[[Path], Mapping[str, int]] | None = None
    components: Callable[[Path], int] | None = None
    bound_by: str | None = None
    denied: frozenset[str] = frozenset()
    denied_empty: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    @property
    def tool(self) -> str:
        """The program."""
        return self.command.partition(" ")[0]

    @property
    def options(self) -> str:
        """What is shown of the command: neither the tool nor what all its commands have."""
        shown = (word for word in self.command.split()[1:] if word not in _EVERYWHERE)
        names = {"layout": "DIR", "archive": "FILE", "file": "REPORT", "settings": "settings"}
        return " ".join(shown).format(**names, gitlab="gitlab.tpl")

    @property
    def of_archive(self) -> bool:
        """Whether it is about the image as `docker save` writes it, which pushpolicy is given then too."""
        return "{archive}" in self.command


_SETTINGS = Path(__file__).parent / "settings"
_SYFT = "syft scan oci-dir:{layout} --quiet --output"
_SYFT_SAVED = "syft scan docker-archive:{archive} --quiet --output"
_GRYPE = "grype oci-dir:{layout} --quiet --output"
_GRYPE_SAVED = "grype docker-archive:{archive} --quiet --output"
TRIVY_OFFLINE = "--quiet --offline-scan --skip-db-update --skip-java-db-update --skip-check-update"
_TRIVY = f"trivy image {TRIVY_OFFLINE} --output {{file}} --input {{layout}}"
_TRIVY_SAVED = f"trivy image {TRIVY_OFFLINE} --output {{file}} --input {{archive}}"
_ALL = "--scanners vuln,secret,misconfig --format"
_EVERYWHERE = frozenset(("scan", "image", *TRIVY_OFFLINE.split()))
# A BOM that lists no flaw does not say whether any was looked for: without flaws it is no scan.
_NO_SCAN = frozenset({"scan_bound", "scan_fresh", "scan_severity", "system_supported"})
_CVES = frozenset(flaw.cve for flaw in FLAWS)
_ADVISORIES = frozenset(flaw.advisory or flaw.cve for flaw in FLAWS)
# The key, and that the Dockerfile names no user; that it has no health check is no reason to deny.
_PLANTED = frozenset({"private-key", "DS-0002"})

OUTPUTS = (
    Output(
        command=f"{_SYFT} cyclonedx-json={{file}}",
        file="syft.cdx.json",
        format="cyclonedx",
        components=counted.components_of_cyclonedx,
        bound_by="manifest",
    ),
    Output(
        command=f"{_SYFT} cyclonedx-xml={{file}}",
        file="syft.cdx.xml",
        format="cyclonedx-xml",
        components=counted.components_of_xml,
        bound_by="manifest",
    ),
    Output(
        command=f"{_SYFT} spdx-json={{file}}",
        file="syft.spdx.json",
        format="spdx",
        components=counted.packages_of_spdx,
        bound_by="manifest",
    ),
    Output(
        command=f"{_SYFT} spdx-json@2.2={{file}}",
        file="syft-2.2.spdx.json",
        format="spdx",
        components=counted.packages_of_spdx,
        bound_by="manifest",
    ),
    Output(
        command=f"{_SYFT} spdx-json@3.0={{file}}",
        file="syft.spdx3.json",
        format="spdx-3",
        components=counted.packages_of_graph,
        bound_by="manifest",
    ),
    Output(
        command=f"{_SYFT} spdx-tag-value={{file}}",
        file="syft.spdx",
        format="spdx-tag-value",
        components=counted.packages_of_tags,
        bound_by="manifest",
    ),
    Output(
        command=f"{_SYFT_SAVED} cyclonedx-json={{file}}",
        file="syft-saved.cdx.json",
        format="cyclonedx",
        components=counted.components_of_cyclonedx,
    ),
    Output(
        command=f"{_SYFT_SAVED} spdx-json={{file}}",
        file="syft-saved.spdx.json",
        format="spdx",
        components=counted.packages_of_spdx,
    ),
    Output(
        command=f"{_GRYPE} json={{file}}",
        file="grype.json",
        format="grype",
        findings=counted.matches_of_grype,
        ids=_ADVISORIES,
        bound_by="manifest",
    ),
    Output(
        command=f"{_GRYPE_SAVED} json={{file}}",
        file="grype-saved.json",
        format="grype",
        findings=counted.matches_of_grype,
        ids=_ADVISORIES,
        bound_by="config",
    ),
    Output(
        command=f"{_GRYPE} json={{file}} --config {{settings}}/grype.yaml",
        file="grype-ignored.json",
        format="grype",
        findings=counted.matches_of_grype,
        ids=_ADVISORIES,
        bound_by="manifest",
    ),
    Output(
        command=f"{_GRYPE} sarif={{file}}",
        file="grype.sarif",
        format="sarif",
        findings=counted.results_of_sarif,
        ids=_ADVISORIES,
        denied=frozenset({"scan_bound", "scan_fresh"}),
    ),
    Output(
        command=f"{_GRYPE} cyclonedx-json={{file}}",
        file="grype.cdx.json",
        format="cyclonedx",
        findings=counted.vulnerabilities_of_cyclonedx,
        ids=_ADVISORIES,
        components=counted.components_of_cyclonedx,
        bound_by="manifest",
        denied_empty=_NO_SCAN,
    ),
    Output(
        command=f"{_GRYPE} cyclonedx-xml={{file}}",
        file="grype.cdx.xml",
        format="cyclonedx-xml",
        findings=counted.vulnerabilities_of_xml,
        ids=_ADVISORIES,
        components=counted.components_of_xml,
        bound_by="manifest",
        denied_empty=_NO_SCAN,
    ),
    Output(
        command=f"{_TRIVY} {_ALL} json",
        file="trivy.json",
        format="trivy",
        findings=counted.results_of_trivy,
        ids=_CVES | _PLANTED,
        bound_by="config",
    ),
    Output(
        command=f"{_TRIVY_SAVED} {_ALL} json",
        file="trivy-saved.json",
        format="trivy",
        findings=counted.results_of_trivy,
        ids=_CVES | _PLANTED,
        bound_by="config",
    ),
    Output(
        command=f"{_TRIVY} {_ALL} json --ignorefile {{settings}}/trivyignore --show-suppressed",
        file="trivy-ignored.json",
        format="trivy",
        findings=counted.results_of_trivy,
        ids=_CVES | _PLANTED,
        bound_by="config",
    ),
    Output(
        command=f"{_TRIVY} {_ALL} sarif",
        file="trivy.sarif",
        format="sarif",
        findings=counted.results_of_sarif,
        ids=_CVES | _PLANTED,
        bound_by="config",
        denied=frozenset({"scan_fresh"}),
    ),
    Output(
        command=f"{_TRIVY} {_ALL} template --template @{{gitlab}}",
        file="gl-container-scanning-report.json",
        format="gitlab",
        findings=counted.vulnerabilities_of_gitlab,
        ids=_CVES,
        denied=frozenset({"scan_bound"}),
    ),
    Output(
        command=f"{_TRIVY} --scanners vuln --format cyclonedx",
        file="trivy.cdx.json",
        format="cyclonedx",
        findings=counted.vulnerabilities_of_cyclonedx,
        ids=_CVES,
        components=counted.components_of_cyclonedx,
        bound_by="config",
        denied_empty=_NO_SCAN,
    ),
    Output(
        command=f"{_TRIVY} --format spdx-json",
        file="trivy.spdx.json",
        format="spdx",
        components=counted.packages_of_spdx,
        bound_by="config",
    ),
    Output(
        command=f"{_TRIVY} --format spdx",
        file="trivy.spdx",
        format="spdx-tag-value",
        components=counted.packages_of_tags,
    ),
)


def write(output: Output, programs: Programs, layout: Path, folder: Path) -> Path:
    """Let the scanner write the file into the folder."""
    file = folder / output.file
    names = {"layout": layout, "archive": archive(layout), "file": file, "settings": _SETTINGS}
    if "{gitlab}" in output.command:
        names["gitlab"] = _contrib() / "gitlab.tpl"
    name, *arguments = (word.format_map(names) for word in output.command.split())
    programs.run(name, *arguments)
    return file


def _contrib() -> Path:
    """The folder of templates in Trivy's module; its packages install it beside the program."""
    argv = [str(find_go()), "mod", "download", "-json", "github.com/aquasecurity/trivy"]
    done = subprocess.run(argv, cwd=TOOLS / "trivy", capture_output=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return Path(told["Dir"]) / "contrib"
