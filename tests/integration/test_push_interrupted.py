"""Whatever happens to a push, and whenever: never a tag without its record, and a rerun finishes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.audit.history import find_record
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import IncompleteError, PushError
from pushpolicy.model.reference import Reference, Target
from pushpolicy.pipeline import admit
from pushpolicy.registry import Access, RepositoryClient, open_repository
from tests.jobs import AT, GOOD, Job
from tests.judged import current, make_image, publish
from tests.proxy import Fault, Proxy, proxy_before
from tests.push_once import push_process
from tests.registries import Registry, distribution_registry, olareg_registry

IMAGE = make_image(architectures=("amd64",))
OTHER = make_image("other", architectures=("amd64",))


# Each fault meets every third request, so that three faults of different kinds meet each one.
STRIDE = 3


@pytest.fixture(params=[distribution_registry, olareg_registry], ids=["distribution", "olareg"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """A registry of each kind, in memory: hundreds of repositories are pushed to."""
    with request.param(tmp_path / "registry", memory=True) as registry:
        yield registry


def _target(host: str, name: object) -> Target:
    return Target.parse(f"{host}/team/app-{name}:1.0").with_tags(("stable",))


def _client(target: Target, attempts: int = 6) -> RepositoryClient:
    return open_repository(target.repository, Access(attempts=attempts))


def _check_tags(host: str, name: object) -> frozenset[str]:
    """Require that each tag has its record; the tags there are."""
    client = _client(_target(host, name))
    for tag in client.tags():
        record = find_record(client, Reference(repository=client.repository, tag=tag))
        named = client.resolve(tag)
        assert named
        assert record.summary.subject.digest == named.digest
        assert tag in record.decision.image.tags
    return frozenset(client.tags())


def _requests_of_a_push(proxy: Proxy) -> int:
    target = _target(proxy.host, "counted")
    publish(IMAGE, _client(target), target)
    count = len(proxy.seen)
    proxy.seen.clear()
    return count


def _push_killed_after(number: int, proxy: Proxy, job: Job, opa: Path) -> bool:
    """Push in a process of its own, which is killed once the registry has done this request.

    Returns:
        False when the push was over before.
    """
    process, started = push_process(job.folder, opa, _target(proxy.host, number)), threading.Event()

    def kill(request: int) -> None:
        if request == number:
            started.wait(60)
            process.kill()

    proxy.seen.clear()
    proxy.done = kill
    process.start()
    started.set()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_kill_9_after_each_request(registry: Registry, tmp_path: Path, opa: Path) -> None:
    job, left = Job(folder=tmp_path, engine=LocalOpa(opa)), list[frozenset[str]]()
    with proxy_before(registry.host) as proxy:
        while _push_killed_after(len(left) + 1, proxy, job, opa):
            number = len(left) + 1
            left.append(_check_tags(registry.host, number))
            again = job.request(GOOD, _target(registry.host, number), evaluated_at=AT.replace(hour=11))
            published = admit(again).published
            assert published
            assert current(again.client, again.target) == dict.fromkeys(again.target.tags, published.digest)
            assert _check_tags(registry.host, number) == {"1.0", "stable"}
    assert len(left) > 20
    assert sorted(left, key=len) == left
    assert set(left) == {frozenset(), frozenset({"1.0"}), frozenset({"1.0", "stable"})}


@pytest.mark.parametrize("fault", Fault)
def test_no_fault_leaves_a_tag_without_its_record(fault: Fault, registry: Registry) -> None:
    failed = 0
    with proxy_before(registry.host) as proxy:
        count = _requests_of_a_push(proxy)
        for number in range(1 + list(Fault).index(fault) % STRIDE, count + 1, STRIDE):
            proxy.seen.clear()
            proxy.faults = {number: fault}
            target = _target(proxy.host, number)
            try:
                publish(IMAGE, _client(target, attempts=1), target)
            except (PushError, IncompleteError):
                failed += 1
            _check_tags(registry.host, number)
    assert failed > 0


def test_every_error_before_the_image_is_there_is_40_and_after_it_41(registry: Registry) -> None:
    kinds = list[type[Exception]]()
    with proxy_before(registry.host) as proxy:
        for number in range(1, _requests_of_a_push(proxy) + 1):
            proxy.seen.clear()
            proxy.faults = {number: Fault.FORBIDDEN}
            target = _target(proxy.host, number)
            with pytest.raises((PushError, IncompleteError)) as error:
                publish(IMAGE, _client(target), target)
            kinds.append(error.type)
            landed = _client(_target(registry.host, number)).manifest(IMAGE.top.digest)
            assert (error.type is IncompleteError) == (landed is not None)
            if error.type is IncompleteError:
                assert isinstance(error.value, IncompleteError)
                assert error.value.hint
    first_after = kinds.index(IncompleteError)
    assert set(kinds[:first_after]) == {PushError}
    assert set(kinds[first_after:]) == {IncompleteError}


def test_a_tag_that_moves_during_the_push_is_left_alone(registry: Registry) -> None:
    target = _target(registry.host, "raced")
    with proxy_before(registry.host) as proxy:
        through = _target(proxy.host, "raced")

        def other_push(number: int) -> None:
            if proxy.seen[-1].startswith("PUT") and f"manifests/{IMAGE.top.digest}" in proxy.seen[-1]:
                publish(OTHER, _client(target), target)

        proxy.done = other_push
        with pytest.raises(IncompleteError, match="was moved meanwhile") as error:
            publish(IMAGE, _client(through), through)
    assert error.value.exit_code == 41
    assert current(_client(target), target) == dict.fromkeys(target.tags, OTHER.top.digest)
    assert _check_tags(registry.host, "raced") == {"1.0", "stable"}
