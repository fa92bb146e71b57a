"""A scanner's command line is understood whole, and looks for critical vulnerabilities, or says nothing."""

from __future__ import annotations

import pytest

from pushpolicy.reports.scanners import Meaning, meaning

# The command, where the image is, the exit codes of findings, and the filters.
KNOWN: list[tuple[str, str, set[int], tuple[str, ...]]] = [
    ("docker scout cves APP --exit-code", "daemon", {2}, ()),
    (
        "docker scout cves APP --exit-code --only-severity critical",
        *("daemon", {2}, ("--only-severity critical",)),
    ),
    (
        "docker scout cves -e --only-severity=high,critical local://APP --format sarif",
        *("daemon", {2}, ("--only-severity high,critical",)),
    ),
    ("docker-scout cves --exit-code registry://APP", "registry", {2}, ()),
    ("docker scout cves --exit-code archive://APP", "file", {2}, ()),
    ("docker scout cves --only-fixed --exit-code APP", "daemon", {2}, ("--only-fixed",)),
    ("trivy image --exit-code 1 APP", "daemon", {1}, ()),
    (
        "/usr/bin/trivy image --exit-code=5 --severity HIGH,CRITICAL APP",
        *("registry", {5}, ("--severity HIGH,CRITICAL",)),
    ),
    ("trivy image --exit-code 1 --scanners vuln,secret --input APP", "file", {1}, ()),
    ("trivy image --exit-code 1 --ignore-unfixed APP", "daemon", {1}, ("--ignore-unfixed",)),
    ("grype APP --fail-on high", "daemon", {1, 2}, ("--fail-on high",)),
    ("grype oci-dir:APP -f critical -o json", "file", {1, 2}, ("-f critical",)),
    ("snyk container test APP", "daemon", {1}, ()),
    (
        "snyk container test APP --severity-threshold=critical",
        *("registry", {1}, ("--severity-threshold critical",)),
    ),
]
UNKNOWN = [
    ("docker scout cves APP", "daemon"),  # it ends with 0 whatever it finds
    ("docker scout cves --exit-code=false APP", "daemon"),
    ("docker scout cves --exit-code", "daemon"),
    ("docker scout cves --exit-code OTHER", "daemon"),
    ("docker scout cves --exit-code APP OTHER", "daemon"),
    ("docker scout cves --exit-code OTHER --output APP", "daemon"),
    ("docker scout cves --exit-code xAPP", "daemon"),
    ("docker scout cves --exit-code registry://APP", "daemon"),
    ("docker scout cves --exit-code fs://APP", "file"),
    ("docker scout cves --exit-code sbom://APP", "file"),
    ("docker scout cves --exit-code APP", "file"),
    ("docker scout cves --exit-code --only-severity high APP", "daemon"),
    ("docker scout cves --exit-code --only-severity critical --only-severity low APP", "daemon"),
    ("docker scout cves --exit-code --only-cve-id CVE-2026-1 APP", "daemon"),
    ("docker scout cves --exit-code --only-package-type npm APP", "daemon"),
    ("docker scout cves --exit-code --vex-location here APP", "daemon"),
    ("docker scout cves --exit-code --help APP", "daemon"),
    ("docker scout quickview --exit-code APP", "daemon"),
    ("docker --config other scout cves --exit-code APP", "daemon"),
    ("./docker scout cves --exit-code APP", "daemon"),
    ("bin/trivy image --exit-code 1 APP", "daemon"),
    ("trivy image APP", "daemon"),
    ("trivy image --exit-code 0 APP", "daemon"),
    ("trivy image --exit-code 1 --exit-code 0 APP", "daemon"),
    ("trivy image --exit-code 137 APP", "daemon"),
    ("trivy image --exit-code x APP", "daemon"),
    ("trivy image --exit-code 1 --scanners secret APP", "daemon"),
    ("trivy image --exit-code 1 --severity HIGH APP", "daemon"),
    ("trivy image --exit-code 1 --ignorefile all APP", "daemon"),
    ("trivy image --exit-code 1 --skip-dirs / APP", "daemon"),
    ("trivy image --exit-code 1 --download-db-only APP", "daemon"),
    ("trivy image --exit-code 1 --input APP APP", "file"),
    ("trivy fs --exit-code 1 APP", "file"),
    ("grype APP", "daemon"),
    ("grype APP --fail-on unknown", "daemon"),
    ("grype APP --fail-on", "daemon"),
    ("grype dir:APP --fail-on low", "file"),
    ("grype APP --fail-on low --exclude /x", "daemon"),
    ("grype APP --fail-on low --only-notfixed", "daemon"),
    ("snyk test APP", "daemon"),
    ("snyk container test APP --exclude-base-image-vulns", "daemon"),
    ("snyk container monitor APP", "daemon"),
    ("my-scanner APP", "daemon"),
    ("sh -c docker APP", "daemon"),
    ("docker run aquasec/trivy image --exit-code 1 APP", "daemon"),
    ("docker", "daemon"),
]


@pytest.mark.parametrize(("command", "where", "found", "filters"), KNOWN)
def test_known_commands(command: str, where: str, found: set[int], filters: tuple[str, ...]) -> None:
    argv = command.replace("APP", "app:1.0").split()
    told = meaning(argv, "app:1.0", where)
    assert told is not None
    assert told == Meaning(scanner=told.scanner, found=frozenset(found), filters=filters)
    assert told.scanner in ("scout", "trivy", "grype", "snyk")


@pytest.mark.parametrize(("command", "where"), UNKNOWN)
def test_any_other_command_says_nothing(command: str, where: str) -> None:
    assert meaning(command.replace("APP", "app:1.0").split(), "app:1.0", where) is None
