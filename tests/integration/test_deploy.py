"""docs/deploy.md: each recipe as it stands there lets in what was approved, and nothing else."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import pytest

from pushpolicy.model.reference import Target
from pushpolicy.records.statement import VSA_PREDICATE
from pushpolicy.signing import bundle
from pushpolicy.signing.verify import DENIAL_STATEMENT
from tests.builders import Tool
from tests.clients import client
from tests.connect_proxy import ConnectProxy
from tests.keys import entry, key
from tests.layouts import LayoutMaker, push, referrer
from tests.policies import ROOT
from tests.programs import TOOLS, installed
from tests.registries import Registry, distribution_registry, olareg_registry
from tests.sigstore import VERIFIER, Shelf, approval, cosign, kyverno, nobody_else
from tests.workspace import Workspace

PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
_FILE = re.compile(r"^`(?P<path>[^`\n]+)`:\n\n```\w+\n(?P<text>.*?)```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^```sh\n(?P<text>cosign .*?)```", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"^( *)-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", re.MULTILINE | re.DOTALL)
_LONG_AGO, _NOT_YET = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
# What no recipe lets in.
REFUSED = {"failed", "staging", "old", "future", "other-key", "other-verifier", "unsigned", "denied"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A shelf of images, and in its folder the recipes with the host of its registry, and the key."""

    shelf: Shelf
    proxy: ConnectProxy

    @property
    def folder(self) -> Path:
        """Where the recipes are."""
        return self.shelf.folder

    @property
    def host(self) -> str:
        """The registry's."""
        return self.shelf.registry.host

    def here(self, text: str) -> str:
        """A text of the page, about this registry and this key."""
        said = _KEY.sub(lambda found: indent(key().public.pem, found[1]), text)
        return said.replace("registry.example", self.host)


def _filled(registry: Registry, folder: Path) -> Shelf:
    """Images with what is signed about them; the name says it."""
    shelf = Shelf(registry=registry, folder=folder)
    for tag in sorted(REFUSED | {"good", "other-tag", "again", "before"}):
        shelf.put(tag)
    shelf.sign("good")
    shelf.sign("failed", verificationResult="FAILED", verifiedLevels=["FAILED"])
    shelf.sign("staging", resourceUri=f"oci://{registry.host}/staging/app:staging")
    shelf.sign("old", timeVerified=_LONG_AGO)
    shelf.sign("future", timeVerified=_NOT_YET)
    shelf.sign("other-key", name="other")
    shelf.sign("other-verifier", verifier={"id": "https://example.com/somebody"})
    shelf.attach(
        "denied",
        DENIAL_STATEMENT,
        approval(Target.parse(shelf.place("denied")), shelf.images["denied"].digest),
    )
    shelf.sign("other-tag", resourceUri=f"oci://{shelf.place('good')}")
    shelf.sign("again", timeVerified=_LONG_AGO)
    shelf.sign("again")
    shelf.sign("before")
    shelf.sign("before", timeVerified=_LONG_AGO)
    return shelf


@pytest.fixture(scope="module", params=[distribution_registry, olareg_registry])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("deploy")
    with request.param(folder / "registry") as registry:
        yield _filled(registry, folder)


@contextmanager
def _recipes(shelf: Shelf) -> Iterator[Cluster]:
    """Those of the page; who verifies by them may ask nobody but the registry."""
    with nobody_else() as proxy:
        made = Cluster(shelf=shelf, proxy=proxy)
        for found in _FILE.finditer(PAGE):
            (made.folder / found["path"]).write_text(made.here(found["text"]))
        (made.folder / "decide.pub").write_text(key().public.pem)
        yield made
        assert proxy.heads == []


@pytest.fixture
def cluster(filled: Shelf) -> Iterator[Cluster]:
    with _recipes(filled) as made:
        yield made


def _shell(cluster: Cluster, *argv: str, **variables: str) -> bool:
    """Whether a command of the page succeeds."""
    found = cosign(cluster.folder, cluster.proxy)
    installed("jq", "jq")
    path = os.pathsep.join((str(Path(found.argv[0]).parent), os.environ["PATH"]))
    return (
        not Tool(argv=argv, folder=cluster.folder, variables=found.variables)
        .ended(PATH=path, **variables)
        .returncode
    )


