"""SBOMs together: the evidence of kind ``sbom``, each bound to the image as a scan is, or openly not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pushpolicy.gather import expected
from pushpolicy.gather.binding import bind, scanned_image
from pushpolicy.gather.image import Statements
from pushpolicy.gather.names import Reports
from pushpolicy.gather.vouch import Vouch, Witnesses
from pushpolicy.model.evidence import (
    Component,
    ImageEvidence,
    Sbom,
    SbomComponent,
    SbomContent,
    SbomEvidence,
    content,
)
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import SbomFacts
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.sbom.components import over


def evidence(
    reports: Reports, statements: Statements, image: ImageEvidence, limits: Limits, witnesses: Witnesses
) -> SbomEvidence:
    """All SBOMs: those of files, those that lie in the image's own index, or are attached to it."""
    read = list(_read(reports, statements, witnesses))
    items = tuple(_sbom(*each, image) for each in read)
    problems = [*reports.problems["sbom"], *statements.problems]
    status, reason = expected.status(problems, [], any_read=bool(items), kind="SBOM")
    covered = {item.platform for item in items if item.bound}
    left = tuple(p.platform for p in image.platforms if p.platform not in covered)
    named = [(item.name, facts) for item, (*_, facts) in zip(items, read, strict=True)]
    not_listed = _not_listed(named, limits)
    return SbomEvidence(
        status=status,
        reason=reason,
        items=items,
        components=None if not_listed or not items else tuple(_components(named)),
        not_listed=not_listed,
        not_covered=left,
    )


def _read(
    reports: Reports, statements: Statements, witnesses: Witnesses
) -> Iterator[tuple[str, str, str, str, Vouch, SbomFacts]]:
    """Name, format, origin, SHA-256, who vouches for it, and facts of each."""
    for name, raw, facts in reports.items(SbomFacts):
        yield name, raw.format, "file", raw.digest.hex, witnesses.of_file(raw), facts
    for stated, facts in statements.of(SbomFacts):
        yield stated.name, "in-toto", stated.origin, stated.sha256, stated.vouch, facts


def _sbom(
    name: str, form: str, origin: str, sha256: str, vouch: Vouch, facts: SbomFacts, image: ImageEvidence
) -> Sbom:
    binding = bind(facts.identity, image)
    return Sbom(
        name=name,
        format=form,
        origin=origin,
        sha256=sha256,
        bound=binding is not None,
        bound_by=binding.by if binding else None,
        platform=binding.platform if binding else None,
        image=scanned_image(facts.identity),
        **content(facts, SbomContent),
        **vouch.fields(),
    )


def _not_listed(read: Iterable[tuple[str, SbomFacts]], limits: Limits) -> str | None:
    """Why the components are not told: a part of them would pass for the whole."""
    reason = next(
        (f"{printable(name)}: {facts.not_listed}" for name, facts in read if facts.not_listed), None
    )
    together = sum(len(facts.listed) for _, facts in read)
    return reason or (f"together {over(limits)}" if together > limits.max_components else None)


def _components(read: Iterable[tuple[str, SbomFacts]]) -> Iterator[SbomComponent]:
    for name, facts in read:
        yield from (SbomComponent(sbom=name, **content(each, Component)) for each in facts.listed)
