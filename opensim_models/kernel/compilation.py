"""Compilation of the kernels: once per installation, kept on disk, and announced before it takes its time.

numba names a stored kernel by the file that defines it and does not see that another file, whose functions it has
inlined, was changed. So the store is a folder named by the content of all kernel files together with the versions of
Python and numba. Being in the user's cache folder it also serves installations that nobody may write to.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

logger = logging.getLogger(__name__)
REORDERED = {"reassoc", "contract", "nsz"}
"""Freedom in the order of additions; NaN and infinity keep their meaning."""


@cache
def cache_folder() -> Path | None:
    """Folder of the compiled kernels: below ``NUMBA_CACHE_DIR``, the user's cache or the temporary folder, or None."""
    content = hashlib.sha256(f"{sys.version} {numba.__version__}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        content.update(path.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or str(Path("~/.cache").expanduser())
    user = f"kinesynth-{getattr(os, 'getuid', lambda: '')()}"
    for base in (os.environ.get("NUMBA_CACHE_DIR"), f"{home}/kinesynth", f"{tempfile.gettempdir()}/{user}"):
        folder = Path(base or home) / f"kernels-{content.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None


def compiled(function: Callable) -> Any:
    """Compile a function by numba at its first call: without the GIL, one thread, stored on disk where possible."""
    folder = cache_folder()
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder or "")
    try:
        return numba.njit(cache=folder is not None, nogil=True, fastmath=REORDERED, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = before


def announce_compilation(kernel: Any, what: str, seconds: int) -> bool:
    """Say that a kernel is about to be compiled, if it is; return whether it is."""
    if kernel.signatures:
        return False
    folder = cache_folder()
    stored = folder is not None and any(folder.rglob(f"*.{kernel.py_func.__qualname__}-*.nbi"))
    if not stored:
        kept = "once per installation" if folder is not None else "for this process: no folder to keep them in"
        logger.warning("compiling the %s kernels, %s, about %d s", what, kept, seconds)
    return not stored
