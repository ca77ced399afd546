"""Layout: named arrays within one flat vector of variables or parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Named arrays within one flat vector.

    Attributes
    ----------
    shapes : dict of str to tuple of int
    """

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        """Length of the flat vector."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def index(self, name: str) -> np.ndarray:
        """Entries of the flat vector, in the array's shape."""
        if name not in self._first:
            raise KeyError(f"no array {name!r} among {', '.join(self.shapes)}")
        shape, first = self.shapes[name], self._first[name]
        return np.arange(first, first + math.prod(shape)).reshape(shape)

    @cached_property
    def _first(self) -> dict[str, int]:
        """First entry of each array."""
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        return dict(zip(self.shapes, accumulate([0, *sizes[:-1]]), strict=True)) if sizes else {}

    def name_of(self, entry: int) -> str:
        """Array and place within it of one entry of the flat vector, e.g. ``"speeds[3, 7]"``."""
        first = 0
        for key, shape in self.shapes.items():
            size = int(np.prod(shape))
            if entry < first + size:
                return f"{key}[{', '.join(str(i) for i in np.unravel_index(entry - first, shape))}]"
            first += size
        raise IndexError(entry)

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """All named arrays of a flat vector."""
        return {name: vector[self.index(name)] for name in self.shapes}

    def join(self, arrays: Mapping[str, np.ndarray], default: float = 0.0) -> np.ndarray:
        """Flat vector from named arrays (broadcast to their shapes); absent ones take the default."""
        vector = np.full(self.size, default)
        for name, value in arrays.items():
            vector[self.index(name)] = value
        return vector
