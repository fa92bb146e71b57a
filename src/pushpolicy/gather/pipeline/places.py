"""Which files are a pipeline's: the one table, by the path that the CI system or the program looks at."""

from __future__ import annotations

from enum import StrEnum

from pushpolicy.model.expressions import expression


class Kind(StrEnum):
    """How a file is read."""

    GITHUB = "github"
    GITLAB = "gitlab"
    AZURE = "azure"
    CIRCLECI = "circleci"
    BITBUCKET = "bitbucket"
    BUILDKITE = "buildkite"
    DRONE = "drone"
    YAML = "yaml"
    JENKINS = "jenkins"
    DOCKERFILE = "dockerfile"
    SCRIPT = "script"
    DOCKER_CONFIG = "docker-config"
    NPM = "npm"
    NETRC = "netrc"
    INI = "ini"


_YAML = r"\.ya?ml"
# Those of a CI system count where it looks for them, at the top; the others anywhere.
_PLACES: tuple[tuple[Kind, str], ...] = (
    (Kind.GITHUB, rf"\.(?:github|gitea|forgejo)/workflows/[^/]+{_YAML}"),
    (Kind.GITHUB, rf"(?:.*/)?action{_YAML}"),
    (Kind.GITLAB, rf"\.gitlab-ci{_YAML}|\.gitlab/ci/.*{_YAML}|[^/]*\.gitlab-ci{_YAML}"),
    (Kind.AZURE, rf"\.?azure-pipelines?[^/]*{_YAML}|\.azure(?:-pipelines|-devops)?/.*{_YAML}"),
    (Kind.CIRCLECI, rf"\.circleci/.*{_YAML}"),
    (Kind.BITBUCKET, rf"bitbucket-pipelines{_YAML}"),
    (Kind.BUILDKITE, rf"\.buildkite/.*{_YAML}"),
    (Kind.DRONE, rf"\.drone{_YAML}|\.woodpecker{_YAML}|\.woodpecker/.*{_YAML}"),
    (Kind.YAML, rf"\.(?:travis|cirrus){_YAML}|\.?appveyor{_YAML}"),
    (Kind.YAML, rf"\.semaphore/.*{_YAML}|(?:.*/)?(?:buildspec|cloudbuild)[^/]*{_YAML}|cloudbuild[^/]*\.json"),
    (Kind.YAML, rf"\.?tekton/.*{_YAML}|(?:.*/)?(?:docker-)?compose(?:[.-][^/]*)?{_YAML}"),
    (Kind.JENKINS, r"(?:.*/)?(?:Jenkinsfile(?:[.-][^/]*)?|[^/]*\.[Jj]enkinsfile)|\.?jenkins/.*\.groovy"),
    (
        Kind.DOCKERFILE,
        r"(?:.*/)?(?:(?:Docker|Container)file(?:[.-][^/]*)?|[^/]*\.(?:[Dd]ocker|[Cc]ontainer)file)",
    ),
    (Kind.SCRIPT, r"\.buildkite/(?:.*\.sh|hooks/[^/]+)|\.(?:circleci|github|gitlab|woodpecker)/.*\.sh"),
    (
        Kind.DOCKER_CONFIG,
        r"(?:.*/)?(?:config|auth)\.json|(?:.*/)?\.dockercfg|(?:.*/)?[^/]*docker-?config[^/]*\.json|(?:.*/)?[^/]*\.dockerconfigjson",
    ),
    (Kind.NPM, r"(?:.*/)?\.npmrc"),
    (Kind.NETRC, r"(?:.*/)?[._]netrc"),
    (Kind.INI, r"(?:.*/)?\.pypirc"),
)
# Those that are YAML; of the last nothing is known but that.
YAMLS = frozenset(
    {
        *(Kind.GITHUB, Kind.GITLAB, Kind.AZURE, Kind.CIRCLECI, Kind.BITBUCKET, Kind.BUILDKITE, Kind.DRONE),
        Kind.YAML,
    }
)
# One expression for all of a checkout's names: its groups are the rows.
_ANY = expression("|".join(f"({pattern})" for _, pattern in _PLACES))
# What is common to them, so that most names of a large checkout are passed over.
_HINT = expression(
    r"\.ya?ml$|[Jj]enkins|ocker|ontainer|/\.?netrc|^[._]netrc|\.npmrc$|\.pypirc$|\.json$|\.buildkite|/_netrc$|\.sh$"
)
SCRIPT_NAME = expression(r"(?:.*/)?[^/]+\.(?:ba|z|k)?sh")
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")


def kind_of(path: str) -> Kind | None:
    """How a file of this path is read; None for one that belongs to no pipeline by its name."""
    found = _ANY.fullmatch(path) if _HINT.search(path) else None
    return _PLACES[found.lastindex - 1][0] if found and found.lastindex else None
