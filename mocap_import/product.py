"""A product: a file that stands for the work behind it as long as neither its input nor its bytes have changed.

Beside it, ``<product>.made.json`` holds the fingerprint of what it was made from and the hash of its bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from mocap_import.durable_file import write_durably


def fingerprint(*content: object) -> str:
    """SHA-256 of what a product depends on, as JSON can hold it; paths count by their text."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def product_hash(paths: Iterable[Path | str]) -> str:
    """SHA-256 over the bytes of files in their order; ``""`` where one of them cannot be read, or there is none."""
    found = hashlib.sha256()
    count = 0
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        except OSError:
            return ""
        count += 1
    return found.hexdigest() if count else ""


def made_file(product: Path) -> Path:
    """Where it stands from what a product was made."""
    return product.with_name(product.name + ".made.json")


def is_made(product: Path, mark: str) -> bool:
    """Whether a product is there, was made from what `mark` is the fingerprint of, and has not changed since."""
    try:
        made = json.loads(made_file(product).read_text(encoding="utf-8"))
        return made["fingerprint"] == mark and made["product"] == product_hash([product]) != ""
    except (OSError, ValueError, KeyError, TypeError):
        return False


def remember_made(product: Path, mark: str) -> None:
    """Write beside a product from what it was made.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    made = {"fingerprint": mark, "product": product_hash([product])}
    write_durably(made_file(product), json.dumps(made, sort_keys=True) + "\n")
