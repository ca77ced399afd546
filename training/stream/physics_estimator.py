"""Physics estimator: a label-free network frame by frame, on one CPU thread, without PyTorch.

Between the readings and the network lie a turning of leg sensors into the sagittal plane, found on the first strides,
and each sensor's tilt (`training.physics.tilt`); after it the mean of the pelvis's velocity, which is the speed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from synth.corpus.schema import CorpusMismatch
from training.physics.foot_motion import FootMotion
from training.physics.person import LEG, contact_levers, nominal_placements, person_skeleton, why_stranger
from training.physics.speed import CausalMean
from training.physics.tilt import TiltFilter
from training.stream.estimator import StreamCard
from training.stream.frame_guard import FrameGuard
from training.stream.frame_network import FrameNetwork
from training.stream.network_file import PHYSICS, open_network, refuse_kind
from training.stream.stride_turning import TURNING_SECONDS, StrideTurning

CATCH_UP = 8
"""Frames of the warm-up that are worked off with each new frame, so that none takes long."""
KEPT_SECONDS = 10.0
"""How much (s) of a warm-up is kept to be worked off: somebody may stand for minutes before walking."""


class PhysicsEstimator:
    """A causal label-free network with its memory.

    Parameters
    ----------
    path : Path
        File of `training.stream.exported_physics.export_physics`.
    subject : Subject
        Whose mass and stature are taken; somebody who was in the training (code, mass and stature agree) has the
        placements that were learnt, everybody else nominal ones.
    sensors : sequence of str, optional
        Sensors of the readings, in the order of their channels; default: those of the network.
    rate : float, optional
        Of the readings (Hz).
    mountings : mapping of str to Rotation, optional
        Sensor → rotation from its own axes to those of its segment; default: they are the same.
    turning : mapping of str to Rotation, optional
        Leg sensor → rotation into the sagittal plane, where it is known (from an earlier walk); default: found on the
        first strides, during which nothing is estimated.
    turning_seconds : float
        See `stride_turning.TURNING_SECONDS`.
    corpus : str
        SHA-256 of the corpus that the readings are from, where they are from one: of another than that of the training,
        nobody is the person of the same code.

    Attributes
    ----------
    card : StreamCard
    remarks : tuple of Treatment
        What is to be known of every estimate: that sensors are taken at their nominal places, and why.

    Raises
    ------
    CorpusMismatch
        The file is none, a sensor is missing, the rate is another one, mass or stature is unknown.

    Notes
    -----
    A frame with NaN is bridged by the last whole frame for 0.3 s; after that estimates are NaN, and tilts and memory
    begin anew with the next whole frame. The turning of the sensors stays. A gap between time stamps is the same as so
    many frames with NaN.
    """

    def __init__(
        self,
        path: Path,
        subject: Subject,
        sensors: Sequence[str] | None = None,
        rate: float | None = None,
        mountings: Mapping[str, Rotation] | None = None,
        turning: Mapping[str, Rotation] | None = None,
        turning_seconds: float = TURNING_SECONDS,
        corpus: str = "",
    ) -> None:
        session, card = open_network(path)
        refuse_kind(path, card, PHYSICS)
        self.card = StreamCard.from_plain(card)
        self._guard = FrameGuard(self.card.sensors, self.card.rate, str(path), sensors, rate, self.card.signature)
        own = card["people"].get(subject.code)
        build = own and tuple(own.get("build") or (np.nan, np.nan))
        why = why_stranger(subject, build, card["fingerprint"], corpus)
        self.remarks = (nominal_placements(why),) if why else ()
        worn = card["people"][""] if own is None or why else own
        skeleton, stretches = person_skeleton(subject), np.array(worn["stretches"])
        levers = contact_levers(skeleton, np.array(worn["soles"]), stretches)
        self._network = FrameNetwork(session)
        self._network.inputs["levers"][:] = levers / card["near_floor"]
        nominal = contact_levers(skeleton, np.zeros((2, 2)), 0.0 * stretches)
        self._feet = FootMotion(np.array(card["turning"]), nominal)
        self._usual_speed = None if card["has_feet"] else float(card["usual_speed"])
        in_order = card["order"] == list(range(len(self.card.targets)))
        self._columns = None if in_order else np.array(card["order"])  # files of earlier versions
        self._speed_column = [target.kind for target in self.card.targets].index("speed")
        self._turns = np.array(worn["turns"])
        self._is_turned = bool(self._turns.any())
        self._mountings = [dict(mountings or {}).get(name, Rotation.identity()) for name in self.card.sensors]
        self._axes = np.stack([mounting.as_matrix() for mounting in self._mountings])
        legs = [i for i, segment in enumerate(card["segments"]) if segment.startswith(LEG)]
        self._legs, self._seconds = legs if card["turn_to_plane"] else [], turning_seconds
        self._given = self._numbered(turning) if turning is not None else None
        n = len(self.card.sensors)
        seen = self._network.inputs["seen"].reshape(-1)
        seen[4 * n : 4 * n + 2] = subject.height, subject.mass
        # where the parts of what the network reads lie: signals, tilts, what these say of the feet; last the pace
        self._seen, self._read = seen, (seen[: 3 * n], seen[3 * n : 4 * n], seen[4 * n + 2 : -1])
        self._frame, self._signals = np.zeros(6 * n), np.zeros(5 * n)
        self._force = self._signals[3 * n :].view(complex)
        self._rates = self._signals[2 * n : 3 * n]
        self._nothing = np.full(len(self.card.targets), np.nan, np.float32)
        self.reset()

    @property
    def findings(self) -> tuple[str, ...]:
        """What is doubtful about the readings until now: long silences, exchanged sides."""
        return self._guard.findings

    def finish(self) -> None:
        """Say that a recording is over; as `estimator.Estimator.finish`."""
        self._guard.finish()

    @property
    def is_warm(self) -> bool:
        """Whether the turning of the sensors is known and the frames of the warm-up are worked off."""
        return self._plane is not None and not self._waiting

    def reset(self) -> None:
        """Forget what came before: another recording, the sensors put on anew."""
        self._guard.reset()
        self._strides = StrideTurning(self._legs, self.card.rate, self._seconds)
        self._waiting: deque[np.ndarray] = deque(maxlen=round(KEPT_SECONDS * self.card.rate))
        self._plane: np.ndarray | None = None
        if self._given is not None or not self._legs:
            self._turn(self._given or {})
        self._begin()

    def step(self, channels: np.ndarray, time: float | None = None) -> np.ndarray:
        """Estimate one frame; arguments and errors as of `estimator.Estimator.step`.

        Returns
        -------
        ndarray, shape (n_targets,)
            Inside units; NaN while the turning of the sensors is not known yet, and where a sensor is silent for
            longer than the bridge.
        """
        taken = self._guard.take(channels, time)
        if taken.begins:
            self._begin()
        values = self._nothing
        for frame in taken.frames:
            values = self._follow(frame)
        return values.copy()

    def warm_up(self, n_frames: int = 200) -> None:
        """Run on what lies there: the first calls of a process pay for set-up that no later one does."""
        self._network.warm_up(n_frames)

    def _begin(self) -> None:
        """Begin tilts and memory anew."""
        self._waiting.clear()
        self._tilt = TiltFilter(len(self.card.sensors), self.card.rate)
        self._speed, self._pace = CausalMean(self.card.rate), CausalMean(self.card.rate)
        self._network.forget()

    def _numbered(self, turning: Mapping[str, Rotation]) -> dict[int, Rotation]:
        lacking = [self.card.sensors[leg] for leg in self._legs if self.card.sensors[leg] not in turning]
        if lacking:
            raise CorpusMismatch(f"expected the turning of every leg sensor, none is given for {', '.join(lacking)}.")
        return {leg: turning[self.card.sensors[leg]] for leg in self._legs}

    def _turn(self, turning: Mapping[int, Rotation]) -> None:
        """Fix the matrix (6 n, 5 n) from a frame to all forces forward, all upward, all angular velocities.

        The forces once more at its end, sensor by sensor as the tilts need them.
        """
        n = len(self._mountings)
        self._plane = np.zeros((6 * n, 5 * n))
        for i, mounting in enumerate(self._mountings):
            axes = (turning.get(i, Rotation.identity()) * mounting).as_matrix()
            for part, (axis, first) in enumerate(((0, 0), (1, 0), (2, 3))):
                self._plane[6 * i + first : 6 * i + first + 3, part * n + i] = axes[axis]
        self._plane[:, 3 * n :: 2], self._plane[:, 3 * n + 1 :: 2] = self._plane[:, :n], self._plane[:, n : 2 * n]

    def _follow(self, frame: np.ndarray) -> np.ndarray:
        """Take a whole frame, or keep it until the turning is known."""
        if self._plane is None:
            self._strides.add(np.einsum("nij,nj->ni", self._axes, frame.reshape(-1, 6)[:, 3:]))
            self._waiting.append(frame)
            if self._strides.is_enough:
                self._turn(self._strides.rotations())
            return self._nothing
        if not self._waiting:
            return self._say(frame)
        self._waiting.append(frame)
        values = self._nothing
        for _ in range(min(CATCH_UP, len(self._waiting))):
            values = self._say(self._waiting.popleft())
        return values if not self._waiting else self._nothing

    def _say(self, frame: np.ndarray) -> np.ndarray:
        """Take a whole frame through tilts and network."""
        read, tilted, feet = self._read
        self._frame[:] = frame
        np.dot(self._frame, self._plane, out=self._signals)
        read[:] = self._signals[: len(read)]
        tilts = self._tilt.step(self._force, self._rates)
        pace = self._feet.put(tilts, self._rates, feet)
        self._seen[-1] = self._pace.step(pace) if self._usual_speed is None else self._usual_speed
        if self._is_turned:
            tilts = tilts - self._turns
            self._feet.put(tilts, self._rates, feet)
        tilted[:] = tilts
        self._network.step()
        values = self._network.values if self._columns is None else self._network.values[self._columns]
        column = self._speed_column
        values[column] = self._speed.step(float(values[column]))
        return values
