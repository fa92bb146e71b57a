"""Images of ko, BuildKit and jib (`make builders`), by the command line: pushed, promoted, cut."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.builders import CONTENT, Tool, buildkit, context, file_in, jib, ko
from tests.clients import client
from tests.layouts import LayoutMaker, child, push
from tests.policies import rule, write_policy
from tests.programs import tool
from tests.registries import Registry, olareg_registry
from tests.workspace import Ran, Workspace

_NEVER = 'deny contains {"at": {"id": "x"}, "msg": "never"} if input.image.size == 1'
AMD, ARM = "linux/amd64", "linux/arm64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Pushes to a registry, by a policy that looks at nothing: what is tried is what becomes of the image."""

    place: Workspace
    registry: Registry
    policy: str

    def push(self, source: str, repository: str, *options: str) -> Ran:
        """Run the push, with a report in JSON."""
        options = ("--policy", self.policy, "--format", "json", *options)
        return self.place.push(*options, image=source, target=f"{self.registry.host}/team/{repository}:1.0")

    def published(
        self, source: str, repository: str, *options: str, platforms: tuple[str, ...] = (AMD,)
    ) -> str:
        """Push, and let crane find the image that the push reports, with the one file for each platform."""
        ran = self.push(source, repository, *options)
        assert ran.code == 0, ran.err
        place = f"{self.registry.host}/team/{repository}:1.0"
        digest: str = ran.json["image"]["digest"]
        assert _crane("digest", place).decode().strip() == digest
        for platform in platforms:
            assert file_in(_crane("export", "--platform", platform, place, "-")) == CONTENT
        return digest

    def released(self, source: str, repository: str, platforms: tuple[str, ...] = (AMD,)) -> str:
        """Push and promote from there: the digest stays."""
        digest = self.published(source, repository, platforms=platforms)
        place = f"docker://{self.registry.host}/team/{repository}:1.0"
        assert self.published(place, f"{repository}-released", platforms=platforms) == digest
        return digest

    def facts(self, source: str) -> Any:
        """What is gathered about the image."""
        ran = self.place.run("gather", source, f"{self.registry.host}/team/app:1.0")
        assert ran.code == 0, ran.err
        return ran.json["image"]


def _crane(command: str, *arguments: str) -> bytes:
    argv = [str(tool("crane")), command, "--insecure", *arguments]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def publisher(workspace: Workspace, any_registry: Registry, tmp_path: Path) -> Publisher:
    policy = write_policy(tmp_path / "fine", {"fine": rule("fine", _NEVER)})
    return Publisher(place=workspace, registry=any_registry, policy=policy)


