"""Pipelines and docker configurations of the corpus: each credential that is written down, and no other."""

from __future__ import annotations

from pushpolicy.gather.pipeline import LITERALS, hits
from pushpolicy.gather.pipeline.places import Kind, kind_of
from tests.corpus.test_corpus import CORPUS, entries


def test_every_fact_of_the_workflows_is_reproduced() -> None:
    for entry in entries("workflows"):
        facts, text = entry["facts"], (CORPUS / entry["file"]).read_text()
        # A fixture lies in a folder of its own; in use it would be a workflow.
        kind = kind_of(entry["origin"]["path"]) or Kind.GITHUB
        found = set(hits(kind, text))
        literals = sorted({hit.line for hit in found if hit.rule in LITERALS})
        visible = sorted({hit.line for hit in found if hit.rule == "secret-on-command-line"})
        print(f"{entry['file']:<52} {kind:<8} written down {literals}, on a command line {visible}")
        assert literals == facts["hardcoded_lines"], entry["file"]
        assert len(literals) == facts["hardcoded_registry_credentials"], entry["file"]
        assert visible == facts["secret_passed_on_command_line_lines"], entry["file"]


def test_every_fact_of_the_docker_configurations_is_reproduced() -> None:
    for entry in entries("docker-config"):
        text = (CORPUS / entry["file"]).read_text()
        found = list(hits(Kind.DOCKER_CONFIG, text))
        stated = entry["facts"].get("registries_with_inline_secret", 0)
        assert [hit.rule for hit in found] == ["docker-auth"] * stated, entry["file"]
        names = [name for name, held in entry["facts"].get("registries", {}).items() if "decodes" in held]
        lines = text.split("\n")
        assert all(f'"{name}"' in lines[hit.line - 1] for name, hit in zip(names, found, strict=True))
