"""The command line with images from registries, parts of images, and several images at once."""

from __future__ import annotations

import base64
import gzip
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.images import open_image
from pushpolicy.model.manifest import Manifest
from tests.clients import client
from tests.docker_archives import old_style
from tests.docker_archives import write as write_archive
from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry
from tests.layouts import LayoutMaker, child, push, referrer
from tests.policies import rule, write_policy
from tests.registries import PASSWORD, USERNAME, Registry, distribution_registry, mutual_tls_registry
from tests.workspace import TARGET, Ran, Workspace

ALWAYS = 'deny contains {"at": {"id": "never"}, "msg": "never"} if input.image.size == 1'
NOT_B = 'deny contains {"at": {"id": "b"}, "msg": "not there"} if endswith(input.target.repository, "b")'
SOURCE_SECRET = "source-password"


@pytest.fixture
def policy(workspace: Workspace) -> str:
    """A policy that has nothing against any of it."""
    return str(write_policy(workspace.folder.parent / "policy", {"fine": rule("fine", ALWAYS)}))


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "built")


def serving(maker: LayoutMaker, image: Manifest) -> Callable[[Asked], Answered]:
    """A registry that has one image, and gives it to those who log in."""
    expected = "Basic " + base64.b64encode(f"puller:{SOURCE_SECRET}".encode()).decode()
    blobs = {str(blob.digest): blob for blob in filter(None, (image.config, *image.layers))}

    def answer(asked: Asked) -> Answered:
        if asked.headers.get("Authorization") != expected:
            return Answered(status=401, headers={"WWW-Authenticate": 'Basic realm="source"'})
        name = asked.path.rpartition("/")[2]
        if "/manifests/" in asked.path:
            return Answered(headers={"Content-Type": image.media_type}, body=image.content)
        return Answered(body=maker.path(blobs[name].digest).read_bytes())

    return answer


def login_for(workspace: Workspace, host: str) -> None:
    """What `docker login` leaves in the home folder of the job."""
    auth = base64.b64encode(f"puller:{SOURCE_SECRET}".encode()).decode()
    config = {"auths": {host: {"auth": auth}}}
    folder = Path(workspace.environ["HOME"], ".docker")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))


def shown(registry: FakeRegistry) -> set[str]:
    """Every credential that a registry has seen."""
    headers = (asked.headers.get("Authorization", "") for asked in registry.asked)
    return {base64.b64decode(header.partition(" ")[2]).decode() for header in headers if header}


def test_each_registry_sees_its_own_credential(
    workspace: Workspace, policy: str, maker: LayoutMaker, tmp_path: Path
) -> None:
    given = workspace.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
    image = maker.image()
    with (
        fake_registry(serving(maker, image)) as source,
        distribution_registry(tmp_path / "target", auth="basic") as target,
    ):
        login_for(workspace, source.host)
        where, place = f"docker://{source.host}/team/app:v1", f"{target.host}/team/app:1.0"
        ran = given.push("--policy", policy, image=where, target=place)
        assert ran.code == errors.EXIT_OK, ran.err
        named = client(target).resolve("1.0")
        assert named
        assert named.digest == image.digest
        assert shown(source) == {f"puller:{SOURCE_SECRET}"}
        evidence = json.loads(given.run("gather", where, place).out)
    assert evidence["credentials"]["source"] == "secret-env"
    assert evidence["credentials"]["variable"] == "PUSHPOLICY_PASSWORD"
    assert SOURCE_SECRET not in json.dumps(evidence)


def test_a_given_password_is_the_sources_where_the_target_is_a_folder(
    workspace: Workspace, policy: str, maker: LayoutMaker
) -> None:
    given = workspace.with_variables(PUSHPOLICY_USERNAME="puller", PUSHPOLICY_PASSWORD=SOURCE_SECRET)
    with fake_registry(serving(maker, maker.image())) as source:
        ran = given.push("--policy", policy, image=f"docker://{source.host}/team/app")
    assert ran.code == errors.EXIT_OK, ran.err
    assert workspace.published