@pytest.fixture(scope="module")
def buildctl() -> Iterator[Tool]:
    with buildkit() as found:
        yield found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image of two platforms in a registry, for ko to build on."""
    folder = tmp_path_factory.mktemp("base")
    maker = LayoutMaker(folder / "layout")
    amd, arm = (maker.image(architecture=name, content=CONTENT) for name in ("amd64", "arm64"))
    index = maker.nest(child(amd, AMD), child(arm, ARM))
    with olareg_registry(folder / "olareg") as registry:
        for manifest, tag in ((amd, "amd"), (arm, "arm"), (index, "1")):
            push(client(registry), maker, manifest, tag)
        yield f"{registry.host}/team/app:1"


def test_what_ko_writes_to_a_layout(publisher: Publisher, base: str, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    where = ("--push=false", f"--oci-layout-path={layout}", f"--sbom-dir={tmp_path}")
    told = ko(tmp_path, base).run(f"--platform={AMD},{ARM}", *where, ".", KO_DOCKER_REPO="app")
    digest = told.rpartition("@")[2]
    assert publisher.released(f"oci:{layout}", "app", (AMD, ARM)) == digest
    # ko says of each platform that it is an artifact of the type of an image's config: an image.
    index = json.loads((layout / "blobs" / digest.replace(":", "/")).read_bytes())
    arm = next(entry for entry in index["manifests"] if entry["platform"]["architecture"] == "arm64")
    facts = publisher.facts(f"oci:{layout}")
    assert [found["platform"] for found in facts["platforms"]] == [AMD, ARM]
    assert not facts["artifacts"]
    cut = publisher.push(f"oci:{layout}", "arm", "--platform", ARM)
    assert cut.json["image"]["digest"] == arm["digest"]
    assert "attestations" not in cut.json["notes"][0]


def test_what_ko_writes_to_an_archive(publisher: Publisher, base: str, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    where = ("--push=false", f"--tarball={archive}")
    ko(tmp_path, base).run(f"--platform={AMD}", *where, ".", KO_DOCKER_REPO="registry.example/app")
    publisher.released(f"docker-archive:{archive}", "app")


def test_what_ko_pushed_is_promoted_without_the_tag_of_its_sbom(
    publisher: Publisher, base: str, tmp_path: Path
) -> None:
    repository = f"{publisher.registry.host}/team/built"
    told = ko(tmp_path, base).run(f"--platform={AMD},{ARM}", ".", KO_DOCKER_REPO=repository)
    sbom = f"{told.rpartition('@')[2].replace(':', '-')}.sbom"
    assert sbom in _crane("ls", repository).decode().split()
    source = f"docker://{repository}:latest"
    digest = publisher.published(source, "app", "--referrers", platforms=(AMD, ARM))
    assert digest == told.rpartition("@")[2]
    assert sbom not in _crane("ls", f"{publisher.registry.host}/team/app").decode().split()


@pytest.mark.parametrize("artifact", ["true", "false"])
@pytest.mark.parametrize("form", ["archive", "layout"])
def test_what_buildkit_attests_goes_along(
    form: str, artifact: str, publisher: Publisher, buildctl: Tool, tmp_path: Path
) -> None:
    place = tmp_path / "built"
    packed = f"tar={'true' if form == 'archive' else 'false'},compression=zstd,force-compression=true"
    _build(
        buildctl,
        tmp_path,
        f"type=oci,dest={place},name=app:1.0,oci-artifact={artifact},{packed}",
        attest=True,
    )
    source = f"{'oci-archive' if form == 'archive' else 'oci'}:{place}"
    publisher.released(source, "app", (AMD, ARM))
    facts = publisher.facts(source)
    assert [found["platform"] for found in facts["platforms"]] == [AMD, ARM]
    stated = {(found["subject"], *found["predicate_types"]) for found in facts["attestations"]}
    assert stated == {(each["digest"], "https://slsa.dev/provenance/v1") for each in facts["platforms"]}
    cut = publisher.push(source, "arm", "--platform", ARM)
    assert cut.json["image"]["digest"] == facts["platforms"][1]["digest"]
    assert cut.json["notes"][0].endswith("its attestations stay behind")


def test_what_buildkit_attests_of_an_image_without_a_name_is_about_nothing(
    publisher: Publisher, buildctl: Tool, tmp_path: Path
) -> None:
    _build(buildctl, tmp_path, f"type=oci,dest={tmp_path}/built", attest=True)
    refused = publisher.push(f"oci-archive:{tmp_path}/built", "app")
    assert refused.code == 20
    assert "has no subject: BuildKit names the image where it has a name" in refused.complaint()


def test_the_older_kind_of_it_is_a_platform_without_a_scan(
    publisher: Publisher, buildctl: Tool, tmp_path: Path
) -> None:
    _build(buildctl, tmp_path, f"type=oci,dest={tmp_path}/built,oci-artifact=false", attest=True)
    facts = publisher.facts(f"oci-archive:{tmp_path}/built")
    assert not facts["attestations"]
    assert {"unknown/unknown", AMD, ARM} == {found["platform"] for found in facts["platforms"]}


@pytest.mark.parametrize("compression", ["gzip", "estargz", "uncompressed"])
@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_what_buildkit_writes_for_one_platform(
    kind: str, compression: str, publisher: Publisher, buildctl: Tool, tmp_path: Path
) -> None:
    packed = f"compression={compression},force-compression=true"
    _build(buildctl, tmp_path, f"type={kind},dest={tmp_path}/built,name=app:1.0,{packed}", platforms=AMD)
    transport = {"oci": "oci-archive", "docker": "docker-archive"}[kind]
    publisher.released(f"{transport}:{tmp_path}/built", "app")


def _build(
    buildctl: Tool, folder: Path, output: str, *, platforms: str = f"{AMD},{ARM}", attest: bool = False
) -> None:
    files = context(folder)
    given = [f"--local={name}={files}" for name in ("context", "dockerfile")]
    provenance = ["--opt=attest:provenance=mode=max"] if attest else []
    buildctl.run(*given, f"--opt=platform={platforms}", *provenance, f"--output={output}")


@pytest.mark.parametrize(("form", "transport"), [("Docker", "docker-archive"), ("OCI", "oci-archive")])
def test_what_jib_writes(form: str, transport: str, publisher: Publisher, tmp_path: Path) -> None:
    file, built = context(tmp_path) / "file", tmp_path / "built"
    jib(tmp_path).run(str(file), "app:1.0", form, str(built))
    publisher.released(f"{transport}:{built}", "app")
