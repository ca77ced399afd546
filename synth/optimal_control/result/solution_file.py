"""File of a movement solution: everything that was solved, and the recipe that it came from, in one NumPy archive.

Written beside its place and renamed, so that a kill or a full disk leaves what was there before.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.durable_file import durable_place, os_words
from mocap_import.trial import GroundReaction
from opensim_models.model.skeleton import skeleton_from_plain
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.provenance import Provenance, file_hash
from synth.optimal_control.movement.solution import MovementSolution

ENDING = ".npz"
_FORMAT = "kinesynth-movement 1"
_ARRAY, _REACTION = "array ", "ground_reaction "
_REACTION_ARRAYS = ("force", "centre_of_pressure", "free_moment")


class SolutionFileProblem(OSError):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """The file of a solution cannot be written or read; one sentence says why and what to do."""


def solution_recipe(sources: Mapping[str, Path], settings: Mapping[str, Any]) -> Provenance:
    """What a solution is made from: hashes of its files, settings, versions.

    Parameters
    ----------
    sources : mapping of str to Path
        Word (``"model"``, ``"coordinates"``) → file.
    settings : mapping
        Everything else that was chosen, as plain data.

    Returns
    -------
    Provenance
    """
    made = Provenance(config=dict(settings), sources={word: file_hash(path) for word, path in sources.items()})
    return replace(made, versions={**made.versions, "casadi": metadata.version("casadi")})


def save_solution(path: Path, solution: MovementSolution, recipe: Provenance) -> None:
    """Write a solution with its recipe.

    Parameters
    ----------
    path : Path
        Ends in ``.npz``; its folder must exist.
    solution : MovementSolution
        Also one that did not converge: its reason is kept with it.
    recipe : Provenance

    Raises
    ------
    SolutionFileProblem
        The disk is full or the folder cannot be written; a file that was there is untouched.
    """
    path = Path(path)
    facts, arrays = _plain(solution)
    text = json.dumps({"format": _FORMAT, **facts})
    try:
        with durable_place(path, ending=ENDING) as temporary, temporary.open("wb") as file:
            np.savez(file, facts=np.asarray(text), recipe=np.asarray(recipe.to_json()), **arrays)
    except OSError as problem:
        raise SolutionFileProblem(
            f"the solution could not be written to {path}: {os_words(problem)}; free some space or name a folder that "
            "can be written, and start again"
        ) from problem


def load_solution(path: Path) -> tuple[MovementSolution, Provenance]:
    """Read a solution and its recipe.

    Parameters
    ----------
    path : Path

    Returns
    -------
    MovementSolution
    Provenance

    Raises
    ------
    SolutionFileProblem
        The file is missing, damaged, or no solution.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
        facts = json.loads(str(content.pop("facts")))
        recipe = Provenance.from_json(str(content.pop("recipe")))
        if facts.pop("format") != _FORMAT:
            raise ValueError("another format")
        return _solution(facts, content), recipe
    except FileNotFoundError as problem:
        raise SolutionFileProblem(f"there is no solution at {path}; `kinesynth gait track` writes one") from problem
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, ModelMismatch) as problem:
        raise SolutionFileProblem(
            f"{path} is no whole solution file; solve the movement again with `kinesynth gait track`"
        ) from problem


def _plain(solution: MovementSolution) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Facts that JSON can hold, and arrays by their name in the archive."""
    facts: dict[str, Any] = {"skeleton": asdict(solution.skeleton), "ground_reactions": []}
    arrays = {_ARRAY + name: np.asarray(array) for name, array in solution.arrays.items()}
    for i, reaction in enumerate(solution.ground_reactions):
        facts["ground_reactions"].append({"rate": reaction.rate, "foot": reaction.foot, "name": reaction.name})
        arrays |= {f"{_REACTION}{i} {name}": getattr(reaction, name) for name in _REACTION_ARRAYS}
    for entry in fields(MovementSolution):
        value = getattr(solution, entry.name)
        if isinstance(value, np.ndarray):
            arrays[entry.name] = value
        elif entry.name not in ("skeleton", "arrays", "ground_reactions"):
            facts[entry.name] = value
    return facts, arrays


def _solution(facts: dict[str, Any], content: dict[str, np.ndarray]) -> MovementSolution:
    """The solution of an archive's content."""
    reactions = tuple(
        GroundReaction(**{name: content.pop(f"{_REACTION}{i} {name}") for name in _REACTION_ARRAYS}, **plain)
        for i, plain in enumerate(facts.pop("ground_reactions"))
    )
    arrays = {name.removeprefix(_ARRAY): content.pop(name) for name in list(content) if name.startswith(_ARRAY)}
    skeleton = skeleton_from_plain(facts.pop("skeleton"))
    words = {name: _frozen(value) for name, value in facts.items()}
    return MovementSolution(skeleton=skeleton, arrays=arrays, ground_reactions=reactions, **words, **content)


def _frozen(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
