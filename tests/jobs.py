"""A job that gathers, decides and pushes with the real engine, for tests of the whole way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pushpolicy import gather
from pushpolicy.audit.history import find_record
from pushpolicy.audit.shelf import Shelf
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PolicySet, load_policy
from pushpolicy.model.reference import Reference, Target
from pushpolicy.pipeline import PushRequest
from pushpolicy.records.read import Record
from pushpolicy.registry import Access, open_repository
from tests.layouts import LayoutMaker
from tests.policies import rule, write_policy

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)
GOOD = '<testsuite name="unit" tests="1"><testcase classname="a" name="b" time="0.1"/></testsuite>'
BAD = GOOD.replace("/></testsuite>", "><failure>no</failure></testcase></testsuite>")
PASSED = 'deny contains {"at": {"id": "tests"}, "msg": "a test failed"} if input.tests.totals.failed > 0'
STRICT = 'deny contains {"at": {"id": "few"}, "msg": "too few tests"} if input.tests.totals.total < 10'
RULES = {"passed": rule("passed", PASSED)}
STRICT_RULES = {"few": rule("few", STRICT)}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that has an image and a test report, and wants to push."""

    folder: Path
    engine: LocalOpa

    def request(self, report: str, target: Target, **changes: Any) -> PushRequest:
        """A push of the job's image, judged by its test report; `changes` are fields of the request."""
        (self.folder / "work/reports").mkdir(parents=True, exist_ok=True)
        (self.folder / "work/reports/junit.xml").write_text(report)
        image = self.folder / "image"
        if not image.exists():
            maker = LayoutMaker(image)
            maker.add(maker.image(), name="1.0")
        job = gather.Job(
            workspace=self.folder / "work",
            environ=changes.pop("environ", {}),
            credential=None,
            evaluated_at=changes.pop("evaluated_at", AT),
        )
        request = PushRequest(
            job=job,
            image=f"oci:{image}",
            target=target,
            client=open_repository(target.repository, Access()),
            policy=self.policy(RULES),
            engine=self.engine,
        )
        return replace(request, **changes)

    def policy(self, rules: dict[str, str]) -> PolicySet:
        """A policy of these rules only."""
        folder = self.folder / "-".join(sorted(rules))
        return load_policy([write_policy(folder, rules)], self.engine)

    def record(self, request: PushRequest) -> Record:
        """The newest record of the tag."""
        return find_record(
            Shelf.of(request.client), Reference(repository=request.target.repository, tag="1.0")
        )