def cosign_and_jq(cluster: Cluster) -> set[str]:
    images = cluster.shelf.images
    return {
        tag
        for tag, image in images.items()
        if _shell(cluster, "sh", "verify.sh", cluster.shelf.place(tag), str(image.digest))
    }


def cosign_alone(cluster: Cluster) -> set[str]:
    (command,) = _COMMAND.finditer(PAGE)
    said = cluster.here(command["text"])
    return {
        tag
        for tag in cluster.shelf.images
        if _shell(cluster, "sh", "-c", said.replace("app:1.0", f"app:{tag}"))
    }


def _applied(cluster: Cluster, policy: str, pods: dict[str, str]) -> set[str]:
    """Those that the policy does not refuse, of pods by their name, each with the rest of its spec."""
    texts = [
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: '{name}', namespace: default}}\nspec: {{{spec}}}\n"
        for name, spec in pods.items()
    ]
    (cluster.folder / "pods.yaml").write_text("---\n".join(texts))
    options = ("--resource", "pods.yaml", "--registry", "--policy-report", "--output-format", "json")
    said = kyverno(cluster.folder, cluster.proxy).ended("apply", policy, *options).stdout
    report = json.loads(said[said.index("{") :])
    results: dict[str, set[str]] = {}
    for each in report["results"]:
        results.setdefault(each["resources"][0]["name"], set()).add(each["result"])
    # A policy that cannot be read is no policy, and refuses nothing.
    assert results.keys() >= {name for name in pods if name != "elsewhere"}, said
    return {name for name in pods if results.get(name, {"pass"}) == {"pass"}}


def _pods(shelf: Shelf) -> dict[str, str]:
    """One for each image."""
    return {tag: f'containers: [{{name: a, image: "{shelf.pinned(tag)}"}}]' for tag in shelf.images}


def _more_pods(cluster: Cluster) -> dict[str, str]:
    """Those, some with containers of other kinds, and one by a name that the recipes do not match."""
    good, failed = (f'{{name: a, image: "{cluster.shelf.pinned(tag)}"}}' for tag in ("good", "failed"))
    return {
        **_pods(cluster.shelf),
        "first": f"containers: [{good}], initContainers: [{failed}]",
        "added": f"containers: [{good}], ephemeralContainers: [{failed}]",
        "elsewhere": f"containers: [{failed.replace('127.0.0.1', 'localhost')}]",
    }


def image_validating_policy(cluster: Cluster) -> set[str]:
    return _applied(cluster, "kyverno.yaml", _more_pods(cluster))


def cluster_policy(cluster: Cluster) -> set[str]:
    return _applied(cluster, "clusterpolicy.yaml", _more_pods(cluster))


def _last_is_fresh(cluster: Cluster) -> set[str]:
    """Of those with two statements, where the registry lists the fresh one last."""
    reader, found = client(cluster.shelf.registry), set()
    for tag in ("again", "before"):
        last = reader.manifest(reader.referrers(cluster.shelf.images[tag].digest, bundle.TYPE)[-1].digest)
        assert last
        envelope = bundle.read(b"".join(reader.read_blob(last.layers[0])))
        if _LONG_AGO.encode() not in envelope.payload:
            found.add(tag)
    return found


Recipe = Callable[[Cluster], set[str]]
# What each lets in beside the good one: what the page's table says.
RECIPES: dict[Recipe, Callable[[Cluster], set[str]]] = {
    cosign_and_jq: lambda _: {"again", "before"},
    cosign_alone: lambda _: {"other-tag"},
    image_validating_policy: lambda cluster: {"other-tag", "elsewhere", *_last_is_fresh(cluster)},
    cluster_policy: lambda _: {"other-tag", "elsewhere"},
}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.__name__)
def test_a_recipe_lets_in_what_was_approved(recipe: Recipe, cluster: Cluster) -> None:
    allowed = recipe(cluster)
    assert allowed == {"good"} | RECIPES[recipe](cluster)
    assert not allowed & REFUSED


def test_the_versions_that_the_page_names_are_those_that_run() -> None:
    for name, module, said in (
        ("cosign", "github.com/sigstore/cosign/v3", r"with cosign (\d+\.\d+\.\d+)"),
        ("kyverno", "github.com/kyverno/kyverno", r"and Kyverno ([\d.]+),"),
    ):
        pinned = (TOOLS / "builders" / name / "go.mod").read_text()
        assert re.findall(rf"{module} v(\S+)", pinned) == re.findall(said, PAGE)


