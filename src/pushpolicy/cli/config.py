"""``pushpolicy.yaml``: what a repository says about its own pushes.

The file is part of the checkout that is judged. It adds evidence and rules; what it may change of a rule
is decided by that rule (`repo_may`), where the policy set is put together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pushpolicy.cli import environment
from pushpolicy.errors import UsageError
from pushpolicy.files import read_file, real

if TYPE_CHECKING:
    # Gather is large, and `evaluate` reads the same file without it.
    from pushpolicy.gather import Expected, ExpectedReport, NamedEvidence
from pushpolicy.model.strict_yaml import MAX_SIZE
from pushpolicy.model.text import printable

DEFAULT = Path("pushpolicy.yaml")
# What somebody may have written for it, and would silently never be read.
_ALIKE = re.compile(r"\.?pushpolicy\.(ya?ml|json)", re.IGNORECASE)
_HINT = "`pushpolicy schema config` prints what it may hold"


class ConfiguredImage(msgspec.Struct, frozen=True, kw_only=True):
    """One of the ``images``: what ``push --all`` pushes; IMAGE and TARGET as on the command line."""

    image: str
    target: str
    tags: tuple[str, ...]
    evidence: tuple[NamedEvidence, ...]
    immutable: bool


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that fits its schema; an absent file is an empty one.

    Attributes:
        path: the file, None where there is none.
        content: its bytes, as they were parsed.
        expected: the reports every push must have; None where the file does not say.
        reports: where reports are, beside the usual places.
        policies: folders of further rules, relative to the workspace.
        settings: settings by rule.
        waivers: waivers in the form of waivers.yaml.
        images: what ``push --all`` pushes.
        immutable: whether no target's tags move once they are set; an image may say so of its own alone.
    """

    path: Path | None = None
    content: bytes = b""
    expected: Expected | None = None
    reports: tuple[NamedEvidence, ...] = ()
    policies: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = {}
    waivers: tuple[Mapping[str, Any], ...] = ()
    images: tuple[ConfiguredImage, ...] = ()
    immutable: bool = False


def read_config(option: str | None) -> Config:
    """Read the file of ``--config``, or pushpolicy.yaml where it exists.

    Raises:
        UsageError: when a named file is absent, the content does not fit the schema, or a file that nothing
            names is called nearly as the configuration is.
    """
    path = Path(option) if option else DEFAULT
    if option is None:
        try:
            names = sorted(other.name for other in environment.workspace().iterdir())
        except OSError as error:
            raise UsageError(f"the folder cannot be listed: {error.strerror}") from error
        for name in names:
            if name != DEFAULT.name and _ALIKE.fullmatch(name):
                raise UsageError(f"{name}: not read; the configuration is {DEFAULT}", "rename or remove it")
    try:
        content = read_file(path, MAX_SIZE)
    except FileNotFoundError as error:
        if option is None:
            return Config()
        raise UsageError(f"{path}: there is no such configuration", "check the path of --config") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", "check the path of --config") from error
    return _config(path, content, _valid(path, content))


def _valid(path: Path, content: bytes) -> Mapping[str, Any]:
    from pushpolicy.cli.schema import read_schema
    from pushpolicy.evaluate.json_schema import MismatchError, compile_schema
    from pushpolicy.model import strict_yaml

    try:
        value = strict_yaml.read(content)
    except strict_yaml.YamlError as error:
        raise UsageError(f"{path}:{error.line}: {error}", _HINT) from error
    if value is None:
        return {}
    try:
        compile_schema(json.loads(read_schema("config")))(value)
    except MismatchError as error:
        raise UsageError(f"{path}: {printable(str(error), 300)}", _HINT) from error
    return dict(value)


def _config(path: Path, content: bytes, value: Mapping[str, Any]) -> Config:
    from pushpolicy.gather import Expected

    evidence = value.get("evidence", {})
    return Config(
        path=path,
        content=content,
        expected=Expected(
            tests=tuple(_expected(item) for item in evidence.get("tests", ())),
            coverage=tuple(_expected(item) for item in evidence.get("coverage", ())),
            scans=tuple(_expected(item, of_platform=True) for item in evidence.get("scans", ())),
        ),
        reports=tuple(_report(path, key, where) for key, where in value.get("reports", {}).items()),
        policies=tuple(_policy(path, folder) for folder in value.get("policy", ())),
        settings=value.get("settings", {}),
        waivers=tuple(value.get("waivers", ())),
        images=tuple(_image(path, item) for item in value.get("images", ())),
        immutable=value.get("immutable", False),
    )


def _policy(path: Path, folder: str) -> str:
    checkout = real(environment.checkout())
    try:
        is_part = real(folder).is_relative_to(checkout)
    except ValueError:  # what can be no name
        is_part = False
    if not is_part:
        raise UsageError(
            f"{path}: policy: {printable(folder)} leads out of the checkout",
            "name a policy from elsewhere on the command line: --policy",
        )
    return folder


def _expected(item: str | Mapping[str, Any], *, of_platform: bool = False) -> ExpectedReport:
    """A scan may be expected for one platform: ``image@linux/arm64``."""
    from pushpolicy.gather import ExpectedReport

    text, minimum = (item, 1) if isinstance(item, str) else (item["name"], item["min"])
    name, _, platform = text.partition("@") if of_platform else (text, "", "")
    return ExpectedReport(name=name, platform=platform or None, minimum=minimum)


def _image(path: Path, item: Mapping[str, Any]) -> ConfiguredImage:
    return ConfiguredImage(
        image=item["image"],
        target=item["target"],
        tags=tuple(item.get("tags", ())),
        evidence=tuple(_report(path, key, where) for key, where in item.get("evidence", {}).items()),
        immutable=item.get("immutable", False),
    )


def _report(path: Path, key: str, where: str) -> NamedEvidence:
    from pushpolicy.gather import NamedEvidence

    kind, _, name = key.partition(".")
    return NamedEvidence(kind=kind, name=name or None, path=where, configuration=path.name)
