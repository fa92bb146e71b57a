# METADATA
# title: Findings that do not count
# description: |
#   A report may call a finding ignored, and a VEX document may call it harmless. Neither counts by itself: a rule
#   hands over what its settings accept. What a key of trust.yaml with the role vex signed counts. The same answer for each rule, so that none denies what another leaves out.
package pushpolicy.lib.findings

import rego.v2

# METADATA
# title: Whether a finding is set aside by an accepted suppression (globs) or VEX document (its SHA-256)
# custom:
#   example: not findings.set_aside(input.scans.items[0].findings[0], ["sarif *"], [])
set_aside(finding, suppressions, documents) if not _counts(finding, suppressions, documents)

# METADATA
# title: The same for a finding that several scans may list, of which each has to say so
# custom:
#   example: not findings.left_out(input.scans.items[0].findings[0], ["sarif *"], [])
left_out(finding, suppressions, documents) if {
	set_aside(finding, suppressions, documents)
	not _stands(finding, suppressions, documents)
}

_stands(finding, suppressions, documents) if {
	some told in finding.joined.told
	not set_aside(told, suppressions, documents)
}

_counts(finding, suppressions, documents) if {
	not _suppressed(finding, suppressions)
	not _harmless(finding, documents)
}

_suppressed(finding, suppressions) if {
	some pattern in suppressions
	glob.match(pattern, null, finding.suppressed_by)
}

_harmless(finding, documents) if {
	some claim in finding.vex
	claim.status in {"fixed", "not_affected"}
	claim.sha256 in documents
}

_harmless(finding, _) if {
	some claim in finding.vex
	claim.status in {"fixed", "not_affected"}
	claim.verified_by
}
