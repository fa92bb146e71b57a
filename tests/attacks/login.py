"""Whoever wants a push with ``--login`` to be made with another credential, or to hold one before an ALLOW.

The token service gives a bearer token for the job's, and the registry takes no other. All tokens are made up.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from pushpolicy import errors
from tests.attacks.credential import jwt
from tests.attacks.table import Attack, Change
from tests.fake_registry import Answered, Asked, fake_registry
from tests.faults.honest import Honest
from tests.policies import write_policy
from tests.workspace import Ran, Workspace, fail_a_test

JOB, MINTED, STATIC = "the-token-of-the-job", "a-token-of-an-hour", "a-password-that-could-push"
LOGIN = {"WWW-Authenticate": 'Basic realm="x"'}
PAIR = "Basic " + base64.b64encode(f"ci:{STATIC}".encode()).decode()
TWO_ENDS = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"RS256"}', b'{"exp":4102444800,"exp":1}', b"x")
)
HONEST = {"access_token": MINTED, "token_type": "Bearer", "expires_in": 600}


def with_job_token(place: Workspace) -> Workspace:
    """The pipeline hands the job's token over."""
    (place.folder.parent / "answer.json").write_text(json.dumps(HONEST))
    return place.with_variables(PUSHPOLICY_ID_TOKEN=JOB)


def gives(**changes: Any) -> Change:
    """The token service answers with something else; what is None is left out."""

    def strike(place: Workspace) -> None:
        said = {name: value for name, value in (HONEST | changes).items() if value is not None}
        (place.folder.parent / "answer.json").write_text(json.dumps(said))

    return strike


def variables(**values: str) -> Change:
    return lambda place: place.with_variables(**values)


def push_with_login(place: Workspace) -> Ran:
    """`push --login broker`; whatever comes of it, nobody else's credential and no denied run can push."""
    registry, asked_for = Honest(), list[Mapping[str, list[str]]]()

    def answer(asked: Asked) -> Answered:
        shown = asked.headers.get("Authorization")
        may = shown in (f"Bearer {MINTED}", PAIR) or (shown is None and asked.method in ("GET", "HEAD"))
        return registry(asked) if may else Answered(status=401, headers=LOGIN)

    def token(asked: Asked) -> Answered:
        asked_for.append(parse_qs(asked.body.decode()))
        return Answered(body=(place.folder.parent / "answer.json").read_bytes())

    with fake_registry(answer) as running, fake_registry(token) as service:
        url = f"http://{service.host}/token"
        file = place.folder.parent / "careless.json"
        careless = json.loads(file.read_text()) if file.exists() else {}
        exchanges = {"broker": {"url": url} | careless.get("broker", {})}
        if "reader" in careless:
            exchanges["reader"] = {"url": url} | careless["reader"]
        trust_file = {"exchanges": exchanges, **careless.get("trust", {})}
        write_policy(place.folder.parent / "policy", {}, trust=json.dumps(trust_file))
        config = place.folder.parent / "docker" / "config.json"
        config.parent.mkdir(exist_ok=True)
        auth = base64.b64encode(f"ci:{STATIC}".encode()).decode()
        config.write_text(json.dumps({"auths": {running.host: {"auth": auth}}}))
        trust = ("--trust", "trust.yaml") if (place.folder / "trust.yaml").exists() else ()
        options = ("--policy", "pack", "--policy", "../policy", "--login", "broker", *trust)
        place = place.with_variables(DOCKER_CONFIG=str(config.parent))
        ran = place.push(*options, target=f"{running.host}/team/app:edge")
        shown = {asked.headers.get("Authorization") for asked in running.asked}
    assert shown <= {None, f"Bearer {MINTED}"}
    assert not asked_for or ran.code != errors.EXIT_DENIED
    assert bool(registry.tags) is (ran.code == errors.EXIT_OK)
    return ran


def row(name: str, strike: Change, says: str, code: int = errors.EXIT_PUSH) -> Attack:
    return Attack(name=name, prepare=with_job_token, strike=strike, run=push_with_login, says=says, code=code)


def careless(**declared: Any) -> Change:
    """Somebody careless wrote the policy's trust.yaml: settings of the exchanges, and what else it says."""

    def strike(place: Workspace) -> None:
        (place.folder.parent / "careless.json").write_text(json.dumps(declared))

    return strike


def leaves(name: str, content: str) -> Change:
    """A file of the checkout."""

    def strike(place: Workspace) -> None:
        place.write(name, content)

    return strike


