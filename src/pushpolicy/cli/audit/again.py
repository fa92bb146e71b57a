"""What ``pushpolicy audit replay`` does without another policy: decide again, and go on where it was."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pushpolicy import __version__, errors
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Replayed, replays
from pushpolicy.audit.walk import Opened
from pushpolicy.cli.audit.options import Decided
from pushpolicy.cli.progress import telling
from pushpolicy.cli.render.audit import replay as render
from pushpolicy.cli.report import Outputs, say
from pushpolicy.evaluate.sources import read_file
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import plain
from pushpolicy.records.read import Summary

if TYPE_CHECKING:
    from pushpolicy.audit.resumed import Results
    from pushpolicy.engines import LocalOpa
    from pushpolicy.evaluate.batches import Answering
    from pushpolicy.reports.limits import Limits

Told = tuple[Opened, Replay]
_CODES: dict[type, int] = {NotReplayable: errors.EXIT_RECORD, Differs: errors.EXIT_DIFFERS}


class Deciding:
    """Decides about each record again, and counts what comes out.

    Args:
        history: the records.
        opa: evaluates.
        kept: what is known of an earlier run; it keeps what is found out.
        answers: what evaluates in the place of `opa`.
        raw: bounds on raw reports, where the evidence is made of them again.
    """

    def __init__(
        self,
        history: Decided,
        opa: LocalOpa,
        kept: Results | None,
        answers: Answering | None,
        raw: Limits | None = None,
    ) -> None:
        self._history, self._opa, self._kept = history, opa, kept
        self._answers, self._raw = answers, raw
        # Of records that are being decided: what came of their raw reports, or why nothing did.
        self._said: dict[Digest, str] = {}
        self._refused: dict[Digest, str] = {}
        self._counts = Counter[str]()
        self._code = errors.EXIT_OK
        self._ended = False

    def report(self, outputs: Outputs, subject: str, at: datetime) -> int:
        """Tell it, as it comes where one format is asked for that can be read so; returns the exit code."""
        seen = outputs.streams and outputs.asked[0].path is None and sys.stdout.isatty()
        with telling(quiet=seen) as tell:
            told = self._told(tell)
            if not outputs.streams:
                told = iter(sorted(told, key=_newest_first, reverse=True))
            pairs = ((result, each.standing) for each, result in told)
            found = pairs if outputs.streams else list(pairs)
            code = outputs.write(render.replays(found, self._history.ignored, subject, at), lambda: self.code)
        if sum(self._counts.values()) > 1:
            say(self._summary())
        return code

    @property
    def code(self) -> int:
        """The exit code for all that was read; no success where whoever reads it went away before."""
        unfinished = errors.EXIT_OK if self._ended else errors.EXIT_INTERRUPTED
        return max(self._history.code, self._code) or unfinished

    def _told(self, tell: Callable[[str], None]) -> Iterator[Told]:
        records = self._history.each() if self._raw is None else self._renewed(self._raw)
        for opened, result in replays(records, self._opa, self._known, self._answers):
            if self._kept is not None:
                self._kept.keep(result)
            if (said := self._said.pop(opened.summary.digest, None)) and isinstance(result, Replayed):
                result = replace(result, raw=said)
            self._counts[render.name_of(result)] += 1
            self._code = max(self._code, _CODES.get(type(result), errors.EXIT_OK))
            tell(self._summary())
            yield opened, result
        self._ended = True

    def _known(self, summary: Summary) -> Replay | None:
        if reason := self._refused.pop(summary.digest, None):
            return NotReplayable(summary=summary, reason=reason)
        return self._kept.of(summary) if self._kept is not None else None

    def _renewed(self, limits: Limits) -> Iterator[Opened]:
        """The records, each with the evidence that comes of its raw reports."""
        from pushpolicy.audit.raw import NotPossibleError, renewed

        for opened in self._history.each():
            digest = opened.summary.digest
            try:
                found = renewed(opened, limits)
            except NotPossibleError as error:
                self._refused[digest] = f"its evidence cannot be made again: {error}"
                yield opened
                continue
            self._said[digest] = found.says
            yield replace(opened, record=replace(opened.record, evidence=found.evidence))

    def _summary(self) -> str:
        said = ", ".join(f"{number} {name}" for name, number in self._counts.most_common())
        return f"{sum(self._counts.values())} decided again: {said}"


@contextmanager
def kept_in(
    path: str | None, opa: LocalOpa, asked: dict[str, Any], trust: str | None
) -> Iterator[Results | None]:
    """What is known of the same run that was interrupted, by the file of ``--resume``; None without one.

    Args:
        path: of the file.
        opa: evaluates, which a result depends on.
        asked: what else says which records there are and what becomes of them.
        trust: the file of ``--trust``.

    Raises:
        UsageError: when the file is that of another run, or no such file.
        InputError: when it cannot be read or written.
    """
    if path is None:
        yield None
        return
    from pushpolicy.audit.resumed import results

    engine, version = opa.identity(), {"version": __version__}
    signed = {"trust": Digest.of(read_file(Path(trust)).content)} if trust else {}
    run = Digest.of(canonical.encode(plain({**asked, **signed, **version, "engine": engine})))
    with results(Path(path), run, engine) as found:
        if found.count:
            say(f"--resume: {found.count} were decided again already")
        try:
            yield found
        except KeyboardInterrupt:
            say(f"{found.count} results are in {path}: the same command goes on from there")
            raise


def _newest_first(told: Told) -> tuple[datetime, str]:
    summary = told[0].summary
    return summary.moment, str(summary.digest)
