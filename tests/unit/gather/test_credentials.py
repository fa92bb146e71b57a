"""Where a credential comes from, and that its value is told nowhere."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import Checkout, inspect
from pushpolicy.gather.credentials import evidence
from pushpolicy.model.evidence import CredentialsEvidence, SourceEvidence, Status
from pushpolicy.registry.credentials import ANONYMOUS, Credential, SourceKind
from pushpolicy.reports.limits import Limits
from tests.unit.gather.samples import make_checkout

SECRET = "s3cret-value-of-the-robot"
ENVIRON = {"PATH": os.defpath + ":/usr/local/bin"}
NOWHERE = Checkout(evidence=SourceEvidence(status=Status.MISSING, reason="none"))


def credential(kind: SourceKind = SourceKind.VARIABLE, **fields: object) -> Credential:
    return Credential(**({"source_kind": kind, "username": "robot", "secret": SECRET} | fields))  # type: ignore[arg-type]


def classified(
    found: Credential | None, environ: dict[str, str] | None = None, checkout: Checkout = NOWHERE
) -> CredentialsEvidence:
    return evidence(found, ENVIRON | (environ or {}), checkout, Limits())


@pytest.mark.parametrize(
    ("found", "environ", "source", "ephemeral"),
    [
        (None, {}, "none", None),
        (ANONYMOUS, {}, "anonymous", None),
        (credential(variable="PUSHPOLICY_PASSWORD"), {}, "secret-env", None),
        (credential(SourceKind.STDIN), {}, "secret-env", None),
        (credential(SourceKind.FILE, path=Path("/c/config.json")), {}, "file", None),
        (credential(SourceKind.HELPER, helper="pass"), {}, "helper", None),
        (credential(SourceKind.HELPER, helper="ecr-login"), {}, "helper", None),
        (
            credential(SourceKind.HELPER, helper="ecr-login"),
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"},
            "workload-identity",
            True,
        ),
        (credential(SourceKind.FILE, username="oauth2accesstoken"), {}, "workload-identity", True),
        (credential(SourceKind.FILE, username="_json_key"), {}, "file", None),
        (credential(variable="X"), {"GITHUB_TOKEN": SECRET}, "platform-token", True),
        (credential(SourceKind.FILE), {"CI_JOB_TOKEN": SECRET}, "platform-token", True),
        (credential(secret="ghs_0123456789"), {}, "platform-token", True),
        (credential(secret="glcbt-64_0123456789"), {}, "platform-token", True),
        (credential(secret="ghp_0123456789"), {"GITHUB_TOKEN": ""}, "secret-env", None),
    ],
)
def test_sources(
    found: Credential | None, environ: dict[str, str], source: str, ephemeral: bool | None
) -> None:
    result = classified(found, environ)
    assert (result.status, result.source, result.ephemeral) == ("collected", source, ephemeral)


@pytest.mark.parametrize(
    "content",
    [
        f"docker login -u robot -p {SECRET} r.example\n",
        f'{{"auths": {{"r": {{"auth": "{base64.b64encode(f"robot:{SECRET}".encode()).decode()}"}}}}}}',
        f"https://robot:{SECRET}@r.example",
    ],
)
def test_a_secret_in_a_tracked_file_is_a_literal(tmp_path: Path, content: str) -> None:
    checkout = inspect(make_checkout(tmp_path, {"ci/deploy.sh": f"#!/bin/sh\n{content}"}), ENVIRON)
    result = classified(credential(variable="PASSWORD"), checkout=checkout)
    assert (result.source, result.ephemeral, result.literal_in) == ("literal", False, ("ci/deploy.sh:2",))
    assert result.variable == "PASSWORD"
    assert SECRET not in repr(result)


def test_a_secret_in_an_untracked_file_is_none(tmp_path: Path) -> None:
    make_checkout(tmp_path, {"a": "a"})
    (tmp_path / "login.sh").write_text(SECRET)
    assert classified(credential(), checkout=inspect(tmp_path, ENVIRON)).literal_in == ()


def test_links_and_deleted_files_do_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    work = tmp_path / "work"
    work.mkdir()
    (work / "link").symlink_to(tmp_path / "secret")
    make_checkout(work, {"a": "a"})
    (work / "a").unlink()
    assert classified(credential(), checkout=inspect(work, ENVIRON)).source == "secret-env"


def test_a_short_word_is_searched_only_with_its_user(tmp_path: Path) -> None:
    checkout = inspect(make_checkout(tmp_path, {"a": "admin\n", "b": "robot:admin\n"}), ENVIRON)
    assert classified(credential(secret="admin"), checkout=checkout).literal_in == ("b:1",)


def test_a_file_that_git_tracks_is_said_to_be(tmp_path: Path) -> None:
    checkout = inspect(make_checkout(tmp_path, {"docker/config.json": "{}"}), ENVIRON)
    path = tmp_path / "docker" / "config.json"
    assert classified(credential(SourceKind.FILE, path=path), checkout=checkout).tracked_by_git is True
    outside = credential(SourceKind.FILE, path=Path("/home/x/config.json"))
    assert classified(outside, checkout=checkout).tracked_by_git is False


def test_a_checkout_too_large_to_search_has_failed(tmp_path: Path) -> None:
    checkout = inspect(make_checkout(tmp_path, {"a": "a" * 100}), ENVIRON)
    assert evidence(credential(), ENVIRON, checkout, Limits(max_searched=50)).status == "failed"