def test_a_given_password_is_no_source_s_that_the_configuration_chose(
    workspace: Workspace, policy: str, maker: LayoutMaker
) -> None:
    given = workspace.with_variables(PUSHPOLICY_USERNAME="puller", PUSHPOLICY_PASSWORD=SOURCE_SECRET)
    with fake_registry(serving(maker, maker.image())) as source:
        images = [{"image": f"docker://{source.host}/team/app:v1", "target": TARGET}]
        given.write("pushpolicy.yaml", json.dumps({"images": images}))
        ran = given.run("push", "--all", "--allow-target", "oci:registry", "--policy", policy)
        assert ran.code == errors.EXIT_INPUT
        assert "no credential was shown" in ran.complaint()
        assert shown(source) == set()
        login_for(workspace, source.host)
        ran = given.run("push", "--all", "--allow-target", "oci:registry", "--policy", policy)
    assert ran.code == errors.EXIT_OK, ran.err


def test_a_source_that_does_not_let_us_in_is_an_unreadable_image(
    workspace: Workspace, policy: str, maker: LayoutMaker
) -> None:
    with fake_registry(serving(maker, maker.image())) as source:
        ran = workspace.push("--policy", policy, image=f"docker://{source.host}/team/app:v1")
    assert ran.code == errors.EXIT_INPUT
    assert "401" in ran.complaint()
    assert "log in" in ran.hint()
    assert not workspace.published


def test_a_part_of_an_image_is_said_to_be_one(workspace: Workspace, policy: str, maker: LayoutMaker) -> None:
    amd, arm = maker.image(), maker.image(architecture="arm64", content=b"for arm")
    top = maker.add(maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64")))
    options = ("--policy", policy, "--platform", "linux/arm64")
    ran = workspace.push(*options, image=f"oci:{maker.root}")
    assert ran.code == errors.EXIT_OK, ran.err
    assert f"@{arm.digest}" in ran.out.splitlines()[0]
    assert f"only linux/arm64 is taken: {arm.digest} instead of the index {top.digest}" in ran.out
    (note,) = workspace.push(*options, "--format", "json", image=f"oci:{maker.root}").json["notes"]
    assert str(top.digest) in note
    both = ("--platform", "linux/amd64")
    ran = workspace.push(*options, *both, "--format", "json", image=f"oci:{maker.root}")
    assert "a new index" in ran.json["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["push", "oci:image", "oci:x:1", "--platform", "linux"], "OS/ARCHITECTURE"),
        (["push", "docker://app:1", "oci:x:1"], "names no registry"),
        (["push", "docker://oci:folder", "oci:x:1"], "IMAGE"),
        (["push", "docker://r.example/app@sha256:12", "oci:x:1"], "IMAGE"),
        (["push", "oci:image", "http://r.example/app:1"], "begins with http://"),
        (["push", "oci:image", "oci://r.example/app:1"], "write r.example/app:1 for a registry"),
        (["push", "oci:image", "oci:x:1", "--mount-from", "oci://r.example/*"], "write r.example/*"),
        (["push", "--all", "--allow-target", "oci://r.example/app"], "write r.example/app"),
        (["audit", "list", "oci://r.example/app"], "write r.example/app for a registry"),
        (["push", "oci:image", "oci:x:1", "--also", "oci://r.example/app:1"], "write r.example/app:1 for a"),
        (["push", "oci:image", "oci:x:1", "--records", "oci://r.example/app"], "write r.example/app for a"),
        (["push", "oci:image", "r.example/app:1", "--username", "me"], "--username needs a password"),
        (["push", "--all"], "names no images"),
        (["push", "oci:image", "oci:x:1", "--all"], "--all"),
        (["push", "--all", "--tag", "x"], "--all"),
    ],
)
def test_wrong_usage(workspace: Workspace, arguments: list[str], said: str) -> None:
    ran = workspace.run(*arguments)
    assert ran.code == errors.EXIT_USAGE
    assert said in ran.complaint()
    assert not (workspace.folder / "x").exists()


