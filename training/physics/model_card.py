"""The model card of a label-free network: what it says, whose records it saw, what it must not be believed in.

Made from what the file carries, nothing else, in the form of `training.model_card`.
"""

from __future__ import annotations

import math
from typing import Any

from training.model_card import LIMITS
from training.physics.model_file import PhysicsModel
from training.target import ALL_TARGETS

_LIMITS = (
    "Movement out of the sagittal plane: turning, side steps, the frontal plane.",
    "Anything but level walking: running, stairs and slopes were not tried.",
    "The sensor on the pelvis is taken to be turned as stated; nobody can tell it from the pelvis's own tilt.",
    "Right and left sensors exchanged, where everybody walks in the plane: then nothing shows it.",
    "Placements that were learnt belong to one putting on of the sensors; somebody else gets the nominal ones.",
)


def physics_limits(model: PhysicsModel) -> list[str]:
    """What the network must not be used for."""
    bodies = [f"Without mass and stature it says nothing; it saw {_builds(model)}."]
    return [*_LIMITS, *bodies, *LIMITS]


def physics_facts(model: PhysicsModel) -> dict[str, Any]:
    """The card as plain data for machines."""
    return {
        "objective": "physics",
        "sensors": list(model.sensors),
        "segments": list(model.segments),
        "rate_hz": model.rate,
        "targets": [f"{target.kind} {target.coordinate}" for target in ALL_TARGETS],
        "config": model.config.model_dump(mode="json"),
        "parameters": sum(weights.numel() for weights in model.network.parameters()),
        "unlabelled_subjects": list(model.people),
        "labels_used": 0,
        "recorded_seconds": model.recorded_seconds,
        "steps": model.n_steps,
        "cpu_seconds": model.seconds,
        "fingerprint": model.fingerprint,
        "limits": physics_limits(model),
    }


def physics_card(model: PhysicsModel, name: str = "network") -> str:
    """Write the card of a label-free network.

    Parameters
    ----------
    model : PhysicsModel
    name : str
        Heading.

    Returns
    -------
    str
        Markdown; the same file gives the same card.
    """
    facts, config = physics_facts(model), model.config
    direction = "forwards only: it streams" if config.network == "lstm" else "both directions: whole trials only"
    places = "\n".join(
        f"| in | {sensor} on {segment}: specific force x, y (at rest 9.8 upwards), angular velocity z | m/s², rad/s |"
        for sensor, segment in zip(model.sensors, model.segments, strict=True)
    )
    limits = "\n".join(f"- {limit}" for limit in facts["limits"])
    return f"""# Model card: {name}

Estimates angles, joint moments, ground reaction and walking speed in the sagittal plane from {len(model.sensors)}
inertial sensors, taught by mechanics alone: no label of a laboratory was used (docs/networks_physics.md; after Gambietz
et al. 2025, arXiv 2506.11786).

## In and out

| | what | unit |
|---|---|---|
{places}
| in | mass, stature | kg, m |
| out | angles of hips, knees, ankles, pelvis | rad |
| out | joint moments | share of body weight x height |
| out | ground reaction of each foot, fore-aft and vertical | share of body weight |
| out | walking speed | m/s |

Rate: {model.rate:g} frames per second, no other.

## Whose records it saw

{len(model.people)} people ({", ".join(model.people)}), {model.recorded_seconds / 60:.1f} minutes without labels;
{_builds(model)}.

## How it was trained

- network `{config.network}` ({direction}), width {config.width}, depth {config.depth}, {facts["parameters"]:,} weights
- {model.n_steps} steps of {config.batch} windows of {config.window_seconds:g} s; {model.seconds:.0f} CPU s
- seed {config.seed}
- fingerprint of the corpus: `{model.fingerprint or "not kept"}`

## How wrong it is

Not measured in this file: nothing that it saw told it the truth. Score it where a laboratory does
(`kinesynth evaluate`).

## What it must not be used for

{limits}

## Licence

Not said: that of the records that it was trained on.
"""


def _builds(model: PhysicsModel) -> str:
    known = [build for build in model.builds if not math.isnan(build[0] + build[1])]
    if not known:
        return "masses and statures are not kept in the file"
    masses, statures = zip(*known, strict=True)
    return f"masses {min(masses):.3g} to {max(masses):.3g} kg, statures {min(statures):.3g} to {max(statures):.3g} m"
