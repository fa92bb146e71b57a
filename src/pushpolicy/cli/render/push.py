"""What `push` and `check` report: each image's decision, where it is published, or what a denial advises."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.decision import decision_lines
from pushpolicy.evaluate.authority import part_of_pack
from pushpolicy.model.decision import Decision, RuleStatus, Violation
from pushpolicy.model.document import Document, plain
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable, quoted
from pushpolicy.pipeline import Outcome
from pushpolicy.registry.move import Guarantee

WAIVERS_OFFERED = 5
ALL_SCHEMA = "pushpolicy.push-all/v1"
_GUARANTEES = {
    Guarantee.ATOMIC: "atomic: the tags were compared with what was judged, and moved in one step",
    Guarantee.CONDITIONAL: "conditional: the registry moves no tag that somebody else moved meanwhile",
    Guarantee.READ_THEN_WRITE: "read-then-write: each tag was read just before; this registry compares none",
}


class Advice(NamedTuple):
    """What can be done after a denial.

    Attributes:
        kept: the file with the evidence.
        reproduce: the command that decides on it again.
        unwaivable: the rules that no waiver is for.
    """

    kept: Path
    reproduce: str
    unwaivable: Container[str]


def admitted(outcomes: Sequence[Outcome], advice: Sequence[Advice | None]) -> Report:
    """What became of the images; of each the advice, where it is denied."""
    return Report(
        Kind.DECISION,
        lambda: _lines(outcomes, advice),
        lambda: _document(outcomes),
        tuple(outcome.decision for outcome in outcomes),
    )


def _lines(outcomes: Sequence[Outcome], advice: Sequence[Advice | None]) -> Iterator[str]:
    for number, (outcome, given) in enumerate(zip(outcomes, advice, strict=True)):
        if number:
            yield ""
        yield from decision_lines(outcome.decision, evidence=outcome.evidence)
        yield from (f"{'note:':<15} {printable(note, 400)}" for note in outcome.notes)
        if outcome.published:
            published = outcome.published
            where, tags = printable(str(published.target.repository)), ", ".join(published.target.tags)
            yield ""
            yield f"{'published:':<15} {published.digest} as {tags} in {where}"
            apart = printable(str(published.records)) if published.records else ""
            yield f"{'record:':<15} {published.record.digest}{apart and f' in {apart}'}"
            yield f"{'signed:':<15} {_signed(outcome)}"
            yield f"{'guarantee:':<15} {_GUARANTEES[published.guarantee]}"
            shown = f"pushpolicy audit show {printable(str(published.target))}"
            yield f"{'look again:':<15} {shown}{apart and f' --records {apart}'}"
        if denial := outcome.denial:
            kept_in, image = printable(str(denial.repository)), outcome.decision.image
            about = f"{Repository(registry=image.registry, path=image.repository)}@{denial.record.digest}"
            yield ""
            yield f"{'denial:':<15} {denial.record.digest} in {kept_in}"
            yield f"{'signed:':<15} {_signed(outcome)}"
            yield f"{'look again:':<15} pushpolicy audit show {printable(about)} --records {kept_in}"
        if given:
            yield from _advice(outcome.decision, given)
    denied = sum(not outcome.decision.allowed for outcome in outcomes)
    if len(outcomes) > 1 and denied:
        yield ""
        yield f"nothing was pushed: {denied} of {len(outcomes)} are denied"


def _signed(outcome: Outcome) -> str:
    """Who signed the decision, and what others take that for."""
    signature = outcome.signature
    if signature is None:
        return "no; --key FILE signs it, so that nobody else can write such a record"
    by = f"by {printable(signature.name or 'the key')} ({signature.key[:16]})"
    if signature.approval:
        also = f"; also as {', '.join(signature.forms)}" if signature.forms else ""
        return f"{by}, as a verification summary: cosign and Kyverno verify it{also}"
    return f"{by}, as a decision that no other tool takes for an approval"


def _advice(decision: Decision, given: Advice) -> Iterator[str]:
    """The last lines after a DENY: the evidence that was kept, how to reproduce, what could be waived."""
    yield ""
    yield f"kept:      {printable(str(given.kept))}"
    yield f"reproduce: {printable(given.reproduce, 1000)}"
    if unwaivable := sorted({item.rule for item in decision.violations if item.rule in given.unwaivable}):
        yield f"no waiver helps: nobody can waive {', '.join(unwaivable)}"
        return
    if all(rule.status is RuleStatus.NOT_APPLICABLE for rule in decision.rules):
        yield "no waiver helps: no rule judged the image"
        return
    waivable = decision.violations
    packs = [each for each in decision.policy.source.split(", ") if part_of_pack(each) is not None]
    folder = " ".join(f"--policy {each}" for each in (*packs, "DIR"))
    yield f"a waiver could be asked for, in waivers.yaml of a folder that the pipeline names ({folder}):"
    yield from (f"  - {_waiver(item)}" for item in waivable[:WAIVERS_OFFERED])
    if len(waivable) > WAIVERS_OFFERED:
        yield f"  ... and {len(waivable) - WAIVERS_OFFERED} more"
    if theirs := sorted({item.rule for item in waivable if item.evidence is None}):
        options = " ".join(f"--repo-may {rule}=waive" for rule in theirs)
        yield f"or in the committed pushpolicy.yaml, where the pipeline allows it: {options}"


def _waiver(item: Violation) -> str:
    """The waiver of exactly this finding, as YAML; who grants it fills in the rest."""
    key = "id" if item.evidence is None else "evidence"
    return (
        f"{{rule: {item.rule}, {key}: {quoted(item.id)}, reason: ..., approver: ...,"
        " expires: YYYY-MM-DDThh:mm:ssZ}"
    )


def _document(outcomes: Sequence[Outcome]) -> Document:
    """One image's document as it is; those of several in one that names them all."""
    documents = [_with_place(outcome) for outcome in outcomes]
    if len(documents) == 1:
        return documents[0]
    return Document.of({"schema": ALL_SCHEMA, "images": [each.value for each in documents]})


def _with_place(outcome: Outcome) -> Document:
    """The decision document; of a push, with where the image is published now."""
    decision = outcome.decision.document()
    added: dict[str, Any] = {"notes": list(outcome.notes)} if outcome.notes else {}
    if denial := outcome.denial:
        kept = {"record": denial.record.digest, "records": str(denial.repository), "tag": denial.tag}
        added["denial"] = plain({**kept, **({"signature": outcome.signature} if outcome.signature else {})})
    if published := outcome.published:
        where = {
            "digest": published.digest,
            "tags": published.target.tags,
            "record": published.record.digest,
            "guarantee": published.guarantee,
            **({"together": published.together} if published.together else {}),
            **({"records": str(published.records)} if published.records else {}),
            **({"signature": outcome.signature} if outcome.signature else {}),
        }
        added["published"] = plain(where)
    return Document.of({**decision.value, **added}) if added else decision
