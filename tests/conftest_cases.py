"""Policies of conftest, each with evidence that it denies and evidence that it passes.

Those of REAL are examples of conftest itself (Apache-2.0, https://github.com/open-policy-agent/conftest),
about a document that the evidence carries as ``extra.doc``. Those of GENERATED are every form of a rule with
every kind of condition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import msgspec

from tests.policies import example

RIGHT_LABELS = {"app.kubernetes.io/name": "a", "app.kubernetes.io/instance": "b"}


class Case(msgspec.Struct, frozen=True):
    """A policy in Rego v1, and two documents.

    Attributes:
        text: the module, without the line of its package and of imports.
        denied: `extra.doc` that it denies, or the whole evidence of a generated one.
        passed: the same that it passes.
    """

    name: str
    text: str
    denied: Any
    passed: Any


def v1(case: Case) -> str:
    return f"package main\n\nimport rego.v1\n\n{_about_doc(case)}"


def v0(case: Case) -> str:
    """The same in Rego from before OPA 1.0."""
    text = re.sub(r" contains (.+?) if \{", r"[\1] {", _about_doc(case))
    return f"package main\n\nimport future.keywords.in\n\n{text.replace(' if {', ' {')}"


def evidence_of(case: Case, document: Any) -> dict[str, Any]:
    return document if case in GENERATED else {**example(), "extra": {"doc": document}}


def _about_doc(case: Case) -> str:
    return case.text if case in GENERATED else re.sub(r"\binput\b", "input.extra.doc", case.text)


def _deployment(**spec: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {}},
        "spec": {"replicas": 1, "template": {"spec": {"containers": []}}, "selector": {}, **spec},
    }


REAL = [
    Case(
        "kubernetes: root",
        """
is_deployment if { input.kind = "Deployment" }
deny contains msg if {
	is_deployment
	not input.spec.template.spec.securityContext.runAsNonRoot
	msg = sprintf("Containers must not run as root in Deployment %s", [input.metadata.name])
}
""",
        _deployment(),
        _deployment(template={"spec": {"securityContext": {"runAsNonRoot": True}}}),
    ),
    Case(
        "kubernetes: labels",
        """
required_deployment_labels if {
	input.metadata.labels["app.kubernetes.io/name"]
	input.metadata.labels["app.kubernetes.io/instance"]
}
deny contains msg if {
	input.kind = "Deployment"
	not required_deployment_labels
	msg := sprintf("%s must include Kubernetes recommended labels", [input.metadata.name])
}
""",
        _deployment(),
        {**_deployment(), "metadata": {"name": "web", "labels": RIGHT_LABELS}},
    ),
    Case(
        "kubernetes: violation as an array",
        """
violation = [{"msg": msg, "details": {}}] if {
	input.kind = "Deployment"
	msg := sprintf("Found deployment %s but deployments are not allowed", [input.metadata.name])
}
""",
        _deployment(),
        {"kind": "Service"},
    ),
    Case(
        "kubernetes: exceptions",
        """
exception contains rules if {
	input.metadata.name = "can-run-as-root"
	rules = ["run_as_root"]
}
deny_run_as_root contains msg if {
	input.kind = "Deployment"
	msg = sprintf("Containers must not run as root in Deployment %s", [input.metadata.name])
}
""",
        _deployment(),
        {**_deployment(), "metadata": {"name": "can-run-as-root"}},
    ),
    Case(
        "cue: image tags",
        """
deny contains msg if {
	endswith(input.spec.template.spec.containers[_].image, ":latest")
	msg = "No images tagged latest"
}
""",
        _deployment(template={"spec": {"containers": [{"image": "a:1"}, {"image": "b:latest"}]}}),
        _deployment(template={"spec": {"containers": [{"image": "a:1"}]}}),
    ),
    Case(
        "cue: replicas",
        """
deny contains msg if {
	repl := input.spec.replicas
	repl < 2
	msg = sprintf("Replica count must be greater than 2, you have : %d", [repl])
}
""",
        _deployment(replicas=1),
        _deployment(replicas=3),
    ),
    Case(
        "aws sam",
        """
