"""Trajectories between Moco and files, and OpenSim's own word on a trajectory: contact forces, defects, displacement.

A trajectory file (.npz) holds `times` (s), `states` (time, state) with `state_paths`, `controls` (time, control) with
`control_paths`, and, where OpenSim wrote it, `forces` (time, group, 3; N, ground frame) with `force_groups`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import opensim


def read_trajectory(path: str | Path) -> dict[str, np.ndarray]:
    """A trajectory file's arrays; refuses files without names or with sizes that do not fit together."""
    with np.load(path, allow_pickle=False) as file:
        found = {key: np.asarray(file[key]) for key in file.files}
    for kind in ("state", "control"):
        missing = [key for key in ("times", f"{kind}s", f"{kind}_paths") if key not in found]
        if missing:
            raise ValueError(f"{path}: expected arrays times, {kind}s and {kind}_paths, missing {missing}")
        expected = (found["times"].size, found[f"{kind}_paths"].size)
        if found[f"{kind}s"].shape != expected:
            raise ValueError(f"{path}: {kind}s: expected shape {expected}, got {found[f'{kind}s'].shape}")
    return found


def trajectory_arrays(trajectory: opensim.MocoTrajectory) -> dict[str, np.ndarray]:
    """Times, states and controls of a Moco trajectory with their paths."""
    return {
        "times": np.array(trajectory.getTimeMat()).ravel(),
        "states": np.array(trajectory.getStatesTrajectoryMat()),
        "state_paths": np.array(trajectory.getStateNames()),
        "controls": np.array(trajectory.getControlsTrajectoryMat()),
        "control_paths": np.array(trajectory.getControlNames()),
    }


def as_guess(solver: opensim.MocoCasADiSolver, arrays: dict[str, np.ndarray]) -> opensim.MocoTrajectory:
    """A trajectory as a guess for this solver's problem; paths the file lacks keep the midpoints of their bounds."""
    guess = solver.createGuess("bounds")
    times = arrays["times"]
    guess.setNumTimes(times.size)
    guess.setTime(opensim.Vector.createFromMat(np.ascontiguousarray(times, dtype=float)))
    blank = {
        "state": dict(zip(guess.getStateNames(), np.array(guess.getStatesTrajectoryMat()).T, strict=True)),
        "control": dict(zip(guess.getControlNames(), np.array(guess.getControlsTrajectoryMat()).T, strict=True)),
    }
    for kind, put in (("state", guess.setState), ("control", guess.setControl)):
        paths = [str(path) for path in arrays[f"{kind}_paths"]]
        unknown = sorted(set(paths) - set(blank[kind]))
        if unknown:
            raise ValueError(f"{kind}s {unknown[:3]} are not in the model; it has {sorted(blank[kind])[:3]} ...")
        for j, path in enumerate(paths):
            put(path, opensim.Vector.createFromMat(np.ascontiguousarray(arrays[f"{kind}s"][:, j], dtype=float)))
    return guess


class ModelWord:
    """OpenSim's own state derivatives, contact forces and centre of mass along a trajectory.

    Parameters
    ----------
    model
        The model that Moco solves with, its system initialised.
    groups
        Contact forces by component name that are added per group, e.g. both spheres of one foot.
    """

    def __init__(self, model: opensim.Model, groups: dict[str, tuple[str, ...]]) -> None:
        self.model = model
        self.state = model.initSystem()
        self.y_names = list(opensim.createStateVariableNamesInSystemOrder(model))
        self.control_names = list(opensim.createControlNamesFromModel(model))
        self.groups = {
            name: [opensim.SmoothSphereHalfSpaceForce.safeDownCast(model.getComponent(force)) for force in forces]
            for name, forces in groups.items()
        }

    def along(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """State derivatives (time, state), forces (time, group, 3; N) and centre of mass (time, 3; m)."""
        state_column = {str(path): j for j, path in enumerate(arrays["state_paths"])}
        control_column = {str(path): j for j, path in enumerate(arrays["control_paths"])}
        lacking = [n for n in self.y_names if n not in state_column]
        lacking += [n for n in self.control_names if n not in control_column]
        if lacking:
            raise ValueError(f"the trajectory lacks {len(lacking)} states or controls of the model: {lacking[:4]}")
        states = arrays["states"][:, [state_column[name] for name in self.y_names]]
        controls = arrays["controls"][:, [control_column[name] for name in self.control_names]]
        count = arrays["times"].size
        rates = np.empty((count, len(self.y_names)))
        forces = np.zeros((count, len(self.groups), 3))
        centre = np.empty((count, 3))
        for i, time in enumerate(arrays["times"]):
            rates[i], forces[i], centre[i] = self._at(float(time), states[i], controls[i])
        order = [self.y_names.index(str(path)) for path in arrays["state_paths"] if str(path) in self.y_names]
        return {"rates": rates[:, order], "forces": forces, "centre_of_mass": centre}

    def _at(self, time: float, states: np.ndarray, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        self.state.setTime(time)
        self.state.setY(opensim.Vector.createFromMat(np.ascontiguousarray(states)))
        self.model.realizeVelocity(self.state)
        self.model.setControls(self.state, opensim.Vector.createFromMat(np.ascontiguousarray(controls)))
        self.model.realizeAcceleration(self.state)
        rates = self.state.getYDot().to_numpy()
        forces = np.zeros((len(self.groups), 3))
        for i, group in enumerate(self.groups.values()):
            for force in group:
                values = force.getRecordValues(self.state)
                forces[i] += [values.get(k) for k in range(3)]  # the first three act on the sphere
        centre = self.model.calcMassCenterPosition(self.state)
        return rates, forces, np.array([centre.get(k) for k in range(3)])
