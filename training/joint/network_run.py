"""Networks side by side on the same folds: each as published beside the quick one, errors and cost in one table.

One augmented network a fold, nothing after it (the steps after the network are those of `training.joint.fold_run`).
The first row is no network: the teachers' mean angles, which look at no sensor.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import ANGLE_NAMES, JointTrial
from training.comparison import bootstrap_interval
from training.config import TrainingConfig
from training.csv_table import write_csv
from training.device import device_name
from training.joint.fold import Fold, part_subjects
from training.joint.joint_model import WEARINGS, score_worn, train_on
from training.joint.network_difference import difference_rows, paired_networks
from training.joint.person_effect import effect_rows, person_effects
from training.joint.rapp_table import MEASURES
from training.joint.recipe import joint_config
from training.joint.score import score_angles
from training.joint.sound_trial import SoundTrials, read_sound_trials

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "temporal": ("temporal", {}),
    "Conv1D as published": ("published_conv1d", {}),
    "LSTM as published": ("published_lstm", {"bidirectional": False}),
    "BiLSTM as published": ("published_lstm", {"bidirectional": True}),
}
"""Row → name in the registry, and settings."""
MEAN_ANGLE = "mean angle of the teachers"
COST_HEADS = {"parameters": "parameters", "steps": "steps", "cpu_seconds": "CPU s", "trained_on": "trained on"}
"""Column → its head on the page; the device is a column where it is not the CPU."""
Progress = Callable[[int, int, str], None]
"""Called as progress(trainings done, in all, name of the next)."""


def make_network_table(
    corpus: Path,
    out: Path,
    *,
    joint: str = "knee",
    steps: int | None = None,
    seed: int = 0,
    schemes: Sequence[str] = (),
    progress: Progress | None = None,
    tell: Callable[[SoundTrials], object] | None = None,
    device: str = "cpu",
) -> pd.DataFrame:
    """Train every network on every fold and score it on the fold's people, sensors as placed and misplaced.

    Parameters
    ----------
    corpus : Path
    out : Path
        Gets ``networks_JOINT.csv``, ``networks_JOINT_paired.csv`` (`training.joint.network_difference`),
        ``networks_JOINT.md`` (both, and the effect of mass, height and sex on the first network's error, all people)
        and a file a training; a run that was stopped goes on.
    joint : str
    steps : int, optional
        Of every network; by default each recipe's own (of the published ones 10,000).
    seed : int
    schemes : sequence of str
        Of `training.joint.fold.Fold.scheme`; the first one by default.
    progress : callable, optional
    tell : callable, optional
        Called with what was read, before anything is trained: which trials are left out or doubtful.
    device : str
        ``"cpu"`` or ``"cuda"``; a GPU is named in a column of its own.

    Returns
    -------
    DataFrame
        One row a network, wearing, measure and angle: ``mean, sd, low, high`` (deg, over people), ``people``,
        ``steps``, ``parameters``, ``cpu_seconds`` (of one training, mean over folds).
    """
    read = read_sound_trials(corpus, joint)
    if tell is not None:
        tell(read)
    trials = read.trials
    folds = part_subjects({trial.subject.code: trial.laboratory for trial in trials}, seed=seed)
    chosen = [fold for fold in folds if fold.scheme in (schemes or (folds[0].scheme,))]
    if not chosen:
        raise CorpusMismatch(f"{corpus}: no fold of {', '.join(schemes)}; there are {folds[0].scheme}, ...")
    limits = {"device": device} | ({} if steps is None else {"steps": steps})
    configs = {row: joint_config(name, seed=seed, **own, **limits) for row, (name, own) in NETWORKS.items()}
    digest, cards = file_hash(corpus), []
    for number, fold in enumerate(chosen):
        cards.append(_constant(trials, fold))
        for place, (row, config) in enumerate(configs.items()):
            if progress is not None:
                progress(number * len(configs) + place, len(chosen) * len(configs), f"{row}, {fold.name}")
            cards.append(_training(row, config, fold, trials, out, digest, seed))
        table = _written(cards, out, trials, f"{chosen[0].scheme}, {number + 1} of {len(chosen)} folds", seed)
    return table


def _written(
    cards: Sequence[Mapping[str, Any]], out: Path, trials: Sequence[JointTrial], scheme: str, seed: int
) -> pd.DataFrame:
    """Write the table of the folds so far."""
    joint, people = trials[0].joint, {trial.subject.code: trial.subject for trial in trials}
    table = _summary(cards, seed)
    write_csv(out / f"networks_{joint}.csv", table)
    first = next(iter(NETWORKS))
    errors = pd.concat([pd.DataFrame(card["rows"]) for card in cards if card["network"] == first])
    effects = person_effects(errors[errors["step"] == next(iter(WEARINGS))], people)
    frames = [pd.DataFrame(card["rows"]).assign(network=card["network"], fold=card["fold"]) for card in cards]
    paired = pd.concat([frame for frame in frames if frame["network"].iloc[0] != MEAN_ANGLE])
    differences = paired_networks(paired, first, seed=seed)
    write_csv(out / f"networks_{joint}_paired.csv", differences)
    page = network_page(table, joint, scheme) + f"\n## Each network less {first}, the same people, raw, deg\n\n"
    page += f"{difference_rows(differences)}\n## Who is hard to estimate ({first})\n\n"
    write_durably(out / f"networks_{joint}.md", page + effect_rows(effects))
    return table


def network_page(table: pd.DataFrame, joint: str, scheme: str) -> str:
    """The table for people, in Markdown."""
    lines = [
        f"# Networks: {joint}, {scheme}, {table['people'].max()} people",
        "",
        "RMSE in degrees, mean ± SD over people [95 % bootstrap interval of the mean]; the augmented network alone, no "
        "step after it; 15 % noise on the test signals. Misplaced: each sensor turned by N(0, 13.5°). "
        "Pseudo-calibrated errors use the true mean of each trial. CPU time of one training, one thread.",
        "",
    ]
    costs = ["parameters", "steps", "cpu_seconds"]
    if set(table["trained_on"]) - {"cpu"}:
        costs.append("trained_on")
    heads = ["network", *(COST_HEADS[c] for c in costs), "sensors", "error", *ANGLE_NAMES]
    lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for (name, wearing, measure), block in table.groupby(["network", "sensors", "measure"], sort=False):
        first, own = block.iloc[0], block.set_index("angle")
        cost = [(first[c] if c == "trained_on" else f"{first[c]:,.0f}") if first["steps"] else "–" for c in costs]
        cells = [_cell(own.loc[angle]) for angle in ANGLE_NAMES]
        lines.append(f"| {name} | " + " | ".join([*cost, wearing, measure, *cells]) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: pd.Series) -> str:
    spread = f" ± {row['sd']:.2f}" if np.isfinite(row["sd"]) else ""
    interval = f" [{row['low']:.2f}, {row['high']:.2f}]" if np.isfinite(row["low"]) else ""
    return f"{row['mean']:.2f}{spread}{interval}"


def _training(
    row: str, config: TrainingConfig, fold: Fold, trials: Sequence[JointTrial], out: Path, digest: str, seed: int
) -> dict[str, Any]:
    """Train and score one network on one fold, or read it."""
    facts = [digest, trials[0].joint, fold.teachers, fold.scored, seed, config.model_dump(mode="json")]
    mark = json.loads(json.dumps(facts))
    path = out / "networks" / f"{trials[0].joint}-{row}-{fold.name}.json".replace(" ", "_")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if card["mark"] == mark:
            return card
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there or damaged: it is made
    began = time.process_time()
    network = train_on([trial for trial in trials if trial.subject.code in fold.teachers], config)
    seconds = time.process_time() - began
    scores = score_worn(network, [trial for trial in trials if trial.subject.code in fold.scored], seed=seed)
    size = sum(weights.numel() for weights in network.network.parameters())
    card = {"mark": mark, "network": row, "fold": fold.name, "steps": config.steps, "parameters": size}
    card |= {"cpu_seconds": seconds, "trained_on": device_name(config.device), "rows": scores.to_dict(orient="records")}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps(card) + "\n")
    return card


def _constant(trials: Sequence[JointTrial], fold: Fold) -> dict[str, Any]:
    """The row without a network."""
    own = np.concatenate([trial.angles for trial in trials if trial.subject.code in fold.teachers])
    mean, rows = np.nanmean(own, axis=0), []
    for trial in trials:
        if trial.subject.code in fold.scored:
            rows += score_angles(next(iter(WEARINGS)), trial, np.tile(mean, (len(trial.angles), 1)))
    return {"network": MEAN_ANGLE, "fold": fold.name, "steps": 0, "parameters": 3, "cpu_seconds": 0.0, "rows": rows}


def _summary(cards: Sequence[Mapping[str, Any]], seed: int) -> pd.DataFrame:
    """Over the people of all folds so far."""
    costs = ("network", "steps", "parameters", "cpu_seconds")
    frame = pd.concat([pd.DataFrame(card["rows"]).assign(**{key: card[key] for key in costs},
                       trained_on=card.get("trained_on", "cpu")) for card in cards])  # fmt: skip
    found = []
    for (name, wearing, angle), group in frame.groupby(["network", "step", "angle"], sort=False):
        for measure, column in MEASURES.items():
            by_person = group.groupby("subject")[column].mean().dropna()
            low, high = bootstrap_interval(by_person.to_numpy(), seed)
            row = {"network": name, "sensors": wearing, "measure": measure, "angle": angle, "mean": by_person.mean()}
            row |= {"sd": by_person.std(), "low": low, "high": high, "people": len(by_person)}
            row |= {"steps": group["steps"].iloc[0], "parameters": group["parameters"].iloc[0]}
            row["trained_on"] = group["trained_on"].iloc[0]
            found.append(row | {"cpu_seconds": float(group["cpu_seconds"].unique().mean())})
    return pd.DataFrame(found)
