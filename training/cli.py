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
from mocap_import.command_end import sentence_of, stop
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
        bool | None,
        typer.Option(
            "--leave-one-out/--all",
            help="One network a left-out subject, or one on all. Default: the stored splits, if there is one family.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Stored splits: a family (nested_of_20) or one of them.")] = "",
    apply_to: Annotated[Path | None, typer.Option(help="With --all: a corpus of other subjects to estimate.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Folds trained at the same time.")] = 1,
    loaders: Annotated[int, typer.Option(min=0, help="Processes that read windows ahead of each training.")] = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Of weights, windows and sensor errors.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda. Default: the file's, or cpu.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bf16. Default: the file's, or float32.")] = None,
    save_every: Annotated[int, typer.Option(min=0, help="Steps between two states to go on from; 0 = none.")] = 100,
    objective: Annotated[str, typer.Option(help="labels, or physics: records alone (lstm or bilstm).")] = "labels",
    as_json: AsJson = False,
) -> None:
    """Train networks on a reference corpus and estimate the trials of subjects they never saw.

    Leaving one subject out writes OUT_DIR/NETWORK.h5 (a corpus of estimates) and one checkpoint a subject, and
    OUT_DIR/mean_waveform.h5, the estimate that every network must beat (and mean_waveform_true_timing.h5, the same
    told the contact times of the truth, a bound). --all writes OUT_DIR/NETWORK.safetensors. Splits that are stored in
    the corpus (`kinesynth corpus split`) decide who teaches and who is tested: --split names them, and one family is
    used without being named. Nested ones write OUT_DIR/NETWORK_SPLIT.h5, a point of the learning curve each.

    A run that was killed or interrupted goes on where it stopped, on the same command, and ends with the same weights:
    finished folds are kept, and the state of an unfinished training lies beside its checkpoint.

    Under `torchrun --nproc-per-node N -m kinesynth train ...` N processes train each network together.

    --objective physics reads no label: it writes OUT_DIR/physics_NETWORK.safetensors, estimates of the corpus (or of
    --apply-to) for `kinesynth evaluate`, and where it found each person's sensors
    (`kinesynth train walking.h5 networks --objective physics --network lstm`).

    Example: kinesynth train reference.h5 networks --network conv1d --network lstm --workers 2
    """
    overrides = {"seed": seed, "device": device, "precision": precision}

    def run() -> ExitCode:
        if objective not in ("labels", "physics"):
            raise ConfigRefused(f"--objective {objective}: expected labels or physics")
        if objective == "physics":
            of_labels = {"--leave-one-out": leave_one_out, "--all": leave_one_out is False, "--split": split}
            of_labels |= {"--workers": workers > 1, "--loaders": loaders, "--device": device, "--precision": precision}
            why = "one network on everybody's records, on one thread of the CPU, is all there is"
            _refuse_unused("--objective physics", of_labels, why)
            from training.physics.train_command import load_physics_configs, train_label_free

            given = load_physics_configs(config, network or [], seed)
            return train_label_free(corpus, out_dir, given, apply_to, save_every, as_json)
        from training.train_command import Wish, train_networks

        configs = [load_config(config, network=name, **overrides) for name in network or [None]]
        by_name = {c.network: c for c in configs}
        who = (leave_one_out, split, apply_to)
        return train_networks(Wish(corpus, out_dir, by_name, *who, workers, loaders, save_every, as_json))

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
    table: Annotated[str, typer.Option(help="rapp (Rapp et al. 2021), learning (curve), or networks.")] = "",
    out: Annotated[Path | None, typer.Option(help="With --table: folder for tables, folds and networks.")] = None,
    joint: Annotated[list[str] | None, typer.Option(help="With --table: hip, knee or ankle; default: all.")] = None,
    scheme: Annotated[list[str] | None, typer.Option(help="With --table: e.g. 5-fold; default: all.")] = None,
    network: Annotated[
        str, typer.Option(help="With --table rapp or learning: the network of every fold. Default: temporal.")
    ] = "",
    steps: Annotated[int | None, typer.Option(min=1, help="With --table: steps of every network, not its own.")] = None,
    device: Annotated[str, typer.Option(help="With --table: where networks are trained, cpu, cuda or auto.")] = "",
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
    finished folds. --table learning is the learning curve of a joint, --table networks sets the published networks
    beside the quick one.

    Example: kinesynth evaluate reference.h5 networks/conv1d.h5 errors_conv1d.csv --method conv1d
    kinesynth evaluate --table rapp running.h5 --out rapp
    """

    def run() -> ExitCode:
        of_tables = {"--out": out, "--joint": joint, "--scheme": scheme, "--network": network, "--steps": steps}
        of_tables["--device"] = device
        if not table:
            _refuse_unused("evaluate of estimates", of_tables | {"--seed": seed}, "it belongs to --table")
        if table:
            from training.joint.table_command import TableWish, tell_table

            wish = (table, files, out, joint or (), scheme or (), network, seed, as_json, steps, device or "cpu")
            return tell_table(TableWish(*wish))
        return _evaluate(*files, method, (workers, engine, scheduler), as_json)

    with_reasons(run, as_json)


@compare_app.command()
def compare(
    errors: Annotated[
        list[Path],
        typer.Argument(help="Error tables (.csv); or a reference corpus and corpora of estimates (.h5 or NAME=.h5)."),
    ],
    out: Annotated[Path | None, typer.Option(help="Comparison table (.csv); of corpora the folder to write.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap over subjects, and of trainings.")] = 0,
    train: Annotated[
        list[str] | None, typer.Option(help="Row to train, one person left out: supervised, cycle_cnn, ...; repeat it.")
    ] = None,
    taught_by: Annotated[Path | None, typer.Option(help="Corpus of others who teach, for a lone person.")] = None,
    simulated: Annotated[Path | None, typer.Option(help="Corpus of virtual persons, for rows that use it.")] = None,
    names: Annotated[bool, typer.Option("--names", help="Show subjects' codes on the page as they are.")] = False,
    device: Annotated[
        str | None, typer.Option(help="Where rows are trained: cpu, cuda, or auto (a GPU if any). Default: cpu.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of label-free rows. Default: 1500.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put methods side by side: mean and SD over subjects, 95 % intervals, and who beats the mean waveform.

    Of corpora the folder gets tables by method, joint and person, paired tests, the synchronisation audit of the
    reference and one page; the mean waveform is always among them. The same corpora and seed give the same tables on
    one kind of device.

    Example: kinesynth compare real.h5 angles_vqf.h5 --train supervised --out comparison/ --seed 0
    """

    def run() -> ExitCode:
        from training.compare_command import ComparisonWish, are_corpora, compare_by_wish

        if not are_corpora(errors):
            of_corpora = {"--train": train, "--taught-by": taught_by, "--simulated": simulated, "--names": names}
            of_corpora |= {"--device": device, "--steps": steps}
            _refuse_unused("compare of error tables (.csv)", of_corpora, "it belongs to corpora (.h5)")
            return _compare(errors, out, seed, as_json)
        folder, rows = out or Path("comparison"), tuple(train or ())
        if steps is not None and not any(name.startswith("label_free") for name in rows):
            raise ConfigRefused("--steps: it is of label-free rows, and none is trained here (--train label_free)")
        given = (tuple(errors), folder, rows, taught_by, simulated, seed, names, as_json, device or "cpu", steps)
        return compare_by_wish(ComparisonWish(*given))

    with_reasons(run, as_json)


@report_app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Folder of a run, or a corpus; several runs are compared.")],
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
        stop(" ".join(sentence_of(error).split()), as_json)
    except KeyboardInterrupt:
        kept = "interrupted; what is finished is kept, and the same command goes on from there."
        stop(kept, as_json, ExitCode.INTERRUPTED)
    raise typer.Exit(int(code))


def _refuse_unused(form: str, options: dict[str, object], why: str) -> None:
    """Refuse options that would have no effect."""
    given = [name for name, value in options.items() if value]
    if given:
        raise ConfigRefused(f"{', '.join(given)}: {form} does not use it; {why}")


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
    from training.csv_table import ERROR_TABLE, read_csv, write_csv
    from training.evaluation import COLUMNS

    errors = pd.concat([read_csv(path, COLUMNS[:-1], ERROR_TABLE) for path in files])
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
        beside = runs[0].with_name(f"{runs[0].stem}_report.html") if runs[0].is_file() else runs[0] / "report.html"
        page = write_report(inputs, out or beside, keep_names=names)
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