ROWS = [
    row("has a test fail", fail_a_test, "tests_passed", errors.EXIT_DENIED),
    row("gives the job's token back", gives(access_token=JOB), "the answer holds the job's own token"),
    row("gives a token without an end", gives(expires_in=None), "it does not say when it ends"),
    row("gives a token that ends in a year", gives(expires_in=31536000), "longer than 3600 s"),
    row("gives a token whose end is a word", gives(expires_in="never"), "it does not say when it ends"),
    row("gives a token that ended", gives(expires_in=-1), "it has ended"),
    row("gives a token of every scope", gives(scope="*"), "has the scope *, which was not asked for"),
    row(
        "gives a token for a repository of a longer name",
        gives(scope="repository:team/app2:pull,push"),
        "which was not asked for",
    ),
    row(
        "gives a token that may delete",
        gives(scope="repository:team/app:pull,push,delete"),
        "which was not asked for",
    ),
    row(
        "gives a personal access token as one of ten minutes",
        gives(access_token="ghp_" + "Ab1" * 12),
        "it is of the kind personal-access-token by its form, and names no end of its own",
    ),
    row(
        "gives a deploy token as one of ten minutes",
        gives(access_token="gldt-" + "Ab1" * 7),
        "it is of the kind deploy-token by its form",
    ),
    row(
        "gives the token of another job",
        gives(access_token="glcbt-64_" + "Ab1" * 7),
        "it is of the kind job-token by its form, not an access token",
    ),
    row(
        "gives the identity of another job",
        gives(access_token=jwt(iss="https://gitlab.com", exp=time.time() + 600)),
        "it is of the kind identity-token by its form, not an access token",
    ),
    row(
        "gives a token that names no end as one of ten minutes",
        gives(access_token=jwt(sub="ci")),
        "it is of the kind access-token by its form, and names no end of its own",
    ),
    row(
        "gives a token of a year as one of ten minutes",
        gives(access_token=jwt(exp=time.time() + 31536000)),
        "longer than 3600 s",
    ),
    row(
        "gives a token for every repository as one for this",
        gives(
            access_token=jwt(
                exp=time.time() + 600, access=[{"type": "repository", "name": "*", "actions": ["push"]}]
            )
        ),
        "it is for the repository *, too",
    ),
    row("gives one that is renewed", gives(refresh_token="again"), "it comes with a refresh token"),
    row("gives a key and not a bearer token", gives(token_type="DPoP"), "it is a token of type DPoP"),
    row("gives a password and not a bearer token", gives(token_type="Basic"), "of type Basic"),
    row("gives a header instead of a token", gives(access_token="x\r\nHost: y"), "what is no token"),
    row("gives a list of tokens", gives(access_token=[MINTED]), "has no access_token as documented"),
    row("takes the job's token away", variables(PUSHPOLICY_ID_TOKEN=""), "has no identity token"),
    row(
        "has the job ask a host of its own for its token",
        variables(
            ACTIONS_ID_TOKEN_REQUEST_URL="https://elsewhere.example/token?x=1",
            ACTIONS_ID_TOKEN_REQUEST_TOKEN="a-secret-of-the-request",
        ),
        "is an address of no trusted issuer",
    ),
    row(
        "sets a user and a password",
        variables(PUSHPOLICY_USERNAME="ci", PUSHPOLICY_PASSWORD=STATIC),
        "give one or the other",
        errors.EXIT_USAGE,
    ),
    row(
        "gives a token that says by itself that it is for more",
        gives(access_token=jwt(scope="repository:*:pull,push", exp=int(time.time()) + 600)),
        "has the scope repository:*:pull,push, which was not asked for",
    ),
    row(
        "gives a token that ends by itself when there are no years left",
        gives(access_token=jwt(exp=10**20)),
        "has an end that is no time",
    ),
    row(
        "gives a token whose own end is a text", gives(access_token=jwt(exp="9999999999")), "that is no time"
    ),
    row("gives a token that says its end twice", gives(access_token=TWO_ENDS), "cannot be read strictly"),
    row(
        "reads before the decision by what pushes, whose scope is one word",
        careless(broker={"scope": "images"}, trust={"read_role": "broker"}),
        "it would be given more than pull",
        errors.EXIT_USAGE,
    ),
    row(
        "reads before the decision by the same under another name",
        careless(broker={"scope": "images"}, reader={"scope": "images"}, trust={"read_role": "reader"}),
        "it would be given more than pull",
        errors.EXIT_USAGE,
    ),
    row(
        "reads before the decision by every action",
        careless(reader={"scope": "repository:{repository}:*"}, trust={"read_role": "reader"}),
        "it would be given more than pull",
        errors.EXIT_USAGE,
    ),
    row(
        "has the checkout say whom to ask",
        leaves("trust.yaml", "exchanges: {broker: {url: 'https://elsewhere.example/token'}}\n"),
        "the checkout that is judged cannot say who is trusted",
        errors.EXIT_POLICY,
    ),
    row(
        "has the configuration say whom to ask",
        leaves("pushpolicy.yaml", "exchanges: {broker: {url: 'https://elsewhere.example/token'}}\n"),
        "exchanges",
        errors.EXIT_USAGE,
    ),
]
