"""Credentials that are written into files of each kind, and what looks like one and is none."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pushpolicy.gather.pipeline import LITERALS, hits
from pushpolicy.gather.pipeline.places import kind_of

GITHUB, GITLAB = ".github/workflows/publish.yml", ".gitlab-ci.yml"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def run(script: str) -> str:
    """A workflow that runs a script, from line 5 on."""
    body = "\n".join(f"          {line}" for line in script.splitlines())
    return f"on: push\njobs:\n  a:\n    steps:\n      - run: |\n{body}\n"


# File, content, the lines (from 1) of the secrets, and the rule of each.
PLANTED = {
    "a login": (GITHUB, run("docker login -u bob -p hunter2 ghcr.io"), {(6, "login-literal")}),
    "a login with the long option": (GITHUB, run("docker login --password=hunter2"), {(6, "login-literal")}),
    "a login over several lines": (
        GITHUB,
        run("docker login \\\n  -u bob \\\n  --password 'hunter2' \\\n  ghcr.io"),
        {(8, "login-literal")},
    ),
    "a login with a password of special characters": (
        GITHUB,
        run("oras login r.example.com -p 'pa$$w0rd'"),
        {(6, "login-literal")},
    ),
    "a login whose option is joined": (
        GITHUB,
        run("podman login -u x -phunter2 quay.io"),
        {(6, "login-literal")},
    ),
    "a login by sudo, with an option of docker": (
        GITHUB,
        run("sudo -E docker --config /tmp/x login -p hunter2"),
        {(6, "login-literal")},
    ),
    "a login of helm": (
        GITHUB,
        run("helm registry login r.example.com -u x -p hunter2"),
        {(6, "login-literal")},
    ),
    "a login of crane": (
        GITHUB,
        run("crane auth login r.example.com -u x -p hunter2"),
        {(6, "login-literal")},
    ),
    "a login of regctl": (GITHUB, run("regctl registry login r -u x --pass hunter2"), {(6, "login-literal")}),
    "a login of buildah": (
        GITHUB,
        run("buildah login --password hunter2 -u x quay.io"),
        {(6, "login-literal")},
    ),
    "a login of Azure's registry": (GITHUB, run("az acr login -n x -u y -p hunter2"), {(6, "login-literal")}),
    "a login after another command": (
        GITHUB,
        run("set -e; make build && docker login -p hunter2 || exit 1"),
        {(6, "login-literal")},
    ),
    "a login within a substitution": (GITHUB, run("x=$(docker login -p hunter2)"), {(6, "login-literal")}),
    "a login within another shell": (
        GITHUB,
        run('bash -c "docker login -p hunter2"'),
        {(6, "login-literal")},
    ),
    "a login with a default": (GITHUB, run('docker login -p "${PASS:-hunter2}"'), {(6, "login-literal")}),
    "a login with an expression that is a text": (
        GITHUB,
        run("docker login -p ${{ 'hunter2' }}"),
        {(6, "login-literal")},
    ),
    "a password from echo": (
        GITHUB,
        run("echo hunter2 | docker login -u bob --password-stdin"),
        {(6, "login-stdin-literal")},
    ),
    "a password from printf": (
        GITHUB,
        run("printf '%s' \"hunter2\" | docker login --password-stdin"),
        {(6, "login-stdin-literal")},
    ),
    "a password from a here-string": (
        GITHUB,
        run('docker login --password-stdin <<< "hunter2"'),
        {(6, "login-stdin-literal")},
    ),
    "a password from a here-document": (
        GITHUB,
        run("docker login --password-stdin <<EOF\nhunter2\nEOF"),
        {(7, "login-stdin-literal")},
    ),
    "a variable of the same script": (
        GITHUB,
        run('PASSWORD=hunter2\ndocker login -u a -p "$PASSWORD"'),
        {(7, "login-literal")},
    ),
    "a variable that is handed to a login": (
        GITHUB,
        run("export PASSWORD=hunter2\necho ${PASSWORD} | docker login --password-stdin"),
        {(7, "login-stdin-literal")},
    ),
    "a configuration that is written": (
        GITHUB,
        run('echo \'{"auths":{"ghcr.io":{"auth":"Ym9iOmh1bnRlcjI="}}}\' > ~/.docker/config.json'),
        {(6, "docker-auth")},
    ),
    "a configuration of npm that is written": (
        "Dockerfile",
        'RUN echo "//a.example/:_authToken=k3jr8fj2k9" > .npmrc\n',
        {(1, "config-literal")},
    ),
    "a header": (
        GITHUB,
        run('curl -H "Authorization: Bearer k3jr8fj2k9XX" https://a.example'),
        {(6, "basic-auth-literal")},
    ),
    "a login action without a user": (
        GITHUB,
        "jobs:\n  a:\n    steps:\n    - uses: docker/login-action@v3\n      with: {password: hunter2}\n",
        {(5, "input-literal")},
    ),
    "a plugin": (
        ".buildkite/pipeline.yml",
        "steps:\n- plugins:\n  - docker-login#v3:\n      username: a\n      password: hunter2\n",
        {(5, "input-literal")},
    ),
    "arguments that are listed": (
        "cloudbuild.yaml",
        "steps:\n- name: docker\n  args: ['login', '-u', 'a', '-p', 'hunter2']\n",
        {(3, "login-literal")},
    ),
    "a user and a password for a copy": (
        GITHUB,
        run("skopeo copy --dest-creds bob:hunter2 oci:a docker://r.example.com/a"),
        {(6, "creds-literal")},
    ),
    "a user and a password, joined": (
        GITHUB,
        run("buildah push --creds=bob:hunter2 a"),
        {(6, "creds-literal")},
    ),
    "a pull secret": (
        GITHUB,
        run("kubectl create secret docker-registry x --docker-password=hunter2"),
        {(6, "login-literal")},
    ),
    "a user and a password of curl": (
        GITHUB,
        run("curl -u bob:Hunter2Hunter https://a.example"),
        {(6, "basic-auth-literal")},
    ),
    "an address": (GITHUB, run("git clone https://bob:Hunter2x@git.example.com/a"), {(6, "url-literal")}),
    "a token": (GITHUB, run(f"curl -H 'X: {TOKEN}' https://a.example"), {(6, "token")}),
    "a token in a comment": (GITHUB, f"on: push\n# {TOKEN}\n", {(2, "token")}),
    "a variable of the job": (GITHUB, "env:\n  REGISTRY_PASSWORD: hunter2\n", {(2, "variable-literal")}),
    "a variable of another kind": (GITHUB, "env:\n  deployToken: k3jr8-fj2k9\n", {(2, "variable-literal")}),
    "an exported variable": (GITHUB, run("export DOCKER_PASSWORD=hunter2"), {(6, "variable-literal")}),
    "a build argument": (
        GITHUB,
        run("docker build --build-arg NPM_TOKEN=k3jr8fj2k9 ."),
        {(6, "variable-literal")},
    ),
    "an option of another program": (GITHUB, run("deploy --api-token k3jr8fj2k9"), {(6, "option-literal")}),
    "an input of a login action": (
        GITHUB,
        "jobs:\n  a:\n    steps:\n      - uses: a/b@c\n"
        "        with:\n          username: bob\n          password: hunter2\n",
        {(7, "input-literal")},
    ),
    "a script that is folded": (
        GITHUB,
        "jobs:\n  a:\n    steps:\n"
        "      - run: >-\n          docker login\n          -u bob\n          -p hunter2\n",
        {(7, "login-literal")},
    ),
    "a script in double quotes": (
        GITHUB,
        'jobs:\n  a:\n    steps:\n      - run: "docker login -u bob -p \\"hunter2\\""\n',
        {(4, "login-literal")},
    ),
    "an action of the repository": (
        "ci/login/action.yml",
        "runs:\n  using: composite\n  steps:\n    - run: docker login -p hunter2\n",
        {(4, "login-literal")},
    ),
    "Gitea": (".gitea/workflows/a.yaml", run("docker login -p hunter2"), {(6, "login-literal")}),
    "Forgejo": (".forgejo/workflows/a.yaml", run("docker login -p hunter2"), {(6, "login-literal")}),
    "GitLab, a script": (GITLAB, "a:\n  script:\n    - docker login -p hunter2\n", {(3, "login-literal")}),
    "GitLab, a variable": (GITLAB, "variables:\n  REGISTRY_PASSWORD: hunter2\n", {(2, "variable-literal")}),
    "GitLab, docker's configuration": (
        GITLAB,
        'a:\n  before_script:\n    - echo "{\\"auths\\":{}}"\n    - docker login -u x --password "hunter2"\n',
        {(4, "login-literal")},
    ),
    "Azure": ("azure-pipelines.yml", "steps:\n- script: docker login -p hunter2\n", {(2, "login-literal")}),
    "Azure, a variable": (
        "azure-pipelines.yml",
        "variables:\n- name: registryPassword\n  value: hunter2\n",
        {(3, "variable-literal")},
    ),
    "CircleCI": (
        ".circleci/config.yml",
        "jobs:\n  a:\n    docker:\n    - image: x\n"
        "      auth:\n        username: bob\n        password: hunter2\n",
        {(7, "input-literal")},
    ),
    "Bitbucket": (
        "bitbucket-pipelines.yml",
        "pipelines:\n  default:\n  - step:\n      script:\n      - docker login -p hunter2\n",
        {(5, "login-literal")},
    ),
    "Buildkite": (
        ".buildkite/pipeline.yml",
        "steps:\n- command: docker login -p hunter2\n",
        {(2, "login-literal")},
    ),
    "Drone": (
        ".drone.yml",
        "steps:\n- settings:\n    username: bob\n    password: hunter2\n",
        {(4, "input-literal")},
    ),
    "Woodpecker": (
        ".woodpecker.yml",
        "steps:\n  a:\n    commands: docker login -p hunter2\n",
        {(3, "login-literal")},
    ),
    "Travis": (
        ".travis.yml",
        "script:\n- echo hunter2 | docker login --password-stdin\n",
        {(2, "login-stdin-literal")},
    ),
    "CodeBuild": (
        "buildspec.yml",
        "phases:\n  build:\n    commands:\n      - docker login -p hunter2\n",
        {(4, "login-literal")},
    ),
    "Cloud Build": (
        "cloudbuild.yaml",
        "steps:\n- name: a\n  env: ['REGISTRY_PASSWORD=hunter2']\n",
        {(3, "variable-literal")},
    ),
    "Tekton": (
        ".tekton/push.yaml",
        "spec:\n  steps:\n  - script: |\n      #!/bin/sh\n      skopeo copy --dest-creds=a:hunter2 b c\n",
        {(5, "creds-literal")},
    ),
    "Jenkins, a shell": (
        "Jenkinsfile",
        "node {\n  sh 'docker login -u a -p hunter2'\n}\n",
        {(2, "login-literal")},
    ),
    "Jenkins, a block": (
        "ci/Jenkinsfile",
        'node {\n  sh """\n    docker login \\\n      -p hunter2\n  """\n}\n',
        {(4, "login-literal")},
    ),
    "Jenkins, a variable": (
        "Jenkinsfile",
        "pipeline { environment {\n  DOCKER_PASSWORD = 'hunter2'\n} }\n",
        {(2, "variable-literal")},
    ),
    "Dockerfile, ENV": ("Dockerfile", "FROM a\nENV REGISTRY_TOKEN=hunter2\n", {(2, "variable-literal")}),
    "Dockerfile, ENV of old": (
        "Dockerfile",
        "FROM a\nENV REGISTRY_TOKEN hunter2\n",
        {(2, "variable-literal")},
    ),
    "Dockerfile, ARG": ("app/Dockerfile.dev", "ARG NPM_TOKEN=k3jr8fj2k9\n", {(1, "variable-literal")}),
    "Dockerfile, RUN": (
        "Containerfile",
        "FROM a\nRUN set -e \\\n # why\n && curl -u bob:Hunter2Hunter https://a.example\n",
        {(4, "basic-auth-literal")},
    ),
    "Dockerfile, a here-document": (
        "Dockerfile",
        "FROM a\nRUN <<EOF\ndocker login -p hunter2\nEOF\n",
        {(3, "login-literal")},
    ),
    "compose, a list": (
        "deploy/compose.yaml",
        "services:\n  a:\n    environment:\n      - REGISTRY_PASSWORD=hunter2\n",
        {(4, "variable-literal")},
    ),
    "compose, a map": (
        "docker-compose.prod.yml",
        "services:\n  a:\n    environment:\n      API_TOKEN: k3jr8-fj2k9\n",
        {(4, "variable-literal")},
    ),
    "compose, a default": (
        "compose.yaml",
        "services:\n  a:\n    environment:\n      REGISTRY_PASSWORD: ${REGISTRY_PASSWORD:-hunter2}\n",
        {(4, "variable-literal")},
    ),
    "docker's configuration": (
        ".docker/config.json",
        '{\n"auths": {\n"r.example.com": {"auth": "Ym9iOmh1bnRlcjI="}}}',
        {(3, "docker-auth")},
    ),
    "npm": (
        ".npmrc",
        "registry=https://a.example\n//a.example/:_authToken=k3jr8fj2k9\n",
        {(2, "config-literal")},
    ),
    "netrc": (".netrc", "machine a.example login bob password hunter2\n", {(1, "config-literal")}),
    "pypi": (".pypirc", "[pypi]\nusername = bob\npassword = hunter2\n", {(3, "config-literal")}),
    "a private key": (
        ".gitlab-ci.yml",
        "a:\n  script: |\n    echo x\n    -----BEGIN PRIVATE KEY-----\n    "
        + "MIIEvQIBADANBgkqhkiG9w0BAQEF" * 6
        + "\n    -----END PRIVATE KEY-----\n",
        {(4, "private-key")},
    ),
    "a file that is no YAML": (
        "compose.yaml",
        "services:\n{% if x %}\n  REGISTRY_PASSWORD: hunter2\n  run: docker login -p hunter2\n",
        {(3, "variable-literal"), (4, "login-literal")},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(name: str) -> None:
    path, content, expected = PLANTED[name]
    kind = kind_of(path)
    assert kind is not None, path
    found = {(hit.line, hit.rule) for hit in hits(kind, content) if hit.rule in LITERALS}
    assert found == expected


INNOCENT_COMMANDS = """
    echo "${{ secrets.X }}" | docker login -u "${{ secrets.U }}" --password-stdin
    echo "$PASSWORD" | docker login --password-stdin
    printenv PASSWORD | docker login --password-stdin
    aws ecr get-login-password | docker login -u AWS --password-stdin r.example.com
    cat ~/password | docker login --password-stdin
    docker login --password-stdin < password.txt
    docker login --password-stdin <<< "$PASSWORD"
    docker login -u bob -p changeme ghcr.io
    docker login -u bob -p '<password>' ghcr.io
    docker login -u bob -p xxx ghcr.io
    docker login -u bob -p YOUR_PASSWORD ghcr.io
    docker login -u bob -p "your-password" ghcr.io
    docker login localhost:5000 -u test -p test
    oras login 127.0.0.1:5000 -u test -p test
    docker login
    docker login ghcr.io -u bob
    gcloud auth configure-docker
    docker run -p 8080:80 nginx login
    mkdir -p login
    ssh -p 2222 host login
    psql postgres://postgres:postgres@localhost:5432/db
    psql postgres://app:Xk29sk2@db:5432/db
    git clone https://x-access-token:${{ secrets.TOKEN }}@github.com/a/b
    git clone https://oauth2:$TOKEN@gitlab.com/a/b
    curl -u "$USER:$PASS" https://a.example
    curl -u bob: https://a.example
    curl -H "Authorization: Bearer $TOKEN" https://a.example
    export POSTGRES_PASSWORD=postgres SECRET_KEY=test-secret-key
    JWT_SECRET=sample-jwt-secret-1234-abcd SECRET_KEY=generate-with-openssl-rand-hex-32
    KEY_PASSWORD=not-so-secret-key make
    DATABASE_PASSWORD=defectdojo UWSGI_PASS=uwsgi_server ./start
    DJANGO_SECRET_KEY=insecure-test-key python manage.py test
    mysql --password=rootpassword
    apt-key adv --keyserver a.example --recv-keys 0E98404D386FA1D9
    PASSWORD=$(vault read -field=password a); echo "$PASSWORD" | docker login --password-stdin
    curl -H "Authorization: Basic $(base64 < pair)" https://a.example
    pip install --cert-key ./tls.key
    echo "run docker login -u user -p secret123x first"
    cosign sign --key env://COSIGN_PRIVATE_KEY a
    export DOCKER_PASSWORD=$(vault kv get -field=password secret/docker)
    helm upgrade --set image.pullSecret=regcred
