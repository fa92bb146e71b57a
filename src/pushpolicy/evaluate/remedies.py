"""What to do about evidence that a rule needs and that is not there.

The fix in a rule's METADATA is for what the rule finds. Where it could not even look, the fix follows from
the evidence document: which kind or field is absent, and whether it is missing or failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushpolicy.model.index import RuleEntry

_PLACES = (
    "in one of the usual places ({places}/ and others; `pushpolicy doctor` lists them and what lies there),"
    " or by --evidence {kind}=PATH"
)
_NAMED = " ({kind}.NAME=PATH where a name is expected)"
_CAPTURE = ". A command that writes none is captured by `pushpolicy run {kind} -- CMD`"
_DOWNLOAD = ". One that another job wrote has to be downloaded into this one first."
_WHOLE = (
    "Have the step that writes the named file run again and write all of it; remove a file that is not of"
    " this build. Where a limit is named, --limit NAME=VALUE raises it."
)
_ATTACHED = (
    "What is attached to the image is removed, or attached anew, where the image is from (docs/attached.md)."
)
_BUILT_IN = ", or in the image itself: `docker buildx build --{kind}=true`"

# By kind of evidence: what to do where it is missing.
_MISSING: Mapping[str, str] = {
    "tests": f"Hand over the test report {_PLACES}{_NAMED}{_CAPTURE}{_DOWNLOAD}",
    "scans": f"Hand over the scan report {_PLACES}{_NAMED}{_CAPTURE}{_DOWNLOAD}",
    "sbom": f"Hand over an SBOM {_PLACES}{_BUILT_IN}{_DOWNLOAD}",
    "vex": f"Hand over a VEX document {_PLACES}{_DOWNLOAD}",
    "provenance": f"Hand over the provenance {_PLACES}{_BUILT_IN}{_DOWNLOAD}",
    "source": (
        "Push from a git checkout of the commit that the image was built from, with its .git folder: a"
        " download of the files, or a copy without .git, names no commit."
    ),
    "ci": (
        "Push from a job of the CI system, which says branch, event and commit; on a laptop nothing vouches"
        " for them. Where pushes from here are wanted, name a policy without such rules: --policy DIR in"
        " place of the shipped pack. A CI system that is not known hands over what it knows in"
        " PUSHPOLICY_CI_* (docs/ci.md)."
    ),
    "credentials": "Push with `pushpolicy push`, which looks where the credential comes from.",
    "pipeline": (
        "Push from a git checkout with a pushpolicy that reads the pipeline's files; older evidence has none."
    ),
    "clock": (
        "Push to a registry that tells its time by the header Date of its answers; a folder (oci:DIR) has no"
        " clock."
    ),
    "records": "Gather with a pushpolicy that looks for earlier records; older evidence has none.",
    "unread": "pushpolicy itself writes which files it did not read: use a version that does.",
}
# The same where it was there and failed; its reason names what went wrong.
_FAILED: Mapping[str, str] = {
    **dict.fromkeys(("tests", "scans", "vex"), _WHOLE),
    **dict.fromkeys(("sbom", "provenance"), f"{_WHOLE} {_ATTACHED}"),
    "source": (
        "Put right what is named and push again: with git installed, or named by --git PATH, and from a"
        " complete checkout of the commit."
    ),
    "ci": (
        "Let pushpolicy see all variables of the CI job and its event file; in a container they have to be"
        " handed on. Where two sides are named, they have to say the same: check out the commit that the run"
        " is for, and let no step set what the CI system sets or rewrite its event file. Where --jobs asked"
        " the API, give it what the reason names: a token that may read jobs, the address, this run."
    ),
    "credentials": (
        "Let the checkout be searched for the credential: --limit max-searched=BYTES raises how much is read."
    ),
    "records": (
        "Let the credential read the repository that the reason names; with --login the target is read by"
        " read_role until the push is decided (docs/login.md)."
    ),
    "pipeline": "Put the file right that is named: a file of a pipeline is readable text of some kilobytes.",
}
# By path, the longest that fits: who writes a field.
_FIELDS: Mapping[str, str] = {
    "ci": (
        "The CI system has to say it: let pushpolicy see all variables of the job and its event file; in a"
        " container they have to be handed on."
    ),
    "clock": _MISSING["clock"],
    "credentials": (
        "It is known of some sources of a credential only; hand the credential over in another way, such as"
        " the platform's token or a workload identity."
    ),
    "image": "The image has to say it: its build writes configuration, labels and annotations.",
    "pipeline": _MISSING["pipeline"],
    "provenance": "The build that writes the provenance has to say it.",
    "records": (
        "An earlier record has to say it, which a key of trust.yaml with the role decide signed"
        " (docs/attached.md)."
    ),
    "reports": (
        "Have `pushpolicy run tests -- CMD` (or scans) run the command that writes the report; it notes what"
        " wrote it."
    ),
    "unread": _MISSING["unread"],
    "sbom": "The generator of the SBOM has to write it; docs/formats.md says what each format can hold.",
    "sbom.components": (
        "Where sbom.not_listed names a limit, --limit NAME=VALUE raises it; evidence that an older pushpolicy"
        " gathered has no components."
    ),
    "scans": (
        "The scanner has to write it: the scanner's own JSON says most; docs/formats.md says what each format"
        " can hold."
    ),
    "source": (
        "The checkout has to say it: a branch where one is checked out (not a commit by itself), a tag where"
        " HEAD has one, a repository where the remote origin has a URL."
    ),
    "target": "The target's registry has to say it of the tag; push again, or to one that does.",
    "tests": "The test tool has to write it; docs/formats.md says what each format can hold.",
    "tests.coverage": (
        f"Hand over a coverage report {_PLACES.format(kind='coverage', places='reports/, coverage')}."
    ),
    "vex": "The VEX document has to say it; docs/formats.md says what each format can hold.",
}
# Of what no policy of this version can ask for; a recorded one may.
_OTHER = "Hand over the evidence that is named, or ask those who keep the policy what writes it."
# How the reason ends where what is missing is a coverage report.
_COVERAGE = "(coverage)"
_USUAL = {"tests": "reports/, test-results", "scans": "reports/, scan-results"}


def remedy(absent: str, rule: RuleEntry, evidence: Mapping[str, Any]) -> str:
    """What to do about evidence that is not there.

    Args:
        absent: the kind, or the path of the field, as `Violation.evidence` names it.
        rule: the rule that needs it.
        evidence: the document that lacks it.
    """
    leaf = next((each for each in rule.leaves if each.path == absent), None)
    kind = leaf.kind if leaf else absent
    if kind.startswith("extra."):
        option = f"--evidence {kind}=FILE"
        return (
            f"Write it into the file of {option}."
            if leaf
            else f"Hand it over with {option}, as JSON or YAML."
        )
    if leaf:
        return _FIELDS.get(
            max((path for path in _FIELDS if _is_within(absent, path)), key=len, default=""), _OTHER
        )
    given = evidence.get(kind)
    has_failed = isinstance(given, Mapping) and given.get("status") == "failed"
    if kind == "tests" and not has_failed and str(given and given.get("reason")).endswith(_COVERAGE):
        return _FIELDS["tests.coverage"]
    text = (_FAILED if has_failed else _MISSING).get(kind, _OTHER)
    return text.format(kind=kind, places=_USUAL.get(kind, "reports"))


def _is_within(path: str, other: str) -> bool:
    return path == other or path.startswith((f"{other}.", f"{other}["))
