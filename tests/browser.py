"""A page as a browser shows it: Debian's chromium, told what to do over the pipe of its DevTools protocol.

What it says of the page is kept: errors, requests, and what its Content-Security-Policy refused.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.programs import installed, missing

_AXE = Path(__file__).parents[1] / "build/axe/node_modules/axe-core/axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SECONDS = 60
_OPTIONS = (
    "--headless",
    "--remote-debugging-pipe",
    # What it would ask of its vendor.
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


class Tab:
    """One page in the browser.

    Attributes:
        complaints: what it said is wrong: errors, warnings, refusals.
        requests: the addresses that it asked for.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._session: str | None = None
        self._number, self._rest = 0, b""
        self.complaints, self.requests = list[str](), list[str]()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The answer to a command; what happens before it comes is kept.

        Raises:
            AssertionError: when there is none in time, or it is an error.
        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        left = json.dumps(message).encode() + b"\0"
        while left:
            left = left[os.write(self._writing, left) :]
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]

    def open(self, page: Path) -> None:
        """Show a file, and wait until it is there."""
        self.complaints.clear()
        self.requests.clear()
        self.call("Page.navigate", url=page.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def seen_as(self, *, width: int, scheme: str = "light", media: str = "screen", height: int = 900) -> None:
        """Show the page in a window of this width (CSS pixels), light or dark, on a screen or in print."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is waited for.

        Raises:
            AssertionError: when it throws.
        """
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        codes = {"Tab": 9, "Enter": 13}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                **(text if kind == "keyDown" else {}),
            )

    def picture(self, height: int | None = None) -> bytes:
        """The whole page, or its upper part, as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        told = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(told["data"])

    def barriers(self, *passed_over: str) -> list[str]:
        """What axe-core finds, but by these rules: what is wrong, and at which elements."""
        if not _AXE.is_file():
            missing("axe-core is not there; run `make builders`")
        if not self.run("'axe' in window"):
            self.run(f"{_AXE.read_text(encoding='utf-8')}; undefined")
        options = json.dumps({"runOnly": _TAGS, "rules": {name: {"enabled": False} for name in passed_over}})
        found = self.run(f"axe.run(document, {options})")
        assert found["passes"], "axe-core looked at nothing"
        return [
            f"{each['id']} ({each['help']}): {node['html'][:200]} {node['failureSummary'][:300]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def _next(self) -> dict[str, Any]:
        """The next that the browser tells."""
        end = time.monotonic() + _SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reading], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser says nothing any more"
            read = os.read(self._reading, 1 << 20)
            assert read, "the browser has ended"
            self._rest += read
        told, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(told)
        self._keep(message.get("method"), message.get("params", {}))
        return message

    def _keep(self, method: str | None, said: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(said["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(said["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(said["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(said["exceptionDetails"]))


@contextmanager
def browser() -> Iterator[Tab]:
    """A tab of a browser of its own, whose profile goes with it."""
    program = installed("chromium", "chromium")
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        theirs, ours = _pipe(), _pipe()
        # As root it has no sandbox; the pages are those of the tests.
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()
        argv = [program, *_OPTIONS, *root, f"--user-data-dir={profile}", "about:blank"]
        log = os.open(f"{profile}/log", os.O_WRONLY | os.O_CREAT, 0o600)
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs[0], 3),
            (os.POSIX_SPAWN_DUP2, ours[1], 4),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ]
        variables = {"PATH": os.environ["PATH"], "HOME": profile}
        pid = os.posix_spawn(program, argv, variables, file_actions=actions, setpgroup=0)
        for each in (theirs[0], ours[1], log):
            os.close(each)
        try:
            yield Tab(ours[0], theirs[1])
        finally:
            os.close(theirs[1])
            os.close(ours[0])
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are none of those that the browser expects."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
