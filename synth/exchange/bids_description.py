"""BIDS description: the files at the top of a data set: what it is, who is in it and what its columns mean."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from mocap_import.subject import Subject
from synth.corpus.provenance import Provenance
from synth.exchange.tracking_system import REFERENCE_FRAMES

BIDS_VERSION = "1.10.0"
OLDEST_AGE = 89
"""Years; BIDS asks that older people are not told apart."""
_PARTICIPANTS = {
    "age": {"Description": f"age of the participant, {OLDEST_AGE} for all who are older", "Units": "year"},
    "sex": {"Description": "sex of the participant", "Levels": {"female": "female", "male": "male"}},
    "height": {"Description": "stature", "Units": "m"},
    "weight": {"Description": "body mass", "Units": "kg"},
    "code": {"Description": "code of the participant in the corpus, which BIDS may not allow as a label"},
}
_SCANS = {
    "trial": {"Description": "name of the trial in the corpus, which BIDS may not allow as a label"},
    "status": {
        "Description": "how the trial came about",
        "Levels": {
            "measured": "from a recording",
            "converged": "computed by optimal control, which converged",
            "refused": "optimal control refused it; the sensors are still here",
            "predicted": "estimated by a network",
        },
    },
    "reason": {"Description": "why it was refused, or what is to be known of the status"},
}
_EVENTS = {
    "trial_type": {"Description": "foot and what it does: right_foot_strike, left_foot_off, ..."},
    "foot": {"Description": "foot", "Levels": {"right": "right", "left": "left"}},
    "source": {
        "Description": "what the event was found in",
        "Levels": {"file": "the recording's file", "force": "force plates", "markers": "markers", "imu": "sensors"},
    },
}
_README = """# {name}

Motion of {n_people} participants from a Kinesynth corpus, as Motion-BIDS.

Tracking systems: `imu` is virtual or real inertial sensors (specific force and angular velocity in the sensor's axes,
{errors}); `skeleton` is the generalized coordinates of an OpenSim model (angles in degrees, positions in metres);
`kinetics` is generalized forces, ground reactions and muscle activations; `emg` is envelopes. All systems of a trial
share one clock and begin at time 0. Missing values are `n/a`. Axes of the ground: X forward, Y up, Z right.

Labels: `participants.tsv` lists the code of each participant, `*_scans.tsv` the name of each trial. Runs number the
trials of one participant and task.

Not in this data set: treatments, spatiotemporal parameters and splits; the corpus has them.
{left_out}"""


def write_description(
    folder: Path,
    provenance: Provenance,
    *,
    people: Sequence[tuple[str, Subject]],
    systems: Sequence[str],
    tasks: Sequence[str],
    name: str,
    authors: Sequence[str] = (),
    licence: str = "",
    left_out: Sequence[str] = (),
    clean: bool = False,
) -> None:
    """Write ``dataset_description.json``, ``participants.tsv``, ``README.md`` and the files that explain columns.

    Parameters
    ----------
    folder : Path
    provenance : Provenance
        Of the corpus.
    people : sequence of (str, Subject)
        Label and facts of each participant.
    systems, tasks : sequence of str
        Labels of tracking systems, and of tasks with events.
    name : str
    authors : sequence of str
    licence : str
    left_out : sequence of str
        Trials that are not in the data set, and why.
    clean : bool
        Whether the records are without sensor errors.
    """
    facts: dict[str, object] = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [
            {
                "Name": "Kinesynth",
                "Version": provenance.versions.get("kinesynth", "unknown"),
                "Description": "export of a corpus; the version is that which made the corpus",
            }
        ],
    }
    facts |= {"Authors": list(authors)} if authors else {}
    facts |= {"License": licence} if licence else {}
    _write(folder / "dataset_description.json", facts)
    rows = ["\t".join(("participant_id", "age", "sex", "height", "weight", "code"))]
    for label, person in people:
        age = min(person.age, OLDEST_AGE) if math.isfinite(person.age) else math.nan
        sex = person.sex if person.sex in ("female", "male") else "n/a"
        numbers = [_number(value) for value in (age, person.height, person.mass)]
        code = " ".join(person.code.split()) or "n/a"
        rows.append("\t".join((f"sub-{label}", numbers[0], sex, *numbers[1:], code)))
    (folder / "participants.tsv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    _write(folder / "participants.json", _PARTICIPANTS)
    _write(folder / "scans.json", _SCANS)
    for task in tasks:
        _write(folder / f"task-{task}_events.json", _EVENTS)
    for system in systems:
        _write(folder / f"tracksys-{system}_channels.json", {"reference_frame": {"Levels": REFERENCE_FRAMES}})
    lines = "".join(f"\n- {' '.join(line.split())}" for line in left_out)
    readme = _README.format(
        name=name,
        n_people=len(people),
        errors="as simulated" if clean else "with the errors of the corpus's recipe",
        left_out=f"\nTrials that are not here:\n{lines}\n" if lines else "",
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:.10g}" if math.isfinite(value) else "n/a"


def _write(path: Path, facts: dict) -> None:
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
