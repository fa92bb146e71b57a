"""No secret that was in the environment occurs in anything that is written: planted, and looked for."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest

from pushpolicy import errors
from pushpolicy.cli.publishing import KEPT
from tests.fake_registry import Answered, Asked, fake_registry
from tests.processes import PROC, children, memory, waits
from tests.registries import PASSWORD, USERNAME, Registry, distribution_registry
from tests.workspace import IMAGE, JUNIT, TARGET, Ran, Workspace

T = TypeVar("T")
# Each says where it was planted, so that a failure tells what leaked.
VARIABLES = {
    "PUSHPOLICY_PASSWORD": "leak-push-password-Zq8/+4v=",
    "GITHUB_TOKEN": "ghs_leakGithubToken0123456789abcdefgh",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "leak.oidc.request.token.eyJhbGciOi",
    "ACTIONS_RUNTIME_TOKEN": "leak-actions-runtime-token-5521",
    "CI_JOB_TOKEN": "leak-gitlab-job-token-88341",
    "AWS_SECRET_ACCESS_KEY": "leak/aws+secret/key/wJalrXUtnFEMI",
    "AWS_SESSION_TOKEN": "leak-aws-session-token-IQoJb3JpZ2lu",
    "AZURE_CLIENT_SECRET": "leak~azure~client~secret~7731",
    "NPM_TOKEN": "npm_leakNpmToken00112233",
    "DATABASE_PASSWORD": "leak database password with blanks",
    "DEPLOY_KEY": "-----BEGIN PRIVATE KEY-----\n"
    "bGVhay1wcml2YXRlLWtleS1saW5lLW9uZS0wMTIzNDU2Nzg5\n-----END PRIVATE KEY-----",
    "SIGNING_KEY_PASSPHRASE": "leak-signing-key-passphrase",
    "SESSION_COOKIE": "leak-session-cookie-11",
    "PGPASSWORD": "leak-pgpassword-91",
    "MYSQL_PWD": "leak-mysql-pwd-92",
    "SSHPASS": "leak-sshpass-93",
    "GITHUBTOKEN": "leak-githubtoken-94",
    "STRIPE_SK": "leak-stripe-sk-95",
    "SLACK_WEBHOOK": "https://leak.example/hooks/96",
}
PROXY_USER, GIT_PASSWORD, DOCKER_PASSWORD = (
    "leak-proxy-password",
    "leak-git-remote-password",
    "leak-docker-password",
)
DATABASE_PASSWORD, GIT_PATH_TOKEN = "leak-database-url-97", "glpat-leak0git1path2token3"
SECRETS = [
    *VARIABLES.values(),
    *(PROXY_USER, GIT_PASSWORD, DOCKER_PASSWORD, DATABASE_PASSWORD, GIT_PATH_TOKEN),
]


def plant(place: Workspace) -> Workspace:
    """Secrets in variables, in git's remote address, in a proxy's, and in docker's configuration."""
    config = place.folder / ".git/config"
    with config.open("a") as file:
        file.write(
            f'[remote "origin"]\n\turl = https://bot:{GIT_PASSWORD}@git.example/{GIT_PATH_TOKEN}/app.git\n'
        )
    docker = Path(place.environ["HOME"]) / ".docker/config.json"
    docker.parent.mkdir()
    auth = base64.b64encode(f"bot:{DOCKER_PASSWORD}".encode()).decode()
    docker.write_text(json.dumps({"auths": {"other.example": {"auth": auth}}}))
    proxy = f"http://bot:{PROXY_USER}@127.0.0.1:1"
    database = f"postgres://app:{DATABASE_PASSWORD}@db.example/app"
    return place.with_variables(
        **VARIABLES,
        DATABASE_URL=database,
        HTTPS_PROXY=proxy,
        https_proxy=proxy,
        NO_PROXY="127.0.0.1,localhost",
    )


