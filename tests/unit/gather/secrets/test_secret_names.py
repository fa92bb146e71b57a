"""A name says by its words that it holds a secret, wherever they stand and however they are joined."""

from __future__ import annotations

import pytest

from pushpolicy.gather.secrets import is_secret_name


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("GITHUB_TOKEN", True),
        ("PUSHPOLICY_PASSWORD", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("NPM_CONFIG__AUTH", True),
        ("SIGNING_KEY", True),
        ("GOOGLE_CREDENTIALS", True),
        ("DB_PASS", True),
        ("api_key", True),
        ("TOKEN2", True),
        ("DOCKER_AUTH_CONFIG", True),
        ("PATH", False),
        ("PWD", False),
        ("SSH_AUTH_SOCK", False),
        ("CACHE_KEY", False),
        ("GPG_KEY", False),
        ("GOOGLE_APPLICATION_CREDENTIALS_FILE", False),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", False),
        ("KEYBOARD", False),
        ("BYPASS_CHECKS", False),
        ("PGPASSWORD", True),
        ("MYSQL_PWD", True),
        ("SSHPASS", True),
        ("GITHUBTOKEN", True),
        ("DOCKERPASSWORD", True),
        ("SLACK_WEBHOOK", True),
        ("CODEBUILD_WEBHOOK_HEAD_REF", False),
        ("SLACK_WEBHOOK_URL", True),
        ("STRIPE_SK", True),
        ("githubToken", True),
        ("npm_config__authToken", True),
        ("Dpassword", True),
        ("MYAPIKEY2", True),
        ("REGISTRYAUTH", True),
        ("AZURE_STORAGE_SAS", True),
        ("OLDPWD", False),
        ("PUBLICKEY", False),
        ("CI_COMMIT_AUTHOR", False),
        ("GIT_AUTHOR_EMAIL", False),
        ("XAUTHORITY", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("PATTERN", False),
        ("COMPAT_MODE", False),
        ("KEYCLOAK_REALM", False),
        ("COMPASS_HOST", False),
        ("DISK_SIZE", False),
        ("API_TOKEN_URL", False),
        ("DB_PASSWORD_FILE", False),
        ("", False),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret
