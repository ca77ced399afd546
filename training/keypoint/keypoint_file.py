"""Keypoint file: a taught ensemble on disk, read again without running anything that a file could hide."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from mocap_import.durable_file import durable_place
from synth.camera.keypoint_input import ClipArrays
from synth.corpus.provenance import versions
from training.config import ConfigRefused
from training.keypoint.keypoint_calibration import KeypointCalibration
from training.keypoint.keypoint_lesson import KeypointEnsemble, LessonSettings, Scales, Taught
from training.keypoint.keypoint_network import KeypointNetwork
from training.keypoint.progression import ProgressionHead

_KIND = "kinesynth keypoint ensemble 2"


def save_keypoint_ensemble(path: Path, ensemble: KeypointEnsemble) -> None:
    """Write an ensemble; an earlier file is replaced when the new one is complete."""
    scales = {name: torch.as_tensor(value) for name, value in asdict(ensemble.scales).items()}
    content = {
        "kind": _KIND,
        "sizes": [n.sizes for n in ensemble.networks],
        "networks": [n.state_dict() for n in ensemble.networks],
        "scales": scales,
        "epochs": list(ensemble.epochs),
    }
    if ensemble.calibration is not None:
        own = asdict(ensemble.calibration)
        content["calibration"] = {n: torch.as_tensor(np.asarray(v, float)) for n, v in own.items()}
    if ensemble.progression is not None:
        head = ensemble.progression
        content["progression"] = {"weights": torch.as_tensor(head.weights), "constant": head.constant}
    with durable_place(Path(path)) as place:
        torch.save(content, place)


def load_keypoint_ensemble(path: Path) -> KeypointEnsemble:
    """Read what `save_keypoint_ensemble` wrote.

    Raises
    ------
    ConfigRefused
        The file is not there or holds something else.
    """
    if not Path(path).is_file():
        raise ConfigRefused(
            f"{path}: no file of networks is there. Give networks.pt in the folder of a run of kinesynth recipe "
            "single-camera, which teaches them."
        )
    try:
        content = torch.load(path, weights_only=True)
    except Exception:  # noqa: BLE001  (torch raises whatever the bytes provoke, in sentences for those who write torch)
        content = None
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise ConfigRefused(
            f"{path}: expected networks of recipe single-camera of this version, found something else. Give "
            "networks.pt in the folder of a run."
        )
    networks = []
    for sizes, weights in zip(content["sizes"], content["networks"], strict=True):
        network = KeypointNetwork(**sizes)
        network.load_state_dict(weights)
        networks.append(network.eval())
    scales = Scales(**{name: value.numpy() for name, value in content["scales"].items()})
    calibration = None
    if "calibration" in content:
        told = {name: value.numpy() for name, value in content["calibration"].items()}
        counts = {"n_people": int(told["n_people"]), "level": float(told["level"])}
        calibration = KeypointCalibration(**{**told, **counts})
    head = content.get("progression")
    progression = head and ProgressionHead(head["weights"].numpy(), float(head["constant"]))
    return KeypointEnsemble(tuple(networks), scales, tuple(content["epochs"]), calibration, progression)


def is_keypoint_file(path: Path) -> bool:
    """Whether a file looks like networks of the recipe of one camera, not like those of sensors (.safetensors)."""
    return Path(path).suffix == ".pt" or zipfile.is_zipfile(path)


def lesson_hash(teaching: ClipArrays, validating: ClipArrays, n_kinds: int, settings: LessonSettings, seed: int) -> str:
    """Hash of everything that decides a member: clips of those who teach and validate, settings, seed, this version.

    How many members there are is left out, since none changes with it but by its own draw.
    """
    how = settings.model_dump(exclude={"members"})
    content = hashlib.sha256(json.dumps([how, n_kinds, seed, versions("torch")], sort_keys=True).encode())
    for clips in (teaching, validating):
        for name in clips.__dataclass_fields__:
            content.update(np.ascontiguousarray(getattr(clips, name)).tobytes())
    return content.hexdigest()[:16]


def kept_in(folder: Path, key: str) -> Callable[[int, Callable[[], Taught]], Taught]:
    """A keeper for `keypoint_lesson.teach`: a file a member in a folder; members of other keys are removed.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    key : str
        From `lesson_hash`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("member_*.pt"):
        if not old.stem.endswith(key):
            old.unlink()

    def kept(member: int, teach_it: Callable[[], Taught]) -> Taught:
        file = folder / f"member_{member}_{key}.pt"
        if file.exists():
            content = torch.load(file, weights_only=True)
            network = KeypointNetwork(**content["sizes"])
            network.load_state_dict(content["network"])
            return network.eval(), content["epoch"]
        network, epoch = teach_it()
        with durable_place(file) as place:
            torch.save({"sizes": network.sizes, "network": network.state_dict(), "epoch": epoch}, place)
        return network, epoch

    return kept
