"""A motion run: which subjects are to be scaled and which trials to be solved, and what came of it.

A task is done again when the hash of its trial, of the model, of the skeleton, of the settings or of this format has
changed, or when its product has gone or is not the one that was made; everything else is taken from the done files of
earlier runs. Forces are keyed by the key of the coordinates that they come from, whichever command made those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mocap_import.batch import Task
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import SUFFIX
from opensim_models.archive.motion_table import refused_row
from opensim_models.archive.motion_task import (
    SCALING,
    SCALING_DONE,
    SKELETON,
    STEPS,
    SUBJECT_FILES,
    discard_step,
    discard_subject,
    done_file,
    file_hash,
    holds,
    product_file,
    read_done,
    scale_task,
    trial_files,
    trial_task,
)
from opensim_models.archive.task_work import TaskWork
from opensim_models.model.skeleton import Skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.subject_scaling import load_recording

FORMAT = 5
"""To be raised with every change of what the products hold: makes them again."""


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
        Model marker → label, before names and meanings; of our own model, landmark → label.
    hip_method : str
        One of `joint_centre.HIP_METHODS`.
    cutoff : float, optional
        Low-pass of inverse dynamics (Hz); by the task if None, 0 for no filter.
    mass, height : float, optional
        Of the subject (kg, m), for all subjects: for single trials.
    static : Path, optional
        The static trial of all subjects: for single trials, and for ``"static"`` only.
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
        work: TaskWork,
    ) -> None:
        self.out, self.subjects, self.steps, self.work = out, subjects, steps, work
        plain = asdict(settings) | {"model": "", "static": str(settings.static or "")}
        numbers = {name: plain[name] for name in ("mass", "height", "cutoff") if plain[name] is not None}
        plain |= {name: float(number) for name, number in numbers.items()}  # 8 is no other key than 8.0
        model_hash = ""
        if settings.model is not None:
            save_skeleton(settings.model, out / "model.json")
            plain["model"] = str(out / "model.json")
            model_hash = file_hash(out / "model.json")
        self.static_hash = file_hash(settings.static) if settings.static else ""
        self.scaling = {
            key: plain[key] for key in ("model", "scale", "hip_method", "mass", "height", "static", "move_landmarks")
        }
        self.scaling |= {"given": plain["markers"], "method": self.scaling.pop("scale")}
        self.solving = {"given": plain["markers"]} | {name: plain[name] for name in ("cutoff", "mass", "height")}
        self.solving["static"] = plain["static"]
        self.solving["matched"] = settings.scale in ("static", "automatic")
        place = {"model": model_hash, "static": self.static_hash}
        self.scaling_key = _digest(FORMAT, self.scaling | place)
        self.hashes = {path: file_hash(path) for paths in subjects.values() for path in paths}
        self.scalings: dict[str, dict[str, Any]] = {}
        self.done: dict[tuple[str, str], dict[str, Any]] = {}
        self.names: dict[tuple[str, str], Path] = {}
        self.tasks: dict[Path, str] = {}
        self.only_static: set[str] = set()

    def scale(self, bar: Callable[[object], object]) -> None:
        """Scale the subjects whose input has changed; `motion id` alone takes the skeletons as they are."""
        tasks = []
        for code, paths in self.subjects.items():
            folder = self.out / code
            earlier = read_done(folder / SCALING_DONE)
            if "ik" not in self.steps:
                absent = {"row": {"subject": code, "status": "absent"}}
                self.scalings[code] = earlier if earlier and self._has_skeleton(folder, earlier) else absent
                bar()
                continue
            moving_too = self.scaling["method"] == "automatic" or self.scaling["static"]
            used = paths if moving_too else self._statics(paths)
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
            made = tuple(str(folder / name) for name in SUBJECT_FILES if name in (SKELETON, SCALING, SCALING_DONE))
            tasks.append(Task(code, "opensim_models.archive.motion_task:scale_task", arguments, key, products=made))
        for key, value, reason in self.work.outcomes(tasks, scale_task):
            lost = {"row": {"subject": key, "status": "refused", "reason": f"{key}: {reason}"}}
            self.scalings[key] = value or lost
            bar()
        if "ik" in self.steps:
            self._discard_refused()

    def _discard_refused(self) -> None:
        """Leave nothing of earlier runs of a subject whose scaling is refused; its trials are told, each with a row."""
        for code, paths in self.subjects.items():
            folder = self.out / code
            scaling = self.scalings[code]
            if scaling["row"].get("status") != "refused":
                continue
            if "fingerprint" not in scaling:  # the process was lost before it could say so
                (folder / SCALING_DONE).unlink(missing_ok=True)
            for name in map(trial_name, paths):
                discard_step(folder, name, "ik")
            for name in discard_subject(folder):
                self.names[code, name] = folder

    def _statics(self, paths: list[Path]) -> list[Path]:
        """Trials that scaling looks at: the static ones, or all where there are none."""
        statics = [path for path in paths if self._is_static(path)]
        return statics or paths

    def _is_static(self, path: Path) -> bool:
        if path not in self.tasks:
            code = next(code for code, paths in self.subjects.items() if path in paths)
            earlier = read_done(done_file(self.out / code, trial_name(path), "ik"))
            solved = earlier is not None and earlier.get("sources", {}).get("trial") == self.hashes[path]
            self.tasks[path] = "unknown" if solved else task_of(path)  # only moving trials are solved
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
            if all(map(self._is_static, paths)):
                self.only_static.add(code)
            for path in paths:
                task = self._trial_task(code, trial_name(path), path, folder)
                if task is None:
                    bar()
                else:
                    tasks.append(task)
        asked = {task.key: task.arguments for task in tasks}
        for key, value, reason in self.work.outcomes(tasks, trial_task):
            code, _, name = key.partition("/")
            found = value or self._lost(self.out / code, name, asked[key], f"{key}: {reason}")
            self.done[code, name] = self.done.get((code, name), {}) | found
            bar()

    def _trial_task(self, code: str, name: str, path: Path, folder: Path) -> Task | None:
        """What is to be done for a trial; None if everything was done before, or nothing can be done."""
        own = {own.name.casefold() for own in trial_files(folder, name)}
        taken = [theirs for theirs in SUBJECT_FILES if theirs in own]
        if self._is_static(path):
            if "ik" in self.steps and not taken:  # it may have been a moving one in an earlier run
                discard_step(folder, name, "ik")
            return None
        self.names[code, name] = path
        if self.scalings[code]["row"].get("status") != "scaled":
            return None
        if taken:
            said = f"{path.name}: its motion would overwrite {taken[0]} of the subject {code}; rename the trial."
            self.done[code, name] = _refused(said)
            return None
        sources = {"trial": self.hashes[path], "skeleton": file_hash(folder / SKELETON)}
        sources |= {"static": self.static_hash} if self.static_hash else {}  # whether it is this person's is asked
        earlier = {step: read_done(done_file(folder, name, step)) for step in STEPS}
        solving = dict(self.solving)
        if "ik" in self.steps:
            sources["ik"] = _digest(FORMAT, sources, [solving[each] for each in ("given", "mass", "height")])
        else:
            said = _outdated(earlier["ik"], sources, product_file(folder, name, "ik"), path)
            if said:
                discard_step(folder, name, "id")
                self.done[code, name] = _refused(said)
                return None
            sources["ik"] = earlier["ik"]["fingerprint"]
            known = earlier["ik"]["known"]  # the person is the one whose motion was solved
            solving |= {each: known[each] for each in ("mass", "height") if solving[each] is None}
        dynamics = [solving[each] for each in ("cutoff", "mass", "height")]
        keys = {"ik": sources["ik"], "id": _digest(FORMAT, sources["ik"], dynamics)}
        todo = []
        for step in STEPS:
            whole = not todo and holds(
                earlier[step], product_file(folder, name, step)
            )  # new coordinates void old forces
            if step in self.steps:
                fresh = whole and earlier[step]["fingerprint"] == keys[step]
                if not fresh:
                    todo.append(step)
            else:  # forces with another cut-off are not asked for, but still those of these coordinates
                fresh = whole and earlier[step].get("sources", {}).get("ik") == sources["ik"]
            if fresh:
                self.done.setdefault((code, name), {})[step] = earlier[step]
        if not todo:
            return None
        arguments = {"path": str(path), "code": code, "name": name, "out": str(folder), "steps": todo}
        arguments |= {"fingerprints": keys, "sources": sources, "settings": solving}
        made = [file(folder, name, step) for step in todo for file in (product_file, done_file)]
        mark = _digest(keys, todo)
        function = "opensim_models.archive.motion_task:trial_task"
        return Task(f"{code}/{name}", function, arguments, mark, products=tuple(map(str, made)))

    @staticmethod
    def _lost(folder: Path, name: str, asked: Mapping[str, Any], reason: str) -> dict[str, Any]:
        """What is left of a trial whose task ended without an answer: steps that it had finished, and refusals."""
        found: dict[str, Any] = {}
        for step in asked["steps"]:
            done = read_done(done_file(folder, name, step))
            if (
                done
                and done["fingerprint"] == asked["fingerprints"][step]
                and holds(done, product_file(folder, name, step))
            ):
                found[step] = done
                continue
            discard_step(folder, name, step)
            found[step] = {"row": {"status": "refused", "reason": reason}}
        return found

    def rows(self) -> list[dict[str, Any]]:
        """One row a trial, subject by subject; one for a subject of which there is none to solve."""
        found = []
        for code in self.subjects:
            own = [name for subject, name in self.names if subject == code]
            scaling = self.scalings.get(code, {"row": {}})["row"]
            reason = scaling.get("reason", "") if scaling.get("status") == "refused" else ""
            if scaling.get("status") == "absent":
                reason = f"{code}: no scaled skeleton in {self.out / code}; run `kinesynth motion ik` first."
            if not reason and code in self.only_static:
                reason = f"{code}: only static trials, no moving one whose motion could be solved."
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


def trial_name(path: Path) -> str:
    """Name of a trial's products."""
    return path.name.removesuffix(SUFFIX) if path.name.endswith(SUFFIX) else path.stem


def _refused(reason: str) -> dict[str, Any]:
    """Both steps of a trial refused before they began."""
    return {step: {"row": {"status": "refused", "reason": reason}} for step in STEPS}


def _outdated(record: Mapping[str, Any] | None, sources: Mapping[str, str], motion: Path, path: Path) -> str:
    """Why coordinates are not those of the present input; empty if they are."""
    again = "run `kinesynth motion ik` again."
    if record is None:
        return (
            f"{motion}: nothing says what it was solved from; {again}" if motion.is_file() else f"no {motion}; {again}"
        )
    was = record.get("sources", {})
    for what, name in (("trial", str(path)), ("skeleton", str(motion.parent / SKELETON))):
        if was.get(what) != sources[what]:
            return f"{motion}: was not solved from the present {name}; {again}"
    return "" if holds(record, motion) else f"{motion}: is not the motion that was solved from {path}; {again}"


def _digest(*content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
