"""Commands of `training`: ``kinesynth train``, ``evaluate``, ``compare`` and ``report``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand

from mocap_import.batch import ExitCode, exit_code
from mocap_import.engine import EngineFailed, open_engine
from mocap_import.engine_option import EngineWord, Scheduler
from mocap_import.progress import track
from synth.corpus.schema import CorpusMismatch
from training.config import ConfigRefused, load_config

if TYPE_CHECKING:
    import pandas as pd

train_app = typer.Typer(add_completion=False, rich_markup_mode=None)
evaluate_app = typer.Typer(add_completion=False, rich_markup_mode=None)
compare_app = typer.Typer(add_completion=False, rich_markup_mode=None)
report_app = typer.Typer(add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@train_app.command()
def train(
    corpus: Annotated[Path, typer.Argument(help="Reference corpus (.h5): inertial records with labels.")],
    out_dir: Annotated[Path, typer.Argument(help="Folder for checkpoints and estimates.")],
    network: Annotated[
        list[str] | None,
        typer.Option(help="conv1d, lstm or temporal; repeat it to train several. Default: the file's."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with training settings.")] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out/--all", help="One network a left-out subject, or one on all subjects.")
    ] = True,
    apply_to: Annotated[Path | None, typer.Option(help="With --all: a corpus of other subjects to estimate.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Folds trained at the same time.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="Of weights, windows and sensor errors.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda. Default: the file's, or cpu.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bf16. Default: the file's, or float32.")] = None,
    save_every: Annotated[int, typer.Option(min=0, help="Steps between two states to go on from; 0 = none.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Train networks on a reference corpus and estimate the trials of subjects they never saw.

    Leaving one subject out writes OUT_DIR/NETWORK.h5 (a corpus of estimates) and one checkpoint a subject, and
    OUT_DIR/mean_waveform.h5, the estimate that every network must beat (and mean_waveform_true_timing.h5, the same
    told the contact times of the truth, a bound). --all writes OUT_DIR/NETWORK.safetensors. A run that was killed or
    interrupted goes on where it stopped, on the same command, and ends with the same weights: finished folds are kept,
    and the state of an unfinished training lies beside its checkpoint.

    Under `torchrun --nproc-per-node N -m kinesynth train ...` N processes train each network together.

    Example: kinesynth train reference.h5 networks --network conv1d --network lstm --workers 2
    """
    overrides = {"seed": seed, "device": device, "precision": precision}

    def run() -> ExitCode:
        from training.train_command import Wish, train_networks

        configs = [load_config(config, network=name, **overrides) for name in network or [None]]
        return train_networks(
            Wish(
                corpus, out_dir, {c.network: c for c in configs}, leave_one_out, apply_to, workers, save_every, as_json
            )
        )

    with_reasons(run, as_json)


class EvaluateCommand(TyperCommand):
    """Takes three files and a method, or a table and any number of corpora."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse what neither form has."""
        rest = super().parse_args(ctx, args)
        files, table = ctx.params.get("files") or (), ctx.params.get("table")
        if table and not ctx.params.get("out"):
            raise typer.BadParameter("Missing option '--out': the folder for tables, folds and networks.")
        if not table and len(files) != 3:
            raise typer.BadParameter(
                f"Missing argument: TRUTH.h5 ESTIMATE.h5 ERRORS.csv are three files, got {len(files)}."
            )
        if not table and not ctx.params.get("method"):
            raise typer.BadParameter("Missing option '--method': the name of the method in the table.")
        return rest


@evaluate_app.command(cls=EvaluateCommand)
def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="TRUTH.h5 ESTIMATE.h5 ERRORS.csv (the last is written); with --table: corpora.", metavar="FILES"
        ),
    ],
    method: Annotated[str, typer.Option(help="Name of the method in the error table.")] = "",
    table: Annotated[str, typer.Option(help="rapp (Rapp et al. 2021), or learning (curve).")] = "",
    out: Annotated[Path | None, typer.Option(help="With --table: folder for tables, folds and networks.")] = None,
    joint: Annotated[list[str] | None, typer.Option(help="With --table: hip, knee or ankle; default: all.")] = None,
    scheme: Annotated[list[str] | None, typer.Option(help="With --table: e.g. 5-fold; default: all.")] = None,
    network: Annotated[str, typer.Option(help="With --table: the network of every fold.")] = "temporal",
    seed: Annotated[int, typer.Option(min=0, help="With --table: of folds, networks and sensor errors.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0 scores without any.")] = 0,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Score estimates against the reference: one row a subject, trial, coordinate and metric.

    Every method is scored by the same function on the frames that have a label; trials without an estimate are
    counted as refused. Exit code 3 if some trials were refused, 4 if all.

    --table rapp trains and scores, for every joint and fold, all steps of Rapp et al. (2021), raw and
    pseudo-calibrated, and writes rapp.csv, rapp.md and errors.csv to --out. A run that was stopped goes on from its
    finished folds.

    Example: kinesynth evaluate reference.h5 networks/conv1d.h5 errors_conv1d.csv --method conv1d
    kinesynth evaluate --table rapp running.h5 --out rapp
    """

    def run() -> ExitCode:
        if table:
            from training.joint.table_command import TableWish, tell_table

            return tell_table(TableWish(table, files, out, joint or (), scheme or (), network, seed, as_json))
        return _evaluate(*files, method, (workers, engine, scheduler), as_json)

    with_reasons(run, as_json)


@compare_app.command()
def compare(
    errors: Annotated[list[Path], typer.Argument(help="Error tables (.csv) of one or more methods.")],
    out: Annotated[Path | None, typer.Option(help="Comparison table to write (.csv).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap over subjects.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Put methods side by side: mean and SD over subjects, 95 % intervals, and who beats the mean waveform.

    Example: kinesynth compare errors_conv1d.csv errors_baseline.csv errors_mean.csv --out comparison.csv
    """
    with_reasons(lambda: _compare(errors, out, seed, as_json), as_json)


