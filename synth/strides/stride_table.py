"""Stride tables: three-dimensional joint angles of one leg, one hundred and one rows a stride, one file a runner.

The layout of the running strides of BMClab and the Running Injury Clinic (github.com/BMClab/datasets, BMC_RIC, CC BY
4.0): ``gGGsSS.tsv`` with the columns ``stride``, ``Time`` (0-100 % of the stride) and nine angles in degrees, and
``metadata.tsv`` with speed, age, height (cm) and mass of each runner.

Sequence and signs are those of the Running Injury Clinic's published code (``gait_kinematics``, ``cardanangles``): from
the rotation r of distal into proximal axes (X forward, Y up, Z right) it takes x = atan2(r23, sqrt(r13² + r33²)),
y = atan2(-r13, r33) and z = atan2(-r21, r22), so r = Ry(-y) Rx(-x) Rz(-z): the first rotation is about the *long* axis,
not about the flexion axis of Grood and Suntay. The pelvis is level in the standing trial. Markers of two runners who
are in another data set as well confirm both (docs/joint_corpora.md). That the leg is a right one, or counted as one, is
an assumption: the files do not tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch

ROWS = 101
"""Rows of a stride."""
COLUMNS = ("Hip_Z", "Hip_X", "Hip_Y", "Knee_Z", "Knee_X", "Knee_Y", "Ankle_Z", "Ankle_X", "Ankle_Y")
SEQUENCE = "YXZ"
"""Of the rotations that the angles are, distal → proximal, about moving axes."""
RECORDING_RATES = {"g01": 150.0, "g02": 200.0}
"""Hz, of the two laboratories' cameras: Fukuchi et al., PeerJ 5:e3298, 2017; Rapp, Shin et al., J Biomech 2021."""
LABORATORIES = {"g01": "BMClab", "g02": "Running Injury Clinic"}
_FILE = re.compile(r"(g\d{2})(s\d{2})\.tsv")
_FACTS = ("Group", "Subject", "Speed", "Age", "Height", "Mass")


@dataclass(frozen=True)
class RunnerStrides:
    """The strides of one runner.

    Attributes
    ----------
    subject : Subject
    group : str
        ``"g01"`` or ``"g02"``: the laboratory, one of `LABORATORIES`.
    speed : float
        Of the treadmill (m/s).
    numbers : ndarray of int, shape (n_strides,)
        As the file counts them; neighbours follow each other.
    angles : ndarray, shape (n_strides, 101, 9)
        rad, minus those of the file: right-handed angles about Z, X and Y of hip, knee and ankle, in `SEQUENCE`; see
        `table_rotation`.
    source, source_hash : str
        Name of the file and its SHA-256.
    """

    subject: Subject
    group: str
    speed: float
    numbers: np.ndarray
    angles: np.ndarray
    source: str
    source_hash: str

    @property
    def recording_rate(self) -> float:
        """Frames per second (Hz) of the recording that the strides were cut from."""
        return RECORDING_RATES[self.group]


def table_rotation(angles: np.ndarray) -> Rotation:
    """Distal → proximal rotation of a joint from its three columns (n, 3) of `RunnerStrides.angles`: Z, X, Y."""
    return Rotation.from_euler(SEQUENCE, angles[:, [2, 1, 0]])


def stride_files(folder: Path) -> list[Path]:
    """Tables of a folder, sorted.

    Raises
    ------
    CorpusMismatch
        There is none, or no ``metadata.tsv``.
    """
    folder = Path(folder)
    files = sorted(file for file in folder.glob("*.tsv") if _FILE.fullmatch(file.name))
    if not files or not (folder / "metadata.tsv").is_file():
        raise CorpusMismatch(
            f"{folder}: expected stride tables (g01s01.tsv, ...) and metadata.tsv beside them, found {len(files)} "
            f"tables{'' if (folder / 'metadata.tsv').is_file() else ' and no metadata.tsv'}. Give their folder."
        )
    return files


def read_runners(folder: Path) -> dict[str, dict[str, float]]:
    """Code → speed (m/s), age (yr), height (m) and mass (kg) of every runner of ``metadata.tsv``."""
    file = Path(folder) / "metadata.tsv"
    table = pd.read_csv(file, sep="\t")
    absent = [name for name in _FACTS if name not in table]
    if absent:
        raise CorpusMismatch(f"{file}: expected the column {absent[0]!r}; it has {', '.join(map(str, table.columns))}.")
    found = {}
    for (group, number), own in table.groupby(["Group", "Subject"]):
        first = own.iloc[0]
        found[f"g{int(group):02d}s{int(number):02d}"] = {
            "speed": float(own.Speed.mean()),
            "age": float(first.Age),
            "height": float(first.Height) / 100.0,
            "mass": float(first.Mass),
        }
    return found


def read_strides(file: Path, runners: dict[str, dict[str, float]]) -> RunnerStrides:
    """Read the strides of one runner.

    Raises
    ------
    CorpusMismatch
        The table is not laid out as expected, or its runner is not among `runners`.
    """
    name = _FILE.fullmatch(file.name)
    code = file.stem
    if name is None or name[1] not in RECORDING_RATES:
        raise CorpusMismatch(f"{file}: expected a name such as g01s01.tsv of the groups {', '.join(RECORDING_RATES)}.")
    if code not in runners:
        raise CorpusMismatch(f"{file}: runner {code} is not in metadata.tsv; speed, height and mass are unknown.")
    table = pd.read_csv(file, sep="\t")
    absent = [column for column in ("stride", *COLUMNS) if column not in table]
    if absent or not len(table) or len(table) % ROWS:
        what = f"no column {absent[0]!r}" if absent else f"{len(table)} rows"
        raise CorpusMismatch(f"{file}: expected strides of {ROWS} rows with nine angles; found {what}.")
    numbers = table["stride"].to_numpy().reshape(-1, ROWS)
    if (numbers != numbers[:, :1]).any() or (np.diff(numbers[:, 0]) < 1).any():
        raise CorpusMismatch(f"{file}: expected {ROWS} rows a stride, strides in ascending order.")
    angles = -np.radians(table[list(COLUMNS)].to_numpy(dtype=float))
    facts = runners[code]
    return RunnerStrides(
        subject=Subject(code, facts["mass"], facts["height"], age=facts["age"]),
        group=name[1],
        speed=facts["speed"],
        numbers=numbers[:, 0].astype(int),
        angles=angles.reshape(-1, ROWS, len(COLUMNS)),
        source=file.name,
        source_hash=file_hash(file),
    )
