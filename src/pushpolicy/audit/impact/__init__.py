"""Which published images have a flaw or a package, by what is recorded of them."""

from pushpolicy.audit.impact.images import Affected, Asked, Finding, Have, Impact, TagNow
from pushpolicy.audit.impact.look import Told, impact

__all__ = ["Affected", "Asked", "Finding", "Have", "Impact", "TagNow", "Told", "impact"]
