"""A page in headless Chromium, driven over the browser's own debugging pipe with the standard library alone."""

from __future__ import annotations

import base64
import fcntl
import io
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars"),
)
# The browser reads commands from descriptor 3 and writes to 4, whatever numbers these pipes have here.
LAUNCH = """
import fcntl, os, sys
a, b = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3])
os.dup2(a, 3), os.dup2(b, 4), os.close(a), os.close(b)
os.execv(sys.argv[3], sys.argv[3:])
"""
LOCAL = ("file:", "data:", "blob:", "about:")


def find_chromium() -> str:
    """Path of the browser; without one a clear skip, which CI turns into a failure."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    message = "no Chromium on this machine: install it (apt-get install chromium) to open the page"
    pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


class BrowserPage:
    """One page; `errors` holds what the console said, `requests` what it asked of the network."""

    def __init__(self, width: int = 1280, height: int = 720, flags: tuple[str, ...] = ()) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._number, self._buffer, self._events = 0, b"", []
        self._profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        arguments = [find_chromium(), *FLAGS, *flags, f"--user-data-dir={self._profile.name}"]
        launcher = [sys.executable, "-c", LAUNCH, str(commands), str(answers), *arguments]
        launcher.append(f"--window-size={width},{height}")
        self._process = subprocess.Popen(launcher, pass_fds=(commands, answers), stderr=subprocess.DEVNULL)
        os.close(commands), os.close(answers)
        fcntl.fcntl(self._read, fcntl.F_SETFL, os.O_NONBLOCK)
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        # script time counts the processor's time of the page's thread, not that of whoever shares the processor
        self.call("Performance.enable", timeDomain="threadTicks")
        self.resize(width, height)

    def __enter__(self) -> BrowserPage:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._read), os.close(self._write)
        self._profile.cleanup()

    def call(self, method: str, **parameters: object) -> dict:
        """One command of the DevTools protocol and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def open(self, page: Path | str, seconds: float = 30.0) -> None:
        """Open a file, or an address, and wait until it has loaded."""
        self._events.clear()
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self.call("Page.navigate", url=address)
        self.wait(f"document.readyState === 'complete' && location.href === {address!r}", seconds)

    def value(self, expression: str) -> object:
        """Value of a JavaScript expression, promises awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 30.0) -> None:
        """Until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} stayed false; console: {self.errors}"
            time.sleep(0.05)

    def resize(self, width: int, height: int) -> None:
        """Size of the page in CSS pixels, one device pixel each."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def script_seconds(self) -> float:
        """CPU time (s) that the page's scripts have used so far."""
        metrics = self.call("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration")

    def screenshot(self) -> np.ndarray:
        """Pixels (height, width, 3) of the page, uint8."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse, as a person would."""
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = self.value(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _next(self, seconds: float = 60.0) -> dict:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], seconds)
            assert ready, "the browser does not answer"
            piece = os.read(self._read, 1 << 16)
            assert piece, "the browser has ended"
            self._buffer += piece
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, message: dict) -> None:
        method, content = message.get("method", ""), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(content["exceptionDetails"].get("exception", {}).get("description", str(content)))
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in content["args"]))
        elif method == "Log.entryAdded":
            self.errors.append(content["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not content["request"]["url"].startswith(LOCAL):
            self.requests.append(content["request"]["url"])
