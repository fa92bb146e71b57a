"""Registries that are known by their hosts, and whose tokens they take."""

from __future__ import annotations

import re
from typing import NamedTuple


class Vendor(NamedTuple):
    """One registry service.

    Attributes:
        hosts: a pattern of the whole host.
        name: as docs/registries.md has it.
        issuer: who issues the tokens that it takes.
    """

    hosts: str
    name: str
    issuer: str


VENDORS = (
    Vendor(r"docker\.io", "Docker Hub", "docker"),
    Vendor(r"ghcr\.io|containers\.[a-z0-9-]+\.ghe\.com", "GHCR", "github"),
    Vendor(r"quay\.io", "Quay", "quay"),
    Vendor(r"registry\.gitlab\.com", "GitLab", "gitlab"),
    Vendor(r"\d+\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?|public\.ecr\.aws", "Amazon ECR", "aws"),
    Vendor(r"[a-z0-9]+\.azurecr\.(io|cn|us)", "Azure ACR", "azure"),
    Vendor(r"[a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io", "Google Artifact Registry", "google"),
    Vendor(r"[a-z0-9-]+\.jfrog\.io", "Artifactory", "jfrog"),
)


def vendor_of(registry: str) -> Vendor | None:
    """Whose registry a host is; None where the host does not tell."""
    return next((vendor for vendor in VENDORS if re.fullmatch(vendor.hosts, registry)), None)
