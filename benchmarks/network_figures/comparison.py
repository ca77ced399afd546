"""Methods side by side on real recordings: vertical forces of seven persons, angles of two, and what intervals hold.

Everything is made from the data folder in one run, seeds fixed: the CMU treadmill walks and the BioMAC cycle as corpora
(lags and exclusions by the written rule, before anything is scored), a population of 120 virtual walkers for simulated
cycles and for the mean waveform of the lone person, and each row by leaving one person out. The network that is held
against the goal (``supervised_short``) has the defaults of `kinesynth train` with sensor errors of 6 degrees and 5 %:
none was chosen on a scored person. Kernels and windows of the row ``supervised`` were, on six of the seven
(`peers.force_recipe`), so it is reported only. Label-free rows of the walks take 2500 steps, of the cycle 1500. Peer
of each figure: the mean waveform, told the laboratory's foot strikes, unless it says otherwise.

Run: PYTHONPATH=. python benchmarks/network_figures/comparison.py [data folder]   (about 10 CPU minutes)
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from benchmarks.peers.figure_run import data_folder
from benchmarks.peers.force_recipe import SHORT
from synth.corpus import Corpus
from synth.imu.error_recipe import ImuErrors
from synth.optimal_control.baseline import build_baseline_corpus
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.run import build_population
from synth.real_imu.session_sheet import read_session_sheet
from synth.repeated_gait import write_repeated_gaits
from synth.sensor_baseline import WAYS, write_sensor_baseline
from synth.sensor_corpus import build_sensor_corpus
from training.config import OUTPUT_KINDS, resolve_config
from training.conformal_interval import absolute_errors, coverage_table
from training.learnt_row import supervised_config
from training.leave_one_out import leave_one_subject_out
from training.loop import train
from training.method_comparison import MethodComparison, compare_corpora, worst_person
from training.method_table import reading_table
from training.prediction import apply_checkpoint
from training.training_set import read_training_set

SEED = 0
N_PEOPLE, N_TAUGHT = 120, 60
LABEL_FREE_STEPS = 2500
HEADLINE = "supervised_short"
ROWS = ("supervised", "cycle_cnn", "cycle_cnn_simulated", "cycle_cnn_both", "label_free")
BESIDE = ("angle_rmse", "moment_rmse", "vertical_force_rmse", "speed_error")


def figures(data: Path | None = None) -> dict[str, dict]:
    """Measure; see the head of this file."""
    data = data or data_folder()
    with tempfile.TemporaryDirectory(prefix="kinesynth-comparison-") as folder:
        return _measured(data, Path(folder))


def _measured(data: Path, work: Path) -> dict[str, dict]:
    began = time.process_time()
    cmu, cycle, virtual = (work / name for name in ("cmu.h5", "p03.h5", "virtual.h5"))
    build_sensor_corpus(data / "cmu_imu_grf_walk", cmu, read_session_sheet("cmu_treadmill"))
    build_sensor_corpus(data / "biomac_fau" / "imu7_cycle", cycle, read_session_sheet("biomac_cycle"))
    build_population(PopulationRequest(subjects=N_PEOPLE, seed=11, speeds=(0.6, 1.5)), work / "people.h5")
    write_repeated_gaits(work / "people.h5", virtual, errors=ImuErrors(seed=7))
    print(f"corpora: {time.process_time() - began:.0f} CPU s")
    build_baseline_corpus(cycle, work / "p03_optimal_control.h5")
    settings = supervised_config(cmu, SEED).model_dump(mode="json") | SHORT
    short = leave_one_subject_out(cmu, work / "short", {HEADLINE: resolve_config(settings)})
    walks = _compared(cmu, work / "walks", virtual, ROWS, beside=short, steps=LABEL_FREE_STEPS)
    learnt = ("supervised", "cycle_cnn_simulated", "label_free")
    lone = _compared(cycle, work / "lone", virtual, learnt, taught_by=virtual)
    return {
        **force_figures(walks),
        **angle_figures(walks, lone),
        **label_free_figures(walks, lone),
        **interval_figures(virtual, work),
    }


def _compared(
    corpus: Path,
    out: Path,
    virtual: Path,
    rows: tuple[str, ...],
    taught_by: Path | None = None,
    beside: dict[str, Path] | None = None,
    steps: int | None = None,
) -> MethodComparison:
    """One comparison, its table printed; `beside` are corpora of estimates already made, by method."""
    estimates = {name: path for name, path in (beside or {}).items() if name == HEADLINE}
    for way in WAYS:
        estimates[way] = out.parent / f"{corpus.stem}_{way}.h5"
        write_sensor_baseline(corpus, estimates[way], way)
    solved = out.parent / f"{corpus.stem}_optimal_control.h5"
    if solved.exists():
        estimates["optimal_control"] = solved
    given = {"simulated": virtual, "taught_by": taught_by, "seed": SEED, "device": "cpu", "steps": steps}
    found = compare_corpora(corpus, estimates, out, train=rows, **given)
    print(f"\n{corpus.stem}")
    print(reading_table(found.methods).set_index("method").T.to_string())
    if len(found.tests):
        print(
            found.tests[["measure", "method", "subjects", "difference", "low", "high", "p_holm"]].to_string(index=False)
        )
    return found


def force_figures(found: MethodComparison) -> dict[str, dict]:
    """Vertical ground reaction of the seven persons, and what simulated cycles add."""
    rows = found.methods.set_index("method")
    bar = rows.loc["mean_waveform", "vertical_force_rmse"]
    mean, chosen = (rows.loc[name, "vertical_force_rmse"] for name in (HEADLINE, "supervised"))
    worst = worst_person(found, HEADLINE, "vertical_force_rmse")
    cnn = {name: rows.loc[name, "vertical_force_rmse"] for name in ROWS[1:]}
    gain = 100.0 * (1.0 - cnn["cycle_cnn_both"] / cnn["cycle_cnn"])
    audit = found.synchronisation
    return {
        "vertical_force_supervised_pct_bw": _figure(mean, bar, "<= 15 %BW, 7 unseen persons", mean <= 15.0),
        "vertical_force_chosen_on_six_of_them_pct_bw": _figure(chosen, bar, "reported", True),
        "vertical_force_worst_person_minus_mean_waveform": _figure(worst, None, "< 0 for every person", worst < 0),
        "vertical_force_cycle_cnn_pct_bw": _figure(cnn["cycle_cnn"], bar, "reported", True),
        "vertical_force_cycle_cnn_simulated_pct_bw": _figure(cnn["cycle_cnn_simulated"], bar, "reported", True),
        "vertical_force_gain_of_simulated_cycles_pct": _figure(gain, 6.0, "reported (published: up to 6 %)", True),
        "audit_feet_used": _figure(float(audit["used"].sum()), float(len(audit)), "reported", True),
    }


def angle_figures(walks: MethodComparison, lone: MethodComparison) -> dict[str, dict]:
    """Case rows: Sub02 and P03, raw and mean-removed, by what needs no label."""
    made = {}
    for name, found in (("sub02", walks), ("p03", lone)):
        rows = found.methods.set_index("method")
        for way in WAYS:
            for measure in ("angle_rmse", "angle_rmse_mean_removed"):
                peer = rows.loc["mean_waveform", measure] if "mean_waveform" in rows.index else float("nan")
                key = f"{name}_{way}_{measure}_deg"
                made[key] = _figure(rows.loc[way, measure], peer, "reported (a case)", True)
    solved = lone.methods.set_index("method")
    for measure in ("angle_rmse", "angle_rmse_mean_removed", "moment_rmse", "vertical_force_rmse", "speed_error"):
        ours, peer = (solved.loc[m, measure] for m in ("optimal_control", "mean_waveform"))
        made[f"p03_optimal_control_{measure}"] = _figure(ours, peer, "reported (a case)", True)
    speed = lone.methods.set_index("method")["speed_error"]
    made["p03_strap_down_speed_m_s"] = _figure(speed["strap_down"], speed["mean_waveform"], "reported (a case)", True)
    return made


def label_free_figures(walks: MethodComparison, lone: MethodComparison) -> dict[str, dict]:
    """Label-free rows beside the mean waveform, which is told labels of others and the laboratory's foot strikes."""
    made = {}
    for name, found in (("cmu", walks), ("p03", lone)):
        rows = found.methods.set_index("method")
        for measure in BESIDE:
            ours, peer = (float(rows.loc[m, measure]) for m in ("label_free", "mean_waveform"))
            if np.isfinite(ours) and np.isfinite(peer):
                made[f"label_free_{name}_{measure}"] = _figure(ours, peer, "not above the mean waveform", ours <= peer)
    return made


