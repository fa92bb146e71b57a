"""docs/forms.md: its table names each form, its commands run, and it says what they say."""

from __future__ import annotations

import re
from pathlib import Path

from pushpolicy import errors
from pushpolicy.records.forms import FORMS
from tests.keys import key
from tests.policies import ROOT
from tests.workspace import TARGET, Workspace

TEXT = (ROOT / "docs/forms.md").read_text()


def test_the_table_names_each_form_by_its_type() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| `(\S+)`", TEXT, re.MULTILINE)
    assert rows == [(name, form.predicate_type) for name, form in FORMS.items()]


def test_the_commands_run_as_they_stand(workspace: Workspace, private: Path) -> None:
    workspace.write("../decide.pub", key().public.pem)
    ours = [line.strip() for line in TEXT.splitlines() if line.startswith("    pushpolicy ")]
    assert len(ours) == 2
    for command in ours:
        here = re.sub(r"registry\.example\S+", TARGET, command).replace("decide.pub", "../decide.pub")
        ran = workspace.shell(here.replace("decide.key", str(private)))
        assert ran.code == errors.EXIT_OK, ran.err
    assert '"PUSHPOLICY_RULE_TESTS_PASSED"' in ran.out
    assert "verified by decide" in ran.err