def test_a_signature_alone_lets_in_whatever_was_signed(cluster: Cluster) -> None:
    """Why a recipe asks for more: what differs from an approval in one field each is verified without it."""
    program = cosign(cluster.folder, cluster.proxy)
    options, nothing = ("--key=decide.pub", "--insecure-ignore-tlog"), {"other-key", "unsigned", "denied"}
    for tag in sorted(REFUSED - nothing):
        program.run("verify", *options, cluster.shelf.place(tag))
        program.run("verify-attestation", *options, f"--type={VSA_PREDICATE}", cluster.shelf.place(tag))
    for tag in sorted(nothing):
        program.refuses("verify", *options, cluster.shelf.place(tag))


def test_every_recipe_lets_in_what_a_push_signed(
    workspace: Workspace, any_registry: Registry, tmp_path: Path
) -> None:
    """Two tags and another form of the decision; the verifier is that of the key's entry in trust.yaml."""
    (tmp_path / "ci.key").touch(0o600)
    (tmp_path / "ci.key").write_bytes(key().private_pem())
    (tmp_path / "trust.yaml").write_text(json.dumps({"keys": {"ci": entry(verifier=VERIFIER)}}))
    options = ("--key", f"{tmp_path}/ci.key", "--trust", f"{tmp_path}/trust.yaml", "--statement", "svr")
    ran = workspace.push(*options, "--tag", "latest", target=f"{any_registry.host}/team/app:1.0")
    assert ran.code == 0, ran.err
    image = client(any_registry).resolve("1.0")
    assert image
    shelf = Shelf(registry=any_registry, folder=tmp_path, images={"1.0": image, "latest": image})
    with _recipes(shelf) as cluster:
        assert cosign_and_jq(cluster) == cosign_alone(cluster) == {"1.0", "latest"}
        for policy in ("kyverno.yaml", "clusterpolicy.yaml"):
            assert _applied(cluster, policy, _pods(shelf)) == {"1.0", "latest"}


def test_more_than_fifty_artifacts_are_too_many_for_one(olareg: Registry, tmp_path: Path) -> None:
    shelf = Shelf(registry=olareg, folder=tmp_path)
    image = shelf.put("crowd")
    maker, writer = LayoutMaker(tmp_path / "notes"), client(olareg)
    notes = [referrer(maker, image, b"note", annotations={"number": str(number)}) for number in range(50)]
    push(writer, maker, notes[0])
    for note in notes[1:49]:
        writer.put_manifest(note)
    shelf.sign("crowd")
    with _recipes(shelf) as cluster:
        assert _applied(cluster, "clusterpolicy.yaml", _pods(shelf)) == {"crowd"}
        writer.put_manifest(notes[49])
        assert not _applied(cluster, "clusterpolicy.yaml", _pods(shelf))
        assert _applied(cluster, "kyverno.yaml", _pods(shelf)) == {"crowd"}
        assert cosign_and_jq(cluster) == cosign_alone(cluster) == {"crowd"}


def test_records_of_another_repository(olareg: Registry, tmp_path: Path) -> None:
    """Where each finds the statements; Kyverno's `repository`, which it does not heed, finds none."""
    shelf = Shelf(registry=olareg, folder=tmp_path, records="records/app")
    digest = shelf.put("1.0").digest
    shelf.sign("1.0")
    (command,) = re.findall(r"^    (COSIGN_REPOSITORY=.*)$", PAGE, re.MULTILINE)
    (source,) = re.findall(r"`source: \{(.*)\}`", PAGE)
    with _recipes(shelf) as cluster:
        said = cluster.here(command).replace("sha256:...", str(digest))
        assert _shell(cluster, "sh", "-c", said)
        assert not _shell(cluster, "sh", "-c", said.partition(" ")[2])
        recipe = tmp_path / "kyverno.yaml"
        assert not _applied(cluster, recipe.name, _pods(shelf))
        recipe.write_text(
            recipe.read_text().replace(
                "        key:", f"        source: {{{cluster.here(source)}}}\n        key:"
            )
        )
        assert _applied(cluster, recipe.name, _pods(shelf)) == {"1.0"}
        recipe = tmp_path / "clusterpolicy.yaml"
        repository = f"          repository: {shelf.registry.host}/records/app\n          attestations:"
        recipe.write_text(recipe.read_text().replace("          attestations:", repository))
        assert not _applied(cluster, recipe.name, _pods(shelf))
