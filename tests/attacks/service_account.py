"""Who makes a job of Google Cloud Build look like one that runs as another service account.

The policy names one account by its number. An issuer on loopback stands for Google's, and gives its tokens by
a metadata server, whose address is the one thing that is not Google's here.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from unittest.mock import patch

from pushpolicy import errors
from tests.attacks.ci_system import JOBS
from tests.attacks.identity import NO_PROOF, Forger, Job, Lie, both, certificates, claims, lie_of, row
from tests.attacks.table import Attack, changed
from tests.fake_registry import Answered, fake_registry
from tests.issuer import FLAVOR, METADATA_PATH, metadata_server
from tests.policies import write_policy
from tests.workspace import Ran, Workspace

ACCOUNT, OTHER_ACCOUNT = "107517467455664443766", "107517467455664443767"
EMAIL = "publish@project.iam.gserviceaccount.com"


def job_of(issuer: Forger, other: Forger) -> Job:
    """An honest build, and the policy that names its account."""
    issuer.claims = {"sub": ACCOUNT, "azp": ACCOUNT, "email": EMAIL, "email_verified": True}
    return Job(
        issuer=issuer,
        other=other,
        variables={},
        trust={"issuers": {"local": {"issuer": issuer.url, "system": "cloud-build"}}},
        settings={"identity_verified": {"service_accounts": [{"issuer": issuer.url, "id": ACCOUNT}]}},
    )


def push_from_cloud_build(place: Workspace) -> Ran:
    """`push` in a build, under a policy that names the account that may push."""
    with ExitStack() as stack:
        issuers = Forger(), Forger()
        for issuer in issuers:
            server = stack.enter_context(fake_registry(issuer.answer, certificates()))
            issuer.url = f"https://{server.host}"
        job = job_of(*issuers)
        address = stack.enter_context(metadata_server(job.issuer))
        stack.enter_context(patch("pushpolicy.cli.identity.METADATA", address))
        lie_of(place)(job)
        folder = place.folder.parent / "policy"
        write_policy(folder, {}, trust=json.dumps(job.trust), settings=json.dumps(job.settings))
        build = changed(place, JOBS["cloud-build"]).with_variables(**job.variables)
        options = ("--policy", "pack", "--policy", "../policy", *job.options)
        return build.push(*options, "--ca-file", str(job.authority))


def answering(answered: Answered) -> Lie:
    """What answers in the place of the metadata server says this."""
    return lambda job: job.issuer.answers.update({METADATA_PATH: lambda: answered})


def relayed(job: Job) -> None:
    """What answers there gives a token of the account that was asked for by another run."""
    kept = job.issuer.token("pushpolicy/of-another-run").encode()
    answering(Answered(headers=FLAVOR, body=kept))(job)


def handed_over(job: Job) -> None:
    """A good token of the account lies in a variable."""
    job.variables["PUSHPOLICY_ID_TOKEN"] = job.issuer.token()


def of_an_untrusted_issuer(job: Job) -> None:
    """A token that names the account, by an issuer that nobody trusts."""
    job.issuer.claims["iss"] = job.other.url


def demanding_the_run(job: Job) -> None:
    """The policy demands that all of the run is proven."""
    job.trust["verified_for"] = ["oci:registry"]


def naming_nobody(job: Job) -> None:
    """The policy accepts tokens that prove a part, and names no account."""
    job.settings["identity_verified"] = {"required": True, "partial": True, "replayable": True}


def naming_the_email(job: Job) -> None:
    """The policy names an account by its email, which a later account can have."""
    job.settings["identity_verified"]["service_accounts"][0]["id"] = EMAIL


def build(name: str, lie: Lie, says: str = NO_PROOF, code: int = errors.EXIT_DENIED) -> Attack:
    """One lie in a build."""
    return row(name, lie, says, code, run=push_from_cloud_build)


NOT_THERE = answering(Answered(status=404, headers=FLAVOR))
ROWS = [
    build("runs as another service account", claims(sub=OTHER_ACCOUNT, azp=OTHER_ACCOUNT)),
    build(
        "makes an account of that email anew",
        claims(sub=OTHER_ACCOUNT),
        f"this job's account is {OTHER_ACCOUNT}",
    ),
    build("calls another account's email by the number", claims(sub=OTHER_ACCOUNT, email=ACCOUNT)),
    build("asks as the account, and is another", claims(sub=OTHER_ACCOUNT, azp=ACCOUNT)),
    build("shows a token of the account that another run asked for", relayed, "not for pushpolicy/"),
    build("shows a token of an issuer that nobody trusts", of_an_untrusted_issuer, "is not trusted"),
    build("is not the metadata server", answering(Answered(body=b"a.b.c")), "it is another server"),
    build(
        "leads from the metadata server elsewhere",
        answering(Answered(status=302, headers={"Location": "http://127.0.0.1:1/", **FLAVOR})),
        "302 Found",
    ),
    build("answers with a page", answering(Answered(headers=FLAVOR, body=b"<p>Log in")), "holds no token"),
    build("takes the account away, and hands its token over", both(NOT_THERE, handed_over), "404 Not Found"),
    build("is the account, where the run has to be proven", demanding_the_run, "branch_allowed"),
    build("is an account that nobody named, where parts are accepted", naming_nobody),
    build("has an account named by its email", naming_the_email, "service_accounts", errors.EXIT_POLICY),
]
