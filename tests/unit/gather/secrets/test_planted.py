"""Secrets planted where pipelines have them are found, and what CI systems say of a run is none."""

from __future__ import annotations

import base64
import json
import random
import string
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.errors import InputError
from pushpolicy.gather.secrets.search import refuse_secrets, secret_values
from pushpolicy.gather.secrets.within import within
from pushpolicy.registry.credentials import Credential, SourceKind

HEX = "0123456789abcdef" * 4
KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
KEY = f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n-----END PRIVATE KEY-----\n"
AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEK3Y"
BASE62 = "q7Xw2LmZ9aRt4KpV8sYb3NcD"
# Joined here, so that no scanner of secrets takes this file for a leak.
SLACK = "/".join(["https://hooks.slack.com", "services", "T0AB1CD2E", "B0AB1CD2E", BASE62])
STRIPE = "_".join(["sk", "live", "51HqLyjWDarjtT1zdp7dcXYZ"])
GITHUB = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkZXBsb3kifQ." + "s5Xy_9-zQ" * 3


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# The variable, its value, and the secret in it.
PLANTED = [
    ("PGPASSWORD", "correct horse", "correct horse"),
    ("MYSQL_PWD", "tr0ub4dor&3", "tr0ub4dor&3"),
    ("SSHPASS", "open-sesame-1", "open-sesame-1"),
    ("GITHUBTOKEN", "abcdefghijkl", "abcdefghijkl"),
    ("DOCKERPASSWORD", "whale-of-a-time", "whale-of-a-time"),
    ("SLACK_WEBHOOK", SLACK, SLACK.partition("services/")[2]),
    ("SLACK_WEBHOOK_URL", "https://chat.example/hooks/abc", "https://chat.example/hooks/abc"),
    ("STRIPE_SK", "sk-of-stripe", "sk-of-stripe"),
    ("npm_config__authToken", "auth-token-of-npm", "auth-token-of-npm"),
    ("TF_VAR_dbPassword", "camel-case-1", "camel-case-1"),
    ("MAVEN_GPG_PASSPHRASE", "two words", "two words"),
    ("SENTRY_DSN", "https://1234abcd@o1.ingest.example/5", "https://1234abcd@o1.ingest.example/5"),
    ("COSIGN_PRIVATE_KEY", KEY, KEY_LINE),
    # Named like anything.
    ("DATABASE_URL", "postgres://app:s3cr3t-pg@db.example:5432/app", "s3cr3t-pg"),
    ("DATABASE_URL", "postgres://app:pa%2Fss%40word@db/app", "pa/ss@word"),
    ("REDIS", "redis://:only-a-password@cache:6379/0", "only-a-password"),
    ("AMQP", "amqp://u:with@sign-in-it@mq/v", "with@sign-in-it"),
    ("MIRROR", "https://u:pass/with/slash@mirror.example", "pass/with/slash"),
    ("GOPROXY", "https://proxy.example,https://u:goproxy-pass@go.example", "goproxy-pass"),
    ("PIP_INDEX_URL", f"https://{BASE62}@pypi.example/simple", BASE62),
    ("MYSQL_DSN_", "app:dsn-password@tcp(db:3306)/app", "dsn-password"),
    ("HTTPS_PROXY", "http://bot:proxy-pass@proxy:3128", "proxy-pass"),
    ("CI_REPOSITORY_URL", "https://gitlab-ci-token:job-token-1@gitlab.example/a.git", "job-token-1"),
    ("CONNECTION", "Server=db;User Id=sa;Password=P@ssw0rd!x;Encrypt=true", "P@ssw0rd!x"),
    ("PGCONN", "host=db user=app password='with blank' sslmode=require", "with blank"),
    ("STORAGE", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0a2V5;", "c2VjcmV0a2V5"),
    ("MAVEN_OPTS", "-Xmx1g -Drepo.password=maven-pass-1", "maven-pass-1"),
    ("GIT_CONFIG_VALUE_0", f"AUTHORIZATION: basic {b64('x-access-token:ghs-of-git')}", "ghs-of-git"),
    ("EXTRA_HEADER", "X-Api-Key: header-value-1", "header-value-1"),
    ("DOWNLOAD", "https://blob.example/f?sv=2024&sig=sas-signature-1&x=y", "sas-signature-1"),
    ("DOCKER_CFG", json.dumps({"auths": {"r.example": {"auth": b64("bot:docker-pass")}}}), "docker-pass"),
    ("GCP_SA", json.dumps({"type": "service_account", "private_key": KEY}), KEY_LINE),
    ("CONTEXT", json.dumps(json.dumps({"token": "nested-token-1"})), "nested-token-1"),
    # By their form.
    ("A", GITHUB, GITHUB),
    ("A", "gho_" + GITHUB[4:], "gho_" + GITHUB[4:]),
    ("A", "ghs_" + GITHUB[4:], "ghs_" + GITHUB[4:]),
    ("A", "github_pat_11ABCDEFG0" + BASE62, "github_pat_11ABCDEFG0" + BASE62),
    ("A", f"use {GITHUB} here", GITHUB),
    ("A", "glpat-xxyyzz11223344556677", "glpat-xxyyzz11223344556677"),
    ("A", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("A", AWS, AWS),
    ("A", "xoxb-123456789012-abcdefghijkl", "xoxb-123456789012-abcdefghijkl"),
    ("A", SLACK, SLACK.partition(".com/")[2]),
    ("A", STRIPE, STRIPE),
    ("A", "npm_" + "abc123" * 6, "npm_" + "abc123" * 6),
    ("A", "pypi-AgEIcHlwaS5vcmc" + "x1Y2" * 15, "pypi-AgEIcHlwaS5vcmc" + "x1Y2" * 15),
    ("A", "dckr_pat_abcdefghijklmnopqrst-1_2", "dckr_pat_abcdefghijklmnopqrst-1_2"),
    ("A", JWT, JWT),
    ("A", "AIza" + "SyA1b2C3d" * 3 + "12345678", "AIza" + "SyA1b2C3d" * 3 + "12345678"),
    ("A", "ya29.a0AfH6SMBx-abcdefghijk", "ya29.a0AfH6SMBx-abcdefghijk"),
    ("A", "hvs.CAESIJ1abcdefghijklmnop", "hvs.CAESIJ1abcdefghijklmnop"),
    ("A", "dop_v1_" + HEX, "dop_v1_" + HEX),
    ("A", "SG.abcdefghijklmnopqr.stuvwxyz0123456789", "SG.abcdefghijklmnopqr.stuvwxyz0123456789"),
    ("A", KEY.replace("PRIVATE", "OPENSSH PRIVATE"), KEY_LINE),
    ("A", json.dumps(KEY), KEY_LINE),
    # By chance alone.
    ("A", BASE62, BASE62),
    ("A", f"--header={BASE62} --verbose", BASE62),
    ("A", f"https://hooks.example/{BASE62}/send", BASE62),
]
SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda text: text,
    "base64": b64,
    "base64, one in": lambda text: b64(f"x{text}y"),
    "base64, two in": lambda text: b64(f"xy{text}z"),
    "URL-encoded": lambda text: quote(text, safe=""),
    "JSON": lambda text: json.dumps({"said": text}),
}


def test_the_table_has_its_size() -> None:
    assert len({(name, value) for name, value, _ in PLANTED}) >= 40


@pytest.mark.parametrize(("name", "value", "secret"), PLANTED)
def test_a_planted_secret_is_found_in_every_spelling(name: str, value: str, secret: str) -> None:
    secrets = secret_values({name: value})
    for spell in SPELLINGS.values():
        with pytest.raises(InputError, match=f":2 holds the value of the variable {name}$") as caught:
            refuse_secrets({"evidence": f"one\n{spell(secret)}\n".encode()}, (), secrets)
        assert f"--not-secret {name}" in str(caught.value.hint)
        assert secret not in caught.value.message + str(caught.value.hint)


@pytest.mark.parametrize(("name", "value", "secret"), PLANTED)
def test_what_is_said_to_be_none_is_none_by_its_name_only(name: str, value: str, secret: str) -> None:
    refuse_secrets({"evidence": secret.encode()}, (), secret_values({name: value}, not_secret={name}))
    both = secret_values({name: value, "OTHER": GITHUB}, not_secret={name, GITHUB})
    with pytest.raises(InputError, match="OTHER"):
        refuse_secrets({"evidence": GITHUB.encode()}, (), both)


def test_a_credential_in_use_is_a_secret_whatever_is_said() -> None:
    credential = Credential(source_kind=SourceKind.VARIABLE, secret="the-password", variable="P_PASSWORD")
    found = secret_values({"P_PASSWORD": "the-password"}, credential, not_secret={"P_PASSWORD"})
    assert found == {"the-password": "the registry's credential"}


def test_a_secret_of_the_remote_is_searched_for() -> None:
    secrets = secret_values({}, remote=within(f"https://u:remote-pass@git.example/{GITHUB}/a.git"))
    for secret in ("remote-pass", GITHUB):
        with pytest.raises(InputError, match="the value of git's remote"):
            refuse_secrets({"evidence": secret.encode()}, (), secrets)


COMMON = {
    "PATH": "/opt/hostedtoolcache/Python/3.12.7/x64/bin:/snap/bin:/home/runner/.local/bin:/usr/bin",
    "HOME": "/home/runner",
    "LANG": "C.UTF-8",
    "SSH_AUTH_SOCK": "/tmp/ssh-XXXXAbC123/agent.1234",
    "LS_COLORS": "rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:*.tar=01;31",
    "NODE_OPTIONS": "--max-old-space-size=4096 --require=/opt/App2Trace/Register3Hook.js",
    "JAVA_HOME": "/usr/lib/jvm/temurin-17-jdk-amd64",
    "PYTHON_SHA256": HEX,
    "GPG_KEY": "A035C8C19219BA821ECEA86B64E628F8D684696D",
    "BASE_IMAGE": f"node:20.11.1-bookworm-slim@sha256:{HEX}",
    "ACTION": "actions/checkout@v4.2.2",
    "SSH_SIGNERS": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN2Cr3JXqmLW7u1g9pTh8wyvHWcu7x1b2c3d4e5f bot@ci",
    "CA_BUNDLE": f"-----BEGIN CERTIFICATE-----\n{KEY_LINE}\n-----END CERTIFICATE-----",
    "MAINTAINER": "mailto:someone.else@example.com",
    "REGISTRY_PASSWORD": "***",
    "PG_URL": "postgres://postgres:postgres@localhost:5432/test",
    "FEATURE": "JIRA-1234-Add2FAToLoginPageForAllUsers",
    "TEMPLATE": "https://user:${DB_PASSWORD}@db.example",
}
GITHUB_ENVIRONMENT = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTION": "__run_3",
    "GITHUB_ACTION_REF": "v4",
    "GITHUB_ACTION_REPOSITORY": "docker/setup-buildx-action",
    "GITHUB_ACTOR": "ada-Lovelace1815",
    "GITHUB_ACTOR_ID": "5832347",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_BASE_REF": "main",
    "GITHUB_ENV": "/home/runner/_work/_temp/_runner_file_commands/set_env_0b5c1bf2-9f6e-4a38-8d2f-6c1a",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_EVENT_PATH": "/home/runner/_work/_temp/_github_workflow/event.json",
    "GITHUB_HEAD_REF": "feature/PR-12-FixOAuth2SAMLLoginV2ForIOS17",
    "GITHUB_JOB": "publish",
    "GITHUB_REF": "refs/heads/release/2026.11-RC1",
    "GITHUB_REF_PROTECTED": "true",
    "GITHUB_REPOSITORY": "acme/MyApp2-Service",
    "GITHUB_REPOSITORY_ID": "123456789",
    "GITHUB_REPOSITORY_OWNER": "acme",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_RUN_ID": "9876543210",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_SHA": "7d0d0f4e8ead89b83f3841e5584cd0b793798b5a",
    "GITHUB_STEP_SUMMARY": "/home/runner/_work/_temp/_runner_file_commands/step_summary_8f7e6d5c",
    "GITHUB_WORKFLOW_REF": "acme/MyApp2-Service/.github/workflows/publish.yml@refs/heads/main",
    "GITHUB_WORKFLOW_SHA": "7d0d0f4e8ead89b83f3841e5584cd0b793798b5a",
    "GITHUB_WORKSPACE": "/home/runner/_work/MyApp2-Service/MyApp2-Service",
    "RUNNER_NAME": "GitHub Actions 1000000042",
    "RUNNER_TRACKING_ID": "github_8f1c2a6e-1b0a-4a53-9f3c-0a3d6a6b1f7e",
    "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run-actions-1-azure-eastus.actions.example/42//idtoken/8f1c2a6e-1b0a",
    "ACTIONS_ORCHESTRATION_ID": "8f1c2a6e-1b0a-4a53-9f3c-0a3d6a6b1f7e.publish.__default",
    "ImageVersion": "20261116.1.0",
    "INPUT_CACHE-KEY": "Linux-node-7d0d0f4e8ead",
}
GITLAB_ENVIRONMENT = {
    "GITLAB_CI": "true",
    "GITLAB_FEATURES": "audit_events,blocked_issues,board_iteration_lists,code_owners,elastic_search",
    "GITLAB_USER_EMAIL": "ada@example.com",
    "GITLAB_USER_LOGIN": "ada.lovelace",
    "CI_API_V4_URL": "https://gitlab.com/api/v4",
    "CI_BUILDS_DIR": "/builds",
    "CI_COMMIT_AUTHOR": "Ada Lovelace <ada@example.com>",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_MESSAGE": "Merge branch 'Fix-OAuth2TokenRefresh' into 'main'\n\nSee merge request acme/app!42",
    "CI_COMMIT_REF_SLUG": "fix-oauth2tokenrefresh",
    "CI_COMMIT_SHA": "7d0d0f4e8ead89b83f3841e5584cd0b793798b5a",
    "CI_COMMIT_TIMESTAMP": "2026-11-30T11:49:49+00:00",
    "CI_CONCURRENT_PROJECT_ID": "0",
    "CI_DEPENDENCY_PROXY_USER": "gitlab-ci-token",
    "CI_JOB_ID": "8512345678",
    "CI_JOB_IMAGE": f"docker:27.3.1-dind-rootless@sha256:{HEX}",
    "CI_JOB_NAME": "build image: [linux/amd64]",
    "CI_JOB_URL": "https://gitlab.com/acme/app/-/jobs/8512345678",
    "CI_PIPELINE_URL": "https://gitlab.com/acme/app/-/pipelines/1512345678",
    "CI_PROJECT_PATH": "acme/App2Service",
    "CI_REGISTRY_IMAGE": "registry.gitlab.com/acme/app2service",
    "CI_REGISTRY_USER": "gitlab-ci-token",
    "CI_RUNNER_DESCRIPTION": "5-green.saas-linux-small-amd64.runners-manager.gitlab.com/default",
    "CI_RUNNER_TAGS": '["gce", "linux", "saas-linux-small-amd64"]',
    "CI_RUNNER_VERSION": "17.6.0~pre.142.g5d8d3ac1",
    "CI_SERVER_TLS_CA_FILE": "/builds/acme/app.tmp/CI_SERVER_TLS_CA_FILE",
    "CI_TEMPLATE_REGISTRY_HOST": "registry.gitlab.com",
    "CI_OPEN_MERGE_REQUESTS": "acme/app!42",
    "KUBERNETES_PORT_443_TCP": "tcp://10.0.0.1:443",
}
JENKINS_ENVIRONMENT = {
    "BUILD_ID": "128",
    "BUILD_TAG": "jenkins-Acme-App2-PR-12-128",
    "BUILD_URL": "https://jenkins.example/job/Acme/job/App2/job/PR-12/128/",
    "BUILD_DISPLAY_NAME": "#128",
    "CHANGE_AUTHOR": "ada",
    "CHANGE_AUTHOR_DISPLAY_NAME": "Ada Lovelace",
    "CHANGE_URL": "https://github.com/acme/app/pull/12",
    "EXECUTOR_NUMBER": "3",
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_COMMIT": "7d0d0f4e8ead89b83f3841e5584cd0b793798b5a",
    "GIT_URL": "https://github.com/acme/app.git",
    "HUDSON_HOME": "/var/jenkins_home",
    "JENKINS_URL": "https://jenkins.example/",
    "JOB_BASE_NAME": "PR-12",
    "JOB_NAME": "Acme/App2/PR-12",
    "NODE_LABELS": "App2-Builder-x7k2p-9fj3k built-in docker linux",
    "NODE_NAME": "App2-Builder-x7k2p-9fj3k",
    "RUN_DISPLAY_URL": "https://jenkins.example/job/Acme/job/App2/job/PR-12/128/display/redirect",
    "STAGE_NAME": "Scan & Push",
    "WORKSPACE": "/var/jenkins_home/workspace/Acme_App2_PR-12@2",
    "XDG_SESSION_ID": "c42",
}
SECRET_OF = {
    "GITHUB_TOKEN": "ghs_" + GITHUB[4:],
    "ACTIONS_RUNTIME_TOKEN": JWT,
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JWT + "x",
    "CI_JOB_TOKEN": "glcbt-64_abcdefghijklmnopqrst",
    "CI_REGISTRY_PASSWORD": "glcbt-64_abcdefghijklmnopqrsu",
    "HUDSON_SERVER_COOKIE": "0123456789abcdef",
    "JENKINS_NODE_COOKIE": "8f1c2a6e-1b0a-4a53-9f3c-0a3d6a6b1f7e",
}


