"""Who makes a job look like one that it is not: by tokens, keys, issuers, or variables beside them.

The policy of the command line demands a verified identity (`verified_for`), of one repository by its id and
of one workflow by its commit. An issuer on loopback stands for GitHub's, where the job asks for its token, or
for GitLab's, whose token lies in a variable. What an honest job's claims say is what its variables say.
"""

from __future__ import annotations

import functools
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from pushpolicy import errors
from pushpolicy.identity.claims import claims_of
from tests.attacks.ci_system import NO_CI
from tests.attacks.table import Attack, Change, Run
from tests.certificates import Certificates, make_certificates
from tests.fake_registry import Answered, fake_registry
from tests.issuer import KID, LocalIssuer, jwk, rsa_key, said, token
from tests.policies import write_policy
from tests.workspace import Ran, Workspace

HOUR = 3600
REPOSITORY, WORKFLOW = "4711", "example/ci/.github/workflows/publish.yml"
PINNED = "8f14e45fceea167a5a36dedd4bea2543a5c1f6b1"
NO_PROOF = "the job's identity does not prove who pushes"


class Forger(LocalIssuer):
    """An issuer that can be made to sign anything: `forge` makes the token of the claims."""

    forge: Callable[[dict[str, Any]], str] | None = None

    def token(self, audience: str = "pushpolicy", **changes: Any) -> str:
        honest = super().token(audience, **changes)
        return self.forge(dict(claims_of(honest) or {})) if self.forge else honest


@functools.cache
def certificates() -> Certificates:
    """Of all issuers here."""
    return make_certificates(Path(tempfile.mkdtemp(prefix="identity-attacks-")))


@dataclass(kw_only=True)
class Job:
    """What the attacker changes: the job, its issuer, and in a few rows what somebody careless wrote.

    Attributes:
        other: another issuer, that nobody trusts.
        variables: of the job, beside those of the place; without a value it is not set.
        trust, settings: the policy's.
        options, authority: of the command line.
        before: changes the place, when all else is ready.
    """

    issuer: Forger
    other: Forger
    variables: dict[str, str]
    trust: dict[str, Any]
    settings: dict[str, Any]
    options: tuple[str, ...] = ()
    authority: Path = field(default_factory=lambda: certificates().authority)
    before: Change = field(default=lambda place: None)

    def on_gitlab(self, commit: str) -> None:
        """Make it a job of GitLab's, whose policy accepts a token of a variable."""
        said_of_job = {
            "project_path": ("CI_PROJECT_PATH", "example/status-page"),
            "project_id": ("CI_PROJECT_ID", REPOSITORY),
            "ref": ("CI_COMMIT_BRANCH", "main"),
            "sha": ("CI_COMMIT_SHA", commit),
            "pipeline_source": ("CI_PIPELINE_SOURCE", "push"),
            "pipeline_id": ("CI_PIPELINE_ID", "7"),
            "job_id": ("CI_JOB_ID", "8151"),
        }
        more = {"ref_path": "refs/heads/main", "ref_protected": "true", "runner_environment": "gitlab-hosted"}
        self.issuer.claims = {claim: value for claim, (_, value) in said_of_job.items()} | more
        self.variables = {
            **dict(said_of_job.values()),
            "CI_COMMIT_REF_PROTECTED": "true",
            "CI_JOB_NAME": "publish",
            "GITLAB_CI": "true",
            "GITHUB_ACTIONS": "",
        }
        self.trust["issuers"]["local"]["system"] = "gitlab-ci"
        loose = {"assurance": "replayable"}
        names = ("branch_allowed", "event_allowed", "fork_denied", "protected_ref", "runner_trusted")
        self.trust.pop("verified_for")
        self.settings |= dict.fromkeys(names, loose)
        self.settings["identity_verified"] |= {"workflows": [], "required": True, "replayable": True}


Lie = Callable[[Job], None]
LIES: dict[str, Lie] = {}


def lying(name: str) -> Change:
    """Have the next push meet this lie."""

    def strike(place: Workspace) -> None:
        (place.folder.parent / "lie").write_text(name)

    return strike


