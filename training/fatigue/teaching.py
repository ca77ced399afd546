"""Teaching the networks of an arm: by simulations, then by some of the target people, or by these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from synth.elbow.flexion_corpus import CHANNELS, FEATURES, FlexionTrials
from training.fatigue.arm import Arm
from training.fatigue.flexion_arrays import flexion_arrays
from training.fatigue.front_end import FrontEnd, fit_front_end
from training.fatigue.torque_network import NETWORKS, torque_loss
from training.fatigue.transfer import anchor_at, anchored_loss, fisher_information, freeze
from training.sample.fit import FitSettings, fit, seeded

FISHER_SAMPLES = 100
MANY = 10
"""People from which there are many."""
SIMULATED_RATE = 5e-3
TUNED_RATE, DIRECT_RATE = (1e-3, 1e-3), (1e-2, 3e-3)
"""Learning rates of fine-tuning and of new networks with few and with many people; chosen by
benchmarks/fatigue_rates.py on 30 people of the second simulator that `RATES_SEED` draws."""
RATES_SEED = 99

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Lessons:
    """How long and how large; equal for all arms.

    Attributes
    ----------
    seed : int
    interval : float
        Seconds between frames.
    width : int
        Of the recurrent network.
    simulated_epochs, tuned_epochs, direct_epochs : int
        Passes over the simulations, over the people who fine-tune, over those who teach a new network.
    patience : int
        Passes of fine-tuning without a better validation; a new network has twice that.
    anchor : float
        Strength.
    components : int
        Of the front end.
    tuned_rate, direct_rate : (float, float)
        Learning rates of fine-tuning and of a new network, by few and by many people.
    """

    seed: int
    interval: float
    width: int
    simulated_epochs: int
    tuned_epochs: int
    direct_epochs: int
    patience: int
    anchor: float
    components: int
    tuned_rate: tuple[float, float] = TUNED_RATE
    direct_rate: tuple[float, float] = DIRECT_RATE


@dataclass(frozen=True)
class Simulated:
    """What simulations taught one member of one variant.

    Attributes
    ----------
    weights : dict of str to Tensor
    information : dict of str to Tensor
        Diagonal of the Fisher information.
    front_end : FrontEnd or None
    """

    weights: dict[str, torch.Tensor]
    information: dict[str, torch.Tensor]
    front_end: FrontEnd | None


def arrays_of(trials: FlexionTrials, arm: Arm, front_end: FrontEnd | None) -> dict[str, np.ndarray]:
    """Arrays for the networks of an arm."""
    arrays = flexion_arrays(trials, arm.strength_known)
    return arrays if front_end is None else arrays | {"inputs": front_end(arrays["channels"])}


def build(arm: Arm, n_inputs: int, settings: Lessons, seed: int) -> nn.Module:
    """A new network."""
    kind = NETWORKS[arm.network]
    return seeded(lambda: kind(n_inputs, len(CHANNELS), len(FEATURES), settings.width, settings.interval), seed)


def learn_from_simulations(
    arm: Arm, trials: FlexionTrials, roles: Mapping[str, list[str]], settings: Lessons, member: int
) -> Simulated:
    """Teach one member by the simulated people who teach; those who validate choose the epoch."""
    front_end = fit_front_end(trials.of(roles["teach"]).channels, settings.components) if arm.front_end else None
    teaching, validating = (arrays_of(trials.of(roles[role]), arm, front_end) for role in ("teach", "validate"))
    seed = settings.seed + 1000 * member
    network = build(arm, teaching["inputs"].shape[-1], settings, seed)
    how = FitSettings(epochs=settings.simulated_epochs, batch=64, learning_rate=SIMULATED_RATE, schedule="one_cycle")
    fit(network, torque_loss, teaching, how, seed=seed, validation=validating)
    information = fisher_information(network, teaching, FISHER_SAMPLES, seed)
    weights = {name: p.detach().clone() for name, p in network.state_dict().items()}
    return Simulated(weights, information, front_end)


def learn_from_people(
    arm: Arm,
    simulated: Simulated | None,
    teaching: FlexionTrials,
    validating: FlexionTrials,
    settings: Lessons,
    seed: int,
) -> tuple[nn.Module, FrontEnd | None]:
    """Fine-tune a member of an arm, or teach a new one; the validating people choose the epoch in both cases."""
    front_end = None
    if arm.front_end:
        taught = simulated is not None
        front_end = simulated.front_end if taught else fit_front_end(teaching.channels, settings.components)
    many = len(set(teaching.persons) | set(validating.persons)) >= MANY
    own_arrays, held = (arrays_of(t, arm, front_end) for t in (teaching, validating))
    network = build(arm, own_arrays["inputs"].shape[-1], settings, seed)
    if simulated is None:
        rate = settings.direct_rate[many]
        how = FitSettings(epochs=settings.direct_epochs, batch=64, learning_rate=rate, patience=2 * settings.patience)
        fit(network, torque_loss, own_arrays, how, seed=seed, validation=held)
        return network, front_end
    network.load_state_dict(simulated.weights)
    anchor = anchor_at(network, arm.anchor, settings.anchor, simulated.information)
    freeze(network, arm.schedule)
    rate = settings.tuned_rate[many]
    how = FitSettings(epochs=settings.tuned_epochs, batch=64, learning_rate=rate, patience=settings.patience)
    fit(network, anchored_loss(anchor), own_arrays, how, seed=seed, validation=held)
    return network, front_end


def estimates(network: nn.Module, arrays: Arrays) -> dict[str, np.ndarray]:
    """``torque`` (n, n_frames) in N·m and, of a modular network, what its modules say."""
    batch = {name: torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float32) for name, a in arrays.items()}
    network.eval()
    with torch.no_grad():
        found = {"torque": network(batch)}
        if hasattr(network, "parts"):
            found |= network.parts(batch)
    return {name: value.numpy().astype(float) for name, value in found.items()}


def simulated_arrays(simulated: Simulated) -> dict[str, np.ndarray]:
    """What simulations taught, as named arrays that can be stored."""
    arrays = {f"weights/{name}": value.numpy() for name, value in simulated.weights.items()}
    arrays |= {f"information/{name}": value.numpy() for name, value in simulated.information.items()}
    if simulated.front_end is not None:
        arrays |= {"mean": simulated.front_end.mean, "components": simulated.front_end.components}
        arrays |= {"explained": np.array(simulated.front_end.explained)}
    return arrays


def simulated_from(arrays: Arrays) -> Simulated:
    """The opposite of `simulated_arrays`."""
    parts: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "information": {}}
    for key, value in arrays.items():
        kind, _, name = key.partition("/")
        if kind in parts:
            parts[kind][name] = torch.as_tensor(value)
    own = FrontEnd(arrays["mean"], arrays["components"], float(arrays["explained"])) if "mean" in arrays else None
    return Simulated(parts["weights"], parts["information"], own)


def simulated_network(arm: Arm, simulated: Simulated, settings: Lessons) -> nn.Module:
    """The network as simulations left it."""
    n_inputs = len(CHANNELS) if simulated.front_end is None else len(simulated.front_end.components)
    network = build(arm, n_inputs, settings, settings.seed)
    network.load_state_dict(simulated.weights)
    return network.eval()
