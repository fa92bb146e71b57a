"""Leave the proof: the record becomes a referrer of the image it is about."""

from pushpolicy.attach.referrer import Landed, attach_record

__all__ = ["Landed", "attach_record"]
