"""Verifying an identity token whose issuer's keys are known: no network; and what the first one costs beside.

Prints Markdown for docs/benchmarks.md.

    python -m bench.identity [ROUNDS]
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime

from pushpolicy.identity.issuers import Issuer
from pushpolicy.identity.token import Token
from pushpolicy.identity.verify import read_token, verify
from tests.issuer import jwk, rsa_key, token

_GOAL = 5.0  # milliseconds (issue of verified identity)
_IMPORT = "import time; a = time.process_time(); import jwt; print(time.process_time() - a)"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    issuer, now = Issuer(issuer="https://ci.example"), int(time.time())
    claims = {"iss": issuer.issuer, "sub": "s", "aud": "pushpolicy", "iat": now, "exp": now + 600}
    given = Token(value=token(claims | {f"claim_{n}": "x" * 40 for n in range(40)}), source="X")
    keys, spent = (jwk(rsa_key()), jwk(rsa_key("other"), "other")), list[float]()
    for _ in range(rounds):
        before = time.process_time()
        verify(given, read_token(given, [issuer]), keys, datetime.now(UTC), "pushpolicy")
        spent.append((time.process_time() - before) * 1000)
    imports = min(float(subprocess.check_output([sys.executable, "-c", _IMPORT])) for _ in range(5)) * 1000
    print("| a token of 40 claims, RS256 | CPU ms |\n| --- | --- |")
    print(f"| verified, keys known (least of {rounds}) | {min(spent):.2f} (goal: at most {_GOAL:.0f}) |")
    print(
        f"| importing PyJWT and cryptography, once in a run that has a token (least of 5) | {imports:.0f} |"
    )


if __name__ == "__main__":
    main()
