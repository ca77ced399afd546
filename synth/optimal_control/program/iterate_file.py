"""File of an iterate, from which a killed solve resumes.

A NumPy archive (``.npz``) with the identity of the program and its parameters, written beside its place and renamed, so
that a solve killed at any moment leaves a whole file. Pass `iterate_keeper` to the solver; after the kill start again
from the values and, if wished, the multipliers that `load_iterate` gives.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np

from mocap_import.durable_file import durable_place, os_words
from synth.optimal_control.program.assembly import Program
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.mismatch import ProgramMismatch

_FORMAT = 1


class IterateFileProblem(OSError):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """The file of an iterate cannot be written or read; one sentence says why and what to do."""


def program_identity(program: Program, parameters: np.ndarray) -> str:
    """Hash of the structure of a program and of the numbers of its parameters.

    Parameters
    ----------
    program : Program
    parameters : ndarray, shape (n_parameters,)

    Returns
    -------
    str
        The same in every process, with and without a compiler.
    """
    digest = hashlib.sha256()

    def add(*arrays: np.ndarray) -> None:
        for array in arrays:
            digest.update(f"{array.dtype.kind}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())

    for use in program.uses:
        block = use.block
        digest.update(repr((block.name, block.n_variables, block.n_parameters, block.n_rows)).encode())
        add(*block.jacobian_pattern, *block.hessian_pattern, use.variables, use.parameters)
        if use.shared is not None:
            add(use.shared)
    add(program.lower_rows, program.upper_rows, np.asarray(parameters, float))
    digest.update(repr((program.n_variables, program.n_parameters)).encode())
    return digest.hexdigest()


def save_iterate(path: Path, iterate: Iterate, identity: str) -> None:
    """Write an iterate.

    Parameters
    ----------
    path : Path
        Ends in ``.npz``; its folder must exist.
    iterate : Iterate
    identity : str
        Of `program_identity`.

    Raises
    ------
    IterateFileProblem
        The disk is full or the folder cannot be written; a file that was there is untouched.
    """
    entries = {entry.name: np.asarray(getattr(iterate, entry.name)) for entry in fields(Iterate)}
    try:
        with durable_place(path, ending=".npz") as temporary, temporary.open("wb") as file:
            np.savez(file, format=np.asarray(_FORMAT), identity=np.asarray(identity), **entries)
    except OSError as problem:
        raise IterateFileProblem(
            f"the last iterate could not be written to {path}: {os_words(problem)}; free some space or name a folder "
            "that can be written, and start again"
        ) from problem


def load_iterate(path: Path, identity: str) -> Iterate:
    """Read an iterate of the same program with the same parameters.

    Parameters
    ----------
    path : Path
    identity : str
        Of `program_identity`.

    Returns
    -------
    Iterate

    Raises
    ------
    ProgramMismatch
        The file is of another program or of other parameters.
    IterateFileProblem
        The file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if int(archive["format"]) != _FORMAT or str(archive["identity"]) != identity:
                raise ProgramMismatch(
                    f"{path} holds an iterate of another problem (other equations, mesh or parameters); "
                    "remove it to start anew"
                )
            kept = {entry.name: archive[entry.name] for entry in fields(Iterate)}
    except ProgramMismatch:
        raise
    except FileNotFoundError as problem:
        raise IterateFileProblem(f"there is no iterate at {path}; start without it") from problem
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise IterateFileProblem(f"{path} is no whole iterate file; remove it to start anew") from problem
    return Iterate(**{name: value if value.ndim else value.item() for name, value in kept.items()})


def iterate_keeper(path: Path, identity: str) -> Callable[[Iterate], None]:
    """What the solver's `keep` needs to write its iterates to one file, each over the one before."""
    return lambda iterate: save_iterate(path, iterate, identity)
