"""Each kind of registry differs by its traits alone."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import quote

import pytest

from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST
from tests.fake_registry import Asked
from tests.registries import PASSWORD, READER, USERNAME
from tests.registry_kinds import KINDS, Kind, KindRegistry
from tests.registry_kinds.content import Stored, digest_of
from tests.registry_kinds.conversation import (
    AS_MANIFEST,
    CONFIG,
    IMAGE,
    LAYER,
    NOTE,
    REFERRER,
    asking,
    described,
    location,
    manifest,
)

RUN_HERE = {
    "distribution",
    "distribution-2.8",
    "go-containerregistry",
    "go-containerregistry-referrers",
    "olareg",
}
WITH_USERS = [kind for kind in KINDS.values() if kind.auth != "none"]


def _filled(kind: Kind) -> KindRegistry:
    """A registry of the kind with a config, a layer and the tag 1.0, put there past all it would refuse."""
    registry = KindRegistry(kind)
    held = registry.create("team/app")
    held.blobs |= {digest_of(content): content for content in (CONFIG, LAYER, NOTE, b"{}")}
    held.manifests[digest_of(IMAGE)] = Stored(OCI_MANIFEST, IMAGE)
    held.tags["1.0"] = digest_of(IMAGE)
    return registry


PUT = "/v2/team/app/manifests/"
OTHER = manifest(NOTE, described(CONFIG, OCI_CONFIG))
MOVED, AGAIN = asking("PUT", f"{PUT}1.0", AS_MANIFEST, OTHER), asking("PUT", f"{PUT}1.0", AS_MANIFEST, IMAGE)
ATTACHED = asking("PUT", PUT + digest_of(REFERRER), AS_MANIFEST, REFERRER)
LISTED = asking("GET", f"/v2/team/app/referrers/{digest_of(IMAGE)}")
OPENED = asking("POST", "/v2/team/app/blobs/uploads/")


def _if(condition: str, value: str, tag: str = "1.0", body: bytes = OTHER) -> Asked:
    return asking("PUT", PUT + tag, {**AS_MANIFEST, condition: value}, body)


@pytest.mark.parametrize(
    ("kind", "asked", "status", "says"),
    [
        ("full", MOVED, 201, ""),
        ("immutable", MOVED, 400, "TAG_INVALID"),
        ("immutable", AGAIN, 201, ""),
        ("create-only", AGAIN, 403, "DENIED"),
        ("harbor", MOVED, 412, "'1.0' configured as immutable"),
        ("artifactory", AGAIN, 403, '{"description": "HTTP 403 Forbidden"}'),
        ("known-types", ATTACHED, 400, "unknown media type: application/vnd.oci.empty.v1+json"),
        ("known-types", MOVED, 201, ""),
        ("conditions", _if("If-None-Match", "*"), 412, ""),
        ("conditions", _if("If-None-Match", "*", "2.0"), 201, ""),
        ("conditions", _if("If-Match", f'"{digest_of(OTHER)}"'), 412, ""),
        ("conditions", _if("If-Match", f'"manifest-{digest_of(IMAGE)[-16:]}"'), 201, ""),
        ("conditions", _if("If-Match", '"no"', digest_of(IMAGE), IMAGE), 412, ""),
        ("full", _if("If-None-Match", "*"), 201, ""),
        ("no-head", asking("HEAD", f"{PUT}1.0"), 405, ""),
        ("ecr", asking("POST", "/v2/no/such/blobs/uploads/"), 404, "name 'no/such' does not exist"),
        ("to-be-created", asking("POST", "/v2/no/such/blobs/uploads/"), 404, "NAME_UNKNOWN"),
        ("referrers-303", LISTED, 303, ""),
        ("fallback", LISTED, 404, "page not found"),
    ],
)
def test_a_trait(kind: str, asked: Asked, status: int, says: str) -> None:
    answered = _filled(replace(KINDS[kind], auth="none"))(asked)
    assert (answered.status, says in answered.body.decode()) == (status, True)


def test_what_the_answers_to_a_referrer_say() -> None:
    said = {}
    for name in ("full", "api-without-header", "header-without-api", "empty-200"):
        registry = _filled(KINDS[name])
        header = registry(ATTACHED).headers.get("OCI-Subject")
        listed = registry(LISTED)
        count = len(json.loads(listed.body)["manifests"]) if listed.status == 200 else None
        said[name] = (header == digest_of(IMAGE), count)
    expected = {"full": (True, 1), "api-without-header": (False, 1), "header-without-api": (True, None)}
    assert said == {**expected, "empty-200": (False, 0)}


def test_several_tags_in_one_request_or_none() -> None:
    asked = asking("PUT", f"{PUT}{digest_of(IMAGE)}?tag=a&tag=b", AS_MANIFEST, IMAGE)
    taken, ignored = _filled(KINDS["multi-tag"]), _filled(KINDS["full"])
    assert taken(asked).headers["OCI-Tag"] == "a, b"
    assert "OCI-Tag" not in ignored(asked).headers
    assert set(taken.repositories["team/app"].tags) == {"1.0", "a", "b"}
    assert set(ignored.repositories["team/app"].tags) == {"1.0"}


def test_a_restart_forgets_open_uploads() -> None:
    registry = _filled(KINDS["full"])
    place = location(registry(OPENED))
    assert registry(asking("GET", place)).status == 204
    registry.restart()
    assert registry(asking("GET", place)).status == 404


@pytest.mark.parametrize(
    ("kind", "is_tagged", "left"),
    [
        ("full", False, {IMAGE, REFERRER}),
        ("untagged-retention", True, {IMAGE}),
        ("zot", True, {IMAGE, REFERRER}),
        ("zot", False, set()),
    ],
)
def test_clean_up(kind: str, is_tagged: bool, left: set[bytes]) -> None:
    registry = _filled(KINDS[kind])
    registry(ATTACHED)
    held = registry.repositories["team/app"]
    if not is_tagged:
        del held.tags["1.0"]
    registry.clean()
    assert {stored.content for stored in held.manifests.values()} == left


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.auth != "none"], ids=lambda k: k.name
)
@pytest.mark.parametrize(
    ("user", "reads", "writes"),
    [(USERNAME, True, True), (READER, True, False), ("nobody", False, False), (None, False, False)],
)
def test_who_may_do_what(kind: Kind, user: str | None, reads: bool, writes: bool) -> None:
    registry = _filled(kind)

    def status(asked: Asked) -> int:
        """As a client that answers the challenge."""
        basic = f"Basic {base64.b64encode(f'{user}:{PASSWORD}'.encode()).decode()}"
        headers = {"Authorization": basic} if user else {}
        if kind.auth == "token":
            scope = kind.scope.format(name="team/app", actions="pull,push")
            token = registry(asking("GET", f"/token?scope={quote(scope)}", headers))
            headers = {"Authorization": f"Bearer {json.loads(token.body).get('token')}"} if user else {}
            if token.status != 200:
                return token.status
        return registry(replace(asked, headers=headers)).status

    assert (status(asking("GET", f"{PUT}1.0")) == 200) == reads
    assert (status(OPENED) == 202) == writes
    unasked = registry(asking("GET", f"{PUT}1.0"))
    assert (unasked.status, "WWW-Authenticate" in unasked.headers) == (401, kind.challenges == "every")


def test_every_kind_that_people_use_says_that_it_was_not_seen() -> None:
    for kind in KINDS.values():
        assert kind.source.startswith("seen: ") == (kind.name in RUN_HERE)
        assert kind.source.startswith(
            ("seen: ", "not seen live: ", "distribution-spec", "github.com/", "RFC")
        )
