"""What shows itself to be a secret within a text, whatever the text is called.

That is the user information of an address, a value that is given to a secret name (``Password=...`` of a
connection string, ``"auth": "..."`` of a JSON document, a header, a query parameter), a token of a form that
its issuer documents, a private key, and a word that looks drawn at random. A digest, a UUID or another word
of one case is not told from what a CI system says of a run, so only a name makes it a secret.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import unquote

from pushpolicy.gather.secrets import is_secret_name
from pushpolicy.model.expressions import expression

MIN_LENGTH = 8
# Everything is bounded: variables may be long, and whoever sets them may wish this to take long.
_LONGEST = 4000
# User information of addresses: what stands in front of the last @ before the path. Where a password holds a
# slash, it is what has a colon that is not that of a port.
USERINFO = expression(
    r"(?<=://)(?:[^/?#\s\"'<>]{0,1000}(?=@)"
    r"|[^/?#@:,\s\"'<>\[]{0,200}:(?!//|\d+(?:[/?#]|$))[^\s\"'<>]{0,1000}(?=@))"
)
# user:password@host without a scheme, as database drivers take it; an image's tag is followed by its digest.
_USER_AT_HOST = expression(
    r"(?<![^\s\"'=,;(])(?!(?:mailto|npm|pkg|sip|acct|git):)[^\s/@:\"'=,;(]{1,200}:"
    r"(?P<secret>[^\s\"'@/]{1,1000}+)@(?!sha(?:256|512):)(?=[\w.-]{0,100}[A-Za-z])"
)
_ASSIGNED = expression(
    r"(?P<name>[A-Za-z_][\w.-]{0,80}+)(?:\\?[\"'])?[ \t]{0,3}(?:=|:(?![ \t]*/))[ \t]{0,3}"
    r"(?:(?:Bearer|Basic|Token)[ \t]+)?"
    rf"(?:\"(?P<double>[^\"]{{1,{_LONGEST}}})\"|'(?P<single>[^']{{1,{_LONGEST}}})'"
    rf"|(?:\\\")?(?P<plain>[^\s\"'\\,;&]{{1,{_LONGEST}}}))",
    re.IGNORECASE,
)
# What stands between two boundaries of PEM is read once: a text may be full of beginnings without an end.
_BETWEEN = r"(?:[^-]|-(?!----(?:BEGIN|END) ))*"
_NO_KEY = expression(
    rf"-----BEGIN (?![A-Z ]{{0,40}}PRIVATE KEY)([A-Z ]{{1,60}})-----{_BETWEEN}-----END \1-----"
)
_PUBLIC_SSH_KEY = expression(
    r"\b(?:ssh-[a-z0-9-]{1,20}|ecdsa-sha2-[a-z0-9]{1,20}) AAAA[A-Za-z0-9+/=]{1,4000}"
)
PRIVATE_KEY = expression(rf"-----BEGIN [A-Z ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----({_BETWEEN})")
_KEY_LINE = expression(r"[A-Za-z0-9+/=]{32,}")
# As the issuers document them, and as GitHub's, GitLab's and gitleaks' secret scanning look for them.
_TOKENS = (
    r"gh[pousr]_[A-Za-z0-9_.-]{30,}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"gl(?:pat|ptt|dt|rt|rtr|cbt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_.-]{20,}",  # GitLab
    r"(?:AKIA|ASIA)[A-Z2-7]{16}",  # AWS; its secret access key is a word drawn at random
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"xapp-\d-[A-Za-z0-9-]{10,}",
    r"(?<=//hooks\.slack\.com/)[A-Za-z0-9+/_-]{20,}",
    r"(?<=/api/webhooks/)\d+/[\w-]{30,}",  # Discord
    r"(?<=\.webhook\.office\.com/)[^\s\"']{30,}",  # Teams
    r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9+/=]{16,}",  # Stripe
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-AgE[A-Za-z0-9_-]{50,}",
    r"rubygems_[0-9a-f]{48}",
    r"oy2[a-z0-9]{43}",  # NuGet
    r"dckr_[po]at_[A-Za-z0-9_-]{20,}",  # Docker Hub
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # JWT
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"GOCSPX-[A-Za-z0-9_-]{20,}",
    r"sk-[A-Za-z0-9_-]{40,}",  # OpenAI, Anthropic
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"hv[sbr]\.[A-Za-z0-9_-]{20,}",  # Vault
    r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}",  # Terraform
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"dapi[0-9a-f]{32}",  # Databricks
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"\d{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"AKCp[A-Za-z0-9]{60,}",  # Artifactory
    r"glsa_[A-Za-z0-9_]{32,}",  # Grafana
    r"sq[apu]_[0-9a-f]{40}",  # SonarQube
    r"ATATT3[A-Za-z0-9_=+/-]{50,}",  # Atlassian
    r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}",  # Shopify
    r"pul-[0-9a-f]{40}",  # Pulumi
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
)
TOKEN = expression(rf"(?<![A-Za-z0-9])(?:{'|'.join(_TOKENS)})")
_WORD = expression(r"[A-Za-z0-9+/_~.-]{20,}")
_RANDOM_LENGTH, _RANDOM_VARIETY = 20, 12
# Runs as words and numbers have them.
_SPOKEN = expression(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}|\d{3,}")
_NO_VALUE = expression(r"[$%]?\{{1,2}.*\}{1,2}|\$\w+|\$\(.*\)|%\w+%|<.*>|\[MASKED\]|.?\*+.?", re.IGNORECASE)
# What everybody chooses in an example, and what reports are full of.
_COMMON = frozenset(
    {
        *("anonymous", "changeme", "development", "disabled", "elasticsearch", "enabled", "localhost"),
        *(
            "minioadmin",
            "mongodb",
            "optional",
            "password",
            "postgres",
            "postgresql",
            "production",
            "rabbitmq",
        ),
        *("required", "staging", "undefined", "username", "x-access-token", "x-oauth-basic"),
    }
)


def is_telling(value: str) -> bool:
    """Whether a value is long and particular enough that finding it means something."""
    value = value.strip()
    if (
        len(value) < MIN_LENGTH
        or value.lower() in _COMMON
        or len(set(value)) < 4
        or _NO_VALUE.fullmatch(value)
    ):
        return False
    return not os.path.exists(value)  # noqa: PTH110 - unlike Path.exists, false for what no path can be


def within(text: str, *, by_chance: bool = True) -> frozenset[str]:
    """The parts of a text that are secrets by what they are, or by what the text says of them.

    Args:
        text: the text.
        by_chance: whether a word that looks drawn at random is one.
    """
    parts = [*_in_addresses(text), *_assigned(text), *TOKEN.findall(text)]
    for key in PRIVATE_KEY.findall(text):
        parts += _KEY_LINE.findall(key.replace("\\n", "\n"))
    if by_chance:
        parts += _random(text)
    return frozenset(part.strip() for part in parts if is_telling(part))


def _in_addresses(text: str) -> Iterator[str]:
    for userinfo in USERINFO.findall(text):
        user, _, secret = userinfo.partition(":")
        yield from (secret, unquote(secret))
        if _is_random(user):
            yield user
    for match in _USER_AT_HOST.finditer(text):
        yield match["secret"]


def _assigned(text: str) -> Iterator[str]:
    for match in _ASSIGNED.finditer(text):
        if is_secret_name(match["name"]):
            value = match["double"] or match["single"] or match["plain"]
            yield from (value, unquote(value), _password_of(value))


def _password_of(auth: str) -> str:
    """The password of ``base64(user:password)``, of a header or docker's configuration."""
    try:
        return base64.b64decode(auth, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _random(text: str) -> Iterator[str]:
    for word in _WORD.findall(_PUBLIC_SSH_KEY.sub(" ", _NO_KEY.sub(" ", text))):
        # Base64 has slashes; an address has a host.
        whole = () if word.startswith("//") else (word,)
        yield from (part for part in (*whole, *word.split("/")) if _is_random(part))


def _is_random(word: str) -> bool:
    """Whether a word has letters of both cases and digits, mixed as in no name.

    Of neighbours drawn from base62 62 % are of another kind, half of the letters are capitals, and a third of
    all characters are in runs. At 20 characters these bounds miss one such word in 12, at 40 one in 200.
    """
    if len(word) < _RANDOM_LENGTH or len(set(word)) < _RANDOM_VARIETY:
        return False
    kinds = [_kind(character) for character in word]
    lower, upper, digits = map(kinds.count, "aA0")
    pairs = [(one, two) for one, two in pairwise(kinds) if one and two]
    return (
        digits > 0
        and min(lower, upper) >= 0.2 * (lower + upper)
        and sum(one != two for one, two in pairs) >= max(0.4 * len(pairs), 5)
        and sum(map(len, _SPOKEN.findall(word))) <= 0.8 * (lower + upper + digits)
    )


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    return ("A" if character.isupper() else "a") if character.isalpha() else ""
