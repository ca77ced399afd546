"""Sensors of clusters in one go: what the fit and the sensor give one after the other, in chunks of any size."""

import gc
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from mocap_import.trial_reader import read_trial
from synth.imu.cluster_imu import CHUNK, cluster_imu, stream_cluster_imu
from synth.imu.marker_cluster import MarkerCluster, cluster_motion, make_cluster
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import simulate_imu

RATE = 100.0
SEGMENTS = ("pelvis", "tibia_r", "calcn_r")
PARTS = {"tibia_r": "R.Shank", "femur_r": "R.Thigh", "tibia_l": "L.Shank", "femur_l": "L.Thigh", "calcn_l": "L.Heel"}


def worn(segments, rng):
    sensors = [(f"{segment}_{k}", segment) for segment in segments for k in range(2)]
    return tuple(
        SensorPlacement(name, segment, rng.uniform(-0.2, 0.2, 3), Rotation.random(random_state=rng))
        for name, segment in sensors
    )


def moving_clusters(rng, n, lost=0.0, jitter=5e-4):
    """A trial of three tumbling clusters, and what they are."""
    time = np.arange(n) / RATE
    labels, clusters, positions = [], [], []
    for segment in SEGMENTS:
        frequency, phase = np.array([0.3, 1.0, 2.0, 5.0])[:, None, None], rng.uniform(0, 6, (4, 6, 1))
        wave = (np.sin(2 * np.pi * frequency * time + phase) / frequency).sum(axis=0).T
        reference = rng.uniform(-0.1, 0.1, (4, 3))
        names = [f"{segment}{k}" for k in range(4)]
        matrix = Rotation.from_rotvec(0.4 * wave[:, :3]).as_matrix()
        positions.append(0.1 * wave[:, None, 3:] + np.einsum("nij,mj->nmi", matrix, reference))
        clusters.append(make_cluster(segment, names, reference))
        labels += names
    whole = np.concatenate(positions, axis=1)
    whole += jitter * rng.standard_normal(whole.shape)
    whole[rng.random(whole.shape[:2]) < lost] = np.nan
    return MarkerTrial("tumble", Subject("S1"), tuple(labels), whole, RATE), clusters


def one_after_the_other(trial, clusters, placements, **options):
    motions = {cluster.segment: cluster_motion(trial, cluster) for cluster in clusters}
    return [simulate_imu(motions[placement.segment], placement, **options) for placement in placements]


def joined(stream):
    parts = list(stream)
    return [
        [np.concatenate([getattr(records[k], name) for records in parts]) for name in FIELDS]
        for k in range(len(parts[0]))
    ]


FIELDS = ("specific_force", "angular_velocity")


def assert_same(records, others, atol):
    for record, other in zip(records, others, strict=True):
        assert record.placement == other.placement
        for name in FIELDS:
            np.testing.assert_allclose(getattr(record, name), getattr(other, name), atol=atol, rtol=0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), lost=st.sampled_from([0.0, 0.02, 0.3]), cutoff=st.sampled_from([None, 6.0, 20.0]))
def test_one_go_is_the_fit_and_then_the_sensor(seed, lost, cutoff):
    rng = np.random.default_rng(seed)
    trial, clusters = moving_clusters(rng, 300, lost)
    placements = worn(SEGMENTS, rng)
    found = cluster_imu(trial, clusters, placements, cutoff=cutoff)
    assert_same(found, one_after_the_other(trial, clusters, placements, cutoff=cutoff), 1e-9)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=12), lost=st.sampled_from([0.0, 0.05]))
def test_a_stream_is_the_whole_trial_bit_for_bit(cuts, lost):
    rng = np.random.default_rng(7)
    trial, clusters = moving_clusters(rng, 400, lost)
    placements = worn(SEGMENTS, rng)
    whole = cluster_imu(trial, clusters, placements)
    chunks = np.split(trial.positions, sorted(cuts))
    streamed = joined(stream_cluster_imu(chunks, trial.labels, RATE, clusters, placements))
    for record, parts in zip(whole, streamed, strict=True):
        for name, part in zip(FIELDS, parts, strict=True):
            np.testing.assert_array_equal(part, getattr(record, name))


@pytest.mark.parametrize("size", [1, 50, 333, CHUNK])
def test_a_filtered_stream_is_the_whole_trial_to_the_filters_memory(size):
    rng = np.random.default_rng(8)
    trial, clusters = moving_clusters(rng, 1500 if size > 1 else 300, lost=0.002)
    placements = worn(SEGMENTS, rng)
    cutoff = {"pelvis": 6.0, "calcn_r": 15.0}  # and the shank as it is
    chunks = (trial.positions[k : k + size] for k in range(0, trial.n_frames, size))
    streamed = joined(stream_cluster_imu(chunks, trial.labels, RATE, clusters, placements, cutoff=cutoff))
    motions = {cluster.segment: cluster_motion(trial, cluster) for cluster in clusters}
    for placement, parts in zip(placements, streamed, strict=True):
        whole = simulate_imu(motions[placement.segment], placement, cutoff=cutoff.get(placement.segment))
        for name, part in zip(FIELDS, parts, strict=True):
            np.testing.assert_allclose(part, getattr(whole, name), atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("method", "cutoff"), [("spline", None), ("spline", 12.0), ("smoothing_spline", 8.0), ("butterworth", 8.0)]
)
def test_every_method_streams(method, cutoff):
    rng = np.random.default_rng(13)
    trial, clusters = moving_clusters(rng, 1200, lost=0.002)
    placements = worn(SEGMENTS, rng)
    chunks = np.split(trial.positions, [300, 310, 800])
    options = {"method": method, "cutoff": cutoff}
    streamed = joined(stream_cluster_imu(chunks, trial.labels, RATE, clusters, placements, **options))
    for record, parts in zip(one_after_the_other(trial, clusters, placements, **options), streamed, strict=True):
        for name, part in zip(FIELDS, parts, strict=True):
            np.testing.assert_allclose(part, getattr(record, name), atol=1e-8, rtol=0)


