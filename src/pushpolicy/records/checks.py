"""What makes a record one record: its layers, and that its parts speak of one decision.

Each check raises ValueError; the reader says which record it was.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path, PurePath
from typing import Any

from pushpolicy.files import real
from pushpolicy.model.decision import MAX_SEQUENCE, Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.document import Document
from pushpolicy.model.evidence import NEVER_STORED
from pushpolicy.model.manifest import EMPTY_CONFIG, Manifest
from pushpolicy.model.reference import LAYOUT_REGISTRY, Repository, check_tag
from pushpolicy.model.text import printable
from pushpolicy.records import format as names
from pushpolicy.records.build import summary_annotations, written

_EMPTY = (EMPTY_CONFIG.media_type, EMPTY_CONFIG.digest)
_LAYERS = (names.EVIDENCE_TYPE, names.DECISION_TYPE, names.POLICY_TYPE)
_TITLES = ("evidence.json", "decision.json", "policy.tar.gz")
_REPORT_TITLE = re.compile(r"reports/[0-9]{3,4}-[A-Za-z0-9_][A-Za-z0-9._-]*\.gz")
_REPORT_FACTS = (
    names.REPORT_NAME,
    names.REPORT_KIND,
    names.REPORT_FORMAT,
    names.REPORT_DIGEST,
    names.REPORT_SIZE,
)
# A clock may be wrong, but not by more than a day.
_MAX_SKEW = timedelta(days=1)
# Of Linux; to resolve a longer one takes minutes.
_MAX_PATH = 4096
_DIGEST = _REPORT_FACTS.index(names.REPORT_DIGEST)
_REPORT_KEYS = {names.TITLE, names.REPORT_MEDIA_TYPE, *_REPORT_FACTS}


def check_layers(manifest: Manifest) -> None:
    """Require the empty config and exactly the layers of the format, in order."""
    config = manifest.config
    if config is None or (config.media_type, config.digest) != _EMPTY:
        raise ValueError("its config is not the empty one")
    found = tuple(layer.media_type for layer in manifest.layers)
    if found != _LAYERS + (names.REPORT_TYPE,) * (len(found) - len(_LAYERS)) or len(found) < len(_LAYERS):
        raise ValueError("its layers are not evidence, decision, policy and reports")
    titles = [layer.annotations.get(names.TITLE, "") for layer in manifest.layers]
    if tuple(titles[:3]) != _TITLES or not all(map(_REPORT_TITLE.fullmatch, titles[3:])):
        raise ValueError("its layers have other titles than pushpolicy gives")
    for layer, known in zip(
        manifest.layers, chain(repeat({names.TITLE}, 3), repeat(_REPORT_KEYS)), strict=False
    ):
        if layer.annotations.keys() - known or layer.urls or layer.platform or layer.artifact_type:
            raise ValueError("its layers have more about them than pushpolicy gives")
    if len(manifest.layers) - len(_LAYERS) > names.MAX_REPORTS:
        raise ValueError(f"it holds more than {names.MAX_REPORTS} reports")


def check_manifest(manifest: Manifest, decision: Decision) -> Descriptor:
    """Require that the manifest says what the decision says.

    Returns:
        the subject: the image both are about.
    """
    _check_place(decision)
    _check_chain(decision)
    said = summary_annotations(decision)
    for key, value in said.items():
        if manifest.annotations.get(key) != value:
            raise ValueError(f"its annotation {key} is not what its decision says")
    if unknown := manifest.annotations.keys() - said.keys():
        raise ValueError(f"it has the unknown annotation {min(unknown)[:80]!r}")
    if manifest.subject is None or manifest.subject.digest != decision.image.digest:
        raise ValueError("its decision is about another image than its subject")
    at = datetime.fromisoformat(decision.evaluated_at)
    if at.tzinfo is None:
        raise ValueError("the time of its decision has no zone")
    if at > datetime.now(UTC) + _MAX_SKEW:
        raise ValueError(f"its decision is of {decision.evaluated_at}, which is still to come")
    # A field more could say whatever its writer likes, to whoever looks at the manifest alone.
    if manifest.content != written(manifest.subject, manifest.layers, manifest.annotations):
        raise ValueError("its manifest has other fields than pushpolicy writes")
    return manifest.subject


def _check_chain(decision: Decision) -> None:
    """Require a place for each tag, or for none: decisions of the first version have no chain."""
    chain = decision.chain
    if chain and chain.keys() != set(decision.image.tags):
        raise ValueError("its chain is of other tags than its decision")
    for link in chain.values():
        if not 1 <= link.sequence <= MAX_SEQUENCE or (link.previous is None and link.sequence != 1):
            raise ValueError("its chain has a number that no record has")


def _check_place(decision: Decision) -> None:
    image = decision.image
    if not image.tags or len(set(image.tags)) != len(image.tags):
        raise ValueError("its decision is about no tag, or one tag twice")
    for tag in image.tags:
        check_tag(tag)
    if "\0" in image.repository or len(image.repository) > _MAX_PATH:
        raise ValueError("its decision names a folder that cannot be")
    if image.registry != LAYOUT_REGISTRY:
        Repository.parse(f"{image.registry}/{image.repository}")


def is_for(decision: Decision, repository: Repository) -> bool | None:
    """Whether a decision was about a push to this repository.

    A layout is known by its folder, of which a decision may name the end only: a relative path.

    Returns:
        None where the decision names a folder by dots alone: any may have been meant.
    """
    image = decision.image
    if not repository.is_layout or image.registry != LAYOUT_REGISTRY:
        return (image.registry, image.repository) == (repository.registry, repository.path)
    said = PurePath(os.path.normpath(image.repository))
    end = tuple(part for part in said.parts if part != "..")
    if not end:
        return None
    asked, here = Path(repository.path).absolute(), real(repository.path)
    if os.path.realpath(image.repository) == str(here):
        return True
    # A folder is asked for by the names that lead there, of which one may be a link; or by its own.
    return not said.is_absolute() and any(
        path.parts[len(path.parts) - len(end) :] == end for path in (here, asked)
    )


def check_evidence(evidence: Document, decision: Decision, subject: Descriptor) -> None:
    """Require that the decision was made on this evidence, and that both speak of the same push."""
    if evidence.digest != decision.evidence:
        raise ValueError("its decision was made on other evidence")
    image, target = _object(evidence, "image"), _object(evidence, "target")
    judged = decision.image
    said = {
        "image": image.get("digest") == str(judged.digest),
        "type of image": image.get("media_type") == subject.media_type,
        "registry": target.get("registry") == judged.registry,
        "repository": target.get("repository") == judged.repository,
        "set of tags": target.get("tags") == list(judged.tags),
        "time": evidence.value.get("evaluated_at") == decision.evaluated_at,
    }
    if another := [name for name, same in said.items() if not same]:
        raise ValueError(f"its evidence is about another {', '.join(another)} than its decision")


def check_reports(layers: Sequence[Descriptor], evidence: Document) -> None:
    """Require that the reports that were kept, if any, are those that the evidence was read from.

    Args:
        layers: those of the reports.
        evidence: valid against its schema.
    """
    reports = evidence.value["reports"]
    read = Counter(
        (printable(each["name"]), each["kind"], each["format"], f"sha256:{each['sha256']}", str(each["size"]))
        for each in reports
    )
    kept = Counter(tuple(layer.annotations.get(key) for key in _REPORT_FACTS) for layer in layers)
    if kept and (not kept <= read or {facts[_DIGEST] for facts in kept} != reports_due(evidence)):
        raise ValueError("its reports are not those that its evidence was read from")


def reports_due(evidence: Document) -> frozenset[str]:
    """The digests of the reports that a record keeps, unless it keeps none of them.

    A file that is evidence of several kinds is kept once, and one that quotes secrets never.
    """
    reports = evidence.value["reports"]
    quoting = {each["sha256"] for each in reports if each["kind"] == NEVER_STORED}
    return frozenset(f"sha256:{each['sha256']}" for each in reports if each["sha256"] not in quoting)


def _object(evidence: Document, name: str) -> Mapping[str, Any]:
    value = evidence.value.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"its evidence has no {name}")
    return value
