"""The label-free network: a recurrent network beside a linear one, and where each person's sensors sit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.physics.body import PlanarBody, moved_contacts, scaled_bodies
from training.physics.config import PhysicsConfig
from training.physics.estimate import (
    PELVIS_SPEED,
    SPEED,
    USUAL_SPEED,
    Estimate,
    angle_columns,
    angles_from_segments,
    foot_motion,
    n_outputs,
    shaped_estimate,
)
from training.physics.joint_centre import joint_placements
from training.physics.record import PhysicsData

N_FACTS = 2
"""Facts of a person that the network is told at every frame: stature and mass, about 1.7 m and 75 kg."""


@dataclass(frozen=True)
class Windows:
    """A batch of windows; tensors.

    Attributes
    ----------
    channels : Tensor, shape (B, T, n_sensors, 3)
    tilts : Tensor, shape (B, T, n_sensors)
    pace : Tensor, shape (B, T)
        From `training.physics.pace.walking_pace` (m/s).
    places : Tensor, shape (B, n_sensors, 2)
    body : PlanarBody
        Batch of B.
    person : Tensor of int, shape (B,), or None
        Row of the placements; None for somebody unknown.
    share : Tensor, shape (B, T), optional
        Told share of the load on the right foot, NaN where unknown; only to learn from.
    """

    channels: Tensor
    tilts: Tensor
    pace: Tensor
    places: Tensor
    body: PlanarBody
    person: Tensor | None
    share: Tensor | None = None


class PhysicsNetwork(nn.Module):
    """Inertial records to movement and forces.

    Parameters
    ----------
    body : PlanarBody
        Any person: gives coordinates and segments.
    segments : tuple of str
        Of the sensors.
    n_people : int
        Persons with placements of their own.
    mean, sd : ndarray, shape (n_sensors, 3)
        Of the channels.
    config : PhysicsConfig
    """

    def __init__(
        self,
        body: PlanarBody,
        segments: tuple[str, ...],
        n_people: int,
        mean: np.ndarray,
        sd: np.ndarray,
        config: PhysicsConfig,
    ) -> None:
        super().__init__()
        self.config = config
        self.sensed = [body.segments.index(s) for s in segments]
        n_sensors, outputs = len(segments), n_outputs(body)
        n_inputs = 4 * n_sensors + N_FACTS + 2 * len(body.contact_segments) + 1
        both = config.network == "bilstm"
        self.recurrent = nn.LSTM(n_inputs, config.width, config.depth, batch_first=True, bidirectional=both)
        self.head = nn.Linear(config.width * (2 if both else 1), outputs)
        self.direct = nn.Linear(n_inputs, outputs, bias=False)
        nn.init.zeros_(self.direct.weight)
        self._begin_with_gyroscopes(body, np.asarray(sd, np.float32))
        with torch.no_grad():
            self.head.weight.mul_(0.3)
        self.turns = nn.Parameter(torch.zeros(n_people, n_sensors))
        self.shifts = nn.Parameter(torch.zeros(n_people, n_sensors, 2))
        self.stretches = nn.Parameter(torch.zeros(n_people, len(body.segments)))
        self.soles = nn.Parameter(torch.zeros(n_people, len(body.contact_segments) // 2, 2))
        free = torch.tensor([float(s != "pelvis") for s in segments])  # how a pelvis sensor is turned nobody can tell
        self.register_buffer("free_turns", free)
        self.register_buffer("mean", torch.as_tensor(np.asarray(mean, np.float32)))
        self.register_buffer("sd", torch.as_tensor(np.asarray(sd, np.float32)))

    def _begin_with_gyroscopes(self, body: PlanarBody, sd: np.ndarray) -> None:
        """Let the speeds of the joints begin as what the gyroscopes say: otherwise standing still is a way out."""
        n = len(body.coordinates)
        unit = torch.eye(len(self.sensed))
        rates = angles_from_segments(body, self.sensed, unit)  # (n_sensors, n_q)
        columns = angle_columns(body)
        with torch.no_grad():
            for sensor in range(len(self.sensed)):
                rows = [n - 1 + c for c in columns]
                self.direct.weight[rows, 3 * sensor + 2] = rates[sensor, columns] * float(sd[sensor, 2]) / SPEED

    def worn(self, person: Tensor | None, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Angles (B, n_sensors), shifts (B, n_sensors, 2) and stretches (B, n_segments) of some persons."""
        config, n = self.config, len(like)
        if person is None:
            zeros = (torch.zeros(n, *p.shape[1:], dtype=like.dtype) for p in self._parts())
            return tuple(zeros)
        turns, shifts, stretches = (p[person] for p in self._parts())
        if not config.trainable_placement:
            turns, shifts = turns.detach() * 0.0, shifts.detach() * 0.0
        return turns * self.free_turns, shifts, stretches if config.trainable_body else stretches.detach() * 0.0

    def forward(self, windows: Windows) -> tuple[Estimate, PlanarBody]:
        """Estimate, and the body that it is of."""
        worn = self.worn(windows.person, windows.channels)
        body = self.body_of(windows, worn[2])
        base = angles_from_segments(body, self.sensed, windows.tilts - worn[0].unsqueeze(-2))
        return shaped_estimate(body, self.outputs(windows, worn[0]), base, windows.pace), body

    def body_of(self, windows: Windows, stretches: Tensor) -> PlanarBody:
        """Bodies with the contact points, and if asked the lengths, that were learnt."""
        body = moved_contacts(windows.body, self.soles_of(windows.person))
        is_stretched = self.config.trainable_body and windows.person is not None
        return scaled_bodies(body, 1.0 + stretches) if is_stretched else body

    def outputs(self, windows: Windows, turns: Tensor, skip: int = 0) -> Tensor:
        """Raw outputs (B, T - skip, n_outputs) with sensors so turned (B, n_sensors)."""
        inputs = self.inputs(windows, windows.tilts - turns.unsqueeze(-2))
        return self.head(self.recurrent(inputs)[0][:, skip:]) + self.direct(inputs[:, skip:])

    def soles_of(self, person: Tensor | None) -> Tensor:
        """Shifts of heel and toe contact (m), (B, 2, 2); of somebody unknown the mean of those who are known."""
        if not self.config.trainable_contact:
            return torch.zeros_like(self.soles[:1])
        return self.soles.mean(0, keepdim=True) if person is None else self.soles[person]

    def inputs(self, windows: Windows, tilts: Tensor) -> Tensor:
        """What the recurrent network reads (B, T, n_inputs)."""
        channels = ((windows.channels - self.mean) / self.sd).flatten(-2)
        feet = foot_motion(windows.body, self.sensed, tilts.detach(), windows.channels[..., 2])
        facts = torch.stack([windows.body.height_of_body / 0.1 - 17.0, windows.body.mass.sum(-1) / 15.0 - 5.0], -1)
        facts = facts.unsqueeze(-2).expand(*channels.shape[:-1], N_FACTS)
        pace = (windows.pace - USUAL_SPEED).unsqueeze(-1) / PELVIS_SPEED
        return torch.cat([channels, tilts / 0.4, facts, feet, pace], -1)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.turns, self.shifts, self.stretches


def channel_statistics(data: PhysicsData) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD (n_sensors, 3) of the channels, every trial weighing the same."""
    means = np.stack([r.channels[~r.is_missing].mean(0) for r in data.records])
    squares = np.stack([(r.channels[~r.is_missing].astype(float) ** 2).mean(0) for r in data.records])
    mean = means.mean(0)
    return mean, np.sqrt(np.maximum(squares.mean(0) - mean.astype(float) ** 2, 1e-6))


def fresh_network(data: PhysicsData, config: PhysicsConfig) -> PhysicsNetwork:
    """A network with the weights of torch's present seed."""
    mean, sd = channel_statistics(data)
    network = PhysicsNetwork(data.bodies, data.segments, len(data.people), mean, sd, config)
    if config.placement_start == "joints":
        with torch.no_grad():
            for part, start in zip((network.turns, network.shifts), joint_placements(data), strict=True):
                part.copy_(torch.from_numpy(start))
    return network