def spellings(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield raw
    yield json.dumps(secret)[1:-1].encode()
    yield quote(secret, safe="").encode()
    for text in (raw, b"x:" + raw, b"bot:" + raw, f"{USERNAME}:{secret}".encode()):
        # Without the last characters, which depend on what follows.
        yield base64.b64encode(text)[4:-4]


def unpacked(content: bytes) -> bytes:
    """The bytes, and what they are compressed from."""
    try:
        return content + gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return content


def leaks(content: bytes) -> list[str]:
    return [secret for secret in SECRETS if any(text in content for text in spellings(secret))]


def assert_clean(place: Workspace, *ran: Ran, but: tuple[str, ...] = ()) -> None:
    """Nothing of it is on either stream, or in a file that the run left anywhere."""
    for item in ran:
        assert leaks((item.out + item.err).encode()) == []
    own = {place.folder / ".git/config", Path(place.environ["HOME"]) / ".docker/config.json"}
    own |= {place.folder / name for name in but}
    for path in place.folder.parent.rglob("*"):
        if path.is_file() and path not in own:
            assert leaks(unpacked(path.read_bytes())) == [], path


def test_a_push_to_a_folder(workspace: Workspace) -> None:
    place = plant(workspace)
    pushed = place.push("--format", "text", "--format", "json=decision.json")
    assert pushed.code == errors.EXIT_OK, pushed.err
    shown = place.run("audit", "show", TARGET, "--format", "json")
    doctor = place.run("doctor")
    gathered = place.run("gather", IMAGE, TARGET)
    assert gathered.json["source"]["repository"] == "https://git.example/***/app.git"
    assert_clean(place, pushed, shown, doctor, gathered)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with distribution_registry(tmp_path / "registry", auth="basic") as running:
        yield running


def test_a_push_to_a_registry_that_wants_the_password(workspace: Workspace, registry: Registry) -> None:
    place = plant(workspace).with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
    target = f"{registry.host}/app:1.0.0"
    ran = place.push(target=target)
    assert ran.code == errors.EXIT_OK, ran.err + ran.out
    shown = place.run("audit", "show", target, "--format", "json")
    assert shown.code == errors.EXIT_OK
    assert_clean(place, ran, shown)
    assert PASSWORD not in ran.out + ran.err + shown.out
    stored = [unpacked(path.read_bytes()) for path in registry.storage.rglob("*") if path.is_file()]
    assert stored
    for content in stored:
        assert leaks(content) == []
        assert PASSWORD.encode() not in content
    credentials = shown.json["evidence"]["credentials"]
    assert credentials == {**credentials, "source": "secret-env", "variable": "PUSHPOLICY_PASSWORD"}


@pytest.mark.parametrize("kept", ["variable", "docker's configuration"])
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_registry_that_says_the_password_back(workspace: Workspace, status: int, kept: str) -> None:
    """Its own words come into the message, cut and made harmless; a secret in them does not."""

    def answer(asked: Asked) -> Answered:
        said = (
            asked.headers.get("Authorization", "")
            + base64.b64decode(asked.headers.get("Authorization", " ").rpartition(" ")[2]).decode()
        )
        body = json.dumps({"errors": [{"code": "DENIED", "message": f"you sent {said}"}]}).encode()
        headers = {"WWW-Authenticate": 'Basic realm="x"'} if status == 401 or not said else {}
        return Answered(status=status if said else 401, headers=headers, body=body)

    place = plant(workspace)
    with fake_registry(answer) as registry:
        if kept == "variable":
            place = place.with_variables(PUSHPOLICY_USERNAME="bot")
        else:
            place = place.with_variables(PUSHPOLICY_PASSWORD="")
            config = Path(place.environ["HOME"]) / ".docker/config.json"
            config.write_text(config.read_text().replace("other.example", registry.host))
        ran = place.push(target=f"{registry.host}/app:1.0.0")
    assert ran.code == errors.EXIT_PUSH
    assert any("Authorization" in asked.headers for asked in registry.asked)
    assert_clean(place, ran)


SECRET, VARIABLE = VARIABLES["AWS_SECRET_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY"
SPELT = {
    "as it is": SECRET,
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 within more": base64.b64encode(f"header: {SECRET} and more".encode()).decode(),
    "URL-encoded": quote(SECRET, safe=""),
}


@pytest.mark.parametrize("command", ["push", "check", "gather"])
@pytest.mark.parametrize("text", SPELT.values(), ids=SPELT)
def test_a_report_that_holds_one(workspace: Workspace, text: str, command: str) -> None:
    place = plant(workspace)
    place.write("reports/junit.xml", f"{JUNIT}<!-- {text} -->\n")
    ran = place.run(command, IMAGE, TARGET)
    assert ran.code == errors.EXIT_INPUT, ran.out
    assert "reports/junit.xml" in ran.complaint()
    assert f"holds the value of the variable {VARIABLE}" in ran.complaint()
    assert ran.hint()
    assert ran.out == ""
    assert not place.published
    assert_clean(place, ran, but=("reports/junit.xml",))


@pytest.mark.parametrize(
    ("secret", "called"),
    [
        (DATABASE_PASSWORD, "the variable DATABASE_URL"),
        (VARIABLES["MYSQL_PWD"], "the variable MYSQL_PWD"),
        (GIT_PATH_TOKEN, "git's remote"),
        (GIT_PASSWORD, "git's remote"),
    ],
)
def test_a_report_that_holds_a_part_of_one(workspace: Workspace, secret: str, called: str) -> None:
    place = plant(workspace)
    place.write("reports/junit.xml", f"{JUNIT}<!-- {secret} -->\n")
    ran = place.push()
    assert ran.code == errors.EXIT_INPUT
    assert f"holds the value of {called}" in ran.complaint()
    assert_clean(place, ran, but=("reports/junit.xml",))


def test_a_false_alarm_is_ended_by_the_variable_s_name(workspace: Workspace) -> None:
    place = workspace.with_variables(WEATHER_KEY="rain-in-spain", OTHER_TOKEN="rain-in-spain")
    place.write("reports/junit.xml", f"{JUNIT}<!-- rain-in-spain -->\n")
    ran = place.push()
    assert ran.code == errors.EXIT_INPUT
    assert "--not-secret WEATHER_KEY" in ran.hint()
    ran = place.push("--not-secret", "WEATHER_KEY")
    assert ran.code == errors.EXIT_INPUT
    assert "--not-secret OTHER_TOKEN" in ran.hint()
    both = ("--not-secret", "WEATHER_KEY", "--not-secret", "OTHER_TOKEN")
    assert place.run("gather", "--part", "unit", "-o", "unit.part", *both).code == errors.EXIT_OK
    assert place.push(*both).code == errors.EXIT_OK


def test_a_value_in_place_of_a_name_is_refused_and_not_quoted(workspace: Workspace) -> None:
    ran = workspace.push("--not-secret", "rain-in-spain")
    assert ran.code == errors.EXIT_USAGE
    assert "rain-in-spain" not in ran.err + ran.out
    assert not workspace.published


def test_a_report_that_holds_one_and_would_be_denied(workspace: Workspace) -> None:
    """The evidence of a denial is kept as a file, often as a public artifact of the job."""
    place = plant(workspace)
    place.write(
        "reports/junit.xml",
        f'<testsuite><testcase name="t"><failure message="got {SECRET}"/></testcase></testsuite>',
    )
    ran = place.push("--format", "text", "--format", "json=decision.json")
    assert ran.code == errors.EXIT_INPUT
    assert VARIABLE in ran.complaint()
    assert not (place.folder / KEPT).exists()
    # The error that stands in the decision's place names the variable, never the value.
    told = json.loads((place.folder / "decision.json").read_text())
    assert (told["schema"], told["message"]) == ("pushpolicy.error/v1", ran.complaint())
    assert_clean(place, ran, but=("reports/junit.xml",))


HOLDERS: dict[str, tuple[str, str, list[str]]] = {
    "extra": ("ticket.json", f'{{"a": "{SECRET}"}}', ["--evidence", "extra.ticket=ticket.json"]),
    "scan": (
        "reports/trivy-more.json",
        json.dumps({"SchemaVersion": 2, "ArtifactName": SECRET, "Results": []}),
        [],
    ),
    "policy": (
        "policy/waivers.yaml",
        f"# {SECRET}\nwaivers: []\n",
        ["--policy", "pack", "--policy", "policy"],
    ),
    "configuration": (
        "pushpolicy.yaml",
        f'waivers: [{{rule: r, id: x, reason: "{SECRET}", approver: a, expires: "2099-01-01T00:00:00Z"}}]\n',
        [],
    ),
}


@pytest.mark.parametrize(("name", "content", "options"), HOLDERS.values(), ids=HOLDERS)
def test_other_files_that_hold_one(workspace: Workspace, name: str, content: str, options: list[str]) -> None:
    place = plant(workspace)
    place.write(name, content)
    ran = place.push(*options)
    assert ran.code in (errors.EXIT_INPUT, errors.EXIT_POLICY, errors.EXIT_OK)
    assert_clean(place, ran, but=(name,))


@pytest.mark.parametrize("where", ["image", "tag", "name"])
def test_arguments_that_hold_one(workspace: Workspace, where: str) -> None:
    """A secret put on the command line by mistake gets no further."""
    place = plant(workspace).with_variables(WEB_TOKEN="leak-token-in-argument")
    token = "leak-token-in-argument"
    place.write("ticket.json", "{}")
    arguments = {
        "image": ["push", f"oci:image:{token}", TARGET],
        "tag": ["push", IMAGE, TARGET, "--tag", token],
        "name": ["push", IMAGE, TARGET, "--evidence", f"extra.{token}=ticket.json"],
    }
    ran = place.run(*arguments[where])
    assert ran.code == errors.EXIT_INPUT
    assert not place.published


def test_a_crash_report(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of another library may quote what it was given."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("cannot use " + " ".join(VARIABLES.values()))

    monkeypatch.setattr("pushpolicy.cli.publishing.push_requests", fail)
    place = plant(workspace)
    ran = place.push()
    assert ran.code == errors.EXIT_BUG
    assert list(Path(place.environ["TMPDIR"]).glob("pushpolicy-crash-*.txt"))
    assert_clean(place, ran)


@pytest.mark.skipif(sys.platform != "linux", reason="a process is looked into through /proc")
def test_the_process_that_reads_files_has_no_secret_in_its_memory(workspace: Workspace) -> None:
    """It is a fork of a process that has all of them in its environment."""
    planted = plant(workspace)
    with planted.start("push", "docker-archive:-", TARGET, stdin=subprocess.PIPE) as ours:
        reads = _until(lambda: next(iter(children(ours.pid)), None))
        environ = (PROC / str(ours.pid) / "environ").read_bytes()
        assert all(secret.encode() in environ for secret in VARIABLES.values())
        _until(lambda: not (reads / "environ").read_bytes().strip(b"\0") and waits(reads))
        found = memory(reads)
        assert [secret for secret in SECRETS if secret.encode() in found] == []
        ours.communicate()


def _until(look: Callable[[], T | None]) -> T:
    until = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found
