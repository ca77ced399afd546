"""Setting: what a user may write for one, a list of one for one value, and sentences about what cannot be taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from training.config import default_of

_PLAIN = {str: ["x"], int: [1, 2], float: [0.5]}
"""Type of an entry → an example of a list."""


def with_lists(values: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Settings in which one value where a list is meant is a list of one, also within tables.

    A text in the place of a table is taken for its only required key, where there is but one: ``own = "walk.csv"`` is
    ``own = [{path = "walk.csv"}]``. An empty text, and a list of a fixed length, stay as they are.
    """
    return {name: _listed(value, model.model_fields.get(name)) for name, value in values.items()}


def sentence_of(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """What was expected of a setting and what came, from an entry of `ValidationError.errors`."""
    said = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:  # of several settings together
        return said
    place, top = ".".join(map(str, error["loc"])), str(error["loc"][0])
    field = model.model_fields.get(top)
    table = entry_model(field) if field else None
    if field is not None and error["type"] in ("tuple_type", "model_type", "model_attributes_type"):
        said = f"expected a list, such as --set '{top}={_example(field)}'"
        if error["type"] != "tuple_type":
            said = said.replace("a list", "tables")
    elif table is not None and error["type"] == "extra_forbidden":
        said = f"there is no such key; expected some of {', '.join(table.model_fields)}"
    elif error["type"] == "missing":
        return f"{place}: missing, got {', '.join(map(str, error['input'])) or 'nothing'}"
    return f"{place}: {said}, got {error['input']!r}"


def entry_model(field: FieldInfo) -> type[BaseModel] | None:
    """The tables of which a setting is a list; None if it is no such list."""
    entry = _entry(field)
    return entry if isinstance(entry, type) and issubclass(entry, BaseModel) else None


def _entry(field: FieldInfo) -> Any:
    """Type of the entries of a list of any length; None if the setting is none."""
    kinds = get_args(field.annotation)
    return kinds[0] if get_origin(field.annotation) is tuple and kinds[1:] == (...,) else None


def _listed(value: Any, field: FieldInfo | None) -> Any:
    """A value as `with_lists` gives it."""
    if field is None or _entry(field) is None or value == "":
        return value
    table = entry_model(field)
    values = list(value) if isinstance(value, list | tuple) else [value]
    if table is None:
        return values
    required = [name for name, one in table.model_fields.items() if one.is_required()]
    if len(required) == 1:
        values = [{required[0]: one} if isinstance(one, str) and one else one for one in values]
    return [with_lists(one, table) if isinstance(one, dict) else one for one in values]


def _example(field: FieldInfo) -> str:
    """A list as TOML has it: the default, its first entries, or one of its kind."""
    table = entry_model(field)
    if table is not None:
        keys = (name for name, one in table.model_fields.items() if one.is_required())
        return "[{" + ", ".join(f'{name} = "{"x.h5" if name == "path" else "..."}"' for name in keys) + "}]"
    default = default_of(field) or _PLAIN.get(_entry(field), ["x"])
    return json.dumps(default if _entry(field) is None else default[:2])
