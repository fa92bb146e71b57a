"""Files of properties: as Java reads them, and what is refused of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pushpolicy.gather.ci import evidence
from pushpolicy.gather.ci.properties import parse
from tests.ci import cases, stored

PUSH = next(case for case in cases("teamcity") if case.properties)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("#a=b\n! c\n  # d\n", {}),
        ("a=b", {"a": "b"}),
        ("a = b ", {"a": "b "}),
        ("a\\:b:c=d", {"a:b": "c=d"}),
        ("a b\r\nc\td\re", {"a": "b", "c": "d", "e": ""}),
        ("url=https\\://h/\\=\\!\\#", {"url": "https://h/=!#"}),
        ("a=b\\\n   c\\\n\\td\n", {"a": "bc\td"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=b\\\n#c", {"a": "b#c"}),
        ("a=\\u00e4\\ud83d\\ude80", {"a": "\u00e4\U0001f680"}),
        ("a=\\x", {"a": "x"}),
        ("a=b\\\n", {"a": "b"}),
        ("=b", {"": "b"}),
    ],
)
def test_it_is_read_as_java_does(text: str, found: dict[str, str]) -> None:
    assert parse(text) == found


@pytest.mark.parametrize("text", ["a=1\na=1", "a=\\u12", "a=\\", "a=\\ud83d"])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"line 1|line 2|codec"):
        parse(text)


@pytest.mark.parametrize(
    ("build", "configuration", "says"),
    [
        (
            {"vcsroot.url": "https://git.example.com/a/b"},
            {},
            "the two files of properties differ in vcsroot.url",
        ),
        ({"build.vcs.number": "2" * 40}, {}, "commit: BUILD_VCS_NUMBER says"),
        ({"build.vcs.number": "main"}, {}, "properties: build.vcs.number: the commit"),
        ({}, {"teamcity.build.vcs.branch.App_Root": "refs/heads/ma\\u200bin"}, "U+200B"),
        ({"password": "\\u12"}, {}, "build.properties: line 8 holds an escape that is none"),
        ({"teamcity.configuration.properties.file": "/dev/zero"}, {}, "the file of properties /dev/zero"),
    ],
)
def test_what_contradicts_itself_has_failed(
    tmp_path: Path, build: dict[str, str], configuration: dict[str, str], says: str
) -> None:
    assert PUSH.properties
    said = {
        "build": {**PUSH.properties["build"], **build},
        "configuration": {**PUSH.properties["configuration"], **configuration},
    }
    found = evidence({**PUSH.environ, "TEAMCITY_BUILD_PROPERTIES_FILE": stored(said, tmp_path)})
    assert found.status == "failed"
    assert says in str(found.reason)


def test_what_is_not_there_says_nothing(tmp_path: Path) -> None:
    for path in (None, tmp_path / "no-such-file"):
        given = {"TEAMCITY_BUILD_PROPERTIES_FILE": str(path)} if path else {}
        found = evidence({**PUSH.environ, **given})
        assert (found.status, found.branch) == ("collected", None)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_ends(tmp_path: Path, make: object) -> None:
    path = tmp_path / "build.properties"
    make(path)  # type: ignore[operator]
    found = evidence({**PUSH.environ, "TEAMCITY_BUILD_PROPERTIES_FILE": str(path)})
    assert found.status == "failed"


def test_time_and_size_are_bounded(tmp_path: Path) -> None:
    assert len(parse("a=" + "\\" * 2_000_000 + "\n")) == 1
    assert len(parse("ab\\\n" * 1_000_000 + "a=b")) == 1
    path = tmp_path / "build.properties"
    path.write_bytes(b"a" * 5_000_000)
    found = evidence({**PUSH.environ, "TEAMCITY_BUILD_PROPERTIES_FILE": str(path)})
    assert (found.status, "limit" in str(found.reason)) == ("failed", True)