def peak_of_a_stream(n_chunks):
    """Most memory (bytes) that a stream of so many chunks held."""
    rng = np.random.default_rng(9)
    part, clusters = moving_clusters(rng, 1000)
    placements = worn(SEGMENTS, rng)

    def chunk():
        """What is garbage already is not held: without this, the peak depends on when Python looks for cycles."""
        gc.collect()
        return part.positions

    chunks = (chunk() for _ in range(n_chunks))
    gc.collect()
    tracemalloc.start()
    n = sum(
        len(records[0].specific_force)
        for records in stream_cluster_imu(chunks, part.labels, RATE, clusters, placements, cutoff=10.0)
    )
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 1000 * n_chunks
    return used


def test_memory_of_a_stream_does_not_grow_with_the_trial(repository):
    """In a process of its own: what other threads of a test run keep (those of Dask do) would be counted, too."""
    environment = os.environ | {"PYTHONPATH": str(repository)}
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True, env=environment)
    short, long = map(int, done.stdout.split())
    assert long < 1.05 * short


def test_a_runner_reads_the_same_in_one_go_and_one_after_the_other(data_dir):
    trial = read_trial(data_dir / "rbds_running/RBDS001/RBDS001runT35.c3d")
    clusters = []
    for segment, part in PARTS.items():
        labels = [label for label in trial.labels if label.startswith(part)]
        seen = np.stack([trial.marker(label) for label in labels], axis=1)[0]
        clusters.append(make_cluster(segment, labels, seen - seen.mean(axis=0)))
    placements = worn(PARTS, np.random.default_rng(10))
    for cutoff in (10.0, None):
        found = cluster_imu(trial, clusters, placements, cutoff=cutoff)
        assert_same(found, one_after_the_other(trial, clusters, placements, cutoff=cutoff), 1e-8)


@pytest.mark.parametrize("n_frames", [0, 1, 2, 3])
def test_short_trials_have_records_of_their_length(n_frames):
    rng = np.random.default_rng(11)
    trial, clusters = moving_clusters(rng, n_frames)
    for record in cluster_imu(trial, clusters, worn(SEGMENTS, rng)):
        assert record.specific_force.shape == (n_frames, 3)
        assert np.isfinite(record.specific_force).all(axis=1).sum() == max(0, n_frames - 2)
    assert cluster_imu(trial, clusters, ()) == ()


def test_what_cannot_be_simulated_is_refused_in_one_sentence():
    rng = np.random.default_rng(12)
    trial, clusters = moving_clusters(rng, 20)
    shank = SensorPlacement("shank_r", "tibia_r")
    with pytest.raises(
        ValueError, match=r"'thigh_r' is mounted on 'femur_r', which has no marker cluster \(clusters: pel"
    ):
        cluster_imu(trial, clusters, [SensorPlacement("thigh_r", "femur_r")])
    with pytest.raises(ValueError, match=r"two clusters or more of tibia_r"):
        cluster_imu(trial, [*clusters, clusters[1]], [shank])
    with pytest.raises(ValueError, match=r"cut-off of tibia_r is 60 Hz, expected between 0 and 50 Hz"):
        cluster_imu(trial, clusters, [shank], cutoff={"tibia_r": 60.0})
    other = MarkerCluster("tibia_r", ("A", "B", "tibia_r0"), np.eye(3), np.ones(3))
    with pytest.raises(ValueError, match=r"cluster of tibia_r has the marker A, B, which the trial lacks"):
        cluster_imu(trial, [other], [shank])
    with pytest.raises(ValueError, match=r"method 'magic' is unknown; expected one of central_difference"):
        cluster_imu(trial, clusters, [shank], method="magic")
    with pytest.raises(ValueError, match=r"'butterworth' needs a cut-off for tibia_r where the trial passes in chunks"):
        cluster_imu(trial, clusters, [shank], method="butterworth")
    with pytest.raises(ValueError, match=r"rate must be a positive number"):
        stream_cluster_imu([], trial.labels, 0.0, clusters, [shank])
    with pytest.raises(ValueError, match=r"chunk has the shape \(5, 3\), expected \(frames, 12, 3\)"):
        next(stream_cluster_imu([np.zeros((5, 3))], trial.labels, RATE, clusters, [shank]))


if __name__ == "__main__":
    peak_of_a_stream(2)
    print(peak_of_a_stream(4), peak_of_a_stream(40))
