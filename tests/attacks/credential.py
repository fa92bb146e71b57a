"""An earlier step that makes a credential look like a better one, or lets others have it.

The policy of the command line wants a credential that ends within a day, and that nobody else may open. All
tokens are made up.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from pushpolicy import errors
from tests.attacks.table import Attack, Change
from tests.fake_registry import Answered, Asked, fake_registry
from tests.faults.honest import Honest
from tests.policies import write_policy
from tests.workspace import Ran, Workspace

HOUR = 3600
STATIC = "a-static-password-of-the-robot"
PERSONAL = "ghp_" + "A1b2" * 9
WANTS = """
credential_source: {ephemeral: true, others_may_open: deny, command_line: deny}
"""
LOGIN = {"WWW-Authenticate": 'Basic realm="x"'}
LONG_LIVED = "does not tell how long it lives"
ENDLESS = "the credential is long-lived"


def jwt(**claims: Any) -> str:
    """A token that says this, whose signature is none."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "eA"]
    )


def ecr(**content: Any) -> str:
    """A password in the form of Amazon ECR's."""
    return base64.b64encode(json.dumps({"payload": "x", "datakey": "x", **content}).encode()).decode()


def logged_in(place: Workspace) -> None:
    """A login step left a token that ends in an hour, in a file of its own."""
    login(place, jwt(exp=int(time.time()) + HOUR))


def login(place: Workspace, secret: str, user: str = "ci", mode: int = 0o600, server: str = "") -> None:
    """What docker login would have left: for the registry of the push, or for another."""
    pair = base64.b64encode(f"{user}:{secret}".encode()).decode()
    kept = {"server": server, "auth": pair, "mode": mode}
    (place.folder.parent / "login.json").write_text(json.dumps(kept))


def shows(name: str, secret: str, says: str, user: str = "ci", **variables: str) -> Attack:
    """Another credential stands in the file, and variables say something of it."""

    def strike(place: Workspace) -> Workspace:
        login(place, secret, user)
        return place.with_variables(**variables)

    return Attack(name=name, prepare=logged_in, strike=strike, run=push_to_registry, says=says)


def open_to_all(mode: int) -> Change:
    """The file stays what it was, and others may open it."""

    def strike(place: Workspace) -> None:
        login(place, jwt(exp=int(time.time()) + HOUR), mode=mode)

    return strike


def for_another_host(place: Workspace) -> Workspace:
    """There is a login to another registry, and the job's own registry is another one, too."""
    login(place, jwt(exp=int(time.time()) + HOUR), server="registry.elsewhere.example")
    return place.with_variables(
        GITLAB_CI="true",
        CI_REGISTRY="registry.elsewhere.example",
        CI_REGISTRY_USER="gitlab-ci-token",
        CI_REGISTRY_PASSWORD="glcbt-" + "A1b2" * 5,
    )


def push_to_registry(place: Workspace) -> Ran:
    """`push` to a registry that wants a login and takes any, with the policy that wants it short-lived."""
    registry = Honest()
    kept = json.loads((place.folder.parent / "login.json").read_bytes())
    write_policy(place.folder.parent / "policy", {}, settings=WANTS)

    def answer(asked: Asked) -> Answered:
        is_known = asked.headers.get("Authorization") is not None
        return registry(asked) if is_known else Answered(status=401, headers=LOGIN)

    # Everybody may pass the folders above; the workspace's own are closed.
    with tempfile.TemporaryDirectory() as folder, fake_registry(answer) as running:
        Path(folder).chmod(0o755)
        config = Path(folder) / "config.json"
        config.write_text(json.dumps({"auths": {kept["server"] or running.host: {"auth": kept["auth"]}}}))
        config.chmod(kept["mode"])
        place = place.with_variables(DOCKER_CONFIG=folder)
        options = ("--policy", "pack", "--policy", "../policy")
        ran = place.push(*options, target=f"{running.host}/team/app:1.0.0")
    assert bool(registry.tags) is (ran.code == errors.EXIT_OK)
    return ran


ROWS = [
    shows("shows a static password", STATIC, LONG_LIVED),
    shows("calls a static password that of Google's access tokens", STATIC, LONG_LIVED, "oauth2accesstoken"),
    shows(
        "calls a static password that of Azure's tokens",
        STATIC,
        LONG_LIVED,
        "00000000-0000-0000-0000-000000000000",
        AZURE_FEDERATED_TOKEN_FILE="/t",
    ),
    shows(
        "calls a static password that of Amazon's",
        STATIC,
        LONG_LIVED,
        "AWS",
        AWS_WEB_IDENTITY_TOKEN_FILE="/t",
    ),
    shows("says that a static password is the job's token", STATIC, LONG_LIVED, GITHUB_TOKEN=STATIC),
    shows(
        "says that a static password is the token of a GitLab job",
        STATIC,
        LONG_LIVED,
        "gitlab-ci-token",
        CI_JOB_TOKEN=STATIC,
        CI_REGISTRY="registry.elsewhere.example",
    ),
    shows("says that a personal token is the job's", PERSONAL, ENDLESS, GITHUB_TOKEN=PERSONAL),
    shows("shows a JWT without an end", jwt(iat=int(time.time())), ENDLESS),
    shows("shows a JWT whose end is a text", jwt(exp="9999999999"), ENDLESS),
    shows("shows a JWT that ends in ten years", jwt(exp=int(time.time()) + 87600 * HOUR), ENDLESS),
    shows(
        "shows a JWT that says it is issued just before its far end",
        jwt(exp=int(time.time()) + 87600 * HOUR, iat=int(time.time()) + 87599 * HOUR),
        ENDLESS,
    ),
    shows("shows a JWT of three pieces that say nothing", "eyJ4.eyJ4.eA", LONG_LIVED),
    shows("shows a password of Amazon's form without an end", ecr(), LONG_LIVED, "AWS"),
    shows(
        "shows a password of Amazon's form that ends in a year",
        ecr(expiration=int(time.time()) + 8760 * HOUR),
        ENDLESS,
        "AWS",
    ),
    Attack(
        name="lets everybody read the file",
        prepare=logged_in,
        strike=open_to_all(0o644),
        run=push_to_registry,
        says="every user of this machine may read ",
    ),
    Attack(
        name="lets everybody change the file",
        prepare=logged_in,
        strike=open_to_all(0o602),
        run=push_to_registry,
        says="every user of this machine may write ",
    ),
    Attack(
        name="leaves credentials for another host",
        prepare=logged_in,
        strike=for_another_host,
        run=push_to_registry,
        code=errors.EXIT_PUSH,
        says="no credential was found for this registry",
    ),
]
