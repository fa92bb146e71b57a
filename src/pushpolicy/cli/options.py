"""Options that several commands share; each is explained once, here.

A group is a frozen type and a decorator: the decorator adds the options to a command and hands them over as
one argument of that type. A further option is one field of the type and one `click.option` of the decorator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
import msgspec
from click.core import ParameterSource
from msgspec.structs import replace

from pushpolicy.cli.formats import FORMATS, Kind
from pushpolicy.cli.report import Output, Outputs
from pushpolicy.errors import UsageError

if TYPE_CHECKING:
    from pushpolicy.reports.limits import Limits  # a command's help needs no struct

Command = TypeVar("Command", bound=Callable[..., Any])
_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_VALUE = re.compile(r"([1-9][0-9]{0,14})(KiB|MiB|GiB|)", re.ASCII)

limits_option = click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="A bound on what is read; repeatable. Of one report: max-report-size, max-unpacked-ratio, "
    "max-seconds, max-findings, max-cases, max-depth, max-text, max-token; of the run: max-files, "
    "max-extra-size, max-components, max-searched, max-run-seconds, max-stall-seconds, max-memory, "
    "max-image-size, max-disk; of audit: max-records, max-run-seconds, max-record-seconds, "
    "max-stall-seconds, max-memory. Sizes are bytes, also as 64MiB; docs/formats.md explains each.",
)


def read_limits(options: Iterable[str], usual: Limits | None = None) -> Limits:
    """The limits, with those replaced that the options name.

    Args:
        options: as they were given.
        usual: the limits where no option names them; None for those of a push.

    Raises:
        UsageError: when an option names no limit, or no positive number.
    """
    from pushpolicy.reports.limits import Limits

    known = Limits.__struct_fields__
    given: dict[str, int] = {}
    for text in options:
        name, _, value = text.partition("=")
        key, match = name.replace("-", "_"), _VALUE.fullmatch(value)
        if key not in known:
            names = ", ".join(each.replace("_", "-") for each in known)
            raise UsageError(f"--limit {text!r} names no limit", f"the limits are {names}")
        if match is None:
            raise UsageError(
                f"--limit {text!r}: the value is no positive number", "as in max-report-size=64MiB"
            )
        given[key] = int(match[1]) * _UNITS[match[2]]
    return replace(usual or Limits(), **given)


def group(
    name: str, kind: type[msgspec.Struct], *options: Callable[[Any], Any]
) -> Callable[[Command], Command]:
    """A decorator that adds options, or groups, and hands them over as the argument `name` of type `kind`."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def collect(**given: Any) -> Any:
            fields = {field: given.pop(field) for field in kind.__struct_fields__ if field in given}
            return command(**given, **{name: kind(**fields)})

        decorated: Callable[..., Any] = collect
        for option in reversed(options):
            decorated = option(decorated)
        return cast("Command", decorated)

    return decorate


