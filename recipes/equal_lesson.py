"""Equal lessons: arms that are held against each other are taught for as long, or the row that does so says how long.

A network that is taught for too short loses, whatever it is: which arm wins then tells who was starved. For a fair
row must be equal

- the steps of the optimiser, and the samples that are seen in them (steps times samples a step);
- who teaches: in each pair the same people;
- how a lesson ends: after steps that are fixed beforehand, or at the epoch that others choose. There, too, more passes
  at most, or more samples a pass, are a longer lesson;
- how many networks are averaged.

Learning rates may differ, and ought to: each is tuned for its arm, since a rate that suits a new network spoils a
taught one. So may what came before (pre-training is what is compared) and what an arm's name says: which weights
learn, what is seen. A method without steps (a regression, a mean) is fitted to its end, and no lesson is too short
for it.
"""

from __future__ import annotations

UNEQUAL = "unequal lessons"
"""How a note begins that says so."""


def unequal_lessons(own: int, other: int, unit: str = "steps") -> str:
    """Words for the note of a row that holds one arm against another; empty where their lessons are equal.

    Parameters
    ----------
    own, other : int
        Length of the lesson of the arm, and of the one that it is held against.
    unit : str
        What is counted: ``"steps"``, ``"samples a pass"``, ``"passes at most"``.

    Returns
    -------
    str
        ``"unequal lessons: 80 steps against 800"``, or nothing.
    """
    return "" if own == other else f"{UNEQUAL}: {own} {unit} against {other}"


def with_lessons(note: str, unequal: str) -> str:
    """A note, with what `unequal_lessons` says, if it says something."""
    return "; ".join(filter(None, (note, unequal)))
