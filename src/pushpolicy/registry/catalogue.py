"""Which repositories a registry has, where it tells (distribution, "Listing Repositories").

The OCI specification leaves the request out, and hosted registries refuse it. What is told is what the
credential may see, as a rule; nothing of it is trusted but that there may be such a repository.
"""

from __future__ import annotations

from urllib.parse import urlencode

from pushpolicy.errors import PushError
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.registry.api import Api, RegistryCall
from pushpolicy.registry.interface import Access
from pushpolicy.registry.pages import pages, read_names
from pushpolicy.registry.refusals import refusal

# What distribution gives at most, unless it is configured otherwise; it refuses to be asked for more.
_PAGE_SIZE = 1000
# What registries answer that have no such list, or none for this credential.
_NO_LIST = frozenset({400, 401, 403, 404, 405, 406, 501})
_HINT = "name the repositories, each as REGISTRY/REPO, or a file with one on each line: @FILE"
SCOPE = "registry:catalog:*"


def listed(glob: str, access: Access) -> tuple[Repository, ...]:
    """The repositories that a registry lists and a glob covers, sorted, each once.

    Args:
        glob: begins with the registry: ``*`` stops at a slash, ``**`` does not.
        access: how the registry is reached.

    Raises:
        PushError: when the registry gives no list, or one that is malformed, endless or led elsewhere, or
            that has what the glob covers and is no name of a repository.
        ValueError: when the glob names no registry.
    """
    host = glob.partition("/")[0]
    registry = Repository.parse(f"{host}/any").registry
    api = Api(Repository(registry=registry, path=""), access)
    call = RegistryCall(
        action=f"{registry}: list of repositories",
        method="GET",
        url=f"{api.endpoint.url('_catalog')}?{urlencode({'n': _PAGE_SIZE})}",
        scopes=(SCOPE,),
    )
    found = dict[str, None]()
    for answer in pages(api, call):
        if answer.status != 200:
            error = refusal(call.action, answer)
            raise PushError(error.message, _HINT if answer.status in _NO_LIST else error.hint)
        found |= dict.fromkeys(read_names(answer, "repositories", call.action))
    covered = [path for path in found if Repository(registry=registry, path=path).is_covered_by(glob)]
    try:
        return tuple(Repository.parse(f"{registry}/{path}") for path in sorted(covered))
    except ValueError as error:
        raise PushError(f"{call.action}: {printable(str(error), 300)}", _HINT) from error
