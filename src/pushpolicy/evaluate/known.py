"""Whether a recorded policy set is the one it says it is, by content (design section 6, "Anchored").

A record can say that its rules are the pack's. They are if this program knows their bytes: as its own, or as
those of a released version, of which none precedes this one; digests of such versions would stand here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath

import msgspec

from pushpolicy.evaluate.authority import Origin, part_of_pack
from pushpolicy.evaluate.data import SETTINGS_PATH, default_settings
from pushpolicy.evaluate.policyset import CAPABILITIES, INDEX_DATA, INDEX_MODULE, SCHEMA, PolicySet
from pushpolicy.evaluate.sources import policies
from pushpolicy.model.index import Index
from pushpolicy.model.text import first_of

_CHANGED_BY = frozenset({Origin.LOCAL, Origin.ARTIFACT, Origin.CHECKOUT})


def unknown(policy: PolicySet) -> Iterator[str]:
    """What of a recorded set passes for a part of pushpolicy and is of no known version; nothing for ours."""
    if not policy.is_current:
        yield "its system part is of no known version of pushpolicy"
    if other := [path for path in (CAPABILITIES, SCHEMA) if policy.files[path] != _content(path)]:
        yield f"not of a known version of pushpolicy: {', '.join(other)}"
    origins: Mapping[str, str] = policy.grounds.origins.get("rules", {})
    named = (name for name in policy.index.rules if origins.get(name) == Origin.PACK)
    if strange := sorted(name for name in named if not _is_shipped(name, policy)):
        yield f"not rules of a known version of the pack, as it says: {first_of(strange, 5)}"


def contradictions(policy: PolicySet) -> Iterator[str]:
    """How a set whose system part is known differs from every set that pushpolicy makes.

    The index entries of rules that are not the pack's are not compared with the rules; that takes OPA.
    """
    index, origins = policy.index, policy.grounds.origins
    # What was read has no types yet: a title may be a number.
    msgspec.convert(msgspec.to_builtins(index), Index)
    paths = {path for path in policy.files if path.startswith("rules/")}
    if {PurePosixPath(path).stem for path in paths} != index.rules.keys() or not paths:
        yield "the index is of other rules"
    if policy.files[INDEX_MODULE] != index.module() or index.lib != _shipped_index().lib:
        yield "the index is not what pushpolicy makes of its rules"
    if origins["rules"].keys() != index.rules.keys() or not set(origins["rules"].values()) <= set(Origin):
        yield "the origins are of other rules"
    told = {(rule, key): origin for rule, keys in origins["settings"].items() for key, origin in keys.items()}
    values, defaults = json.loads(policy.files[SETTINGS_PATH]), default_settings(index)
    if {name: keys.keys() for name, keys in values.items()} != {n: k.keys() for n, k in defaults.items()}:
        yield "the settings are of other rules"
    elif changed := {
        (rule, key)
        for rule, keys in defaults.items()
        for key, default in keys.items()
        if (rule, key) not in told and values[rule][key] != default
    }:
        yield f"it does not say who changed the setting {'.'.join(min(changed))}"
    measures = [*policy.waivers, *policy.grounds.enforcement.get("rules", {}).values()]
    measures += [observe] if (observe := policy.grounds.enforcement.get("observe")) else []
    if not {*told.values(), *(measure.get("origin") for measure in measures)} <= _CHANGED_BY:
        yield "a setting, waiver or rollout is of no origin that there is"
    named = any(part_of_pack(source) is not None for source in policy.source.split(", "))
    if named is not (Origin.PACK in origins["rules"].values()):
        yield "its name and the origins of its rules do not agree on the pack"


def _is_shipped(name: str, policy: PolicySet) -> bool:
    shipped = _shipped_index().rules.get(name)
    if shipped is None or policy.index.rules[name] != shipped:
        return False
    path = f"rules/{name}/{name}.rego"
    return policy.files.get(path) == _content(path)


@cache
def _shipped_index() -> Index:
    return Index.read(_content(INDEX_DATA))


@cache
def _content(path: str) -> bytes:
    """A file of the pack."""
    return (policies() / path).read_bytes()
