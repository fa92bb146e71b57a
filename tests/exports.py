"""Archives as containerd's image store exports them: `docker save` of dockerd 25 and later, nerdctl, `ctr`.

The order of things is that of containerd (core/images/archive/exporter.go, `Export`): index.json lists what
was asked for under whole names, each as it was built; manifest.json describes, under short names, one
manifest of each. An index may be sparse: what is not in the store, or for another platform, is left out.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import zstandard

from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.docker_archives import PLAIN, blob_file, config_of

IN_TOTO = "application/vnd.in-toto+json"
STORED = {
    "": lambda layer: layer,
    "+gzip": lambda layer: gzip.compress(layer, mtime=0),
    "+zstd": zstandard.ZstdCompressor().compress,
}
HUB = "docker.io/library/"
Value = dict[str, Any]


@dataclass
class ImageStore:
    """Content by digest, and how a name leads to it; each method gives a descriptor."""

    blobs: dict[str, bytes] = field(default_factory=dict)

    def blob(self, content: bytes, media_type: str, **fields: Any) -> Value:
        digest = str(Digest.of(content))
        self.blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content), **fields}

    def json(self, value: Any, media_type: str, **fields: Any) -> Value:
        return self.blob(json.dumps(value).encode(), media_type, **fields)

    def read(self, entry: Value) -> Any:
        return json.loads(self.blobs[entry["digest"]])

    def image(
        self, layers: Sequence[bytes], compression: str = "+gzip", architecture: str = "amd64", **fields: Any
    ) -> Value:
        """One manifest; its config knows nothing of the compression."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(config_of(layers, architecture=architecture), OCI_CONFIG),
            "layers": [self.blob(STORED[compression](layer), PLAIN + compression) for layer in layers],
            **fields,
        }
        platform = {"os": "linux", "architecture": architecture}
        return self.json(manifest, OCI_MANIFEST, platform=platform)

    def proof(self, about: Value) -> Value:
        """An attestation of an image, as BuildKit adds it to an index."""
        statement = {
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v1",
            "subject": [{"name": "_", "digest": {"sha256": about["digest"].removeprefix("sha256:")}}],
            "predicate": {},
        }
        layer = self.json(statement, IN_TOTO)
        config = {
            "os": "unknown",
            "architecture": "unknown",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.json(config, OCI_CONFIG),
            "layers": [layer],
        }
        marks = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": about["digest"],
        }
        unknown = {"os": "unknown", "architecture": "unknown"}
        return self.json(manifest, OCI_MANIFEST, platform=unknown, annotations=marks)

    def index(self, *children: Value) -> Value:
        return self.json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children)}, OCI_INDEX)

    def export(
        self, *targets: tuple[str | None, Value], without: Sequence[Value] = (), host: str = "amd64"
    ) -> dict[str, Any]:
        """The files of the archive.

        Args:
            targets: what is exported, with the name that it was asked for by; None for an ID.
            without: manifests that are not in the store, with what only they name.
            host: the architecture that manifest.json describes, if it can.
        """
        absent = {entry["digest"] for entry in without}
        listed: list[Value] = []
        described: dict[str, list[str]] = {}
        resolved: dict[str, str] = {}
        files: dict[str, Any] = {"oci-layout": {"imageLayoutVersion": "1.0.0"}}
        for name, target in targets:
            entry = {key: target[key] for key in ("mediaType", "digest", "size")}
            if name:
                tag = name.rpartition(":")[2]
                entry["annotations"] = {
                    "io.containerd.image.name": name,
                    "org.opencontainers.image.ref.name": tag,
                }
            listed.append(entry)
            files |= {
                blob_file(self.blobs[each["digest"]]): self.blobs[each["digest"]]
                for each in self._below(target, absent)
            }
            if target["mediaType"] != OCI_INDEX:
                resolved[target["digest"]] = target["digest"]
                described.setdefault(target["digest"], [])
            elif target["digest"] not in resolved:
                there = [each for each in self.read(target)["manifests"] if each["digest"] not in absent]
                images = [each for each in there if each["platform"]["os"] != "unknown"]
                first = min(images, key=lambda each: each["platform"]["architecture"] != host)
                resolved[target["digest"]] = first["digest"]
                # Here containerd forgets the names by which it met the manifest before.
                described[first["digest"]] = []
            if name:
                described[resolved[target["digest"]]].append(name.removeprefix(HUB))
        files["index.json"] = {"schemaVersion": 2, "manifests": listed}
        files["manifest.json"] = [
            {
                "Config": blob_file(self.blobs[manifest["config"]["digest"]]),
                "RepoTags": names or None,
                "Layers": [blob_file(self.blobs[layer["digest"]]) for layer in manifest["layers"]],
            }
            for digest, names in described.items()
            for manifest in [json.loads(self.blobs[digest])]
        ]
        return files

    def _below(self, entry: Value, absent: set[str]) -> list[Value]:
        if entry["digest"] in absent:
            return []
        found = [entry]
        if entry["mediaType"] in (OCI_INDEX, OCI_MANIFEST):
            manifest = self.read(entry)
            children = manifest.get("manifests") or [manifest["config"], *manifest["layers"]]
            for child in children:
                found += self._below(child, absent)
        return found
