"""An image config (image-spec, config.md), read strictly: what it says becomes evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from pushpolicy.model import fields, strict_json
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.digest import Digest
from pushpolicy.model.strict_json import Shape

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")

_HEALTH = Shape(
    dict.fromkeys(("Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")), any_case=True
)
_RUN = Shape(
    {
        # image-spec 1.1, config.md; then what moby's container.Config has beside it.
        **dict.fromkeys(("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir")),
        **dict.fromkeys(("Labels", "StopSignal", "ArgsEscaped", "Memory", "MemorySwap", "CpuShares")),
        "Healthcheck": _HEALTH,
        **dict.fromkeys(("Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty")),
        **dict.fromkeys(("OpenStdin", "StdinOnce", "Image", "NetworkDisabled", "MacAddress", "OnBuild")),
        **dict.fromkeys(("StopTimeout", "Shell")),
    },
    any_case=True,
)
SHAPE = Shape(
    {
        **dict.fromkeys(("created", "author", "architecture", "os", "os.version", "os.features", "variant")),
        **dict.fromkeys(("id", "parent", "comment", "container", "docker_version", "size")),
        "config": _RUN,
        "container_config": _RUN,
        "rootfs": Shape(dict.fromkeys(("type", "diff_ids")), any_case=True),
        "history": Shape(
            dict.fromkeys(("created", "created_by", "author", "comment", "empty_layer")), any_case=True
        ),
    },
    any_case=True,
)


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a config that policies may read.

    Attributes:
        env: names of the variables; their values may be secrets and are left out.
        user: as in the config; None when it runs as the default user.
        created: RFC 3339, when the config says it.
    """

    platform: Platform
    diff_ids: tuple[Digest, ...]
    labels: Mapping[str, str]
    env: tuple[str, ...]
    entrypoint: tuple[str, ...]
    user: str | None
    created: str | None

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a config.

        Raises:
            ValueError: when it is not strict JSON, or a field has another type than the specification's.
        """
        value = _object(strict_json.read(content, SHAPE), "the config")
        run = _object(value.get("config") or {}, "config")
        rootfs = _object(value.get("rootfs"), "rootfs")
        created = fields.text(value, "created")
        if created is not None and not _TIME.fullmatch(created):
            raise ValueError("created is not an RFC 3339 time")
        return cls(
            platform=Platform(
                os=_required(value, "os"),
                architecture=_required(value, "architecture"),
                variant=fields.text(value, "variant"),
            ),
            diff_ids=tuple(map(Digest.parse, fields.texts(rootfs, "diff_ids"))),
            labels=fields.text_map(run, "Labels"),
            env=tuple(item.partition("=")[0] for item in fields.texts(run, "Env")),
            entrypoint=fields.texts(run, "Entrypoint"),
            user=fields.text(run, "User"),
            created=created,
        )


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value


def _required(value: Mapping[str, Any], name: str) -> str:
    text = fields.text(value, name)
    if text is None:
        raise ValueError(f"{name} is absent")
    return text
