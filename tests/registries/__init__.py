"""Real registries as subprocesses on loopback.

distribution v3 and 2.8 (no referrers API), olareg (with it), go-containerregistry's (with it or not, in
memory only), and zot where somebody has it. All but zot keep an access log that can be read, so that a test
can say what was, and what was not, asked of them.
"""

from tests.registries.distribution import distribution_2_registry, distribution_registry, mutual_tls_registry
from tests.registries.olareg import olareg_registry
from tests.registries.others import gocontainerregistry, zot_registry
from tests.registries.running import PASSWORD, READER, USERNAME, WRITES, Auth, Registry, Request

__all__ = [
    "PASSWORD",
    "READER",
    "USERNAME",
    "WRITES",
    "Auth",
    "Registry",
    "Request",
    "distribution_2_registry",
    "distribution_registry",
    "gocontainerregistry",
    "mutual_tls_registry",
    "olareg_registry",
    "zot_registry",
]
