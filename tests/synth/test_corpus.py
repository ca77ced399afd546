"""The corpus gives back what was written, the same on each read, the same bytes on each build, and trusts no file."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton, SkeletonMarker
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, ImuErrors, check_corpus, merge_corpora
from synth.corpus.provenance import Provenance, file_hash, versions
from synth.corpus.subject_split import leave_one_subject_out
from synth.corpus.trial import SolutionFacts
from synth.imu.recording import ImuRecording, SensorPlacement

COORDINATES = ("pelvis_tilt", "pelvis_tx", "knee_angle_r")


def make_skeleton(name="S01"):
    """A pendulum that slides, with limits that are infinite and a muscle-less segment of every kind of number."""
    hinge = JointElement("rotation", (0.0, 0.0, 1.0), 1)
    slide = JointElement("translation", (1.0, 0.0, 0.0), 0)
    leg = Segment("leg", -1, elements=(slide, hinge), mass=7.5, inertia=(0.1, 0.02, 0.1, 0.0, 0.0, 0.0))
    free, limited = Coordinate("pelvis_tx", "translation"), Coordinate("knee_angle_r", "rotation", -2.0, 0.1)
    return Skeleton(name, (free, limited), (leg,), (SkeletonMarker("RKNE", "leg", (0.1, 1 / 3, 0.0)),), notes=("é",))


def make_trial(name="walk_01", code="S01", n=40, seed=0, **changes):
    rng = np.random.default_rng([seed, *name.encode(), *code.encode()])
    recordings = tuple(
        ImuRecording(
            SensorPlacement(sensor, segment, rng.standard_normal(3), Rotation.random(rng=rng)),
            rng.standard_normal((n, 3)) + np.array([0.0, 9.8, 0.0]),
            rng.standard_normal((n, 3)),
            100.0,
        )
        for sensor, segment in (("pelvis", "pelvis"), ("shank_r", "tibia_r"))
    )
    values = rng.standard_normal((n, 3))
    values[3:6, 1] = np.nan
    reactions = tuple(
        GroundReaction(
            rng.standard_normal((n, 3)), rng.standard_normal((n, 3)), rng.standard_normal(n), 100.0, foot, "p"
        )
        for foot in ("right", "left")
    )
    kinetics = Kinetics(COORDINATES, values * 10, 100.0, reactions, ("soleus_r",), rng.uniform(size=(n, 1)))
    trial = CorpusTrial(
        name=name,
        subject=Subject(code, 70.5, 1.75, "female"),
        rate=100.0,
        recordings=recordings,
        errors=ImuErrors(seed=7),
        kinematics=Kinematics(COORDINATES, values, 100.0),
        kinetics=kinetics,
        events=(GaitEvent(0.1, "right", "foot_strike", "force"), GaitEvent(0.3, "left", "foot_off", "markers")),
        task="walk",
        belt_speed=1.25,
        spatiotemporal={"oddity": 3.0, "speed": 1.25, "step_length_r": 0.7},
        status="converged",
        reason="déjà vu",
        source="lab/walk 01.c3d",
        source_hash=hashlib.sha256(f"{code}/{name}".encode()).hexdigest(),
        treatments=(Treatment("gap_filled", "LKNE: 3 frames"),),
        seconds=1.5,
        start_time=12.34,
        session="day 2",
        skeleton=make_skeleton(code),
        solutions=(SolutionFacts(0.1, 0.3, True, 2.5, 40, 1.5, 20, 0.01), SolutionFacts(0.2, 0.4, False, 9.0, 300)),
    )
    return replace(trial, **changes)


def write(path, *trials, **options):
    with CorpusWriter(path, **options) as corpus:
        for trial in trials or (make_trial(),):
            corpus.append(trial)
    return path


def same(first, second, atol=0.0):
    np.testing.assert_allclose(np.asarray(first), np.asarray(second), rtol=0, atol=atol)


def assert_same_trial(found, given):
    plain = {"recordings": (), "kinematics": None, "kinetics": None}
    assert repr(replace(found, **plain)) == repr(replace(given, **plain))
    for a, b in zip(found.recordings, given.recordings, strict=True):
        assert (a.placement.sensor, a.placement.segment, a.rate) == (b.placement.sensor, b.placement.segment, b.rate)
        same(a.placement.offset, b.placement.offset)
        same(a.placement.mounting.as_matrix(), b.placement.mounting.as_matrix(), 1e-12)
        np.testing.assert_allclose(a.specific_force, b.specific_force, rtol=1e-7)  # float32
        np.testing.assert_allclose(a.angular_velocity, b.angular_velocity, rtol=1e-7)
    if given.kinematics is not None:
        same(found.kinematics.values, given.kinematics.values)
        assert found.kinematics.coordinates == given.kinematics.coordinates
    if given.kinetics is not None:
        same(found.kinetics.generalized_forces, given.kinetics.generalized_forces)
        same(found.kinetics.activations, given.kinetics.activations)
        for a, b in zip(found.kinetics.ground_reactions, given.kinetics.ground_reactions, strict=True):
            assert (a.foot, a.name, a.rate) == (b.foot, b.name, b.rate)
            same(a.force, b.force)
            same(a.centre_of_pressure, b.centre_of_pressure)
            same(a.free_moment, b.free_moment)


def test_what_was_written_is_read(tmp_path):
    given = [make_trial("walk_01"), make_trial("walk_02"), make_trial("walk_01", "S02")]
    splits = leave_one_subject_out(["S01", "S02"])
    options = {"role": "reference", "config": {"weight": 2, "path": "x"}, "seed": 3, "sources": {"a.c3d": "ff"}}
    corpus = Corpus(write(tmp_path / "c.h5", *given, splits=splits, **options))
    assert corpus.role == "reference"
    assert corpus.provenance == Provenance(versions(), 3, options["config"], options["sources"])
    assert corpus.splits == splits
    assert corpus.trials() == [("S01", "walk_01"), ("S01", "walk_02"), ("S02", "walk_01")]
    assert repr(corpus.subjects()) == repr([Subject("S01", 70.5, 1.75, "female"), Subject("S02", 70.5, 1.75, "female")])
    for trial in given:
        assert_same_trial(corpus.read(trial.subject.code, trial.name, clean=True), trial)
    assert check_corpus(corpus.path) == []
    assert corpus.summary()[0]["n_frames"] == 40


@settings(max_examples=15, deadline=None)
@given(
    name=st.text(st.characters(exclude_characters="/", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30),
    n=st.integers(0, 5),
    n_coordinates=st.integers(0, 3),
    holes=st.lists(st.integers(0, 14), max_size=5),
    status=st.sampled_from(("measured", "refused")),
)
def test_wild_names_empty_arrays_and_gaps_survive(tmp_path_factory, name, n, n_coordinates, holes, status):
    if name in {".", ".."}:
        return
    values = np.arange(float(n * n_coordinates)).reshape(n, n_coordinates)
    values.reshape(-1)[[hole for hole in holes if hole < values.size]] = np.nan
    names = tuple(f"q{i}" for i in range(n_coordinates))
    trial = CorpusTrial(
        name, Subject(name), 60.0, kinematics=Kinematics(names, values, 60.0), status=status, reason=name
    )
    path = write(tmp_path_factory.mktemp("wild") / "c.h5", trial)
    assert_same_trial(Corpus(path).read(name, name), trial)
    assert not [finding for finding in check_corpus(path) if finding.level == "error"]


def test_every_reader_gets_identical_records_with_the_stored_errors(tmp_path):
    path = write(tmp_path / "c.h5", make_trial("walk_01"), make_trial("walk_02"))
    first, again = Corpus(path), pickle.loads(pickle.dumps(Corpus(path)))  # noqa: S301  (our own object)
    again.read("S01", "walk_02")
    a, b = first.read("S01", "walk_01"), again.read("S01", "walk_01")
    clean = first.read("S01", "walk_01", clean=True)
    for x, y, z in zip(a.recordings, b.recordings, clean.recordings, strict=True):
        np.testing.assert_array_equal(x.specific_force, y.specific_force)
        np.testing.assert_array_equal(x.angular_velocity, y.angular_velocity)
        assert not np.allclose(x.specific_force, z.specific_force)


def test_a_memory_map_shows_the_clean_records(tmp_path):
    corpus = Corpus(write(tmp_path / "c.h5", make_trial("a"), make_trial("b")))
    mapped = corpus.map_imu("S01", "b")
    clean = corpus.read("S01", "b", clean=True).recordings
    assert mapped.shape == (40, 2, 6) and mapped.dtype == np.float32
    assert mapped.offset % 64 == 0
    same(mapped[:, 1, 3:], clean[1].angular_velocity)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    """Also when it is resumed half-way or joined from parts in any order, and in another process."""
    trials = [make_trial("walk_01"), make_trial("walk_02"), make_trial("walk_01", "S02")]
    options = {"seed": 3, "config": {"b": 1, "a": 2}}
    whole = file_hash(write(tmp_path / "whole.h5", *trials, **options))
    assert file_hash(write(tmp_path / "again.h5", *trials, **options)) == whole
    half = write(tmp_path / "half.h5", *trials[:2], **options)
    with CorpusWriter(tmp_path / "resumed.h5", resume_from=half, **options) as corpus:
        for trial in trials:
            if not corpus.has(trial.subject.code, trial.name):
                corpus.append(trial)
    assert file_hash(tmp_path / "resumed.h5") == whole
    parts = [write(tmp_path / f"part_{i}.h5", trial) for i, trial in enumerate(trials)]
    assert merge_corpora(parts[::-1], tmp_path / "merged.h5", **options) == 3
    assert file_hash(tmp_path / "merged.h5") == whole
    time.sleep(1.1)  # HDF5 would store modification times in whole seconds
    code = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_corpus import make_trial, write
        trials = [make_trial("walk_01"), make_trial("walk_02"), make_trial("walk_01", "S02")]
        write(Path({str(tmp_path / "elsewhere.h5")!r}), *trials, seed=3, config={{"b": 1, "a": 2}})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    assert file_hash(tmp_path / "elsewhere.h5") == whole


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "a/b"}, "'a/b' cannot be stored"),
        ({"name": ""}, "cannot be stored"),
        ({"status": "maybe"}, "status 'maybe' is unknown; expected one of measured"),
        ({"rate": 0.0}, "expected a rate above 0 Hz"),
        ({"rate": 50.0}, "pelvis specific_force is sampled at 100.0 Hz, the trial at 50.0 Hz"),
        ({"kinematics": Kinematics(COORDINATES, np.zeros((39, 3)), 100.0)}, r"kinematics has shape \(39, 3\)"),
        ({"kinematics": Kinematics(COORDINATES, np.full((40, 3), np.inf), 100.0)}, "infinite"),
        ({"recordings": make_trial().recordings[:1] * 2}, "a sensor occurs twice"),
    ],
)
def test_a_trial_that_does_not_fit_is_refused_and_the_others_are_kept(tmp_path, changes, sentence):
    with CorpusWriter(tmp_path / "c.h5") as corpus:
        corpus.append(make_trial("good"))
        with pytest.raises(CorpusMismatch, match=sentence):
            corpus.append(make_trial(**changes))
    assert Corpus(tmp_path / "c.h5").trials() == [("S01", "good")]
    assert check_corpus(tmp_path / "c.h5") == []


def test_one_code_is_one_person_and_one_name_one_trial(tmp_path):
    with CorpusWriter(tmp_path / "c.h5") as corpus:
        corpus.append(make_trial())
        with pytest.raises(CorpusMismatch, match="One code is one person"):
            corpus.append(make_trial("walk_02", subject=Subject("S01", 99.0)))
        with pytest.raises(CorpusMismatch, match="is in the corpus already"):
            corpus.append(make_trial())


def test_an_error_while_writing_leaves_the_old_corpus(tmp_path):
    before = file_hash(write(tmp_path / "c.h5"))
    with pytest.raises(RuntimeError), CorpusWriter(tmp_path / "c.h5") as corpus:
        corpus.append(make_trial("walk_02"))
        raise RuntimeError("solver failed")
    assert file_hash(tmp_path / "c.h5") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.h5", "c.h5.times.csv"]


def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path):
    path = tmp_path / "c.h5"
    with CorpusWriter(path) as corpus:
        with pytest.raises(CorpusMismatch, match="another process is writing this corpus"), CorpusWriter(path):
            pass
        corpus.append(make_trial())
    assert Corpus(path).trials() == [("S01", "walk_01")]
    write(path, make_trial("later"))
    assert sorted(item.name for item in tmp_path.iterdir()) == ["c.h5", "c.h5.times.csv"]


def test_a_missing_or_read_only_folder_gives_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(CorpusMismatch, match=r"c.h5 cannot be written .*Choose another folder"):
        write(tmp_path / "nowhere" / "c.h5")
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):  # root writes everywhere: let the system call refuse instead
        monkeypatch.setattr("synth.corpus.lock.os.open", _read_only)
    with pytest.raises(CorpusMismatch, match=r"Read-only|Permission denied"):
        write(folder / "c.h5")


def _read_only(path, flags, mode=0):
    raise OSError(30, "Read-only file system", str(path))


def test_a_full_disk_gives_one_sentence_and_keeps_the_old_corpus(tmp_path):
    """A limit on the file size makes every write beyond it fail, as a full disk does."""
    before = file_hash(write(tmp_path / "c.h5"))
    code = f"""
        import resource, signal, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_corpus import make_trial, write
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        from synth.corpus import CorpusMismatch
        try:
            write(Path({str(tmp_path / "c.h5")!r}), make_trial(n=5000))
        except CorpusMismatch as error:
            print(error)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "cannot be written" in run.stdout and "File too large" in run.stdout
    assert file_hash(tmp_path / "c.h5") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.h5", "c.h5.times.csv"]