@pytest.mark.parametrize(
    ("image", "said", "hint"),
    [
        ("docker-archive:", "names no file or folder", "docker-archive:FILE"),
        ("oci://r.example/app:1", "write docker://r.example/app:1 for an image in a registry", "oci:DIR"),
        ("oci:image@sha256:abc", "malformed sha256 digest", "oci:DIR"),
        ("docker-archive:oci.tar", "is an OCI archive; write oci-archive:FILE", ""),
        ("oci-archive:docker.tar", "is what `docker save` writes; write docker-archive:FILE", ""),
    ],
)
def test_an_image_that_is_named_wrongly(workspace: Workspace, image: str, said: str, hint: str) -> None:
    with tarfile.open(workspace.path("oci.tar"), "w") as archive:
        archive.add(workspace.folder / "image", ".")
    write_archive(workspace.path("docker.tar"), old_style())
    ran = workspace.push(image=image)
    assert ran.code == errors.EXIT_INPUT
    assert said in ran.complaint()
    assert hint in ran.hint()


def configure(workspace: Workspace, *targets: str) -> None:
    """Let the configuration name the image for each of the targets."""
    images = [{"image": "oci:image", "target": target, "tags": ["stable"]} for target in targets]
    (workspace.folder / "pushpolicy.yaml").write_text(json.dumps({"images": images}))


def push_all(workspace: Workspace, *options: str) -> Ran:
    allowed = ("127.0.0.1:*/*", "127.0.0.1:*/team/*", "oci:registry")
    return workspace.run("push", "--all", *(f"--allow-target={glob}" for glob in allowed), *options)


@pytest.mark.parametrize(
    ("target", "allowed", "is_allowed"),
    [
        ("evil.example/steal", [], False),
        ("evil.example/steal", ["reg.example/*"], False),
        ("reg.example/team/app", ["reg.example/*"], False),
        ("reg.example/team/app", ["reg.example/**"], False),
        ("reg.example/team/app", ["reg.example/team/*"], True),
        ("REG.example/team/app", ["reg.example/team/a??"], True),
        ("reg.example:5000/app", ["reg.example/app"], False),
        ("reg.example.evil.example/app", ["reg.example*/app"], True),
        ("reg.example/app", ["reg.example"], False),
        ("oci:out", ["oci:*"], True),
        ("oci:out/../../out", ["oci:*/*/*/*"], False),
        ("oci:link/out", ["oci:*/*"], False),
    ],
)
def test_the_configuration_chooses_no_target_that_the_command_line_does_not_allow(
    workspace: Workspace, policy: str, target: str, allowed: list[str], is_allowed: bool
) -> None:
    workspace.path("link").symlink_to(workspace.folder.parent)
    configure(workspace, f"{target}:1.0")
    globs = [f"--allow-target={glob}" for glob in allowed]
    ran = workspace.run("push", "--all", "--dry-run", *globs, "--policy", policy)
    assert ("is not allowed as the target" in ran.err) is not is_allowed
    if not is_allowed:
        assert ran.code == errors.EXIT_USAGE
        assert "--allow-target" in ran.hint()


def test_no_password_is_sent_where_only_the_configuration_says(workspace: Workspace, policy: str) -> None:
    given = workspace.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
    with fake_registry(lambda _: Answered(status=401)) as registry:
        configure(given, f"{registry.host}/steal:a")
        ran = given.run("push", "--all", "--policy", policy)
        assert registry.asked == []
    assert ran.code == errors.EXIT_USAGE


