"""A motion run: which subjects are to be scaled and which trials to be solved, and what came of it.

A task is done again when the hash of its trial, of the model, of the skeleton, of the settings or of this format has
changed, or when its product has gone; everything else is taken from the done files of earlier runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mocap_import.batch import Task, run_tasks
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import SUFFIX
from opensim_models.archive.motion_table import refused_row
from opensim_models.archive.motion_task import (
    SCALING,
    SCALING_DONE,
    SKELETON,
    done_file,
    forces_file,
    read_done,
    scale_task,
    trial_task,
)
from opensim_models.kernel.preparation import prepare_kernels
from opensim_models.model.skeleton import Skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.subject_scaling import load_recording

FORMAT = 2
"""To be raised with every change of what the products hold: makes them again."""
STEPS = ("ik", "id")
TIMEOUT = 600.0


@dataclass(frozen=True)
class MotionSettings:
    """What a run is asked for.

    Attributes
    ----------
    model : Skeleton, optional
        To be used in the place of our own lower body.
    scale : str
        ``"static"``, ``"automatic"`` (by movement), ``"stature"``, or ``"as_is"``: the model is the subject's already.
    markers : dict
        Model marker → label, before names and meanings.
    hip_method : str
        One of `joint_centre.HIP_METHODS`.
    cutoff : float, optional
        Low-pass of inverse dynamics (Hz); by the task if None.
    mass, height : float, optional
        Of the subject (kg, m), for all subjects: for single trials.
    static : Path, optional
        The static trial of all subjects: for single trials.
    move_landmarks : bool
        Adjust the anatomical markers of another model too.
    """

    model: Skeleton | None = None
    scale: str = "static"
    markers: dict[str, str] = field(default_factory=dict)
    hip_method: str = "harrington"
    cutoff: float | None = None
    mass: float | None = None
    height: float | None = None
    static: Path | None = None
    move_landmarks: bool = False


class MotionRun:
    """One run over an archive: what has been found so far, and what is still to do."""

    def __init__(
        self,
        out: Path,
        subjects: Mapping[str, list[Path]],
        settings: MotionSettings,
        steps: tuple[str, ...],
        n_workers: int,
    ) -> None:
        self.out, self.subjects, self.steps, self.n_workers = out, subjects, steps, n_workers
        plain = asdict(settings) | {"model": "", "static": str(settings.static or "")}
        model_hash = ""
        if settings.model is not None:
            save_skeleton(settings.model, out / "model.json")
            plain["model"] = str(out / "model.json")
            model_hash = _hash(out / "model.json")
        static_hash = _hash(settings.static) if settings.static else ""
        self.scaling = {
            key: plain[key] for key in ("model", "scale", "hip_method", "mass", "height", "static", "move_landmarks")
        }
        self.scaling |= {"given": plain["markers"], "method": self.scaling.pop("scale")}
        self.solving = {"given": plain["markers"], "cutoff": settings.cutoff}
        self.solving |= {"mass": settings.mass, "height": settings.height}
        place = {"model": model_hash, "static": static_hash}
        self.scaling_key = _digest(FORMAT, self.scaling | place)
        self.solving_key = {
            "ik": _digest(FORMAT, plain["markers"], settings.mass, settings.height),
            "id": _digest(FORMAT, settings.cutoff, settings.mass, settings.height),
        }
        self.hashes = {path: _hash(path) for paths in subjects.values() for path in paths}
        self.scalings: dict[str, dict[str, Any]] = {}
        self.done: dict[tuple[str, str], dict[str, Any]] = {}
        self.names: dict[tuple[str, str], Path] = {}
        self.tasks: dict[Path, str] = {}

    def scale(self, bar: Callable[[object], object]) -> None:
        """Scale the subjects whose input has changed; `motion id` alone takes the skeletons as they are."""
        tasks = []
        for code, paths in self.subjects.items():
            folder = self.out / code
            earlier = read_done(folder / SCALING_DONE)
            if "ik" not in self.steps:
                self.scalings[code] = earlier or {"row": {"subject": code, "status": "absent"}}
                bar()
                continue
            used = paths if self.scaling["method"] == "automatic" else self._statics(paths)
            key = _digest(self.scaling_key, [self.hashes[p] for p in used])
            if earlier and earlier["fingerprint"] == key and self._has_skeleton(folder, earlier):
                self.scalings[code] = earlier
                bar()
                continue
            arguments = {
                "code": code,
                "recordings": [str(p) for p in paths],
                "out": str(folder),
                "fingerprint": key,
                "settings": self.scaling,
            }
            tasks.append(Task(code, "opensim_models.archive.motion_task:scale_task", arguments))
        for key, value, reason in self._outcomes(tasks, scale_task):
            lost = {"row": {"subject": key, "status": "refused", "reason": f"{key}: {reason}"}}
            self.scalings[key] = value or lost
            bar()

    def _statics(self, paths: list[Path]) -> list[Path]:
        """Trials that scaling looks at: the static ones, or all where there are none."""
        statics = [path for path in paths if self._is_static(path)]
        return statics or paths

    def _is_static(self, path: Path) -> bool:
        if path not in self.tasks:
            self.tasks[path] = task_of(path)
        return self.tasks[path] == "static"

    @staticmethod
    def _has_skeleton(folder: Path, earlier: Mapping[str, Any]) -> bool:
        """Whether the products of an earlier scaling are there; a refusal has none."""
        return earlier["row"].get("status") == "refused" or all(
            (folder / name).is_file() for name in (SKELETON, SCALING)
        )

    def solve(self, bar: Callable[[object], object]) -> None:
        """Solve the trials whose input has changed."""
        tasks = []
        for code, paths in self.subjects.items():
            folder = self.out / code
            for path in paths:
                name = path.name.removesuffix(SUFFIX) if path.name.endswith(SUFFIX) else path.stem
                if self._is_static(path):
                    bar()
                    continue
                self.names[code, name] = path
                if self.scalings[code]["row"].get("status") == "refused" or not (folder / SKELETON).is_file():
                    bar()
                    continue
                task = self._trial_task(code, name, path, folder)
                if task is None:
                    bar()
                else:
                    tasks.append(task)
        asked = {task.key: task.arguments["steps"] for task in tasks}
        for key, value, reason in self._outcomes(tasks, trial_task):
            code, _, name = key.partition("/")
            lost = {step: {"row": {"status": "refused", "reason": f"{key}: {reason}"}} for step in asked[key]}
            self.done[code, name] = self.done.get((code, name), {}) | (value or lost)
            bar()

    def _trial_task(self, code: str, name: str, path: Path, folder: Path) -> Task | None:
        """What is to be done for a trial; None if everything was done before."""
        motion = folder / f"{name}.mot"
        keys = {"ik": _digest(self.solving_key["ik"], self.hashes[path], _hash(folder / SKELETON))}
        todo = []
        for step in STEPS:
            earlier = read_done(done_file(folder, name, step))
            if step == "id":  # what it was solved from is part of the key, so a new .mot makes new forces
                known = self.done.get((code, name), {}).get("ik") or read_done(done_file(folder, name, "ik")) or {}
                source = keys["ik"] if "ik" in self.steps else _hash(motion) + known.get("fingerprint", "")
                keys["id"] = _digest(self.solving_key["id"], self.hashes[path], source)
            product = motion if step == "ik" else forces_file(folder, name)
            fresh = earlier is not None and earlier["fingerprint"] == keys[step]
            fresh = fresh and (earlier["row"]["status"] == "refused" or product.is_file())
            if fresh or (step not in self.steps and earlier and "ik" not in todo):  # new coordinates void old forces
                self.done.setdefault((code, name), {})[step] = earlier
            if step in self.steps and not fresh:
                todo.append(step)
        if not todo:
            return None
        arguments = {
            "path": str(path),
            "code": code,
            "name": name,
            "out": str(folder),
            "steps": todo,
            "fingerprints": {step: keys[step] for step in todo},
            "settings": self.solving,
        }
        return Task(f"{code}/{name}", "opensim_models.archive.motion_task:trial_task", arguments)

    def _outcomes(self, tasks: list[Task], function: Callable[..., Any]) -> Iterator[tuple[str, Any, str]]:
        """Key, value and reason of each task, in worker processes or here."""
        if self.n_workers == 0:
            for task in tasks:
                yield task.key, function(**task.arguments), ""
            return
        if tasks:
            prepare_kernels()
        for outcome in run_tasks(tasks, n_workers=self.n_workers, timeout=TIMEOUT):
            if outcome.error_type in ("OSError", "PermissionError", "FileNotFoundError"):
                raise OSError(outcome.message)
            yield outcome.key, outcome.value, outcome.reason

    def rows(self) -> list[dict[str, Any]]:
        """One row a trial, subject by subject."""
        found = []
        for code in self.subjects:
            own = [name for subject, name in self.names if subject == code]
            scaling = self.scalings.get(code, {"row": {}})["row"]
            reason = scaling.get("reason", "") if scaling.get("status") == "refused" else ""
            if scaling.get("status") == "absent":
                reason = f"{code}: no scaled skeleton in {self.out / code}; run `kinesynth motion ik` first."
            for name in own or ([""] if reason else []):
                if reason:
                    found.append(refused_row(code, name, reason))
                elif (code, name) in self.done:
                    found.append({"subject": code, "trial": name, "scaling": scaling} | self.done[code, name])
        return found


def task_of(path: Path) -> str:
    """Task of a trial; a file that cannot be read is a moving one, and refused as such."""
    try:
        return load_recording(path).task
    except (TrialRefused, ModelMismatch):
        return "unknown"


def _digest(*content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _hash(path: Path) -> str:
    """SHA-256 of a file, empty if it is missing."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
