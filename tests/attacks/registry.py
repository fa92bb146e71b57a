"""The registry, or whoever sits before it: it lies about what it has, and leads elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pushpolicy import errors
from pushpolicy.model.manifest import OCI_INDEX, OCI_MANIFEST
from tests.attacks.table import Attack, Run
from tests.fake_registry import Answered, Asked, fake_registry
from tests.faults.honest import Honest, Stored, digest_of
from tests.workspace import IMAGE, Ran, Workspace

Lie = Callable[[Asked, Callable[[Asked], Answered]], Answered]
USER, PASSWORD = "ci", "never-to-be-seen-elsewhere"
LOGIN = {"WWW-Authenticate": 'Basic realm="x"'}
ELSEWHERE = "elsewhere.example"
TAG = "1.0.0"


def is_(asked: Asked, method: str, *parts: str) -> bool:
    """Whether the request is one of these."""
    return asked.method == method and all(part in asked.path for part in parts)


def keeps_no_blob(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """Blobs are taken and not stored."""
    return Answered(status=201) if asked.body and "/blobs/uploads/" in asked.path else honest(asked)


def keeps_no_manifest(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """Manifests are taken and not stored."""
    return Answered(status=201) if is_(asked, "PUT", "/manifests/sha256:") else honest(asked)


def keeps_no_tag(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """A tag is taken and not set."""
    return Answered(status=201) if is_(asked, "PUT", "/manifests/1.0.0") else honest(asked)


def other_manifest(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """Under the right digest, in the right header, a manifest of other bytes."""
    answer = honest(asked)
    return replace(answer, body=answer.body + b" ") if is_(asked, "GET", "/manifests/sha256:") else answer


def other_manifest_of_the_tag(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """The tag names a manifest of other bytes, which the header says is the right one."""
    answer = honest(asked)
    found = is_(asked, "GET", "/manifests/1.0.0") and answer.status == 200
    return replace(answer, body=answer.body + b" ") if found else answer


def other_blobs(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """Every blob has other bytes."""
    answer = honest(asked)
    return replace(answer, body=answer.body[::-1]) if is_(asked, "GET", "/blobs/sha256:") else answer


def lists_a_record_that_is_gone(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """The record is listed and not there."""
    answer = honest(asked)
    is_record = is_(asked, "GET", "/manifests/sha256:") and b"vnd.pushpolicy.record" in answer.body
    return Answered(status=404) if is_record else answer


def loses_a_blob_of_the_record(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """The evidence is taken and never given out."""
    answer = honest(asked)
    is_evidence = is_(asked, "GET", "/blobs/sha256:") and b'"pushpolicy.evidence/v1"' in answer.body
    return Answered(status=404) if is_evidence else answer


def lists_it_as(**said: object) -> Lie:
    """Every entry of the list of referrers says something else of its manifest."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = honest(asked)
        if not is_(asked, "GET", "/referrers/"):
            return answer
        listed = json.loads(answer.body)
        for entry in listed["manifests"]:
            entry.update(said)
        return replace(answer, body=json.dumps(listed).encode())

    return lie


