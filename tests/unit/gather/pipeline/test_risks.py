"""What a job of each CI system does with a login that makes it easier to steal, and what is no such thing."""

from __future__ import annotations

import pytest

from pushpolicy.gather.pipeline import LITERALS, hits
from pushpolicy.gather.pipeline.places import kind_of

LOGIN = "docker login --password-stdin < a"
UNTRUSTED, UNPINNED, KEPT = "login-beside-untrusted-code", "unpinned-action", "persisted-credentials"
COMMIT, DIGEST = "a" * 40, "sha256:" + "b" * 64
GITLAB, AZURE, BITBUCKET = ".gitlab-ci.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml"
CIRCLECI, BUILDKITE, DRONE = ".circleci/config.yml", ".buildkite/pipeline.yml", ".drone.yml"
WOODPECKER = ".woodpecker/publish.yaml"


def risks(path: str, text: str) -> list[tuple[int, str]]:
    """Line and rule of each risk."""
    kind = kind_of(path)
    assert kind is not None
    return sorted({(hit.line, hit.rule) for hit in hits(kind, text) if hit.rule not in LITERALS})


MERGE = '{if: $CI_PIPELINE_SOURCE == "merge_request_event"}'
ON_PROPOSALS = [
    (GITLAB, f"a:\n  script: [{LOGIN}]\n  rules: [{MERGE}]", 2),
    (GITLAB, f"a:\n  after_script:\n  - {LOGIN}\n  rules: [{{if: $CI_MERGE_REQUEST_IID}}]", 3),
    (GITLAB, f"a:\n  script: [{LOGIN}]\n  only: [merge_requests]", 2),
    (GITLAB, f"a:\n  script: [{LOGIN}]\n  only: {{refs: [main, merge_requests]}}", 2),
    (GITLAB, f"a:\n  script: [{LOGIN}]\nworkflow: {{rules: [{MERGE}]}}", 2),
    (GITLAB, f"default:\n  before_script: [{LOGIN}]\na: {{script: [a], rules: [{MERGE}]}}", 2),
    (GITLAB, f"before_script: [{LOGIN}]\na: {{script: [a], rules: [{MERGE}]}}", 1),
    (AZURE, f"pr: [main]\nsteps:\n- script: {LOGIN}", 3),
    (AZURE, f"pr: {{branches: {{include: [main]}}}}\njobs:\n- steps:\n  - bash: {LOGIN}", 4),
    (AZURE, "pr: ['*']\nstages:\n- jobs:\n  - strategy: {runOnce: {deploy: {steps: [{task: Docker@2}]}}}", 4),
    (AZURE, f"pr: [a]\nsteps:\n- task: Bash@3\n  inputs: {{script: {LOGIN}}}", 3),
    (AZURE, "pr: [a]\nsteps:\n- task: AzureCLI@2\n  inputs: {inlineScript: az acr login -n a}", 3),
    (
        BITBUCKET,
        f"pipelines:\n  pull-requests:\n    '**':\n    - step:\n        script:\n        - {LOGIN}",
        6,
    ),
    (
        BITBUCKET,
        "pipelines:\n  pull-requests:\n    '**':\n    - parallel:\n      - step:\n          script:\n"
        "          - pipe: atlassian/aws-ecr-push-image:2.4.2\n"
        "            variables: {AWS_SECRET_ACCESS_KEY: $A}",
        7,
    ),
    (DRONE, f"trigger: {{event: [push, pull_request]}}\nsteps:\n- commands: [{LOGIN}]", 3),
    (DRONE, f"steps:\n- commands: [{LOGIN}]\n  when: {{event: {{include: [pull_request]}}}}", 2),
    (
        WOODPECKER,
        f"when:\n- event: pull_request\nsteps:\n  a:\n    image: a@{DIGEST}\n"
        "    settings: {password: {from_secret: a}}",
        5,
    ),
]


@pytest.mark.parametrize(("path", "text", "line"), ON_PROPOSALS)
def test_what_logs_in_for_a_proposal(path: str, text: str, line: int) -> None:
    assert risks(path, text) == [(line, UNTRUSTED)]


