"""Frame agreement: the certain trials of a laboratory decide what one leaves open, and a deviating one is named."""

from __future__ import annotations

from mocap_import.frame.frame_agreement import agreed_frame, resolved_frame
from mocap_import.frame.lab_frame import LabFrame
from mocap_import.frame.signed_axis import parse_axes


def frame(axes, metres=0.001, alternatives=()):
    return LabFrame(parse_axes(axes), metres, 0.9, bool(alternatives), "said", tuple(alternatives))


def test_two_directions_of_one_walkway_agree_on_the_line_not_on_the_direction():
    agreement = agreed_frame([frame("+Y+Z"), frame("-Y+Z"), frame("+Y+Z")])
    assert (agreement.up, agreement.unit, agreement.line, agreement.forward) == ("+Z", "mm", "Y", "")
    assert agreement.deviating == agreement.ambiguous == ()


def test_a_deviating_trial_is_named_and_does_not_outvote():
    frames = [*[frame("+X+Y")] * 8, frame("+X+Z"), frame("+X+Y", metres=1.0)]
    agreement = agreed_frame(frames)
    assert agreement.deviating == (8, 9)
    assert (agreement.up, agreement.unit, agreement.forward) == ("+Y", "mm", "+X")
    assert resolved_frame(frames[8], agreement) == (frames[8], [])


def test_an_ambiguous_trial_takes_the_one_orientation_and_unit_that_fits():
    agreement = agreed_frame([frame("+Y+Z"), frame("-Y+Z"), frame("+Y+Z")])
    doubtful = frame("+X+Y", metres=0.01, alternatives=("-Y+Z", "+X-Z", "mm"))
    resolved, notes = resolved_frame(doubtful, agreement)
    assert (resolved.axes, resolved.unit, resolved.is_ambiguous) == ("-Y+Z", "mm", False)
    assert [note.what for note in notes] == ["axes_from_archive", "unit_from_archive"]


def test_what_stays_open_stays_ambiguous():
    agreement = agreed_frame([frame("+Y+Z"), frame("-Y+Z")])
    doubtful = frame("+Y+Z", alternatives=("-Y+Z", "+X+Z"))
    resolved, notes = resolved_frame(doubtful, agreement)
    assert resolved.is_ambiguous
    assert (resolved.axes, resolved.alternatives) == ("+Y+Z", ("-Y+Z",))
    assert not notes
    # Where all go one way, as on a treadmill, the direction is decided too.
    resolved, _ = resolved_frame(doubtful, agreed_frame([frame("-Y+Z")] * 5))
    assert (resolved.axes, resolved.is_ambiguous) == ("-Y+Z", False)


def test_a_trial_that_contradicts_its_laboratory_is_not_bent():
    agreement = agreed_frame([frame("+Y+Z"), frame("+Y+Z")])
    doubtful = frame("+X+Y", alternatives=("-X+Y",))
    resolved, notes = resolved_frame(doubtful, agreement)
    assert resolved.is_ambiguous
    assert resolved.axes == "+X+Y"
    assert not notes


def test_nobody_speaks_for_a_laboratory_of_one_certain_trial():
    agreement = agreed_frame([frame("+Y+Z"), frame("+X+Y", alternatives=("-X+Y",))])
    assert (agreement.up, agreement.unit, agreement.line, agreement.forward) == ("", "", "", "")
    assert agreement.ambiguous == (1,)
