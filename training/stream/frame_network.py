"""Frame network: an exported network whose inputs, values and memory lie in fixed places, so that a frame is cheap.

ONNX Runtime is told once where everything lies; a frame then neither builds a mapping nor allocates. The memory has two
places, read and written in turn.
"""

from __future__ import annotations

import numpy as np
import onnxruntime

STATE = ("hidden", "cell")
"""Memory tensors of a graph; what comes after them is called ``next_...``."""


class FrameNetwork:
    """A session of `network_file.open_network`, bound to memory.

    Parameters
    ----------
    session : InferenceSession

    Attributes
    ----------
    inputs : dict of str to ndarray
        What is read, besides the memory: write into it, never replace it.
    values : ndarray, shape (n_values,)
        What was said last; the next frame overwrites it.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        shapes = {put.name: put.shape for put in session.get_inputs()}
        self.inputs = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name not in STATE}
        values = next(out for out in session.get_outputs() if out.name == "values")
        said = np.zeros(values.shape, np.float32)
        self.values = said.reshape(-1)
        self._states = [{name: np.zeros(shapes[name], np.float32) for name in STATE} for _ in range(2)]
        self._bindings = [
            _bound(session, self.inputs | before, {"values": said} | {f"next_{k}": v for k, v in after.items()})
            for before, after in (self._states, self._states[::-1])
        ]
        self._run, self._turn = session.run_with_iobinding, 0

    def step(self) -> None:
        """Read `inputs`, say `values`, remember."""
        self._run(self._bindings[self._turn])
        self._turn = 1 - self._turn

    def forget(self) -> None:
        """Begin the memory anew."""
        for state in self._states:
            for values in state.values():
                values[:] = 0.0

    def warm_up(self, n_frames: int) -> None:
        """Run on what lies there, and remember nothing of it: the first calls of a process pay for set-up."""
        kept, turn = [{name: values.copy() for name, values in state.items()} for state in self._states], self._turn
        for _ in range(n_frames):
            self.step()
        self._turn = turn
        for state, before in zip(self._states, kept, strict=True):
            for name, values in state.items():
                values[:] = before[name]


def _bound(
    session: onnxruntime.InferenceSession, read: dict[str, np.ndarray], written: dict[str, np.ndarray]
) -> onnxruntime.IOBinding:
    """A binding to arrays, which ONNX Runtime uses where they lie (on the CPU nothing is copied)."""
    binding = session.io_binding()
    for name, array in read.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    for name, array in written.items():
        binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    return binding
