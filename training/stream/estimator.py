"""Estimator: one frame of inertial readings in, one frame of estimates out, on one CPU thread, without PyTorch.

For networks that labels taught; a label-free one speaks by a `physics_estimator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.input_check import WearingSignature
from training.stream.frame_guard import FrameGuard
from training.stream.frame_network import FrameNetwork
from training.stream.network_file import LABELLED, open_network, refuse_kind
from training.target import Target


@dataclass(frozen=True)
class StreamCard:
    """What a streaming network must be fed, and what it says.

    Attributes
    ----------
    sensors : tuple of str
        Order of the channels, six a sensor: specific force (m/s²), angular velocity (rad/s), sensor frame.
    rate : float
        Hz.
    targets : tuple of Target
    subjects : tuple of str
        Whose labels taught it.
    state_shape : tuple of int
    signature : WearingSignature or None
    """

    sensors: tuple[str, ...]
    rate: float
    targets: tuple[Target, ...]
    subjects: tuple[str, ...]
    state_shape: tuple[int, ...]
    signature: WearingSignature | None

    @classmethod
    def from_plain(cls, card: dict[str, Any]) -> StreamCard:
        """From the JSON of a network file."""
        return cls(
            tuple(card["sensors"]),
            float(card["rate"]),
            tuple(Target(kind, coordinate) for kind, coordinate in card["targets"]),
            tuple(card["subjects"]),
            tuple(card["state"]),
            card["signature"] and WearingSignature.from_plain(card["signature"]),
        )


class Estimator:
    """A causal network with its memory.

    Parameters
    ----------
    path : Path
        File of `export_network`.
    sensors : sequence of str, optional
        Sensors of the readings, in the order of their channels; default: those of the network.
    rate : float, optional
        Of the readings (Hz).

    Raises
    ------
    CorpusMismatch
        If the file is none, a sensor is missing or the rate is another one.

    Notes
    -----
    A frame with NaN is bridged by the last whole frame for 0.3 s, as in training; after that estimates are NaN and the
    memory begins anew with the next whole frame. A gap between time stamps is the same as so many frames with NaN.
    """

    def __init__(self, path: Path, sensors: Sequence[str] | None = None, rate: float | None = None) -> None:
        session, card = open_network(path)
        refuse_kind(path, card, LABELLED)
        self.card = StreamCard.from_plain(card)
        self._guard = FrameGuard(self.card.sensors, self.card.rate, str(path), sensors, rate, self.card.signature)
        self._network = FrameNetwork(session)
        self._read = self._network.inputs["frame"].reshape(-1)
        self._nothing = np.full(len(self.card.targets), np.nan, np.float32)
        self.reset()

    @property
    def findings(self) -> tuple[str, ...]:
        """What is doubtful about the readings until now: long silences, exchanged sides."""
        return self._guard.findings

    def finish(self) -> None:
        """Say that a recording is over: its last seconds are judged, too.

        Raises
        ------
        CorpusMismatch
            Wrong units.
        """
        self._guard.finish()

    def reset(self) -> None:
        """Forget what came before: another person, another recording."""
        self._guard.reset()
        self._network.forget()

    def step(self, channels: np.ndarray, time: float | None = None) -> np.ndarray:
        """Estimate one frame.

        Parameters
        ----------
        channels : ndarray, shape (6 n_sensors,)
            Specific force (m/s²) and angular velocity (rad/s) sensor by sensor; NaN = no value.
        time : float, optional
            Time stamp (s) of the frame; a gap between two stamps counts as missing frames.

        Returns
        -------
        ndarray, shape (n_targets,)
            Inside units; NaN where a sensor is silent for longer than the bridge.

        Raises
        ------
        CorpusMismatch
            The frame has another shape, time stamps go back. At the end of a stretch of `running_check.CHECKED_SECONDS`
            (and then until `reset`): stamps of another rate, in the first, wrong units, in any until every sensor has
            been seen to move. What is only doubtful is kept in `findings`.
        """
        taken = self._guard.take(channels, time)
        if taken.begins:
            self._network.forget()
        for frame in taken.frames:
            self._read[:] = frame
            self._network.step()
        return (self._network.values if taken.frames else self._nothing).copy()

    def warm_up(self, n_frames: int = 200) -> None:
        """Run on what lies there: the first calls of a process pay for set-up that no later one does."""
        self._network.warm_up(n_frames)