def test_all_images_of_the_configuration(workspace: Workspace, policy: str, any_registry: Registry) -> None:
    targets = [f"{any_registry.host}/team/{name}:1.0" for name in "ab"]
    configure(workspace, *targets)
    ran = push_all(workspace, "--policy", policy, "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    assert ran.json["schema"] == "pushpolicy.push-all/v1"
    assert [item["published"]["tags"] for item in ran.json["images"]] == [["1.0", "stable"]] * 2
    for name in "ab":
        assert client(any_registry, f"team/{name}").tags() == ("1.0", "stable")
    puts = [
        w.path.rpartition("/")[2]
        for w in any_registry.writes()
        if w.method == "PUT" and "/manifests/" in w.path
    ]
    # Both of one image at once, and where the registry does not take that one by one; all come last.
    at_once = [name.partition("?")[2] for name in puts if "?" in name]
    one_by_one = [name for name in puts if ":" not in name and not name.startswith("sha256-")]
    assert at_once == ["tag=1.0&tag=stable"] * 2
    assert one_by_one == ["1.0", "stable"] * 2 * (any_registry.kind == "distribution")
    assert all(":" not in name or "?" in name for name in puts[-len(at_once + one_by_one) :])
    # What was found in the checkout is read once, and each report is mentioned once.
    assert ran.err.count("read reports/junit.xml") == 1


def test_a_denial_of_one_stops_all(workspace: Workspace, any_registry: Registry) -> None:
    policy = write_policy(workspace.folder.parent / "policy", {"b": rule("b", NOT_B)})
    configure(workspace, *(f"{any_registry.host}/team/{name}:1.0" for name in "ab"))
    ran = push_all(workspace, "--policy", str(policy))
    assert ran.code == errors.EXIT_DENIED
    assert f"ALLOW {any_registry.host}/team/a:1.0" in ran.out
    assert f"DENY {any_registry.host}/team/b:1.0" in ran.out
    assert "nothing was pushed: 1 of 2 are denied" in ran.out
    assert any_registry.writes() == []


def test_all_can_be_tried(workspace: Workspace, policy: str, any_registry: Registry) -> None:
    configure(workspace, *(f"{any_registry.host}/team/{name}:1.0" for name in "ab"))
    assert push_all(workspace, "--dry-run", "--policy", policy).code == errors.EXIT_OK
    assert any_registry.writes() == []


def test_two_images_for_one_tag(workspace: Workspace, policy: str) -> None:
    configure(workspace, "oci:registry:1.0", "oci:registry:2.0")
    ran = push_all(workspace, "--policy", policy)
    assert ran.code == errors.EXIT_USAGE
    assert "two images are to be oci:registry:stable" in ran.complaint()
    assert not workspace.published


def test_one_password_is_not_shown_to_two_registries(workspace: Workspace, policy: str) -> None:
    given = workspace.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)

    def refuse(asked: Asked) -> Answered:
        return Answered(status=404)

    with fake_registry(refuse) as first, fake_registry(refuse) as second:
        configure(given, *(f"{registry.host}/app:1.0" for registry in (first, second)))
        ran = push_all(given, "--policy", policy)
        assert first.asked == second.asked == []
    assert ran.code == errors.EXIT_USAGE
    assert "two registries" in ran.complaint()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, "the proxy 127.0.0.1:1 refuses connections"),
        (
            {"ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": "registry.invalid"},
            "registry.invalid is not found",
        ),
    ],
)
def test_the_environment_names_the_proxy(workspace: Workspace, variables: dict[str, str], said: str) -> None:
    ran = workspace.with_variables(**variables).push(target="registry.invalid/app:1.0")
    assert ran.code == errors.EXIT_PUSH
    assert said in ran.complaint()


def test_a_foreign_layer_that_the_registry_has_not(
    workspace: Workspace, policy: str, maker: LayoutMaker
) -> None:
    """image-spec, layer.md, "Non-Distributable Layers": it is elsewhere, and no other registry gets it."""
    image = maker.image()
    assert image.config
    foreign = maker.blob(gzip.compress(b"windows"), urls=("https://registry.invalid/layer",))
    image = maker.add(maker.manifest(config=image.config, layers=[foreign]))
    give = serving(maker, image)

    def answer(asked: Asked) -> Answered:
        return Answered(status=404) if str(foreign.digest) in asked.path else give(asked)

    with fake_registry(answer) as source:
        login_for(workspace, source.host)
        where = f"docker://{source.host}/team/app@{image.digest}"
        ran = workspace.push("--policy", policy, image=where)
    assert ran.code == errors.EXIT_INPUT
    assert "foreign" in ran.complaint()
    assert not workspace.published


@pytest.mark.parametrize("name", ["oci:.", "oci:./"])
def test_the_current_folder_is_an_image_too(
    workspace: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.folder / "image")
    with open_image(name) as image:
        assert image.blobs


