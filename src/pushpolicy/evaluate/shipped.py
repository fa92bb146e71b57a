"""Where the policies are that come with pushpolicy."""

from __future__ import annotations

from pathlib import Path

from pushpolicy.errors import PolicyError


def policies() -> Path:
    """The folder `policies`: inside the installed package, or beside `src` in a checkout.

    Raises:
        PolicyError: when the installation lacks it.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "policies", package.parent.parent / "policies"):
        if (folder / "system" / "main" / "main.rego").is_file():
            return folder
    raise PolicyError(f"the shipped policies are not beside {package}", "reinstall pushpolicy")
