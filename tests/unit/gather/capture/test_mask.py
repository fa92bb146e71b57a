"""No secret stays in the command line that a capture records; what is none stays."""

from __future__ import annotations

import base64

import pytest

from pushpolicy.gather.capture.mask import masked

ENVIRON = {"API_TOKEN": "s3cr3t/value+x", "HOME": "/home/someone"}


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["a", "--password", "hunter2"], ["a", "--password", "***"]),
        (["a", "--password=hunter2 and more"], ["a", "--password=***"]),
        (["a", "--db-password", "hunter2"], ["a", "--db-password", "***"]),
        (["a", "-p", "hunter2"], ["a", "-p", "***"]),
        (["a", "--token=abc"], ["a", "--token=***"]),
        (["a", "--api-key", "abc"], ["a", "--api-key", "***"]),
        (
            ["docker", "run", "-e", "DB_PASSWORD=x y", "app"],
            ["docker", "run", "-e", "DB_PASSWORD=***", "app"],
        ),
        (["curl", "-u", "me:hunter2"], ["curl", "-u", "me:***"]),
        (["curl", "https://me:hunter2@host/x"], ["curl", "https://***@host/x"]),
        (["curl", "-H", "Authorization: Bearer abc"], ["curl", "-H", "Authorization: ***"]),
        (["curl", "-H", "PRIVATE-TOKEN: abc"], ["curl", "-H", "PRIVATE-TOKEN: ***"]),
        (["sh", "-c", "scan --token abc app"], ["sh", "-c", "scan --token *** app"]),
        (["sh", "-c", "x; DB_PASSWORD='a b' scan"], ["sh", "-c", "x; DB_PASSWORD=*** scan"]),
        (["curl", "https://me:pa/ss@host/x"], ["curl", "https://***@host/x"]),
        (["scan", "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2], ["scan", "***"]),
        (
            ["scan", "postgres://u:database-pass@db/x", "x-database-pass-x"],
            ["scan", "postgres://***@db/x", "x-***-x"],
        ),
        (["docker", "run", "-e", "PGPASSWORD=x y", "app"], ["docker", "run", "-e", "PGPASSWORD=***", "app"]),
        (["a", "xs3cr3t/value+xy"], ["a", "x***y"]),
        (["a", "s3cr3t%2Fvalue%2Bx"], ["a", "***"]),
    ],
)
def test_secrets_are_masked(argv: list[str], shown: list[str]) -> None:
    assert list(masked(argv, ENVIRON)) == shown


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_secrets_are_masked_within_base64(before: str) -> None:
    encoded = base64.b64encode(f"{before}s3cr3t/value+x and more".encode()).decode()
    (shown,) = masked([encoded], ENVIRON)
    assert "***" in shown
    assert encoded[4:16] not in shown


@pytest.mark.parametrize(
    "argv",
    [
        ["npm", "test"],
        ["docker", "run", "-u", "1000:1000", "-v", "secrets:/run/secrets", "app", "npm", "test"],
        ["pytest", "-k", "a or b", "--junitxml=reports/unit.xml"],
        ["trivy", "image", "--exit-code", "1", "app@sha256:" + "0" * 64],
        ["docker", "login", "--password-stdin", "registry.example"],
        ["scan", "--token-file", "token.txt", "--cache-key", "main"],
        ["run", "--password", "--quiet"],
    ],
)
def test_the_rest_stays(argv: list[str]) -> None:
    assert list(masked(argv, ENVIRON)) == argv
