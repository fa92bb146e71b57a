"""What a user does with a registry, one thing after another, and what has come of each.

Every scenario is commands of pushpolicy; whether a tag names what it should and has its record is then asked
of the registry itself.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pushpolicy.audit.history import find_record
from pushpolicy.audit.shelf import Shelf
from pushpolicy.cli.main import main
from pushpolicy.errors import PushPolicyError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.registry.remote import RemoteRepository
from tests.fake_registry import fake_registry
from tests.judged import make_statement
from tests.layouts import LayoutMaker, child
from tests.policies import rule, write_policy
from tests.registries import PASSWORD, USERNAME
from tests.registry_kinds import KINDS, KindRegistry
from tests.registry_table.subjects import Subject
from tests.workspace import Ran, Workspace

NOT_APPLICABLE = "n/a"
_NEVER = 'deny contains {"at": {"id": "x"}, "msg": "never"} if input.image.size == 1'
_ALWAYS = 'deny contains {"at": {"id": "x"}, "msg": "always"} if input.image.size > 1'


class Scenarios:
    """The scenarios on one registry; each gives its cell: the exit code, and `tag` and `record` if there.

    Attributes:
        complaints: the last words of each command that did not end with 0, by scenario.
    """

    def __init__(self, subject: Subject, place: Workspace) -> None:
        self.complaints: dict[str, str] = {}
        self._subject = subject
        self._place = place
        self._name = ""
        folder = place.folder.parent
        self._fine = write_policy(folder / "fine", {"fine": rule("fine", _NEVER)})
        self._strict = write_policy(folder / "strict", {"strict": rule("strict", _ALWAYS)})
        self._image = _made_image(place.folder / "one")
        self._index = _made_index(place.folder / "several")

    def run(self) -> Iterator[tuple[str, str]]:
        """Each scenario by name with its cell, in the order in which they have to be."""
        for name, scenario in SCENARIOS.items():
            self._name = name
            try:
                yield name, scenario(self)
            except PushPolicyError as error:
                self.complaints[name] = error.message
                yield name, "error"

    def push(self) -> str:
        """A new image to a new repository."""
        return self._pushed("one", "team/app", "1.0")

    def tag(self) -> str:
        """The same image under two more tags."""
        return self._pushed("one", "team/app", "2.0", "stable")

    def all(self) -> str:
        """Two images of the configuration."""
        images = [{"image": "oci:one", "target": f"{self._subject.host}/team/{name}:1.0"} for name in "ab"]
        (self._place.folder / "pushpolicy.yaml").write_text(json.dumps({"images": images}))
        code = self._run("push", "--all", f"--allow-target={self._subject.host}/team/*")
        (self._place.folder / "pushpolicy.yaml").unlink()
        cells = {self._cell(code, f"team/{name}", self._image, "1.0") for name in "ab"}
        return cells.pop() if len(cells) == 1 else "some"

    def index(self) -> str:
        """An image of two platforms."""
        return self._pushed("several", "team/multi", "1.0", digest=self._index)

    def promotion(self) -> str:
        """What is there already, in another repository."""
        return self._pushed(f"docker://{self._subject.host}/team/app:1.0", "team/released", "1.0")

    def referrers(self) -> str:
        """The same with what others attached to it."""
        source = self._subject.client("team/app")
        try:
            subject = source.manifest(self._image)
            if subject is None:
                return NOT_APPLICABLE
            statement = make_statement(subject.descriptor)
            for blob in statement.blobs:
                source.put_blob(blob.descriptor, blob.open)
            source.put_referrer(statement.manifest)()
        except PushPolicyError as error:
            self.complaints[self._name] = f"attached by hand: {error.message}"
            return NOT_APPLICABLE
        image = f"docker://{self._subject.host}/team/app:1.0"
        cell = self._pushed(image, "team/carried", "1.0", options=("--referrers",))
        try:
            listed = self._subject.client("team/carried").referrers(self._image)
        except PushPolicyError:
            return cell
        is_carried = statement.manifest.digest in {entry.digest for entry in listed}
        return f"{cell} carried" if is_carried else cell

    def audit_list(self) -> str:
        """`audit list`."""
        code = self._run("audit", "list", f"{self._subject.host}/team/app")
        return f"{code} record" if self._recorded("team/app", self._image) else str(code)

    def audit_show(self) -> str:
        """`audit show`."""
        return str(self._run("audit", "show", f"{self._subject.host}/team/app:1.0"))

    def audit_replay(self) -> str:
        """`audit replay`."""
        return str(self._run("audit", "replay", f"{self._subject.host}/team/app:1.0"))

    def denied(self) -> str:
        """A push that policy denies."""
        return self._pushed("one", "team/denied", "1.0", policy=self._strict)

    def password(self) -> str:
        """A push with the wrong password."""
        if not self._subject.has_users:
            return NOT_APPLICABLE
        return self._pushed("one", "team/locked", "1.0", password="wrong")

    def untagged(self) -> str:
        """`audit list` of a repository whose only tag was deleted."""
        if self._subject.kind.deletes != "tags and manifests":
            return NOT_APPLICABLE
        self._pushed("one", "team/untagged", "1.0")
        client = self._subject.client("team/untagged")
        assert isinstance(client, RemoteRepository)
        url = f"http://{self._subject.host}/v2/team/untagged/manifests/1.0"
        if client.do_request(url, "DELETE").status_code not in (202, 404):
            return NOT_APPLICABLE
        code = self._run("audit", "list", f"{self._subject.host}/team/untagged")
        return f"{code} record" if self._recorded("team/untagged", self._image) else str(code)

    def cleaned(self) -> str:
        """`audit show` after the registry's clean-up."""
        if self._subject.clean is None:
            return NOT_APPLICABLE
        self._pushed("one", "team/kept", "1.0")
        self._subject.clean()
        return self._cell(
            self._run("audit", "show", f"{self._subject.host}/team/kept:1.0"), "team/kept", self._image, "1.0"
        )

    def restart(self) -> str:
        """A push during whose first upload the registry is restarted."""
        if self._subject.restarting is None:
            return NOT_APPLICABLE
        return self._pushed("one", "team/restarted", "1.0", host=self._subject.restarting)

    def apart(self) -> str:
        """The image twice with its records in another registry, and `audit show` of it there."""
        place = f"{self._subject.host}/team/apart:1.0"
        with fake_registry(KindRegistry(KINDS["full"])) as other:
            records = Repository.parse(f"{other.host}/audit/records")
            options = ("--records", str(records))
            push, show = ("push", "oci:one", place, *options), ("audit", "show", place, *options)
            codes = [self._run(*arguments, docker_login=True) for arguments in (push, push, show)]
            code = next(filter(None, codes), 0)
            return self._cell(
                code, "team/apart", self._image, "1.0", records=open_repository(records, Access())
            )

    def reader(self) -> str:
        """A push by a user who may only read; the last one, since others may not write after it."""
        if self._subject.reader is None:
            return NOT_APPLICABLE
        self._subject.read_only()
        return self._pushed("one", "team/read", "1.0", user=self._subject.reader)

    def _pushed(
        self,
        image: str,
        repository: str,
        *tags: str,
        digest: Digest | None = None,
        options: tuple[str, ...] = (),
        host: str | None = None,
        policy: str | None = None,
        user: str = USERNAME,
        password: str = PASSWORD,
    ) -> str:
        source = image if ":" in image else f"oci:{image}"
        target = f"{host or self._subject.host}/{repository}:{tags[0]}"
        more = [option for tag in tags[1:] for option in ("--tag", tag)]
        code = self._run("push", source, target, *more, *options, policy=policy, user=user, password=password)
        return self._cell(code, repository, digest or self._image, *tags)

    def _cell(
        self,
        code: int,
        repository: str,
        digest: Digest,
        *tags: str,
        records: RepositoryClient | None = None,
    ) -> str:
        client = self._subject.client(repository)
        words = [str(code)]
        try:
            named = [found.digest for found in map(client.resolve, tags) if found]
        except PushPolicyError:
            return f"{code} unreadable"
        if named:
            words.append("tag" if named == [digest] * len(tags) else "WRONG-TAG")
            words += ["record"] if self._recorded(repository, digest, records) else []
        return " ".join(words)

    def _recorded(self, repository: str, digest: Digest, records: RepositoryClient | None = None) -> bool:
        client = self._subject.client(repository)
        try:
            reference = Reference(repository=client.repository, digest=digest)
            return find_record(Shelf.of(client, records), reference).summary.subject.digest == digest
        except PushPolicyError:
            return False

    def _run(
        self,
        *arguments: str,
        policy: str | None = None,
        user: str = USERNAME,
        password: str = PASSWORD,
        docker_login: bool = False,
    ) -> int:
        place = self._place
        if self._subject.has_users and docker_login:
            # One password in variables is refused where there are two registries.
            place.path("docker/config.json").write_text(
                json.dumps({"auths": {self._subject.host: {"username": user, "password": password}}})
            )
            place = place.with_variables(DOCKER_CONFIG=str(place.folder / "docker"))
        elif self._subject.has_users:
            place = place.with_variables(PUSHPOLICY_USERNAME=user, PUSHPOLICY_PASSWORD=password)
        options = ("--policy", policy or self._fine) if arguments[0] == "push" else ()
        ran = place.run(*arguments, *options)
        if ran.code:
            said = [line for line in ran.err.splitlines() if line.startswith(("pushpolicy: ", "  -> "))]
            self.complaints[self._name] = " ".join(said)
        return ran.code