def lie_of(place: Workspace) -> Lie:
    """The lie that was prepared; none does nothing."""
    file = place.folder.parent / "lie"
    return LIES[file.read_text()] if file.exists() else lambda job: None


def job_of(place: Workspace, issuer: Forger, other: Forger) -> Job:
    """An honest job of GitHub's kind, and the policy that demands that it is one."""
    environ = place.environ
    issuer.claims = {
        "repository": environ["GITHUB_REPOSITORY"],
        "repository_id": REPOSITORY,
        "repository_owner_id": "31",
        "ref": environ["GITHUB_REF"],
        "ref_type": environ["GITHUB_REF_TYPE"],
        "ref_protected": "true",
        "sha": environ["GITHUB_SHA"],
        "event_name": environ["GITHUB_EVENT_NAME"],
        "run_id": environ["GITHUB_RUN_ID"],
        "run_attempt": environ["GITHUB_RUN_ATTEMPT"],
        "actor": environ["GITHUB_ACTOR"],
        "runner_environment": "github-hosted",
        "job_workflow_ref": f"{WORKFLOW}@refs/heads/main",
        "job_workflow_sha": PINNED,
    }
    owned = {"issuer": issuer.url, "id": REPOSITORY}
    demands = {"repositories": [owned], "workflows": [{"path": WORKFLOW, "at": PINNED}]}
    return Job(
        issuer=issuer,
        other=other,
        variables={
            **issuer.environ(),
            "GITHUB_REPOSITORY_ID": REPOSITORY,
            "RUNNER_ENVIRONMENT": "github-hosted",
        },
        trust={
            "issuers": {"local": {"issuer": issuer.url, "system": "github-actions"}},
            "verified_for": ["oci:registry"],
        },
        settings={"identity_verified": demands},
    )


def push_demanding(place: Workspace, *, is_gitlab: bool = False) -> Ran:
    """`push` under a policy that demands a verified identity."""
    with ExitStack() as stack:
        issuers = Forger(), Forger()
        for issuer in issuers:
            server = stack.enter_context(fake_registry(issuer.answer, certificates()))
            issuer.url = f"https://{server.host}"
        job = job_of(place, *issuers)
        if is_gitlab:
            job.on_gitlab(place.environ["GITHUB_SHA"])
        lie_of(place)(job)
        if is_gitlab:
            job.variables.setdefault("PUSHPOLICY_ID_TOKEN", job.issuer.token())
        write_policy(
            place.folder.parent / "policy",
            {},
            trust=json.dumps(job.trust),
            settings=json.dumps(job.settings),
        )
        place = place.with_variables(**job.variables)
        place = replace(place, environ={name: value for name, value in place.environ.items() if value})
        place = job.before(place) or place
        options = ("--policy", "pack", "--policy", "../policy", *job.options)
        return place.push(*options, "--ca-file", str(job.authority))


def push_from_gitlab(place: Workspace) -> Ran:
    """The same from a job of GitLab's."""
    return push_demanding(place, is_gitlab=True)


def row(
    name: str, lie: Lie, says: str = NO_PROOF, code: int = errors.EXIT_DENIED, run: Run = push_demanding
) -> Attack:
    """One lie, beside the honest job."""
    LIES[name] = lie
    return Attack(name=name, strike=lying(name), run=run, says=says, code=code)


def on_gitlab(name: str, lie: Lie, says: str = NO_PROOF) -> Attack:
    """One lie in a job of GitLab's."""
    return row(name, lie, says, run=push_from_gitlab)


def claims(**changes: Any) -> Lie:
    """The token says otherwise; None leaves a claim out."""
    return lambda job: job.issuer.claims.update(changes)


def variables(**changes: str) -> Lie:
    """An earlier step sets variables; an empty one is taken away."""
    return lambda job: job.variables.update(changes)


def both(*lies: Lie) -> Lie:
    """One lie and another."""

    def lie(job: Job) -> None:
        for each in lies:
            each(job)

    return lie


