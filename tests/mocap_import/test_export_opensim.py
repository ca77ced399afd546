"""The real OpenSim opens our .trc, .mot and XML, with the values, units, rate and gaps of the trial."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mocap_import.batch import WorkerProcess
from mocap_import.export.external_load import write_external_loads
from mocap_import.export.trc import write_trc
from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.trial_reader import read_trial

READER = """
import numpy as np
from opensim_models.osim.library import osim


def markers(path):
    table = osim.TimeSeriesTableVec3(path)
    flat = table.flatten()  # kept alive: the matrix below is a view of its memory
    values = flat.getMatrix().to_numpy().copy()
    return {
        "labels": list(table.getColumnLabels()),
        "time": np.array(table.getIndependentColumn()),
        "values": values.reshape(len(values), -1, 3),
        "unit": table.getTableMetaDataString("Units"),
        "rate": float(table.getTableMetaDataString("DataRate")),
    }


def loads(xml, mot, model_path, times):
    table = osim.TimeSeriesTable(mot)
    external = osim.ExternalLoads(xml, True)
    model = osim.Model(model_path)
    model.addModelComponent(external)
    model.initSystem()
    forces = [external.get(k) for k in range(external.getSize())]
    vector = lambda v: [v.get(k) for k in range(3)]
    return {
        "bodies": [force.get_applied_to_body() for force in forces],
        "time": np.array(table.getIndependentColumn()),
        "force": np.array([[vector(f.getForceAtTime(t)) for t in times] for f in forces]),
        "point": np.array([[vector(f.getPointAtTime(t)) for t in times] for f in forces]),
        "torque": np.array([[vector(f.getTorqueAtTime(t)) for t in times] for f in forces]),
    }
"""


@pytest.fixture(scope="module")
def opensim(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    (folder / "opensim_reader.py").write_text(READER)
    sys.path.insert(0, str(folder))
    with WorkerProcess(timeout=120) as worker:
        yield worker.call
    sys.path.remove(str(folder))
    assert "opensim" not in sys.modules


@pytest.mark.parametrize("unit", ["mm", "m"])
@pytest.mark.parametrize("file", ["mcgill_walk_youth/HC040A/Straight/HC040A14.c3d", "opensim_core/c3d/walking2.c3d"])
def test_opensim_reads_our_markers(tmp_path, data_dir, opensim, file, unit):
    trial = read_trial(data_dir / file)
    assert np.isnan(trial.positions[:, -1]).any()  # an empty last field is what OpenSim's parser trips over
    write_trc(tmp_path / "trial.trc", trial, unit=unit)
    read = opensim("opensim_reader:markers", {"path": str(tmp_path / "trial.trc")})
    assert (read["unit"], read["rate"]) == (unit, trial.rate)
    assert sorted(read["labels"]) == sorted(trial.labels)
    assert np.array_equal(read["time"], trial.time)
    order = [read["labels"].index(label) for label in trial.labels]
    values = read["values"][:, order] * {"mm": 0.001, "m": 1.0}[unit]
    assert np.allclose(values, trial.positions, rtol=0, atol=1e-9, equal_nan=True)
    assert np.isnan(values).any()


def test_opensim_applies_our_forces_to_the_feet(tmp_path, data_dir, opensim):
    trial = read_trial(data_dir / "mcgill_walk_youth/HC002D/Straight/HC002D06.c3d")
    write_external_loads(tmp_path / "trial.mot", trial)
    reactions = [foot_reactions(trial)[foot] for foot in ("right", "left")]
    loaded = [np.flatnonzero(np.nan_to_num(r.force[:, 1]) > 100)[::40] for r in reactions]
    samples = np.concatenate(loaded)
    arguments = {
        "xml": str(tmp_path / "trial.xml"),
        "mot": str(tmp_path / "trial.mot"),
        "model_path": str(data_dir / "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim"),
        "times": (samples / reactions[0].rate).tolist(),
    }
    read = opensim("opensim_reader:loads", arguments)
    assert read["bodies"] == ["calcn_r", "calcn_l"]
    assert np.array_equal(read["time"], np.arange(len(reactions[0].force)) / reactions[0].rate)
    for number, (reaction, own) in enumerate(zip(reactions, loaded, strict=True)):
        mine = np.isin(samples, own)
        assert mine.any()
        # OpenSim evaluates its own spline through the samples: exact at them.
        assert read["force"][number][mine] == pytest.approx(reaction.force[samples[mine]], abs=1e-4)
        assert read["point"][number][mine] == pytest.approx(reaction.centre_of_pressure[samples[mine]], abs=1e-6)
        assert read["torque"][number][mine, 1] == pytest.approx(reaction.free_moment[samples[mine]], abs=1e-6)
