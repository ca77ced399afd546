"""Scale: what a trial costs in every stage, and what a million of them cost on a cluster.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/scale.py ARCHIVE [--files 6] [--people 10]
The first files of an archive go through every stage, one process at a time. CPU seconds of a task are those of its
function alone; what the command spends on each of them (ledger, hashes, merging) and what a process costs to start
stand apart, since the one happens in one place and the other once a process. The last line is JSON: the constants of
docs/scale.md. Without ARCHIVE only the overheads are measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.archive.run import convert_archive
from mocap_import.batch import Outcome, Task
from mocap_import.engine import LocalEngine, open_engine
from mocap_import.subject import Subject
from opensim_models.archive.subject_motion import solve_archive_motion
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter, ImuErrors, check_corpus, merge_corpora
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording
from synth.motion_corpus import build_motion_corpus
from synth.optimal_control.baseline import build_baseline_corpus
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.run import build_population
from synth.optimal_control.reference import build_reference_corpus
from synth.record_settings import RecordSettings
from training.evaluation import evaluate

N_PARTS, N_FRAMES, N_NOTHINGS = 400, 500, 2000


@dataclass
class MeasuredEngine:
    """A local engine that adds up what its tasks cost."""

    tasks: int = 0
    cpu: float = 0.0
    peak: int = 0

    n_workers = 1

    def run(self, tasks: list[Task], **limits: Any) -> Iterator[Outcome]:
        """Outcomes of the local engine."""
        for outcome in LocalEngine(1).run(tasks, **limits):
            self.tasks += 1
            self.cpu += outcome.cpu_seconds
            self.peak = max(self.peak, outcome.peak_memory)
            yield outcome

    def check_shared(self, *_: Path) -> None:
        """All is on this machine."""

    def check_shared_files(self, *_: Path) -> None:
        """All is on this machine."""


def cpu_seconds() -> tuple[float, float]:
    """CPU seconds of this process, and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def folder_bytes(place: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in (place.rglob("*") if place.is_dir() else [place]) if p.is_file())


def n_refused(product: Path) -> int:
    """Trials of a corpus that hold no solution; 0 of anything else."""
    if product.suffix != ".h5":
        return 0
    return sum(row["status"] == "refused" for row in Corpus(product).summary())


def stage(name: str, work: Callable[[MeasuredEngine], Any], product: Path, n_trials: Callable[[], int]) -> dict:
    """Do a stage and say what it cost a trial."""
    engine, began = MeasuredEngine(), cpu_seconds()
    work(engine)
    own, children = (after - before for after, before in zip(cpu_seconds(), began, strict=True))
    n = n_trials()
    refused, spent = n_refused(product), engine.cpu if engine.tasks else own
    found = {
        "trials": n,
        "refused": refused,
        "cpu_s": round(spent / n, 4),
        "cpu_s_if_none_were_refused": round(spent / max(1, n - refused), 4),
        "command_cpu_s": round(own / n, 4) if engine.tasks else 0.0,
        "start_cpu_s": round(max(0.0, children - engine.cpu), 2),
        "bytes": round(folder_bytes(product) / n),
        "peak_memory_mb": round(engine.peak / 1e6),
    }
    print(f"{name:12}", found, flush=True)
    return found


