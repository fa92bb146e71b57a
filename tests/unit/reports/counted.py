"""How many findings or failures a report lists, counted by the tests: nothing of the readers is used.

A counter knows where a format keeps its entries, and counts all that its specification does not call
harmless. It counts at most what is there, so that a reader must give at least as many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree import ElementTree


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _maps(value: Any) -> list[dict[str, Any]]:
    return [each for each in _many(value) if isinstance(each, dict)]


def _trivy_results(results: Any) -> int:
    found = 0
    for result in _maps(results):
        found += len(_many(result.get("Vulnerabilities"))) + len(_many(result.get("Secrets")))
        wrong = _maps(result.get("Misconfigurations"))
        found += sum(each.get("Status") != "PASS" for each in wrong)
        aside = _maps(result.get("ExperimentalModifiedFindings"))
        found += sum(str(each.get("Type")).lower() != "license" for each in aside)
    return found


def _trivy_k8s(document: Any) -> int:
    return sum(_trivy_results(resource.get("Results")) for resource in _maps(document["Resources"]))


def _operator(document: Any) -> int:
    return len(_many(document["report"]["vulnerabilities"]))


def _grype(document: Any) -> int:
    return len(_many(document["matches"])) + len(_many(document.get("ignoredMatches")))


def _sarif(document: Any) -> int:
    harmless = ("pass", "notApplicable", "informational")
    results = [result for run in _maps(document["runs"]) for result in _maps(run.get("results"))]
    return sum(
        result.get("kind") not in harmless and result.get("baselineState") != "absent" for result in results
    )


def _snyk(document: Any) -> int:
    filtered = document.get("filtered") or {}
    lists = (document.get("vulnerabilities"), filtered.get("ignore"), filtered.get("patch"))
    inner = sum(len(_many(each.get("vulnerabilities"))) for each in _maps(document.get("applications")))
    return sum(len(_many(each)) for each in lists) + inner


def _clair(document: Any) -> int:
    return sum(len(keys) for keys in (document.get("package_vulnerabilities") or {}).values())


def _quay(document: Any) -> int:
    features = _maps(document["data"]["Layer"]["Features"])
    return sum(len(_many(feature.get("Vulnerabilities"))) for feature in features)


def _klar(document: Any) -> int:
    return sum(len(flaws) for flaws in (document.get("Vulnerabilities") or {}).values())


def _osv(document: Any) -> int:
    packages = [package for result in _maps(document["results"]) for package in _maps(result["packages"])]
    return sum(len(_many(package.get("vulnerabilities"))) for package in packages)


def _vulnerabilities(document: Any) -> int:
    return len(_many(document.get("vulnerabilities")))


def _baseline(document: Any) -> int:
    found = [each for secrets in document["results"].values() for each in _maps(secrets)]
    return sum(each.get("is_secret") is not False for each in found)


def _ctrf(document: Any) -> int:
    return sum(test.get("status") == "failed" for test in _maps(document["results"]["tests"]))


def _junit(root: ElementTree.Element) -> int:
    bad = ("failure", "error")
    return sum(any(each.tag in bad for each in case.iter()) for case in root.iter("testcase"))


def _nunit(root: ElementTree.Element) -> int:
    return sum(case.get("result") == "Failed" for case in root.iter("test-case"))


def _xunit(root: ElementTree.Element) -> int:
    return sum(test.get("result") == "Fail" for test in root.iter("test"))


def _trx(root: ElementTree.Element) -> int:
    return sum(each.get("outcome") == "Failed" for each in root.iter() if each.tag.endswith("UnitTestResult"))


def _failsafe(root: ElementTree.Element) -> int:
    return sum(int(root.findtext(name) or 0) for name in ("errors", "failures"))


def _go_tests(content: bytes) -> int:
    events = [json.loads(line) for line in content.splitlines() if line.startswith(b"{")]
    return sum(event.get("Action") == "fail" and "Test" in event for event in events)


def _tap(content: bytes) -> int:
    lines = content.decode("utf-8", "replace").splitlines()
    return sum(line.startswith("not ok") and "# TODO" not in line and "# SKIP" not in line for line in lines)


JSON: Mapping[str, Callable[[Any], int]] = {
    "trivy": lambda document: _trivy_results(document.get("Results")),
    "trivy-legacy": _trivy_results,
    "trivy-k8s": _trivy_k8s,
    "trivy-operator": _operator,
    "grype": _grype,
    "sarif": _sarif,
    "snyk": _snyk,
    "clair": _clair,
    "clair-scanner": _vulnerabilities,
    "quay": _quay,
    "klar": _klar,
    "osv-scanner": _osv,
    "gitlab": _vulnerabilities,
    "gitlab-codequality": len,
    "cyclonedx": _vulnerabilities,
    "ctrf": _ctrf,
    "zizmor": len,
    "gitleaks": len,
    "detect-secrets": _baseline,
}
XML: Mapping[str, Callable[[ElementTree.Element], int]] = {
    "junit": _junit,
    "nunit": _nunit,
    "xunit": _xunit,
    "trx": _trx,
    "failsafe-summary": _failsafe,
}
LINES: Mapping[str, Callable[[bytes], int]] = {"gotest": _go_tests, "tap": _tap}
COUNTED = (*JSON, *XML, *LINES)


def counted(name: str, content: bytes) -> int:
    """How many findings or failures a report of this format lists.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: when it cannot be counted.
    """
    if name in JSON:
        return JSON[name](json.loads(content))
    return XML[name](_parsed(content)) if name in XML else LINES[name](content)


def _parsed(content: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error


ODD: tuple[Any, ...] = ("", "x", "FAIL", "pass", True, False, None, 0, -1, 1e9, [], {})


def mutations(content: bytes) -> Iterator[bytes]:
    """A JSON report with one value replaced by an odd one, or one entry of a list listed twice."""
    document = json.loads(content)
    for holder, key in list(_places(document)):
        kept = holder[key]
        for odd in ODD:
            holder[key] = odd
            yield json.dumps(document).encode()
        if isinstance(kept, list):
            holder[key] = [*kept, *kept]
            yield json.dumps(document).encode()
        holder[key] = kept


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(items):
        yield value, key
        yield from _places(child)
