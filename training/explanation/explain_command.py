"""Command `kinesynth explain`: which sensor, in which phase of gait, a trained network uses for what it estimates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocap_import.batch import ExitCode
from synth.corpus.schema import CorpusMismatch
from training.cli import AsJson, with_reasons

if TYPE_CHECKING:
    import pandas as pd

    from training.checkpoint import Checkpoint
    from training.target import Target

explain_app = typer.Typer(add_completion=False, rich_markup_mode=None)


@explain_app.command(
    epilog="Example: kinesynth explain networks/checkpoints/conv1d/S01.safetensors reference.h5 "
    "--coordinate knee_angle_r"
)
def explain(
    network: Annotated[Path, typer.Argument(help="Network of `kinesynth train` (.safetensors).")],
    corpus: Annotated[Path, typer.Argument(help="Corpus (.h5); people who taught the network are left out.")],
    out: Annotated[Path, typer.Option(help="Table to write (.csv).")] = Path("explanation.csv"),
    coordinate: Annotated[
        list[str] | None, typer.Option(help="What to explain; repeat it. Default: every joint angle.")
    ] = None,
    method: Annotated[str, typer.Option(help="occlusion or gradients.")] = "occlusion",
    phases: Annotated[int, typer.Option(min=1, max=20, help="Equal parts of the gait cycle.")] = 5,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each person, at most.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap and of the random explanation.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Tell which sensor and which phase of the cycle a network uses, and whether these are the right ones.

    OUT has one row a trial, coordinate, sensor and phase, with its importance in degrees (%BW, %BWBH). Beside it,
    OUT with _concordance in its name says how well the sensors that matter are those beside the joint, with intervals
    over subjects and a random explanation as the row to beat.
    """

    def run() -> ExitCode:
        import pandas as pd

        from mocap_import.progress import track
        from synth.corpus import Corpus
        from training.checkpoint import load_checkpoint
        from training.csv_table import write_csv
        from training.explanation.attribution import METHODS
        from training.explanation.gait_explanation import explain_trial, sensor_concordance

        if method not in METHODS:
            raise CorpusMismatch(f"--method {method}: expected {' or '.join(METHODS)}.")
        checkpoint, reader = load_checkpoint(network), Corpus(corpus)
        targets = _targets(checkpoint, coordinate or [])
        keys = _unseen(reader.trials(), checkpoint, trials)
        parts = []
        for subject, name in track(keys, "Explaining", shown=False if as_json else None):
            parts.append(explain_trial(checkpoint, reader.read(subject, name), targets, method, phases))
        table = pd.concat(parts, ignore_index=True)
        agreement = sensor_concordance(table, seed)
        write_csv(out, table)
        beside = out.with_name(f"{out.stem}_concordance{out.suffix}")
        write_csv(beside, agreement)
        _tell(table, agreement, out, as_json=as_json)
        return ExitCode.ALL

    with_reasons(run, as_json)


def _targets(checkpoint: Checkpoint, wanted: list[str]) -> list[Target]:
    """What to explain, in the network's order."""
    known = [t for t in checkpoint.targets if t.kind == "angle"] if not wanted else list(checkpoint.targets)
    names = {t.coordinate for t in checkpoint.targets}
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise CorpusMismatch(
            f"--coordinate {unknown[0]}: this network does not estimate it. It knows {', '.join(sorted(names))}."
        )
    return [t for t in known if not wanted or t.coordinate in wanted]


def _unseen(keys: list[tuple[str, str]], checkpoint: Checkpoint, most: int) -> list[tuple[str, str]]:
    """Trials of people who did not teach, at most so many of each."""
    taken: dict[str, list[tuple[str, str]]] = {}
    for subject, name in keys:
        if subject not in checkpoint.subjects and len(taken.setdefault(subject, [])) < most:
            taken[subject].append((subject, name))
    chosen = [key for own in taken.values() for key in own]
    if not chosen:
        raise CorpusMismatch(
            "everybody in this corpus taught the network. Give a corpus of other people, or the network that left "
            "somebody out."
        )
    return chosen


def _tell(table: pd.DataFrame, agreement: pd.DataFrame, out: Path, *, as_json: bool) -> None:
    """The most important sensor and phase of each coordinate, and the concordance."""
    if as_json:
        rows = json.loads(agreement.to_json(orient="records"))
        typer.echo(json.dumps({"explanation": str(out), "n_rows": len(table), "concordance": rows}))
        return
    for (kind, coordinate), own in table.groupby(["kind", "coordinate"], sort=False):
        mean = own.groupby(["sensor", "phase"], sort=False).importance.mean()
        sensor, phase = mean.idxmax()
        unit = own.unit.iloc[0]
        typer.echo(f"{coordinate} ({kind}): most from {sensor} at {phase} % of the cycle ({mean.max():.2f} {unit})")
    for row in agreement.itertuples():
        interval = f" ({row.low:.2f} to {row.high:.2f})" if row.low == row.low else ""
        typer.echo(
            f"{row.coordinate}: {row.measure} of {row.method} with the joint's own sensors: {row.value:.2f}{interval}"
        )
    typer.echo(str(out))
