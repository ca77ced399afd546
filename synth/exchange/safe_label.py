"""Safe label: names of a corpus as file systems and BIDS allow them, each name with a label of its own.

A corpus takes any Unicode name without a slash; files do not, and BIDS takes letters and digits only. A name that is
allowed keeps itself; the others give way, in the order of names, so that the same corpus gets the same labels.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FILE_BYTES = 160
"""File systems take 255 bytes; the rest is for endings such as ``_linear_accelerations.sto``."""
_BIDS_LENGTH = 60


def file_labels(names: Iterable[str]) -> dict[str, str]:
    """Name a file or folder for each name, different ones also where capitals do not count.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    dict
        Name → label: characters that Windows, macOS or Linux forbid are ``_``, and a number follows where two names
        would be one file.
    """
    return _each_its_own(names, _file_label, "_")


def bids_labels(names: Iterable[str]) -> dict[str, str]:
    """Name an entity of BIDS for each name: ASCII letters and digits only.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    dict
        Name → label: accents are dropped, other characters left out; ``x`` and a number follow where two names would
        be one label.
    """
    return _each_its_own(names, _bids_label, "x")


def _file_label(name: str) -> str:
    plain = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).rstrip(". ").lstrip(" ")
    if plain.startswith((".", "-")) or _DEVICES.fullmatch(plain) or not plain:
        plain = f"_{plain}"
    return plain.encode("utf-8", "replace")[:_FILE_BYTES].decode("utf-8", "ignore").rstrip(". ")


def _bids_label(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9A-Za-z]", "", ascii_only)[:_BIDS_LENGTH] or "x"


def _each_its_own(names: Iterable[str], label_of: Callable[[str], str], joint: str) -> dict[str, str]:
    known = sorted(set(names))
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(known, key=lambda name: (label_of(name) != name, name)):  # those that may stay come first
        label, copy = label_of(name), 2
        while label.casefold() in taken:
            label, copy = f"{label_of(name)}{joint}{copy}", copy + 1
        taken.add(label.casefold())
        found[name] = label
    return {name: found[name] for name in known}
