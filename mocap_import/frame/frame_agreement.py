"""Frame agreement: what the trials of one laboratory say together about its axes and its length unit.

Cameras and force plates stay where they are, so all trials of a laboratory share the vertical axis and the unit, and
most walk along one line, in either direction. What one ambiguous trial leaves open, the certain ones can decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mocap_import.frame.lab_frame import LabFrame
from mocap_import.frame.length_unit import UNITS
from mocap_import.frame.signed_axis import parse_axes
from mocap_import.trial import Treatment

MAJORITY = 0.8
"""Share of the certain trials that must agree."""
ENOUGH = 2
"""Certain trials that are enough to speak for the others."""
ENOUGH_ONE_WAY = 5
"""Certain trials that must all go one way to decide a direction: of a walkway, five in a row do so by chance in 6 %."""


@dataclass(frozen=True)
class FrameAgreement:
    """What the certain trials of one laboratory agree on; ``""`` where they do not.

    Attributes
    ----------
    up : str
        Signed axis of the file, e.g. ``"+Z"``.
    unit : str
        ``"m"``, ``"cm"`` or ``"mm"``.
    line : str
        Axis that people walk along or face, in either direction, e.g. ``"Y"``.
    forward : str
        Signed axis, if they all go one way, as on a treadmill.
    deviating : tuple of int
        Certain trials with another vertical axis or unit than the majority: look at them.
    ambiguous : tuple of int
        Trials that are not certain.
    """

    up: str
    unit: str
    line: str
    forward: str
    deviating: tuple[int, ...]
    ambiguous: tuple[int, ...]


def agreed_frame(frames: Sequence[LabFrame]) -> FrameAgreement:
    """What the trials of one laboratory (one folder, one system) agree on.

    Parameters
    ----------
    frames : sequence of LabFrame
        One a trial; `deviating` and `ambiguous` of the result count in this order, from zero.
    """
    certain = [k for k, frame in enumerate(frames) if not frame.is_ambiguous]
    up = _majority([frames[k].axes[2:] for k in certain])
    unit = _majority([frames[k].unit for k in certain])
    deviating = tuple(k for k in certain if (up and frames[k].axes[2:] != up) or (unit and frames[k].unit != unit))
    agreeing = [frames[k].axes[:2] for k in certain if k not in deviating]
    return FrameAgreement(
        up=up,
        unit=unit,
        line=_majority([axis[1] for axis in agreeing]),
        forward=agreeing[0] if len(agreeing) >= ENOUGH_ONE_WAY and len(set(agreeing)) == 1 else "",
        deviating=deviating,
        ambiguous=tuple(k for k, frame in enumerate(frames) if frame.is_ambiguous),
    )


def resolved_frame(frame: LabFrame, agreement: FrameAgreement) -> tuple[LabFrame, list[Treatment]]:
    """An ambiguous trial's frame, with what its laboratory's other trials decide.

    Of the orientations and units that the trial leaves open, those stay that fit the agreement: first the vertical
    and the unit, then the line of walking, then its direction if all go one way. If one is left it is taken, with the
    treatment ``axes_from_archive`` or ``unit_from_archive``; import the trial again with ``axes=frame.axes`` and
    ``unit=frame.unit``. A certain trial comes back as it is: what it shows outweighs what others do.
    """
    if not frame.is_ambiguous:
        return frame, []
    axes = [frame.axes, *(name for name in frame.alternatives if name not in UNITS)]
    units = [frame.unit, *(name for name in frame.alternatives if name in UNITS)]
    fitting = [name for name in axes if not agreement.up or name[2:] == agreement.up]
    for start, agreed in ((1, agreement.line), (0, agreement.forward)):
        narrowed = [name for name in fitting if agreed and name[start:2] == agreed]
        fitting = narrowed or fitting
    fitting_units = [name for name in units if not agreement.unit or name == agreement.unit]
    notes = []
    taken_axes, taken_unit = (fitting or axes)[0], (fitting_units or units)[0]
    if len(axes) > 1 and len(fitting) == 1:
        notes.append(Treatment("axes_from_archive", f"{taken_axes} as in the other trials of this laboratory"))
    if len(units) > 1 and len(fitting_units) == 1:
        notes.append(Treatment("unit_from_archive", f"{taken_unit} as in the other trials of this laboratory"))
    rest = (*(fitting or axes)[1:], *(fitting_units or units)[1:])
    return replace(
        frame,
        rotation=parse_axes(taken_axes),
        metres_per_unit=UNITS[taken_unit],
        is_ambiguous=bool(rest),
        alternatives=rest,
        detail="; ".join([frame.detail, *(note.detail for note in notes)]),
    ), notes


def _majority(words: Sequence[str]) -> str:
    """The word that at least `MAJORITY` of at least `ENOUGH` say, else ``""``."""
    if len(words) < ENOUGH:
        return ""
    word, count = Counter(words).most_common(1)[0]
    return word if count >= MAJORITY * len(words) else ""