def times(**offsets: int) -> Lie:
    """Times that many seconds from now."""
    return lambda job: job.issuer.claims.update(
        {name: int(time.time()) + offset for name, offset in offsets.items()}
    )


def forged(forge: Callable[[dict[str, Any]], str]) -> Lie:
    """The token is made otherwise."""

    def lie(job: Job) -> None:
        job.issuer.forge = forge

    return lie


def headed(**header: Any) -> Lie:
    """The token has this in its header, too."""
    return forged(lambda said: token(said, header={"alg": "RS256", "typ": "JWT", "kid": KID} | header))


def serving(*keys: dict[str, Any]) -> Lie:
    """The issuer publishes these keys."""

    def lie(job: Job) -> None:
        job.issuer.keys = list(keys)

    return lie


def answering(path: str, answer: Callable[[], Answered]) -> Lie:
    """The issuer answers this there."""
    return lambda job: job.issuer.answers.update({path: answer})


def asking(url: str) -> Lie:
    """The variable that says where to ask names another address: {own} and {other} are the issuers."""

    def lie(job: Job) -> None:
        own, other = (each.url.removeprefix("https://") for each in (job.issuer, job.other))
        job.variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = url.format(own=own, other=other)

    return lie


def of_look_alike(name: Callable[[str], str]) -> Lie:
    """The token names an issuer that looks like the trusted one."""
    return lambda job: job.issuer.claims.update({"iss": name(job.issuer.url)})


def handed(**changes: Any) -> Lie:
    """The job cannot ask, and a good token lies in a variable: it may be another job's."""

    def lie(job: Job) -> None:
        kept = job.issuer.token("pushpolicy", **changes)
        job.variables |= {"ACTIONS_ID_TOKEN_REQUEST_URL": "", "PUSHPOLICY_ID_TOKEN": kept}

    return lie


def replayed(job: Job) -> None:
    """What answers gives a token that was asked for by another run of the same job."""
    kept = job.issuer.token("pushpolicy/of-another-run")
    job.issuer.answers["/request"] = lambda: said({"value": kept})


def pinned_to_a_tag(job: Job) -> None:
    """The policy trusts the workflow at a tag, and a branch has that name."""
    job.settings["identity_verified"]["workflows"] = [{"path": WORKFLOW, "at": "refs/tags/v1"}]
    job.issuer.claims["job_workflow_ref"] = f"{WORKFLOW}@refs/heads/v1"


def demanding(*globs: str) -> Lie:
    """The policy demands it by globs; the job has no token at all, and claims nothing."""

    def lie(job: Job) -> None:
        job.trust["verified_for"] = list(globs)
        job.settings = {}
        job.variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = ""

    return lie


def from_the_checkout(job: Job) -> None:
    """The checkout has a trust.yaml that trusts another issuer, and its configuration names that."""

    def commit(place: Workspace) -> Workspace:
        trust = {"issuers": {"theirs": {"issuer": job.other.url, "system": "github-actions"}}}
        place.write("policies/trust.yaml", json.dumps(trust))
        return place.committed("pushpolicy.yaml", "policy: [policies]\n")

    job.before = commit


def in_the_checkout(job: Job) -> None:
    """The command line names a trust file that lies in the checkout."""
    job.options = ("--trust", "trust.yaml")
    job.before = lambda place: place.committed("trust.yaml", "verified_for: []\n")


def other_authority(job: Job) -> None:
    """Variables name authorities, by which another server is the issuer."""
    folder = Path(tempfile.mkdtemp(prefix="identity-attacks-"))
    job.authority = make_certificates(folder).authority
    job.variables["SSL_CERT_FILE"] = str(certificates().authority)


PUBLIC = (
    rsa_key()
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)
CURVE, EDWARDS = (
    ec.derive_private_key(7, ec.SECP256R1()),
    ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)),
)
GOOD = jwk(rsa_key())

