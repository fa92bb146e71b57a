"""The import direction of design section 3, and what only one place may do."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests import imports
from tests.imports import Import

# From the top to the bottom. A module imports its own part, and parts of the rows below its own.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("audit", "demo", "pipeline"),
    ("judging", "place"),
    ("proof",),
    ("admission",),
    ("gather", "evaluate", "push", "attach"),
    ("reports", "images", "records"),
    ("registry", "engines", "signing"),
    ("identity",),
    ("http",),
    ("files", "budget", "programs"),
    ("model",),
    ("errors",),
)
RANKS = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
ENTRY = "pushpolicy.__main__"
RUNS_PROGRAMS = (
    "engines.",
    "gather.checkout.",
    "gather.capture.process",
    "programs",
    "reports.process",
    "demo.shell",
)
TALKS = ("cli", "__main__")
STREAMS_AND_EXIT = {"sys.argv", "sys.exit", "sys.stderr", "sys.stdin", "sys.stdout"}
INPUT_AND_OUTPUT = {"http", "os", "requests", "shutil", "socket", "subprocess", "tempfile", "urllib"}


def _part(module: str) -> str:
    """The part of the house: "push" of "pushpolicy.push.tag"; empty for the package itself."""
    return module.removeprefix(imports.PACKAGE).lstrip(".").partition(".")[0]


def _ours(edge: Import) -> bool:
    return edge.imported.partition(".")[0] == imports.PACKAGE


def _allowed(edge: Import) -> bool:
    importer, imported = _part(edge.importer), _part(edge.imported)
    # The package itself holds the version and the public API, which import what they offer.
    if "" in (importer, imported) or importer == imported:
        return True
    return RANKS[importer] < RANKS[imported]


def _explain(edge: Import, edges: list[Import]) -> str:
    way = [*imports.chain(edges, ENTRY, edge.importer), edge]
    return "\n".join(["an import against the direction of design section 3:", *(f"  {step}" for step in way)])


def test_every_part_of_the_house_has_its_place() -> None:
    assert {_part(module) for module in imports.modules()} - {""} <= set(RANKS)


def test_imports_go_in_one_direction() -> None:
    edges = [edge for edge in imports.imports() if _ours(edge)]
    wrong = [_explain(edge, edges) for edge in edges if not _allowed(edge)]
    assert not wrong, "\n".join(wrong)


def test_reports_know_nothing_of_a_push_an_image_or_a_checkout() -> None:
    """A report file is read as facts, which need nothing but files and nouns."""
    wrong = [
        str(edge)
        for edge in imports.imports()
        if _ours(edge)
        and _part(edge.importer) == "reports"
        and _part(edge.imported) not in ("reports", "files", "model", "errors")
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_imported_is_declared() -> None:
    """pyproject.toml names every distribution that is imported, and none is left to come with another."""
    project = tomllib.loads((imports.SOURCE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {re.split(r"[><=~!\[; ]", line)[0].lower() for line in [*project["dependencies"], *extras]}
    known = sys.stdlib_module_names | {imports.PACKAGE, "_typeshed"}  # the latter for types only
    foreign = {edge.imported.partition(".")[0] for edge in imports.imports()} - known
    distributions = packages_distributions()
    undeclared = {
        module
        for module in foreign
        if declared.isdisjoint(name.lower() for name in distributions.get(module, [module]))
    }
    # The companion wheel with OPA is found when it is there.
    assert undeclared == {"pushpolicy_opa"}


def test_imports_are_absolute() -> None:
    relative = [
        f"{path}:{node.lineno}"
        for path in imports.modules().values()
        for node in ast.walk(imports.tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def test_an_offending_chain_is_told_from_the_entry_point() -> None:
    def edge(importer: str, imported: str) -> Import:
        file = imports.SOURCE / f"{importer.replace('.', '/')}.py"
        return Import(importer=importer, imported=imported, file=file, line=7, eager=True)

    wrong = edge("pushpolicy.push.tag", "pushpolicy.gather.git")
    edges = [edge(ENTRY, "pushpolicy.cli.main"), edge("pushpolicy.cli.main", "pushpolicy.push.tag"), wrong]
    assert not _allowed(wrong)
    assert _explain(wrong, edges).splitlines()[1:] == [
        "  src/pushpolicy/__main__.py:7 imports pushpolicy.cli.main",
        "  src/pushpolicy/cli/main.py:7 imports pushpolicy.push.tag",
        "  src/pushpolicy/push/tag.py:7 imports pushpolicy.gather.git",
    ]


def test_only_few_modules_run_programs() -> None:
    offenders = [
        str(edge)
        for edge in imports.imports()
        if edge.imported == "subprocess"
        and not edge.importer.removeprefix("pushpolicy.").startswith(RUNS_PROGRAMS)
    ]
    assert not offenders


STARTS = (
    "subprocess.Popen",
    "subprocess.run",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
)


def test_no_program_inherits_our_environment() -> None:
    """Each is given one: a key, a password or a token of ours is in none by accident."""
    started = [
        (path, node)
        for path in imports.modules().values()
        for node in ast.walk(imports.tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in STARTS
    ]
    assert len(started) > 5
    assert not [
        _place(path, node) for path, node in started if "env" not in {each.arg for each in node.keywords}
    ]


def test_model_does_no_input_or_output() -> None:
    offenders = [
        str(edge)
        for edge in imports.imports()
        if _part(edge.importer) in ("model", "errors") and edge.imported.partition(".")[0] in INPUT_AND_OUTPUT
    ]
    assert not offenders


def _prints(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "input")


def _reads_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv")


def _leaves(node: ast.AST) -> bool:
    """`sys.exit`, `sys.stdout` and the like: how a process talks and ends is the command line's."""
    return isinstance(node, ast.Attribute) and ast.unparse(node) in STREAMS_AND_EXIT


