"""C code of symbolic functions, cut into pieces that a compiler digests quickly.

CasADi writes a function of scalar expressions as one straight line of statements on a work array. Cut into functions
of some hundred statements each that share this array, it computes the same, and the compiler's time grows with its
length only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import casadi as ca

_STEM = "kinesynth"
_PIECE = 500
_UNIT = 20_000
_BEGIN = re.compile(r"^static int (casadi_f\d+)\(const casadi_real\*\* arg, .*\{$")
_STATEMENT = re.compile(r"^  (w\[\d+\]=[^;{}]*;|if \(res\[\d+\]!=0\) res\[\d+\]\[\d+\]=[^;{}]*;)$")
_ARGUMENTS = "(const casadi_real** arg, casadi_real** res, casadi_real* restrict w)"


def translation_units(functions: Sequence[ca.Function], names: Sequence[str]) -> list[str]:
    """C code of functions, in one or more files to be compiled apart and linked together.

    Parameters
    ----------
    functions : sequence of casadi.Function
        Functions of SX or MX expressions; the former stay functions of their own within the latter.
    names : sequence of str
        Their names in C.

    Returns
    -------
    list of str
        The first file holds what is called from outside; the same functions give the same text.
    """
    generator = ca.CodeGenerator(f"{_STEM}.c", {"avoid_stack": True})
    for function, name in zip(functions, names, strict=True):
        generator.add(_renamed(function, name))
    lines = generator.dump().split("\n")
    first = next((i for i, line in enumerate(lines) if _BEGIN.match(line)), len(lines))
    head = "\n".join(lines[:first])
    body, pieces = _cut(lines[first:])
    if sum(len(text) for _, text in pieces) <= _UNIT:
        return ["\n".join([head, *[_piece(name, text, "static") for name, text in pieces], *body])]
    hidden = '__attribute__((visibility("hidden")))'
    declared = [f"{hidden} void {name}{_ARGUMENTS};" for name, _ in pieces]
    units = ["\n".join([head, *declared, *body])]
    for i, group in enumerate(_grouped(pieces)):
        # the helping functions in the head are not static: every file has its own names for them
        own = head.replace(f"{_STEM}_", f"{_STEM}_{i}_")
        units.append("\n".join([own, *[_piece(name, text, hidden) for name, text in group], ""]))
    return units


def _renamed(function: ca.Function, name: str) -> ca.Function:
    inputs = function.sx_in() if function.is_a("SXFunction") else function.mx_in()
    outputs = function.call(inputs, True, False)
    return ca.Function(name, inputs, outputs, function.name_in(), function.name_out())


def _cut(lines: list[str]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The code with calls in the place of long straight lines, and these as (name, statements)."""
    body: list[str] = []
    pieces: list[tuple[str, list[str]]] = []
    i = 0
    while i < len(lines):
        begin = _BEGIN.match(lines[i])
        body.append(lines[i])
        i += 1
        if not begin:
            continue
        end = i
        while _STATEMENT.match(lines[end]):
            end += 1
        if lines[end] != "  return 0;" or end - i <= _PIECE:
            continue  # short, or something other than a straight line
        for k, start in enumerate(range(i, end, _PIECE)):
            pieces.append((f"{_STEM}_{begin.group(1)}_{k}", lines[start : min(start + _PIECE, end)]))
            body.append(f"  {pieces[-1][0]}(arg, res, w);")
        i = end
    return body, pieces


def _piece(name: str, statements: list[str], linkage: str) -> str:
    return "\n".join([f"{linkage} __attribute__((noinline)) void {name}{_ARGUMENTS} {{", *statements, "}"])


def _grouped(pieces: list[tuple[str, list[str]]]) -> list[list[tuple[str, list[str]]]]:
    groups: list[list[tuple[str, list[str]]]] = []
    size = _UNIT
    for piece in pieces:
        if size >= _UNIT:
            groups.append([])
            size = 0
        groups[-1].append(piece)
        size += len(piece[1])
    return groups
