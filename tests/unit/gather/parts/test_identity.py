"""Whose a part is: which token counts for it, and what becomes of one that does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather import Gathered
from pushpolicy.gather.ci.identity import TokenAccess
from pushpolicy.gather.parts import TOKEN
from pushpolicy.http.settings import Settings
from pushpolicy.identity.issuers import Issuer
from pushpolicy.identity.token import MAX_TOKEN
from pushpolicy.model.evidence import Identity
from tests.certificates import Certificates, make_certificates
from tests.fake_registry import Answered
from tests.issuer import LocalIssuer, jwk, local_issuer, rsa_key, said, token
from tests.parts import audience_of, listing, members, rewrite, with_report, with_token
from tests.unit.gather.ci.test_identity import GITHUB, GITHUB_CLAIMS
from tests.unit.gather.parts.test_parts import merged, named, part
from tests.unit.gather.samples import COMMIT, FAILING, JUNIT


class World(NamedTuple):
    folder: Path
    issuer: LocalIssuer
    settings: Settings

    def access(self, trusted: Issuer | None = None) -> TokenAccess:
        return TokenAccess(issuers=(trusted or self.issuer.trusted(),), settings=self.settings)

    def part(self, name: str = "scan", report: str = JUNIT, **fields: Any) -> Path:
        """A part that carries a token, as its job wrote it."""
        given: dict[str, Any] = {"environ": GITHUB | self.issuer.environ(), "signed_by": self.access()}
        return part(self.folder, name, {"junit.xml": report}, **(given | fields))

    def merged(self, *parts: Path, **fields: Any) -> Gathered:
        given: dict[str, Any] = {"environ": GITHUB, "tokens": self.access()}
        return merged(self.folder, *parts, **(given | fields))

    def identity(self, part: Path, **fields: Any) -> Identity:
        (found,) = self.merged(part, **fields).evidence.ci.parts or ()
        return found.identity


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def world(tmp_path: Path, certificates: Certificates) -> Iterator[World]:
    settings = Settings(ca_file=certificates.authority, attempts=1, total_timeout=5)
    with local_issuer(certificates) as issuer:
        issuer.claims.update(GITHUB_CLAIMS)
        yield World(tmp_path, issuer, settings)


def test_a_token_for_this_part_and_of_this_run_is_verified(world: World) -> None:
    signed = world.part()
    gathered = world.merged(signed, world.part("unit", FAILING))
    first, _ = gathered.evidence.ci.parts or ()
    identity = first.identity
    assert (identity.assurance, identity.whole, identity.reason) == ("verified", True, None)
    assert identity.audience == f"pushpolicy-part:sha256:{first.sha256}" == audience_of(signed)
    assert identity.key == jwk(rsa_key())
    assert identity.configuration is not None
    assert identity.configuration.path == "o/ci/.github/workflows/p.yml"
    assert {report.part for report in gathered.evidence.reports} == {"scan", "unit"}
    # One token of each job, and the issuer's keys once.
    assert world.issuer.asked.count("/request") == 2
    assert world.issuer.asked.count("/keys") == 1
    assert "user_secret" not in (identity.claims or {})


def test_the_token_is_in_no_document_and_known_as_a_secret(world: World) -> None:
    signed = world.part()
    value = members(signed)[TOKEN].decode()
    gathered = world.merged(signed)
    assert gathered.token_secrets == {value, value.rpartition(".")[2]}
    content = gathered.evidence.document().content.decode()
    assert not any(secret in content or secret in repr(gathered) for secret in gathered.token_secrets)


def test_without_a_token_a_part_is_asserted(world: World) -> None:
    plain = world.part(signed_by=None)
    assert list(members(plain)) == ["part.json", "reports/00000"]
    assert world.identity(plain) == Identity(
        assurance="asserted", reason="it carries no identity token of its job"
    )
    assert world.issuer.asked == []


def other_part(world: World, mine: Path) -> None:
    with_token(mine, members(world.part("other", FAILING))[TOKEN].decode())


def changed_report(_: World, mine: Path) -> None:
    with_report(mine, FAILING.encode())


def renamed(_: World, mine: Path) -> None:
    listing(mine, lambda listed: listed.update(name="unit"))


def claims(**changed: Any) -> Callable[[World, Path], None]:
    """The token says something else."""

    def change(world: World, mine: Path) -> None:
        with_token(mine, world.issuer.token(audience_of(mine), **changed))

    return change


def of_audience(*audience: str) -> Callable[[World, Path], None]:
    def change(world: World, mine: Path) -> None:
        with_token(mine, world.issuer.token(aud=[each or audience_of(mine) for each in audience]))

    return change


def by_another_key(world: World, mine: Path) -> None:
    now = int(time.time())
    times = {"iat": now, "exp": now + 600, "sub": "a job"}
    said_by = {"iss": world.issuer.url, "aud": audience_of(mine)} | times | GITHUB_CLAIMS
    with_token(mine, token(said_by, rsa_key("theirs")))


HOUR = 3600
NOW = int(time.time())
CHANGES: dict[str, tuple[Callable[[World, Path], None], str]] = {
    "the token of another part": (other_part, "not for pushpolicy-part:sha256:"),
    "a report was changed": (changed_report, "not for pushpolicy-part:sha256:"),
    "the part was renamed": (renamed, "not for pushpolicy-part:sha256:"),
    "the job's own token": (claims(aud="pushpolicy"), "the token is for pushpolicy, not for"),
    "several audiences": (of_audience("", "pushpolicy"), "not for pushpolicy-part:sha256:"),
    "another run": (claims(run_id="8"), "its token is of run.id 8, and this run's is 7"),
    "another attempt": (claims(run_attempt="1"), "its token is of run.attempt 1, and this run's is 2"),
    "another repository": (
        claims(repository_id="1"),
        "of repository_id 1, and this run's is 4711",
    ),
    "another commit": (
        claims(sha="2" * 40),
        f"of commit {'2' * 40}, and this run's is {COMMIT}",
    ),
    "expired": (claims(iat=NOW - HOUR, nbf=NOW - HOUR, exp=NOW - HOUR // 2), "the token expired"),
    "not yet": (claims(iat=NOW + HOUR, nbf=NOW + HOUR, exp=NOW + 2 * HOUR), "after now"),
    "ten years": (claims(exp=NOW + 10 * 365 * 24 * HOUR), "are believed"),
    "another issuer": (claims(iss="https://theirs.example"), "is not trusted"),
    "another key": (by_another_key, "signature does not verify"),
    "a claim that is no commit": (claims(sha="main"), "the token's sha"),
    "no token": (lambda _, mine: with_token(mine, "x.y.z"), "header"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_token_leaves_it_asserted(world: World, name: str) -> None:
    change, reason = CHANGES[name]
    mine = world.part()
    assert world.identity(mine).assurance == "verified"
    change(world, mine)
    identity = world.identity(mine)
    assert (identity.assurance, identity.whole) == ("asserted", False)
    assert reason in str(identity.reason)


def test_one_audience_may_stand_in_a_list(world: World) -> None:
    mine = world.part()
    of_audience("")(world, mine)
    assert world.identity(mine).assurance == "verified"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"sha": None}, "does not say commit"), ({"event_name": "pull_request_target"}, "default branch")],
)
def test_a_token_that_does_not_prove_the_run_is_not_whole(
    world: World, changed: dict[str, Any], reason: str
) -> None:
    mine = world.part()
    claims(**changed)(world, mine)
    identity = world.identity(mine)
    assert not identity.whole
    assert reason in str(identity.reason)


def test_what_is_not_known_here_cannot_be_the_same(world: World) -> None:
    unknown = {name: value for name, value in GITHUB.items() if name != "GITHUB_REPOSITORY_ID"}
    assert "and this run's is not told" in str(world.identity(world.part(), environ=unknown).reason)


def test_outside_of_the_system_it_is_asserted(world: World) -> None:
    mine = world.part(environ=GITHUB | world.issuer.environ())
    gitlab = world.access(world.issuer.trusted(system="gitlab-ci"))
    assert "provider" in str(world.identity(mine, tokens=gitlab).reason)
    assert world.identity(mine, tokens=None).assurance == "asserted"


def test_an_issuer_that_does_not_answer_is_asked_once_and_leaves_all_asserted(world: World) -> None:
    parts = world.part(), world.part("unit", FAILING)
    world.issuer.answers["/keys"] = lambda: Answered(status=500)
    asked = GITHUB | world.issuer.environ()
    ci = world.merged(*parts, environ=asked).evidence.ci
    assert [each.identity.assurance for each in ci.parts or ()] == ["asserted"] * 2
    assert ci.identity is not None
    assert ci.identity.assurance == "asserted"
    assert world.issuer.asked.count("/keys") == 1


@pytest.mark.parametrize(
    "content",
    [
        {TOKEN: b"x" * (MAX_TOKEN + 1)},
        {TOKEN: b"x", "more": b""},
        {TOKEN: b"\xff"},
    ],
)
def test_a_member_that_is_no_token_is_refused(world: World, content: dict[str, bytes]) -> None:
    mine = world.part(signed_by=None)
    rewrite(mine, members(mine) | content)
    with pytest.raises(InputError):
        world.merged(mine)


def test_a_job_that_can_ask_for_no_token_is_told_so(world: World) -> None:
    given = GITHUB | {"PUSHPOLICY_ID_TOKEN": world.issuer.token(), "CIRCLE_OIDC_TOKEN_V2": "x"}
    with pytest.raises(UsageError, match="cannot ask for a token"):
        world.part(environ=given)
    assert not list(world.folder.glob("*.part"))
    world.issuer.answers["/request"] = lambda: said({"value": ""})
    with pytest.raises(InputError, match="holds no token"):
        world.part()
    with pytest.raises(InputError, match="--identity"):
        world.part(signed_by=world.access(Issuer(issuer="https://elsewhere.example")))
    assert not list(world.folder.glob("*.part"))


def test_one_part_that_is_named_twice_is_the_same(world: World) -> None:
    mine = world.part()
    again = (named("part", None, str(mine)),)
    assert len(world.merged(mine, more=again).evidence.ci.parts or ()) == 1
