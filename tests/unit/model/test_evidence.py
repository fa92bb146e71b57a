from __future__ import annotations

import pytest

from pushpolicy.model.digest import Digest
from pushpolicy.model.document import plain
from pushpolicy.model.evidence import CredentialsEvidence, Finding, PlatformEvidence, Severity, Status


def platform(user: str | None) -> PlatformEvidence:
    digest = Digest.of(b"")
    return PlatformEvidence(
        platform="linux/amd64", digest=digest, config_digest=digest, diff_ids=(), labels={}, user=user
    )


@pytest.mark.parametrize("user", [None, "", "0", "00", "+0", "root", "root:app", "0:1000", ":1000"])
def test_a_user_that_is_root_is_called_root(user: str | None) -> None:
    assert platform(user).root is True


@pytest.mark.parametrize("user", ["1000", "app", "1000:0", "app:root", "rooty", "0x0", "10"])
def test_another_user_is_not(user: str) -> None:
    assert platform(user).root is False
    assert plain(platform(user))["user"] == user


def test_what_has_a_default_is_always_written() -> None:
    assert plain(platform(None))["user"] == "0"
    finding = plain(Finding(id="CVE-1", severity=Severity.LOW, kind="vulnerability"))
    assert (finding["fix_state"], finding["aliases"]) == ("unknown", [])
    assert plain(CredentialsEvidence(status=Status.COLLECTED, source="none"))["literal_in"] == []
