"""Forged, replayed, mixed and broken policy artifacts: none decides, and each is refused by name."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.cli import environment
from pushpolicy.evaluate.bundle import tarred
from pushpolicy.evaluate.published.artifact import BUNDLE_TYPE
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.signing import dsse
from tests.fake_registry import Answered, Asked, fake_registry
from tests.keys import entry, key
from tests.policies import rule
from tests.policy_artifacts import FILES, RULE, SEQUENCE, TAG, TEXT, Forged, gzipped, tar_of
from tests.workspace import IMAGE, TARGET, Ran, Workspace

OLD, FAR = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
MODULE = FILES[f"rules/{RULE}/{RULE}.rego"]


def files(**more: bytes) -> Forged:
    """Further files in the bundle; `__` is a slash and `_0` a dot."""
    return Forged(files={**FILES, **{k.replace("__", "/").replace("_0", "."): v for k, v in more.items()}})


def only(*members: tuple[tarfile.TarInfo, bytes]) -> Forged:
    return Forged(bundle=gzipped(tar_of(*members)))


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def settings(content: bytes) -> Forged:
    return Forged(files={**FILES, "settings/data.json": content})


def trust(content: bytes) -> Forged:
    manifest = canonical.encode({"rego_version": 1, "roots": ["pushpolicy/trust"]})
    return Forged(files={".manifest": manifest, "pushpolicy/trust/data.json": content})


def blob_changed(which: int, place: int = 20) -> Forged:
    """A bit of a stored layer is flipped; its digest is not put right."""

    def spoil(folder: Path, manifest: Manifest) -> None:
        path = folder / "blobs/sha256" / manifest.layers[which].digest.hex
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)

    return Forged(spoil=spoil)


def manifest_changed(folder: Path, manifest: Manifest) -> None:
    path = folder / "blobs/sha256" / manifest.digest.hex
    path.write_bytes(path.read_bytes().replace(b'"sequence"', b'"Sequence"').replace(b'":"5"', b'":"9"'))


def resigned(change: Callable[[bytes], bytes]) -> Forged:
    """The envelope is changed after it was signed."""
    made = Forged()
    made.finish()
    assert made.envelope is not None
    return Forged(envelope=change(made.envelope))


def payload(change: Callable[[bytes], bytes]) -> Forged:
    """What is signed, by the right key, is another text."""
    made = Forged()
    made.finish()
    assert made.payload is not None
    return Forged(payload=change(made.payload))


def flipped(field: str) -> Callable[[bytes], bytes]:
    """One bit of what is in base64."""

    def change(envelope: bytes) -> bytes:
        value = json.loads(envelope)
        holder = value if field == "payload" else value["signatures"][0]
        content = bytearray(base64.b64decode(holder[field]))
        content[len(content) // 2] ^= 1
        holder[field] = base64.b64encode(content).decode()
        return canonical.encode(value)

    return change


def mixed() -> Forged:
    """The bundle of one release with the statement of another, both honest."""
    other = Forged(files={**FILES, "settings/data.json": b"{}"})
    other.finish()
    return Forged(envelope=other.envelope)


def layers(change: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]) -> Forged:
    made = Forged()
    made.finish()
    assert made.layers is not None
    return Forged(layers=change(made.layers))


def elsewhere() -> Forged:
    made = Forged()
    made.finish()
    listed = made.document["layers"]
    return Forged(
        layers=made.layers,
        document={"layers": [{**listed[0], "urls": ["https://evil.example/b"]}, listed[1]]},
    )


ASK = 'http.send({"method": "get", "url": "https://e.example"})'
SEND = rule(RULE, f'deny contains {{"at": {{}}, "msg": "x"}} if {ASK}.size == input.image.size')
ROWS: dict[str, tuple[Forged, str]] = {
    # Who signed
    "not signed": (layers(lambda both: both[:1]), "its layers are"),
    "signed by another key": (Forged(signers=("other",)), "signed by no listed key"),
    "two signatures": (Forged(signers=("ci", "other")), "2 signatures"),
    "two signatures, the other first": (Forged(signers=("other", "ci")), "2 signatures"),
    "no signature": (
        resigned(lambda e: canonical.encode({**json.loads(e), "signatures": []})),
        "0 signatures",
    ),
    "a signature that names its key": (
        resigned(lambda e: e.replace(b'{"sig"', b'{"keyid":"ci","sig"')),
        "keyid",
    ),
    "a bit of the payload": (resigned(flipped("payload")), "signed by no listed key"),
    "a bit of the signature": (resigned(flipped("sig")), "signed by no listed key"),
    "signed as something else": (
        Forged(payload_type="application/vnd.in-toto+json"),
        "signed as application/vnd.in-toto",
    ),
    "the type is changed after it was signed": (
        resigned(lambda e: e.replace(b"pushpolicy.policy+json", b"pushpolicy.denial+json")),
        "signed as application/vnd.pushpolicy.denial",
    ),
    "a doubled payload": (
        resigned(lambda e: e.replace(b'{"payload"', b'{"payload":"e30=","payload"')),
        "occurs twice",
    ),
    "a payload in other case": (
        resigned(lambda e: e.replace(b'{"payload"', b'{"Payload":"e30=","payload"')),
        "ignore case",
    ),
    "more after the envelope": (resigned(lambda e: e + b"{}"), "is not JSON"),
    "base64 in two ways": (
        resigned(lambda e: e.replace(b'"payload":"', b'"payload":"\\n')),
        "standard base64",
    ),
    # What is signed
    "another policy's name": (Forged(statement={"name": "other"}), "is the policy other, not platform"),
    "an older release": (Forged(statement={"sequence": SEQUENCE - 1}), "older than --min-sequence 5"),
    "expired": (Forged(statement={"expires": OLD}), f"expired at {OLD}"),
    "a time without a zone": (Forged(statement={"expires": "2999-01-01T00:00:00"}), "no zone"),
    "an end that is no time": (Forged(statement={"expires": "never"}), "malformed"),
    "a sequence that is no number": (Forged(statement={"sequence": "9"}), "malformed"),
    "a sequence that is true": (Forged(statement={"sequence": True}), "malformed"),
    "a sequence in another form": (
        payload(lambda p: p.replace(b'"sequence":5', b'"sequence":5.0')),
        "has a signed statement that",
    ),
    "a sequence beyond all numbers": (
        payload(lambda p: p.replace(b":5,", b":9007199254740993,").replace(b":5}", b":9007199254740993}")),
        "has a signed statement that",
    ),
    "a name with an escape": (Forged(statement={"name": "platform\u001b[2J"}), "malformed"),
    "a further field": (Forged(statement={"min_sequence": 1}), "malformed"),
    "no bundle in it": (Forged(statement={"bundle": ""}), "malformed"),
    "another schema": (
        Forged(statement={"schema": "pushpolicy.policy-statement/v2"}),
        "is no pushpolicy.policy-statement/v1",
    ),
    "a doubled name": (payload(lambda p: p.replace(b'"name":', b'"name":"other","name":')), "occurs twice"),
    "a statement with white space": (payload(lambda p: p + b" "), "not canonical"),
    "the statement of another bundle": (mixed(), "bundle that its signed statement is not about"),
    "annotations that say a newer one": (
        Forged(
            document={
                "annotations": {
                    "dev.pushpolicy.policy.name": "platform",
                    "dev.pushpolicy.policy.sequence": "99",
                }
            }
        ),
        "otherwise in its annotations",
    ),
    # What the repository serves
    "a bit of the stored bundle": (blob_changed(0), "cannot be read"),
    "a bit of the stored statement": (blob_changed(1), "cannot be read"),
    "a bit of the stored manifest": (Forged(spoil=manifest_changed), "cannot be read"),
    "another artifact type": (
        Forged(document={"artifactType": "application/vnd.pushpolicy.record.v1+json"}),
        "no policy artifact",
    ),
    "no artifact type": (Forged(document={"artifactType": None}), "no policy artifact"),
    "an image's config": (
        Forged(
            document={
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": str(Digest.of(b"{}")),
                    "size": 2,
                }
            }
        ),
        "it has a config or a subject",
    ),
    "layers the other way round": (layers(lambda both: both[::-1]), "its layers are"),
    "a third layer": (layers(lambda both: [*both, (BUNDLE_TYPE, gzipped(tarred(FILES)))]), "its layers are"),
    "a layer of another type": (
        layers(lambda both: [("application/zip", both[0][1]), both[1]]),
        "its layers are application/zip",
    ),
    "a layer that is elsewhere": (elsewhere(), "urls"),
    "a statement that is too large": (
        layers(lambda both: [both[0], (dsse.MEDIA_TYPE, b" " * 100_000)]),
        "over the limit",
    ),
    "a bundle that is too large": (
        layers(lambda both: [(BUNDLE_TYPE, bytes(17 * 1024 * 1024)), both[1]]),
        "over the limit",
    ),
    # What is in the bundle, signed as it is
    "the system part": (files(system__main__main_0rego=b"package pushpolicy.main"), "not part of a policy"),
    "the lib": (files(system__lib__x_0rego=b"package pushpolicy.lib.x"), "not part of a policy"),
    "capabilities with http.send": (
        files(capabilities_0json=b'{"builtins":[{"name":"http.send"}]}'),
        "capabilities.json in the policy bundle is not part",
    ),
    "a schema": (files(schema__evidence_0v1_0json=b"{}"), "not part of a policy"),
    "an index": (files(index__data_0json=b"{}"), "not part of a policy"),
    "origins": (files(pushpolicy__origins__data_0json=b'{"rules":{}}'), "not part of a policy"),
    "data below a rule": (files(rules__image_small__data_0json=b"{}"), "not part of a policy"),
    "a rule that is called otherwise": (
        files(rules__image_small__other_0rego=TEXT.encode()),
        "not part of a policy",
    ),
    "a rule of another package": (
        Forged(files={**FILES, f"rules/{RULE}/{RULE}.rego": TEXT.replace(f"rules.{RULE}", "main").encode()}),
        "package",
    ),
    "a rule that calls http.send": (
        Forged(files={**FILES, f"rules/{RULE}/{RULE}.rego": SEND.encode()}),
        "http.send",
    ),
    "roots of all there is": (Forged(files={**FILES, ".manifest": b'{"roots":[""]}'}), "other roots"),
    "no roots": (Forged(files={k: v for k, v in FILES.items() if k != ".manifest"}), "other roots"),
    "a way out of the folder": (only((member("rules/../../x/x.rego"), b"x")), "not part of a policy"),
    "an absolute path": (only((member("/etc/x.rego"), b"x")), "not part of a policy"),
    "a link": (
        only((member("settings/data.json", tarfile.SYMTYPE, linkname="/etc/passwd"), b"")),
        "not a file",
    ),
    "a hard link": (
        only((member("settings/data.json", tarfile.LNKTYPE, linkname="/etc/passwd"), b"")),
        "not a file",
    ),
    "a device": (only((member("settings/data.json", tarfile.CHRTYPE), b"")), "not a file"),
    "a file twice": (
        only((member("settings/data.json"), b"{}"), (member("settings/data.json"), b"{}")),
        "or twice",
    ),
    "a name in an extended header": (
        only((member("settings/data.json", pax_headers={"path": "x"}), b"{}")),
        "not a file",
    ),
    "an owner": (
        only(
            (member(".manifest", uid=0), b'{"rego_version":1,"roots":["settings"]}'),
            (member("settings/data.json", uid=7), b"{}"),
        ),
        "its tar says more than the files",
    ),
    "more in the tar": (Forged(bundle=gzipped(tarred(FILES) + b"hidden" * 100)), "its tar says more"),
    "more after the archive": (Forged(bundle=gzipped(tarred(FILES)) + b"hidden"), "more after its end"),
    "a second archive": (Forged(bundle=gzipped(tarred(FILES)) * 2), "more after its end"),
    "an archive that is cut": (Forged(bundle=gzipped(tarred(FILES))[:-9]), "cut off"),
    "no archive": (Forged(bundle=b"PK\x03\x04"), "not a tar.gz"),
    "a bomb": (Forged(bundle=gzipped(bytes(64 * 1024 * 1024))), "MiB"),
    "data with a doubled key": (
        settings(b'{"scan_severity":{"max_critical":0,"max_critical":9}}'),
        "occurs twice",
    ),
    "data with white space": (settings(b'{"scan_severity": {}}'), "not canonical"),
    "data that is no JSON": (settings(b"scan_severity: {critical: 0}"), "is not JSON"),
    "data that is none as YAML": (
        settings(b'{"scan_severity":{"\x7f":0}}'),
        "is another document, or none, as YAML",
    ),
    "keys of an issuer that are elsewhere": (
        trust(b'{"issuers":{"ci":{"issuer":"x","jwks":"/etc/keys"}}}'),
        "names a file",
    ),
    "a trust that is none": (
        trust(b'{"keys":{"a":{"key":"x","role":"decide"}}}'),
        "keys.a.key is not a key in PEM",
    ),
    "a setting that there is not": (settings(b'{"scan_severity":{"criticall":0}}'), "no such setting"),
    "settings of no rule": (settings(b'{"nothing":{"a":1}}'), "no rule is named so"),
    "a waiver without an end": (
        Forged(
            files={
                **FILES,
                ".manifest": canonical.encode(
                    {
                        "rego_version": 1,
                        "roots": [f"pushpolicy/rules/{RULE}", "pushpolicy/waivers", "settings"],
                    }
                ),
                "pushpolicy/waivers/data.json": b'{"waivers":[{"id":"x","rule":"image_small"}]}',
            }
        ),
        "reason",
    ),
    "a rule of the pack's name": (
        Forged(
            files={
                ".manifest": b'{"rego_version":1,"roots":["pushpolicy/rules/tests_passed"]}',
                "rules/tests_passed/tests_passed.rego": TEXT.replace(RULE, "tests_passed").encode(),
            }
        ),
        "a rule named tests_passed is in the shipped pack too",
    ),
}
STORE = "policies"
ORG = ("--policy-key", "../org.pub=platform")


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """The checkout, with the key of the organisation beside it."""
    (workspace.folder.parent / "org.pub").write_text(key().public.pem)
    return workspace


def check(place: Workspace, *options: str, policy: str = f"oci:../{STORE}:{TAG}") -> Ran:
    given = options or ("--policy-key", "../org.pub=platform", "--min-sequence", str(SEQUENCE))
    return place.run("check", IMAGE, TARGET, "--policy", "pack", "--policy", policy, *given)


def stored(place: Workspace, forged: Forged, tag: str = TAG) -> Manifest:
    return replace(forged).store(place.folder.parent / STORE, tag)


def test_the_control_is_allowed_and_says_who_signed(place: Workspace) -> None:
    manifest = stored(place, Forged(statement={"expires": FAR}))
    ran = check(place)
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert f"pack, oci:../{STORE}@{manifest.digest} signed by org sequence 5 sha256:" in ran.out
    assert "(anchored)" in ran.out
    assert f"{RULE} (artifact)" in ran.out
    assert "warning" not in ran.err
    unsaid = check(place, *ORG)
    assert "warning: " in unsaid.err
    assert "(platform, sequence 5): no earlier record is known here, and no --min-sequence" in unsaid.err


def test_an_end_that_is_near_is_told(place: Workspace) -> None:
    soon = f"{environment.now() + timedelta(days=13):%Y-%m-%dT%H:%M:%SZ}"
    stored(place, Forged(statement={"expires": soon}))
    ran = check(place)
    assert ran.code == errors.EXIT_OK
    assert f"(platform, sequence 5) expires at {soon}" in ran.err


@pytest.mark.parametrize(("forged", "why"), ROWS.values(), ids=ROWS)
def test_a_forged_policy_decides_nothing(place: Workspace, forged: Forged, why: str) -> None:
    stored(place, forged)
    ran = check(place)
    assert ran.code == errors.EXIT_POLICY, ran.out + ran.err
    assert why in ran.err
    assert ran.hint() or "; " in ran.complaint()
    assert "Traceback" not in ran.err
    assert not ran.out


def trusting(place: Workspace, **trusted: dict[str, Any]) -> str:
    """A trust.yaml beside the checkout with these keys."""
    (place.folder.parent / "trust.yaml").write_text(json.dumps({"keys": trusted}))
    return "../trust.yaml=platform"


HERE = "oci:../policies"
SPARE = key("spare").public.pem


@pytest.mark.parametrize(
    ("trusted", "why"),
    [
        (entry(role="decide"), "whose role is decide, not policy"),
        (entry(role="waiver"), "whose role is waiver"),
        (entry(role="policy", not_before=FAR), f"counts from {FAR} on"),
        (entry(role="policy", not_after=OLD), f"counted until {OLD}"),
        (entry(role="policy", repositories=["registry.example/*"]), f"not for {HERE}"),
        (entry("other", role="policy"), "signed by no listed key (it)"),
    ],
)
def test_a_key_counts_for_its_role_its_time_and_its_place(
    place: Workspace, trusted: dict[str, Any], why: str
) -> None:
    stored(place, Forged())
    ran = check(place, "--policy-key", trusting(place, it=trusted))
    assert (ran.code, why in ran.complaint()) == (errors.EXIT_POLICY, True), ran.err
    new = entry(role="policy", repositories=[HERE], not_before=OLD, not_after=FAR)
    ran = check(place, "--policy-key", trusting(place, another={**trusted, "key": SPARE}, new=new))
    assert ran.code == errors.EXIT_OK, ran.err
    assert "signed by new sequence 5" in ran.out


USAGE, POLICY = errors.EXIT_USAGE, errors.EXIT_POLICY


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (("-q",), USAGE, "is named by a tag, and whoever can write there moves it"),
        (("--min-sequence", "5"), USAGE, "without --policy-key no sequence is believed"),
        (("--policy-key", "../org.pub"), USAGE, "has another form"),
        (("--policy-key", "../org.pub=Platform"), USAGE, "has another form"),
        (("--policy-key", "../none.pub=platform"), USAGE, "No such file"),
        (("--policy-key", "../org.key=platform"), USAGE, "is a private key, where a public one belongs"),
        (("--policy-key", "../empty.yaml=platform"), USAGE, "lists no keys"),
        (("--policy-key", "inside.pub=platform"), POLICY, "cannot say who is trusted"),
        (("--policy-key", "../link.pub=platform"), POLICY, "cannot say who is trusted"),
        ((*ORG, *ORG), USAGE, "two for"),
        ((*ORG, "--policy-key", "../org.pub=team"), POLICY, "no --policy is team"),
        ((*ORG, "--policy", "oci:../policies"), USAGE, "neither a tag"),
        ((*ORG, "--policy", "oci://x"), USAGE, "names no registry"),
        ((*ORG, "--policy", "oci:../policies:new"), USAGE, "named by a tag"),
    ],
)
def test_what_vouches_for_it_is_said_whole(
    place: Workspace, options: tuple[str, ...], code: int, why: str
) -> None:
    stored(place, Forged())
    for name in ("../org.key", "../empty.yaml", "pushpolicy.yaml"):
        place.write(name, key().private_pem() if name.endswith("key") else "")
    place.write("inside.pub", key().public.pem)
    (place.folder.parent / "link.pub").symlink_to(place.folder / "inside.pub")
    ran = check(place, *options)
    assert (ran.code, why in ran.complaint()) == (code, True), ran.err
    assert ran.hint() or code != errors.EXIT_USAGE


def test_one_policy_never_takes_the_place_of_another(place: Workspace) -> None:
    """With two tags swapped, or one moved to the other, both names have to be found all the same."""
    data = {".manifest": b'{"rego_version":1,"roots":["settings"]}', "settings/data.json": b"{}"}
    stored(place, Forged())
    stored(place, Forged(files=data, statement={"name": "team"}), "team")
    keys = ("--policy-key", "../org.pub=platform", "--policy-key", "../org.pub=team")
    both = check(place, *keys, "--policy", "oci:../policies:team")
    assert both.code == errors.EXIT_OK, both.err
    stored(place, Forged(files=data, statement={"name": "team"}))  # over that of the platform
    ran = check(place, *keys, "--policy", "oci:../policies:team")
    assert ran.code == errors.EXIT_POLICY
    assert "is the policy team, not platform" in ran.complaint()


def test_a_digest_vouches_for_itself(place: Workspace) -> None:
    manifest = stored(place, Forged(signers=("other",)))
    pinned = f"oci:../{STORE}@{manifest.digest}"
    ran = place.run("check", IMAGE, TARGET, "--policy", "pack", "--policy", pinned)
    assert ran.code == errors.EXIT_OK, ran.err
    assert f"pack, {pinned} sha256:" in ran.out
    assert "(anchored)" in ran.out
    asked = check(place, policy=pinned)  # with a key it has to be signed, too
    assert asked.code == errors.EXIT_POLICY
    assert (
        "no --policy is platform, as --policy-key asks: it has a statement that is signed by no"
        in asked.complaint()
    )
    assert "there is no folder ../nothing" in check(place, policy="oci:../nothing:prod").complaint()
    absent = f"oci:../{STORE}@sha256:{'0' * 64}"
    assert "there is no such artifact" in check(place, policy=absent).complaint()


Answer = Callable[[Asked], Answered]


def serving(*manifests: Manifest, blobs: dict[str, bytes]) -> Answer:
    """A registry whose tag names the first of these manifests, and after each time it is asked, the next."""
    following = iter([*manifests, *manifests[-1:] * 9])

    def answer(asked: Asked) -> Answered:
        name = asked.path.rpartition("/")[2]
        if "/manifests/" in asked.path:
            named = {str(each.digest): each for each in manifests}
            found = named.get(name) or next(following)
            told = {"Content-Type": found.media_type, "Docker-Content-Digest": str(manifests[0].digest)}
            return Answered(headers=told, body=found.content)
        return Answered(body=blobs.get(name, b""), status=200 if name in blobs or name == "" else 404)

    return answer


def made(forged: Forged, folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    manifest = replace(forged).store(folder)
    layers = {
        str(Digest.of(path.read_bytes())): path.read_bytes() for path in (folder / "blobs/sha256").iterdir()
    }
    return manifest, layers


def test_a_tag_that_moves_meanwhile_is_the_one_that_was_read_first(place: Workspace) -> None:
    folder = place.folder.parent / STORE
    old, _ = made(Forged(), folder)
    files = {**FILES, "settings/data.json": b"{}"}
    new, blobs = made(Forged(statement={"sequence": 6}, files=files), folder)
    with fake_registry(serving(old, new, blobs=blobs)) as registry:
        ran = check(place, policy=f"oci://{registry.host}/org/policy:prod")
        assert ran.code == errors.EXIT_OK, ran.err
        assert f"oci://{registry.host}/org/policy@{old.digest} signed by org sequence 5" in ran.out
        assert (
            len([each for each in registry.asked if "/manifests/" in each.path and each.method == "GET"]) == 1
        )
        again = check(place, policy=f"oci://{registry.host}/org/policy:prod")
        assert "sequence 6" in again.out  # nothing is kept of the run before


def lies(kind: str, manifest: Manifest, blobs: dict[str, bytes]) -> Answer:
    bundle, statement = (str(layer.digest) for layer in manifest.layers)
    honest = serving(manifest, blobs=blobs)

    def answer(asked: Asked) -> Answered:
        said = honest(asked)
        if kind == "manifest" and "/manifests/" in asked.path:
            return replace(said, body=said.body + b" ")
        if kind == "bundle" and asked.path.endswith(bundle):
            return replace(said, body=blobs[statement])
        if kind == "statement" and asked.path.endswith(statement):
            return replace(said, body=said.body[:-1])
        if kind == "absent" and "/blobs/" in asked.path:
            return Answered(status=404)
        if kind == "page" and "/manifests/" in asked.path:
            return Answered(headers={"Content-Type": "text/html"}, body=b"<html>log in</html>")
        return Answered(status=503) if kind == "busy" else said

    return answer


@pytest.mark.parametrize("kind", ["manifest", "bundle", "statement", "absent", "page"])
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_registry_that_lies_is_not_believed(place: Workspace, kind: str, by: str) -> None:
    manifest, blobs = made(Forged(), place.folder.parent / STORE)
    name = ":prod" if by == "tag" else f"@{manifest.digest}"
    with fake_registry(lies(kind, manifest, blobs)) as registry:
        ran = check(place, policy=f"oci://{registry.host}/org/policy{name}")
    if (kind, by) == ("manifest", "tag"):  # another manifest, which names the same that is signed
        assert ran.code == errors.EXIT_OK
        assert str(manifest.digest) not in ran.out
        return
    assert ran.code == errors.EXIT_POLICY, ran.out + ran.err
    assert "cannot be read" in ran.complaint()
    assert not ran.out
