"""Whether a file of the pipeline shows that a variable holds a secret of the CI system's store.

From inside a job a secret looks like any other variable. Where the pipeline's file is in the commit and gives
the variable a reference to a secret, and nothing else, that is shown: in workflows of GitHub, Gitea and
Forgejo. Others keep it where a job cannot see it, or in a program (Jenkinsfile).

GitHub: "Using secrets in GitHub Actions", "Workflow syntax" (env), "Variables reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pushpolicy.files import read_file
from pushpolicy.gather.checkout import Checkout
from pushpolicy.model import strict_yaml
from pushpolicy.model.text import printable

_MAX_SIZE = 256 * 1024
_SECRET = re.compile(r"\$\{\{\s*(?:secrets\.[A-Za-z_]\w*|github\.token)\s*\}\}")


def declared_in(variable: str, environ: Mapping[str, str], checkout: Checkout) -> str | None:
    """The file of the commit that hands a secret to a variable of this job; None where none shows it."""
    name = _file(environ)
    if name is None or checkout.root is None or checkout.tracks(checkout.root / name) is not True:
        return None
    try:
        document = strict_yaml.read(read_file(checkout.root / name, _MAX_SIZE))
    except (OSError, strict_yaml.YamlError):
        return None
    given = list(_given(document, variable, environ.get("GITHUB_JOB")))
    is_shown = given and all(isinstance(value, str) and _SECRET.fullmatch(value) for value in given)
    return printable(name) if is_shown else None


def _file(environ: Mapping[str, str]) -> str | None:
    """The workflow of this run, relative to the repository: OWNER/REPOSITORY/PATH@REF has it."""
    place = environ.get("GITHUB_WORKFLOW_REF", "").partition("@")[0]
    name = PurePosixPath(*PurePosixPath(place).parts[2:])
    is_one = environ.get("GITHUB_ACTIONS") == "true" and name.parts[1:2] == ("workflows",)
    return str(name) if is_one and ".." not in name.parts else None


def _given(document: Any, variable: str, job: str | None) -> Iterator[Any]:
    """What a workflow gives to the variable: for all jobs, for this one, and for its steps."""
    own = _of(_of(document, "jobs"), job)
    steps = _of(own, "steps")
    if not isinstance(steps, list):
        return  # a job of a workflow that this one calls: it gets no variable of this file
    for place in (document, own, *steps):
        variables = _of(place, "env")
        if isinstance(variables, dict) and variable in variables:
            yield variables[variable]


def _of(value: Any, key: str | None) -> Any:
    return value.get(key) if isinstance(value, dict) else None