def stages(archive: Path, n_files: int, people: int, folder: Path) -> dict[str, dict]:
    """Every stage on some files of an archive, and a population of virtual people."""
    lab, trials, motion = folder / "lab", folder / "trials", folder / "motion"
    for source in sorted(archive.rglob("*.c3d"))[:n_files]:
        place = lab / source.relative_to(archive)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
    imu, reference, baseline = (folder / f"{name}.h5" for name in ("imu", "reference", "baseline"))

    def in_corpus(path: Path) -> Callable[[], int]:
        return lambda: len(Corpus(path).trials())

    found = {
        "import": stage(
            "import",
            lambda engine: convert_archive(lab, trials, engine=engine, participants=_table(archive)),
            trials,
            lambda: len(list(lab.rglob("*.c3d"))),
        )
    }
    found["import"]["c3d_bytes"] = round(folder_bytes(lab) / found["import"]["trials"])
    found["motion"] = stage(
        "motion",
        lambda engine: solve_archive_motion(trials, motion, engine=engine),
        motion,
        lambda: sum(path.name != "static.mot" for path in motion.glob("*/*.mot")),
    )
    recipe = RecordSettings(ImuErrors(seed=7))
    found["imu"] = stage("imu", lambda _: build_motion_corpus(trials, motion, imu, recipe), imu, in_corpus(imu))
    found["reference"] = stage(
        "reference",
        lambda engine: build_reference_corpus(trials, motion, imu, reference, engine=engine),
        reference,
        in_corpus(reference),
    )
    found["baseline"] = stage(
        "baseline", lambda engine: build_baseline_corpus(imu, baseline, engine=engine), baseline, in_corpus(baseline)
    )
    found["evaluate"] = stage(
        "evaluate",
        lambda engine: evaluate(reference, baseline, "baseline", engine=engine).to_csv(folder / "errors.csv"),
        folder / "errors.csv",
        in_corpus(baseline),
    )
    virtual = folder / "people.h5"
    found["population"] = stage(
        "population",
        lambda engine: build_population(PopulationRequest(people, 7), virtual, engine=engine),
        virtual,
        in_corpus(virtual),
    )
    return found


def _table(archive: Path) -> Path | None:
    table = archive / "participants.csv"
    return table if table.is_file() else None


def corpus_overheads(folder: Path) -> dict[str, float]:
    """CPU milliseconds a trial to merge, open, check and read a corpus, and bytes beyond its arrays."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((N_FRAMES, 3)) + 9.8
    records = tuple(ImuRecording(placement, values, values, 100.0) for placement in SEVEN_SENSORS)
    motion = Kinematics(tuple(f"q{i}" for i in range(23)), rng.standard_normal((N_FRAMES, 23)), 100.0)
    parts = []
    for number in range(N_PARTS):
        parts.append(folder / f"part_{number:05d}.h5")
        with CorpusWriter(parts[-1]) as writer:
            writer.append(
                CorpusTrial(f"t{number:05d}", Subject(f"S{number % 40}", 70, 1.7), 100.0, records, ImuErrors(), motion)
            )
    whole, found = folder / "whole.h5", {}

    def timed(name: str, work: Callable[[], Any]) -> None:
        began = time.process_time()
        work()
        found[name] = round(1e3 * (time.process_time() - began) / N_PARTS, 3)

    timed("merge_ms", lambda: merge_corpora(parts, whole, role="motion"))
    timed("open_ms", lambda: Corpus(whole).trials())
    timed("check_ms", lambda: list(check_corpus(whole)))
    corpus = Corpus(whole)
    timed("read_ms", lambda: [corpus.read(*key, clean=True) for key in corpus.trials()])
    arrays = N_FRAMES * (7 * 6 * 4 + 23 * 8)
    return found | {"bytes_beyond_arrays": round(whole.stat().st_size / N_PARTS - arrays)}


def dask_overheads() -> dict[str, float]:
    """Wall and CPU milliseconds of the command for one task that does nothing, on each engine."""
    found = {}
    tasks = [Task(str(number), "os:getpid") for number in range(N_NOTHINGS)]
    for word in ("local", "dask"):
        with open_engine(word, n_workers=2) as engine, tempfile.TemporaryDirectory() as folder:
            list(engine.run(tasks[:20]))  # processes have started
            began, wall = time.process_time(), time.perf_counter()
            list(engine.run(tasks, ledger=Path(folder) / "run.sqlite"))
            found[f"{word}_wall_ms"] = round(1e3 * (time.perf_counter() - wall) / N_NOTHINGS, 2)
            found[f"{word}_command_cpu_ms"] = round(1e3 * (time.process_time() - began) / N_NOTHINGS, 2)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, nargs="?")
    parser.add_argument("--files", type=int, default=17)
    parser.add_argument("--people", type=int, default=10)
    asked = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "parts").mkdir()
        result["corpus"] = corpus_overheads(place / "parts")
        print("corpus      ", result["corpus"], flush=True)
        result["engine"] = dask_overheads()
        print("engine      ", result["engine"], flush=True)
        if asked.archive is not None:
            result["stages"] = stages(asked.archive, asked.files, asked.people, place)
    print(json.dumps({"benchmark": "scale", **result}))


if __name__ == "__main__":
    main()
