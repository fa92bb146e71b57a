# Generated from the rules. Do not edit.
package pushpolicy.index

import rego.v2

deny["branch_allowed"] := data.pushpolicy.rules.branch_allowed.deny

deny["builder_allowed"] := data.pushpolicy.rules.builder_allowed.deny

deny["code_findings"] := data.pushpolicy.rules.code_findings.deny

deny["commit_matches"] := data.pushpolicy.rules.commit_matches.deny

deny["coverage_minimum"] := data.pushpolicy.rules.coverage_minimum.deny

deny["credential_source"] := data.pushpolicy.rules.credential_source.deny

deny["environment_secrets"] := data.pushpolicy.rules.environment_secrets.deny

deny["event_allowed"] := data.pushpolicy.rules.event_allowed.deny

deny["evidence_read"] := data.pushpolicy.rules.evidence_read.deny

deny["fix_overdue"] := data.pushpolicy.rules.fix_overdue.deny

deny["fork_denied"] := data.pushpolicy.rules.fork_denied.deny

deny["identity_verified"] := data.pushpolicy.rules.identity_verified.deny

deny["jobs_succeeded"] := data.pushpolicy.rules.jobs_succeeded.deny

deny["labels_required"] := data.pushpolicy.rules.labels_required.deny

deny["licences_allowed"] := data.pushpolicy.rules.licences_allowed.deny

deny["new_findings"] := data.pushpolicy.rules.new_findings.deny

deny["packages_forbidden"] := data.pushpolicy.rules.packages_forbidden.deny

deny["parts_trusted"] := data.pushpolicy.rules.parts_trusted.deny

deny["pipeline_credentials"] := data.pushpolicy.rules.pipeline_credentials.deny

deny["platforms_complete"] := data.pushpolicy.rules.platforms_complete.deny

deny["promotion"] := data.pushpolicy.rules.promotion.deny

deny["protected_ref"] := data.pushpolicy.rules.protected_ref.deny

deny["provenance_bound"] := data.pushpolicy.rules.provenance_bound.deny

deny["push_window"] := data.pushpolicy.rules.push_window.deny

deny["registries_allowed"] := data.pushpolicy.rules.registries_allowed.deny

deny["reports_of_this_run"] := data.pushpolicy.rules.reports_of_this_run.deny

deny["runner_trusted"] := data.pushpolicy.rules.runner_trusted.deny

deny["sbom_bound"] := data.pushpolicy.rules.sbom_bound.deny

deny["scan_bound"] := data.pushpolicy.rules.scan_bound.deny

deny["scan_fresh"] := data.pushpolicy.rules.scan_fresh.deny

deny["scan_risk"] := data.pushpolicy.rules.scan_risk.deny

deny["scan_severity"] := data.pushpolicy.rules.scan_severity.deny

deny["scanners_required"] := data.pushpolicy.rules.scanners_required.deny

deny["secrets_found"] := data.pushpolicy.rules.secrets_found.deny

deny["system_supported"] := data.pushpolicy.rules.system_supported.deny

deny["tag_policy"] := data.pushpolicy.rules.tag_policy.deny

deny["tests_passed"] := data.pushpolicy.rules.tests_passed.deny

deny["user_not_root"] := data.pushpolicy.rules.user_not_root.deny

deny["worktree_clean"] := data.pushpolicy.rules.worktree_clean.deny

not_applicable["builder_allowed"] := data.pushpolicy.rules.builder_allowed.not_applicable

not_applicable["licences_allowed"] := data.pushpolicy.rules.licences_allowed.not_applicable

not_applicable["new_findings"] := data.pushpolicy.rules.new_findings.not_applicable

not_applicable["packages_forbidden"] := data.pushpolicy.rules.packages_forbidden.not_applicable

not_applicable["parts_trusted"] := data.pushpolicy.rules.parts_trusted.not_applicable

not_applicable["platforms_complete"] := data.pushpolicy.rules.platforms_complete.not_applicable

not_applicable["promotion"] := data.pushpolicy.rules.promotion.not_applicable

not_applicable["registries_allowed"] := data.pushpolicy.rules.registries_allowed.not_applicable

warn["commit_matches"] := data.pushpolicy.rules.commit_matches.warn

warn["coverage_minimum"] := data.pushpolicy.rules.coverage_minimum.warn

warn["credential_source"] := data.pushpolicy.rules.credential_source.warn

warn["identity_verified"] := data.pushpolicy.rules.identity_verified.warn

warn["pipeline_credentials"] := data.pushpolicy.rules.pipeline_credentials.warn

warn["protected_ref"] := data.pushpolicy.rules.protected_ref.warn

warn["reports_of_this_run"] := data.pushpolicy.rules.reports_of_this_run.warn

warn["scan_fresh"] := data.pushpolicy.rules.scan_fresh.warn

warn["scan_severity"] := data.pushpolicy.rules.scan_severity.warn

warn["system_supported"] := data.pushpolicy.rules.system_supported.warn

warn["tests_passed"] := data.pushpolicy.rules.tests_passed.warn
