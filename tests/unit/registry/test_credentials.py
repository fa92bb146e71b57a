"""Where a credential is looked for, in which order, and what is refused on the way."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from pushpolicy.errors import UsageError
from pushpolicy.model.reference import Repository
from pushpolicy.registry import credentials
from pushpolicy.registry.credentials import ANONYMOUS, Credential, SourceKind, resolve
from pushpolicy.registry.credentials.helper import ask_helper


def auth(pair: str) -> dict[str, str]:
    return {"auth": base64.b64encode(pair.encode()).decode()}


@dataclass
class Machine:
    """A home, a workspace and an environment to look into."""

    home: Path
    workspace: Path
    programs: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, value: Any) -> Path:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value))
        return file

    def helper(self, name: str, script: str, folder: Path | None = None) -> None:
        program = (folder or self.programs) / f"docker-credential-{name}"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def resolve(self, repository: str = "example.org/team/app", **options: Any) -> Credential:
        return resolve(Repository.parse(repository), self.environ, self.home, self.workspace, **options)

    def refusal(self, **options: Any) -> str:
        with pytest.raises(UsageError) as caught:
            self.resolve(**options)
        return caught.value.message


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(credentials, "_RUN", tmp_path / "home" / "system")
    programs = tmp_path / "bin"
    for name in ("home", "workspace"):
        (tmp_path / name).mkdir()
    path = os.pathsep.join([str(programs), "/usr/bin", "/bin"])
    return Machine(tmp_path / "home", tmp_path / "workspace", programs, {"PATH": path})


def test_nothing_is_anonymous(machine: Machine) -> None:
    assert machine.resolve() is ANONYMOUS
    assert machine.resolve("oci:folder") is ANONYMOUS


def test_the_order_of_places(machine: Machine) -> None:
    machine.environ |= {"XDG_RUNTIME_DIR": str(machine.home / "run")}
    places = [
        (".dockercfg", {"example.org": auth("u:dockercfg")}),
        (".config/containers/auth.json", {"auths": {"example.org": auth("u:podman")}}),
        ("run/containers/auth.json", {"auths": {"example.org": auth("u:runtime")}}),
        (".docker/config.json", {"auths": {"example.org": auth("u:docker")}}),
    ]
    for path, value in places:
        file = machine.write(path, value)
        found = machine.resolve()
        assert found.source_kind is SourceKind.FILE
        assert found.path == file
        assert found.key == "example.org"
    assert found.secret == "docker"
    machine.environ["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {"example.org": auth("u:variable")}})
    found = machine.resolve()
    assert (found.source_kind, found.variable, found.path) == (
        SourceKind.VARIABLE,
        "DOCKER_AUTH_CONFIG",
        None,
    )
    machine.environ["REGISTRY_AUTH_FILE"] = str(
        machine.write("own.json", {"auths": {"example.org": auth("u:own")}})
    )
    assert machine.resolve().secret == "own"
    machine.environ |= {"PUSHPOLICY_USERNAME": "me", "PUSHPOLICY_PASSWORD": "explicit"}
    found = machine.resolve()
    assert (found.source_kind, found.username, found.secret) == (SourceKind.VARIABLE, "me", "explicit")
    assert found.variable == "PUSHPOLICY_PASSWORD"
    assert machine.resolve(password_stdin="typed") == Credential(
        source_kind=SourceKind.STDIN, username="me", secret="typed"
    )


def test_where_podman_logs_in_without_a_session(machine: Machine) -> None:
    value = {"auths": {"example.org": auth("u:p")}}
    file = machine.write(f"system/{os.getuid()}/auth.json", value)
    assert machine.resolve().path == file
    machine.environ |= {"XDG_RUNTIME_DIR": str(machine.home / "run")}
    assert machine.resolve() is ANONYMOUS


def test_a_place_of_roots_podman_is_passed_over(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write(f"system/{os.getuid()}/auth.json", {"auths": {"example.org": auth("u:roots")}})
    found = machine.write(".config/containers/auth.json", {"auths": {"example.org": auth("u:own")}})
    # Root may look everywhere, so the answer is given for it.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert machine.resolve().path == found


@pytest.mark.parametrize("key", ["docker.io", "index.docker.io", "registry-1.docker.io", "https://docker.io"])
def test_every_name_of_docker_hub(machine: Machine, key: str) -> None:
    machine.write(".docker/config.json", {"auths": {key: auth("u:hub")}})
    assert machine.resolve("docker.io/nginx").secret == "hub"


def test_a_place_without_the_registry_is_passed_over(machine: Machine) -> None:
    machine.write(".docker/config.json", {"auths": {"other.org": auth("u:p"), "example.org": {}}})
    machine.write(".config/containers/auth.json", {"auths": {"example.org": auth("u:podman")}})
    assert machine.resolve().secret == "podman"


def test_docker_config_names_the_folder(machine: Machine) -> None:
    machine.write(".docker/config.json", {"auths": {"example.org": auth("u:home")}})
    machine.write("elsewhere/config.json", {"auths": {"example.org": auth("u:elsewhere")}})
    machine.environ["DOCKER_CONFIG"] = str(machine.home / "elsewhere")
    assert machine.resolve().secret == "elsewhere"


def test_the_auth_file_that_a_variable_names_stands_alone(machine: Machine) -> None:
    machine.write(".docker/config.json", {"auths": {"example.org": auth("u:home")}})
    machine.environ["REGISTRY_AUTH_FILE"] = str(machine.write("own.json", {}))
    assert machine.resolve() is ANONYMOUS
    machine.environ["REGISTRY_AUTH_FILE"] = "/nowhere/auth.json"
    assert "/nowhere/auth.json, which is not there" in machine.refusal()


def test_a_named_pipe_is_not_waited_for(machine: Machine) -> None:
    (machine.home / ".docker").mkdir()
    os.mkfifo(machine.home / ".docker" / "config.json")
    assert "not a regular file" in machine.refusal()


KEYS: Mapping[str, Any] = {
    "https://index.docker.io/v1/": auth("u:hub"),
    "docker.io/vendor": auth("u:vendor"),
    "https://example.org": auth("u:url"),
    "example.org": auth("u:name"),
    "example.org/team": auth("u:team"),
    "example.org/team/app": auth("u:app"),
    "http://127.0.0.1:5000/v2/": auth("u:local"),
    "https://paths.example/some/path/": auth("u:path"),
    "HTTPS://ports.example:5000/v3/x?y=z": auth("u:port"),
    "scope.example/team": auth("u:scope"),
}


@pytest.mark.parametrize(
    ("repository", "secret"),
    [
        ("docker.io/nginx", "hub"),
        ("index.docker.io/library/nginx", "hub"),
        ("docker.io/vendor/app", "vendor"),
        ("docker.io/vendors/app", "hub"),
        ("example.org/other", "name"),
        ("example.org/team/app", "app"),
        ("example.org/team/app2", "team"),
        ("127.0.0.1:5000/app", "local"),
        ("paths.example/other/app", "path"),
        ("ports.example:5000/app", "port"),
        ("scope.example/team/app", "scope"),
    ],
)
def test_keys_as_docker_and_podman_write_them(machine: Machine, repository: str, secret: str) -> None:
    machine.write(".docker/config.json", {"auths": KEYS})
    assert machine.resolve(repository).secret == secret


@pytest.mark.parametrize(
    "repository",
    [
        "example.org:5000/app",
        "sub.example.org/app",
        "127.0.0.1:5001/app",
        "ports.example/app",
        "scope.example/app",
    ],
)
def test_another_host_or_port_gets_nothing(machine: Machine, repository: str) -> None:
    machine.write(".docker/config.json", {"auths": KEYS})
    assert machine.resolve(repository) is ANONYMOUS


def test_docker_hubs_own_key_comes_before_those_of_its_tokens(machine: Machine) -> None:
    hub = "https://index.docker.io/v1/"
    keys = {
        f"{hub}access-token": auth("u:access"),
        f"{hub}refresh-token": auth("u:refresh"),
        hub: auth("u:p"),
    }
    machine.write(".docker/config.json", {"auths": keys})
    assert machine.resolve("docker.io/nginx").secret == "p"


LONG = f"user:{'p' * 100}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("width", [64, 76])
def test_an_auth_in_wrapped_lines(machine: Machine, width: int, end: str) -> None:
    encoded = auth(LONG)["auth"]
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    entry = {"auth": end.join([*lines, ""])}
    machine.write(".docker/config.json", {"auths": {"example.org": entry}})
    found = machine.resolve()
    assert f"{found.username}:{found.secret}" == LONG


@pytest.mark.parametrize(
    "encoded",
    ["dTpw dw==", "dTpw\tdw==", "dTpwdw=", "dTpwdw", "dTpwdw===", "dTpwdw==dTpw", "dTpwd_==", "=dTpwdw="],
)
def test_what_is_no_base64_to_go(machine: Machine, encoded: str) -> None:
    machine.write(".docker/config.json", {"auths": {"example.org": {"auth": encoded}}})
    assert "not base64 of user:password" in machine.refusal()


@pytest.mark.parametrize(
    "content",
    ["/builds/tmp/DOCKER_AUTH_CONFIG", "~/.docker/config.json", "config.json", "eyJhdXRocyI6IHt9fQ=="],
)
def test_a_variable_that_names_a_file_where_it_should_hold_one(machine: Machine, content: str) -> None:
    machine.environ["DOCKER_AUTH_CONFIG"] = content
    with pytest.raises(UsageError, match="DOCKER_AUTH_CONFIG holds no configuration") as caught:
        machine.resolve()
    assert content not in caught.value.message
    assert "REGISTRY_AUTH_FILE" in (caught.value.hint or "")


def test_a_variable_that_is_malformed(machine: Machine) -> None:
    for content in ("{", '{"auths": "\udcff"}'):
        machine.environ["DOCKER_AUTH_CONFIG"] = content
        assert machine.refusal() == "DOCKER_AUTH_CONFIG: not JSON"


def test_kinds_of_entries(machine: Machine) -> None:
    def only(entry: Mapping[str, str]) -> Credential:
        machine.write(".docker/config.json", {"auths": {"example.org": entry}})
        return machine.resolve()

    assert only({"username": "u", "password": "p"}).secret == "p"
    assert only(auth("u:p:with:colons")).secret == "p:with:colons"
    token = only(auth("00000000-0000-0000-0000-000000000000:") | {"identitytoken": "refresh"})
    assert (token.identity_token, token.secret) == ("refresh", None)
    assert only({"registrytoken": "bearer"}).registry_token == "bearer"


def test_secrets_are_not_shown(machine: Machine) -> None:
    machine.write(".docker/config.json", {"auths": {"example.org": auth("u:hidden")}})
    found = machine.resolve()
    assert "hidden" not in repr(found)
    assert found.secrets == ("hidden",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ('{"auths": "whatever"}', "auths is not an object"),
        ('{"auths": {"example.org": "hidden"}}', "the entry 'example.org' is malformed"),
        ('{"auths": {"example.org": {"identitytoken": 1}}}', "the entry 'example.org' is malformed"),
        ('{"auths": {"example.org": {"auth": "user:hidden"}}}', "not base64 of user:password"),
        ('{"auths": {"example.org": {"auth": "aGlkZGVu"}}}', "not base64 of user:password"),
        ('{"auths": {"example.org": {"registrytoken": "hidden\\n"}}}', "not a bearer token"),
        ('{"credHelpers": []}', None),
        ('{"credHelpers": {"example.org": 7}}', "credHelpers is not an object of strings"),
        ('{"credsStore": 7}', "credsStore is not a string"),
        (" \t\n", None),
        ("", None),
        ('{"auths": {"other.org": "whatever"}}', None),
    ],
)
def test_malformed_files(machine: Machine, content: str, said: str | None) -> None:
    path = machine.write(".docker/config.json", content)
    if said is None:
        assert machine.resolve() is ANONYMOUS
        return
    message = machine.refusal()
    assert said in message
    assert str(path) in message
    assert "hidden" not in message


@pytest.mark.parametrize(
    ("environ", "options", "empty"),
    [
        ({"PUSHPOLICY_USERNAME": "u", "PUSHPOLICY_PASSWORD": ""}, {}, "PUSHPOLICY_PASSWORD"),
        ({"PUSHPOLICY_PASSWORD": ""}, {"username": "u"}, "PUSHPOLICY_PASSWORD"),
        ({"PUSHPOLICY_USERNAME": "", "PUSHPOLICY_PASSWORD": "hidden"}, {}, "PUSHPOLICY_USERNAME"),
    ],
)
def test_an_empty_variable_is_named(
    machine: Machine, environ: dict[str, str], options: dict[str, str], empty: str
) -> None:
    machine.environ |= environ
    assert machine.refusal(**options) == f"{empty} is set, and empty"


def test_empty_variables_leave_it_to_the_other_places(machine: Machine) -> None:
    machine.environ |= {"PUSHPOLICY_USERNAME": "", "PUSHPOLICY_PASSWORD": ""}
    found = machine.resolve()
    assert found.is_anonymous
    assert found.variable == "PUSHPOLICY_PASSWORD"
    machine.write(".docker/config.json", {"auths": {"example.org": auth("u:file")}})
    assert machine.resolve().secret == "file"


def test_the_origin_in_words(machine: Machine) -> None:
    assert machine.resolve().origin == ""
    assert (
        machine.resolve(username="me", password_stdin="x").origin
        == "the credential of me from standard input"
    )
    path = machine.write(".docker/config.json", {"auths": {"example.org": auth("me:hidden")}})
    assert machine.resolve().origin == f"the credential of me from {path}"
    machine.helper("acr", """echo '{"Username": "<token>", "Secret": "refresh"}'""")
    machine.write(".docker/config.json", {"credsStore": "acr"})
    assert machine.resolve().origin == "a token from docker-credential-acr"
    machine.environ |= {"PUSHPOLICY_USERNAME": "me", "PUSHPOLICY_PASSWORD": "hidden"}
    assert machine.resolve().origin == "the credential of me from PUSHPOLICY_PASSWORD"


@pytest.mark.parametrize("environ", [{"PUSHPOLICY_USERNAME": "u"}, {"PUSHPOLICY_PASSWORD": "hidden"}])
def test_half_a_credential(machine: Machine, environ: dict[str, str]) -> None:
    machine.environ |= environ
    message = machine.refusal()
    assert "go together" in message
    assert "hidden" not in message


def test_standard_input_needs_a_user(machine: Machine) -> None:
    assert "user name" in machine.refusal(password_stdin="x")
    assert "password on standard input" in machine.refusal(password_stdin="", username="u")
    assert machine.resolve(password_stdin="x", username="u").username == "u"


ANSWER = """read server; printf '{"ServerURL":"%s","Username":"u","Secret":"for %s"}' "$server" "$server" """


def test_a_helper_comes_before_the_store_before_the_entries(machine: Machine) -> None:
    machine.helper("one", ANSWER)
    machine.helper("all", 'echo "{\\"Username\\": \\"u\\", \\"Secret\\": \\"from all\\"}"')
    config: dict[str, Any] = {"auths": {"example.org": auth("u:entry")}}
    path = machine.write(".docker/config.json", config)
    assert machine.resolve().secret == "entry"
    machine.write(".docker/config.json", config | {"credsStore": "all"})
    assert machine.resolve().secret == "from all"
    machine.write(
        ".docker/config.json", config | {"credsStore": "all", "credHelpers": {"example.org": "one"}}
    )
    found = machine.resolve()
    assert found.secret == "for example.org"
    assert (found.source_kind, found.helper, found.path) == (SourceKind.HELPER, "one", path)
    assert machine.resolve("other.org/app").secret == "from all"


def test_a_helper_is_asked_for_docker_hub_by_its_old_name(machine: Machine) -> None:
    machine.helper("hub", ANSWER)
    machine.write(".docker/config.json", {"credHelpers": {"https://index.docker.io/v1/": "hub"}})
    assert machine.resolve("docker.io/nginx").secret == "for https://index.docker.io/v1/"


def test_a_helper_that_has_nothing_leaves_it_to_the_entries(machine: Machine) -> None:
    machine.helper("empty", "echo credentials not found in native keychain; exit 1")
    machine.write(".docker/config.json", {"credsStore": "empty", "auths": {"example.org": auth("u:entry")}})
    assert machine.resolve().secret == "entry"


def test_an_identity_token_of_a_helper(machine: Machine) -> None:
    machine.helper("acr", """echo '{"Username": "<token>", "Secret": "refresh"}'""")
    machine.write(".docker/config.json", {"credsStore": "acr"})
    assert machine.resolve().identity_token == "refresh"


def test_helpers_see_no_secret_of_ours(machine: Machine) -> None:
    machine.helper("env", """printf '{"Username":"u","Secret":"[%s]"}' "$PUSHPOLICY_SIGNING_KEY" """)
    machine.environ["PUSHPOLICY_SIGNING_KEY"] = "hidden"
    machine.write(".docker/config.json", {"credsStore": "env"})
    assert machine.resolve().secret == "[]"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo hidden; echo hidden >&2; exit 1", "exit 1"),
        ("exit 3", "exit 3"),
        ("echo hidden", "not as specified"),
        ("""echo '{"Username": 1, "Secret": "hidden"}'""", "not as specified"),
        ("head -c 2000000 /dev/zero", "says more than 1048576 bytes"),
    ],
)
def test_failing_helpers(machine: Machine, script: str, said: str) -> None:
    machine.helper("bad", script)
    machine.write(".docker/config.json", {"credsStore": "bad"})
    message = machine.refusal()
    assert said in message
    assert "hidden" not in message


@pytest.mark.parametrize("name", ["../evil", "a b", "$(id)", "x/y", "é"])
def test_helper_names(machine: Machine, name: str) -> None:
    machine.write(".docker/config.json", {"credsStore": name})
    assert "is not a valid name" in machine.refusal()


def test_an_absent_helper(machine: Machine) -> None:
    machine.write(".docker/config.json", {"credsStore": "absent"})
    assert "docker-credential-absent is not on PATH" in machine.refusal()


def test_helpers_from_the_workspace_are_not_run(machine: Machine) -> None:
    inside = machine.workspace / "bin"
    machine.helper("evil", "touch ran; exit 1", inside)
    machine.write(".docker/config.json", {"credsStore": "evil"})
    machine.environ["PATH"] = f"{inside}:{machine.environ['PATH']}"
    assert "lies in the workspace" in machine.refusal()
    machine.programs.mkdir()
    (machine.programs / "docker-credential-evil").symlink_to(inside / "docker-credential-evil")
    machine.environ["PATH"] = str(machine.programs)
    assert "lies in the workspace" in machine.refusal()


def test_relative_entries_of_path_are_passed_over(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.helper("evil", "exit 1", machine.workspace)
    monkeypatch.chdir(machine.workspace)
    machine.write(".docker/config.json", {"credsStore": "evil"})
    machine.environ["PATH"] = f".:{os.pathsep}"
    assert "is not on PATH" in machine.refusal()


SILENT = {
    "itself": "sleep 60",
    "with a child": "sleep 60 & wait",
    "with a child of its own session": "setsid sleep 60 & wait",
    "for ever saying a little": "while :; do echo; sleep 0.01; done",
}


@pytest.mark.parametrize("script", SILENT.values(), ids=SILENT)
def test_a_silent_helper_and_its_children_end(
    machine: Machine, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.helper("slow", script)
    machine.write(".docker/config.json", {"credsStore": "slow"})
    monkeypatch.setitem(cast("dict[str, object]", ask_helper.__kwdefaults__), "seconds", 0.3)
    started = time.monotonic()
    assert "did not answer within" in machine.refusal()
    assert time.monotonic() - started < 10


def test_a_helper_may_leave_somebody_behind(machine: Machine) -> None:
    machine.helper("agent", """setsid sleep 60 & echo '{"Username": "me", "Secret": "kept"}'""")
    machine.write(".docker/config.json", {"credsStore": "agent"})
    started = time.monotonic()
    assert machine.resolve().secret == "kept"
    assert time.monotonic() - started < 10


GITLAB = {"GITLAB_CI": "true", "CI_REGISTRY": "registry.example:5050"}
REGISTRY_PAIR = {"CI_REGISTRY_USER": "gitlab-ci-token", "CI_REGISTRY_PASSWORD": "of-the-registry"}
DEPLOY_PAIR = {"CI_DEPLOY_USER": "gitlab+deploy-token-1", "CI_DEPLOY_PASSWORD": "of-deployment"}
JOB_TOKEN = {"CI_JOB_TOKEN": "of-the-job"}
GITHUB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_ACTOR": "octo", "GITHUB_TOKEN": "of-the-run"}
ENTERPRISE = GITHUB | {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://ghe.example"}


@pytest.mark.parametrize(
    ("environ", "repository", "variable", "username"),
    [
        (
            GITLAB | JOB_TOKEN | DEPLOY_PAIR | REGISTRY_PAIR,
            "registry.example:5050/a/b",
            "CI_REGISTRY_PASSWORD",
            "gitlab-ci-token",
        ),
        (
            GITLAB | JOB_TOKEN | DEPLOY_PAIR,
            "registry.example:5050/a",
            "CI_DEPLOY_PASSWORD",
            "gitlab+deploy-token-1",
        ),
        (GITLAB | JOB_TOKEN, "registry.example:5050/a", "CI_JOB_TOKEN", "gitlab-ci-token"),
        (GITLAB | JOB_TOKEN | {"CI_REGISTRY_PASSWORD": ""}, "registry.example:5050/a", "CI_JOB_TOKEN", None),
        (GITHUB, "ghcr.io/octo/app", "GITHUB_TOKEN", "octo"),
        # Another host, and what only looks like the job's own.
        (GITLAB | REGISTRY_PAIR, "registry.example/a", None, None),
        (GITLAB | REGISTRY_PAIR, "registry.example:5051/a", None, None),
        (GITLAB | REGISTRY_PAIR, "registry.example.evil.example:5050/a", None, None),
        (GITLAB | REGISTRY_PAIR, "ghcr.io/a/b", None, None),
        (GITLAB | REGISTRY_PAIR | {"CI_REGISTRY": ""}, "registry.example:5050/a", None, None),
        (GITLAB | REGISTRY_PAIR | {"GITLAB_CI": ""}, "registry.example:5050/a", None, None),
        (GITLAB | REGISTRY_PAIR | {"CI_REGISTRY_USER": ""}, "registry.example:5050/a", None, None),
        (GITHUB, "registry.example/octo/app", None, None),
        (GITHUB | {"GITHUB_SERVER_URL": "https://ghe.example"}, "ghcr.io/octo/app", None, None),
        (ENTERPRISE, "containers.ghe.example/octo/app", "GITHUB_TOKEN", "octo"),
        (ENTERPRISE, "containers.other.example/octo/app", None, None),
        (ENTERPRISE, "ghe.example/octo/app", None, None),
        (ENTERPRISE | {"GITHUB_ACTIONS": ""}, "containers.ghe.example/octo/app", None, None),
    ],
)
def test_what_the_job_was_handed_for_its_own_registry(
    machine: Machine, environ: dict[str, str], repository: str, variable: str | None, username: str | None
) -> None:
    machine.environ |= environ
    found = machine.resolve(repository)
    assert (found.variable, found.is_anonymous) == (variable, variable is None)
    assert username in (None, found.username)


def test_what_somebody_gave_comes_before_what_the_job_was_handed(machine: Machine) -> None:
    machine.environ |= GITLAB | REGISTRY_PAIR
    repository = "registry.example:5050/team/app"
    machine.write("own.json", {"auths": {"other.example": auth("u:other")}})
    assert machine.resolve(repository).secret == "of-the-registry"
    machine.write(".docker/config.json", {"auths": {"registry.example:5050": auth("u:login")}})
    assert machine.resolve(repository).secret == "login"
    given = {"PUSHPOLICY_USERNAME": "me", "PUSHPOLICY_PASSWORD": "explicit"}
    machine.environ |= given
    assert machine.resolve(repository).secret == "explicit"
    for name in given:
        del machine.environ[name]
    machine.environ["REGISTRY_AUTH_FILE"] = str(machine.home / "own.json")
    assert machine.resolve(repository).is_anonymous
