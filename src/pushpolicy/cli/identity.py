"""Whose identity tokens a run believes, and how their issuers are reached."""

from __future__ import annotations

from pathlib import Path

from pushpolicy.cli import environment
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.gather.ci import in_cloud_build
from pushpolicy.gather.ci.identity import TokenAccess
from pushpolicy.http.proxies import Proxies
from pushpolicy.http.settings import Settings
from pushpolicy.identity.issuers import KNOWN
from pushpolicy.identity.token import METADATA
from pushpolicy.signing.trust import Trust


def token_access(trust: Trust, options: RegistryOptions) -> TokenAccess:
    """The issuers that trust.yaml names, else those that are known; a run waits for them for 20 seconds."""
    environ = environment.environment()
    settings = Settings(
        ca_file=Path(options.ca_file) if options.ca_file else None,
        proxies=Proxies.from_environ(environ),
        connect_timeout=5,
        read_timeout=10,
        total_timeout=20,
        attempts=3,
    )
    named = tuple(issuer.completed() for issuer in trust.issuers.values())
    issuers = named or tuple(KNOWN.values())
    asks = in_cloud_build(environ) and any(issuer.system == "cloud-build" for issuer in issuers)
    return TokenAccess(issuers=issuers, settings=settings, metadata=METADATA if asks else None)
