"""Leave the proof: the record, and what is signed about it, become referrers of the image."""

from pushpolicy.attach.artifacts import Landed, attach_artifacts

__all__ = ["Landed", "attach_artifacts"]
