"""Write the records of this version anew: `python -m tests.records`."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from datetime import timedelta
from pathlib import Path
from typing import Any

from pushpolicy import __version__
from pushpolicy.engines import find_engine
from pushpolicy.evaluate import load_policy
from pushpolicy.model.reference import Repository, Target
from pushpolicy.pipeline import admit
from pushpolicy.registry import Access, open_repository
from tests.jobs import AT, BAD, GOOD, RULES, Job
from tests.keys import entry, key
from tests.layouts import LayoutMaker
from tests.policies import write_policy
from tests.records import DENIALS, FOLDER, LAYOUT

_OBSERVE = 'observe: {until: "2026-12-01T00:00:00Z", reason: trying}\n'


def main() -> None:
    with tempfile.TemporaryDirectory() as name, chdir(name):
        made = Path(__version__)
        made.mkdir()
        (made / "trust.yaml").write_text(json.dumps({"keys": {"release": entry()}}, indent=1) + "\n")
        job = Job(folder=Path(name), engine=find_engine())
        for tag, report, changes in _pushes(job, made / "trust.yaml"):
            _write_image(job.folder / "image", tag)
            outcome = admit(job.request(report, Target.parse(f"oci:{made / LAYOUT}:{tag}"), **changes))
            assert outcome.published or outcome.denial, tag
        shutil.rmtree(FOLDER / made, ignore_errors=True)
        shutil.copytree(made, FOLDER / made, ignore=shutil.ignore_patterns(".pushpolicy-lock"))
    sys.stdout.write(f"{FOLDER / made}\n")


def _write_image(folder: Path, tag: str) -> None:
    """One for each tag, so that each has records of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    maker = LayoutMaker(folder)
    maker.add(maker.image(content=tag.encode()), name="1.0")


def _pushes(job: Job, trust: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The tag, the report and what else is asked for, of each."""
    pack = load_policy(["pack:tests_passed"], job.engine, trust=str(trust))
    yield "signed", GOOD, {"policy": pack, "signer": key}
    yield "signed", GOOD, {"policy": pack, "signer": key, "evaluated_at": AT + timedelta(hours=1)}
    yield "unsigned", GOOD, {}
    folder = write_policy(job.folder / "observed", RULES, enforcement=_OBSERVE)
    denials = open_repository(Repository.parse(f"oci:{trust.parent / DENIALS}"), Access())
    yield "denied", BAD, {"policy": pack, "signer": key, "denials": denials}
    yield "observed", BAD, {"policy": load_policy([folder], job.engine), "signer": key}


if __name__ == "__main__":
    main()