def _starts_otherwise(node: ast.AST) -> bool:
    """A program that is started by no module that is known for it."""
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return called.startswith(("os.exec", "os.fork", "os.popen", "os.posix_spawn", "os.spawn", "os.system"))


def _issues_a_permit(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Permit"


def _follows_circles(node: ast.AST) -> bool:
    """`Path.resolve()`, which a link to itself is a RuntimeError for; a registry's has arguments."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "resolve"
        and not node.args
    )


def _where(matches: Callable[[ast.AST], bool], allowed: tuple[str, ...]) -> Iterator[str]:
    for name, path in imports.modules().items():
        if name.removeprefix("pushpolicy.").startswith(allowed):
            continue
        for node in ast.walk(imports.tree(path)):
            if matches(node):
                yield _place(path, node)


def _place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(imports.SOURCE.parent)}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    ("matches", "allowed"),
    [
        pytest.param(_prints, TALKS, id="print"),
        pytest.param(_reads_environment, (*TALKS, "reports.confine"), id="environment"),
        pytest.param(_leaves, TALKS, id="streams-and-exit"),
        pytest.param(_starts_otherwise, ("reports.process",), id="fork"),
        pytest.param(_issues_a_permit, ("push.permit",), id="permit"),
        pytest.param(_follows_circles, (), id="resolve"),
    ],
)
def test_only_its_one_place_does_it(matches: Callable[[ast.AST], bool], allowed: tuple[str, ...]) -> None:
    offenders = list(_where(matches, allowed))
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("print(1)", _prints),
        ("os.environ['A']", _reads_environment),
        ("sys.stdout.write('x')", _leaves),
        ("os.execv('/bin/sh', ['sh'])", _starts_otherwise),
        ("permit.Permit(decision)", _issues_a_permit),
        ("Path(name).resolve(strict=True)", _follows_circles),
    ],
)
def test_each_check_finds_what_it_looks_for(text: str, matches: Callable[[ast.AST], bool]) -> None:
    assert any(matches(node) for node in ast.walk(ast.parse(text)))


# Who reads JSON by something else than model/strict_json, and what; a manifest, index, config, list of
# referrers, in-toto statement or bundle is none of it.
OTHER_JSON = {
    "model.canonical": "pushpolicy's own documents, which must come back byte for byte",
    "model.document": "the same",
    "model.index": "the rule index of a policy bundle",
    "images.daemon": "why the Docker daemon refuses",
    "registry.pages": "a list of tags",
    "registry.credentials.helper": "what a credential helper answers",
    "registry.credentials.config_file": "docker's config.json",
    "gather.pipeline.configs": "docker's configurations in the checkout, as they show secrets",
    "registry.answers": "what oras-py asks of an answer",
    "registry.meanings": "why a registry refuses",
    "reports.reader": "what our own process read of a report",
    "reports.child": "what our own process asks it, and what the user adds",
    "reports.declared": "a document of pushpolicy's own",
    "gather.parts": "a document of pushpolicy's own",
    "audit.export.format": "a document of pushpolicy's own",
    "audit.cluster.forms": "what this version asks workers, and what they answer",
    "audit.resumed": "results that it wrote itself",
    "http.fetch": "an issuer's keys and a token server's answers",
    "reports.capture": "a document of pushpolicy's own",
    "reports.scans.grype": "a report",
    "reports.parsing.jsondoc": "reports",
    "reports.provenance": "what strict_json has checked",
    "reports.provenance.slsa": "the predicate of a statement",
}
# What these read is a policy, its schemas, a sample, or what OPA answers.
READ_NO_IMAGES = ("evaluate", "engines", "cli", "demo")
JSON_READERS = {
    "json.load",
    "json.loads",
    "json.JSONDecoder",
    "msgspec.json.decode",
    "msgspec.json.Decoder",
    "canonical.decode",
    "canonical.read",
}


def _reads_json(path: Path) -> bool:
    names = (ast.unparse(node) for node in ast.walk(imports.tree(path)) if isinstance(node, ast.Attribute))
    return any(name in JSON_READERS for name in names)


def test_one_reader_reads_what_others_run() -> None:
    """Two readers could take two things for the image."""
    readers = {
        name.removeprefix("pushpolicy.")
        for name, path in imports.modules().items()
        if _part(name) not in READ_NO_IMAGES and _reads_json(path)
    }
    assert not readers - {"model.strict_json"} - set(OTHER_JSON)


PUTS = (".put_manifest", ".put_referrer", "Move")


def test_what_a_step_puts_is_vouched_for() -> None:
    """No manifest, record or tag is put that names what was not read in this run."""
    puts = [
        (path, node)
        for name, path in imports.modules().items()
        if _part(name) in ("pipeline", "push", "attach")
        for node in ast.walk(imports.tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(PUTS)
    ]
    assert all(any(ast.unparse(node.func).endswith(put) for _, node in puts) for put in PUTS)
    assert not [f"{path}:{node.lineno}" for path, node in puts if ".vouched(" not in ast.unparse(node)]
