"""The registries of one command."""

from __future__ import annotations

import io
import sys

import pytest

from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.registries import Registries
from pushpolicy.model.reference import Repository
from pushpolicy.reports.limits import Limits


def test_one_line_of_standard_input_is_the_password_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Denials are opened beside the images, by registries of their own."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("first\nsecond\n"))
    options = RegistryOptions(username="ci", password_stdin=True)
    images, denials = Repository.parse("localhost:1/team/app"), Repository.parse("localhost:1/team/denials")
    _, one = Registries(options, Limits()).target(images)
    _, other = Registries(options, Limits(), owner="localhost:1").denials(denials)
    assert one
    assert other
    assert "first" in one.secrets
    assert one.secrets == other.secrets
