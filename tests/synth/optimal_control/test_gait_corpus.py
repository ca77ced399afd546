"""Laws of reference and baseline corpora: they keep the records, stay inside the solved cycles, and say what failed."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial
from mocap_import.trial_store import write_trial
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import save_skeleton
from opensim_models.motion import SegmentMotion
from synth.corpus import Corpus, CorpusTrial, CorpusWriter, ImuErrors
from synth.imu.placement import scaled_placements
from synth.imu.simulation import simulate_imu
from synth.optimal_control.baseline import build_baseline_corpus
from synth.optimal_control.cli import gait_app
from synth.optimal_control.gait.gait_samples import sample_gait
from synth.optimal_control.generate import generate_gait
from synth.optimal_control.recording.gait_window import choose_windows
from synth.optimal_control.reference import build_reference_corpus

RATE = 100.0
SUBJECT = Subject("S01", 75.0, 1.80, "male", 30.0)
SKELETON = planar_skeleton(SUBJECT, "de_leva")
EVERY_LANDMARK = tuple(m.name for m in SKELETON.markers)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A walk over two plates, its planar skeleton and its IMU corpus; the second trial of the corpus stands still."""
    folder = tmp_path_factory.mktemp("archive")
    solution = generate_gait(SUBJECT, 1.3, seed=1)
    assert solution.converged, solution.reason
    n = round(2.6 * solution.duration * RATE)
    samples = sample_gait(solution.movement, np.arange(n) / RATE)
    states = segment_states(SKELETON, list(samples.coordinates.T))
    places = [
        np.stack(
            [np.broadcast_to(c, n) for c in point_position(states[SKELETON.segment_index(m.segment)], m.offset)], -1
        )
        for m in SKELETON.markers
    ]
    reactions = tuple(_plate(samples, i, foot) for i, foot in enumerate(("right", "left")))
    events = tuple(
        replace(e, time=e.time + k * solution.duration)
        for k in range(3)
        for e in solution.events
        if e.time + k * solution.duration < n / RATE
    )
    events = tuple(GaitEvent(e.time, e.foot, e.kind, "file") for e in sorted(events, key=lambda e: e.time))
    trial = MarkerTrial(
        "walk_01",
        SUBJECT,
        EVERY_LANDMARK,
        np.stack(places, axis=1),
        RATE,
        "walk",
        ground_reactions=reactions,
        events=events,
    )
    (folder / "trials" / "S01").mkdir(parents=True)
    write_trial(folder / "trials" / "S01" / "walk_01.trial.h5", trial)
    save_skeleton(SKELETON, folder / "motion" / "S01" / "planar_skeleton.json")
    records = tuple(_record(states, p, n) for p in scaled_placements(SUBJECT.height))
    still = tuple(
        replace(r, specific_force=np.tile([0.0, 9.81, 0.0], (n, 1)), angular_velocity=np.zeros((n, 3))) for r in records
    )
    with CorpusWriter(folder / "imu.h5", seed=3) as corpus:
        errors = ImuErrors(seed=3)
        corpus.append(CorpusTrial("walk_01", SUBJECT, RATE, records, errors, events=events, task="walk"))
        corpus.append(CorpusTrial("walk_02", SUBJECT, RATE, still, errors, task="walk"))
    return folder, solution, trial


def _plate(samples, side, foot):
    """A plate that one stance of one foot hits, as a force record at the marker rate."""
    force, place = samples.forces[:, side].copy(), samples.pressures[:, side].copy()
    loaded = np.isfinite(place[:, 0])
    edges = np.flatnonzero(np.diff(np.r_[0, loaded.astype(int), 0]))
    whole = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a > 0 and b < len(loaded)]
    first, last = whole[0]
    outside = np.ones(len(force), bool)
    outside[first:last] = False
    force[outside], place[outside] = 0.0, np.nan
    return GroundReaction(force, place, np.where(outside, np.nan, 0.0), RATE, foot, f"plate {side + 1}")


def _record(states, placement, n):
    state = states[SKELETON.segment_index(placement.segment)]
    turn = np.array([[np.broadcast_to(x, n) for x in row] for row in state.rotation]).transpose(2, 0, 1)
    origin = np.stack([np.broadcast_to(x, n) for x in state.origin], axis=1)
    return simulate_imu(SegmentMotion(placement.segment, origin, Rotation.from_matrix(turn), RATE), placement)


def test_a_window_knows_which_force_is_unknown_and_wraps_the_stance_that_runs_out(archive):
    _, solution, trial = archive
    (window,) = choose_windows(trial, SKELETON, 1)
    assert window.duration == pytest.approx(solution.duration, abs=0.02)
    assert window.force_coverage > 0.95
    right, left = window.ground_reactions
    vertical = right.force[:, 1] + left.force[:, 1]
    assert np.nanmean(vertical) == pytest.approx(SUBJECT.body_weight, rel=0.05)
    beside = replace(trial, ground_reactions=(trial.ground_reactions[0],))
    (lonely,) = choose_windows(beside, SKELETON, 1)
    assert [r.foot for r in lonely.ground_reactions] == ["right"]


