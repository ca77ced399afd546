"""How a process ended, from its return code."""

from __future__ import annotations

import signal


def signal_name(code: int) -> str:
    """Name of the signal that a return code stands for; empty where the process ended by itself."""
    if code >= 0:
        return ""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def describe_exit(code: int) -> str:
    """Say how a process ended, from its return code."""
    name = signal_name(code)
    if not name:
        return f"ended by itself with exit code {code}"
    if name == "SIGKILL":
        return "was killed (SIGKILL), by a person or by the system for want of memory"
    return f"was ended by {name}" if name in {"SIGTERM", "SIGHUP", "SIGINT"} else f"crashed with {name}"