"""
INNOCENT_YAML = """
    permissions: {id-token: write, contents: read}
    env:
      GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}
      DOCKER_PASSWORD: $DOCKER_HUB
      REGISTRY_PASSWORD: $(registryPassword)
      REGISTRY_TOKEN: ""
      DOCKER_PASSWORD_FILE: /run/secrets/password
      REGISTRY_SECRET_ID: prod-registry
      POSTGRES_PASSWORD: postgres
      MYSQL_ROOT_PASSWORD: rootpassword
      JWT_SECRET: this-is-a-test-secret
      SECRET_KEY_BASE: dummy
      AWS_SECRET_ACCESS_KEY: test
      DATABASE_URL: postgres://user:password@postgres:5432/app
      CACHE_KEY: v1-deps-abcdefgh
      TOKEN_URL: https://a.example/token
      SIGNING_KEY: ./keys/signing.pem
    cache: {key: npm-a1b2c3d4e5, restore-keys: npm-}
    secrets: inherit
    with:
      username: ${{ github.actor }}
      password: ${{ secrets.GITHUB_TOKEN }}
      persist-credentials: false
      token: ${{ github.token }}
      credentials_json: ${{ secrets.GCP }}
    settings:
      username: bob
      password: {from_secret: docker_password}
    auth: {username: $DOCKER_USER, password: $DOCKER_PASSWORD}
    inputs:
      token: {description: "The token that is used to log in", default: "${{ github.token }}"}
    secretKeyRef: {name: registry, key: password}
    env-of-kubernetes:
      - {name: REGISTRY_PASSWORD, valueFrom: {secretKeyRef: {name: registry-credentials, key: password}}}
    secrets-manager: {DOCKER_PASSWORD: "prod/docker:password"}
    parameter-store: {DOCKER_PASSWORD: /build/docker/password}
    description: "docker login -u bob -p hunter2 is what nobody writes"
