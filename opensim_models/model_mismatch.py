"""The one exception of this package that a caller may want."""


class ModelMismatch(Exception):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """A model that cannot serve: names the file or coordinate, the expected, the found and the remedy."""
