"""The data of a policy set: settings, waivers, enforcement and origins, handed over as digested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.authority import Origin
from pushpolicy.model import canonical
from pushpolicy.model.index import Grounds, Index

MAX_DAYS = 90

SETTINGS_PATH = "data/settings/data.json"
WAIVERS_PATH = "data/pushpolicy/waivers/data.json"
ENFORCEMENT_PATH = "data/pushpolicy/enforcement/data.json"
ORIGINS_PATH = "data/pushpolicy/origins/data.json"
TRUST_PATH = "data/pushpolicy/trust/data.json"


class PolicyData(msgspec.Struct, frozen=True, kw_only=True):
    """The data documents, complete.

    Attributes:
        settings: rule to key to value, defaults included.
        waivers: {max_days, repo_max_days?, waivers}; each waiver with its origin, and why it was refused.
        enforcement: {max_days?, rules, observe?}; each measure with its origin.
        origins: {rules, settings, repo_may}: where rules and settings that are not defaults come from, and
            what the checkout may do to rules of others.
        warnings: waivers of rules that do not exist.
    """

    settings: Mapping[str, Mapping[str, Any]]
    waivers: Mapping[str, Any]
    enforcement: Mapping[str, Any]
    origins: Mapping[str, Any]
    warnings: tuple[str, ...]

    def files(self) -> dict[str, bytes]:
        """The documents as files of the data bundle."""
        return {
            SETTINGS_PATH: canonical.encode(self.settings),
            WAIVERS_PATH: canonical.encode(self.waivers),
            ENFORCEMENT_PATH: canonical.encode(self.enforcement),
            ORIGINS_PATH: canonical.encode(self.origins),
        }


def default_data(index: Index, origins: Mapping[str, Origin]) -> PolicyData:
    """The data of rules that nobody has set anything for."""
    return PolicyData(
        settings=default_settings(index),
        waivers={"max_days": MAX_DAYS, "waivers": []},
        enforcement={"rules": {}},
        origins={"rules": origins, "settings": {}, "repo_may": {}},
        warnings=(),
    )


def default_settings(index: Index) -> dict[str, dict[str, Any]]:
    """Rule to key to default."""
    return {
        name: {key: part["default"] for key, part in entry.settings.items()}
        for name, entry in index.rules.items()
    }


def grounds_of(files: Mapping[str, bytes], index: Index) -> Grounds:
    """What a verdict rests on, from the files of a set. A set of the first version has no origins.

    Raises:
        PolicyError: when a document is malformed.
    """
    waivers, enforcement, origins = (
        _object(files, path) for path in (WAIVERS_PATH, ENFORCEMENT_PATH, ORIGINS_PATH)
    )
    if not isinstance(waivers.get("waivers"), list):
        raise PolicyError(f"{WAIVERS_PATH} is malformed: it has no list of waivers")
    return Grounds(rules=index.rules, waivers=waivers, enforcement=enforcement, origins=origins)


def _object(files: Mapping[str, bytes], path: str) -> Mapping[str, Any]:
    try:
        value = canonical.decode(files.get(path, b"{}"))
    except ValueError as error:
        raise PolicyError(f"{path} is malformed: {error}") from error
    if not isinstance(value, dict):
        raise PolicyError(f"{path} is malformed: not an object")
    return value
