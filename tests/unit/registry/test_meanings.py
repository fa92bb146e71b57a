"""What refusals mean: a real answer at least for each row of the table, and what must never be said.

That they are told so by the command line is in tests/integration/test_registry_errors.
"""

from __future__ import annotations

import json

import pytest

from pushpolicy.http.response import Headers
from pushpolicy.registry.meanings import TABLE, Phase, RegistryAnswer, Row, Try, attempt_of, meaning_of
from pushpolicy.registry.refusals import refusal
from tests.policies import ROOT
from tests.refusals import CASES, Case


def answer(case: Case) -> RegistryAnswer:
    return RegistryAnswer(
        status=case.status,
        headers=Headers(case.headers),
        content=case.body.encode(),
        url="https://example.org/v2/",
        phase=case.phase,
        **case.about,
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_said_of_a_refusal(case: Case) -> None:
    error = refusal("example.org/app: upload", answer(case))
    said = f"{error.message} -> {error.hint}"
    for part in case.told:
        assert part in said
    assert said.isprintable()
    assert attempt_of(answer(case)) is case.attempt


def test_every_row_is_one_that_an_answer_meets() -> None:
    met = {id(meaning_of(answer(case))) for case in CASES.values()}
    assert [row.meaning for row in TABLE if id(row) not in met] == []


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.meaning)
def test_no_row_says_what_cannot_help(row: Row) -> None:
    assert "run" not in row.hint.replace("registry runs", "")
    # Only what passes is to be tried again as it is.
    assert ("again" in row.hint) == (row.meaning == "the registry has trouble of its own")
    if Phase.READ in row.phases:
        assert "push to" not in row.hint


def test_a_detail_of_any_kind_is_shown_and_harmless() -> None:
    shown = {
        "text": "text",
        7: "7",
        True: "true",
        1.5: "1.5",
        (): "",
        ("a", 2): '["a", 2]',
        "\x1b[2J\u202e\ud800": "\\x1b[2J\\u202e\\ud800",
        "::error::x": "::error::x",
    }
    for value, text in shown.items():
        body = json.dumps({"errors": [{"code": "DENIED", "detail": value}]})
        error = refusal("x", answer(Case(400, Phase.READ, body, ())))
        assert text in error.message
        assert error.message.isprintable()
    nested = '{"a": [' * 900 + "1" + "]}" * 900
    body = f'{{"errors": [{{"code": "DENIED", "message": "no", "detail": {nested}}}]}}'
    error = refusal("x", answer(Case(400, Phase.READ, body, ())))
    assert "answered 400" in error.message
    assert len(error.message) < 600


def documented(row: Row) -> str:
    """The row's line in docs/refusals.md."""
    tries: dict[Try | None, str] = {
        None: "",
        Try.SEND_SKIPPED: "blobs that were said to be there are sent, then the manifest",
        Try.BEGIN_ANEW: "the upload",
        Try.ASK_BASE: "`/v2/` is asked how",
    }
    asked = {True: "after a read that worked", None: ""}[row.has_read]
    login = {True: "with a credential", False: "without one", None: ""}[row.has_credential]
    host = {True: "from another host", None: ""}[row.elsewhere]
    phases = sorted(phase.name.lower() for phase in row.phases) if len(row.phases) < len(Phase) else ()
    answer = (
        ", ".join(map(str, row.statuses)),
        " or ".join(row.codes),
        " or ".join(f"“{part.replace('<', '&lt;')}”" for part in row.words),
        f"({', '.join(told)})" if (told := [*phases, *filter(None, (login, asked, host))]) else "",
    )
    columns = (
        row.whose,
        " ".join(filter(None, answer)),
        row.meaning,
        tries[row.attempt],
        row.hint,
        row.seen,
    )
    return f"| {' | '.join(columns)} |".replace("  ", " ")


def test_every_row_is_documented() -> None:
    page = (ROOT / "docs/refusals.md").read_text()
    assert [line for line in map(documented, TABLE) if line not in page] == []
    assert page.count("\n| ") == len(TABLE) + 2
