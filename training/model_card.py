"""A model card: what a trained network is for, what it needs, who taught it, how wrong it is, what it must not do.

Made from what the checkpoint carries, nothing else (after Mitchell et al. 2019, arXiv 1810.03993). What an older or an
unfinished file does not say stands in the card as not said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from synth.joint_trial import ANGLE_NAMES
from training.checkpoint import Checkpoint
from training.joint.joint_model import LEAST_SPREAD_DEG, joint_of, learnt_angles
from training.joint.person_effect import effect_rows

LIMITS = (
    "Nothing clinical: no diagnosis, no decision about a person; it is no medical device and was tested as none.",
    "Nobody who taught it may be scored with it.",
    "Records of another rate, sensor set or unit are refused; sensors on other segments, or with other axes than in "
    "training, cannot be recognised: the estimate is then wrong without a word.",
)
_NAMES = (
    "Sensors under wrong names: proximal and distal exchanged is named in walking and running (at the ankle not "
    "always), right and left exchanged cannot be seen."
)
_SEGMENTS = {"hip": "pelvis and thigh", "knee": "thigh and shank", "ankle": "shank and foot"}
_CONSTANT = "mean angle"


def model_card(checkpoint: Checkpoint, name: str = "network") -> str:
    """Write the card of a network.

    Parameters
    ----------
    checkpoint : Checkpoint
    name : str
        Heading.

    Returns
    -------
    str
        Markdown; the same file gives the same card.
    """
    parts = [
        f"# Model card: {name}",
        _purpose(checkpoint),
        "## In and out",
        _inputs_and_outputs(checkpoint),
        "## Who taught it",
        _teachers(checkpoint),
        "## How it was trained",
        _training(checkpoint),
        "## How wrong it is",
        _errors(checkpoint.about),
        "## What it must not be used for",
        "\n".join(f"- {limit}" for limit in _limits(checkpoint)),
        "## Licence",
        f"{checkpoint.about.get('licence', 'Not said: that of the data that it was trained on')}.",
    ]
    return "\n\n".join(parts) + "\n"


def card_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """The card as plain data for machines."""
    return {
        "sensors": list(checkpoint.sensors),
        "rate_hz": checkpoint.rate,
        "targets": [f"{t.kind} {t.coordinate}" for t in checkpoint.targets],
        "config": checkpoint.config.model_dump(mode="json"),
        "parameters": _size(checkpoint),
        "subjects": list(checkpoint.subjects),
        "is_finished": checkpoint.is_finished,
        "fingerprint": checkpoint.fingerprint,
        "about": dict(checkpoint.about),
        "limits": _limits(checkpoint),
    }


def _size(checkpoint: Checkpoint) -> int:
    return sum(weights.numel() for weights in checkpoint.network.parameters())


def _purpose(checkpoint: Checkpoint) -> str:
    joint = joint_of(checkpoint)
    if not joint:
        kinds = ", ".join(dict.fromkeys(target.kind.replace("_", " ") for target in checkpoint.targets))
        return f"Estimates {kinds} from {len(checkpoint.sensors)} inertial sensors, frame by frame."
    *others, last = learnt_angles(checkpoint) or ["no angle"]
    angles = f"{', '.join(others)} and {last}" if others else last
    return (
        f"Estimates {angles} of one {joint}, and the orientations of the two segments beside it, from the two inertial "
        f"sensors on {_SEGMENTS[joint]} (after Rapp, Shin et al. 2021, J Biomech). For trying the tools, as a first "
        "network on a new recording, and as a start that has seen no real person."
    )


def _inputs_and_outputs(checkpoint: Checkpoint) -> str:
    lines = [
        "| | what | unit | frame |",
        "|---|---|---|---|",
    ]
    for sensor in checkpoint.sensors:
        lines.append(f"| in | {sensor}: specific force x, y, z (at rest 9.8 upwards) | m/s² | the sensor's |")
        lines.append(f"| in | {sensor}: angular velocity x, y, z | rad/s | the sensor's |")
    if joint := joint_of(checkpoint):
        lines += [
            f"| out | {joint} flexion, adduction, internal rotation | rad | Grood and Suntay, segment X forward, Y up, "
            "Z right; left legs mirrored to right ones |",
            "| out | orientation of both segments, six numbers each | 1 | segment → ground, heading of the trial |",
        ]
    else:
        kinds = {
            target.kind: [t.coordinate for t in checkpoint.targets if t.kind == target.kind]
            for target in checkpoint.targets
        }
        units = {
            "angle": "rad",
            "moment": "share of body weight x height",
            "ground_reaction": "share of body weight",
            "speed": "m/s",
            "orientation": "1",
        }
        lines += [
            f"| out | {kind.replace('_', ' ')}: {', '.join(names)} | {units[kind]} | docs/conventions.md |"
            for kind, names in kinds.items()
        ]
    rate = f"Rate: {checkpoint.rate:g} frames per second, no other."
    if joint:
        rate += (
            " Sensor axes are those of their segments, within the turns of training; `kinesynth network apply` thins "
            "whole multiples of the rate itself, each frame the mean of several."
        )
    return "\n".join(lines) + f"\n\n{rate}"


def _teachers(checkpoint: Checkpoint) -> str:
    about = checkpoint.about
    if "people" not in about:
        corpus = about.get("corpus", {})
        source = f"Corpus `{corpus['name']}`, SHA-256 `{corpus['sha256']}`. " if corpus else ""
        return f"{len(checkpoint.subjects)} people: {', '.join(checkpoint.subjects)}. {source}".strip()
    origin, moved = about["corpus"], about["movement"]
    tasks = ", ".join(f"{n} trials {task}" for task, n in moved["tasks"].items())
    lines = [
        f"- people: {_people(about['people'])}",
        f"- held out, for the errors below: {_people(about['held_out'])}",
        f"- movement: {tasks}, {moved['minutes']:.1f} minutes, speed {_range(moved['speed'], 'm/s')}",
        f"- {'virtual people, computed by optimal control' if origin['is_virtual'] else 'as the corpus says'}: corpus "
        f"`{origin['name']}`, role {origin['role']}, seed {origin['seed']}, SHA-256 `{origin['sha256']}`",
    ]
    if origin["drawn"]:
        said = ", ".join(f"{key} {value}" for key, value in sorted(origin["drawn"].items()) if _is_plain(value))
        lines.append(f"- how they were drawn: {said}")
    if drawn := origin.get("out_of_plane"):
        lines.append(
            "- out of the sagittal plane: pelvis, hips, knees and ankles by curves drawn for each person around "
            f"published ones (seed {drawn['seed']}); nothing computed them"
        )
    if origin["caption"]:
        lines.append(f"- {origin['caption']}")
    spreads = ", ".join(f"{angle} {about['angles'][angle]:.1f}" for angle in ANGLE_NAMES)
    lines.append(f"- SD of the angles in training (deg): {spreads}")
    return "\n".join(lines)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(part) for part in value)
    return isinstance(value, str | int | float | bool) and value != ""


def _people(facts: Mapping[str, Any]) -> str:
    sexes = ", ".join(f"{n} {sex}" for sex, n in facts["sex"].items())
    numbers = f"mass {_range(facts['mass'], 'kg')}, height {_range(facts['height'], 'm')}"
    return f"{facts['n']} ({sexes}), {numbers}, age {_range(facts['age'], 'years')}"


def _range(values: Mapping[str, float], unit: str) -> str:
    return f"{values['least']:.3g} to {values['most']:.3g} {unit}" if values["n"] else "unknown"


def _training(checkpoint: Checkpoint) -> str:
    config, errors = checkpoint.config, checkpoint.config.augmentation
    windows = f"{config.window_seconds:g} s"
    if config.second_window_seconds:
        windows += f", then {config.second_window_seconds:g} s"
    done = "" if checkpoint.is_finished else f" (stopped after {checkpoint.n_steps}: not finished)"
    return "\n".join(
        [
            f"- network `{config.network}`, width {config.width}, depth {config.depth}, {_size(checkpoint):,} weights",
            f"- {config.steps} steps{done} of {config.batch} windows of {windows}; AdamW, one cycle, peak "
            f"{config.learning_rate:g}; seed {config.seed}",
            f"- in every window anew: each sensor turned by N(0, {errors.misalignment_deg:g}°) about a random axis, "
            f"white noise of {100 * errors.noise_share:.1f} % of each channel's SD a sample",
            f"- {checkpoint.n_labelled_frames:,} labelled frames in {checkpoint.n_labelled_trials} records",
            f"- fingerprint of data, configuration and people: `{checkpoint.fingerprint or 'not kept'}`",
        ]
    )


def _errors(about: Mapping[str, Any]) -> str:
    rows = about.get("errors", [])
    if not rows:
        return "Not measured in this file: score it on people it has not seen (`kinesynth evaluate`)."
    number = about["held_out"]["n"]
    whom = f"{number} people of the same corpus who did not teach it"
    if number == 1:
        whom = "one person of the same corpus who did not teach it: errors of one person, which say little of others"
    lines = [
        f"On {whom}; "
        f"{100 * about['noise_share']:.0f} % noise on the signals; RMSE in degrees, mean ± SD over people [95 % "
        "bootstrap interval of the mean]. Pseudo-calibrated: each waveform about its own mean, which nobody "
        "knows outside a laboratory. *Mean angle* looks at no sensor.",
        "",
        "| sensors | error | angle | RMSE | worst person |",
        "|---|---|---|---|---|",
    ]
    spreads = about.get("angles", {})
    lines += [_error_line(row) for row in rows if spreads.get(row["angle"], math.inf) >= LEAST_SPREAD_DEG]
    if elsewhere := _elsewhere(about):
        lines += ["", *elsewhere]
    if effects := about.get("effects"):
        table = pd.DataFrame(effects)
        numbers = {"effect", "low", "high", "p", "p_holm"} & set(table.columns)
        table = table.astype(dict.fromkeys(numbers, float))
        lines += ["", "Does the raw error depend on who it is?", "", effect_rows(table).rstrip()]
    return "\n".join(lines)


def _error_line(row: Mapping[str, Any]) -> str:
    """One row of a table of errors."""
    interval = f" [{row['low']:.2f}, {row['high']:.2f}]" if row["low"] is not None else ""
    spread = f" ± {row['sd']:.2f}" if row["people"] > 1 else ""
    value = f"{row['mean']:.2f}{spread}{interval}"
    sensors = f"*{row['sensors']}*" if row["sensors"] == _CONSTANT else row["sensors"]
    return f"| {sensors} | {row['measure']} | {row['angle']} | {value} | {row['worst']:.2f} |"


def _elsewhere(about: Mapping[str, Any]) -> list[str]:
    """Tables of errors on other corpora, one after the other."""
    rows, spreads, lines = about.get("elsewhere", []), about.get("angles", {}), []
    for corpus in dict.fromkeys(row["corpus"] for row in rows):
        own = [row for row in rows if row["corpus"] == corpus]
        lines += [
            f"On {own[0]['people']} people of another corpus, `{corpus}` (SHA-256 `{own[0]['sha256'][:16]}...`), none "
            "of whom taught it; records with that corpus's own sensor errors:",
            "",
            "| sensors | error | angle | RMSE | worst person |",
            "|---|---|---|---|---|",
            *(_error_line(row) for row in own if spreads.get(row["angle"], math.inf) >= LEAST_SPREAD_DEG),
            "",
        ]
    return lines[:-1]


def _limits(checkpoint: Checkpoint) -> list[str]:
    about, found = checkpoint.about, []
    if joint_of(checkpoint):
        found.append(_NAMES)
    if about.get("movement"):
        still = [name for name in ANGLE_NAMES if name not in learnt_angles(checkpoint)]
        if still:
            found.append(
                f"{' and '.join(still).capitalize()} of the {joint_of(checkpoint)}: hardly moved in training, so the "
                "network says a constant; `kinesynth network apply` leaves them empty."
            )
        moved = about["movement"]
        found.append(
            f"Other movements than {' and '.join(moved['tasks'])}, other speeds than {_range(moved['speed'], 'm/s')}, "
            "impaired gait."
        )
        if about["corpus"].get("out_of_plane"):
            found.append(
                "Adduction and rotation as a measurement: drawn curves taught them, and on real people they may be no "
                "better than a constant (compare *mean angle* above)."
            )
        if about["corpus"]["is_virtual"]:
            found.append(
                "Results on real people without a check against a reference: no real person taught it, and errors on "
                "real people are larger than those above."
            )
    return [*found, *LIMITS]
