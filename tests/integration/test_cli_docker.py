"""Docker images on the command line: how their layers are to be compressed, and who reads standard input."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.cli.main import main
from tests.docker_archives import old_style, write

TARGET = "oci:published:1.0"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image.tar", old_style())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--compression", "bzip2"], "'bzip2' is not one of 'gzip', 'zstd', 'none'"),
        (["--compression-level", "9"], "--compression-level: gzip has the levels 0 to 3, not 9"),
        (["--compression", "none", "--compression-level", "1"], "none has no levels, not 1"),
    ],
)
def test_wrong_options(options: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["gather", "docker-archive:image.tar", TARGET, *options]) == 2
    assert said in capfd.readouterr().err


@pytest.mark.parametrize("image", ["docker-archive:-", "docker-archive:-:app:1"])
def test_standard_input_is_read_once(image: str, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--username", "ci", "--password-stdin"]
    assert main(["gather", image, "localhost:1/app:1.0", *options]) == 2
    assert "standard input can be read once" in capfd.readouterr().err


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_the_digest_is_known_to_the_evidence(
    compression: str, opa: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = set()
    for image in ("image.tar", "docker-archive:image.tar:app:1"):
        assert main(["gather", image, TARGET, "--quiet", "--compression", compression]) == 0
        document = capfd.readouterr().out
        assert '"platform":"linux/amd64"' in document
        found.add(document.partition('"image":{')[2].partition('"digest":"')[2][:71])
    assert len(found) == 1
