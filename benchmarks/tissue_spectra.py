"""The shipped spectra of soft-tissue motion: cluster residuals of real trials → synth/imu/tissue_spectra.json.

Run: python benchmarks/tissue_spectra.py DATA [--write]
Overground walking with markers on the skin: five persons of the McGill sample study (MIT) for pelvis, shank and foot,
and one of OpenCap's laboratory validation (BSD-2-Clause), the only permissive set with a cluster on the thigh. Segment
axes are those of standing: Y up, Z from the left to the right anterior iliac spine, X forward. Foot markers sit on
several bones, so the foot's own joints are in its spectrum. The trials are one to three seconds long.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mocap_import.marker.marker_set import recognise_marker_set
from mocap_import.trial import TrialRefused
from mocap_import.trial_reader import read_trial
from opensim_models.clinical.cluster_pose import fit_cluster, make_cluster
from opensim_models.exchange.marker_file import read_markers
from synth.imu.tissue_spectrum import TissueSpectrum, cluster_residuals, measure_tissue, spectrum_to_dict

SEGMENTS = ("pelvis", "femur", "tibia", "calcn")
MCGILL = ("HC002D", "HC030A", "HC033A", "HC036A", "HC039A")
WINDOW = 1.25
"""s: the shortest trial is 1.3 s long; a stride takes about 1.1 s."""
SOURCES = {
    "mcgill": "McGill walking sample study (biomechZoo, MIT), five youths",
    "opencap": "OpenCap laboratory validation, subject 4 (nimblephysics data, BSD-2-Clause), three walks",
}
OUT = Path(__file__).resolve().parents[1] / "synth" / "imu" / "tissue_spectra.json"


def spectra_of(
    labels: Sequence[str], standing: np.ndarray, walking: np.ndarray, rate: float
) -> dict[str, list[TissueSpectrum]]:
    """Spectra of every segment that carries a cluster, by its name without side.

    Parameters
    ----------
    labels : sequence of str
        Of a known marker set.
    standing : ndarray, shape (n_markers, 3)
        Mean places in the static trial (m, Y up).
    walking : ndarray, shape (n_frames, n_markers, 3)
    rate : float
        Hz.
    """
    known = recognise_marker_set(labels)
    spines = [
        next(i for i, label in enumerate(labels) if label.replace(".", "").upper()[:4] == key + "ASI") for key in "RL"
    ]
    right = (standing[spines[0]] - standing[spines[1]]) * (1.0, 0.0, 1.0)
    right /= np.linalg.norm(right)
    axes = np.stack([np.cross([0.0, 1.0, 0.0], right), [0.0, 1.0, 0.0], right])
    found: dict[str, list[TissueSpectrum]] = {}
    for segment, members in (known.segments if known else {}).items():
        name = segment.removesuffix("_r").removesuffix("_l")
        index = [i for i, label in enumerate(labels) if label in members and np.isfinite(standing[i]).all()]
        if name not in SEGMENTS or len(index) < 4:  # of three markers the residual is stretching alone
            continue
        reference = (standing[index] - standing[index].mean(axis=0)) @ axes.T
        try:
            cluster = make_cluster(segment, [labels[i] for i in index], reference)
            pose = fit_cluster(cluster, walking[:, index], rate)
            residuals = cluster_residuals(cluster, walking[:, index], pose.motion)
            residuals = residuals - np.nanmean(residuals, axis=0)  # what standing and walking differ in is no motion
            found.setdefault(name, []).append(measure_tissue(residuals, reference, rate, window=WINDOW))
        except (TrialRefused, ValueError) as error:
            print(f"   {segment}: {error}")
    return found


def _trials(data: Path) -> list[tuple[str, Sequence[str], np.ndarray, np.ndarray, float]]:
    """Set, labels, standing, walking and rate of every trial."""
    trials = []
    for person in MCGILL:
        folder = data / "mcgill_walk_youth" / person
        static = read_trial(next((folder / "Static").glob("*.c3d")))
        for file in sorted((folder / "Straight").glob("*.c3d")):
            trial = read_trial(file)
            standing = np.stack(
                [
                    np.nanmean(static.marker(label), axis=0) if label in static.labels else np.full(3, np.nan)
                    for label in trial.labels
                ]
            )
            trials.append(("mcgill", trial.labels, standing, trial.positions, trial.rate))
    folder = data / "opencap_lab_subject4" / "MarkerData"
    static = read_markers(folder / "static1.trc")
    for file in ("walking1.trc", "walking2.trc", "walking4.trc"):
        table = read_markers(folder / file)
        mean = dict(zip(static.labels, np.nanmean(static.positions, axis=0), strict=True))
        standing = np.stack([mean.get(label, np.full(3, np.nan)) for label in table.labels])
        trials.append(("opencap", table.labels, standing, table.positions, table.rate))
    return trials


def main() -> None:
    """Measure, print, and write where asked."""
    found: dict[str, list[tuple[str, TissueSpectrum]]] = {}
    for origin, *trial in _trials(Path(sys.argv[1])):
        for name, spectra in spectra_of(*trial).items():
            found.setdefault(name, []).extend((origin, spectrum) for spectrum in spectra)
    table = {}
    for name, rows in sorted(found.items()):
        mean = np.mean([spectrum.density for _, spectrum in rows], axis=0)
        source = "; ".join(SOURCES[origin] for origin in dict.fromkeys(origin for origin, _ in rows))
        whole = TissueSpectrum(rows[0][1].frequency, mean, f"{source}: {len(rows)} clusters")
        print(f"{name:8} {len(rows):3} clusters  RMS mm {np.round(1000 * whole.rms[:3], 2)}  deg ", end="")
        print(np.round(np.rad2deg(whole.rms[3:]), 2), " ", source)
        plain = spectrum_to_dict(whole)
        plain["density"] = [[float(f"{value:.4g}") for value in row] for row in plain["density"]]
        table[name] = plain
    if "--write" in sys.argv:
        OUT.write_text(json.dumps(table) + "\n", encoding="utf-8")
        print(f"{OUT.name}: {OUT.stat().st_size / 1024:.1f} KiB")


if __name__ == "__main__":
    main()
