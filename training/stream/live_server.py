"""Live server: the viewer's page on this machine only, and the frames that it shows while they are estimated."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Frames = Callable[[], Iterable[tuple[int, list[float] | None]]]
"""Starts a replay: frame numbers and the points of the figure."""


class LiveServer:
    """A server of one page, bound to the local address.

    Parameters
    ----------
    page : bytes
        The viewer's page (`write_viewer` with ``live=True``).
    frames : callable
        Called once per visitor.
    rate : float
        Frames per second (Hz) at which they are sent.
    port : int
        0 = any free one.

    Attributes
    ----------
    finished : Event
        Set once a visitor has got the last frame, or no more can be made.
    failure : Exception or None
        Why no more can be made.
    """

    def __init__(self, page: bytes, frames: Frames, rate: float, port: int = 0) -> None:
        self.finished = threading.Event()
        self.failure: Exception | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/":
                    self._answer("text/html; charset=utf-8", page)
                elif self.path == "/frames":
                    self._send_frames()
                else:
                    self.send_error(HTTPStatus.NOT_FOUND)

            def _answer(self, kind: str, content: bytes) -> None:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _send_frames(self) -> None:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                began = time.monotonic()
                try:
                    for frame, points in outer._made(frames):
                        time.sleep(max(began + frame / rate - time.monotonic(), 0.0))
                        if points is not None:
                            self.wfile.write(f"data: {json.dumps({'frame': frame, 'points': points})}\n\n".encode())
                    self.wfile.write(b"event: end\ndata: {}\n\n")
                except (BrokenPipeError, ConnectionResetError):  # the visitor has left
                    if outer.failure is None:
                        return
                outer.finished.set()

            def log_message(self, *_: Any) -> None:
                """Say nothing: what is served is on the screen."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True

    def _made(self, frames: Frames) -> Iterator[tuple[int, list[float] | None]]:
        """Every frame; what ends them early is kept for who waits, since nobody looks at this thread."""
        try:
            yield from frames()
        except Exception as error:  # noqa: BLE001  (whatever it is, it is raised where the command waits)
            self.failure = error

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> LiveServer:
        """Begin to serve, in a thread."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