def interval_figures(virtual: Path, work: Path) -> dict[str, dict]:
    """Coverage of 90 % intervals on virtual persons, none of whom taught the network, calibrated by the others."""
    corpus = Corpus(virtual)
    people = [s.code for s in corpus.subjects()]
    config = resolve_config({"network": "conv1d", "seed": SEED})
    checkpoint = train(read_training_set(corpus, people[:N_TAUGHT], OUTPUT_KINDS, mirror=True), config)
    estimates = apply_checkpoint(checkpoint, virtual, work / "population.h5")
    errors = {s: e for s, e in absolute_errors(virtual, estimates).items() if s in set(people[N_TAUGHT:])}
    table = coverage_table(errors, "conv1d")
    print("\n90 % intervals on unseen persons of the population")
    print(table.drop(columns=["method", "level"]).to_string(index=False))
    held = 100.0 * float(table["coverage"].mean())
    frames = [np.concatenate([errors[s][t] for s in errors]) for t in next(iter(errors.values()))]
    known = [e[np.isfinite(e)] for e in frames if np.isfinite(e).any()]
    print(f"{len(known)} coordinates, {len(errors)} persons")
    return {"interval_coverage_pct": _figure(held, None, "88 to 92 % on unseen persons", 88.0 <= held <= 92.0)}


def _figure(ours: float, peer: float | None, goal: str, met: bool) -> dict:
    ratio = ours / peer if peer else None
    return {"ours": float(ours), "peer": peer, "ratio": ratio, "goal": goal, "met": bool(met)}


if __name__ == "__main__":
    print(json.dumps({"figures": figures(Path(sys.argv[1]) if len(sys.argv) > 1 else None)}))
