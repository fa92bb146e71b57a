"""``--watch``: the same again whenever a file that it rests on was saved."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING

import click

from pushpolicy.cli.artifacts import is_artifact
from pushpolicy.cli.config import DEFAULT, read_config
from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.report import Outputs, fail, say
from pushpolicy.errors import EXIT_INTERRUPTED, PushPolicyError
from pushpolicy.evaluate.authority import part_of_pack
from pushpolicy.model.text import first_of, printable

if TYPE_CHECKING:
    from pushpolicy.model.decision import Decision

# What tells that a file was saved: by writing it, by renaming another one to it, or by changing its rights.
State = tuple[int, ...]
# Of a policy folder nothing else is read; editors leave other files there for a moment.
_READ = frozenset({"rego", "yaml", "yml", "json"})
# Seconds between two looks, and without a change after which a burst of saves is over; and how long at most.
_PAUSE, _QUIET, _BURST = 0.25, 0.15, 2.0
# A look is followed by so many times its own processor time: half a percent, however many files there are.
_REST = 200


class Paths:
    """The files and folders that decisions on an evidence document rest on."""

    def __init__(self, evidence: str, config: str | None, policy: PolicyOptions) -> None:
        own = (
            source for source in policy.policies if part_of_pack(source) is None and not is_artifact(source)
        )
        self._config = config
        foreign = (*policy.conftest, *policy.data)
        trust = [policy.trust] if policy.trust else []
        self._named = (evidence, config or DEFAULT, *own, *foreign, *trust)
        self._configured: tuple[str, ...] = ()

    def __call__(self) -> tuple[Path, ...]:
        """Those of now; while the configuration is broken, with the policies that it named before."""
        with suppress(PushPolicyError):
            self._configured = read_config(self._config).policies
        return tuple(map(Path, (*self._named, *self._configured)))


def watch(
    decide: Callable[[Outputs], Decision],
    named: Callable[[], Sequence[Path]],
    outputs: Outputs,
) -> int:
    """Decide, and again after each change, until it is interrupted; what fails is told, and watched on.

    Args:
        decide: one round: decides and reports to what it is given.
        named: the files and folders that a round rests on, asked before each.
        outputs: where each round reports to; a file holds the report of the last one.
    """
    reports = {str(output.path.absolute()) for output in outputs.asked if output.path}
    before: Decision | None = None
    changed: Collection[str] = ()
    try:
        while True:
            paths = named()
            seen = _look(paths, reports)
            _begin(changed)
            outputs = outputs.again()
            now = _round(decide, outputs)
            say(click.style(_end(before, now), bold=True))
            before = now or before
            changed = _changed(seen, _wait(paths, reports, seen))
    except KeyboardInterrupt:
        say("")
        return EXIT_INTERRUPTED


def _round(decide: Callable[[Outputs], Decision], outputs: Outputs) -> Decision | None:
    try:
        return decide(outputs)
    except PushPolicyError as error:
        fail(outputs, error)
        return None


def _begin(changed: Collection[str]) -> None:
    here = f"{Path.cwd()}/"
    files = first_of([printable(path.removeprefix(here)) for path in changed], 3)
    title = f"-- {time.strftime('%H:%M:%S')}{f'  changed: {files}' if files else ''} "
    say(click.style(f"\n{title:-<79}" if changed else f"{title:-<79}", fg="cyan"))


def _end(before: Decision | None, now: Decision | None) -> str:
    """The verdict of a round, and which rules it violates that the last decision did not."""
    waits = "waiting for a change (Ctrl-C ends)"
    if now is None:
        return f"-- no decision; {waits}"
    return "; ".join([f"-- {now.verdict}", *(_differences(before, now) if before else ()), waits])


def _differences(before: Decision, now: Decision) -> Iterator[str]:
    old, new = _found(before), _found(now)
    came, went = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    if came:
        yield f"newly violated: {', '.join(came)}"
    if went:
        yield f"no longer: {', '.join(went)}"
    for name in sorted(old.keys() & new.keys()):
        for word, ids in (("new in", new[name] - old[name]), ("gone from", old[name] - new[name])):
            if ids:
                yield f"{word} {name}: {first_of([printable(each, 60) for each in sorted(ids)], 3)}"
    if not came and not went and new == old:
        yield "the same findings" if new else "still no findings"


def _found(decision: Decision) -> dict[str, set[str]]:
    """The ids of what each rule denies."""
    found: dict[str, set[str]] = {}
    for each in decision.violations:
        found.setdefault(printable(each.rule), set()).add(each.id)
    return found


def _changed(before: Mapping[str, State], now: Mapping[str, State]) -> list[str]:
    return sorted({path for path, _ in before.items() ^ now.items()})


def _wait(
    paths: Sequence[Path], ignored: Collection[str], before: Mapping[str, State]
) -> Mapping[str, State]:
    """What is there after the next change, once a burst of saves is over."""
    while True:
        start = time.thread_time()
        now = _look(paths, ignored)
        if now != before:
            break
        time.sleep(max(_PAUSE, _REST * (time.thread_time() - start)))
    end = time.monotonic() + _BURST
    while time.monotonic() < end:
        time.sleep(_QUIET)
        later = _look(paths, ignored)
        if later == now:
            break
        now = later
    return now


def _look(paths: Iterable[Path], ignored: Collection[str]) -> dict[str, State]:
    """The files at these paths, and below those that are folders; what is absent is not in it."""
    found: dict[str, State] = {}
    for path in paths:
        try:
            status = path.stat()
        except (OSError, ValueError):
            continue
        if S_ISDIR(status.st_mode):
            _look_below(str(path.absolute()), found)
        else:
            found[str(path.absolute())] = _state(status)
    return {path: state for path, state in found.items() if path not in ignored}


def _look_below(folder: str, found: dict[str, State]) -> None:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                _look_below(entry.path, found)
            elif entry.name.rpartition(".")[2].lower() in _READ:
                found[entry.path] = _state(entry.stat())
        except OSError:
            continue  # it went away, or is a link to nothing


def _state(status: os.stat_result) -> State:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
