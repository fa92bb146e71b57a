"""What a credential tells: the form of its token, else its user name.

A user name alone never makes a credential look better than it is. Names as the issuers document them:
GitLab "Deploy tokens", Google "Authentication methods", Quay "Robot accounts", Harbor "Create system robot
accounts".
"""

from __future__ import annotations

import re
from datetime import datetime

from pushpolicy.identity import forms
from pushpolicy.identity.forms import Told
from pushpolicy.registry.credentials import Credential

# User names that say what kind of user it is, none of them something better than a password.
_USERS = {
    r"_json_key(_base64)?": "service-account-key",
    r"gitlab\+deploy-token-\d+": "deploy-token",
    r"robot\$\S+": "robot",  # Harbor
    r"[a-z0-9_.-]+\+[a-z0-9_.-]+": "robot",  # Quay
}


def told(credential: Credential, at: datetime) -> Told:
    """What a credential tells.

    Args:
        credential: one that has a secret.
        at: the time of the decision, which a lifetime is counted to.
    """
    form = forms.told(next(iter(credential.secrets), ""), credential.username, at)
    if form.user_kind is not None:
        return form
    for pattern, kind in _USERS.items():
        if re.fullmatch(pattern, credential.username or ""):
            return Told(user_kind=kind, ephemeral=False)
    return Told(user_kind="password" if credential.secret else None)