def test_what_images_share_is_mounted(workspace: Workspace, policy: str, any_registry: Registry) -> None:
    configure(workspace, *(f"{any_registry.host}/{name}:1.0" for name in ("one", "other")))
    ran = push_all(workspace, "--policy", policy)
    assert ran.code == errors.EXIT_OK, ran.err
    about = [asked for asked in any_registry.writes() if "/other/blobs/" in asked.path]
    mounted = [asked for asked in about if "mount=" in asked.path and "from=one" in asked.path]
    assert len(mounted) == 3, "its config and its layers"
    assert {asked.status for asked in mounted} == {201}


def test_evidence_of_one_image_is_not_anothers(workspace: Workspace, policy: str) -> None:
    workspace.write("own/extra.json", '{"of": "a"}')
    images = [
        {"image": "oci:image", "target": "oci:registry:a", "evidence": {"extra.own": "own/extra.json"}},
        {"image": "oci:image", "target": "oci:registry:b"},
    ]
    (workspace.folder / "pushpolicy.yaml").write_text(json.dumps({"images": images}))
    ran = push_all(workspace, "--policy", policy)
    assert ran.code == errors.EXIT_OK, ran.err
    for tag, has_own in {"a": True, "b": False}.items():
        shown_record = workspace.run("audit", "show", f"oci:registry:{tag}", "--format", "json")
        assert shown_record.code == errors.EXIT_OK, shown_record.err
        assert ("own/extra.json" in shown_record.out) is has_own


def test_referrers_are_carried_along(
    workspace: Workspace, policy: str, maker: LayoutMaker, any_registry: Registry
) -> None:
    source = client(any_registry)
    image = push(source, maker, maker.image(), "v1")
    note = push(source, maker, referrer(maker, image, b"an SBOM"))
    target = f"{any_registry.host}/team/released:1.0"
    where = f"docker://{any_registry.host}/team/app:v1"
    ran = workspace.push("--policy", policy, "--referrers", image=where, target=target)
    assert ran.code == errors.EXIT_OK, ran.err
    released = client(any_registry, "team/released")
    assert note.digest in {entry.digest for entry in released.referrers(image.digest)}


def test_a_helper_is_asked_once_and_its_answer_is_what_is_judged_and_used(
    workspace: Workspace, policy: str, tmp_path: Path
) -> None:
    with distribution_registry(tmp_path / "target", auth="token") as target:
        programs, asked = tmp_path / "programs", tmp_path / "asked"
        answer = json.dumps({"Username": USERNAME, "Secret": PASSWORD})
        programs.mkdir()
        program = programs / "docker-credential-once"
        program.write_text(f"#!/bin/sh\nread server\necho $server >> {asked}\necho '{answer}'\n")
        program.chmod(0o755)
        config = Path(workspace.environ["HOME"], ".docker", "config.json")
        config.parent.mkdir()
        config.write_text(json.dumps({"credHelpers": {target.host: "once"}}))
        place = workspace.with_variables(PATH=f"{programs}:{workspace.environ['PATH']}")
        ran = place.push("--policy", policy, target=f"{target.host}/team/app:1.0")
        assert ran.code == errors.EXIT_OK, ran.err
        assert asked.read_text().split() == [target.host]
        record = json.loads(place.run("audit", "show", f"{target.host}/team/app:1.0", "--format", "json").out)
    assert record["evidence"]["credentials"]["source"] == "helper"
    assert record["evidence"]["credentials"]["helper"] == "once"


@pytest.mark.parametrize("by_option", [True, False])
def test_a_client_certificate(workspace: Workspace, policy: str, tmp_path: Path, by_option: bool) -> None:
    with mutual_tls_registry(tmp_path / "target") as target:
        assert target.certificates
        usual = Path(workspace.environ["HOME"], ".config/containers/certs.d", target.host)
        folder = tmp_path / "certificates" if by_option else usual
        folder.mkdir(parents=True)
        files = target.certificates
        for name, file in {
            "a.crt": files.authority,
            "b.cert": files.client,
            "b.key": files.client_key,
        }.items():
            (folder / name).write_bytes(file.read_bytes())
        options = ("--cert-dir", str(folder)) if by_option else ()
        ran = workspace.push("--policy", policy, *options, target=f"{target.host}/team/app:1.0")
        assert ran.code == errors.EXIT_OK, ran.err
        assert target.writes()
