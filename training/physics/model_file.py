"""A label-free network in one file without pickle: weights and placements as tensors, all the rest as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
from safetensors.torch import save as encode_tensors

from mocap_import.durable_file import write_durably
from mocap_import.subject import Subject
from synth.corpus.schema import CorpusMismatch
from training.input_check import WearingSignature
from training.physics.config import PhysicsConfig, resolve_physics
from training.physics.network import PhysicsNetwork
from training.physics.record import body_of

FORMAT = "kinesynth-physics 2"
ANYBODY = Subject("anybody", 70.0, 1.7, "unknown")


@dataclass(frozen=True)
class PhysicsModel:
    """A label-free network and its circumstances.

    Attributes
    ----------
    network : PhysicsNetwork
    config : PhysicsConfig
    sensors, segments : tuple of str
    rate : float
        Hz.
    people : tuple of str
        Codes of the persons whose unlabelled records it saw, in the order of their placements.
    builds : tuple of (float, float)
        Mass (kg) and stature (m) of each of them; empty in files before placements were tied to them.
    n_steps : int
    seconds : float
        CPU time (s) of the training.
    recorded_seconds : float
        Length of the recordings (s).
    fingerprint : str
    signature : WearingSignature, optional
        How the sensors were worn.
    """

    network: PhysicsNetwork
    config: PhysicsConfig
    sensors: tuple[str, ...]
    segments: tuple[str, ...]
    rate: float
    people: tuple[str, ...]
    n_steps: int
    seconds: float
    recorded_seconds: float
    fingerprint: str = ""
    signature: WearingSignature | None = None
    builds: tuple[tuple[float, float], ...] = ()

    def build_of(self, code: str) -> tuple[float, float] | None:
        """Mass and stature of somebody who was in the training, NaN where the file does not say; None for others."""
        if code not in self.people:
            return None
        return self.builds[self.people.index(code)] if self.builds else (math.nan, math.nan)


_FACTS = ("sensors", "segments", "rate", "people", "n_steps", "seconds", "recorded_seconds", "fingerprint")


def is_physics_model(path: Path) -> bool:
    """Whether a file is a label-free network, of whatever version; False for anything else, or if there is none."""
    try:
        with safetensors.safe_open(str(path), framework="np") as file:
            card = json.loads((file.metadata() or {})["kinesynth"])
    except (safetensors.SafetensorError, KeyError, ValueError, OSError):
        return False
    return str(card.get("format", "")).startswith("kinesynth-physics")


def save_physics_model(path: Path, model: PhysicsModel) -> None:
    """Write a model durably."""
    tensors = {name: value.detach().contiguous() for name, value in model.network.state_dict().items()}
    card = {name: getattr(model, name) for name in _FACTS}
    card |= {"format": FORMAT, "config": model.config.model_dump(mode="json")}
    card |= {"signature": model.signature and model.signature.plain(), "builds": model.builds}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, encode_tensors(tensors, metadata={"kinesynth": json.dumps(card)}))


def load_physics_model(path: Path) -> PhysicsModel:
    """Read a model.

    Raises
    ------
    CorpusMismatch
        The file is no label-free model, or one of another version.
    """
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            card = json.loads((file.metadata() or {})["kinesynth"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
        _refuse_other_version(path, str(card["format"]))
        config = resolve_physics(card["config"], str(path))
        facts = {name: tuple(v) if isinstance(v := card[name], list) else v for name in _FACTS}
        plain = card.get("signature")  # the first files of this format have neither signature nor builds
        builds = tuple((mass, height) for mass, height in card.get("builds", ()))
    except (safetensors.SafetensorError, KeyError, ValueError, OSError) as error:
        raise CorpusMismatch(f"{path}: expected a network of `kinesynth train --objective physics`, {error}.") from None
    shape = (len(facts["sensors"]), 3)
    network = PhysicsNetwork(
        body_of(ANYBODY), facts["segments"], len(facts["people"]), np.zeros(shape), np.ones(shape), config
    )
    network.load_state_dict(tensors)
    signature = plain and WearingSignature.from_plain(plain)
    return PhysicsModel(network.eval(), config, **facts, signature=signature, builds=builds)


def _refuse_other_version(path: Path, found: str) -> None:
    (kind, version), (ours, read) = found.rpartition(" ")[::2], FORMAT.split()
    if kind != ours or not version.isdigit():
        raise KeyError(f"format {found}")
    if version != read:
        whose = "an older" if int(version) < int(read) else "a newer"
        raise CorpusMismatch(
            f"{path}: this label-free network was written by {whose} version of kinesynth (format {version}, this one "
            f"reads {read}). Train it again (`kinesynth train --objective physics`)."
        )
