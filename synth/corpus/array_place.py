"""The place of an array of numbers in the file of a corpus: rows of it are one stretch of bytes of a memory map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.corpus.node import CorpusNode
from synth.corpus.schema import VALUE_DTYPE, CorpusMismatch


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """Where float64 values (n_frames, n_columns) lie.

    Attributes
    ----------
    offset : int
        Bytes from the beginning of the file; -1 for an array without a value.
    n_frames, n_columns : int
    """

    offset: int
    n_frames: int
    n_columns: int

    def rows(self, file_bytes: np.ndarray, start: int, length: int) -> np.ndarray:
        """Rows start to start + length as a view of the mapped file.

        Parameters
        ----------
        file_bytes : ndarray of uint8
            The whole file.
        start, length : int
            Within the array.
        """
        row = self.n_columns * VALUE_DTYPE.itemsize
        first = self.offset + start * row
        return file_bytes[first : first + length * row].view(VALUE_DTYPE).reshape(length, self.n_columns)


def place_of(node: CorpusNode, name: str) -> ArrayPlace:
    """Place of an array of a group.

    Raises
    ------
    CorpusMismatch
        It is no table of float64, or ends beyond the end of the file.
    """
    array = node.dataset(name)
    if array.dtype != VALUE_DTYPE or len(array.shape) != 2:
        raise CorpusMismatch(
            f"{node.where}/{name}: expected a table of {VALUE_DTYPE}, found {array.dtype} {array.shape}."
        )
    offset = array.id.get_offset()
    if offset is not None and offset + array.nbytes > node.file_bytes:
        raise CorpusMismatch(f"{node.where}/{name} ends beyond the end of the file. Copy it again.")
    return ArrayPlace(-1 if offset is None else offset, *array.shape)
