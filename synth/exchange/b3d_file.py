"""B3D file: what AddBiomechanics' library reads of a .b3d file, as plain numbers. Only for a worker process.

nimblephysics 0.10.52.1 ends the process when a NumPy from 2 on hands it an array; the other way works, so files are
read and never written here, and a damaged file costs a worker, not the run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_FRAMES = 500
"""Frames read at once; the library's own objects are much larger than the numbers in them."""


def read_subject(path: str) -> dict[str, Any]:
    """Read what a file says of its subject, model and trials.

    Parameters
    ----------
    path : str

    Returns
    -------
    dict
        mass (kg), height (m), age (years), sex as the file has them; ``coordinates`` (names), ``bodies`` that touch
        the ground, ``model`` (text of the last .osim), ``trials``: list of name, n_frames, step (s), passes (names).
    """
    subject = _open(path)
    last = subject.getNumProcessingPasses() - 1
    skeleton = subject.readSkel(last, ignoreGeometry=True)
    names = [skeleton.getDofByIndex(k).getName() for k in range(skeleton.getNumDofs())]
    trials = [
        {
            "name": str(subject.getTrialName(k)),
            "n_frames": int(subject.getTrialLength(k)),
            "step": float(subject.getTrialTimestep(k)),
            "n_passes": int(subject.getTrialNumProcessingPasses(k)),
        }
        for k in range(subject.getNumTrials())
    ]
    return {
        "mass": float(subject.getMassKg()),
        "height": float(subject.getHeightM()),
        "age": float(subject.getAgeYears()),
        "sex": str(subject.getBiologicalSex()),
        "coordinates": names,
        "bodies": [str(body) for body in subject.getGroundForceBodies()],
        "model": str(subject.getOpensimFileText(last)),
        "trials": trials,
    }


def read_trial(path: str, number: int, n_frames: int) -> dict[str, Any]:
    """Read the last processing pass of one trial.

    Parameters
    ----------
    path : str
    number : int
        Of the trial.
    n_frames : int

    Returns
    -------
    dict
        ``positions`` and ``efforts`` (n_frames, n_coordinates; rad, m; N·m, N), ``pressure``, ``torque`` and ``force``
        (n_frames, n_bodies, 3; ground frame), ``missing`` (n_frames; the library's reason why the ground reaction is
        unknown, ``""`` where it is known), ``passes`` (names).
    """
    subject = _open(path)
    parts: dict[str, list[np.ndarray]] = {}
    passes: list[str] = []
    for start in range(0, n_frames, _FRAMES):
        count = min(_FRAMES, n_frames - start)
        frames = subject.readFrames(number, start, count, includeSensorData=False, includeProcessingPasses=True)
        if len(frames) != count:
            raise ValueError(f"frames {start} to {start + count} of trial {number} cannot be read")
        done = [frame.processingPasses[-1] for frame in frames]
        passes = [part.type.name for part in frames[0].processingPasses]
        for key, name in (
            ("positions", "pos"),
            ("efforts", "tau"),
            ("pressure", "groundContactCenterOfPressure"),
            ("torque", "groundContactTorque"),
            ("force", "groundContactForce"),
        ):
            parts.setdefault(key, []).append(np.array([np.array(getattr(one, name)).ravel() for one in done]))
    arrays = {key: np.concatenate(found) for key, found in parts.items()}
    for key in ("pressure", "torque", "force"):
        arrays[key] = arrays[key].reshape(n_frames, -1, 3)
    missing = [reason.name if reason.value else "" for reason in subject.getMissingGRF(number)]
    return arrays | {"missing": missing, "passes": passes}


def _open(path: str) -> Any:
    # The compiled part alone: the package around it imports torch, which reading does not need.
    from nimblephysics_libs import _nimblephysics as nimble

    return nimble.biomechanics.SubjectOnDisk(path)
