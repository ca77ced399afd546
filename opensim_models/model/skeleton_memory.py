"""Skeleton memory: what was worked out of a skeleton, kept while it is in use.

A skeleton is compared by what it holds, thousands of numbers; hashing them at every call would take longer than solving
a frame. So results are remembered for the object itself, and an equal copy is worked out again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any

from opensim_models.model.skeleton import Skeleton

REMEMBERED = 32


def remember_of_skeleton(function: Callable) -> Callable:
    """Remember the last results of a function of a skeleton object and further, hashable arguments."""
    results: OrderedDict[tuple, tuple[Skeleton, Any]] = OrderedDict()

    @wraps(function)
    def remembering(skeleton: Skeleton, *further: Any) -> Any:
        key = (id(skeleton), *further)
        found = results.get(key)
        if found is None:
            found = results[key] = (skeleton, function(skeleton, *further))  # the skeleton, so that its id stays taken
            if len(results) > REMEMBERED:
                results.popitem(last=False)
        return found[1]

    return remembering
