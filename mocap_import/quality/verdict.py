"""Verdict: the levels, thresholds and faults by which a trial is judged; each has a name, a unit and a meaning.

A verdict is the worst level of its reasons. ``good``: nothing found; ``usable``: results hold, with a limit that is
named; ``doubtful``: look at it before use; ``unusable``: no gait result can come of it.
"""

from __future__ import annotations

LEVELS = ("good", "usable", "doubtful", "unusable")

THRESHOLDS: dict[str, tuple[str, float, str, str]] = {
    # reason: (level, threshold, unit, what it says)
    "gaps_left": ("usable", 2.0, "%", "lower-limb marker samples still missing within the recorded movement"),
    "many_gaps_left": ("doubtful", 20.0, "%", "lower-limb marker samples still missing within the recorded movement"),
    "gaps_filled": ("usable", 5.0, "%", "lower-limb marker samples that are estimates"),
    "many_gaps_filled": ("doubtful", 25.0, "%", "lower-limb marker samples that are estimates"),
    "markers_noisy": ("usable", 0.5, "mm", "median noise of the lower-limb markers"),
    "markers_very_noisy": ("doubtful", 2.0, "mm", "median noise of the lower-limb markers"),
    "segments_not_rigid": ("usable", 15.0, "mm", "largest cluster residual of a pelvis, thigh or shank"),
    "segments_not_rigid_at_all": ("doubtful", 30.0, "mm", "largest cluster residual of a pelvis, thigh or shank"),
    "weight_differs": ("usable", 2.0, "%", "mean vertical force against body weight"),
    "weight_differs_much": ("doubtful", 10.0, "%", "mean vertical force against body weight"),
    "steps_not_usable": ("usable", 1.0, "steps", "fewer usable steps on plates that were stepped on"),
    "one_sided": ("usable", 1.0, "cycles", "fewer complete cycles of one foot, the other has some"),
    "static_short": ("usable", 0.1, "s", "less time with all lower-limb segments in view at once"),
}
"""Named thresholds, set beforehand from the literature and from house rules, not fitted to recordings: marker noise of
optical systems 0.1-0.5 mm (Windolf et al. 2008, J Biomech 41:2776), deformation of thigh clusters 5-15 mm (Leardini et
al. 2005, Gait Posture 21:212), body weight as in `body_weight.WEIGHT_TOLERANCE`. Only the split of body weight into 2
and 10 % was made after the static trials of several laboratories had been seen."""

FAULTS = {
    "no_markers": "no marker was seen",
    "marker_set_unknown": "no marker set explains the labels: write one (`kinesynth labels`)",
    "no_complete_cycle": "no gait cycle with all lower-limb segments in view",
    "static_incomplete": "at no instant are all lower-limb segments in view",
}
"""Reasons that make a trial unusable."""

TREATMENT_LEVELS = {
    **dict.fromkeys(("size_implausible",), "unusable"),
    **dict.fromkeys(
        (
            *("axes_ambiguous", "unit_ambiguous", "pressure_off_foot"),
            *("belt_speed_unknown", "belt_speed_differs", "mapping_implausible", "peak_implausible"),
            *("label_flip_suspected", "sides_swapped_suspected", "medial_lateral_swapped_suspected"),
            *("marker_set_unchecked", "labels_absent", "pelvis_incomplete", "lower_limb_incomplete"),
            *("frame_deviates", "mirrored_suspected", "parameters_damaged", "walks_backwards", "several_subjects"),
        ),
        "doubtful",
    ),
    **dict.fromkeys(
        (
            *("labels_swapped_back", "labels_matched_loosely", "plate_refused", "plates_incomplete", "plate_saturated"),
            *("plate_drift", "plate_zero_refused", "plate_baseline_unclear", "analog_offset_odd"),
            *("analog_scale_missing", "force_event_doubtful", "event_unsupported", "event_missing"),
            *("belt_speed_inferred", "length_odd", "mass_conflict", "height_conflict", "zeros_kept"),
            *("axes_from_archive", "unit_from_archive", "duplicate_recording"),
        ),
        "usable",
    ),
}
"""Keys of treatments that count in the verdict, and how much."""
