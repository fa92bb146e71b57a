"""Where the pipeline's file of each CI system hands a secret of its store to a variable, or something else.

Of Azure, Bitbucket, CircleCI, Jenkins and Travis no file shows it: what `$(name)`, a context or `secure:`
holds only the store knows, and a Jenkinsfile is a program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

_Given = Callable[[Any, str, Mapping[str, str]], Iterator[bool]]


class Store(NamedTuple):
    """One system.

    Attributes:
        mark: the variable that is set to `marks` in its jobs; to anything where that is empty.
        files: its pipeline's file, with variables in braces; the first that git tracks counts.
        given: for each place of the file that gives a variable something, whether that is a secret.
    """

    mark: str
    marks: str
    files: tuple[str, ...]
    given: _Given

    def is_here(self, environ: Mapping[str, str]) -> bool:
        """Whether the environment is that of one of its jobs."""
        said = environ.get(self.mark, "")
        return said == self.marks if self.marks else bool(said)


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


_SECRET = re.compile(r"\$\{\{\s*(?:secrets\.[A-Za-z_]\w*|github\.token)\s*\}\}")


def _of_github(document: Any, variable: str, environ: Mapping[str, str]) -> Iterator[bool]:
    """GitHub, "Workflow syntax" (env): what is given to all jobs, to this one, and to its steps."""
    own = _at(document, "jobs", environ.get("GITHUB_JOB", ""))
    steps = _at(own, "steps")
    if not isinstance(steps, list):
        return  # a job of a workflow that this one calls: it gets no variable of this file
    for place in (document, own, *steps):
        said = _at(place, "env")
        if isinstance(said, dict) and variable in said:
            yield isinstance(said[variable], str) and _SECRET.fullmatch(said[variable]) is not None


def _of_gitlab(document: Any, variable: str, environ: Mapping[str, str]) -> Iterator[bool]:
    """GitLab, "CI/CD YAML syntax reference": `secrets`; a job that extends another is not put together."""
    job = _at(document, environ.get("CI_JOB_NAME", ""))
    for given in (_at(document, "variables"), _at(job, "variables")):
        if isinstance(given, dict) and variable in given:
            yield False
    if secret := _at(job, "secrets", variable):
        # Else the variable holds the path of a file.
        yield _at(secret, "file") is False


def _of_steps(step_name: str) -> _Given:
    """Drone and Woodpecker, "Secrets": `from_secret` in the environment of the step."""

    def given(document: Any, variable: str, environ: Mapping[str, str]) -> Iterator[bool]:
        steps, name = _at(document, "steps"), environ.get(step_name, "")
        listed = steps if isinstance(steps, list) else [_at(steps, name)]
        own = [each for each in listed if not isinstance(steps, list) or _at(each, "name") == name]
        for place in (document, *own):
            said = _at(place, "environment")
            if isinstance(said, dict) and variable in said:
                yield isinstance(_at(said, variable, "from_secret"), str)
            elif isinstance(said, list):
                yield from (False for each in said if str(each).startswith(f"{variable}="))

    return given


def _of_codebuild(document: Any, variable: str, _: Mapping[str, str]) -> Iterator[bool]:
    """AWS, "Build specification reference": `env`."""
    for name in ("variables", "parameter-store", "secrets-manager"):
        said = _at(document, "env", name)
        if isinstance(said, dict) and variable in said:
            yield name != "variables"


STORES = (
    Store("GITHUB_ACTIONS", "true", ("{GITHUB_WORKFLOW_REF}",), _of_github),
    Store("GITLAB_CI", "true", ("{CI_CONFIG_PATH}", ".gitlab-ci.yml"), _of_gitlab),
    Store("DRONE", "true", (".drone.yml", ".drone.yaml"), _of_steps("DRONE_STEP_NAME")),
    Store(
        "CI",
        "woodpecker",
        (".woodpecker/{CI_WORKFLOW_NAME}.yaml", ".woodpecker/{CI_WORKFLOW_NAME}.yml", ".woodpecker.yaml"),
        _of_steps("CI_STEP_NAME"),
    ),
    Store("CODEBUILD_BUILD_ID", "", ("buildspec.yml", "buildspec.yaml"), _of_codebuild),
)
