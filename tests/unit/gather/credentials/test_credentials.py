"""Where a credential comes from, and that its value is told nowhere."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import Checkout, inspect
from pushpolicy.gather.credentials import Around, evidence
from pushpolicy.gather.request import RecordsAccess
from pushpolicy.model.evidence import CredentialsEvidence, RecordsCredential, SourceEvidence, Status
from pushpolicy.registry.credentials import ANONYMOUS, Credential, SourceKind
from pushpolicy.reports.limits import Limits
from tests.unit.gather.samples import make_checkout

SECRET = "s3cret-value-of-the-robot"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
# Made up: no token of any issuer.
PERSONAL, DEPLOY = "ghp_" + "A1b2" * 9, "gldt-" + "A1b2" * 5
ECR, ACR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "team.azurecr.io"
GAR, GITLAB = "europe-docker.pkg.dev", "registry.gitlab.com"
BY_AWS, BY_AZURE = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}, {"AZURE_FEDERATED_TOKEN_FILE": "/t"}
AZURE_USER = "00000000-0000-0000-0000-000000000000"
ENVIRON = {"PATH": os.defpath + ":/usr/local/bin"}
NOWHERE = Checkout(evidence=SourceEvidence(status=Status.MISSING, reason="none"))


def credential(kind: SourceKind = SourceKind.VARIABLE, **fields: object) -> Credential:
    return Credential(**({"source_kind": kind, "username": "robot", "secret": SECRET} | fields))  # type: ignore[arg-type]


def classified(
    found: Credential | None,
    environ: dict[str, str] | None = None,
    checkout: Checkout = NOWHERE,
    registry: str = "registry.example",
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    records: RecordsAccess | None = None,
) -> CredentialsEvidence:
    around = Around(environ=ENVIRON | (environ or {}), checkout=checkout, limits=limits, at=NOW)
    return evidence(found, registry, around, records)


@pytest.mark.parametrize(
    ("found", "registry", "environ", "source", "ephemeral"),
    [
        (None, "oci", {}, "none", None),
        (ANONYMOUS, "r.example", {}, "anonymous", None),
        (credential(variable="PUSHPOLICY_PASSWORD"), "r.example", {}, "secret-env", None),
        (credential(SourceKind.STDIN), "r.example", {}, "secret-env", None),
        (credential(SourceKind.FILE, path=Path("/c/config.json")), "r.example", {}, "file", None),
        (credential(SourceKind.HELPER, helper="pass"), "r.example", {}, "helper", None),
        (credential(SourceKind.HELPER, helper="ecr-login"), ECR, {}, "helper", None),
        (credential(SourceKind.HELPER, helper="ecr-login"), ECR, BY_AWS, "workload-identity", True),
        (credential(SourceKind.HELPER, helper="acr-env"), ACR, BY_AZURE, "workload-identity", True),
        (credential(SourceKind.FILE, username="_json_key"), GAR, {}, "file", False),
        (credential(variable="X"), "ghcr.io", {"GITHUB_TOKEN": SECRET}, "platform-token", True),
        (credential(SourceKind.FILE), GITLAB, {"CI_JOB_TOKEN": SECRET}, "platform-token", True),
        (credential(secret="ghp_0123456789"), "ghcr.io", {"GITHUB_TOKEN": ""}, "secret-env", False),
        (credential(secret=PERSONAL), "docker.io", {}, "foreign", False),
        (credential(SourceKind.FILE, secret=DEPLOY), "ghcr.io", {}, "foreign", False),
        (credential(secret="ghs_0123456789"), "registry.gitlab.com", {}, "foreign", True),
        # What looks like one of the above, and is not.
        (credential(SourceKind.HELPER, helper="ecr-login"), "r.example", BY_AWS, "helper", None),
        (credential(SourceKind.HELPER, helper="ecr-login"), ACR, BY_AWS | BY_AZURE, "helper", None),
        (credential(variable="X"), "r.example", {"GITHUB_TOKEN": SECRET}, "secret-env", None),
        (credential(secret=PERSONAL), "ghcr.io", {"GITHUB_TOKEN": PERSONAL}, "secret-env", False),
        (credential(secret=DEPLOY), GITLAB, {"CI_JOB_TOKEN": DEPLOY}, "secret-env", False),
        (credential(SourceKind.FILE, username="oauth2accesstoken"), GAR, {}, "file", None),
        (credential(SourceKind.FILE, username=AZURE_USER), ACR, BY_AZURE, "file", None),
        (credential(SourceKind.FILE, username="AWS"), ECR, BY_AWS, "file", None),
        (credential(username="gitlab-ci-token"), GITLAB, {}, "secret-env", None),
    ],
)
def test_sources(
    found: Credential | None, registry: str, environ: dict[str, str], source: str, ephemeral: bool | None
) -> None:
    result = classified(found, environ, registry=registry)
    assert (result.status, result.source, result.ephemeral) == ("collected", source, ephemeral)
    assert result.trust
    assert result.trust["source"] == (
        "asserted"
        if source in ("workload-identity", "platform-token", "secret-env", "foreign")
        else "computed"
    )


@pytest.mark.parametrize("user", ["AWS", "oauth2accesstoken", AZURE_USER, "gitlab-ci-token", "robot$ci", "x"])
@pytest.mark.parametrize("registry", ["r.example", "ghcr.io", ECR, ACR, GAR, GITLAB])
def test_no_user_name_makes_a_password_look_better(user: str, registry: str) -> None:
    result = classified(credential(SourceKind.FILE, username=user), BY_AWS | BY_AZURE, registry=registry)
    assert result.source == "file"
    assert result.ephemeral is not True


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
    assert classified(credential(), checkout=checkout, limits=Limits(max_searched=50)).status == "failed"


def test_the_credential_of_the_records_registry_is_judged_too(tmp_path: Path) -> None:
    """Where it is another than the target's; a secret of the repository is one there as well."""
    checkout = inspect(make_checkout(tmp_path, {"ci.yml": f"password: {SECRET}"}), ENVIRON)
    own = credential(secret="another-secret-of-the-job", variable="PUSHPOLICY_PASSWORD")
    config = tmp_path / "ci.yml"

    def judged(shown: Credential) -> RecordsCredential | None:
        return classified(own, checkout=checkout, records=RecordsAccess("audit.example", shown)).records

    kept = judged(own)
    assert kept
    assert kept.source == "secret-env"
    assert classified(own, checkout=checkout).records is None
    judged_alike = ("ephemeral", "scope", "push_to", "path", "others_may", "on_command_line")
    for shown in (own, credential(), credential(SourceKind.FILE, secret="not-written-anywhere", path=config)):
        as_target, apart = classified(shown, checkout=checkout), judged(shown)
        assert [getattr(apart, name) for name in judged_alike] == [
            getattr(as_target, name) for name in judged_alike
        ]
    told = {each.source: each.written_in for each in map(judged, (ANONYMOUS, credential(), shown)) if each}
    assert told == {"anonymous": (), "literal": ("ci.yml:1",), "file": (str(config),)}


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder below one that everybody may pass, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_who_may_open_the_file(shared_folder: Path) -> None:
    # Where others cannot pass a folder above, no mode lets them in.
    is_passable = all(folder.stat().st_mode & 0o001 for folder in shared_folder.parents)
    file = shared_folder / "config.json"
    file.write_text("{}")
    found, named = credential(SourceKind.FILE, path=file), credential(SourceKind.HELPER, path=file)
    for mode, read, written in (
        (0o600, "nothing", "nothing"),
        (0o640, "nothing", "nothing"),
        (0o644, "read", "nothing"),
        (0o602, "write", "write"),
        (0o666, "read-write", "write"),
    ):
        file.chmod(mode)
        shared_folder.chmod(0o755)
        assert classified(found).others_may == (read if is_passable else "nothing")
        # It holds no secret: what counts is who may name another helper.
        assert classified(named).others_may == (written if is_passable else "nothing")
        shared_folder.chmod(0o700)
        assert classified(found).others_may == "nothing"
    assert classified(credential(SourceKind.FILE, path=shared_folder / "gone")).others_may is None
    assert classified(credential()).others_may is None


def test_a_credential_on_the_command_line_of_what_started_this(tmp_path: Path) -> None:
    """It is named by the program, never by its value; one that only a sibling shows is not looked for."""
    script = tmp_path / "judge.py"
    script.write_text(
        "import sys\n"
        "from pushpolicy.gather.credentials.exposure import command_lines\n"
        "from pushpolicy.registry.credentials import Credential, SourceKind\n"
        "secret = sys.stdin.readline().strip()\n"
        "found = Credential(source_kind=SourceKind.STDIN, username='ci', secret=secret)\n"
        "print(command_lines(found))\n"
    )

    def seen(command: str) -> str:
        ran = subprocess.run(
            ["sh", "-c", f"{command}; exit 0", sys.executable, str(script)],
            input=SECRET,
            capture_output=True,
            text=True,
            check=True,
        )
        assert SECRET not in ran.stdout
        return ran.stdout.strip()

    if not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc")
    assert seen('"$0" "$1"') == "()"
    assert seen(f'"$0" "$1"; : docker login -p {SECRET}') == "('sh',)"
    assert seen(f'"$0" "$1"; : {base64.b64encode(f"ci:{SECRET}".encode()).decode()}') == "('sh',)"
