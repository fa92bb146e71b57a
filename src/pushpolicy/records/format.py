"""The names of the record format: media types, annotations, the order of its layers.

A record is an OCI artifact manifest (image-spec 1.1, manifest.md, "Guidelines for Artifact Usage") whose
subject is the image, with the empty config and these layers in this order:

    evidence   canonical JSON, what was known
    decision   canonical JSON, what was decided about it
    policy     tar+gzip, an OPA bundle of everything that decided, with its schema
    report...  gzip, the files the evidence was read from (none when only their digests are kept)
"""

from __future__ import annotations

from pushpolicy.model.digest import Digest
from pushpolicy.model.expressions import expression

ARTIFACT_TYPE = "application/vnd.pushpolicy.record.v1+json"
EVIDENCE_TYPE = "application/vnd.pushpolicy.evidence.v1+json"
DECISION_TYPE = "application/vnd.pushpolicy.decision.v1+json"
POLICY_TYPE = "application/vnd.pushpolicy.policy.v1.tar+gzip"
REPORT_TYPE = "application/vnd.pushpolicy.report.v1+gzip"
# What is signed about a decision that is no approval; of one that is, a Sigstore bundle.
STATEMENT_TYPE = "application/vnd.pushpolicy.statement.v1+json"

TITLE = "org.opencontainers.image.title"
CREATED = "org.opencontainers.image.created"
# With those two, what the web pages of registries show of an artifact (GitHub's up to 512 characters).
DESCRIPTION = "org.opencontainers.image.description"

PREFIX = "dev.pushpolicy."
VERDICT = PREFIX + "verdict"  # ALLOW, DENY, or OBSERVED: allowed by observe mode alone
TAGS = PREFIX + "tags"  # separated by commas, which no tag contains
ANCHORED = PREFIX + "anchored"
LOOSENED = PREFIX + "loosened"  # "true" where the judged checkout loosened something; else absent
POLICY = PREFIX + "policy"
# Of a statement: the record that it is about, so that a list tells which statements to read.
RECORD = PREFIX + "record"
# One per tag: the number of this record among those of the tag, and, where there is one, the digest of the
# manifest of the record before it.
SEQUENCE = PREFIX + "sequence."
PREVIOUS = PREFIX + "previous."

REPORT_NAME = PREFIX + "report.name"
REPORT_KIND = PREFIX + "report.kind"
REPORT_FORMAT = PREFIX + "report.format"
REPORT_MEDIA_TYPE = PREFIX + "report.media-type"
REPORT_DIGEST = PREFIX + "report.digest"  # of the file as it was read, before compression
REPORT_SIZE = PREFIX + "report.size"

# The tag that keeps a denial, by the digest of its decision; those of its statements have a number behind it.
_DENIAL = expression(r"deny-[0-9a-f]{64}(?:[0-9a-f]{64})?")

# A record is read by auditors from registries they do not control: nothing unbounded is taken from it.
# The number of values bounds memory: an empty list takes two bytes in JSON, and sixty-four in Python.
MAX_DOCUMENT_SIZE = 64 * 1024 * 1024
MAX_DOCUMENT_VALUES = 3_000_000
MAX_POLICY_SIZE = 16 * 1024 * 1024
MAX_REPORTS = 5_000
OBSERVED = "OBSERVED"


def denial_tag(decision: Digest) -> str:
    """The tag that keeps the record of a denial where no image is."""
    return f"deny-{decision.hex}"


def is_denial_tag(tag: str) -> bool:
    """Whether a tag is one of those."""
    return _DENIAL.fullmatch(tag) is not None
