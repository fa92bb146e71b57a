"""Who could read the record of a push: before the first one a note says what it would show to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pushpolicy.http.parallel import beside
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.records.build import NewRecord
from pushpolicy.records.format import REPORT_TYPE
from pushpolicy.registry.interface import RepositoryClient


class Audience:
    """Whether whoever shows no credential could read a record; found out beside the push, for a note.

    Args:
        onlooker: the repository that the record goes to, with no credential. It is asked from now on.
        note: what is to be said where anybody can read it.
    """

    def __init__(self, onlooker: RepositoryClient, note: str) -> None:
        self._onlooker = onlooker
        self._note = note
        self._found = beside(partial(_reads, onlooker))

    def note(self) -> str | None:
        """The note, where anybody can read the repository; waits for its answer."""
        return self._note if self._found() else None

    def look_again(self, record: Digest) -> None:
        """Ask for the record itself, which is there now: a repository that was not is perhaps public."""
        if not self._found():
            self._found = beside(partial(_reads, self._onlooker, record))


def _reads(onlooker: RepositoryClient, record: Digest | None = None) -> bool:
    try:
        return onlooker.is_known() if record is None else onlooker.manifest(record) is not None
    except Exception:  # noqa: BLE001 - no push is given up for a note
        return False


def shown(record: NewRecord, place: Repository) -> str:
    """What a record shows to whoever reads it, beside the decision and its policy, and how that is changed.

    Args:
        record: as it will be attached.
        place: the repository it goes to.
    """
    evidence: Mapping[str, Any] = record.evidence.value
    kept = sum(layer.media_type == REPORT_TYPE for layer in record.artifact.manifest.layers)
    ci, source, reports = evidence["ci"], evidence["source"], len(evidence["reports"])
    who = {"actor": ci.get("actor"), "branch": ci.get("branch") or source.get("branch")}
    said = [
        "evidence and policy",
        *(f"{name} {printable(value, 60)}" for name, value in who.items() if value),
    ]
    if reports:
        said.append(f"the paths of {reports} reports" + (f", {kept} of which it holds" if kept else ""))
    fewer = "`raw: digest` in trust.yaml leaves reports out, " if kept else ""
    return (
        f"{printable(str(place), 200)} can be read without a credential, and so can the record, which shows: "
        f"{', '.join(said)}; {fewer}--records keeps it elsewhere"
    )
