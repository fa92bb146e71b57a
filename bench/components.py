"""What the components of an SBOM cost: reading them, and a document with them, beside only counting them.

Both sides are whole processes that read one CycloneDX file, write the evidence of kind sbom into a document
and check that against the schema. Prints Markdown for docs/benchmarks.md.

    python -m bench.components [ROUNDS]
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import reports
from bench.measure import Command, interleave, row
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import ImageEvidence, PlatformEvidence
from pushpolicy.model.reference import Repository

COMPONENTS = 20_000
GOAL_SECONDS, GOAL_MIB = 0.3, 60
_DIGEST = Digest("sha256", "0" * 64)
_IMAGE = ImageEvidence(
    digest=_DIGEST,
    media_type="application/vnd.oci.image.manifest.v1+json",
    size=1,
    source="oci:image",
    annotations={},
    platforms=(
        PlatformEvidence(
            platform="linux/amd64", digest=_DIGEST, config_digest=_DIGEST, diff_ids=(_DIGEST,), labels={}
        ),
    ),
    bound_to_commit="none",
)


def main() -> None:
    if sys.argv[1:2] == ["--read"]:
        return gathered(Path(sys.argv[2]), int(sys.argv[3]))
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as name:
        path = reports.CYCLONEDX.write(Path(name), items=COMPONENTS)
        commands = [
            Command(
                name=called,
                argv=[sys.executable, "-m", "bench.components", "--read", str(path), str(most)],
            )
            for called, most in (("listed", COMPONENTS), ("counted", 1))
        ]
        samples = interleave(commands, rounds)
    print("| components | wall ms (range) | CPU ms | peak MiB |\n| --- | --- | --- | --- |")
    for command in commands:
        print(row(command.name, samples[command.name]))
    cpu, rss = (
        statistics.median(getattr(each, name) for each in samples["listed"])
        - statistics.median(getattr(each, name) for each in samples["counted"])
        for name in ("cpu", "rss")
    )
    goal = f"(goal: at most {GOAL_SECONDS} s and {GOAL_MIB} MiB)"
    print(f"\n{COMPONENTS} components cost {cpu:.2f} s and {rss:.0f} MiB {goal}")
    return None


def gathered(path: Path, most: int) -> None:
    """Read an SBOM as for a push, and write and check a document with what it says."""
    from pushpolicy.evaluate.json_schema import compile_schema
    from pushpolicy.evaluate.sources import policies
    from pushpolicy.gather import sbom
    from pushpolicy.gather.image import Stated, Statements
    from pushpolicy.gather.names import Reports
    from pushpolicy.gather.vouch import Witnesses
    from pushpolicy.model.document import Document, plain
    from pushpolicy.reports import reader
    from pushpolicy.reports.limits import Limits

    reader.start()
    limits = Limits(max_components=most)
    file = reader.read(path, limits)
    stated = Stated(name="image", origin="image", sha256=file.digest.hex, facts=file.facts)
    nobody = Witnesses(keys={}, repository=Repository.parse("oci:registry"), at=datetime.now(UTC))
    base = json.loads((policies() / "schema/evidence.v1.example.json").read_bytes())
    evidence = sbom.evidence(Reports(path.parent), Statements(read=(stated,)), _IMAGE, limits, nobody)
    document = Document.of(base | {"sbom": plain(evidence)})
    compile_schema(json.loads((policies() / "schema/evidence.v1.json").read_bytes()))(document.value)


if __name__ == "__main__":
    main()
