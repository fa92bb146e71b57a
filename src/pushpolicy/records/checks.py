"""What makes a record one record: its layers, and that its parts speak of one decision.

Each check raises ValueError; the reader says which record it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pushpolicy.model.decision import Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import Manifest
from pushpolicy.records import format as names
from pushpolicy.records.build import summary_annotations

_EMPTY = (names.EMPTY_CONFIG.media_type, names.EMPTY_CONFIG.digest)
_LAYERS = (names.EVIDENCE_TYPE, names.DECISION_TYPE, names.POLICY_TYPE)


def check_layers(manifest: Manifest) -> None:
    """Require the empty config and exactly the layers of the format, in order."""
    config = manifest.config
    if config is None or (config.media_type, config.digest) != _EMPTY:
        raise ValueError("its config is not the empty one")
    found = tuple(layer.media_type for layer in manifest.layers)
    if found != _LAYERS + (names.REPORT_TYPE,) * (len(found) - len(_LAYERS)) or len(found) < len(_LAYERS):
        raise ValueError("its layers are not evidence, decision, policy and reports")


def check_manifest(manifest: Manifest, decision: Decision) -> Descriptor:
    """Require that the manifest says what the decision says.

    Returns:
        the subject: the image both are about.
    """
    for key, value in summary_annotations(decision).items():
        if manifest.annotations.get(key) != value:
            raise ValueError(f"its annotation {key} is not what its decision says")
    if manifest.subject is None or manifest.subject.digest != decision.image.digest:
        raise ValueError("its decision is about another image than its subject")
    if datetime.fromisoformat(decision.evaluated_at).tzinfo is None:
        raise ValueError("the time of its decision has no zone")
    return manifest.subject


def check_evidence(evidence: Document, decision: Decision) -> None:
    """Require that the decision was made on this evidence, and that both speak of the same push."""
    if evidence.digest != decision.evidence:
        raise ValueError("its decision was made on other evidence")
    image, target = _object(evidence, "image"), _object(evidence, "target")
    judged = decision.image
    said = {
        "image": image.get("digest") == str(judged.digest),
        "registry": target.get("registry") == judged.registry,
        "repository": target.get("repository") == judged.repository,
        "set of tags": target.get("tags") == list(judged.tags),
        "time": evidence.value.get("evaluated_at") == decision.evaluated_at,
    }
    if another := [name for name, same in said.items() if not same]:
        raise ValueError(f"its evidence is about another {', '.join(another)} than its decision")


def _object(evidence: Document, name: str) -> Mapping[str, Any]:
    value = evidence.value.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"its evidence has no {name}")
    return value
