"""Estimator: one frame of inertial readings in, one frame of estimates out, on one CPU thread, without PyTorch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from synth.corpus.schema import CorpusMismatch
from training.input_check import WearingSignature, check_channels
from training.record_gap import BRIDGE_SECONDS
from training.target import Target

CARD = "kinesynth"
"""Key of the JSON among the model's metadata."""
CARD_VERSION = 1
CHECKED_SECONDS = 4.0
"""Length (s) of the stretch that is looked at for wrong units and exchanged sides: two to four strides."""
RATE_TOLERANCE = 0.02
"""Part by which the clock of the readings may differ from the rate of the training."""


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
        Who taught it.
    state_shape : tuple of int
    signature : WearingSignature or None
    """

    sensors: tuple[str, ...]
    rate: float
    targets: tuple[Target, ...]
    subjects: tuple[str, ...]
    state_shape: tuple[int, ...]
    signature: WearingSignature | None


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
    memory begins anew with the next whole frame.
    """

    def __init__(self, path: Path, sensors: Sequence[str] | None = None, rate: float | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            self.card = _read_card(self._session.get_modelmeta().custom_metadata_map[CARD])
        except Exception as error:  # noqa: BLE001  (the library has an exception class of its own for every fault)
            raise CorpusMismatch(
                f"{path}: expected a network of `kinesynth stream` (.onnx): {' '.join(str(error).split())[:200]}. "
                "Export it again from its checkpoint (`kinesynth stream CHECKPOINT --export FILE`)."
            ) from None
        given = tuple(sensors or self.card.sensors)
        self._order = _channel_order(self.card.sensors, given, str(path))
        if rate is not None and abs(rate / self.card.rate - 1) > RATE_TOLERANCE:
            raise CorpusMismatch(
                f"{path}: expected readings at {self.card.rate:g} Hz as in training, found {rate:g} Hz. "
                "Set the sensors to that rate, or train at theirs."
            )
        self._longest_gap = round(BRIDGE_SECONDS * self.card.rate)
        self._checked = np.empty((round(CHECKED_SECONDS * self.card.rate), 6 * len(self.card.sensors)), np.float32)
        self.findings: tuple[str, ...] = ()
        self.reset()

    def reset(self) -> None:
        """Forget what came before: another person, another recording."""
        self._hidden = np.zeros(self.card.state_shape, np.float32)
        self._cell = np.zeros(self.card.state_shape, np.float32)
        self._frame = np.zeros((1, 1, 6 * len(self.card.sensors)), np.float32)
        self._unknown = self._longest_gap + 1  # nothing to bridge with yet
        self._n_seen = 0
        self._last_time: float | None = None
        self.findings = ()

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
            Once `CHECKED_SECONDS` have been seen: wrong units. What is only doubtful is kept in `findings`.
        """
        self._mind_time(time)
        channels = np.asarray(channels, np.float32)[self._order]
        if np.isfinite(channels).all():
            if self._unknown > self._longest_gap:
                self._hidden[:], self._cell[:] = 0.0, 0.0
            self._frame[0, 0], self._unknown = channels, 0
        else:
            self._unknown += 1
        if self._n_seen < len(self._checked):
            self._look(channels)
        if self._unknown > self._longest_gap:
            return np.full(len(self.card.targets), np.nan, np.float32)
        values, self._hidden, self._cell = self._session.run(
            None, {"frame": self._frame, "hidden": self._hidden, "cell": self._cell}
        )
        return values[0, 0]

    def warm_up(self, n_frames: int = 200) -> None:
        """Run on zeros: the first calls of a process pay for set-up that no later one does."""
        feed = {"frame": np.zeros_like(self._frame), "hidden": self._hidden, "cell": self._cell}
        for _ in range(n_frames):
            self._session.run(None, feed)

    def _mind_time(self, time: float | None) -> None:
        if time is None:
            return
        if self._last_time is not None:
            skipped = round((time - self._last_time) * self.card.rate) - 1
            if time <= self._last_time:
                raise CorpusMismatch(
                    f"time stamps must grow; {self._last_time:g} s is followed by {time:g} s. Sort the readings."
                )
            self._unknown += max(skipped, 0)
        self._last_time = time

    def _look(self, channels: np.ndarray) -> None:
        """Judge the first seconds once they are whole."""
        self._checked[self._n_seen] = channels
        self._n_seen += 1
        if self._n_seen < len(self._checked):
            return
        found = check_channels(self._checked, self.card.sensors, self.card.rate, self.card.signature)
        refusals = [finding.sentence for finding in found if finding.is_refusal]
        if refusals:
            raise CorpusMismatch(f"readings of the first {CHECKED_SECONDS:g} s: {'; '.join(refusals)}.")
        self.findings = tuple(finding.sentence for finding in found)


def _channel_order(wanted: Sequence[str], given: Sequence[str], where: str) -> np.ndarray:
    lacking = [sensor for sensor in wanted if sensor not in given]
    if lacking:
        raise CorpusMismatch(
            f"{where}: expected readings of the sensors {', '.join(wanted)}; {', '.join(lacking)} missing, found "
            f"{', '.join(given) or 'none'}. Use a network of the sensors that are worn."
        )
    return np.concatenate([6 * list(given).index(sensor) + np.arange(6) for sensor in wanted])


def _read_card(text: str) -> StreamCard:
    card: dict[str, Any] = json.loads(text)
    if card["version"] != CARD_VERSION:
        raise ValueError(f"card of version {card['version']}, this kinesynth reads {CARD_VERSION}")
    return StreamCard(
        tuple(card["sensors"]),
        float(card["rate"]),
        tuple(Target(kind, coordinate) for kind, coordinate in card["targets"]),
        tuple(card["subjects"]),
        tuple(card["state"]),
        card["signature"] and WearingSignature.from_plain(card["signature"]),
    )