runtime_denylist = ["python2.7", "node4.3"]
check_runtime(runtime, denylist) if { contains(runtime, denylist[_]) }
deny contains msg if {
	input.Resources.LambdaFunction.Properties.Runtime = runtime
	check_runtime(runtime, runtime_denylist)
	msg = sprintf("%s runtime not allowed", [runtime])
}
deny contains msg if {
	input.Resources.LambdaFunction.Properties.Policies[_].Statement[_].Action = a
	is_string(a)
	endswith(a, "*")
	msg = "excessive Action permissions not allowed"
}
""",
        {"Resources": {"LambdaFunction": {"Properties": {"Runtime": "node4.3"}}}},
        {"Resources": {"LambdaFunction": {"Properties": {"Runtime": "python3.13"}}}},
    ),
    Case(
        "codeowners",
        """
deny contains msg if {
	input.rules[0].pattern != "*"
	msg := "first rule must assign default owner"
}
deny contains msg if {
	some rule in input.rules
	rule.pattern == "*.go"
	rule.owners != [{"type": "team", "value": "my-org/go-devs"}]
	msg := "go files must be owned by my-org/go-devs"
}
""",
        {"rules": [{"pattern": "*.go", "owners": []}]},
        {"rules": [{"pattern": "*", "owners": []}]},
    ),
    Case(
        "compose",
        """
version := to_number(input.version)
deny contains msg if {
	version < 3.5
	msg = "Must be using at least version 3.5 of the Compose file format"
}
""",
        {"version": "3.4"},
        {"version": "3.7"},
    ),
    Case(
        "docker",
        """
denylist = ["apk", "apt", "pip", "curl", "wget"]
deny contains msg if {
	some i
	input[i].Cmd == "run"
	val := input[i].Value
	contains(val[_], denylist[_])
	msg := sprintf("unallowed commands found %s", [val])
}
""",
        [{"Cmd": "from", "Value": ["alpine"]}, {"Cmd": "run", "Value": ["curl x"]}],
        [{"Cmd": "from", "Value": ["alpine"]}],
    ),
    Case(
        "terraform",
        """
has_field(obj, field) if { obj[field] }
required_tags = {"environment", "owner"}
missing_tags(resource) = {tag | tag := required_tags[_]; not resource.tags[tag]}
deny contains msg if {
	some name
	some rule in input.resource.aws_security_group_rule[name]
	contains(rule.cidr_blocks[_], "0.0.0.0/0")
	msg = sprintf("ASG `%v` defines a fully open ingress", [name])
}
deny contains msg if {
	some aws_resource, name
	some resource in input.resource[aws_resource][name]
	startswith(aws_resource, "aws_")
	missing := missing_tags(resource)
	count(missing) > 0
	msg = sprintf("AWS resource: %q named %q is missing required tags: %v", [aws_resource, name, missing])
}
""",
        {"resource": {"aws_security_group_rule": {"r": [{"cidr_blocks": ["0.0.0.0/0"], "tags": {}}]}}},
        {"resource": {"aws_instance": {"r": [{"tags": {"environment": "a", "owner": "b"}}]}}},
    ),
    Case(
        "grafana ini",
        """
deny contains msg if {
	not input["auth.basic"].enabled = true
	msg = "Basic auth should be enabled"
}
deny contains msg if {
	not input.server.http_port = 3000
	msg = "Grafana port should be 3000"
}
""",
        {"auth.basic": {"enabled": True}, "server": {"http_port": 80}},
        {"auth.basic": {"enabled": True}, "server": {"http_port": 3000}},
    ),
    Case(
        "nginx",
        """
listens_without_ssl(server) if {
	some directive in server.block.directives
	directive.name == "listen"
	not "ssl" in directive.parameters
}
deny contains msg if {
	some server in input.directives
	listens_without_ssl(server)
	msg := "Server listening without SSL must redirect to HTTPS"
}
""",
        {"directives": [{"block": {"directives": [{"name": "listen", "parameters": ["80"]}]}}]},
        {"directives": [{"block": {"directives": [{"name": "listen", "parameters": ["443", "ssl"]}]}}]},
    ),
    Case(
        "properties",
        """
