"""The far end of a worker: a process that runs one named function after another for `mocap_import.worker`.

Started as ``python -m mocap_import.worker_process <lifeline>``. Requests come and answers go as length-prefixed pickles
(protocol 5) over copies of descriptors 0 and 1; the descriptors themselves are redirected first, so that libraries
which print (OpenSim does) cannot disturb the channel. Only the standard library is imported here.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import pickle
import signal
import struct
import sys
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

HEADER = struct.Struct("<Q")


def send(stream: BinaryIO, message: Any) -> None:
    """Write one message; `message` may be an object or bytes that are a pickle already."""
    content = message if isinstance(message, bytes) else pickle.dumps(message, protocol=5)
    stream.write(HEADER.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read one message as pickled bytes; EOFError where the other side has closed or died."""
    return _read_exactly(stream, HEADER.unpack(_read_exactly(stream, HEADER.size))[0])


def find_function(name: str) -> Any:
    """Import ``"module:function"``."""
    module, _, function = name.partition(":")
    if not module or not function:
        raise ValueError(f"A task's function is written 'module:function'; got {name!r}.")
    found: Any = importlib.import_module(module)
    for part in function.split("."):
        found = getattr(found, part)
    return found


def main() -> None:
    """Serve requests until the other side closes the channel."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it decides who is stopped
    requests, answers = _private_channel()
    faulthandler.enable()
    if len(sys.argv) > 1:
        _die_with_parent(int(sys.argv[1]))
    try:
        setup = pickle.loads(receive(requests))  # noqa: S301  (from the process that started this one)
        sys.path[:] = setup["path"]
        _limit_memory(setup["memory_limit"])
        if setup["preload"]:
            with contextlib.suppress(Exception):  # the first task that needs it fails with the reason
                importlib.import_module(setup["preload"])
        while True:
            request = receive(requests)
            _reset_peak_memory()
            send(answers, _answer(request, answers))
            del request
    except (EOFError, BrokenPipeError):
        os._exit(0)  # nobody listens any more: leave without the destructors of foreign libraries


def _answer(request: bytes, answers: BinaryIO) -> bytes:
    """Run one request and pack what came of it, failures included."""
    started = time.perf_counter(), time.process_time()
    try:
        # the arguments' classes may live in modules that are slow to import: that is part of the start, not of the task
        name, arguments = pickle.loads(request)  # noqa: S301  (from the process that started this one)
        function = find_function(name)
        send(answers, {"kind": "started"})
        started = time.perf_counter(), time.process_time()
        outcome = {"kind": "done", "value": function(**arguments)}
        return pickle.dumps(outcome | _spent(started), protocol=5)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001  (the border: whatever a task raises is told to the parent)
        outcome = {
            "kind": "failed",
            "error_type": type(error).__name__,
            "message": str(error),
            "traceback": traceback.format_exc(),
        }
        return pickle.dumps(outcome | _spent(started), protocol=5)


def _spent(started: tuple[float, float]) -> dict[str, float]:
    """Wall and CPU seconds since the start, and the peak of resident memory in bytes."""
    return {
        "seconds": time.perf_counter() - started[0],
        "cpu_seconds": time.process_time() - started[1],
        "peak_memory": _peak_memory(),
    }


def _peak_memory() -> int:
    """Peak resident memory in bytes since the last reset (Linux) or since the start; 0 where unknown."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass  # no /proc on this system
    try:
        import resource
    except ImportError:
        return 0
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _reset_peak_memory() -> None:
    """Let the peak of the next task start at what is in use now (Linux)."""
    with contextlib.suppress(OSError):  # elsewhere the peak is that of the process
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _limit_memory(limit: int | None) -> None:
    """Let allocations beyond `limit` bytes of address space fail in this process, where the system can."""
    if limit is None:
        return
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), resource.getrlimit(resource.RLIMIT_AS)[1]))


def _private_channel() -> tuple[BinaryIO, BinaryIO]:
    """Copy descriptors 0 and 1 for the channel, then point 0 at nothing and 1 at the log (2)."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _die_with_parent(lifeline: int) -> None:
    """Have the kernel end this process when the parent's end of `lifeline` closes, even inside a long C++ call.

    The parent never writes to it, so the only signal that the pipe can raise is that of its closing (Linux).
    """
    import fcntl

    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes or raise EOFError."""
    content = stream.read(size)
    if content is None or len(content) < size:
        raise EOFError("the other side has closed the channel")
    return content


if __name__ == "__main__":
    main()