def test_reference_and_baseline_share_records_and_cycles(archive, tmp_path):
    folder, solution, _ = archive
    table = build_reference_corpus(folder / "trials", folder / "motion", folder / "imu.h5", tmp_path / "reference.h5")
    assert dict(zip(table.trial, table.status, strict=True)) == {"walk_01": "converged", "walk_02": "refused"}
    assert "walk_02" in table.reason[1]
    other = build_baseline_corpus(folder / "imu.h5", tmp_path / "baseline.h5", n_workers=1)
    assert list(other.status) == ["converged", "refused"]
    assert "no gait cycle" in other.reason[1]
    imu = Corpus(folder / "imu.h5").read("S01", "walk_01")
    reference = Corpus(tmp_path / "reference.h5").read("S01", "walk_01")
    baseline = Corpus(tmp_path / "baseline.h5").read("S01", "walk_01")
    for solved in (reference, baseline):
        assert solved.rate == imu.rate
        assert solved.n_frames == imu.n_frames
        for ours, theirs in zip(solved.recordings, imu.recordings, strict=True):
            assert np.array_equal(ours.specific_force, theirs.specific_force, equal_nan=True)
    knee, guess = reference.kinematics.of("knee_angle_r"), baseline.kinematics.of("knee_angle_r")
    inside = np.isfinite(knee)
    assert inside.sum() == pytest.approx(solution.duration * RATE, abs=2)
    truth = sample_gait(solution.movement, np.arange(imu.n_frames) / RATE).coordinates[:, 4]
    assert np.degrees(np.abs(knee - truth)[inside]).mean() < 1.5
    assert np.isfinite(guess[inside]).all()
    for solved in (reference, baseline):
        (fact,) = solved.solutions
        assert solved.skeleton.coordinate_names == solved.kinematics.coordinates
        assert fact.converged and fact.iterations > 0 and fact.objective > 0 and fact.n_nodes > 20
        shown = np.flatnonzero(np.isfinite(solved.kinematics.of("knee_angle_r"))) / RATE
        assert (fact.start, fact.end) == pytest.approx((shown[0], shown[-1] + 1 / RATE))
    assert 0 < reference.solutions[0].residual_share < 0.1 and reference.solutions[0].cpu_seconds > 0
    assert Corpus(tmp_path / "baseline.h5").read("S01", "walk_02").skeleton is None
    assert reference.kinetics.ground_reactions[0].force.shape == (imu.n_frames, 3)
    assert reference.spatiotemporal["speed"] == pytest.approx(1.3, abs=0.03)
    # the trial file of walk_02 is missing, an error: the next run tries that trial, and only that, again
    assert [path.name for path in tmp_path.glob("*.parts")] == ["reference.h5.parts"]


def test_an_interrupted_run_goes_on(archive, tmp_path):
    """What is solved already is not solved again."""
    folder, _, _ = archive
    out = tmp_path / "baseline.h5"
    with pytest.raises(KeyboardInterrupt):
        build_baseline_corpus(folder / "imu.h5", out, progress=_StopAfterFirst)
    parts = tmp_path / "baseline.h5.parts"
    kept = {p.name: p.stat().st_mtime_ns for p in parts.glob("*.h5")}
    assert kept
    assert not out.exists()


class _StopAfterFirst:
    def __init__(self, *_args):
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        return None

    def __call__(self, _outcome=None):
        raise KeyboardInterrupt


def test_commands_say_what_is_missing(tmp_path):
    run = CliRunner().invoke
    answer = run(gait_app, ["baseline", str(tmp_path / "none.h5"), str(tmp_path / "out.h5")])
    assert answer.exit_code == 1
    assert "none.h5" in answer.output
    answer = run(gait_app, ["reference", str(tmp_path / "a"), str(tmp_path / "b"), "imu.h5", "out.h5", "--json"])
    assert answer.exit_code == 1
    assert "kinesynth import" in answer.output
    answer = run(gait_app, ["predict", str(tmp_path / "out.h5"), "--speed", "7"])
    assert answer.exit_code == 1
    assert "walking range" in answer.output
    for command in ("predict", "reference", "baseline"):
        assert "Example" in run(gait_app, [command, "--help"]).output


@pytest.mark.slow
def test_predict_writes_a_corpus(tmp_path):
    answer = CliRunner().invoke(gait_app, ["predict", str(tmp_path / "gait.h5"), "--seed", "2", "--json"])
    assert answer.exit_code == 0, answer.output
    (key,) = Corpus(tmp_path / "gait.h5").trials()
    assert Corpus(tmp_path / "gait.h5").read(*key).status == "predicted"