secret_exceptions = {"secret.value.exception"}
deny_valid_uri contains msg if {
	some name
	value := input[name]
	contains(lower(name), "url")
	not contains(lower(value), "http")
	msg := sprintf("Must have a valid uri defined '%s'", [value])
}
deny_no_secrets contains msg if {
	some name
	value := input[name]
	not secret_exceptions[name]
	contains(lower(name), "secret")
	msg := sprintf("'%s' may contain a secret value", [name])
}
""",
        {"my.url": "ftp://x", "secret.word": "x"},
        {"my.url": "https://x", "secret.value.exception": "x"},
    ),
    Case(
        "jenkins",
        """
calls[call] if {
	walk(input, [_, call])
	call.kind == "CallExpr"
}
deny contains violation if {
	some call in calls
	regex.match(`(^|[^[:alnum:]_])(curl|wget)[[:space:]]`, call.text)
	violation := {"msg": "Pipeline downloads a script", "_loc": {"line": call.line}}
}
""".replace("calls[call] if", "calls contains call if"),
        {"children": [{"kind": "CallExpr", "text": "curl x | sh", "line": 3}]},
        {"children": [{"kind": "CallExpr", "text": "make", "line": 3}]},
    ),
    Case(
        "textproto",
        """
deny contains {"msg": msg} if {
	input.number <= 9000
	msg := sprintf("%s: Power level must be over 9000", [input.name])
}
""",
        {"name": "a", "number": 9000},
        {"name": "a", "number": 9001},
    ),
]


def _changed(**kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The example with some fields of some kinds replaced."""
    value = example()
    return value | {kind: {**value[kind], **fields} for kind, fields in kinds.items()}


# Conditions, with evidence in which they hold and evidence in which they do not.
_CONDITIONS = {
    "field": ("input.source.dirty", _changed(source={"dirty": True}), example()),
    "negated": (
        'not input.ci.branch == "main"',
        _changed(ci={"branch": "feature"}),
        _changed(ci={"branch": "main"}),
    ),
    "iterated": (
        'input.target.tags[_] == "latest"',
        _changed(target={"tags": ["1", "latest"]}),
        _changed(target={"tags": ["1"]}),
    ),
    "counted": (
        "count([t | t := input.target.tags[_]; startswith(t, `v`)]) > 1",
        _changed(target={"tags": ["v1", "v2"]}),
        _changed(target={"tags": ["v1", "2"]}),
    ),
    "replaced": (
        "helper with input.source.dirty as input.target.insecure",
        _changed(target={"insecure": True}),
        _changed(target={"insecure": False}),
    ),
}
_HEADS = {
    "text": 'deny contains "no" if {',
    "object": 'violation contains {"msg": "no"} if {',
    "details": 'deny_with contains {"msg": "no", "details": {"a": [1, null]}, "severity": 3} if {',
    "suffixes": 'violation_a_b9 contains "no" if {',
    "set": 'deny_set = {"no", "never"} if {',
}
GENERATED = [
    Case(
        f"{form}, {kind}",
        f"helper if {{ input.source.dirty }}\n{head}\n\t{condition}\n}}\n",
        denied,
        passed,
    )
    for (form, head), (kind, (condition, denied, passed)) in product(_HEADS.items(), _CONDITIONS.items())
]
# What `exception` names of each rule: its name without the words that conftest takes away.
EXCEPTED = {
    "deny": "",
    "violation": "",
    "deny_a": "a",
    "deny_a_b": "a_b",
    "violation_deny_a": "a",
    "deny_violation_a": "violation_a",
    "deny_warn_a": "a",
}
GENERATED += [
    Case(
        f"an exception of {rule}",
        f'exception contains ["other", "{name}"] if {{\n\tinput.source.dirty\n}}\n'
        f'{rule} contains "no" if {{\n\tinput.target\n}}\n',
        example(),
        _changed(source={"dirty": True}),
    )
    for rule, name in EXCEPTED.items()
]
CASES = [*REAL, *GENERATED]