@report_app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Folder of a run; several are compared.")],
    out: Annotated[
        Path | None,
        typer.Option(help="HTML file to write (or as last argument). Default: RUN/report.html, or runs.html."),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "",
    names: Annotated[bool, typer.Option("--names", help="Show subjects' codes and files' names as they are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page about a run: tables, curves, what was refused, where it came from.

    A part that is missing in the run's folder is said in its place. Several runs are compared: curves of their losses,
    what their configurations differ in, errors side by side. Subjects stand under neutral names but for --names.

    Example: kinesynth report networks-wide networks-deep --out comparison.html
    """
    with_reasons(lambda: _report(runs, out, title, names, as_json), as_json)


def with_reasons(run: Callable[[], ExitCode], as_json: bool) -> None:
    """Run a command and end it with its exit code, or with one sentence about what was wrong."""
    try:
        code = run()
    except (CorpusMismatch, ConfigRefused, EngineFailed, OSError) as error:
        sentence = " ".join(str(error).split())
        typer.echo(json.dumps({"error": sentence}) if as_json else f"Error: {sentence}", err=not as_json)
        code = ExitCode.ERROR
    except KeyboardInterrupt:
        typer.echo("Stopped. What was finished is kept; run the same command again to go on.", err=True)
        code = ExitCode.INTERRUPTED
    raise typer.Exit(int(code))


def _evaluate(
    truth: Path, estimate: Path, out: Path, method: str, place: tuple[int, str, str], as_json: bool
) -> ExitCode:
    """Score; `place` is workers, engine, scheduler."""
    from synth.corpus import Corpus
    from training.comparison import compare as compare_methods
    from training.comparison import summary_table
    from training.csv_table import write_csv
    from training.evaluation import count_trials
    from training.evaluation import evaluate as score

    workers, word, scheduler = place
    with (
        open_engine(word, n_workers=max(1, workers), scheduler=scheduler) as runner,
        track(len(Corpus(truth).trials()), "Scoring", shown=False if as_json else None) as bar,
    ):
        where = None if word == "local" and workers == 0 else runner
        errors = score(truth, estimate, method, engine=where, progress=bar.advance)
    write_csv(out, errors)
    counts = count_trials(errors)
    comparison = compare_methods(errors)
    if as_json:
        typer.echo(json.dumps({"errors": str(out), "method": method} | counts | {"comparison": _records(comparison)}))
    else:
        _show(summary_table(comparison, method), method)
        for row in errors[errors["note"] != ""].itertuples():
            typer.echo(f"{row.subject}/{row.trial}: {row.metric}: {row.note}", err=True)
        typer.echo(f"{out}: " + ", ".join(f"{n} {word}" for word, n in counts.items()))
    return exit_code(counts["scored"], counts["refused"])


def _compare(files: list[Path], out: Path | None, seed: int, as_json: bool) -> ExitCode:
    import pandas as pd

    from training.comparison import compare as compare_methods
    from training.comparison import comparison_table
    from training.csv_table import read_csv, write_csv
    from training.evaluation import COLUMNS

    errors = pd.concat([read_csv(path, COLUMNS[:-1]) for path in files])
    comparison = compare_methods(errors, seed=seed)
    if out is not None:
        write_csv(out, comparison)
    if as_json:
        typer.echo(json.dumps({"comparison": _records(comparison)}))
        return ExitCode.ALL
    _show(comparison_table(comparison).T.reset_index(names="mean ± SD over subjects"), "Comparison")
    told = comparison[(comparison["measure"] == "angle_rmse") & (comparison["verdict"] != "")]
    for row in told.itertuples():
        typer.echo(f"{row.method} against the mean waveform, joint angle RMSE: {row.verdict} (n = {row.n_subjects})")
    return ExitCode.ALL


def _report(runs: list[Path], out: Path | None, title: str, names: bool, as_json: bool) -> ExitCode:
    from training.report.comparison_of_runs import read_runs, write_comparison
    from training.report.page import write_report
    from training.report.run_directory import read_run

    if out is None and len(runs) > 1 and runs[-1].suffix == ".html":
        *runs, out = runs
    remarks: list[str] = []
    if len(runs) > 1:
        page = write_comparison(read_runs(runs), out or Path("runs.html"), title)
    else:
        inputs, remarks = read_run(runs[0], title)
        page = write_report(inputs, out or runs[0] / "report.html", keep_names=names)
    if as_json:
        typer.echo(json.dumps({"report": str(page), "remarks": remarks}))
    else:
        for remark in remarks:
            typer.echo(remark, err=True)
        typer.echo(str(page))
    return ExitCode.ALL


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain data, NaN as null."""
    return json.loads(table.to_json(orient="records"))


def _show(table: pd.DataFrame, title: str) -> None:
    shown = Table(title=title)
    for column in table.columns:
        shown.add_column(str(column))
    for row in table.itertuples(index=False):
        shown.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row))
    Console().print(shown)
