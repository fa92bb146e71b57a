"""Docker's configurations of the corpus: which registries they hold a credential of, by every fact stated."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pushpolicy.errors import UsageError
from pushpolicy.model.reference import Repository
from pushpolicy.registry.credentials.config_file import ConfigFile, Secret
from tests.corpus.test_corpus import CORPUS, entries

# Stated as invalid; docker takes a file without content for one that holds nothing, and so do we.
HOLDS_NOTHING = {"docker-config/whitespace-only.json", "docker-config/zero-bytes.json"}


LEGACY = "legacy .dockercfg (registries at top level)"


def form_of(content: bytes) -> str:
    """Of the old form is what holds nothing as a config.json, and whose keys are hosts."""
    try:
        as_new, as_old = (ConfigFile.parse(name, content) for name in ("config.json", "home/.dockercfg"))
    except UsageError:
        return "config.json"
    is_old = not (as_new.auths or as_new.helpers or as_new.store) and any("." in key for key in as_old.auths)
    return LEGACY if is_old else "config.json"


def repository_of(key: str) -> Repository:
    """One that a key of `auths` is for."""
    name = key.partition("://")[2].partition("/")[0] or key
    return Repository.parse(name if "/" in name else f"{name}/team/app")


def kind_of(config: ConfigFile, key: str, entry: Any) -> str:
    """What we find under a key, in the manifest's words."""
    try:
        found = config.entry_for(repository_of(key))
    except UsageError as error:
        if repr(key) not in error.message or not isinstance(entry, dict):
            return "invalid entry" if repr(key) in error.message else error.message
        return "auth (not base64)" if "not base64" in error.message else "identitytoken (wrong type)"
    assert found is not None
    held, secret = found
    # Several keys may be for one registry; what is found is what the one that was taken holds.
    user, _, password = base64.b64decode(config.auths[held]["auth"]).decode().partition(":")
    token = config.auths[held].get("identitytoken")
    assert secret == (
        Secret(username=user, identity_token=token) if token else Secret(username=user, password=password)
    )
    return "auth (decodes to user:password)" + (", identitytoken" if "identitytoken" in entry else "")


def differences(entry: dict[str, Any]) -> list[str]:
    """Where what we read of one file is not what the manifest states."""
    facts, content = entry["facts"], (CORPUS / entry["file"]).read_bytes()
    form = form_of(content)
    name = "home/.dockercfg" if form == LEGACY else entry["file"]
    try:
        config = ConfigFile.parse(name, content)
    except UsageError as error:
        return [] if not facts["valid"] else [f"refused: {error.message}"]
    if entry["file"] in HOLDS_NOTHING:
        return [] if not (config.auths or config.helpers or config.store) else ["holds something"]
    if not facts["valid"]:
        return ["read, but invalid"]
    stated = json.loads(content)
    auths = stated if name.endswith(".dockercfg") else stated.get("auths", {})
    kinds = {key: kind_of(config, key, each) for key, each in auths.items()}
    ours = {
        "form": form,
        "registries": kinds,
        "registries_with_inline_secret": sum(kind.startswith("auth (decodes") for kind in kinds.values()),
        "creds_store": config.store,
        "cred_helpers": dict(config.helpers) or None,
    }
    for key, helper in config.helpers.items():
        assert config.helper_for(repository_of(key)) == helper
    return [f"{key}: {ours[key]!r}, stated {facts[key]!r}" for key in ours if ours[key] != facts[key]]


@pytest.mark.parametrize("number", range(15))
def test_every_fact_is_reproduced(number: int) -> None:
    entry = entries("docker-config")[number]
    assert differences(entry) == []


def test_no_file_is_left_out() -> None:
    assert len(entries("docker-config")) == 15
