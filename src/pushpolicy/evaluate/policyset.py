"""A policy set: everything that decides, as the files that are digested, recorded and handed to OPA.

capabilities.json                         what rules may call
schema/evidence.v1.json                   what rules are type-checked against
system/{main,lib}/...                     our Rego
index/{data.json,index.rego}              the rules there are
rules/<rule>/<rule>.rego
conftest/{data.json,v*/ORIGIN/ROOT/*.rego} policies of conftest, where there are any
data/{settings,pushpolicy/...}/data.json  settings, waivers, enforcement, origins, trust
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec.structs import replace

from pushpolicy.engines.interface import Compiler
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import PACK, Origin, RepositoryPolicy, origin_of, part_of_pack, unanchored
from pushpolicy.evaluate.data import (
    ORIGINS_PATH,
    SETTINGS_PATH,
    TRUST_PATH,
    WAIVERS_PATH,
    PolicyData,
    default_data,
    grounds_of,
)
from pushpolicy.evaluate.sources import TRUST, Source, SourceFile, fail_if, policies, read_file, read_source
from pushpolicy.files import is_file
from pushpolicy.model import canonical
from pushpolicy.model.index import COLLECTIONS, Grounds, Index
from pushpolicy.model.text import nearest, printable

if TYPE_CHECKING:
    from pushpolicy.evaluate.conftest import Added, Conftest
    from pushpolicy.model.decision import PolicyIdentity, SettingUse
    from pushpolicy.model.digest import Digest
    from pushpolicy.signing.trust import Trust

CAPABILITIES = "capabilities.json"
SCHEMA = "schema/evidence.v1.json"
_IDENTITY_RULE = "identity_verified"
INDEX_DATA, INDEX_MODULE = "index/data.json", "index/index.rego"


class PolicySet(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A complete policy set.

    Attributes:
        files: path to content, as in the module's docstring.
        source: how it was named (``pack``, ``pack:strict``, a folder).
        index: the rules.
        grounds: what the verdict rests on beside the evidence: index, waivers, enforcement, origins.
        capabilities: what OPA is given; for a recorded set never more than it recorded.
        is_current: whether its system part is this program's own; a recorded one may be another version's.
        warnings: what a push should say loudly, one line each.
    """

    files: Mapping[str, bytes]
    source: str
    index: Index
    grounds: Grounds
    capabilities: bytes
    is_current: bool = True
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, files: Mapping[str, bytes], source: str) -> Self:
        """The set that these files are.

        Raises:
            PolicyError: when one is absent, malformed, or not part of a policy set.
        """
        for path in (CAPABILITIES, SCHEMA, INDEX_DATA, INDEX_MODULE, WAIVERS_PATH):
            if path not in files:
                raise PolicyError(f"the policy set lacks {path}")
        index = Index.read(files[INDEX_DATA])
        if any(b'"quorum"' in files.get(path, b"") for path in (TRUST_PATH, WAIVERS_PATH)):
            from pushpolicy.evaluate.approvals import check_counted

            check_counted(files)
        return cls(
            files=files,
            source=source,
            index=index,
            grounds=grounds_of(files, index),
            capabilities=files[CAPABILITIES],
        )

    @cached_property
    def identity(self) -> PolicyIdentity:
        """Which policy this is. Computed when first asked for, which is when OPA is at work already."""
        from pushpolicy.model.decision import PolicyIdentity

        data = {path for path in self.files if path.startswith("data/")}
        parts = {
            "rules": _digest(self.files, self.files.keys() - data),
            "settings": _digest(self.files, data - {WAIVERS_PATH, ORIGINS_PATH}),
            "waivers": _digest(self.files, {WAIVERS_PATH}),
        }
        if ORIGINS_PATH in self.files:
            parts["origins"] = _digest(self.files, {ORIGINS_PATH})
        whole = _digest_of({name: str(digest) for name, digest in parts.items()})
        reasons = tuple(unanchored(self.grounds))
        return PolicyIdentity(
            source=self.source, digest=whole, anchored=not reasons, not_anchored=reasons, **parts
        )

    @property
    def trust(self) -> Trust:
        """Its trust.yaml; an empty one where it has none."""
        from pushpolicy.signing.trust import Trust

        return msgspec.convert(canonical.decode(self.files.get(TRUST_PATH, b"{}")), Trust)

    @property
    def waivers(self) -> Sequence[Mapping[str, Any]]:
        """In the order in which OPA counts them."""
        waivers: list[Mapping[str, Any]] = self.grounds.waivers["waivers"]
        return waivers

    @cached_property
    def settings(self) -> tuple[SettingUse, ...]:
        """Those that are not the rules' defaults, with their origins."""
        from pushpolicy.model.decision import SettingUse

        values = json.loads(self.files[SETTINGS_PATH])
        return tuple(
            SettingUse(rule=rule, key=key, value=values[rule][key], origin=origin)
            for rule, keys in sorted(self.grounds.origins.get("settings", {}).items())
            for key, origin in sorted(keys.items())
        )

    @property
    def unwaivable(self) -> frozenset[str]:
        """The rules that no waiver is for."""
        return frozenset(name for name, rule in self.index.rules.items() if rule.integrity)

    def bundle(self) -> bytes:
        """The whole set as a tar.gz; the same bytes for the same files."""
        from pushpolicy.evaluate.bundle import pack

        return pack(self.files)

    @classmethod
    def from_bundle(cls, content: bytes, source: str = "record") -> Self:
        """The set that was recorded; its capabilities are reduced to what is allowed today.

        Raises:
            PolicyError: when the archive or a file in it is not what `bundle` writes.
        """
        from pushpolicy.evaluate.bundle import reduce_capabilities, unpack

        policy, shipped = cls.of(unpack(content), source), _shipped_files()
        is_ours = policy.capabilities == shipped[CAPABILITIES]  # and so reduced already
        return replace(
            policy,
            capabilities=policy.capabilities if is_ours else reduce_capabilities(policy.capabilities),
            is_current=_system(policy.files) == _system(shipped),
        )