def format_option(
    *kinds: Kind, default: str | None = "text", envvar: str | None = "PUSHPOLICY_FORMAT"
) -> Callable[[Command], Command]:
    """``--format``, as the argument `outputs`, of a command that reports these kinds."""

    def ask(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> Outputs:
        outputs = ctx.ensure_object(Outputs)
        texts = values or ((default,) if default else ())
        by_variable = ctx.get_parameter_source("outputs") is ParameterSource.ENVIRONMENT
        outputs.ask([Output.parse(text, kinds, replaces=not by_variable) for text in texts])
        return outputs

    return click.option(
        "--format",
        "outputs",
        multiple=True,
        metavar=f"{'|'.join(name for name, item in FORMATS.items() if item.kinds.issuperset(kinds))}[=FILE]",
        envvar=envvar,
        # What is wrong with the other options is an error in this format.
        is_eager=True,
        callback=ask,
        help="Report format; repeat for several, each to a file of its own.",
    )


class PolicyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What decides: the sources of the policy, and the OPA program (None for the companion wheel's).

    Attributes:
        conftest: policies of conftest, with `namespaces`, `data` and `rego_version` as it takes them.
        repo_may: what the judged checkout may loosen, as RULE=settings,waive.
        trust: the file of ``--trust``.
        policy_keys: who signs artifacts of which name, as FILE=NAME.
        min_sequence: the smallest sequence of those.
    """

    policies: tuple[str, ...] = ()
    conftest: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    rego_version: str | None = None
    repo_may: tuple[str, ...] = ()
    trust: str | None = None
    policy_keys: tuple[str, ...] = ()
    min_sequence: int | None = None
    engine: str | None = None


trust_option = click.option(
    "--trust",
    metavar="FILE",
    help="Which keys and issuers are trusted; with a policy's own trust.yaml, the stricter of both. In "
    "audit: whose signatures count.",
)

policy_key_options = (
    click.option(
        "--policy-key",
        "policy_keys",
        multiple=True,
        metavar="FILE=NAME",
        help="Who signs the policy NAME: a public key, or a trust.yaml with keys of that role; repeatable.",
    ),
    click.option(
        "--min-sequence",
        type=click.IntRange(min=1),
        metavar="N",
        help="Refuse releases of a signed policy that are older than this sequence.",
    ),
)

engine_option = click.option(
    "--engine",
    metavar="PATH|URL",
    help="The opa program, 1.22 or newer; to push, check and evaluate also an OPA server (https://). "
    "Default: the program of the pushpolicy-opa wheel; never from PATH or the checkout.",
)

policy_options = group(
    "policy",
    PolicyOptions,
    click.option(
        "--policy",
        "policies",
        multiple=True,
        metavar="pack[:PART]|DIR|FILE|oci://REF",
        help="Policy that decides; repeatable. Without it, the pack that ships with pushpolicy, of which "
        "minimal, default, strict and each rule are parts. oci://REGISTRY/REPO@DIGEST (or oci:DIR@DIGEST) is "
        "what `policy push` stored; by :TAG it needs --policy-key.",
    ),
    click.option(
        "--conftest",
        "conftest",
        multiple=True,
        metavar="DIR|FILE",
        help="Policies of conftest, whose denials are added; repeatable (docs/conftest.md).",
    ),
    click.option(
        "--namespace",
        "namespaces",
        multiple=True,
        metavar="NAME",
        help="A package of --conftest that denies; repeatable.  [default: main]",
    ),
    click.option(
        "--data",
        "data",
        multiple=True,
        metavar="DIR|FILE",
        help="YAML or JSON that the policies of --conftest read as `data`; repeatable.",
    ),
    click.option(
        "--rego-version",
        "rego_version",
        type=click.Choice(["v0", "v1"]),
        help="The Rego of --conftest: v0 is that from before OPA 1.0.  [default: v1]",
    ),
    click.option(
        "--repo-may",
        "repo_may",
        multiple=True,
        metavar="RULE=settings,waive",
        help="Let the configuration of the judged checkout change settings of a rule, or waive its findings; "
        "repeatable. '*' is every rule but integrity rules.",
    ),
    trust_option,
    *policy_key_options,
    engine_option,
)


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the OPA server of ``--engine URL`` is reached.

    Attributes:
        engine_plain_http: the reason why plain http is spoken.
    """

    engine_token_file: str | None = None
    engine_ca_file: str | None = None
    engine_cert_dir: str | None = None
    engine_plain_http: str | None = None

    def named(self) -> list[str]:
        """Those that were given, as on the command line: name and value in turn."""
        given = ((f"--{name.replace('_', '-')}", getattr(self, name)) for name in self.__struct_fields__)
        return [word for name, value in given if value is not None for word in (name, value)]


server_options = group(
    "server",
    ServerOptions,
    click.option(
        "--engine-token-file",
        metavar="FILE",
        help="Holds the bearer token that the OPA server is shown.  [default: PUSHPOLICY_OPA_TOKEN holds it]",
    ),
    click.option(
        "--engine-ca-file", metavar="FILE", help="Further authorities to verify the OPA server by, in PEM."
    ),
    click.option(
        "--engine-cert-dir",
        metavar="DIR",
        help="Folder with *.crt (authorities), NAME.cert and NAME.key (what the OPA server is shown).",
    ),
    click.option(
        "--engine-plain-http",
        metavar="REASON",
        help="Why an OPA server that is not on loopback is spoken to over http.",
    ),
)

config_option = click.option(
    "--config",
    metavar="FILE",
    help="Configuration of the repository.  [default: pushpolicy.yaml, where it exists]",
)


jobs_option = click.option(
    "--jobs",
    metavar="api|URL",
    help="Ask the API of the CI system (GitHub, GitLab) how the jobs before ended: that of the run, or the "
    "one at URL. The token is PUSHPOLICY_JOBS_TOKEN or, at GitHub, GITHUB_TOKEN.  [default: what "
    "PUSHPOLICY_JOBS says]",
)


class GatherOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a push is about, beside IMAGE and TARGET: configuration, further tags, reports, git, bounds.

    Attributes:
        not_secret: the variables that hold no secret, whatever they look like.
        jobs: ``api`` or an address: who is asked how the jobs before ended.
    """

    config: str | None = None
    tags: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    jobs: str | None = None
    git: str | None = None
    not_secret: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


gather_options = group(
    "gathering",
    GatherOptions,
    config_option,
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="A further tag of TARGET; repeatable."),
    click.option(
        "--evidence",
        "evidence",
        multiple=True,
        metavar="KIND[.NAME]=PATH|GLOB",
        help="A report: tests.unit=PATH, scans=PATH, extra.NAME=PATH; or any path or glob, known by content. "
        "part=FILE: what another job gathered (`gather --part`).",
    ),
    jobs_option,
    click.option(
        "--git",
        metavar="PATH",
        help="The git program. Default: that of the usual places; never from PATH or the checkout.",
    ),
    click.option(
        "--not-secret",
        "not_secret",
        multiple=True,
        metavar="NAME",
        help="A variable that looks like a secret and is none: reports may hold its value; repeatable.",
    ),
    limits_option,
)

part_option = click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="FILE|GLOB",
    help="What another job gathered (`gather --part`); repeatable. As --evidence part=FILE.",
)


def _refuse_addresses(
    _: click.Context, parameter: click.Parameter, globs: tuple[str, ...]
) -> tuple[str, ...]:
    """A glob with a scheme would match no repository, and nothing would say so."""
    for glob in globs:
        scheme, mark, rest = glob.partition("://")
        if mark:
            raise UsageError(f"{parameter.opts[0]}: {glob!r} begins with {scheme}://; write {rest}")
    return globs


def _refuse_password(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise UsageError(
            "--password is refused: other processes and shell histories see a literal password",
            "pipe it to --password-stdin, or set PUSHPOLICY_PASSWORD from the CI's secret store",
        )


class RegistryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the target's registry is reached, and as whom; and where its records are.

    Attributes:
        records: the repository of its records, where that is another one.
    """

    plain_http: bool = False
    ca_file: str | None = None
    cert_dir: str | None = None
    username: str | None = None
    password_stdin: bool = False
    records: str | None = None


_access = (
    click.option(
        "--plain-http", is_flag=True, help="Speak http instead of https. Loopback hosts may anyway."
    ),
    click.option(
        "--ca-file",
        metavar="FILE",
        help="Certificates of further authorities to trust, in PEM.",
    ),
    click.option(
        "--cert-dir",
        metavar="DIR",
        help="Folder with *.crt (authorities), NAME.cert and NAME.key (what the client shows) of a registry."
        "  [default: its folder in a certs.d of podman or docker]",
    ),
    click.option(
        "--username",
        envvar="PUSHPOLICY_USERNAME",
        metavar="NAME",
        help="User name at the registry, with --password-stdin or PUSHPOLICY_PASSWORD.",
    ),
    click.option("--password-stdin", is_flag=True, help="Read the password from standard input."),
    click.option("--password", hidden=True, expose_value=False, callback=_refuse_password),
)

# Of a registry that no image is pushed to, so that there are no records.
access_options = group("registry", RegistryOptions, *_access)

registry_options = group(
    "registry",
    RegistryOptions,
    *_access,
    click.option(
        "--records",
        metavar="REPOSITORY",
        help="Keep records in this repository, REGISTRY/REPO or oci:DIR, not beside the image; and look"
        " for them there.  [default for a push: `records` of the policy's trust.yaml]",
    ),
)


class SourceOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How IMAGE is opened, and how much of it is pushed."""

    platforms: tuple[str, ...] = ()
    referrers: bool = False
    source_plain_http: bool = False
    compression: str | None = None
    compression_level: int | None = None


source_options = group(
    "source",
    SourceOptions,
    click.option(
        "--platform",
        "platforms",
        multiple=True,
        metavar="OS/ARCH[/VARIANT]",
        help="Only this platform of an index; repeatable. What is pushed then has another digest.",
    ),
    click.option(
        "--referrers",
        is_flag=True,
        help="Carry along what refers to the image at its source: signatures, SBOMs, attestations.",
    ),
    click.option(
        "--source-plain-http", is_flag=True, help="Speak http to the registry of a docker:// IMAGE."
    ),
    click.option(
        "--compression",
        type=click.Choice(["gzip", "zstd", "none"]),
        help="For the uncompressed layers of docker-archive: and docker-daemon: images.  [default: gzip]",
    ),
    click.option(
        "--compression-level",
        type=int,
        metavar="N",
        help="0 to 3 for gzip (ISA-L's scale), 1 to 19 for zstd.  [default: 2 and 3]",
    ),
)


login_option = click.option(
    "--login",
    metavar="NAME",
    help="Obtain the credential of the push after an ALLOW, for the job's identity token: by a name under"
    " `exchanges` of the policy's trust.yaml. github, gitlab: show the job's own token only then. No other"
    " credential is used for the target.",
)


class PushOptions(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision about a push depends on: of `push`, `check` and, without a policy, `gather`."""

    gathering: GatherOptions
    registry: RegistryOptions
    source: SourceOptions
    policy: PolicyOptions = PolicyOptions()
    server: ServerOptions = ServerOptions()
    parts: tuple[str, ...] = ()
    login: str | None = None


push_options = group(
    "options",
    PushOptions,
    gather_options,
    part_option,
    policy_options,
    server_options,
    registry_options,
    login_option,
    source_options,
)


class PublishOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How what is allowed is published and recorded; of `push` only.

    Attributes:
        all_images: the images of the configuration instead of one IMAGE.
        allow_targets: globs over the repositories that the configuration may name as targets.
        mount_from: globs over the repositories that blobs may be mounted from.
        also: further targets of IMAGE.
        dry_run: decide only.
        verify: head or full.
        raw: keep or digest; None is what the policy says.
        key: the file of the key that signs the decision, or exec: and the program that has it.
        forms: in which else it is signed.
        denials: the repository that a denial is recorded in.
    """

    all_images: bool = False
    allow_targets: tuple[str, ...] = ()
    mount_from: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    dry_run: bool = False
    verify: str = "head"
    raw: str | None = None
    key: str | None = None
    forms: tuple[str, ...] = ()
    denials: str | None = None


also_option = click.option(
    "--also",
    "also",
    multiple=True,
    metavar="TARGET",
    help="A further target, in another repository or registry, with a decision and a record of its own;"
    " repeatable. The image is pushed to all of them, or to none.",
)

verify_option = click.option(
    "--verify",
    type=click.Choice(["head", "full"]),
    default="head",
    show_default=True,
    help="How layers are verified: head asks for size and presence after the push; full reads them back after"
    " it, and in a check reads them all.",
)

key_option = click.option(
    "--key",
    metavar="FILE|exec:PROGRAM",
    help="The private key that signs, or the program that has it; without it, PUSHPOLICY_SIGNING_KEY.",
)

# Of an approval, as `records.forms` makes them.
FORMS = ("svr", "test-result", "vulns", "openvex")

publish_options = group(
    "publish",
    PublishOptions,
    click.option(
        "--all", "all_images", is_flag=True, help="Push the images of the configuration: all, or none."
    ),
    click.option(
        "--allow-target",
        "allow_targets",
        multiple=True,
        callback=_refuse_addresses,
        metavar="GLOB",
        help="Where the configuration's images may be pushed to (--all); repeatable. * stops at a slash.",
    ),
    click.option(
        "--mount-from",
        "mount_from",
        multiple=True,
        callback=_refuse_addresses,
        metavar="GLOB",
        help="Repositories of the target's registry that layers may be mounted from, as the base image's;"
        " repeatable. * stops at a slash.  [default: the repository of a docker:// IMAGE]",
    ),
    also_option,
    click.option("--dry-run", is_flag=True, help="Decide only, as `pushpolicy check` does."),
    verify_option,
    click.option(
        "--raw",
        type=click.Choice(["keep", "digest"]),
        help="Whether the record keeps the raw reports, or only their digests.  [default: what `raw` of the"
        " policy's trust.yaml says, else keep]",
    ),
    key_option,
    click.option(
        "--statement",
        "forms",
        type=click.Choice(FORMS),
        multiple=True,
        help="Sign an approval in this form, too, for those who look for it; repeatable. Needs a key.",
    ),
    click.option(
        "--denials",
        metavar="REPOSITORY",
        help="Record a denial in this repository, REGISTRY/REPO or oci:DIR, which is no target.  [default:"
        " `denials` of the policy's trust.yaml]",
    ),
)

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on standard error.")
