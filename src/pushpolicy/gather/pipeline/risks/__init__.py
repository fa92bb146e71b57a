"""What a file of each CI system lets others do with a login: the one table.

A login is known by its command, or by the name of what does it. What sees the credential, and is taken by a
branch or a version that moves, is `unpinned-action`; a job that runs for what anybody proposes, and logs in,
is `login-beside-untrusted-code`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.document import Node
from pushpolicy.gather.pipeline.places import Kind
from pushpolicy.gather.pipeline.risks.github import of_github
from pushpolicy.gather.pipeline.risks.jobs import of_azure, of_bitbucket, of_gitlab
from pushpolicy.gather.pipeline.risks.steps import of_buildkite, of_circleci, of_drone

_RISKS: Mapping[Kind, Callable[[Node], Iterator[Hit]]] = {
    Kind.GITHUB: of_github,
    Kind.GITLAB: of_gitlab,
    Kind.AZURE: of_azure,
    Kind.BITBUCKET: of_bitbucket,
    Kind.CIRCLECI: of_circleci,
    Kind.BUILDKITE: of_buildkite,
    Kind.DRONE: of_drone,
}


def of(kind: Kind, root: Node) -> Iterator[Hit]:
    """The risks of one document; none of a system that is not in the table."""
    if found := _RISKS.get(kind):
        yield from found(root)
