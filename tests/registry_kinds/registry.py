"""A registry of one kind: which request is about what, and who may ask it."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from tests.fake_registry import Answered, Asked
from tests.registries import PASSWORD, READER, USERNAME
from tests.registry_kinds.content import (
    JSON,
    Content,
    begin_upload,
    continue_upload,
    refused,
    send_blob,
)
from tests.registry_kinds.kind import Kind, Refusal
from tests.registry_kinds.manifests import (
    clean,
    delete_manifest,
    list_referrers,
    list_tags,
    put_manifest,
    send_manifest,
)

_PATH = re.compile(
    r"/(?P<root>v2|storage)/(?P<name>.+?)/(?P<what>blobs/uploads|blobs|manifests|referrers|tags)/(?P<last>[^/]*)"
)
_UNAUTHORIZED = Refusal(status=401, code="UNAUTHORIZED", message="authentication required")
_NO_METHOD = Refusal(status=405, code="UNSUPPORTED", message="The operation is unsupported.")
_NOTHING = Refusal(status=404, words="404 page not found")
# Makes the answer that is sent from the request and what answers it honestly.
Lie = Callable[[Asked, Callable[[Asked], Answered]], Answered]
_READS = frozenset({"GET", "HEAD"})


class KindRegistry:
    """What `fake_registry` can serve, and a scheduler can drive: an answer to each request, and nothing more.

    Attributes:
        kind: what it is like.
        repositories: what it holds, by name.
        lie: makes the answer that is sent from the request and the honest answer.
    """

    def __init__(self, kind: Kind, lie: Lie | None = None) -> None:
        self.kind = kind
        self.repositories: dict[str, Content] = {}
        self.lie = lie or (lambda asked, honest: honest(asked))
        self._uploads = 0
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Answered:
        """What is sent."""
        return self.lie(asked, self.answer)

    def held(self, name: str) -> Content | None:
        """What the repository of that name has; None when it is not there."""
        return self.repositories.get(name)

    def create(self, name: str) -> Content:
        """The repository of that name, empty if it was not there."""
        return self.repositories.setdefault(name, Content())

    def restart(self) -> None:
        """Lose what is kept in memory only: the uploads that are open."""
        for held in self.repositories.values():
            held.uploads.clear()

    def clean(self) -> None:
        """Run its clean-up."""
        with self._lock:
            for held in self.repositories.values():
                clean(self.kind, held)

    def answer(self, asked: Asked) -> Answered:
        """What is true, and what was asked for is done."""
        parts = urlsplit(asked.path)
        if parts.path == "/token":
            return self._token(asked, parse_qs(parts.query).get("scope", []))
        found = _PATH.fullmatch(parts.path)
        name, root = (found["name"], found["root"]) if found else ("", "v2")
        if root == "v2" and (wrong := self._unauthorised(asked, name)):
            return wrong
        if not found:
            is_base = parts.path.rstrip("/") == "/v2"
            return Answered(headers={"Content-Type": JSON}, body=b"{}") if is_base else refused(_NOTHING)
        if asked.method == "HEAD" and not self.kind.heads:
            return refused(_NO_METHOD)
        with self._lock:
            if self.held(name) is None and asked.method not in _READS:
                if not self.kind.creates:
                    return refused(self.kind.uncreated, name=name)
                self.create(name)
            answered = self._route(asked, found, parse_qs(parts.query))
        is_short = asked.method == "HEAD" and answered.length is None
        return replace(answered, length=len(answered.body)) if is_short else answered

    def _route(self, asked: Asked, found: re.Match[str], query: dict[str, list[str]]) -> Answered:
        kind, name, last = self.kind, found["name"], found["last"]
        held, place = self.held(name) or Content(), f"/v2/{name}"
        headers = {key.lower(): value for key, value in asked.headers.items()}
        if found["what"] == "blobs/uploads" and asked.method == "POST":
            self._uploads += 1
            return self._mounted(place, held, query) or begin_upload(
                kind, place, held, self._uploads, query, asked.body
            )
        if found["what"] == "blobs/uploads":
            stated = headers.get("content-range", "")
            return continue_upload(kind, place, held, asked.method, last, query, asked.body, stated)
        if found["what"] == "blobs":
            if kind.redirects and asked.method == "GET" and found["root"] == "v2" and last in held.blobs:
                return Answered(status=307, headers={"Location": f"/storage/{name}/blobs/{last}"})
            return send_blob(kind, asked.method, held.blobs.get(last), headers.get("range", ""))
        if found["what"] in ("tags", "referrers"):
            return self._listed(name, found["what"] == "tags", last, query)
        if asked.method == "PUT":
            return put_manifest(kind, place, held, last, query.get("tag", []), headers, asked.body)
        if asked.method == "DELETE":
            return delete_manifest(kind, held, last)
        return send_manifest(kind, held, last)

    def _listed(self, name: str, is_tags: bool, last: str, query: dict[str, list[str]]) -> Answered:
        """The tags of a repository, or what refers to a manifest of it."""
        kind, held = self.kind, self.held(name)
        if not is_tags and isinstance(kind.referrers, Refusal):
            return refused(kind.referrers)
        if held is None and kind.absent:
            return refused(kind.absent)
        if is_tags:
            return list_tags(kind, f"/v2/{name}", name, held or Content(), query)
        return list_referrers(kind, held or Content(), last, query)

    def _mounted(self, place: str, held: Content, query: dict[str, list[str]]) -> Answered | None:
        source = self.held(query.get("from", [""])[0]) or Content()
        digest = query.get("mount", [""])[0]
        if not self.kind.mounts or digest not in source.blobs:
            return None
        held.blobs[digest] = source.blobs[digest]
        headers = {"Location": f"{place}/blobs/{digest}", "Docker-Content-Digest": digest}
        return Answered(status=201, headers=headers)

    def _unauthorised(self, asked: Asked, name: str) -> Answered | None:
        """The answer to who may not ask this; None for who may."""
        if self.kind.auth == "none":
            return None
        shown = asked.headers.get("Authorization", "")
        actions = "pull" if asked.method in _READS else "pull,push"
        user, scopes = self._known(shown)
        host = asked.headers.get("Host", "registry")
        scope = self.kind.scope.format(name=name, actions=actions) if name else ""
        if user is None:
            return self._challenge(host, scope, name)
        if user == READER and asked.method not in _READS and self.kind.denied:
            return refused(self.kind.denied, name=name)
        if self.kind.auth == "token" and scope and not _covers(scopes, scope):
            return self._challenge(host, scope, name, ',error="insufficient_scope"')
        return None

    def _challenge(self, host: str, scope: str, name: str, error: str = "") -> Answered:
        asks = 'Basic realm="registry"'
        if self.kind.auth == "token":
            asks = f'Bearer realm="http://{host}/token",service="registry"'
            asks += f',scope="{scope}"' if scope else ""
        headers = {"WWW-Authenticate": asks + error} if self.kind.challenges == "every" or not name else {}
        return refused(replace(_UNAUTHORIZED, headers=headers))

    def _known(self, shown: str) -> tuple[str | None, list[str]]:
        scheme, _, text = shown.partition(" ")
        if scheme == "Basic" and self.kind.auth == "basic":
            return _user(text), []
        if scheme == "Bearer" and self.kind.auth == "token":
            value = json.loads(base64.b64decode(text))
            return value["user"], value["scopes"]
        return None, []

    def _token(self, asked: Asked, scopes: list[str]) -> Answered:
        """A token of the scopes that it knows and the user may have: no word of theirs is read as another."""
        user = _user(asked.headers.get("Authorization", "").partition(" ")[2])
        if user is None:
            return refused(_UNAUTHORIZED)
        wanted = [scope for value in scopes for scope in value.split()]
        if user == READER and not self.kind.denied:
            wanted = [re.sub(r",?\bpush\b", "", scope) for scope in wanted]
        token = base64.b64encode(json.dumps({"user": user, "scopes": wanted}).encode()).decode()
        return Answered(headers={"Content-Type": JSON}, body=json.dumps({"token": token}).encode())


def _user(text: str) -> str | None:
    try:
        user, _, password = base64.b64decode(text).decode().partition(":")
    except ValueError:
        return None
    return user if password == PASSWORD and user in (USERNAME, READER) else None


def _covers(scopes: list[str], scope: str) -> bool:
    resource, _, actions = scope.rpartition(":")
    for granted in scopes:
        of, _, given = granted.rpartition(":")
        if of == resource and set(actions.split(",")) <= set(given.split(",")):
            return True
    return False