"""
INNOCENT = {
    "a job's key": (
        "Jenkinsfile",
        "withCredentials([string(credentialsId: 'docker-hub', variable: 'PASSWORD')]) {"
        "\n sh 'docker login -p $PASSWORD'\n}",
    ),
    "a helper": (
        "Jenkinsfile",
        "environment { DOCKER = credentials('docker-hub-id') }"
        "\ndocker.withRegistry('https://r.example.com', 'registry-login') {}",
    ),
    "a place in Jenkins' store": (
        "Jenkinsfile",
        "environment { registryCredential = 'docker-hub-login' }"
        '\nsh "echo \\$PASS | docker login --password-stdin"',
    ),
    "names of variables": (
        "Jenkinsfile",
        "usernamePassword(credentialsId: 'x9-abcdef', "
        "usernameVariable: 'USER', passwordVariable: 'DOCKERPASSWD')",
    ),
    "a comment": ("Jenkinsfile", "// sh 'docker login -p hunter2'\n/* password = 'hunter2hunter3' */"),
    "arguments without value": (
        "Dockerfile",
        "FROM a\nARG NPM_TOKEN\nARG TOKEN=\nENV TOKEN=$NPM_TOKEN\nRUN --mount=type=secret,id=npm npm ci\n",
    ),
    "another stage's files": ("Dockerfile", "FROM a\nCOPY --from=build /root/.npmrc /root/\n"),
    "a helper of docker": (
        ".docker/config.json",
        '{"credsStore": "secretservice", "auths": {"r.example.com": {}}}',
    ),
    "another configuration": ("app/config.json", '{"auth": {"password": "hunter2hunter3"}}'),
    "no JSON": (".docker/config.json", "auths"),
    "npm's variables": (
        ".npmrc",
        "//a.example/:_authToken=${NPM_TOKEN}\nalways-auth=true\n; //a/:_authToken=x\n",
    ),
    "netrc's variables": (".netrc", "machine a login b password $TOKEN\n# password hunter2\n"),
    "compose": (
        "compose.yaml",
        "services:\n  db:\n    environment:\n"
        "      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}\n    secrets: [db_password]\n"
        "secrets:\n  db_password: {file: ./db_password.txt}\n",
    ),
    "a token of documentation": (
        "compose.yaml",
        "x: AKIAIOSFODNN7EXAMPLE\ny: ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
    ),
}
INNOCENT |= {
    f"command {n}": (GITHUB, run(line))
    for n, line in enumerate(dedent(INNOCENT_COMMANDS).strip().splitlines())
}
INNOCENT |= {
    name: (name, dedent(INNOCENT_YAML))
    for name in (GITHUB, GITLAB, "azure-pipelines.yml", ".drone.yml", "buildspec.yml")
}


@pytest.mark.parametrize("name", INNOCENT)
def test_what_is_innocent_is_not(name: str) -> None:
    path, content = INNOCENT[name]
    kind = kind_of(path)
    assert kind is not None, path
    assert [hit for hit in hits(kind, content) if hit.rule in LITERALS] == []


VISIBLE = {
    "an expression": "docker login -p ${{ secrets.X }}",
    "a variable": "docker login -u a -p $PASSWORD",
    "a substitution": 'docker login -u AWS -p "$(aws ecr get-login-password)"',
    "a variable of creds": "skopeo copy --dest-creds bob:$PASSWORD a b",
    "an argument of make": 'make push PASSWORD="${{ secrets.DOCKER_PASSWORD }}"',
}


@pytest.mark.parametrize("command", VISIBLE.values(), ids=VISIBLE)
def test_what_other_processes_see_is_a_risk(command: str) -> None:
    kind = kind_of(GITHUB)
    assert kind
    assert {(hit.line, hit.rule) for hit in hits(kind, run(command))} == {(6, "secret-on-command-line")}
