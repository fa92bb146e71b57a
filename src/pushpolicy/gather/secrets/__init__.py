"""No secret may be stored: what counts as one, how it may be spelt, and the search for it.

A secret is a variable whose name says so (`is_secret_name`), and what shows itself to be one in the value of
any variable, in git's remote or on a command line (`within`). `search` puts them together with the
credentials in use, and looks for them in all that is about to be stored.
"""

from __future__ import annotations

from pushpolicy.model.expressions import expression

# GITHUB_TOKEN, githubToken and github-token are two words each, PGPASSWORD and GITHUBTOKEN one.
_WORD = expression(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ANYWHERE = expression(r"PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL")
_AT_END = expression(
    r"(?:TOKEN|WEBHOOK|(?:API|ACCESS|ACCOUNT|AUTH|DEPLOY|ENCRYPTION|HMAC|LICENSE|MASTER|PRIVATE|SHARED|SIGNING|SSH"
    r"|STORAGE)KEY|(?:GH|GITHUB|GITLAB|DOCKER)PAT)S?$|(?:PASS|PWD|AUTH)$"
)
_WHOLE = frozenset(
    {
        *("KEY", "KEYS", "PAT", "PATS", "SK", "CREDS", "JWT", "COOKIE", "DSN", "SAS", "AUTHORIZATION"),
        *("SIG", "SIGNATURE"),  # of signed addresses
    }
)
_ENGLISH = frozenset(
    {"BYPASS", "COMPASS", "ENCOMPASS", "TRESPASS", "SURPASS", "OVERPASS", "UNDERPASS", "MULTIPASS"}
)
# Names that hold such a word and mean something else: a place, a name, a key that is no secret.
_PUBLIC_END = frozenset(
    {
        *(
            "FILE",
            "PATH",
            "DIR",
            "SOCK",
            "URL",
            "URI",
            "HOST",
            "PORT",
            "ENDPOINT",
            "NAME",
            "USER",
            "USERNAME",
        ),
        *(
            "ENABLED",
            "METHOD",
            "MODE",
            "TYPE",
            "FORMAT",
            "ALGORITHM",
            "VERSION",
            "EVENT",
            "ISSUER",
            "SCOPE",
            "TTL",
        ),
    }
)
_PUBLIC = expression(
    r"(?:^|_)(?:CACHE|FOREIGN|ISSUE|JOB|PARTITION|PRIMARY|PROJECT|PUBLIC|RESTORE|SORT|STEP)_?KEYS?$"
    r"|^GPG_KEYS?$"  # a fingerprint, which Python's and Node's images carry and reports on them repeat
    r"|^CODEBUILD_WEBHOOK_"  # what caused a build
    r"|^(?:OLD)?PWD$"
)

# What CI systems say of a run: branches, titles and messages hold any words.
_OF_RUN = expression(
    r"(?:BRANCH|BUILD|CHANGE|CI_(?:COMMIT|JOB|MERGE_REQUEST|PIPELINE|PROJECT|RUNNER)|GIT|GITHUB|JOB|NODE|RUNNER|STAGE)_"
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name usually is a secret; the name of an address of a webhook says so too."""
    words = [word.upper() for word in _WORD.findall(name)]
    telling = [word for word in words if word not in _ENGLISH]
    if not any(word in _WHOLE or _ANYWHERE.search(word) or _AT_END.search(word) for word in telling):
        return False
    if _PUBLIC.search("_".join(words)):
        return False
    is_webhook = any("WEBHOOK" in word for word in words) and words[-1] in ("URL", "URI")
    return is_webhook or words[-1] not in _PUBLIC_END


def is_of_run(name: str) -> bool:
    """Whether CI systems say something of the run in variables of such a name."""
    return _OF_RUN.match(name) is not None
