"""What the tools that write SARIF look at: the image, the code, its configuration, or secrets in it."""

from __future__ import annotations

# By the lower-case name of the driver. A tool that is not here is taken for one that looks at code.
# Grype and Trivy look at several things; what their report says of its target goes first.
_KINDS = {
    "anchore": "image",
    "checkov": "config",
    "dockle": "image",
    "docker scout": "image",
    "gitleaks": "secret",
    "grype": "image",
    "hadolint": "config",
    "kics": "config",
    "kubescape": "config",
    "snyk container": "image",
    "snyk iac": "config",
    "terrascan": "config",
    "tfsec": "config",
    "trufflehog": "secret",
}


def scan_kind(tool: str, *, names_image: bool) -> str:
    """The kind of a scan by its tool, and by whether the report names an image."""
    return "image" if names_image else _KINDS.get(tool.lower(), "code")