SCENARIOS: Mapping[str, Callable[[Scenarios], str]] = {
    "push": Scenarios.push,
    "again": Scenarios.push,
    "tag": Scenarios.tag,
    "all": Scenarios.all,
    "index": Scenarios.index,
    "promotion": Scenarios.promotion,
    "referrers": Scenarios.referrers,
    "list": Scenarios.audit_list,
    "show": Scenarios.audit_show,
    "replay": Scenarios.audit_replay,
    "denied": Scenarios.denied,
    "password": Scenarios.password,
    "untagged": Scenarios.untagged,
    "cleaned": Scenarios.cleaned,
    "restart": Scenarios.restart,
    "apart": Scenarios.apart,
    "reader": Scenarios.reader,
}


def run_here(place: Workspace, arguments: tuple[str, ...]) -> Ran:
    """A command of pushpolicy in this process, which does nothing else."""
    os.chdir(place.folder)
    os.environ.clear()
    os.environ.update(place.environ)
    tempfile.tempdir = place.environ.get("TMPDIR")
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    written = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Ran(code=code, out=written[0], err=written[1])


def _made_image(folder: Path) -> Digest:
    """A layout of one image with a layer that goes in an upload of its own."""
    maker = LayoutMaker(folder)
    return maker.add(maker.image(content=os.urandom(100_000))).digest


def _made_index(folder: Path) -> Digest:
    maker = LayoutMaker(folder)
    amd, arm = maker.image(), maker.image(architecture="arm64", content=b"for arm")
    return maker.add(maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64"))).digest
