"""The peer of `benchmarks/pipeline.py`: OpenSim's inverse kinematics tool, in a process of its own.

Called with a model, a marker file (.trc), an output file and an accuracy; prints wall and CPU seconds of the run.
"""

from __future__ import annotations

import sys
import time

import opensim


def main(model_path: str, markers: str, out: str, accuracy: float) -> None:
    """Run the tool once, on all markers with weight 1."""
    opensim.Logger.setLevelString("Error")
    opensim.Logger.removeFileSink()
    model = opensim.Model(model_path)
    tool = opensim.InverseKinematicsTool()
    tool.setModel(model)
    tool.setMarkerDataFileName(markers)
    data = opensim.MarkerData(markers)
    tool.setStartTime(data.getStartFrameTime())
    tool.setEndTime(data.getLastFrameTime())
    tool.setOutputMotionFileName(out)
    tool.set_accuracy(accuracy)
    tasks = tool.upd_IKTaskSet()
    for i in range(model.getMarkerSet().getSize()):
        task = opensim.IKMarkerTask()
        task.setName(model.getMarkerSet().get(i).getName())
        task.setApply(True)
        task.setWeight(1.0)
        tasks.cloneAndAppend(task)
    wall, cpu = time.perf_counter(), time.process_time()
    tool.run()
    print(f"{time.perf_counter() - wall} {time.process_time() - cpu}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
