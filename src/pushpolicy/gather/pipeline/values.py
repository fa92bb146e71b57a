"""What a value says of itself: a secret that is written down, a reference to one, or an example."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from pushpolicy.gather.secrets import is_secret_name
from pushpolicy.gather.secrets.within import TOKEN
from pushpolicy.model.expressions import expression

# What a shell, a CI system, Make or a template engine puts something else for.
_REFERENCE = expression(
    r"\$\{\{|\{\{|<<\s*[\w.]|\$\{?[A-Za-z_@*#?!]|\$\(|\$\[|\$\$|`|%[A-Za-z_]\w*%|\(\([\w./-]+\)\)"
    r"|^(?:op|vault|ssm|secret|secretsmanager|keyvault|awsssm|gcpsm|doppler|env|file)://?"
    r"|^vault:|^arn:|^projects/[^/]+/secrets/"
    r"|^ENC\[|^@[\w.]+\("
    r"|^(?:secrets|env|vars|github|steps|inputs|needs|parameters|params|matrix|variables|outputs)\.[\w.-]+$"
)
_QUOTED_NAME = expression(r"\$\{?\w+\}?|\$\([\w.-]+\)")
# An expression of GitHub that is a text, and a default of the shell: the secret stands there all the same.
_LITERAL_EXPRESSION = expression(r"\$\{\{\s*'((?:[^']|'')*)'\s*\}\}")
_DEFAULT = expression(r"\$\{\w+:?[-=]([^${}]+)\}")
_NAME_OF_VARIABLE = expression(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_LONGEST = 500
_NO_SECRET = frozenset(
    {
        *("", "-", "~", "null", "none", "nil", "true", "false", "yes", "no", "on", "off", "read", "write"),
        *("inherit", "required", "optional", "always", "never", "default", "auto", "enabled", "disabled"),
    }
)
# An example by its form: <password>, [PASSWORD], xxx, ***, ..., YOUR_TOKEN, my-password-here.
_EXAMPLE = expression(
    r"<[^<>]*>|\[[^\[\]]*\]|[xX*.?_#-]+|.*(?:chang(?:e|ed)[-_ ]?(?:me|it|this)|replace[-_ ]?(?:me|this|with)"
    r"|place[-_ ]?holder|your[-_ ]|redacted|masked|todo|fixme|insert[-_ ]|put[-_ ].*[-_ ]here"
    r"|xxxx|\*\*\*|\.\.\.).*"
    r"|(?:an?[-_ ])?(?:examples?|dummy|fake|sample)"
    r"(?:[-_ ]?(?:password|passwd|pass|token|secret|key|value|credentials?))?\d*",
    re.IGNORECASE | re.DOTALL,
)
# Words that throw-away passwords of tests and examples are made of.
_COMMON = """
    a abc abcd access actions admin administrator an and api app at auth bar base baz be build byte
    bytes cd char character characters chars ci code cookie coverage credential credentials data
    database db default demo dev devel development django do docker dummy e2e elastic elasticsearch
    empty encryption example fake flask foo for generate generated github gitlab guest hello here hex
    ignore ignored in insecure integration is it jwt key laravel least letmein local localhost long
    mariadb minio mock mongo mongodb my mypassword mysql n no none not of only openssl or our pass
    passphrase passw0rd passwd password please postgres postgresql private prod production project
    public pw pwd qux qwerty rabbit rabbitmq rails rand random real redis root runner sa sample secret
    secrets server service session signing site so some staging strapi string strong super symfony
    system temp test tester testing tests that the this tmp to token unit unsafe unused use user
    username value very web with world x y