def load(
    sources: Sequence[str],
    compiler: Compiler,
    repository: RepositoryPolicy,
    trust: str | None = None,
    conftest: Conftest | None = None,
    artifacts: Mapping[str, Source] = MappingProxyType({}),
) -> PolicySet:
    """Read, index and merge the sources; see `pushpolicy.evaluate.load_policy`."""
    if not sources:
        raise PolicyError("no policy was given", "without --policy the shipped pack decides")
    # As a path it would be this folder: in a pipeline the checkout, which would decide on itself.
    if not all(source.strip() for source in (*sources, *repository.rules)):
        raise PolicyError("a policy has an empty name", "see that the variable which names it is set")
    shipped = Index.read(_shipped(INDEX_DATA))
    index = _of_pack(sources, shipped)
    own = [
        artifacts.get(source) or read_source(Path(source), origin_of(source, repository.checkout))
        for source in sources
        if part_of_pack(source) is None
    ]
    added = [read_source(Path(folder), Origin.CHECKOUT) for folder in repository.rules]
    fail_if(
        [
            f"{file.path}: not read; settings and waivers of a repository are in {repository.file}"
            for source in added
            for file in source.data.values()
        ]
    )
    rules = _unique(index, [*own, *added])
    if rules:
        from pushpolicy.evaluate.indexing import build_index

        index = index.joined(build_index(rules, compiler, shipped.lib))
    if not index.rules:
        raise PolicyError("the policy has no rules", "a rule is a folder <rule>/<rule>.rego")
    origins = dict.fromkeys(index.rules, Origin.PACK) | {
        name: source.origin for source in (*own, *added) for name in source.rules
    }
    foreign = _conftest(conftest, index, compiler, repository)
    if foreign:
        index, origins = index.joined(Index(rules=foreign.entries, lib={})), {**origins, **foreign.origins}
    data = _data(own, index, repository, origins)
    generated = {INDEX_DATA: index.data(), INDEX_MODULE: index.module()} if index is not shipped else {}
    paths = {name: f"rules/{name}/{name}.rego" for name in index.rules}
    files = _shipped_files() | generated | data.files() | (dict(foreign.files) if foreign else {})
    for name, path in paths.items():
        if path not in files:
            files[path] = rules[name].content if name in rules else _shipped(path)
    files |= _trust_file(own, trust, repository, index)
    if b'"quorum"' in files.get(TRUST_PATH, b""):
        from pushpolicy.evaluate.approvals import counted

        files = counted(files)
    labels = (artifacts[name].label or name if name in artifacts else name for name in sources)
    named = [*labels, *(f"conftest:{folder}" for folder in (conftest.folders if conftest else ()))]
    policy = replace(PolicySet.of(files, printable(", ".join(named), 1000)), warnings=data.warnings)
    return _compiled(policy, compiler, foreign) if foreign else policy


def _conftest(
    given: Conftest | None, index: Index, compiler: Compiler, repository: RepositoryPolicy
) -> Added | None:
    """What policies of conftest add to these rules, whose names they cannot have."""
    if given is None:
        return None
    from pushpolicy.evaluate.conftest import read_conftest

    added = read_conftest(given, compiler, repository.checkout)
    fail_if([f"a rule is named {name} already" for name in sorted(added.entries.keys() & index.rules.keys())])
    return added


def _compiled(policy: PolicySet, compiler: Compiler, added: Added) -> PolicySet:
    """The set, when OPA takes what is added: its messages name files that only this run knows."""
    from pushpolicy.evaluate.conftest import compile_problems

    fail_if(list(compile_problems(policy, compiler, added.places)))
    return replace(policy, warnings=(*policy.warnings, *added.warnings))


