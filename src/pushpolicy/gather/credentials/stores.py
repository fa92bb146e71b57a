"""Where the pipeline's file of each CI system hands a secret of its store to a variable, or something else.

Of Azure, Bitbucket, CircleCI and Travis no file shows it: what `$(name)`, a context or `secure:` holds only
the store knows. A Jenkinsfile is a program, of which only what it writes out is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pushpolicy.model import strict_yaml

_Given = Callable[[Any, str, Mapping[str, str]], Iterator[bool]]


class Store(NamedTuple):
    """One system.

    Attributes:
        mark: the variable that is set to `marks` in its jobs; to anything where that is empty.
        files: its pipeline's file, with variables in braces; the first that git tracks counts.
        given: for each place of the file that gives a variable something, whether that is a secret.
        read: the file's content, as `given` takes it; raises YamlError.
    """

    mark: str
    marks: str
    files: tuple[str, ...]
    given: _Given
    read: Callable[[bytes], Any] = strict_yaml.read

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


def _listed(document: Any, *keys: str) -> list[Any]:
    found = _at(document, *keys)
    return found if isinstance(found, list) else []


def _of_cloudbuild(document: Any, variable: str, _: Mapping[str, str]) -> Iterator[bool]:
    """Google, "Build configuration file schema": `secretEnv`; which step runs is not told, so all count."""
    kept = _listed(document, "availableSecrets", "secretManager")
    is_kept = any(_at(each, "env") == variable for each in kept)
    for place in (_at(document, "options"), *_listed(document, "steps")):
        yield from (is_kept for each in _listed(place, "secretEnv") if each == variable)
        yield from (False for each in _listed(place, "env") if str(each).startswith(f"{variable}="))


def _of_buildkite(document: Any, variable: str, environ: Mapping[str, str]) -> Iterator[bool]:
    """Buildkite, "Buildkite secrets": `secrets` of the pipeline and of the step, which its key names."""
    steps = _listed(document, "steps")
    steps = [*steps, *(inner for each in steps for inner in _listed(each, "steps"))]
    key = environ.get("BUILDKITE_STEP_KEY")
    for place in (document, *(each for each in steps if key and _at(each, "key") == key)):
        said = _at(place, "secrets")
        if isinstance(said, (dict, list)) and variable in said:
            yield True
        if _at(place, "env", variable) is not None:
            yield False


def _of_tekton(document: Any, variable: str, _: Mapping[str, str]) -> Iterator[bool]:
    """Tekton, "Tasks": `secretKeyRef` in `env`; which step runs is not told, so all count."""
    spec = _at(document, "spec")
    tasks = (*_listed(spec, "tasks"), *_listed(spec, "pipelineSpec", "tasks"), spec)
    for task in (spec, *(_at(each, "taskSpec") for each in tasks)):
        for place in (_at(task, "stepTemplate"), *_listed(task, "steps")):
            for each in _listed(place, "env"):
                if _at(each, "name") == variable:
                    yield "value" not in each and bool(_at(each, "valueFrom", "secretKeyRef"))


# The texts of Groovy, which are kept, and its comments; what has no end goes on to the end.
_GROOVY = re.compile(
    r"('''.*?(?:'''|\Z)|\"\"\".*?(?:\"\"\"|\Z)|'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?)"
    r"|//[^\n]*|/\*.*?(?:\*/|\Z)",
    re.DOTALL,
)
_BINDING = r"\b(?:string|usernamePassword|usernameColonPassword)\s*\([^()]*\b(?:passwordV|v)ariable\s*:\s*"


def _of_jenkins(document: Any, variable: str, _: Mapping[str, str]) -> Iterator[bool]:
    """Jenkins, "Credentials Binding" and "Using a Jenkinsfile": `withCredentials`, and `credentials()`."""
    code = _GROOVY.sub(lambda found: found[1] or " ", document)
    name = re.escape(variable)
    yield from (True for _ in re.finditer(rf"{_BINDING}(['\"]){name}\1", code))
    # Of a user with a password credentials() sets two more variables.
    for found in re.finditer(rf"(?<![\w.])(?:env\.)?({name})\s*=(?!=)\s*(credentials\s*\()?", code):
        yield found[2] is not None
    base = re.escape(variable.removesuffix("_PSW"))
    if variable.endswith("_PSW"):
        yield from (True for _ in re.finditer(rf"(?<![\w.]){base}\s*=\s*credentials\s*\(", code))
    yield from (False for _ in re.finditer(rf"['\"]{name}=|\bname\s*:\s*['\"]{name}['\"]", code))


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
    Store("BUILDER_OUTPUT", "", ("cloudbuild.yaml", "cloudbuild.yml", "cloudbuild.json"), _of_cloudbuild),
    Store("BUILDKITE", "true", (".buildkite/pipeline.yml", ".buildkite/pipeline.yaml"), _of_buildkite),
    Store(
        "PUSHPOLICY_CI",
        "tekton",
        (".tekton/{PUSHPOLICY_CI_JOB}.yaml", ".tekton/{PUSHPOLICY_CI_JOB}.yml"),
        _of_tekton,
    ),
    Store(
        "JENKINS_URL", "", ("Jenkinsfile",), _of_jenkins, lambda content: content.decode("utf-8", "replace")
    ),
)
