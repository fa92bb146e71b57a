"""A source of policy as an OPA bundle, for `opa eval -b` and `opa run -b`; of one source the same bytes.

.manifest                                        the roots, as OPA wants them
rules/<rule>/<rule>.rego
settings/data.json                               settings.yaml, as JSON
pushpolicy/{waivers,enforcement,trust}/data.json the other data files
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pushpolicy.engines.interface import Compiler
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import Origin, RepositoryPolicy
from pushpolicy.evaluate.bundle import archive, unpack
from pushpolicy.evaluate.data_files import read_document, time_problems
from pushpolicy.evaluate.policyset import shipped_lib, with_keys
from pushpolicy.evaluate.sources import (
    ENFORCEMENT,
    SETTINGS,
    TRUST,
    WAIVERS,
    Source,
    SourceFile,
    fail_if,
)
from pushpolicy.model import canonical, strict_json, strict_yaml
from pushpolicy.model.expressions import expression
from pushpolicy.signing.trust import read_trust

MANIFEST = ".manifest"
_PLACES = {
    SETTINGS: "settings/data.json",
    WAIVERS: "pushpolicy/waivers/data.json",
    ENFORCEMENT: "pushpolicy/enforcement/data.json",
    TRUST: "pushpolicy/trust/data.json",
}
_MEMBER = expression(
    r"\.manifest|rules/(?P<rule>[a-z][a-z0-9_]*)/(?P=rule)\.rego"
    r"|settings/data\.json|pushpolicy/(?:waivers|enforcement|trust)/data\.json"
)
_MADE = "`pushpolicy policy bundle` and `push` write such a bundle: find out who made this one"


def pack_source(source: Source, compiler: Compiler) -> bytes:
    """The bundle of a folder of rules and data.

    Raises:
        PolicyError: when it is empty, or for all that is wrong with its rules and data files and can be told
            without the other sources that it will be used with.
    """
    if not source.rules and not source.data:
        raise PolicyError(
            "there is no policy in it", "a rule is a folder RULE/RULE.rego; data is in settings.yaml"
        )
    if source.rules:
        from pushpolicy.evaluate.indexing import build_index

        build_index(source.rules, compiler, shipped_lib())
    files = {f"rules/{name}/{name}.rego": file.content for name, file in source.rules.items()}
    problems = list[str]()
    for name, file in source.data.items():
        value = _trust(file) if name == TRUST else read_document(file, name, problems)
        if name == ENFORCEMENT:
            problems += [f"{file.path}: {text}" for text in time_problems(value)]
        files[_PLACES[name]] = canonical.encode(value)
        if not _is_yaml_too(files[_PLACES[name]], value):
            problems.append(
                f"{file.path}: it holds a character, or a long key, that YAML cannot have as JSON does"
            )
    fail_if(problems)
    return archive({MANIFEST: _manifest(files), **files}, level=9)


def read_bundle(content: bytes, place: str, origin: Origin = Origin.ARTIFACT) -> Source:
    """What a bundle holds.

    Args:
        content: its bytes.
        place: what messages call it.
        origin: where it comes from.

    Raises:
        PolicyError: when it is not exactly what `pack_source` writes of rules and data.
    """
    try:
        files = unpack(content, _MEMBER, exactly=True)
        if files.pop(MANIFEST, None) != _manifest(files):
            raise PolicyError(f"the {MANIFEST} of the policy bundle has other roots than its files")
        data = {name: _data(files[path], path) for name, path in _PLACES.items() if path in files}
    except PolicyError as error:
        raise PolicyError(f"{place}: {error.message}", error.hint or _MADE) from error
    rules = {path.split("/")[1]: content for path, content in files.items() if path.endswith(".rego")}
    return Source(
        rules={
            name: SourceFile(path=Path(place, name, f"{name}.rego"), content=rules[name]) for name in rules
        },
        data={name: SourceFile(path=Path(place, name), content=data[name]) for name in data},
        origin=origin,
    )


def _data(content: bytes, path: str) -> bytes:
    """A data file: JSON that has one reading, which the reader of YAML agrees with."""
    try:
        value = strict_json.read(content)
        if canonical.encode(value) != content:
            raise ValueError("is not canonical JSON")
        if not _is_yaml_too(content, value):
            raise ValueError("is another document, or none, as YAML")
    except ValueError as error:
        raise PolicyError(f"{path} in the policy bundle {error}") from error
    if path == _PLACES[TRUST] and any(_named_files(value)):
        raise PolicyError(f"{path} in the policy bundle names a file with keys, which it does not bring")
    return content


def _is_yaml_too(content: bytes, value: Any) -> bool:
    """Whether the reader of data files takes JSON for what it is."""
    try:
        return bool(strict_yaml.read(content) == value)
    except strict_yaml.YamlError:
        return False


def _named_files(trust: Any) -> Iterator[str]:
    issuers = trust.get("issuers") if isinstance(trust, dict) else None
    for issuer in issuers.values() if isinstance(issuers, dict) else ():
        if isinstance(issuer, dict) and isinstance(issuer.get("jwks"), str):
            yield issuer["jwks"]


def _trust(file: SourceFile) -> dict[str, Any]:
    """trust.yaml with the keys that it names files of."""
    return with_keys(read_trust(str(file.path), file.content), file.path, RepositoryPolicy()).to_json()


def _manifest(files: Mapping[str, bytes]) -> bytes:
    rules = sorted(f"pushpolicy/rules/{path.split('/')[1]}" for path in files if path.endswith(".rego"))
    data = sorted(path.removesuffix("/data.json") for path in files if path.endswith("/data.json"))
    return canonical.encode({"rego_version": 1, "roots": [*rules, *data]})
