"""Making an index: from syntax trees to entries.

`python -m pushpolicy.evaluate.indexing` writes policies/index, the committed index of the shipped rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pushpolicy.engines.interface import Compiler
from pushpolicy.evaluate.absence import evidence_schema
from pushpolicy.evaluate.follow import follow
from pushpolicy.evaluate.metadata import Metadata, MetadataError, read_metadata
from pushpolicy.evaluate.removed import explain
from pushpolicy.evaluate.sources import SourceFile, fail_if, policies, read_source
from pushpolicy.evaluate.syntax import Reads, heads, lib_functions, read_references, shape_problems
from pushpolicy.model.index import Index, Leaf, RuleEntry
from pushpolicy.model.text import nearest

Found = list[tuple[int, str]]


def build_index(
    rules: Mapping[str, SourceFile], compiler: Compiler, lib: Mapping[str, tuple[str, ...]]
) -> Index:
    """Index a folder of rules.

    Args:
        rules: rule files by the name of their folder.
        compiler: parses them.
        lib: what each function of the lib reads, as in the index of the shipped rules.

    Raises:
        PolicyError: with every problem of every rule, one a line with file and line.
        EngineError: when OPA itself fails.
    """
    problems, entries = list[str](), dict[str, RuleEntry]()
    trees = compiler.parse([file.content for file in rules.values()])
    for (name, file), tree in zip(rules.items(), trees, strict=True):
        if isinstance(tree, tuple):
            problems += [f"{file.path}:{item.row}: {explain(item.message)}" for item in tree]
            continue
        entry, found = _rule_entry(name, tree, lib)
        problems += [f"{file.path}:{row}: {text}" for row, text in sorted(found)]
        if entry:
            entries[name] = entry
    fail_if(problems)
    return Index(rules=entries, lib=lib)


def build_lib(modules: Sequence[SourceFile], compiler: Compiler) -> dict[str, tuple[str, ...]]:
    """What each function of the lib reads, through the functions it uses.

    Raises:
        PolicyError: when a module does not parse or refers to what it may not.
    """
    trees = compiler.parse([module.content for module in modules])
    broken = [str(item) for tree in trees if isinstance(tree, tuple) for item in tree]
    fail_if(broken)
    return _lib_reads([tree for tree in trees if isinstance(tree, dict)])


def index_shipped(compiler: Compiler) -> Index:
    """The index of the shipped rules, made anew.

    Raises:
        PolicyError: when a shipped rule is wrong.
    """
    modules = [
        SourceFile(path=path, content=path.read_bytes())
        for path in sorted((policies() / "system" / "lib").rglob("*.rego"))
        if not path.name.endswith("_test.rego")
    ]
    return build_index(read_source(policies() / "rules").rules, compiler, build_lib(modules, compiler))


def _rule_entry(
    name: str, tree: Mapping[str, Any], lib: Mapping[str, tuple[str, ...]]
) -> tuple[RuleEntry | None, Found]:
    """The entry of a rule, or the lines and texts of what is wrong with it."""
    problems = list(shape_problems(name, tree))
    reads, refused = read_references(name, tree, tree.get("rules", []))
    problems += refused
    problems += [(row, _not_in_lib(item, lib)) for item, row in reads.functions.items() if item not in lib]
    try:
        metadata = read_metadata(tree)
    except MetadataError as error:
        return None, problems + error.problems
    for key in sorted(reads.settings.keys() - metadata.settings.keys()):
        problems.append(
            (
                reads.settings[key],
                f"data.settings.{name}.{key} is not declared in custom.settings"
                f"{nearest(key, metadata.settings)}; declare it there",
            )
        )
    for (key, field), row in reads.fields.items():
        if field not in metadata.settings.get(key, {}).get("required", ()):
            problems.append(
                (row, f"the setting {key} need not have {field}; list it as required, or use object.get")
            )
    if problems:
        return None, problems
    leaves, problems = _leaves(name, tree, metadata)
    return (None if problems else _entry(metadata, reads, leaves, heads(tree), lib)), problems


def _not_in_lib(item: str, lib: Iterable[str]) -> str:
    public = sorted(name for name in lib if "._" not in name)
    return f"data.pushpolicy.lib.{item} does not exist{nearest(item, public)}; lib has {', '.join(public)}"


def _leaves(name: str, tree: Mapping[str, Any], metadata: Metadata) -> tuple[tuple[Leaf, ...], Found]:
    """The fields that a rule rests on, or what is wrong with how it reads evidence."""
    optional = frozenset(metadata.optional)
    followed = follow(name, tree, metadata.settings)
    found = evidence_schema().requirements(followed.reads, followed.covered, optional)
    if problems := [*followed.problems, *found.problems]:
        # What is read is not known yet, and so not what is listed in vain either.
        return found.leaves, problems
    return found.leaves, [
        (1, f"METADATA: custom.optional: no read of {path} needs it; leave it out")
        for path in sorted(optional - found.needed)
    ]


def _entry(
    metadata: Metadata,
    reads: Reads,
    leaves: tuple[Leaf, ...],
    defined: tuple[str, ...],
    lib: Mapping[str, tuple[str, ...]],
) -> RuleEntry:
    through_lib = {kind for function in reads.functions for kind in lib[function]}
    return RuleEntry(
        title=metadata.title,
        description=metadata.description,
        severity=metadata.severity,
        fix=metadata.fix,
        requires=tuple(sorted(reads.kinds | through_lib | set(metadata.requires))),
        leaves=leaves,
        optional=tuple(sorted(metadata.optional)),
        heads=defined,
        effective_on=metadata.effective_on,
        repo_may=metadata.repo_may,
        integrity=metadata.integrity,
        settings=metadata.settings,
        collections=metadata.collections,
        controls=metadata.controls,
    )


def _lib_reads(trees: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The kinds that each function of the lib reads, through everything it uses.

    Raises:
        PolicyError: when one refers to what it may not.
    """
    direct: dict[str, Reads] = {}
    problems: list[str] = []
    for tree in trees:
        functions = lib_functions(tree)
        for function, rules in functions.items():
            reads, refused = read_references(None, tree, list(rules))
            problems += [f"lib {function}, line {row}: {text}" for row, text in refused]
            # A function of the same module is referred to by its bare name; all of them is no less than any.
            direct[function] = Reads(
                kinds=reads.kinds, functions={**reads.functions, **dict.fromkeys(functions, 0)}
            )
    fail_if(problems)
    return {function: tuple(sorted(_closure(function, direct))) for function in direct}


def _closure(function: str, direct: Mapping[str, Reads]) -> set[str]:
    kinds, todo, seen = set[str](), [function], set[str]()
    while todo:
        current = todo.pop()
        if current not in seen and current in direct:
            seen.add(current)
            kinds |= direct[current].kinds
            todo += direct[current].functions
    return kinds


def write_shipped() -> None:
    """Write policies/index for the rules in policies/rules, with the installed OPA."""
    from pushpolicy.engines import find_engine

    index = index_shipped(find_engine())
    (policies() / "index" / "data.json").write_bytes(index.data())
    (policies() / "index" / "index.rego").write_bytes(index.module())


if __name__ == "__main__":
    write_shipped()
