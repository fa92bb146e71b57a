"""What the evidence of a decision says, in words: the same where one is told and where two are compared.

Texts are as the evidence has them: whoever prints them makes them harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pushpolicy.model.text import first_of

Evidence = Mapping[str, Any]
_SHOWN = 5
_BASE = ("org.opencontainers.image.base.name", "org.opencontainers.image.base.digest")


def facts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Who pushed, from where, with which credential, and what is known of the image: label and text of each.

    Args:
        evidence: a document that is valid against its schema.
    """
    yield from _run(evidence.get("ci", {}), evidence.get("source", {}))
    if (held := evidence.get("credentials", {})).get("status") == "collected":
        yield "credential", _credential(held)
    image = evidence["image"]
    platforms = [each["platform"] for each in image["platforms"]]
    yield "image", f"{image['size']} bytes, {first_of(platforms, _SHOWN)}, from {image['source']}"
    if base := _base(image):
        yield "base image", base
    for kind, told in (("tests", _tests), ("scans", _scans), ("sbom", _sbom)):
        found = evidence.get(kind)
        if found and found["status"] == "collected":
            yield from ((kind, text) for text in told(found))
    yield from _absent(evidence)


def _base(image: Evidence) -> str | None:
    """What the image says it was built from (image-spec 1.1, annotations.md); often it does not say."""
    said = [image["annotations"], *(each["labels"] for each in image["platforms"])]
    found = {" ".join(filter(None, map(each.get, _BASE))) for each in said} - {""}
    return first_of(sorted(found), _SHOWN) or None


def _severities(found: Mapping[str, int]) -> str:
    """`1 critical, 2 high`; those of which there is one."""
    return ", ".join(f"{number} {severity}" for severity, number in found.items() if number) or "no findings"


def _totals(found: Mapping[str, int]) -> str:
    """`4: 3 passed, 1 failed`."""
    others = ", ".join(f"{number} {name}" for name, number in found.items() if number and name != "total")
    return f"{found.get('total', 0)}{f': {others}' if others else ''}"


def _absent(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """What was not collected: that there was none in a line, and each that failed with its reason."""
    kinds = {kind: found for kind, found in evidence.items() if isinstance(found, Mapping)}
    by_status = {kind: found.get("status", "collected") for kind, found in kinds.items()}
    if missing := [kind for kind, status in by_status.items() if status == "missing"]:
        yield "missing", first_of(missing, len(missing))
    for kind, status in by_status.items():
        if status not in ("collected", "missing"):
            yield kind, f"{status}: {kinds[kind].get('reason', '')}"


def _run(ci: Evidence, source: Evidence) -> Iterator[tuple[str, str]]:
    if ci.get("actor") or ci.get("event"):
        yield "pushed by", f"{ci.get('actor', 'somebody')}, on {ci.get('event', 'an unknown event')}"
    if commit := source.get("commit") or ci.get("commit"):
        branch = ci.get("branch") or source.get("branch")
        dirty = ", with changes that are not in it" if source.get("dirty") else ""
        yield "commit", f"{commit}{f' of {branch}' if branch else ''}{dirty}"
    if run := ci.get("run"):
        provider = f" of {ci['provider']}" if ci.get("provider") else ""
        yield "run", f"{run.get('url') or run['id']}{provider}"


def _credential(found: Evidence) -> str:
    """Where the credential came from, and what it is."""
    ends = {True: "ends within a day", False: "lasts", None: None}[found.get("ephemeral")]
    scope = found.get("scope")
    parts = (
        found.get("variable") or found.get("helper") or found.get("path"),
        found.get("user_kind"),
        ends,
        f"for {'one repository' if scope == 'repository' else scope}" if scope else None,
    )
    return ", ".join(map(str, filter(None, (found.get("source"), *parts))))


def _tests(found: Evidence) -> Iterator[str]:
    names = [f"{each['name']} ({each['format']})" for each in found["reports"]]
    yield f"{_totals(found['totals'])}; of {first_of(names, _SHOWN)}"
    if coverage := found.get("coverage"):
        yield f"coverage {coverage.get('percent', '?')} %"


def _scans(found: Evidence) -> Iterator[str]:
    yield f"{_severities(found['counts']['by_severity'])}; reports: {len(found['items'])}"
    for each in found["items"][:_SHOWN]:
        scanner = " ".join(filter(None, (each["scanner"]["name"], each["scanner"].get("version"))))
        bound = f"bound by {each['bound_by']}" if each["bound"] else "not bound to the image"
        said = _severities(each["counts"]["by_severity"])
        yield f"  {each['name']} by {scanner}: {said}; {bound}"
    yield from _more(found["items"])


def _sbom(found: Evidence) -> Iterator[str]:
    for each in found["items"][:_SHOWN]:
        bound = f"bound by {each['bound_by']}" if each["bound"] else "not bound to the image"
        yield f"{each['name']} ({each['format']}): components: {each['components']}; {bound}"
    yield from _more(found["items"])


def _more(items: Sequence[Evidence]) -> Iterator[str]:
    if len(items) > _SHOWN:
        yield f"... and {len(items) - _SHOWN} more"
