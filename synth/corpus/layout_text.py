"""The layout of a corpus in words: JSON for machines, a tree for the page."""

from __future__ import annotations

import json

from synth.corpus.layout import LAYOUT, Entry
from synth.corpus.schema import GROUND_FRAME, READ_VERSIONS, ROLES, SCHEMA_NAME, SCHEMA_VERSION, STATUSES


def schema_json() -> str:
    """Return the schema as JSON: its name, version and words, and one object an entry of the layout."""
    entries = []
    for entry in LAYOUT:
        plain = {"path": "/" + entry.path, "dtype": entry.dtype, "required": entry.required, "since": entry.since}
        if entry.dtype != "group":
            plain |= {"shape": list(entry.shape)}
        if entry.units:
            plain |= {"units": entry.units if isinstance(entry.units, str) else list(entry.units)}
            plain |= {"units_in": f"@{entry.name}_unit" if entry.is_attribute else "@units"}
        if entry.frame:
            plain |= {"frame": entry.frame}
        if entry.mask:
            plain |= {"mask": f"{entry.name}_mask", "mask_shape": list(entry.mask)}
        if entry.attributes:
            plain |= {"attributes": {k: v if v is None or isinstance(v, str) else list(v) for k, v in _sorted(entry)}}
        entries.append(plain | ({"meaning": entry.meaning} if entry.meaning else {}))
    head = {
        "schema": SCHEMA_NAME,
        "version": SCHEMA_VERSION,
        "read_versions": list(READ_VERSIONS),
        "roles": list(ROLES),
        "statuses": list(STATUSES),
        "ground_frame": GROUND_FRAME,
        "storage": "contiguous, uncompressed, little-endian; text is UTF-8; only hard links",
        "layout": entries,
    }
    return json.dumps(head, indent=1, ensure_ascii=False) + "\n"


def _sorted(entry: Entry) -> list[tuple[str, str | tuple[str, ...] | None]]:
    return sorted(entry.attributes.items())


def tree_text() -> str:
    """Return the layout as a tree; a star marks what may be absent."""
    lines = ["/" + _attributes("")]
    _branch("", "", lines)
    width = max(len(name) for name, _ in map(_split, lines))
    return "\n".join(f"{name:<{width}}  {said}".rstrip() for name, said in map(_split, lines)) + "\n"


def _split(line: str) -> tuple[str, str]:
    name, _, said = line.partition("\t")
    return name, said


def _branch(path: str, indent: str, lines: list[str]) -> None:
    members = [entry for entry in LAYOUT if not entry.is_attribute and entry.parent == path]
    for entry in members:
        is_last = entry is members[-1]
        stars = "" if entry.required or entry.name.startswith("<") else " *"
        name = f"{entry.name}, _mask" if entry.mask else entry.name
        lines.append(f"{indent}{'└── ' if is_last else '├── '}{name}{stars}{_said(entry)}")
        if entry.dtype == "group":
            _branch(entry.path, indent + ("    " if is_last else "│   "), lines)


def _said(entry: Entry) -> str:
    if entry.dtype == "group":
        words = [entry.meaning, _attributes(entry.path).strip()]
        return "\t" + "; ".join(word for word in words if word)
    shape = f"({', '.join(entry.shape)})" if entry.shape else ""
    units = entry.units if isinstance(entry.units, str) else " or ".join(dict.fromkeys(entry.units))
    frame = entry.frame.partition(":")[0]
    facts = [f"{entry.dtype} {shape}".strip(), f"[{units}]" if units else "", f"{frame} frame" if frame else ""]
    return "\t" + "  ".join(word for word in (*facts, entry.meaning) if word)


def _attributes(path: str) -> str:
    """Attributes of a group, with their units."""
    found = [entry for entry in LAYOUT if entry.is_attribute and entry.parent == path]
    words = [e.name + (f" [{e.units}]" if e.units else "") + ("" if e.required else " *") for e in found]
    return "\t@ " + ", ".join(words) if words else ""
