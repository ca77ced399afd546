"""Kinds of treatment: every key that a trial or an export can carry, its class, what it means and what to do.

A *note* changes no value of the file and leaves no doubt; a *repair* changes a value of the file or reads it otherwise
than it states; a *doubt* changes nothing and warns: a person should look before the trial is used. A trial is
``repaired`` if it has a repair, else ``accepted``; its doubts stand in a column of their own and lower its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

from mocap_import.trial import Treatment

NOTES = {
    "analog_not_exported": "Channels whose rate is no whole multiple of the frame rate; they stay in the trial.",
    "axes_given": "The axes are those of `--axes`; the sentence says if the body faces another way.",
    "axes_inferred": "The file is turned into X forward, Y up, Z right; the sentence names the evidence.",
    "belt_crossed": "Feet stepped on the other side's belt of a split treadmill; such steps are kept apart by foot.",
    "belt_speed_inferred": "The belt's speed comes from the stance feet; give the protocol's with `--belt-speed`.",
    "clock_not_exported": "The recording's clock is too late for a C3D header; the exported file starts at frame 1.",
    "emg_band_limited": "The sampling rate is too low for the whole EMG band; the sentence names the band used.",
    "emg_not_enveloped": "The sampling rate is too low for EMG envelopes; the raw channels are kept.",
    "emg_silent": "EMG channels that never change: electrode, cable or amplifier was off.",
    "events_added": "Steps that the file's events leave out got theirs from plates or markers.",
    "events_detected": "The file has no gait events; they come from plates and markers.",
    "events_from_header": "The events are those of the C3D header, which an old program wrote.",
    "events_left_out": "Events of the file that are no strike or off of a foot, or lie outside the recording.",
    "force_gaps_zero": "Unknown forces are written as zero in the exported C3D, which has no word for unknown.",
    "force_smoothed": "Forces were filtered before they were stored; strikes come from markers instead.",
    "force_unknown": "Times at which a foot's force is unknown; zero in the exported file, with a mask beside it.",
    "gap_left": "Gaps that no method fills to 20 mm, or at an end without companions, stay empty.",
    "height_from_session": "The height is stated in another recording of the same session.",
    "label_prefix_removed": "The subject's name or another word in front of the labels was taken off.",
    "labels_unmapped": "Markers that the marker set does not know; kept, used for nothing.",
    "mass_from_session": "The mass is stated in another recording of the same session.",
    "mass_weighed": "The mass is what the plates weigh in the standing trial.",
    "model_outputs_not_exported": "Angles and moments of the laboratory's model stay in the trial, not in the C3D.",
    "never_seen": "Labels whose marker is in no frame; left out.",
    "no_events": "Neither the file nor plates nor markers give gait events: too short, or no gait.",
    "no_markers": "Only analog channels, rotations or model outputs; kept, but no gait analysis of ours uses them.",
    "no_plates": "The file declares no force plate.",
    "plate_shared": "One foot stood on two plates at once; their forces are joined into one step.",
    "plate_sign": "The file holds the force on the plate, as most do; turned into the force on the subject.",
    "plate_silent": "Plates on which nobody stepped.",
    "plate_split": "Both feet used one plate, one after the other; it becomes one record a foot.",
    "plates_not_exported": "Plates of unknown corners, or of a rate that a C3D cannot hold; they stay in the trial.",
    "rotations_not_exported": "Segment rotations of a markerless system stay in the trial, not in the C3D.",
    "trailing_data": "Bytes after the last frame; left alone.",
    "unlabelled_left_out": "Trajectories without a label, beside labelled ones; left out.",
    "walks_diagonally": "The walk is oblique to the laboratory's axis, which stays the ground's X.",
}
REPAIRS = {
    "analog_rate_disagrees": "The stated analog rate is not what the file holds; the samples decide. Mend the export.",
    "analog_rate_missing": "No analog rate is stated; samples per frame give it.",
    "axes_from_archive": "The trial left its axes open; the other trials of the laboratory decide.",
    "belt_speed_unused": "A belt speed is stated, but the feet rest on the floor: taken as overground.",
    "event_doubled": "Events that the file has twice; one is kept.",
    "event_missing": "Events of a step are missing in the file; added where plates or markers show them.",
    "event_side_corrected": "Events of the file had the sides exchanged; check how they are marked.",
    "events_of_standing": "Gait events in a standing trial are left out.",
    "events_unreadable": "Events without a readable time are left out; mark them again.",
    "gap_filled": "Missing samples were estimated, with method and uncertainty, and are masked as estimates.",
    "header_disagrees": "Header and parameters state different counts; the size of the file decides.",
    "labels_empty": "Markers without a label got a number; label them and export again.",
    "labels_matched_loosely": "Labels fit the marker set only but for case and punctuation; check the pairs.",
    "labels_missing": "Fewer labels than points; the others got a number.",
    "labels_numbered": "No trajectory is labelled: all are kept by number. Label them to use the trial.",
    "labels_repeated": "Labels written more than once; later ones got a number.",
    "labels_swapped_back": "Two markers exchanged labels for a while; put back where both continue each other.",
    "placeholder_masked": "A place at which a program parks markers it did not see; taken as occluded.",
    "plate_baseline": "The offset of an unloaded plate was subtracted. Zero the plate before recording.",
    "plate_corners": "The listed corners put the load far from the foot; taken in the order that fits.",
    "plate_drift": "The offset of a plate drifts; the line was subtracted. Let the amplifier warm up.",
    "plate_moment_unit": "Moments are in another unit than stated, by the centre of pressure; scaled.",
    "plate_refused": "A plate that cannot be computed is left out; markers and other plates are kept.",
    "plates_incomplete": "Plates whose parameters are not all there are left out. Mend the set-up and export again.",
    "point_group_missing": "The group POINT is missing; counts come from the header, markers have no names.",
    "rate_from_header": "The parameters state no frame rate; the header's is taken.",
    "unit_from_archive": "The trial left its length unit open; the other trials of the laboratory decide.",
    "unit_inferred": "The stated length unit is missing or no person has such a size; the sizes decide.",
    "zeros_masked": "Markers written as exactly (0, 0, 0) are taken as occluded.",
}
DOUBTS = {
    "analog_offset_odd": "One channel's zero differs much from the others'; look at it and at the plate it belongs to.",
    "analog_scale_missing": "Channels without a scale are kept as stored: their size means nothing.",
    "axes_ambiguous": "More than one orientation is possible; look at the trial and give `--axes`.",
    "belt_speed_differs": "The stated belt speed is used, but the stance feet move at another; check the treadmill.",
    "belt_speed_unknown": "Nothing tells the belt's speed: lengths and speeds stay unknown. Give `--belt-speed`.",
    "duplicate_recording": "Another file of the archive has the same bytes; keep one, or every figure counts it twice.",
    "event_unsupported": "Events of the file that neither plates nor markers show; kept. Look at them.",
    "force_event_doubtful": "Strikes or offs of a plate's edge that the foot does not make; left out.",
    "frame_deviates": "Most recordings with the same force plates have another vertical or unit; look at this one.",
    "height_conflict": "Recordings of one session state different heights; each keeps its own. Correct the wrong one.",
    "label_flip_suspected": "Two markers may have exchanged labels; look at the times in the sentence.",
    "labels_absent": "Most labels of your marker set are not in this file; it may be of another laboratory or set.",
    "length_odd": "The file ends between two blocks: bytes may be lost. Compare it with its source.",
    "lower_limb_incomplete": "No lateral knee or ankle landmark: thigh or shank cannot be scaled. Name it in the set.",
    "mapping_implausible": "Segments of the marker set have impossible lengths or places; check the labels.",
    "marker_set_unchecked": "The marker set is a draft with lines marked CHECK: look at them, then delete the word.",
    "marker_set_unknown": "No marker set explains the labels; draft one with `kinesynth labels`.",
    "mass_conflict": "Recordings of one session state different masses; each keeps its own. Correct the wrong one.",
    "medial_lateral_swapped_suspected": "Medial and lateral markers seem exchanged; check these labels.",
    "mirrored_suspected": "Left and right contradict front and back; check labels and axes.",
    "parameters_damaged": "Part of the parameters cannot be read; compare the file with its source.",
    "peak_implausible": "Steps press more or less than a body of the stated mass can; check mass and plates.",
    "pelvis_incomplete": "A landmark of the pelvis is missing: no skeleton can be scaled, no motion solved.",
    "plate_baseline_unclear": "A plate is never seen unloaded; its offset is unknown and not subtracted.",
    "plate_saturated": "A plate's channel stood at its limit; raise the range. The force there is a lower bound.",
    "plate_zero_refused": "The frames that should zero a plate hold a load; not used. Check FORCE_PLATFORM:ZERO.",
    "pressure_off_foot": "The centre of pressure lies beside the foot; check corners, origin and channels.",
    "several_subjects": "Several people share the file; markers of the later ones carry numbers. Export each alone.",
    "sides_swapped_suspected": "Right markers lie to the left; check the sides of the labels.",
    "size_implausible": "The body is smaller or larger than any person; check the unit.",
    "unit_ambiguous": "More than one length unit is possible; give `--unit`.",
    "walks_backwards": "The body travels against the way it faces; if it did not, the axes are wrong.",
    "weight_differs": "The plates weigh another mass than stated; check the subject's mass and the plates.",
    "zeros_kept": "Single samples at exactly (0, 0, 0) are kept; look whether the marker was there.",
}
CLASSES = {"note": NOTES, "repair": REPAIRS, "doubt": DOUBTS}


def treatment_class(key: str) -> str:
    """``"note"``, ``"repair"`` or ``"doubt"``.

    A key that this version does not know, of a trial that a later one wrote, is a doubt: a person should look.
    """
    return next((name for name, kinds in CLASSES.items() if key in kinds), "doubt")


def meaning_of(key: str) -> str:
    """What a key means and what to do, ``""`` if this version does not know it."""
    return next((kinds[key] for kinds in CLASSES.values() if key in kinds), "")


def of_class(treatments: Iterable[Treatment], name: str) -> list[Treatment]:
    """The treatments of one class, in their order."""
    return [treatment for treatment in treatments if treatment_class(treatment.what) == name]


def treatments_page() -> str:
    """``docs/treatments.md``; written by ``python -m mocap_import.treatment_kind``."""
    paragraphs = (
        "# What a treatment means\n",
        "Everything that `kinesynth import` repairs, assumes or doubts is a *treatment*: a key and a sentence, in the "
        "trial and in `import.csv`. There are three classes. A **note** changes no value of the file and leaves no "
        "doubt. A **repair** changes a value, or reads the file otherwise than it states: the file's status is "
        "`repaired`. A **doubt** changes nothing and warns: look before you use the trial; it stands in the column "
        "`doubts` and lowers the [verdict](archive.md), not the status.\n",
        "This page is made from `mocap_import/treatment_kind.py`.\n",
    )
    lines = [*paragraphs]
    for heading, kinds in (("Doubts", DOUBTS), ("Repairs", REPAIRS), ("Notes", NOTES)):
        lines += [f"## {heading}\n", "| key | what it means, what to do |", "|---|---|"]
        lines += [f"| `{key}` | {sentence} |" for key, sentence in kinds.items()]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(treatments_page(), end="")
