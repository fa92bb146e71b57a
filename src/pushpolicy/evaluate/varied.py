"""A policy set with other settings or waivers: that part is replaced, all else stays (design section 9).

What the judged checkout set or waived by itself stays: no file of those who keep the policy says it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from pushpolicy.evaluate.authority import Origin, RepositoryPolicy
from pushpolicy.evaluate.data import (
    ORIGINS_PATH,
    SETTINGS_PATH,
    TRUST_PATH,
    WAIVERS_PATH,
    PolicyData,
    default_settings,
)
from pushpolicy.evaluate.data_files import read_document
from pushpolicy.evaluate.merge import read_data
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.sources import SETTINGS, WAIVERS, Source, SourceFile, fail_if
from pushpolicy.model import canonical

_NOTHING = RepositoryPolicy()


def with_settings(policy: PolicySet, file: SourceFile, *, passing_over: bool = False) -> PolicySet:
    """The set as it would be with these settings instead of those of whoever keeps it.

    Args:
        policy: the set.
        file: in the form of settings.yaml.
        passing_over: whether settings of rules that it does not have are left out; else they are an error.

    Raises:
        PolicyError: when the file is malformed, or sets what a rule of the set does not take.
    """
    if passing_over:
        known = {name: keys for name, keys in read(file, SETTINGS).items() if name in policy.index.rules}
        file = SourceFile(path=file.path, content=canonical.encode(known))
    given = _data(policy, SETTINGS, file)
    origins, values = policy.grounds.origins, json.loads(policy.files[SETTINGS_PATH])
    settings = default_settings(policy.index)
    told: dict[str, dict[str, str]] = {rule: {} for rule in settings}
    for rule, keys in given.origins["settings"].items():
        for key, origin in keys.items():
            settings[rule][key], told[rule][key] = given.settings[rule][key], origin
    for rule, keys in origins.get("settings", {}).items():
        for key, origin in keys.items():
            if origin == Origin.CHECKOUT:
                settings[rule][key], told[rule][key] = values[rule][key], origin
    told = {rule: keys for rule, keys in told.items() if keys}
    return _changed(
        policy,
        {
            SETTINGS_PATH: canonical.encode(settings),
            ORIGINS_PATH: canonical.encode({**origins, "settings": told}),
        },
    )


def with_waivers(policy: PolicySet, file: SourceFile) -> PolicySet:
    """The set as it would be with these waivers instead of those of whoever keeps it.

    Raises:
        PolicyError: when the file is malformed.
    """
    given = _data(policy, WAIVERS, file).waivers
    theirs = [
        {name: value for name, value in waiver.items() if name != "quorum"}
        for waiver in policy.waivers
        if waiver.get("origin") == Origin.CHECKOUT
    ]
    files = {WAIVERS_PATH: canonical.encode({**given, "waivers": [*given["waivers"], *theirs]})}
    if b'"quorum"' in policy.files.get(TRUST_PATH, b""):
        from pushpolicy.evaluate.approvals import counted

        files = counted({**policy.files, **files})
    return _changed(policy, files)


def read(file: SourceFile, name: str) -> dict[str, Any]:
    """What a settings.yaml or waivers.yaml says.

    Raises:
        PolicyError: when it is malformed.
    """
    problems = list[str]()
    value = read_document(file, name, problems)
    fail_if(problems)
    return value


def _data(policy: PolicySet, name: str, file: SourceFile) -> PolicyData:
    origins = {rule: Origin(origin) for rule, origin in policy.grounds.origins.get("rules", {}).items()}
    return read_data([Source(rules={}, data={name: file})], policy.index, _NOTHING, origins)


def _changed(policy: PolicySet, files: Mapping[str, bytes]) -> PolicySet:
    made = PolicySet.of({**policy.files, **files}, policy.source)
    return replace(made, capabilities=policy.capabilities, is_current=policy.is_current)
