"""The images of sources, held against what is looked for: one row each, once all is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.impact.images import (
    Affected,
    Asked,
    Finding,
    First,
    Have,
    Impact,
    TagNow,
    treatment,
)
from pushpolicy.audit.impact.listed import Flaw, Package, Product, flaws, looked_at, package_of, packages
from pushpolicy.audit.impact.names import OneFlaw
from pushpolicy.audit.sources import Source
from pushpolicy.audit.tags import Tags
from pushpolicy.audit.walk import Opened
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository

# What is told of one image, and is enough to act on.
_MOST = 20


class _Found(msgspec.Struct, kw_only=True):
    """What of one kind the newest record has, at `newest`; and since when any has it, by which record."""

    newest: datetime
    since: datetime
    record: Digest
    found: tuple[Finding, ...]

    def joined(self, other: _Found) -> _Found:
        """What both say of one image."""
        newest = max(self, other, key=lambda each: each.newest)
        oldest = min(self, other, key=lambda each: each.since)
        return replace(newest, since=oldest.since, record=oldest.record)


class _Allowed(NamedTuple):
    """The newest approval, and how what is looked for came past it."""

    moment: datetime
    record: Digest
    treated: tuple[str, ...]


class _Image(msgspec.Struct, kw_only=True):
    """What its records say of one image."""

    place: Repository
    digest: Digest
    found: dict[Have, _Found] = {}
    tags: set[str] = set()
    allowed: _Allowed | None = None
    looked_at: datetime | None = None


class Looking:
    """Takes one source after the other, and keeps what has it.

    Args:
        asked: what is looked for.
        flaw: its names.
        products: the packages that have it somewhere.
        first: when it was first known.
    """

    def __init__(
        self, asked: Asked, flaw: OneFlaw, products: frozenset[Product], first: First | None
    ) -> None:
        self._asked, self._flaw, self._products, self._first = asked, flaw, products, first
        self._mended = set[tuple[Product, str]]()
        self._having = list[tuple[_Image, tuple[TagNow, ...]]]()
        self._as_of: datetime | None = None

    def take(self, source: Source, allowance: Allowance) -> None:
        """Read a source.

        Raises:
            RecordError, InputError: when it cannot be read any more.
        """
        tags, records = source.tagged(allowance)
        images = dict[Digest, _Image]()
        for found in records:
            if isinstance(found, Opened):
                digest = found.summary.subject.digest
                image = images.setdefault(digest, _Image(place=source.place.repository, digest=digest))
                self._look(found, image)
        if tags.as_of:
            self._as_of = min(self._as_of or tags.as_of, tags.as_of)
        for image in images.values():
            if image.found:
                self._having.append((image, tuple(_tags_now(source.place, tags, image))))

    def _look(self, found: Opened, image: _Image) -> None:
        record, summary = found.record, found.summary
        evidence, decision = record.evidence, record.decision
        listed = [flaw for flaw in flaws(evidence) if self._flaw.is_among(flaw.names)]
        has: dict[Have, list[Finding]] = {
            Have.LISTED: [_of_flaw(flaw) for flaw in listed],
            Have.PACKAGE: [],
            Have.POSSIBLY: [],
        }
        for flaw in listed:
            self._note_mended(flaw)
        for by, package in packages(evidence):
            if any(map(package.fits, self._asked.globs)):
                has[Have.PACKAGE].append(_of_package(package, by))
            if not self._products.isdisjoint(package.products):
                has[Have.POSSIBLY].append(_of_package(package, by))
        for kind, what in has.items():
            if what:
                at, told = summary.moment, tuple(dict.fromkeys(what))
                new = _Found(newest=at, since=at, record=summary.digest, found=told)
                image.found[kind] = new.joined(image.found.get(kind, new))
        if last := looked_at(evidence):
            image.looked_at = max(last, image.looked_at or last)
        if decision.allowed:
            image.tags.update(decision.image.tags)
            if image.allowed is None or image.allowed.moment <= summary.moment:
                treated = tuple(dict.fromkeys(treatment(decision, flaw) for flaw in listed))
                image.allowed = _Allowed(summary.moment, summary.digest, treated)

    def _note_mended(self, flaw: Flaw) -> None:
        """The versions that a scan says have it no more."""
        package = package_of(flaw.value)
        versions = str(flaw.value.get("fixed_in", "")).replace("|", ",").split(",")
        for product in package.products if package else ():
            self._mended.update((product, version.strip()) for version in versions)

    def impact(self, records: int, places: int) -> Impact:
        """What came out; it was read from so many records in so many places."""
        affected, denied = list[Affected](), 0
        first = self._first
        for image, tags in self._having:
            found = self._surest(image)
            if found is None:
                continue
            kind, what = found
            if kind is Have.PACKAGE and not self._asked.ids:
                first = min(first or _first(image, what), _first(image, what), key=First.age)
            if image.allowed is None:
                denied += 1
                continue
            affected.append(
                Affected(
                    place=image.place,
                    digest=image.digest,
                    have=kind,
                    tags=tags,
                    found=what.found[:_MOST],
                    known=what.since,
                    allowed=image.allowed.moment,
                    record=image.allowed.record,
                    treated=image.allowed.treated,
                    looked_at=image.looked_at,
                )
            )
        return Impact(
            names=tuple(sorted(self._flaw.names)),
            images=tuple(sorted(affected, key=_rank)),
            first=first,
            denied=denied,
            records=records,
            places=places,
            as_of=self._as_of,
        )

    def _surest(self, image: _Image) -> tuple[Have, _Found] | None:
        for kind in (Have.LISTED, Have.PACKAGE):
            if kind in image.found:
                return kind, image.found[kind]
        possibly, first = image.found[Have.POSSIBLY], self._first
        if first is None or (image.looked_at and image.looked_at >= first.moment):
            return None
        left = tuple(each for each in possibly.found if not self._is_mended(each))
        if not left:
            return None
        return Have.POSSIBLY, replace(possibly, found=left)

    def _is_mended(self, found: Finding) -> bool:
        package = Package(found.package or "", found.version, found.purl)
        return any((product, package.version) in self._mended for product in package.products)


def _of_flaw(flaw: Flaw) -> Finding:
    value, package = flaw.value, package_of(flaw.value)
    return Finding(
        id=value["id"],
        severity=value["severity"],
        package=package.name if package else value.get("location"),
        version=package.version if package else None,
        purl=package.purl if package else None,
        fixed_in=value.get("fixed_in"),
        by=flaw.scan,
    )


def _of_package(package: Package, by: str) -> Finding:
    return Finding(package=package.name, version=package.version, purl=package.purl, by=by)


def _first(image: _Image, found: _Found) -> First:
    return First(found.since, found.record, image.place)


def _tags_now(place: Reference, tags: Tags, image: _Image) -> Iterator[TagNow]:
    """The tags that it was allowed for, and those that name it now."""
    named = {str(each.tag): each for each in tags.named}
    own = {tag for tag, each in named.items() if each.digest == image.digest}
    is_all = place.tag is None and place.digest is None
    for tag in sorted(image.tags | own):
        found = named.get(tag)
        known = found.problem is None if found else is_all
        yield TagNow(tag=tag, names=found.digest if found else None, known=known)


def _rank(image: Affected) -> tuple[bool, int, str, datetime, str]:
    order = list(Have).index(image.have)
    return not image.is_named, order, str(image.place), image.allowed, str(image.digest)
