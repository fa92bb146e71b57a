"""Advice to run it again is given only where that helps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.policies import ROOT

AGAIN = re.compile(r"(run|push|try)\b[^.;,:]{0,40} again")
# Each piece of such advice, and why doing the same once more may end otherwise.
HELPS = {
    "check the network, or try again later": "there was no answer, or half of one",
    "run it again, what was sent is not sent twice": "it was too slow",
    "is busy or away; try again later": "the OPA server had trouble (5xx, 429)",
    "try again later; its log": "the registry had trouble (5xx)",
    "run it again when fewer pushes go to this image": "others wrote the same list",
    "something removed it meanwhile; run the push again": "it is put once more",
    "make room on the disk and run the push again": "there is room then",
    "run this one again, so that it is judged against the tag as it is": "it is judged by another tag",
    "look at the tags, or run the same push again": "it was interrupted",
    "look at the tag, then push again": "somebody else moved it",
    "run the push again, so that it is judged against the tag as it is": "it is judged by another tag",
    "run the push again, for a fresh decision": "the permit was too old",
    "Have the step that writes the named file run again": "it writes a whole file",
    "make room and run the command again": "there is room then",
    "run the command again in this one": "the command runs in this checkout then",
    "run the job that writes it again": "a part of another run",
    "run the step that writes it again": "it writes a whole file",
    "Put right what is named and push again": "after what is named",
    "find out who, and push the release again": "a release of one set of files is whole",
    "`pushpolicy policy push` stores it again": "it puts what is whole in the place of what is damaged",
    "The target's registry has to say it of the tag; push again": "the registry answers then",
    "or the push of the newer one did not end: push again": "the tag has its newest record then",
    "push it again: that is a new decision": "it is decided by what is known now",
    "push again with a key that counts: a record by that one": "another key signs",
    "push this one again once it passes": "after what is named",
    "find out who moved it, and push again what it shall name": "the tag is moved, with a record",
    "push it again in a form of today": "another manifest",
    "find out which program pushed it; push it again": "it is decided by a known program",
    "end observe mode, and push again": "it is enforced then",
    "push it again: without the waiver": "it is decided by what is known now",
}


def texts() -> Iterator[str]:
    """Every text of the program that is no docstring, with the file before it."""
    for path in sorted((ROOT / "src/pushpolicy").rglob("*.py")):
        tree = ast.parse(path.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                yield f"{path.name}: {node.value}"


def test_advice_to_run_it_again_helps() -> None:
    advice = [text for text in texts() if AGAIN.search(text)]
    assert [text for text in advice if not any(known in text for known in HELPS)] == []
    assert [known for known in HELPS if not any(known in text for text in advice)] == []
