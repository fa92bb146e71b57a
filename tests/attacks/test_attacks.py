"""Each attack is refused, as its row says; and each control is ALLOW."""

from __future__ import annotations

import pytest

from pushpolicy import errors
from tests.attacks import (
    checkout,
    ci_system,
    credential,
    earlier_step,
    identity,
    image,
    jobs_api,
    login,
    opa_server,
    parts,
    policy_author,
    record,
    registry,
    report,
    service_account,
)
from tests.attacks.table import PUSH, Attack, changed
from tests.workspace import IMAGE, TARGET, Workspace

MODULES = (
    checkout,
    earlier_step,
    ci_system,
    jobs_api,
    identity,
    service_account,
    parts,
    credential,
    login,
    opa_server,
    image,
    report,
    registry,
    policy_author,
    record,
)
TABLE = {
    f"{module.__name__.rpartition('.')[2]}: {attack.name}": attack
    for module in MODULES
    for attack in module.ROWS
}
# Rows that are the same run without their attack have one control.
CONTROLS = {(attack.prepare, attack.run): name for name, attack in reversed(TABLE.items())}


@pytest.mark.parametrize("name", CONTROLS.values())
def test_the_control_is_allowed(workspace: Workspace, name: str) -> None:
    attack = TABLE[name]
    ran = attack.run(changed(workspace, attack.prepare))
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert ran.out.startswith("ALLOW ")


@pytest.mark.parametrize("attack", TABLE.values(), ids=TABLE)
def test_the_attack_is_refused(workspace: Workspace, attack: Attack) -> None:
    place = changed(changed(workspace, attack.prepare), attack.strike)
    ran = attack.run(place)
    assert ran.code == attack.code, ran.out + ran.err
    assert attack.says in ran.out + ran.err
    assert not attack.writes(place)


@pytest.mark.parametrize(
    "name", [name for name in TABLE if name.startswith("image:") and TABLE[name].run is PUSH]
)
def test_a_full_check_says_what_the_push_would_say(workspace: Workspace, name: str) -> None:
    attack = TABLE[name]
    place = changed(changed(workspace, attack.prepare), attack.strike)
    ran = place.run("check", IMAGE, TARGET, "--verify", "full")
    assert ran.code == attack.code, ran.out + ran.err
    assert attack.says in ran.out + ran.err
    assert not attack.writes(place)


def test_every_row_has_a_name_of_its_own() -> None:
    assert len(TABLE) == sum(len(module.ROWS) for module in MODULES)