"""
_REGISTRY = expression(
    r"DOCKER|REGISTRY|GHCR|QUAY|HARBOR|NEXUS|ARTIFACTORY|JFROG"
    r"|(?:^|_)(?:ECR|ACR|GCR|GAR|OCI|CR|ORAS|SKOPEO|PODMAN|HELM)(?:_|$)",
    re.IGNORECASE,
)
# A name that ends so says where a secret is kept, or how it is used.
_OTHER_END = frozenset(
    {
        *("ID", "IDS", "ENV", "REF", "ARN", "VARIABLE", "VAR", "PARAMETER", "STORE"),
        *("PROVIDER", "HELPER", "LENGTH", "EXPIRY", "EXPIRES", "TIMEOUT", "NAMESPACE", "LABEL", "REGION"),
        *("STDIN", "POLICY", "HASH", "PREFIX", "HEADER", "SERVICE", "SERVER", "ACTION", "AUDIENCE"),
        *("KEYRING", "LIFETIME"),
        *("CREDENTIAL", "CREDENTIALS", "CREDS", "KEYS"),  # the name of one in a store, as Jenkins has it
    }
)
_PART = expression(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(4096)
def is_credential_name(name: str) -> bool:
    """Whether what has this name is a secret, and not what a secret is found by."""
    words = [word.upper() for word in _PART.findall(name)]
    if not words or words in (
        ["KEY"],
        ["KEYS"],
        ["AUTH"],
        ["SECRET"],
        ["SECRETS"],
        ["FROM", "SECRET"],
        ["SECURE"],
    ):
        return False
    return is_secret_name(name) and words[-1] not in _OTHER_END


def is_of_registry(name: str) -> bool:
    """Whether a name speaks of a registry."""
    return _REGISTRY.search(name) is not None


def literal(value: str, *, is_quoted: bool = False) -> str | None:
    """What a value writes down; None where it refers to something else, or is an example by its form.

    Args:
        value: without its quotes.
        is_quoted: whether it stood in single quotes, where a shell replaces nothing.
    """
    value = value.strip()
    if found := _LITERAL_EXPRESSION.fullmatch(value) or _DEFAULT.fullmatch(value):
        value = found[1].strip()
    elif is_quoted:
        if _QUOTED_NAME.fullmatch(value) or "{{" in value:
            return None
    elif _REFERENCE.search(value):
        return None
    if (
        value.lower() in _NO_SECRET
        or (len(value) <= _LONGEST and _EXAMPLE.fullmatch(value))
        or _NAME_OF_VARIABLE.fullmatch(value)
    ):
        return None
    return value


def is_written(name: str, value: str, *, is_quoted: bool = False) -> bool:
    """Whether what is given to such a name is a secret that is written down.

    Of a registry's credential every literal counts. Of others those of tests are left out: what is made
    of common words, a path, an address, a sentence, a number, and what is short.
    """
    found = literal(value, is_quoted=is_quoted)
    if found is None:
        return False
    if is_of_registry(name):
        return not re.search(r"\s", found) and not found.startswith(("/", "./", "~/", "http:", "https:"))
    return is_particular(found)


def is_particular(value: str) -> bool:
    """Whether a literal is more than a throw-away password of a test, or the name of something."""
    return (
        len(value) >= 8
        and re.search(r"[^a-z_-]", value) is not None
        and len(set(value)) >= 5
        and not re.search(r"\s|://|^[./~]|\.(?:pem|key|crt|json|ya?ml|txt|env)$", value)
        and not value.isdecimal()
        and not is_common(value)
    )


def is_common(value: str) -> bool:
    """Whether a value is made of words that throw-away passwords are made of."""
    words, position = _common_words(), 0
    while found := words.match(value, position):
        position = found.end()
    return 0 < position == len(value)


@cache
def _common_words() -> re.Pattern[str]:
    """One of them, the longest first; what was taken is tried in no other way, so that all is read once."""
    longest_first = sorted(_COMMON.split(), key=len, reverse=True)
    return re.compile(rf"{'|'.join(longest_first)}|[\d\W_]", re.IGNORECASE)


def is_token(text: str) -> bool:
    """Whether a text holds a token of a form that its issuer documents, and not one from documentation."""
    return any(
        len(set(found[4:])) >= 8 and "EXAMPLE" not in found.upper() and "xxx" not in found.lower()
        for found in TOKEN.findall(text)
    )
