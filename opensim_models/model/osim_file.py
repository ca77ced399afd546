"""A model file before OpenSim sees it: refused where it cannot be a model or reaches for another file.

OpenSim takes foreign XML for an empty model, overflows its stack on deep nesting, and follows a ``file`` attribute to
whatever it names. No OpenSim is needed to say so, hence this runs in any process.
"""

from __future__ import annotations

import codecs
import stat
from pathlib import Path, PureWindowsPath
from xml.parsers import expat

from opensim_models.model.written_number import COUNTS, fault_of_numbers
from opensim_models.model_mismatch import ModelMismatch

DEEPEST_TAG = 200
LARGEST_FILE = 500_000_000
"""Bytes."""
OPENED = {"file", "filename", "controls_file", "datafile", "external_loads_file", "actuators_file"}
"""Elements whose text is a path that OpenSim opens when it loads a model; meshes for drawing are not among them."""
ROOT = "OpenSimDocument/Model"
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"<\x00", b"\x00<")
"""How text in UTF-16 begins: OpenSim finds nothing in it."""
_LONGEST_SHOWN = 40
"""Characters of a wrong number in a message."""


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
    if facts.st_size == 0:
        raise ModelMismatch(f"{path}: expected an OpenSim model file; it has 0 bytes.")
    refuse_huge(path, facts.st_size)
    return content


def refuse_huge(path: Path, size: int) -> None:
    """Refuse a file that is larger (bytes) than any model.

    Raises
    ------
    ModelMismatch
    """
    if size > LARGEST_FILE:
        raise ModelMismatch(
            f"{path}: a model file has at most {LARGEST_FILE / 1e6:.0f} MB here, this one has {size / 1e6:.0f} MB; is "
            "it another kind of file?"
        )


def inspect_model(path: Path, content: bytes) -> None:
    """Look through the XML of a model.

    Raises
    ------
    ModelMismatch
        It is not well formed, no OpenSim model, in UTF-16, nested too deep, may declare entities, points to another
        file, or has numbers that OpenSim would read as others.
    """
    _Inspection(Path(path)).run(content)


class _Inspection:
    """One pass over the XML of a model."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tags: list[str] = []
        self.names: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []
        self.leaf = True

    def run(self, content: bytes) -> None:
        """Parse, and refuse what is no model."""
        if content.startswith(_WIDE):
            raise ModelMismatch(
                f"{self.path}: this file is written in UTF-16, which OpenSim does not read; save it as UTF-8 (with "
                'encoding="UTF-8" in its first line).'
            )
        self.parser = parser = expat.ParserCreate()
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
        self.names.append(attributes.get("name", ""))
        self.leaf = True
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
        self.names.pop()
        named = "".join(self.text).strip()
        if name in OPENED and named and named != "Unassigned" and _leaves_folder(named):
            raise ModelMismatch(
                f"{self.path}: <{name}> names a file outside the model's folder ({named}); copy it beside the model."
            )
        if name in COUNTS and self.leaf:
            self.refuse_no_numbers(name, named)
        self.text, self.leaf = [], False

    def refuse_no_numbers(self, name: str, text: str) -> None:
        """Refuse text that OpenSim would take for other numbers without a word."""
        fault = fault_of_numbers(name, text)
        if fault:
            owner = next(
                (f"{tag} {own}" for tag, own in zip(self.tags[::-1], self.names[::-1], strict=True) if own), ""
            )
            shown = text if len(text) <= _LONGEST_SHOWN else f"...{text[-_LONGEST_SHOWN:]}"
            raise ModelMismatch(
                f"{self.path}: <{name}> of {owner or 'the model'} (line {self.parser.CurrentLineNumber}) is {shown!r}; "
                f"{fault}. OpenSim would refuse it, or read another number without a word."
            )

    def doctype(self, name: str, _system: str | None, _public: str | None, _internal: int) -> None:
        """Refuse a document type: OpenSim writes none, and only there could entities be declared."""
        raise ModelMismatch(
            f"{self.path}: expected an OpenSim model; a document type ({name}), which may declare entities, is refused."
        )

    def characters(self, text: str) -> None:
        """Collect text: of paths, none of which is long, and of numbers."""
        if self.tags[-1] in COUNTS:
            self.text.append(text)
        elif len(self.text) < 8:
            self.text.append(text[:4096])


def _leaves_folder(named: str) -> bool:
    """Whether a path is absolute, on any system, or goes upwards."""
    path = PureWindowsPath(named)
    return bool(path.drive or path.root or ".." in path.parts)
