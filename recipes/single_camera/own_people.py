"""Stage of the recipe of one camera: people whose keypoints a user's own detector found; they are only ever scored.

Answers with intervals are written for all of them; where another system measured speed, step length, cadence or
asymmetry, the table holds these against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.durable_file import durable_place
from recipes.people import write_people
from recipes.recipe import PEOPLE
from recipes.run import Run
from recipes.single_camera.settings import OwnKeypoints, SingleCameraSettings
from recipes.single_camera.teaching import NETWORKS
from synth.camera.detector_file import detector_files
from synth.camera.keypoint_input import ClipArrays
from synth.camera.keypoint_record import KeypointRecord, record_clips
from synth.camera.keypoint_source import TABLES, KeypointSource, read_keypoints
from synth.corpus.recipe_source import named_sources
from synth.corpus.schema import CorpusMismatch
from training.csv_table import write_csv
from training.keypoint.keypoint_lesson import KeypointEstimate

OWN, ANSWERS = "own.npz", "own.csv"
OWN_SETS = {"own_overground": "own keypoints, overground", "own_treadmill": "own keypoints, treadmill"}
"""Set → its name in the table."""
_PERSON = "own "


def own_records(settings: SingleCameraSettings) -> list[KeypointRecord]:
    """Records of all sources, each person's code with a word of its own.

    Raises
    ------
    CorpusMismatch
        As `read_keypoints` and `refuse_one_name`.
    """
    read = [(own, _records(own)) for own in settings.own]
    refuse_one_name(read)
    return [replace(r, person=f"{_PERSON}{r.person}") for _, records in read for r in records]


def _records(own: OwnKeypoints) -> tuple[KeypointRecord, ...]:
    """Records of one source; errors as `read_keypoints`, by the name of the setting."""
    try:
        return read_keypoints(keypoint_source(own))
    except CorpusMismatch as problem:
        raise CorpusMismatch(f"setting own: {problem}") from None


def refuse_one_name(read: Sequence[tuple[OwnKeypoints, Sequence[KeypointRecord]]]) -> None:
    """Refuse records of two sources that would be taken for one person, or for one trial of one person.

    Who is named by nothing but a detector's folder or file may be anybody: they share their name with nobody.

    Parameters
    ----------
    read : sequence of (setting, its records)

    Raises
    ------
    CorpusMismatch
    """
    for i, (own, records) in enumerate(read):
        for former, before in read[:i]:
            for name in sorted({r.person for r in records} & {r.person for r in before}):
                unnamed = next((one.path for one in (own, former) if _named_by_file(one)), None)
                if unnamed is not None:
                    raise CorpusMismatch(
                        f"setting own: {own.path} and {former.path} both hold a person {name}, and {name} is the name "
                        f"of {unnamed} alone; give person there to say who it is."
                    )
            shared = sorted({(r.person, r.trial) for r in records} & {(r.person, r.trial) for r in before})
            if shared:
                person, trial = shared[0]
                raise CorpusMismatch(
                    f"setting own: {own.path} and {former.path} hold {trial} of {person}, both of them. If these are "
                    "two people, give each a person (or a code in the table); if two trials, give each a name."
                )


def _named_by_file(own: OwnKeypoints) -> bool:
    """Whether the person of a source is called as its file or folder, for want of another name."""
    path = Path(own.path)
    return not own.person and not (path.is_file() and path.suffix.lower() in TABLES)


def keypoint_source(own: OwnKeypoints) -> KeypointSource:
    """The source that a setting names."""
    measured = Path(own.measured) if own.measured else None
    told = {"rate": own.rate, "stature": own.stature, "person": own.person, "treadmill": own.treadmill}
    return KeypointSource(Path(own.path), measured=measured, least_score=own.least_score, **told)


def own_sources(run: Run) -> dict[str, dict[str, str]]:
    """Files of the sources, those that are read, by the hash of their bytes."""
    files: dict[str, Path] = {}
    for own in run.settings.own:
        files |= {str(file): file for file in detector_files(Path(own.path))}
        files |= {own.measured: Path(own.measured)} if own.measured else {}
    return named_sources(files)


def answer_own(run: Run) -> str:
    """Say what the networks see in every clip of everybody's own keypoints; write who they are."""
    from training.keypoint.keypoint_answer import answer_doubts, keypoint_answers
    from training.keypoint.keypoint_file import load_keypoint_ensemble

    records = own_records(run.settings)
    clips = record_clips(records)
    for record in records:
        for note in record.notes:
            run.say(f"{record.person}, {record.trial}: {note}")
    for sentence in clips.left_out:
        run.say(f"left out: {sentence}")
    flat: dict[str, np.ndarray] = {}
    (run.folder / ANSWERS).unlink(missing_ok=True)
    if len(clips.arrays):
        ensemble = load_keypoint_ensemble(run.folder / NETWORKS)
        answers, said = keypoint_answers(ensemble, clips)
        write_csv(run.folder / ANSWERS, answers)
        for sentence in answer_doubts(answers, ensemble):
            run.say(sentence)
        for name, rows in zip(OWN_SETS, (~clips.treadmill, clips.treadmill), strict=True):
            if rows.any():
                own = clips.rows(np.flatnonzero(rows))
                flat |= {f"{name}/{f}": getattr(own, f) for f in ClipArrays.__dataclass_fields__}
                fields = KeypointEstimate.__dataclass_fields__
                flat |= {f"{name}/said/{f}": getattr(said, f)[rows] for f in fields}
    with durable_place(run.folder / OWN) as place, place.open("wb") as stream:
        np.savez_compressed(stream, **flat)
    _write_roles(run)
    people = len({r.person for r in records})
    return f"{len(clips.arrays)} clips of {people} people of one's own" if records else "nobody of one's own"


def load_own(run: Run) -> tuple[dict[str, ClipArrays], dict[str, KeypointEstimate]]:
    """Clips and estimates of `OWN_SETS`, of those that there are."""
    with np.load(run.folder / OWN) as kept:
        names = [name for name in OWN_SETS if f"{name}/inputs" in kept]
        clips = {n: ClipArrays(**{f: kept[f"{n}/{f}"] for f in ClipArrays.__dataclass_fields__}) for n in names}
        fields = KeypointEstimate.__dataclass_fields__
        return clips, {n: KeypointEstimate(**{f: kept[f"{n}/said/{f}"] for f in fields}) for n in names}


def _write_roles(run: Run) -> None:
    """Who is scored, beside those who teach, validate and calibrate in every split; former ones of one's own go."""
    table = pd.read_csv(run.folder / PEOPLE, dtype=str, keep_default_na=False)
    table = table[~table.split.isin(list(OWN_SETS))]
    splits = {
        s: {r: list(own.person) for r, own in rows.groupby("role")} for s, rows in table.groupby("split", sort=False)
    }
    used = {role: people for role, people in next(iter(splits.values())).items() if role != "score"}
    for name, clips in load_own(run)[0].items():
        splits[name] = {**used, "score": sorted(set(clips.person))}
    write_people(run.folder / PEOPLE, splits)


def own_tasks(clips: dict[str, ClipArrays]) -> dict[str, str]:
    """Names in the table of the sets that there are."""
    return {name: task for name, task in OWN_SETS.items() if name in clips}