GUARD = "condition: ne(variables['Build.Reason'], 'PullRequest')"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        *((path, text.replace(LOGIN, "make")) for path, text, _ in ON_PROPOSALS if LOGIN in text),
        (GITLAB, f"a: {{script: [{LOGIN}], rules: [{{if: $CI_COMMIT_TAG}}]}}"),
        (GITLAB, f"a: {{script: [{LOGIN}], rules: [{MERGE[:-1]}, when: never}}]}}"),
        (GITLAB, f"a: {{script: [{LOGIN}], rules: [{MERGE.replace('==', '!=')}]}}"),
        (GITLAB, f"a: {{script: [{LOGIN}], only: [main]}}\nworkflow: {{rules: [{MERGE}]}}"),
        (GITLAB, f"a: {{script: [{LOGIN}], extends: .b}}\nworkflow: {{rules: [{MERGE}]}}"),
        (GITLAB, f"before_script: [{LOGIN}]\na: {{before_script: [], script: [a], rules: [{MERGE}]}}"),
        (AZURE, f"pr: none\nsteps: [{{script: {LOGIN}}}]"),
        (AZURE, f"trigger: [main]\nsteps: [{{script: {LOGIN}}}]"),
        (AZURE, f"pr: [main]\nsteps: [{{script: {LOGIN}, {GUARD}}}]"),
        (AZURE, f"pr: [main]\njobs: [{{steps: [{{script: {LOGIN}}}], {GUARD}}}]"),
        (AZURE, f"pr: [main]\nstages: [{{jobs: [{{steps: [{{script: {LOGIN}}}]}}], {GUARD}}}]"),
        (AZURE, "pr: [main]\nsteps: [{task: Docker@2, inputs: {command: build}}]"),
        (BITBUCKET, f"pipelines: {{branches: {{main: [{{step: {{script: [{LOGIN}]}}}}]}}}}"),
        (DRONE, f"steps: [{{commands: [{LOGIN}]}}]"),
        (DRONE, f"trigger: {{event: {{exclude: [pull_request]}}}}\nsteps: [{{commands: [{LOGIN}]}}]"),
        (
            DRONE,
            f"trigger: {{event: [pull_request]}}\nsteps: [{{commands: [{LOGIN}], when: {{event: push}}}}]",
        ),
    ],
)
def test_what_does_not(path: str, text: str) -> None:
    assert risks(path, text) == []


