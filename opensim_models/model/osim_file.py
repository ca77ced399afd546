"""A model file before OpenSim sees it: refused where it cannot be a model or reaches for another file.

OpenSim takes foreign XML for an empty model, overflows its stack on deep nesting, and follows a ``file`` attribute to
whatever it names. No OpenSim is needed to say so, hence this runs in any process.
"""

from __future__ import annotations

import stat
from pathlib import Path, PureWindowsPath
from xml.parsers import expat

from opensim_models.model_mismatch import ModelMismatch

DEEPEST_TAG = 200
LARGEST_FILE = 500_000_000
"""Bytes."""
OPENED = {"file", "filename", "controls_file", "datafile", "external_loads_file", "actuators_file"}
"""Elements whose text is a path that OpenSim opens when it loads a model; meshes for drawing are not among them."""
ROOT = "OpenSimDocument/Model"


def read_model_file(path: Path) -> bytes:
    """Give the content of a file that has the size of a model.

    Raises
    ------
    ModelMismatch
        The file is missing, no regular file, empty or huge.
    """
    path = Path(path)
    if path.is_dir():
        raise ModelMismatch(f"{path}: expected an OpenSim model file (.osim); this is a folder.")
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ModelMismatch(f"{path}: expected an OpenSim model file; this is a pipe or a device.")
        content = path.read_bytes() if facts.st_size <= LARGEST_FILE else b""
    except OSError as error:
        raise ModelMismatch(f"{path}: expected an OpenSim model file; it cannot be read ({error.strerror}).") from error
    if facts.st_size == 0 or facts.st_size > LARGEST_FILE:
        raise ModelMismatch(f"{path}: expected an OpenSim model file; it has {facts.st_size} bytes.")
    return content


def inspect_model(path: Path, content: bytes) -> None:
    """Look through the XML of a model.

    Raises
    ------
    ModelMismatch
        It is not well formed, no OpenSim model, nested too deep, may declare entities, or points to another file.
    """
    _Inspection(Path(path)).run(content)


class _Inspection:
    """One pass over the XML of a model."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tags: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []

    def run(self, content: bytes) -> None:
        """Parse, and refuse what is no model."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.StartDoctypeDeclHandler = self.doctype
        parser.CharacterDataHandler = self.characters
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise ModelMismatch(
                f"{self.path}: expected an OpenSim model (XML), but it is not well formed: {error}."
            ) from error
        if ROOT not in self.seen:
            raise ModelMismatch(
                f"{self.path}: expected an OpenSim model (<OpenSimDocument> with a <Model>), "
                f"found <{'> <'.join(self.seen[:2])}>."
            )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Enter an element."""
        self.tags.append(name)
        if len(self.tags) <= 2:
            self.seen.append("/".join(self.tags))
        if len(self.tags) > DEEPEST_TAG:
            raise ModelMismatch(
                f"{self.path}: expected an OpenSim model; its XML is nested deeper than {DEEPEST_TAG} tags."
            )
        if "file" in attributes and attributes["file"].strip() not in ("", "Unassigned"):
            raise ModelMismatch(
                f"{self.path}: <{name}> is kept in another file ({attributes['file']}); put its content into the model."
            )
        self.text = []

    def end(self, name: str) -> None:
        """Leave an element."""
        self.tags.pop()
        named = "".join(self.text).strip()
        if name in OPENED and named and named != "Unassigned" and _leaves_folder(named):
            raise ModelMismatch(
                f"{self.path}: <{name}> names a file outside the model's folder ({named}); copy it beside the model."
            )
        self.text = []

    def doctype(self, name: str, _system: str | None, _public: str | None, _internal: int) -> None:
        """Refuse a document type: OpenSim writes none, and only there could entities be declared."""
        raise ModelMismatch(
            f"{self.path}: expected an OpenSim model; a document type ({name}), which may declare entities, is refused."
        )

    def characters(self, text: str) -> None:
        """Collect short text; no path is long."""
        if len(self.text) < 8:
            self.text.append(text[:4096])


def _leaves_folder(named: str) -> bool:
    """Whether a path is absolute, on any system, or goes upwards."""
    path = PureWindowsPath(named)
    return bool(path.drive or path.root or ".." in path.parts)