TOKENS = [
    row(
        "shows the token of a fork's job", claims(repository="mallory/status-page", repository_id="99"), NO_CI
    ),
    row("shows the token of a repository of that name, re-registered", claims(repository_id="99"), NO_CI),
    row(
        "re-registers the name, and sets the variable too",
        both(claims(repository_id="99", repository_owner_id="32"), variables(GITHUB_REPOSITORY_ID="99")),
        "the job is of the repository 99",
    ),
    row("shows the token of another run", claims(run_id="2"), f"{NO_CI}run.id"),
    row("shows the token of an earlier attempt", claims(run_attempt="2"), f"{NO_CI}run.attempt"),
    row("shows the token of another branch's job", claims(ref="refs/heads/x"), NO_CI),
    row("shows the token of a tag's job", claims(ref="refs/tags/main", ref_type="tag"), NO_CI),
    row("shows the token of another commit's job", claims(sha="2" * 40), f"{NO_CI}commit"),
    row("shows the token of a pull request's job", claims(event_name="pull_request"), NO_CI),
    row("shows the token of a job on a machine of theirs", claims(runner_environment="self-hosted"), ""),
    row("shows the token of an unprotected branch", claims(ref_protected="false"), NO_CI),
    row("shows the token of another actor", claims(actor="mallory"), NO_CI),
    row(
        "says by a custom subject whose job it is", claims(sub="repo:example/status-page", repository_id=None)
    ),
    row(
        "has a branch of the reusable workflow at another commit",
        claims(job_workflow_sha="2" * 40),
        "defined by",
    ),
    row(
        "has a workflow of that name in another repository",
        claims(job_workflow_ref="mallory/ci/.github/workflows/publish.yml@refs/heads/main"),
        "defined by mallory/ci",
    ),
    row(
        "hides a branch in the workflow's path",
        claims(job_workflow_ref=f"{WORKFLOW}@refs/heads/x@{PINNED}", job_workflow_sha=None),
        "defined by",
    ),
    row(
        "names no workflow",
        claims(job_workflow_ref=None, job_workflow_sha=None),
        "a file that no token names",
    ),
    row(
        "has an environment of that name, and nothing else",
        claims(environment="production", ref=None, event_name=None, sha=None),
    ),
    *(
        row(f"leaves out {name}: half of what is proven at once", claims(**{name: None}))
        for name in ("ref", "event_name", "repository_id", "sha", "run_id")
    ),
    row("has a ref that is a list", claims(ref=["refs/heads/main"])),
    row("has a commit that is an object", claims(sha={"sha": "x"})),
    row("has a run that is a fraction", claims(run_id=1.0)),
    row("has a repository that is true", claims(repository_id=True), NO_CI),
    row("has a repository of more digits", claims(repository_id="04711"), NO_CI),
    row("has a branch with an invisible letter", claims(ref="refs/heads/main\u200b"), NO_CI),
]
TIMES = [
    row("shows one that ended", times(iat=-HOUR, nbf=-HOUR, exp=-120), "the token expired"),
    row("shows one for later", times(nbf=600), "the token counts from"),
    row("shows one that was made later", times(iat=300, nbf=300, exp=900), "the token counts from"),
    row("shows one that lives ten years", times(exp=87600 * HOUR), "at most 21600 s are believed"),
    row("shows one that ends before it began", times(exp=-1), "the token lives -"),
    row("shows one without an end", claims(exp=None), "the token says no time as exp"),
    row("shows one without a beginning", claims(iat=None), "the token says no time as iat"),
    row("has an end that is a text", claims(exp="9999999999"), "no time as exp"),
    row("has an end that is a fraction", claims(exp=time.time() + 600), "no time as exp"),
    row("has an end that is true", claims(exp=True), "no time as exp"),
    row("has an end beyond all times", claims(exp=2**63), "no time as exp"),
    row("has a beginning that is null", forged(lambda said: token(said | {"nbf": None})), "no time as nbf"),
]
AUDIENCES = [
    row("answers with the token of another run", replayed, "the token is for pushpolicy/of-another-run"),
    row("asks for another audience before ours", asking("https://{own}/request?audience=x"), "is for x"),
    row("cuts our audience off the address", asking("https://{own}/request?audience=x#"), NO_PROOF),
    row(
        "shows one for two audiences",
        forged(lambda said: token(said | {"aud": [said["aud"], "x"]})),
        "is for [",
    ),
    row("shows one for nobody", claims(aud=None), "the token is for None"),
    row("leaves a good token in a variable", handed(), "another job may have left the token"),
    row("leaves a token of GitHub's long life", handed(exp=int(time.time()) + 5 * HOUR), "at most 3600 s"),
    row("asks another server", asking("https://{other}/request"), "is an address of no trusted issuer"),
    row(
        "asks by a login in the address",
        asking("https://{own}@{other}/request"),
        "is an address of no trusted issuer",
    ),
    row(
        "asks by a backslash in the address",
        asking("https://{other}\\@{own}/request"),
        "is an address of no trusted issuer",
    ),
    row("asks without TLS", asking("http://{own}/request"), "is an address of no trusted issuer"),
    row("asks a name that begins like the issuer's", asking("https://{own}.example/request"), ""),
    row(
        "sends the request elsewhere",
        answering("/request", lambda: Answered(status=302, headers={"Location": "https://localhost:1/"})),
        "is not followed",
    ),
    row("takes the right to ask away", variables(ACTIONS_ID_TOKEN_REQUEST_TOKEN=""), "TOKEN is not"),
    row("answers without a token", answering("/request", lambda: said({"value": 7})), "holds no token"),
    row("says who vouches for the issuer", other_authority, NO_PROOF),
]
ISSUERS = [
    row("names the issuer in capitals", of_look_alike(str.upper), "is not trusted"),
    row("names the issuer with a slash", of_look_alike(lambda url: f"{url}/"), "is not trusted"),
    row(
        "names a host below the issuer's",
        of_look_alike(lambda url: url.replace("//", "//x.")),
        "is not trusted",
    ),
    row(
        "names the issuer with a login",
        of_look_alike(lambda url: url.replace("//", "//a@")),
        "is not trusted",
    ),
    row(
        "names the issuer with a dot more",
        of_look_alike(lambda url: url.replace("st:", "st.:") + "."),
        "not trusted",
    ),
    row(
        "names the issuer in letters that look alike",
        of_look_alike(lambda url: url.replace("h", "һ")),
        "not trusted",
    ),
    row("names a list of issuers", claims(iss=["https://x.example"]), "is not trusted"),
    row("names no issuer", claims(iss=None), "is not trusted"),
    row(
        "names an issuer twice",
        forged(lambda said: token(json.dumps(said).encode()[:-1] + b', "iss": "https://x.example"}')),
        NO_PROOF,
    ),
]
KEYS = [
    row(
        "signs with a key of its own", forged(lambda said: token(said, rsa_key("theirs"))), "does not verify"
    ),
    row("does not sign", forged(lambda said: token(said, unsigned=True)), NO_PROOF),
    row("signs by none", forged(lambda said: token(said, header={"alg": "none", "kid": KID}, unsigned=True))),
    row("signs by None", forged(lambda said: token(said, header={"alg": "None", "kid": KID}))),
    row("signs with the public key", forged(lambda said: token(said, PUBLIC, {"alg": "HS256", "kid": KID}))),
    row("signs by another algorithm", forged(lambda said: token(said, CURVE, {"alg": "ES256", "kid": KID}))),
    row("brings its key along", headed(jwk=jwk(rsa_key("theirs"))), "the token's header has jwk"),
    row("says where its key is", headed(jku="https://x.example/keys"), "the token's header has jku"),
    row("brings a certificate along", headed(x5c=["AA=="]), "the token's header has x5c"),
    row("says what must be understood", headed(crit=["exp"]), "the token's header has crit"),
    row("names a key that is a path", headed(kid="../../etc/passwd"), "is not there"),
    row("names no key", headed(kid=None), "which key it is signed with"),
    row("publishes two keys of a name", serving(jwk(rsa_key("theirs")), GOOD), "is there 2 times"),
    row(
        "publishes a key of 1024 bits",
        both(serving(jwk(rsa_key("short", 1024))), forged(lambda said: token(said, rsa_key("short", 1024)))),
        "is weak",
    ),
    row("publishes a secret as key", serving({"kty": "oct", "kid": KID, "k": "AA"}), "is none for RS256"),
    row("publishes a key with its private part", serving(GOOD | {"d": "AQAB"}), "private part"),
    row("publishes a key for encryption", serving(GOOD | {"use": "enc"}), "is not for signatures"),
    row("publishes a key for another algorithm", serving(GOOD | {"alg": "PS256"}), "is none for RS256"),
    row("publishes no keys", serving(), "is not there"),
    row(
        "publishes its keys twice in one",
        answering(
            "/keys", lambda: Answered(body=json.dumps({"keys": [GOOD]}).encode()[:-1] + b', "keys": []}')
        ),
        "not strict JSON",
    ),
    row(
        "publishes keys without end",
        answering("/keys", lambda: Answered(body=b" " * 2**21)),
        "over the limit",
    ),
    row(
        "has its keys elsewhere",
        answering(
            "/.well-known/openid-configuration",
            lambda: said({"issuer": "https://x.example", "jwks_uri": "x"}),
        ),
        "it is of the issuer",
    ),
]
GITLAB = [
    on_gitlab("shows the token of another job", claims(job_id="1"), f"{NO_CI}job_id"),
    on_gitlab("shows the token of another pipeline", claims(pipeline_id="8"), f"{NO_CI}run.id"),
    on_gitlab("shows the token of another project of that path", claims(project_id="12"), NO_CI),
    on_gitlab(
        "takes the variables away that the token is held against",
        variables(CI_JOB_ID="", CI_JOB_NAME="", CI_PIPELINE_ID=""),
    ),
    on_gitlab(
        "calls a merge request's job a merge train",
        both(
            claims(pipeline_source="merge_request_event"),
            variables(CI_PIPELINE_SOURCE="merge_request_event", CI_MERGE_REQUEST_EVENT_TYPE="merge_train"),
            lambda job: job.settings.update(
                event_allowed={"assurance": "replayable", "events": ["push", "merge_queue"]}
            ),
        ),
        "what triggered the run is asserted",
    ),
    on_gitlab(
        "hands over a token for another service",
        lambda job: job.variables.update(PUSHPOLICY_ID_TOKEN=job.issuer.token("https://vault.example")),
        "not for pushpolicy alone",
    ),
    on_gitlab("hands over a token that lives for hours", times(exp=2 * HOUR), "at most 3600 s"),
    on_gitlab(
        "hands over the token of another CI system",
        lambda job: job.trust["issuers"]["local"].update(system="buildkite"),
        f"{NO_CI}provider",
    ),
    on_gitlab("hands over what is no token", variables(PUSHPOLICY_ID_TOKEN="a.b"), "no signed token"),
]
POLICY = [
    row(
        "brings a trust.yaml along",
        from_the_checkout,
        "policies/trust.yaml: not read",
        errors.EXIT_POLICY,
    ),
    row(
        "has the command line name a trust file of the checkout",
        in_the_checkout,
        "the checkout that is judged cannot say who is trusted",
        errors.EXIT_POLICY,
    ),
    row("calls the job one of another CI system", variables(GITEA_ACTIONS="true"), NO_CI),
    row("takes all variables of the CI system away", variables(GITHUB_ACTIONS=""), NO_CI),
    *(
        row(f"is demanded by {glob}, and has no token", demanding(glob))
        for glob in ("**", "oci:**", "oci:REGISTRY", "oci:registry/**", "oci:regist?y")
    ),
    *(
        row(
            f"is demanded by {glob}, which names nothing", demanding(glob), "verified_for", errors.EXIT_POLICY
        )
        for glob in (
            "oci:[r]egistry",
            "https://reg.example/prod",
            "reg.example/prod/",
            "reg.example/prod:1.0",
            "reg.example",
            "*",
            "",
        )
    ),
]
ROWS = [*TOKENS, *TIMES, *AUDIENCES, *ISSUERS, *KEYS, *GITLAB, *POLICY]
