"""Each attack is refused, as its row says; and each control is ALLOW."""

from __future__ import annotations

import pytest

from pushpolicy import errors
from tests.attacks import checkout
from tests.attacks.table import Attack, changed
from tests.workspace import Workspace

MODULES = (checkout,)
ROWS = [
    pytest.param(attack, id=f"{module.__name__.rpartition('.')[2]}: {attack.name}")
    for module in MODULES
    for attack in module.ROWS
]


@pytest.mark.parametrize("attack", ROWS)
def test_the_control_is_allowed(workspace: Workspace, attack: Attack) -> None:
    ran = attack.run(changed(workspace, attack.prepare))
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert ran.out.startswith("ALLOW ")


@pytest.mark.parametrize("attack", ROWS)
def test_the_attack_is_refused(workspace: Workspace, attack: Attack) -> None:
    place = changed(changed(workspace, attack.prepare), attack.strike)
    ran = attack.run(place)
    assert ran.code == attack.code, ran.out + ran.err
    assert attack.says in ran.out + ran.err
    assert not attack.writes(place)


def test_every_row_has_a_name_of_its_own() -> None:
    for module in MODULES:
        names = [attack.name for attack in module.ROWS]
        assert len(names) == len(set(names)), module.__name__