def test_too_little_space_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("synth.corpus.writer.shutil.disk_usage", lambda path: usage)
    with pytest.raises(CorpusMismatch, match="1000 bytes free"):
        write(tmp_path / "c.h5")
    assert list(tmp_path.iterdir()) == []


def _kill_while_writing(folder, n_kills):
    """Write the same corpus again and again in a child, kill it at random moments; the named file is always whole."""
    path = folder / "c.h5"
    code = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_corpus import make_trial, write
        trials = [make_trial(f"walk_{{i}}") for i in range(3)]
        print("ready", flush=True)
        while True:
            write(Path({str(path)!r}), *trials)
    """
    expected = file_hash(write(path, *[make_trial(f"walk_{i}") for i in range(3)]))
    rng = np.random.default_rng(0)
    for _ in range(n_kills):
        with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.1))
            child.send_signal(signal.SIGKILL)
        assert file_hash(path) == expected
    write(path, *[make_trial(f"walk_{i}") for i in range(3)])  # neither a lock nor a leftover stands in the way
    assert sorted(item.name for item in folder.iterdir()) == ["c.h5", "c.h5.times.csv"]


def test_a_kill_while_writing_leaves_the_old_corpus(tmp_path):
    _kill_while_writing(tmp_path, 3)


@pytest.mark.slow
def test_fifty_kills_while_writing_leave_the_old_corpus(tmp_path):
    _kill_while_writing(tmp_path, 50)


def spoil_external_link(file):
    del file["subjects/S01/trials/walk_01/kinematics"]
    file["subjects/S01/trials/walk_01/kinematics"] = h5py.ExternalLink("/etc/hostname", "/")


def spoil_soft_link(file):
    del file["subjects/S01/trials/walk_01/imu"]
    file["subjects/S01/trials/walk_01/imu"] = h5py.SoftLink("/subjects")


def spoil_size(file):
    del file["subjects/S01/trials/walk_01/kinematics/values"]
    file.create_dataset("subjects/S01/trials/walk_01/kinematics/values", shape=(40, 10**10), dtype="f8")


def spoil_chunks(file):
    del file["subjects/S01/trials/walk_01/kinematics/values"]
    file.create_dataset("subjects/S01/trials/walk_01/kinematics/values", shape=(10**9, 3), dtype="f8", chunks=(1000, 3))


def spoil_external_storage(file):
    del file["subjects/S01/trials/walk_01/kinematics/values"]
    file.create_dataset(
        "subjects/S01/trials/walk_01/kinematics/values", shape=(40, 3), dtype="f8", external=[("/etc/hostname", 0, 960)]
    )


def spoil_shape(file):
    file["subjects/S01/trials/walk_01"].attrs["n_frames"] = 39


def spoil_mountings(file):
    file["subjects/S01/trials/walk_01/imu/mountings"][0] = 0.0


def spoil_skeleton(file):
    (name,) = file["skeletons"]
    del file["skeletons"][name]
    file["skeletons"].create_dataset(name, data='{"format": "kinesynth-skeleton 2"}', dtype=h5py.string_dtype())


def spoil_skeleton_name(file):
    file["skeletons/elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")
    file["subjects/S01/trials/walk_01"].attrs["skeleton"] = "elsewhere/x"


def spoil_skeleton_link(file):
    del file["skeletons"]
    file["skeletons"] = h5py.ExternalLink("/etc/hostname", "/")


def spoil_solutions(file):
    file["subjects/S01/trials/walk_01/solutions"][0] = np.nan


def spoil_group(file):
    del file["subjects/S01/trials/walk_01/events"]


def spoil_kind(file):
    del file["subjects/S01/trials/walk_01/events/foot"]
    file["subjects/S01/trials/walk_01/events/foot"] = np.zeros(2)


def spoil_attribute(file):
    del file["subjects/S01/trials/walk_01"].attrs["rate"]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_external_link, "kinematics is a ExternalLink to elsewhere"),
        (spoil_soft_link, "imu is a SoftLink to elsewhere"),
        (spoil_size, "is not stored contiguously in this file of"),
        (spoil_chunks, "is not stored contiguously in this file of"),
        (spoil_external_storage, "is not stored contiguously in this file of"),
        (spoil_shape, "expected shape"),
        (spoil_mountings, "a unit quaternion"),
        (spoil_skeleton, "does not have that SHA-256"),
        (spoil_skeleton_name, "expected the SHA-256 of a skeleton"),
        (spoil_skeleton_link, "skeletons is a ExternalLink to elsewhere"),
        (spoil_solutions, "expected counts of iterations"),
        (spoil_group, "lacks 'events'"),
        (spoil_kind, "expected text"),
        (spoil_attribute, "lacks the attribute 'rate'"),
    ],
)
def test_a_spoiled_file_is_refused_and_found_by_the_check(tmp_path, spoil, sentence):
    path = write(tmp_path / "c.h5")
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(CorpusMismatch, match=sentence):
        Corpus(path).read("S01", "walk_01")
    assert any(finding.level == "error" and finding.where == "S01/walk_01" for finding in check_corpus(path))


def test_files_that_are_no_corpus_are_refused(tmp_path):
    with pytest.raises(CorpusMismatch, match="is not a file"):
        Corpus(tmp_path / "none.h5")
    with pytest.raises(CorpusMismatch, match="is not a file"):
        Corpus(tmp_path)
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(CorpusMismatch, match="not a readable HDF5 file"):
        Corpus(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(CorpusMismatch, match="not a corpus"):
        Corpus(tmp_path / "other.h5")
    path = write(tmp_path / "newer.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = 9
    with pytest.raises(CorpusMismatch, match="schema version 9; this kinesynth reads versions 1 and 2 and 3"):
        Corpus(path)
    cut = write(tmp_path / "cut.h5")
    cut.write_bytes(cut.read_bytes()[:5000])
    with pytest.raises(CorpusMismatch, match="not a readable HDF5 file"):
        Corpus(cut)
    with pytest.raises(CorpusMismatch, match=r"holds no trial S01/run; of that subject: walk_01"):
        Corpus(write(tmp_path / "c.h5")).read("S01", "run")
    with pytest.raises(CorpusMismatch, match="role 'truth' is unknown"):
        CorpusWriter(tmp_path / "c.h5", role="truth")


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path):
    whole = write(tmp_path / "c.h5").read_bytes()
    for length in np.random.default_rng(0).integers(0, len(whole), 30):
        (tmp_path / "cut.h5").write_bytes(whole[:length])
        assert [finding.level for finding in check_corpus(tmp_path / "cut.h5")] == ["error"]


def test_broken_text_is_refused_in_one_sentence(tmp_path):
    """A heap pointer that leads nowhere: HDF5's own message, with the file's name."""
    path = write(tmp_path / "c.h5")
    path.write_bytes(path.read_bytes().replace(b"GCOL", b"GC0L"))
    found = check_corpus(path)
    assert found and all(finding.level == "error" for finding in found)
    assert "c.h5 is damaged" in found[0].what


def test_the_check_finds_leaks_and_implausible_values(tmp_path):
    twin = make_trial("walk_01", "S02", recordings=make_trial().recordings)
    in_g = [replace(r, specific_force=r.specific_force / 9.8) for r in make_trial().recordings]
    in_degrees = Kinematics(COORDINATES, np.full((40, 3), 60.0), 100.0)
    odd = make_trial("odd", recordings=tuple(in_g), kinematics=in_degrees, status="refused", reason="")
    unknown = make_trial("static", "S03", subject=Subject("S03"))
    whole = write(tmp_path / "c.h5", make_trial(), twin, odd, unknown, splits=leave_one_subject_out(["S01", "S09"]))
    with h5py.File(whole, "r+") as file:
        file["subjects/S03/trials/static/kinematics/values_mask"][0, 0] = False
    found = {(finding.level, finding.where, finding.what.split(":")[0]) for finding in check_corpus(whole)}
    assert ("error", "S02/walk_01", "holds the same records as S01/walk_01") in found
    assert ("error", "S01/odd", "refused without a reason") in found
    assert ("warning", "S01/odd", "pelvis_tilt reaches 60 rad") in found
    assert any(
        where == "S01/odd" and "in units of g" in what
        for _, where, what in {(f.level, f.where, f.what) for f in check_corpus(whole)}
    )
    assert ("warning", "S03", "mass nan kg, height nan m") in found
    assert any("S09" in finding.what for finding in check_corpus(whole))
    assert any(finding.what.startswith("kinematics/values_mask disagrees") for finding in check_corpus(whole))


def test_provenance_names_versions_and_hashes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert {"python", "kinesynth", "numpy", "h5py"} <= set(versions())
    kept = Provenance(seed=4, config={"x": [1, 2]}, sources={"a": "b"})
    assert Provenance.from_json(kept.to_json()) == kept