# A file with a place for a reference, its line, references that others can move, and such as they cannot.
REFERENCES = {
    "gitlab-remote": (
        GITLAB,
        f"a: {{script: [{LOGIN}]}}\ninclude:\n- remote: https://a.example/%%/a.yml",
        3,
        ["main", "v1"],
        [COMMIT, "v1.2.3"],
    ),
    "gitlab-text": (
        GITLAB,
        f"include: https://a.example/%%/a\nb: {{script: [{LOGIN}]}}",
        1,
        ["x"],
        [COMMIT],
    ),
    "gitlab-project": (
        GITLAB,
        f"a: {{script: [{LOGIN}]}}\ninclude: [{{project: a/b, file: a.yml, ref: '%%'}}]",
        2,
        ["main", "", "1.2"],
        [COMMIT, "1.2.3", "$REF"],
    ),
    "gitlab-component": (
        GITLAB,
        f"a: {{script: [{LOGIN}]}}\ninclude:\n- component: $CI_SERVER_FQDN/a/b/c@%%",
        3,
        ["~latest", "main", "1"],
        [COMMIT, "1.2.3", "$CI_COMMIT_SHA"],
    ),
    "circleci-command": (
        CIRCLECI,
        f"orbs:\n  a: acme/tools@%%\njobs: {{b: {{steps: [checkout, a/do: {{x: y}}, run: {LOGIN}]}}}}",
        2,
        ["volatile", "dev:first", "1", "1.2"],
        ["1.2.3"],
    ),
    "circleci-step": (
        CIRCLECI,
        "orbs:\n  a: circleci/docker@%%\njobs:\n  b: {steps: [when: {condition: x, steps: [a/push]}]}",
        2,
        ["2"],
        ["2.1.0"],
    ),
    "circleci-job": (
        CIRCLECI,
        "orbs:\n  a: circleci/aws-ecr@%%\nworkflows: {w: {jobs: [a/build_and_push_image: {context: x}]}}",
        2,
        ["9"],
        ["9.0.4"],
    ),
    "buildkite-text": (
        BUILDKITE,
        f"steps:\n- command: {LOGIN}\n  plugins: [acme/tools#%%, ./own]",
        3,
        ["main", "v2"],
        ["v2.1.0", COMMIT],
    ),
    "buildkite-keys": (
        BUILDKITE,
        "steps:\n- group: a\n  steps:\n  - plugins:\n    - docker-login#%%:\n        username: a",
        5,
        ["master"],
        ["v2.1.0"],
    ),
    "buildkite-map": (BUILDKITE, "steps:\n- plugins: {'ecr#%%': {login: true}}", 2, ["main"], ["v2.0.1"]),
    "bitbucket": (
        BITBUCKET,
        "pipelines:\n  default:\n  - step:\n     script:\n     - pipe: a/b:%%\n       variables: {TOKEN: $A}",
        5,
        ["latest", "1"],
        ["1.2.3"],
    ),
    "drone": (
        DRONE,
        "steps:\n- image: plugins/docker%%\n  settings: {password: {from_secret: a}}",
        2,
        ["", ":latest", ":20"],
        [":20.14.2", f"@{DIGEST}", ":$VERSION"],
    ),
    "woodpecker": (
        WOODPECKER,
        "steps:\n  publish:\n    image: woodpeckerci/plugin%%\n    settings: {token: {from_secret: a}}",
        3,
        ["", ":5"],
        [":5.0.0"],
    ),
    "jenkins": (
        "Jenkinsfile",
        "@Library('a@%%') _\nwithCredentials([]) %%",
        1,
        ["main", "v1"],
        ["v1.2.3", COMMIT],
    ),
    "jenkins-list": ("Jenkinsfile", f"\n@Library(['b', 'a@%%']) _\nsh '{LOGIN}'", 2, ["main"], ["1.2.3"]),
    "jenkins-step": ("Jenkinsfile", f"library identifier: 'a@%%'\nsh '{LOGIN}'", 1, ["main"], [COMMIT]),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_what_others_can_change_beside_a_login(name: str) -> None:
    path, text, line, moving, fixed = REFERENCES[name]

    def judged(reference: str) -> list[tuple[int, str]]:
        return risks(path, text.replace("%%", reference))

    assert {each: judged(each) for each in moving} == {each: [(line, UNPINNED)] for each in moving}
    assert {each: judged(each) for each in fixed} == {each: [] for each in fixed}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (GITLAB, "a: {script: [make]}\ninclude: [{remote: 'https://a.example/main/a.yml'}]"),
        (GITLAB, f"a: {{script: [{LOGIN}]}}\ninclude: [{{local: /a.yml}}, a.yml, {{template: A.yml}}]"),
        (GITLAB, f"a: {{script: [{LOGIN}]}}\ninclude: [{{remote: 'https://a.example/a.yml', integrity: x}}]"),
        (CIRCLECI, "orbs: {a: acme/tools@volatile}\njobs: {b: {steps: [a/do]}}"),
        (
            CIRCLECI,
            f"orbs: {{a: acme/tools@volatile}}\njobs: {{b: {{steps: [run: {LOGIN}]}}, c: {{steps: [a/do]}}}}",
        ),
        (CIRCLECI, "orbs: {docker: acme/docker@1}\njobs: {b: {steps: [run: docker/build.sh]}}"),
        (CIRCLECI, "orbs: {a: acme/tools@1}\nworkflows: {w: {jobs: [a/do]}}"),
        (BUILDKITE, "steps: [{command: make, plugins: [acme/tools#main]}]"),
        (BITBUCKET, "pipelines: {default: [{step: {script: [{pipe: 'a/b:latest', variables: {NAME: a}}]}}]}"),
        (DRONE, "steps: [{image: plugins/docker, settings: {repo: a}}]"),
        ("Jenkinsfile", "@Library('a@main') _\nsh 'make'"),
        ("Jenkinsfile", f"@Library('a') _\nsh '{LOGIN}'"),
        ("Jenkinsfile", f"// @Library('a@main') _\nsh '{LOGIN}'"),
        (
            "buildspec.yml",
            f"steps: [{{image: plugins/docker, settings: {{token: $A}}, commands: [{LOGIN}]}}]",
        ),
    ],
)
def test_what_sees_no_credential_is_no_risk(path: str, text: str) -> None:
    assert risks(path, text) == []


@pytest.mark.parametrize(
    ("kept", "expected"), [("true", [(2, KEPT)]), ("True", [(2, KEPT)]), ("false", []), (None, [])]
)
def test_what_a_checkout_of_azure_leaves_behind(kept: str | None, expected: list[tuple[int, str]]) -> None:
    said = f", persistCredentials: {kept}" if kept else ""
    steps = f"steps:\n- {{checkout: self{said}}}\n- script: "
    assert risks(AZURE, steps + LOGIN) == expected
    assert risks(AZURE, steps + "make") == []
