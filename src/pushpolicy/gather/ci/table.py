"""What the table of a CI system is made of: its fields, the sources of each, and how a source is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from pushpolicy.gather.ci.event_file import Payload
from pushpolicy.gather.ci.readings import Reading, plain


class Condition(msgspec.Struct, frozen=True):
    """What a variable has to be for a source to speak.

    Attributes:
        values: those that fit; none at all fits whatever is set.
        is_met_by_others: it fits where the variable is none of those, or not set.
    """

    variable: str
    values: tuple[str, ...] = ()
    is_met_by_others: bool = False

    def holds(self, environ: Mapping[str, str]) -> bool:
        """Whether it is so."""
        said = environ.get(self.variable, "")
        fits = said in self.values if self.values else bool(said)
        return fits != self.is_met_by_others

    def __str__(self) -> str:
        of = f" is {' or '.join(self.values)}" if self.values else " is set"
        return f"`{self.variable}`{of.replace(' is ', ' is not ') if self.is_met_by_others else of}"


def where(variable: str, *values: str) -> Condition:
    """That a variable has one of these values, or any."""
    return Condition(variable, values)


def unless(variable: str, *values: str) -> Condition:
    """That a variable has none of these values, or none."""
    return Condition(variable, values, is_met_by_others=True)


class Source(msgspec.Struct, frozen=True):
    """One place that tells a field.

    Attributes:
        name: of a variable, or the path of a value in the payload.
        reading: what is made of the text that stands there.
        when: what has to hold for it to be a source of this field.
        in_payload: whether the name is a path in the payload.
    """

    name: str
    reading: Reading = plain
    when: tuple[Condition, ...] = ()
    in_payload: bool = False


def variable(name: str, reading: Reading = plain, *when: Condition) -> Source:
    """A variable as a source."""
    return Source(name, reading, when)


def payload(path: str, reading: Reading = plain, *when: Condition) -> Source:
    """A value of the payload, by the names of the objects that it is in, as a source."""
    return Source(path, reading, when, in_payload=True)


class System(msgspec.Struct, frozen=True, kw_only=True):
    """One CI system. Sources of one field are compared: those that speak have to say the same.

    Attributes:
        title: how people call it.
        document: where its vendor says what is in the table.
        marks: what holds in each of its jobs, and in no others.
        fields: by the path in the evidence (`ci.`), and some that only serve others (`reading.py`).
        events: what an event of its own is called in evidence; others are `other`.
        quiet: what a run is that belongs to no pull request, where no event is told: the system does not
            say what caused a run.
        untrusted: events that anybody can cause, and that run with the repository's own secrets.
        event_file: the variable that names the payload.
        read_payload: reads it.
        payload_name: how people call it.
        shapes: what in a payload tells of which events it can be one.
        needs: what the payload of an event has to hold, since nothing else tells it.
        claims: by the same paths, what an identity token says, whose claims take the place of variables.
        kept: further claims that are kept, which no field has.
        configuration: the claims of the file that defines the job, as PATH@REF, and of its commit.
        run_url: of a run, with variables in braces; None where a variable of its own says it.
        hosts: where its vendor shows runs; a report about past decisions links to no other host.
        advice: what its users have to do for the fields to be there, for docs/ci.md.
    """

    name: str
    title: str
    document: str
    marks: tuple[Condition, ...]
    fields: Mapping[str, tuple[Source, ...]]
    events: Mapping[str, str] = {}
    quiet: str = "other"
    untrusted: frozenset[str] = frozenset()
    event_file: str | None = None
    read_payload: Callable[[str | None, Mapping[str, str]], Payload] = Payload.read
    payload_name: str = "event file"
    shapes: Mapping[str, tuple[str, ...]] = {}
    needs: Mapping[str, str] = {}
    claims: Mapping[str, tuple[Source, ...]] = {}
    kept: tuple[str, ...] = ()
    configuration: tuple[str, str] | None = None
    run_url: str | None = None
    hosts: tuple[str, ...] = ()
    advice: str = ""

    def is_here(self, environ: Mapping[str, str]) -> bool:
        """Whether the environment is that of one of its jobs."""
        return all(mark.holds(environ) for mark in self.marks)
