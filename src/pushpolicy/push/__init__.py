"""Publish an image that was allowed: by digest first, the tags last.

    issue -> Permit (-> log_in -> LoggedIn) -> send_blobs -> Sent -> push_by_digest -> Pushed
    -> carry_referrers -> (attach) -> verify_push -> Verified -> move_tags -> Published

Each step takes what the step before it returns, so a caller cannot leave one out or change the order.
"""

from pushpolicy.push.content import SILENT, Progress
from pushpolicy.push.login import LoggedIn, Login, log_in
from pushpolicy.push.permit import Permit, Terms, issue
from pushpolicy.push.send import Sent, read_content, send_blobs
from pushpolicy.push.tag import Published, move_all_tags, move_tags
from pushpolicy.push.transfer import Pushed, carry_referrers, push_by_digest
from pushpolicy.push.verify import Verified, verify_push

__all__ = [
    "SILENT",
    "LoggedIn",
    "Login",
    "Permit",
    "Progress",
    "Published",
    "Pushed",
    "Sent",
    "Terms",
    "Verified",
    "carry_referrers",
    "issue",
    "log_in",
    "move_all_tags",
    "move_tags",
    "push_by_digest",
    "read_content",
    "send_blobs",
    "verify_push",
]