@pytest.mark.parametrize(
    "environment",
    [GITHUB_ENVIRONMENT, GITLAB_ENVIRONMENT, JENKINS_ENVIRONMENT],
    ids=["GitHub", "GitLab", "Jenkins"],
)
def test_what_a_ci_system_says_of_a_run_is_no_secret(environment: dict[str, str]) -> None:
    assert secret_values(COMMON | environment) == {}
    found = secret_values(COMMON | environment | SECRET_OF)
    assert found == {value: f"the variable {name}" for name, value in SECRET_OF.items()}


def test_words_drawn_at_random_are_nearly_all_told() -> None:
    drawn = random.Random(1)
    for length, share in ((20, 0.9), (24, 0.92), (40, 0.98)):
        words = ["".join(drawn.choices(string.ascii_letters + string.digits, k=length)) for _ in range(1000)]
        assert sum(within(word) == {word} for word in words) >= share * len(words)


@pytest.mark.parametrize(
    "piece",
    [
        *("://a:b", "password=", "a:b@", "a=", "Aa0/", "eyJ.", "a", "(a:"),
        *("-----BEGIN PRIVATE KEY-----", "-----BEGIN A-----", "-----BEGIN A----------END B"),
    ],
)
def test_a_long_variable_takes_no_long_time(piece: str) -> None:
    start = time.process_time()
    within(piece * (128 * 1024 // len(piece)))
    assert time.process_time() - start < 1


@given(st.text())
def test_any_text_can_be_looked_into(text: str) -> None:
    assert all(len(part.strip()) >= 8 for part in within(text))
