"""What ``kinesynth tune`` does: hyperparameters of a joint model, on people of one fold's training side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mocap_import.batch import ExitCode
from mocap_import.progress import track
from training.cli import AsJson, with_reasons

tune_app = typer.Typer(add_completion=False, rich_markup_mode=None)


@tune_app.command()
def tune(
    corpus: Annotated[Path, typer.Argument(help="Corpus (.h5) with inertial records and poses of segments.")],
    out_dir: Annotated[Path, typer.Argument(help="Folder of the run; a stopped search goes on from it.")],
    joint: Annotated[str, typer.Option(help="hip, knee or ankle.")] = "knee",
    network: Annotated[str, typer.Option(help="temporal, published_conv1d or published_lstm.")] = "temporal",
    candidates: Annotated[int, typer.Option(min=1, help="In all, those of earlier sittings included.")] = 30,
    fold: Annotated[int, typer.Option(min=1, help="Whose scored people are left out of the search.")] = 1,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of every candidate, instead of a search.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of sampler, networks, partings and sensor errors.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Search hyperparameters of a joint model by tree-structured Parzen estimators (Optuna), pruned by the median.

    The people whom the fold scores have no part in it: three quarters of the others teach, one quarter validates.
    Writes OUT_DIR/tuned.json and OUT_DIR/tuning.db. The same command goes on where it was stopped.

    Example: kinesynth tune running.h5 tuning --joint knee --network published_conv1d --candidates 300
    """
    with_reasons(
        lambda: _tune(corpus, out_dir, joint, network, (candidates, fold, seed), {"steps": steps}, as_json), as_json
    )


def _tune(
    corpus: Path,
    out_dir: Path,
    joint: str,
    network: str,
    numbers: tuple[int, int, int],
    limits: dict[str, int | None],
    as_json: bool,
) -> ExitCode:
    """Search; `numbers` are candidates, fold and seed."""
    from synth.corpus.provenance import file_hash
    from training.config import ConfigRefused
    from training.joint.fold import inner_parting, part_subjects
    from training.joint.sound_trial import read_sound_trials
    from training.joint.table_command import say_told
    from training.joint.tuning import tune as search

    candidates, fold, seed = numbers
    read = read_sound_trials(corpus, joint)
    if not as_json:
        say_told(read)
    trials = read.trials
    laboratories = {trial.subject.code: trial.laboratory for trial in trials}
    folds = part_subjects(laboratories, seed=seed)
    if fold > len(folds):
        raise ConfigRefused(f"--fold: expected 1 to {len(folds)}, got {fold}")
    inner = inner_parting(folds[fold - 1], laboratories, seed=seed)
    with track(candidates, "Candidates", shown=False if as_json else None) as bar:
        so_far = 0

        def progress(done: int, total: int, best: float) -> None:
            nonlocal so_far
            bar.advance(done - so_far, description=f"Candidates, best {best:.2f} deg")
            so_far = done

        tuned = search(
            [trial for trial in trials if trial.subject.code in inner.teachers],
            [trial for trial in trials if trial.subject.code in inner.scored],
            out_dir,
            network=network,
            candidates=candidates,
            seed=seed,
            mark=f"{file_hash(corpus)} {joint} {folds[fold - 1].name}",
            limits={key: value for key, value in limits.items() if value is not None},
            progress=progress,
        )
    facts = {"network": network, "joint": joint, "settings": tuned.settings, "error_deg": tuned.error_deg}
    facts |= {"candidates": tuned.candidates, "pruned": tuned.pruned, "teachers": len(inner.teachers)}
    facts |= {"validation": len(inner.scored), "skipped": list(read.skipped), "doubts": list(read.doubts)}
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        typer.echo(
            f"{tuned.candidates} candidates ({tuned.pruned} pruned): {tuned.error_deg:.2f} deg on validation people"
        )
        typer.echo(", ".join(f"{key} {value}" for key, value in tuned.settings.items()))
    return ExitCode.ALL
