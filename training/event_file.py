"""Event files for TensorBoard: scalars by step, in a file whose name says neither machine nor time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter

NAME = "events.out.tfevents.1"
"""TensorBoard finds a file by "tfevents" in its name; the usual ending is the machine's name, which is nobody's
business."""


class EventFile:
    """Writes an event file from its beginning; an earlier one is replaced.

    Parameters
    ----------
    folder : Path
        One folder a curve: TensorBoard takes a folder for a run.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        path.unlink(missing_ok=True)
        self._writer = RecordWriter(str(path))
        self._began = False

    def write(self, step: int, values: Mapping[str, float], time: float) -> None:
        """Add one step.

        Parameters
        ----------
        step : int
        values : mapping of str to float
            Name of the curve → value.
        time : float
            Seconds since 1970.
        """
        if not self._began:
            self._writer.write(Event(wall_time=time, file_version="brain.Event:2").SerializeToString())
            self._began = True
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = Event(wall_time=time, step=step, summary=Summary(value=scalars))
        self._writer.write(event.SerializeToString())

    def flush(self) -> None:
        """Bring what was written to the disk."""
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()
