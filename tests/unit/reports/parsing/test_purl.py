"""Package URLs: what one says, and which others it stands for."""

from __future__ import annotations

import pytest

from pushpolicy.reports.parsing.purl import Purl


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("pkg:npm/%40angular/core@17.0.1", ("npm", "@angular/core", "17.0.1", {})),
        ("pkg:npm/@angular/core", ("npm", "@angular/core", None, {})),
        ("pkg:golang/github.com/a/b@v1%2Binc#sub/dir", ("golang", "github.com/a/b", "v1+inc", {})),
        ("pkg:APK/alpine/busybox?arch=x86_64&distro=", ("apk", "alpine/busybox", None, {"arch": "x86_64"})),
        (
            "pkg:oci/app@sha256%3Aab?repository_url=ghcr.io%2Fo%2Fapp",
            ("oci", "app", "sha256:ab", {"repository_url": "ghcr.io/o/app"}),
        ),
        ("pkg:oci/app@sha256:ab", ("oci", "app", "sha256:ab", {})),
    ],
)
def test_parts(text: str, parts: tuple[str, str, str | None, dict[str, str]]) -> None:
    purl = Purl.parse(text)
    assert purl is not None
    assert (purl.type, purl.name, purl.version, purl.qualifiers) == parts


@pytest.mark.parametrize("text", [None, "", "nginx", "pkg:", "pkg:npm", "pkg:npm/", "https://pkg:npm/a"])
def test_another_text_is_none(text: str | None) -> None:
    assert Purl.parse(text) is None


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        ("pkg:npm/a@1", "pkg:npm/a@1?x=y", True),
        ("pkg:npm/a", "pkg:npm/a@2", True),
        ("pkg:npm/a@1?x=y", "pkg:npm/a@1", False),
        ("pkg:npm/a@1", "pkg:npm/a@1.0", False),
        ("pkg:npm/a@1", "pkg:npm/a", False),
        ("pkg:npm/a@1", "pkg:pypi/a@1", False),
        ("pkg:npm/a", "pkg:npm/b/a", False),
    ],
)
def test_one_that_says_less_stands_for_more(wide: str, narrow: str, covers: bool) -> None:
    first, second = Purl.parse(wide), Purl.parse(narrow)
    assert first is not None
    assert second is not None
    assert first.covers(second) is covers
