"""The data of a policy set: settings, waivers and enforcement, handed over as digested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.model import canonical
from pushpolicy.model.index import Index

MAX_DAYS = 90

SETTINGS_PATH = "data/settings/data.json"
WAIVERS_PATH = "data/pushpolicy/waivers/data.json"
ENFORCEMENT_PATH = "data/pushpolicy/enforcement/data.json"


class RepositoryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the repository's own pushpolicy.yaml says, already parsed.

    Attributes:
        rules: folders with rules in addition.
        settings: rule to key to value; only for rules that say `repo_may: [settings]`.
        waivers: in the form of waivers.yaml; only for rules that say `repo_may: [waive]`.
        file: the name to use in messages.
    """

    rules: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    waivers: tuple[Mapping[str, Any], ...] = ()
    file: str = "pushpolicy.yaml"


class PolicyData(msgspec.Struct, frozen=True, kw_only=True):
    """The three data documents, complete.

    Attributes:
        settings: rule to key to value, defaults included.
        waivers: {max_days, waivers}.
        enforcement: {rules, observe?}.
        warnings: waivers of rules that do not exist.
    """

    settings: Mapping[str, Mapping[str, Any]]
    waivers: Mapping[str, Any]
    enforcement: Mapping[str, Any]
    warnings: tuple[str, ...]

    def files(self) -> dict[str, bytes]:
        """The documents as files of the data bundle."""
        return {
            SETTINGS_PATH: canonical.encode(self.settings),
            WAIVERS_PATH: canonical.encode(self.waivers),
            ENFORCEMENT_PATH: canonical.encode(self.enforcement),
        }


def default_data(index: Index) -> PolicyData:
    """The data of rules that nobody has set anything for."""
    return PolicyData(
        settings=default_settings(index),
        waivers={"max_days": MAX_DAYS, "waivers": []},
        enforcement={"rules": {}},
        warnings=(),
    )


def default_settings(index: Index) -> dict[str, dict[str, Any]]:
    """Rule to key to default."""
    return {
        name: {key: part["default"] for key, part in entry.settings.items()}
        for name, entry in index.rules.items()
    }


def waivers_of(files: Mapping[str, bytes]) -> tuple[Mapping[str, Any], ...]:
    """The waivers in the files of a set, in the order that OPA's answer counts them.

    Raises:
        PolicyError: when the document is malformed.
    """
    try:
        waivers = json.loads(files[WAIVERS_PATH])["waivers"]
    except (ValueError, KeyError, TypeError) as error:
        raise PolicyError(f"{WAIVERS_PATH} is malformed: {error!r}") from error
    return tuple(waivers)
