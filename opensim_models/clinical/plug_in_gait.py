"""Plug-in Gait: segment frames as Vicon's model defines them, frame by frame from single markers.

The model most stored clinical results come from (Davis et al., Hum Mov Sci 10:575, 1991; Kadaba et al., J Orthop Res
8:383, 1990; Vicon, Plug-in Gait reference guide). Hip centres by regression, knee and ankle centres by half widths in
the plane of the wand markers, foot by offsets of the static trial. Axes here: X forward, Y up, Z to the right on both
sides (Vicon's are X forward, Y to the left, Z up).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import MarkerTrial
from opensim_models.clinical.anatomical_frame import orthonormal, pelvis_frame
from opensim_models.clinical.joint_centre import hip_offset
from opensim_models.clinical.joint_chord import chord
from opensim_models.clinical.knee_alignment import device_measures, virtual_knee
from opensim_models.clinical.stored_outputs import BodyMeasures
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

Points = Mapping[str, np.ndarray]
_LABELS = {"knee": "KNE", "ankle": "ANK", "thigh": "THI", "shank": "TIB", "heel": "HEE", "toe": "TOE"}


@dataclass(frozen=True)
class PlugInGait:
    """A person's calibration.

    Attributes
    ----------
    measures : BodyMeasures
    inter_asis : float
        m; of the measures, or of the static trial.
    foot_offset : dict of str to (float, float)
        Side → plantar flexion and rotation offset (rad): from the line ankle-toe to the foot's axis.
    hip_method : str
        Regression of the hip centres.
    """

    measures: BodyMeasures
    inter_asis: float
    foot_offset: dict[str, tuple[float, float]]
    hip_method: str = "plug_in_gait"


def plug_in_gait_points(trial: MarkerTrial) -> dict[str, np.ndarray]:
    """Markers (n_frames, 3) of the model under plain names, from Vicon's labels.

    A static trial with a knee alignment device has no knee markers: they are put where the device says.

    Raises
    ------
    ModelMismatch
        A marker is not in the trial.
    """
    wanted = {"asis_r": "RASI", "asis_l": "LASI"}
    back = {"sacrum": "SACR"} if "SACR" in trial.labels else {"psis_r": "RPSI", "psis_l": "LPSI"}
    wanted |= back | {f"{name}_{side}": side.upper() + label for name, label in _LABELS.items() for side in "rl"}
    device = {f"{name}_{side}": side.upper() + name.upper() for name in ("kax", "kd1", "kd2") for side in "rl"}
    with_device = "RKNE" not in trial.labels and all(label in trial.labels for label in device.values())
    if with_device:
        wanted = {name: label for name, label in wanted.items() if not name.startswith("knee_")} | device
    medial = {f"ankle_medial_{side}": f"{side.upper()}MED" for side in "rl"}
    if with_device and all(label in trial.labels for label in medial.values()):
        wanted |= medial
    missing = [label for label in wanted.values() if label not in trial.labels]
    if missing:
        raise ModelMismatch(
            f"{trial.source or trial.name}: Plug-in Gait needs the markers {', '.join(missing)}, which the trial lacks."
        )
    points = {name: trial.marker(label) for name, label in wanted.items()}
    if with_device:
        rightward = pelvis_frame(points)[:, :, 2]
        for side, sign in (("r", 1.0), ("l", -1.0)):
            corners = (points[f"{name}_{side}"] for name in ("kax", "kd1", "kd2"))
            points[f"knee_{side}"] = virtual_knee(*corners, -sign * rightward)
    return points


def calibrate_plug_in_gait(
    static: MarkerTrial, measures: BodyMeasures, *, flat_foot: bool | None = None, hip_method: str = "plug_in_gait"
) -> PlugInGait:
    """Calibrate the model by a static trial.

    Parameters
    ----------
    static : MarkerTrial
        With knee markers, or with a knee alignment device (RKAX, RKD1, RKD2) and, if worn, medial ankle markers (RMED):
        then the rotations of the wands, tibial torsion and the ankle's lean are found from it.
    measures : BodyMeasures
        With leg lengths, widths and marker diameter.
    flat_foot : bool, optional
        Whether the person stood with flat feet, so that the heel marker is taken at the height of the toe marker. By
        default whichever comes nearer to the offset that the file stores, and flat if it stores none.
    hip_method : str
        One of `joint_centre.HIP_METHODS`.

    Returns
    -------
    PlugInGait
    """
    _check(measures, static)
    points = plug_in_gait_points(static)
    width = measures.inter_asis
    if not math.isfinite(width):
        width = float(np.nanmean(np.linalg.norm(points["asis_r"] - points["asis_l"], axis=1)))
    model = PlugInGait(measures, width, {"r": (0.0, 0.0), "l": (0.0, 0.0)}, hip_method)
    if "kax_r" in points:
        measures = device_measures(points, _hips(model, points), measures)
        model = replace(model, measures=measures)
    frames = plug_in_gait_motions(static, model)
    offsets = {}
    for side in "rl":
        flat, raised = (_foot_offset(points, frames, side, is_flat, static) for is_flat in (True, False))
        stored = measures.plantar_flexion.get(side, math.nan)
        nearer = flat if not abs(raised[0] - stored) < abs(flat[0] - stored) else raised
        offsets[side] = nearer if flat_foot is None else flat if flat_foot else raised
    return PlugInGait(measures, width, offsets, hip_method)


def stored_plug_in_gait(measures: BodyMeasures, *, hip_method: str = "plug_in_gait") -> PlugInGait:
    """Take the calibration that Nexus left in a file, where there is no static trial.

    Raises
    ------
    ModelMismatch
        The measures lack the distance of the anterior spines or the foot's offsets.
    """
    offsets = {}
    for side, sign in (("r", 1.0), ("l", -1.0)):
        pair = (measures.plantar_flexion.get(side, math.nan), sign * measures.foot_rotation.get(side, math.nan))
        if not np.isfinite([*pair, measures.inter_asis]).all():
            raise ModelMismatch(
                f"the file holds no whole calibration of Plug-in Gait (foot offsets {pair}, distance of the anterior "
                f"spines {measures.inter_asis} m); calibrate with a static trial."
            )
        offsets[side] = pair
    return PlugInGait(measures, measures.inter_asis, offsets, hip_method)


def _foot_offset(
    points: Points, frames: Mapping[str, SegmentMotion], side: str, flat: bool, static: MarkerTrial
) -> tuple[float, float]:
    """Plantar flexion and rotation (rad) from the line ankle-toe to the line heel-toe of the static trial."""
    heel, toe = points[f"heel_{side}"].copy(), points[f"toe_{side}"]
    if flat:
        heel[:, 1] = toe[:, 1]
    uncorrected, shank = frames[f"calcn_{side}"], frames[f"tibia_{side}"].orientation.as_matrix()
    seen = np.isfinite(uncorrected.origin).all(axis=1) & np.isfinite(heel + toe).all(axis=1)
    if not seen.any():
        raise ModelMismatch(f"{static.source or static.name}: the foot ({side}) is never seen whole.")
    reference = orthonormal(toe[seen] - heel[seen], shank[seen][:, :, 2], "XZ")
    relative = uncorrected.orientation[seen].inv() * Rotation.from_matrix(reference)
    return tuple(relative.mean().as_euler("ZYX")[:2].tolist())


def _check(measures: BodyMeasures, static: MarkerTrial) -> None:
    for name, low, high in (("leg_length", 0.2, 1.4), ("knee_width", 0.03, 0.25), ("ankle_width", 0.02, 0.15)):
        for side, found in getattr(measures, name).items():
            if not low <= found <= high:
                raise ModelMismatch(
                    f"{static.source or static.name}: {name.replace('_', ' ')} ({side}) is {found} m, expected "
                    f"{low}-{high}; give the measure of the person."
                )


def plug_in_gait_motions(trial: MarkerTrial, model: PlugInGait) -> dict[str, SegmentMotion]:
    """Poses of pelvis, thighs, shanks and feet in every frame.

    Returns
    -------
    dict of str to SegmentMotion
        ``pelvis``, ``femur_*``, ``tibia_*``, ``calcn_*``, origins at the mid hip, hip, knee and ankle centres;
        ``tibia_torsioned_*`` for the ankle where the person has tibial torsion. NaN origin where a marker is missing.
    """
    points, measures = plug_in_gait_points(trial), model.measures
    radius = measures.marker_diameter / 2
    hips = _hips(model, points)
    frames: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for side, sign in (("r", 1.0), ("l", -1.0)):
        half_knee = measures.knee_width[side] / 2 + radius
        knee_marker, ankle_marker = points[f"knee_{side}"], points[f"ankle_{side}"]
        turn = sign * measures.thigh_rotation[side]
        knee = chord(hips[side], knee_marker, points[f"thigh_{side}"], half_knee, turn)
        half_ankle = measures.ankle_width[side] / 2 + radius
        turn = sign * measures.shank_rotation[side]
        ankle = chord(knee, ankle_marker, points[f"shank_{side}"], half_ankle, turn, measures.ankle_lean[side])
        frames[f"femur_{side}"] = (hips[side], orthonormal(hips[side] - knee, sign * (knee_marker - knee), "YZ"))
        shank = orthonormal(knee - ankle, sign * (ankle_marker - ankle), "YZ")
        torsion = sign * measures.tibial_torsion[side]
        if torsion:
            frames[f"tibia_torsioned_{side}"] = (knee, shank)
            shank = shank @ Rotation.from_euler("Y", -torsion).as_matrix()
        frames[f"tibia_{side}"] = (knee, shank)
        # the foot leans on the shank that torsion does not turn, though its angles are taken against the turned one
        plain = orthonormal(points[f"toe_{side}"] - ankle, shank[:, :, 2], "XZ")
        plantar, turned = model.foot_offset[side]
        frames[f"calcn_{side}"] = (ankle, plain @ Rotation.from_euler("ZY", [plantar, turned]).as_matrix())
    frames["pelvis"] = ((hips["r"] + hips["l"]) / 2, pelvis_frame(points))
    return {name: _motion(name, *frame, trial.rate) for name, frame in frames.items()}


def _hips(model: PlugInGait, points: Points) -> dict[str, np.ndarray]:
    """Hip centres (n_frames, 3) of both sides."""
    pelvis = pelvis_frame(points)
    middle = (points["asis_r"] + points["asis_l"]) / 2
    mean_leg = float(np.mean(list(model.measures.leg_length.values())))
    return {
        side: middle + pelvis @ (_hip(model, mean_leg, side, points) * (1.0, 1.0, sign))
        for side, sign in (("r", 1.0), ("l", -1.0))
    }


def _hip(model: PlugInGait, mean_leg: float, side: str, points: Points) -> np.ndarray:
    """Right-sided hip offset: Vicon takes the mean leg length, and the distance to the trochanter of the side."""
    measures, depth = model.measures, math.nan
    if model.hip_method == "harrington":
        back = points["sacrum"] if "sacrum" in points else (points["psis_r"] + points["psis_l"]) / 2
        middle = (points["asis_r"] + points["asis_l"]) / 2
        depth = float(np.nanmean(np.linalg.norm(middle - back, axis=1)))
    offset = hip_offset(model.hip_method, model.inter_asis, depth, mean_leg, measures.marker_diameter / 2)
    if model.hip_method == "plug_in_gait":
        own = measures.asis_trochanter.get(side, 0.1288 * measures.leg_length[side] - 0.04856)
        surplus = own - (0.1288 * mean_leg - 0.04856)
        offset = offset - surplus * np.array([math.cos(0.314), math.sin(0.314), 0.0])
    return offset


def _motion(name: str, origin: np.ndarray, matrix: np.ndarray, rate: float) -> SegmentMotion:
    unknown = ~(np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(origin).all(axis=1))
    origin = np.where(unknown[:, None], np.nan, origin)
    matrix = np.where(unknown[:, None, None], np.eye(3), matrix)
    return SegmentMotion(name, origin, Rotation.from_matrix(matrix), rate)