def _of_pack(sources: Sequence[str], shipped: Index) -> Index:
    """The shipped rules that the sources name: of a collection, or one by its name."""
    parts = {part for source in sources if (part := part_of_pack(source)) is not None}
    fail_if(
        [
            f"the pack has no collection or rule {part!r}: it has the collections {', '.join(COLLECTIONS)},"
            f" and {len(shipped.rules)} rules{nearest(part, [*COLLECTIONS, *shipped.rules])};"
            f" `pushpolicy policy inspect {PACK}:{COLLECTIONS[-1]}` lists them"
            for part in sorted(parts - {*COLLECTIONS, *shipped.rules})
        ]
    )
    names = {name for name, rule in shipped.rules.items() if parts & {name, *rule.collections}}
    return shipped if names == shipped.rules.keys() else shipped.only(names)


def _unique(index: Index, sources: Iterable[Source]) -> dict[str, SourceFile]:
    rules, problems = dict[str, SourceFile](), list[str]()
    for source in sources:
        for name, file in source.rules.items():
            if name in rules or name in index.rules:
                other = rules[name].path if name in rules else "the shipped pack"
                problems.append(f"{file.path}: a rule named {name} is in {other} too; give it another name")
            rules[name] = file
    fail_if(problems)
    return rules


def _data(
    sources: Sequence[Source], index: Index, repository: RepositoryPolicy, origins: Mapping[str, Origin]
) -> PolicyData:
    wishes = repository.settings or repository.waivers or repository.may
    if not wishes and not any(source.data for source in sources):
        return default_data(index, origins)
    from pushpolicy.evaluate.merge import read_data

    return read_data(sources, index, repository, origins)


def _trust_file(
    sources: Iterable[Source], option: str | None, repository: RepositoryPolicy, index: Index
) -> dict[str, bytes]:
    """The trust section, where a source or ``--trust`` has one; never from the checkout, whatever it may."""
    named = [(source.origin, source.data[TRUST]) for source in sources if TRUST in source.data]
    if option is not None:
        named.append((origin_of(option, repository.checkout), read_file(Path(option))))
    if not named:
        return {}
    fail_if(
        [
            f"{file.path}: the checkout that is judged cannot say who is trusted"
            for origin, file in named
            if origin is Origin.CHECKOUT
        ]
    )
    from pushpolicy.signing.stricter import stricter
    from pushpolicy.signing.trust import EVERY_RULE, read_trust

    read = [(file.path, read_trust(str(file.path), file.content)) for _, file in named]
    trust = stricter([with_keys(each, path, repository) for path, each in read])
    if trust.verified_for and _IDENTITY_RULE not in index.rules:
        raise PolicyError(
            f"trust.yaml demands a verified identity (verified_for), and no rule {_IDENTITY_RULE} judges it",
            "the shipped pack has it: --policy pack, or --policy pack:identity_verified for it alone",
        )
    rules = trust.quorum.rules if trust.quorum else {}
    fail_if(
        [
            f"trust.yaml: quorum.rules.{name}: no rule is named so{nearest(name, index.rules)}"
            for name in sorted(rules.keys() - {EVERY_RULE, *index.rules})
        ]
    )
    return {TRUST_PATH: canonical.encode(trust.to_json())}


def with_keys(trust: Trust, file: Path, repository: RepositoryPolicy) -> Trust:
    """A trust file with the keys that it names files of; they are part of what is digested and recorded."""
    from pushpolicy.model import strict_json

    issuers = dict(trust.issuers)
    for name, issuer in issuers.items():
        if not isinstance(issuer.jwks, str):
            continue
        path = file.parent / issuer.jwks
        if origin_of(str(path), repository.checkout) is Origin.CHECKOUT:
            raise PolicyError(f"{path}: the checkout that is judged cannot say who is trusted")
        if not is_file(path):
            raise PolicyError(
                f"{file}: issuers.{name}: there is no file {path}", "save the answer of its jwks_uri there"
            )
        try:
            issuers[name] = replace(issuer, jwks=strict_json.read(read_file(path).content))
        except ValueError as error:
            raise PolicyError(f"{path} {error}", "it holds the answer of the issuer's jwks_uri") from error
    return replace(trust, issuers=issuers)


def shipped_lib() -> Mapping[str, tuple[str, ...]]:
    """What each function of the lib reads."""
    return Index.read(_shipped(INDEX_DATA)).lib


def _shipped(path: str) -> bytes:
    return (policies() / path).read_bytes()


def _shipped_files() -> dict[str, bytes]:
    root = policies()
    modules = (path for path in (root / "system").rglob("*.rego") if not path.name.endswith("_test.rego"))
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in modules}
    return files | {path: _shipped(path) for path in (CAPABILITIES, SCHEMA, INDEX_DATA, INDEX_MODULE)}


def _system(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path.startswith("system/")}


def _digest(files: Mapping[str, bytes], paths: Iterable[str]) -> Digest:
    from pushpolicy.model.digest import Digest

    return _digest_of({path: str(Digest.of(files[path])) for path in paths})


def _digest_of(digests: Mapping[str, str]) -> Digest:
    from pushpolicy.model.digest import Digest

    return Digest.of(canonical.encode(digests))