def lists_nothing(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """The list of referrers is empty, whatever was put."""
    answer = honest(asked)
    return replace(answer, body=b'{"manifests": []}') if is_(asked, "GET", "/referrers/") else answer


def another_push_comes(at: str) -> Lie:
    """The tag is moved by somebody else once the image (by digest) or the tag was put."""
    put: list[str] = []

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = honest(asked)
        if is_(asked, "PUT", at):
            put.append(asked.path)
        if put and is_(asked, "GET", "/manifests/1.0.0"):
            return Answered(
                headers={"Content-Type": OCI_INDEX}, body=b'{"schemaVersion": 2, "manifests": []}'
            )
        return answer

    return lie


def claims_tags(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """It says that it set every tag that was asked for with the manifest, and sets none."""
    answer = honest(asked)
    tags = parse_qs(urlsplit(asked.path).query).get("tag", []) if asked.method == "PUT" else []
    return replace(answer, headers={**answer.headers, "OCI-Tag": ", ".join(tags)}) if tags else answer


def honours_in_words(then: Lie) -> Lie:
    """A condition that cannot hold is refused, as by who honours conditions; what comes then is a lie."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        if is_(asked, "PUT", "/manifests/sha256:") and "If-Match" in asked.headers:
            return Answered(status=412)
        return then(asked, honest)

    return lie


def refused_and_moved() -> Lie:
    """The tag is given to somebody else, in answer to a condition on it."""
    moved = another_push_comes("/manifests/1.0.0")

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = moved(asked, honest)
        return Answered(status=412) if is_(asked, "PUT", "/manifests/1.0.0") else answer

    return lie


def wrong_tag(content: bytes, kind: str = OCI_MANIFEST) -> Lie:
    """What the tag names before the push is no manifest."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        if is_(asked, "GET", "/manifests/1.0.0"):
            return Answered(headers={"Content-Type": kind}, body=content)
        return honest(asked)

    return lie


def leads(method: str, part: str, status: int = 307) -> Lie:
    """A request is led to another host, which asks for the password."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        if "Authorization" not in asked.headers:
            return Answered(status=401, headers=LOGIN)
        if is_(asked, method, part):
            return Answered(status=status, headers={"Location": f"http://{ELSEWHERE}{asked.path}"})
        return honest(asked)

    return lie


def uploads_elsewhere(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """Uploads are to be sent to another host."""
    if "Authorization" not in asked.headers:
        return Answered(status=401, headers=LOGIN)
    if is_(asked, "POST", "/blobs/uploads/"):
        return Answered(status=202, headers={"Location": f"http://{ELSEWHERE}/upload"})
    return honest(asked)


def endless(pages: Callable[[str], str]) -> Lie:
    """The list of referrers has always another page."""

    def lie(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = honest(asked)
        if not is_(asked, "GET", "/referrers/"):
            return answer
        link = f'<{pages(asked.path)}>; rel="next"'
        return replace(answer, headers={**answer.headers, "Link": link}, body=answer.body + b" " * 2**20)

    return lie


def mounts_nothing(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """Every blob is said to be mounted, and none is."""
    if "mount=" in asked.path:
        return Answered(status=201)
    if "/team/app/blobs/sha256:" in asked.path:
        return Answered(status=404)
    return honest(asked)


def other_blobs_of_the_source(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """Blobs of the source have other bytes under their digest."""
    return other_blobs(asked, honest) if "/team/dev/" in asked.path else honest(asked)


LIES: Mapping[str, Lie] = {
    "keeps no blob": keeps_no_blob,
    "keeps no manifest": keeps_no_manifest,
    "keeps no tag": keeps_no_tag,
    "serves another manifest under the digest": other_manifest,
    "serves another manifest under the tag": other_manifest_of_the_tag,
    "serves other bytes in every blob": other_blobs,
    "lists a record that is gone": lists_a_record_that_is_gone,
    "loses a blob of the record": loses_a_blob_of_the_record,
    "lists the record as something else": lists_it_as(artifactType="application/x-other"),
    "lists another manifest in its place": lists_it_as(digest="sha256:" + "0" * 64),
    "acknowledges the record and lists nothing": lists_nothing,
    "lets another push come before the tag is set": another_push_comes("/manifests/sha256:"),
    "lets another push come after the tag was set": another_push_comes("/manifests/1.0.0"),
    "claims tags that it did not set": claims_tags,
    "honours a condition in words, and keeps no tag": honours_in_words(keeps_no_tag),
    "honours a condition in words, and moves the tag itself": honours_in_words(refused_and_moved()),
    "has a page under the tag": wrong_tag(b"<html>", "text/html"),
    "has a manifest under the tag that two programs read differently": wrong_tag(
        b'{"schemaVersion": 2, "config": {}, "Config": {}, "layers": []}'
    ),
    "has an endless manifest under the tag": wrong_tag(b" " * (4 * 1024 * 1024 + 1)),
    "leads the question for the tag elsewhere": leads("GET", "/manifests/1.0.0"),
    "leads a blob elsewhere": leads("GET", "/blobs/sha256:", 302),
    "leads a manifest elsewhere": leads("PUT", "/manifests/sha256:"),
    "leads the tag elsewhere": leads("PUT", "/manifests/1.0.0"),
    "leads the referrers elsewhere": leads("GET", "/referrers/"),
    "leads uploads elsewhere": uploads_elsewhere,
    "leads through pages in a circle": endless(lambda path: path.partition("?")[0] + "?again"),
    "leads through pages without end": endless(
        lambda path: f"{path.partition('?')[0]}?{time.monotonic_ns()}"
    ),
    "mounts nothing and says that it did": mounts_nothing,
    "serves other blobs of the source": other_blobs_of_the_source,
}


def seen(place: Workspace) -> Path:
    """What is kept of a run: tags, and whether a password was seen elsewhere."""
    return place.folder.parent / "seen.json"


def pushing(*options: str, promoted: bool = False) -> Run:
    """`push` to a registry that tells the lie of the workspace, and the truth where there is none."""

    def run(place: Workspace) -> Ran:
        lies = seen(place)
        name = json.loads(lies.read_text())["lie"] if lies.exists() else None
        with ExitStack() as stack:
            other = stack.enter_context(fake_registry(lambda asked: Answered(status=401, headers=LOGIN)))
            told = Honest(lie=_told(LIES[name], other.host)) if name else Honest(lie=_asking)
            registry = stack.enter_context(fake_registry(told))
            if promoted:
                _fill(told, place.folder / "image")
            image = f"docker://{registry.host}/team/dev:built" if promoted else IMAGE
            ran = place.push(*options, image=image, target=f"{registry.host}/team/app:{TAG}")
        leaked = any("Authorization" in asked.headers or PASSWORD in str(asked) for asked in other.asked)
        lies.write_text(json.dumps({"lie": name, "tags": told.tags, "leaked": leaked}))
        return ran

    return run


def _asking(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
    """The truth, to who has the password."""
    return honest(asked) if "Authorization" in asked.headers else Answered(status=401, headers=LOGIN)


def _told(lie: Lie, elsewhere: str) -> Lie:
    def told(asked: Asked, honest: Callable[[Asked], Answered]) -> Answered:
        answer = lie(asked, honest)
        headers = {name: text.replace(ELSEWHERE, elsewhere) for name, text in answer.headers.items()}
        return replace(answer, headers=headers)

    return told


def _fill(registry: Honest, layout: Path) -> None:
    """The image of the workspace lies in the registry."""
    for path in layout.glob("blobs/sha256/*"):
        registry.blobs[f"sha256:{path.name}"] = path.read_bytes()
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    content = registry.blobs[entry["digest"]]
    registry.manifests[digest_of(content)] = Stored(entry["mediaType"], content)
    registry.tags["built"] = digest_of(content)


def with_login(place: Workspace) -> Workspace:
    """The job has a password for the registry."""
    return place.with_variables(PUSHPOLICY_USERNAME=USER, PUSHPOLICY_PASSWORD=PASSWORD)


def leaked(place: Workspace) -> bool:
    """Whether the password was seen elsewhere."""
    return bool(json.loads(seen(place).read_text())["leaked"])


def was_tagged(place: Workspace) -> bool:
    """Whether the tag of the target was set, or the password seen elsewhere."""
    tags = json.loads(seen(place).read_text())["tags"]
    return leaked(place) or TAG in tags


PUSHED, PROMOTED, TAGGED = pushing(), pushing(promoted=True), pushing("--tag", "stable")


def lies(
    name: str,
    says: str,
    run: Run = PUSHED,
    code: int = errors.EXIT_INCOMPLETE,
    writes: Callable[[Workspace], bool] = was_tagged,
) -> Attack:
    """A registry that lies is not believed."""

    def strike(place: Workspace) -> None:
        seen(place).write_text(json.dumps({"lie": name}))

    return Attack(name=name, prepare=with_login, strike=strike, run=run, code=code, says=says, writes=writes)


ROWS = [
    lies("keeps no blob", "pushed by digest, but"),
    lies("keeps no manifest", "is not there as it was sent"),
    lies("keeps no tag", "names nothing now"),
    lies("serves another manifest under the digest", "serves other content"),
    lies("serves another manifest under the tag", "and names", writes=leaked),
    lies("serves other bytes in every blob", "other content"),
    lies("lists a record that is gone", "is not there as it was sent"),
    lies("loses a blob of the record", "is not there as it was sent"),
    lies("lists the record as something else", "does not list it"),
    lies("lists another manifest in its place", "does not list it"),
    lies("acknowledges the record and lists nothing", "does not list it"),
    lies("lets another push come before the tag is set", "was moved meanwhile"),
    lies("lets another push come after the tag was set", "and names", writes=leaked),
    lies("claims tags that it did not set", "names nothing now", TAGGED),
    lies("honours a condition in words, and keeps no tag", "names nothing now"),
    lies("honours a condition in words, and moves the tag itself", "was moved meanwhile", writes=leaked),
    lies("has a page under the tag", "not JSON", code=errors.EXIT_PUSH),
    lies(
        "has a manifest under the tag that two programs read differently",
        "ignore case",
        code=errors.EXIT_PUSH,
    ),
    lies("has an endless manifest under the tag", "over the limit", code=errors.EXIT_PUSH),
    lies("leads the question for the tag elsewhere", "401", code=errors.EXIT_PUSH),
    lies("leads a blob elsewhere", "401"),
    lies("leads a manifest elsewhere", "401", code=errors.EXIT_PUSH),
    lies("leads the tag elsewhere", "401"),
    lies("leads the referrers elsewhere", "401"),
    lies("leads uploads elsewhere", "401", code=errors.EXIT_PUSH),
    lies("leads through pages in a circle", "lead in a circle", code=errors.EXIT_PUSH),
    lies("leads through pages without end", "over the limit of 64 MiB", code=errors.EXIT_PUSH),
    lies("mounts nothing and says that it did", "pushed by digest, but", PROMOTED),
    lies("serves other blobs of the source", "other content", PROMOTED, errors.EXIT_INPUT),
]
