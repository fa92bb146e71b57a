"""Pages of `--format html`: a history that never was, for tests and for the pictures of docs/audit.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from msgspec.structs import replace

from pushpolicy.audit.difference import difference
from pushpolicy.audit.entry import Entry, repository_of
from pushpolicy.audit.gap import Gap, Kind
from pushpolicy.audit.gaps import Examined
from pushpolicy.audit.overview import Overview, Told
from pushpolicy.audit.signature import Signature
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Problem, Unread
from pushpolicy.audit.what_if import NotDecided, PushEffect, WhatIf
from pushpolicy.cli.formats import Report
from pushpolicy.cli.formats.html import draw, render
from pushpolicy.cli.render.audit import gaps as rendered_gaps
from pushpolicy.cli.render.audit import what_if_page
from pushpolicy.cli.render.audit.gaps import Looked
from pushpolicy.cli.render.audit.overview import DECISIONS, page_of
from pushpolicy.model.decision import Decision, ImageIdentity, Verdict, Violation, WaiverUse
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_MANIFEST
from pushpolicy.model.reference import Reference, Target
from pushpolicy.records.read import Summary
from tests.judged import judge, make_image

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</style><style>*{background:url(https://evil.example/)}",
    "\u202egnp.exe\u2066\u200f",
    "\x1b[2J\x1b]8;;https://evil.example\x07",
    "-->]]><!--",
    "{{7*7}}${7*7}",
    "w" * 5000,
)
AT = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
_RULES = {
    "scan_severity": (
        "CVE-2026-{}",
        "openssl 3.0.{} has a critical vulnerability, fixed in 3.0.19",
        "critical",
    ),
    "tests_passed": ("unit-{}", "{} tests of the suite unit failed", "high"),
    "branch_allowed": ("feature/{}", "the branch feature/{} is none that may publish", "high"),
    "credential_ephemeral": ("REGISTRY_TOKEN", "the credential comes from a stored secret", "medium"),
    "licenses_allowed": ("pkg:npm/left-pad@{}", "left-pad {} is under AGPL-3.0", "medium"),
}
_WAIVERS = (
    ("scan_severity", "CVE-2026-1042", "2026-11-12", "maria", "not reachable: the parser is not linked"),
    ("scan_severity", "CVE-2026-2207", "2026-12-06", "maria", "fix is in the next base image"),
    ("licenses_allowed", "pkg:npm/left-pad@1", "2027-02-01", "legal", "replaced in the next release"),
    ("credential_ephemeral", "REGISTRY_TOKEN", "2026-12-20", "jonas", "the registry takes no job tokens yet"),
)


def decisions(number: int, *, days: int = 180, seed: int = 7) -> Iterator[Told]:
    """So many decisions about images of a few repositories, the newest of them of the day before `AT`."""
    random = Random(seed)
    made = judge(make_image(), Target.parse("registry.example/shop/web:1.0")).decision
    for place in range(number):
        moment = AT - timedelta(days=1 + days * (place / number), minutes=random.randrange(600))
        yield told(_decision(made, moment, place, random), signer="release")


def history(number: int) -> Iterator[tuple[Told, Entry]]:
    """The same, and in short."""
    return ((each, in_short(each)) for each in decisions(number))


def told(decision: Decision, *, signer: str | None = None, **standing: object) -> Told:
    """A decision as it stands in a record."""
    key = Digest.of(f"{decision.evaluated_at} {decision.image.tags} {decision.image.repository}".encode())
    how = Standing(unknown=(), anchored=True, claimed=False, elsewhere=(), notes=())
    signature = Signature(by=(signer,), tags=decision.image.tags) if signer else Signature()
    return Told(
        summary=Summary(
            digest=key,
            subject=Descriptor(media_type=OCI_MANIFEST, digest=decision.image.digest, size=500),
            decision=decision,
            layers=(),
        ),
        standing=replace(how, signature=signature, **standing),
    )


def in_short(told: Told) -> Entry:
    """What a list shows of it, as if a job of GitHub had pushed it."""
    decision, random = told.summary.decision, Random(str(told.summary.digest))
    pushed_from = (
        "https://github.com/shop/app/actions/runs/{}"
        if random.random() < 0.9
        else "https://ci.shop.example/{}"
    )
    return Entry(
        time=decision.evaluated_at,
        outcome=told.outcome,
        repository=str(repository_of(decision)),
        tags=decision.image.tags,
        digest=str(told.summary.subject.digest),
        record=str(told.summary.digest),
        commit=f"{random.getrandbits(160):040x}",
        branch="main",
        event="push",
        run=pushed_from.format(random.randrange(10**9, 10**10)),
        actor=random.choice(("maria", "jonas", "renovate[bot]")),
        credential=random.choice(("workload-identity", "workload-identity", "secret-env")),
        credential_from=None,
        rules=tuple(dict.fromkeys(each.rule for each in decision.violations)),
        warned=(),
        findings=tuple(each.id for each in decision.violations),
        waivers=tuple(
            f"{use.waiver['rule']} {use.waiver['id']}" for use in decision.waivers if use.state == "used"
        )[:1],
        anchored=True,
        signature=told.standing.signature.state,
        signed_by=told.standing.signature.by,
        policy=str(decision.policy.digest),
        remarks=told.standing.remarks,
        wrong=bool(told.standing.wrong),
    )


def problems(number: int) -> tuple[Problem, ...]:
    """Records that do not count."""
    return tuple(
        Problem(
            digest=Digest.of(f"bad {place}".encode()),
            reason=f"NOT VALID: record {Digest.of(f'bad {place}'.encode())} is signed by no listed key",
            hint="ask who pushed it; add the key to trust.yaml if it is one of yours",
        )
        for place in range(number)
    )


def hostile(text: str) -> tuple[Told, Entry]:
    """A decision all of whose texts are this one."""
    decision = next(decisions(1)).summary.decision
    found = Violation(rule=text, id=text, msg=text, at={}, severity=text, fix=text)
    waivers = tuple(
        replace(use, state="used", waiver={**use.waiver, "rule": text, "approver": text, "reason": text})
        for use in decision.waivers
    )
    image = replace(decision.image, repository=text, tags=(text,))
    of = told(replace(decision, violations=(found,), waivers=waivers, image=image), elsewhere=())
    who = dict.fromkeys(("commit", "branch", "event", "run", "actor", "credential", "credential_from"), text)
    return of, replace(in_short(of), repository=text, remarks=(text,), rules=(text,), waivers=(text,), **who)


def finding(rule: str, random: Random) -> Violation:
    """What a rule found."""
    found, said, severity = _RULES[rule]
    number = random.randrange(1000, 9999) if "CVE" in found else random.randrange(1, 9)
    return Violation(
        rule=rule, id=found.format(number), msg=said.format(number), at={}, severity=severity, fix="Fix it."
    )


def _decision(made: Decision, moment: datetime, place: int, random: Random) -> Decision:
    denied = random.random() < 0.12
    rules = random.choices(list(_RULES), weights=(8, 4, 2, 2, 1), k=random.randrange(1, 3)) if denied else ()
    found = tuple(
        finding(rule, random) for rule in dict.fromkeys(rules) for _ in range(random.randrange(1, 4))
    )
    name = random.choice(("shop/web", "shop/api", "shop/billing"))
    waivers = tuple(
        WaiverUse(
            waiver={
                "rule": rule,
                "id": of,
                "expires": f"{until}T00:00:00Z",
                "approver": who,
                "reason": why,
                "ticket": "SEC-311",
            },
            state="used" if random.random() < 0.3 else "unused",
        )
        for rule, of, until, who, why in _WAIVERS
    )
    return replace(
        made,
        verdict=Verdict.DENY if denied else Verdict.ALLOW,
        violations=found,
        observed=not denied and random.random() < 0.05,
        evaluated_at=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        waivers=waivers,
        image=ImageIdentity(
            digest=Digest.of(str(place).encode()),
            registry="registry.example",
            repository=name,
            tags=(f"2.{place % 40}.{place}",),
        ),
    )


def listed(
    items: Iterable[tuple[Told, Entry]],
    ignored: Sequence[Problem | Unread] = (),
    subject: str = "registry.example/shop",
) -> str:
    """The page of these decisions."""
    found = Overview(AT, DECISIONS)
    for each in items:
        found.add(*each)
    return draw(page_of(subject, found, ignored))


def _hostile() -> str:
    bad = [replace(each, reason=text, hint=text) for each, text in zip(problems(9), HOSTILE, strict=False)]
    return listed(map(hostile, HOSTILE), bad, "".join(HOSTILE))


def tried(number: int, *, keep: int | None = what_if_page.PUSHES, every: int = 97, seed: int = 11) -> WhatIf:
    """What another policy would do to such a history: one rule is stricter, one looser, one is new."""
    random, found = Random(seed), WhatIf(keep)
    for place, each in enumerate(decisions(number)):
        recorded = each.summary.decision
        made = replace(
            recorded, violations=tuple(item for item in recorded.violations if item.rule != "tests_passed")
        )
        if random.random() < 0.15:
            rules = random.sample(
                ["scan_severity", "branch_allowed", "licenses_allowed"], k=random.randrange(1, 3)
            )
            new = tuple(finding(rule, random) for rule in rules for _ in range(random.randrange(1, 12)))
            made = replace(made, violations=(*made.violations, *new))
        made = replace(made, verdict=Verdict.DENY if made.violations else Verdict.ALLOW)
        newer = frozenset({"provenance_builder"}) if random.random() < 0.02 else frozenset[str]()
        found.add(
            PushEffect(
                record=each.summary.digest,
                image=recorded.image,
                at=recorded.evaluated_at,
                actor=random.choice(("maria", "jonas", "renovate[bot]")),
                standing=each.standing,
                before=recorded.verdict,
                after=made.verdict,
                difference=difference(recorded, made),
                newer=newer,
            )
            if (place + 1) % every
            else NotDecided(
                record=each.summary.digest,
                image=recorded.image,
                at=recorded.evaluated_at,
                standing=each.standing,
                before=recorded.verdict,
                reason="unknown policy: not of a known version of pushpolicy: system/main/main.rego",
            )
        )
    return found


def much() -> str:
    """A page that has to leave something out."""
    return listed(history(10_000), problems(500))


def gaps(number: int) -> Report:
    """So many tags without a valid record."""
    items = list(decisions(number))
    found = tuple(
        Gap(
            kind=list(Kind)[place % len(Kind)],
            place=repository_of(each.summary.decision),
            says=f"tag {place} names an image that no valid record is about",
            tag=f"1.{place}",
            digest=each.summary.subject.digest,
            since=each.summary.moment,
        )
        for place, each in enumerate(items)
    )
    examined = Examined(
        place=Reference.parse("registry.example/shop/web"), gaps=found, tags=number, others=0, unread=3
    )
    return rendered_gaps.gaps(Looked(AT, (examined,), (), frozenset(Kind)))


# Of each what draws it.
PAGES: dict[str, Callable[[], str]] = {
    "list": lambda: listed(history(160), problems(2)),
    "what-if": lambda: draw(what_if_page.page_of("registry.example/shop", tried(900), problems(1), AT)),
    "gaps": lambda: render(gaps(60)),
    "hostile": _hostile,
    "nothing": lambda: listed(()),
}
