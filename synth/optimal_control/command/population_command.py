"""Command ``kinesynth gait population``: thousands of virtual people's walking or running in one corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import stop
from mocap_import.engine import EngineFailed, open_engine
from mocap_import.engine_option import EngineWord, Retry, Scheduler
from mocap_import.progress import track

if TYPE_CHECKING:
    import pandas as pd

    from synth.optimal_control.population.run import Population


def population(
    out: Annotated[Path, typer.Argument(help="The corpus to write (.h5).")],
    subjects: Annotated[int, typer.Option(min=1, help="Number of virtual people.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Draws the people, their speeds and styles.")] = 0,
    gaits: Annotated[int, typer.Option(min=1, help="Gaits of each, at speeds of their own.")] = 1,
    speeds: Annotated[
        str | None,
        typer.Option(help="Lowest and highest speed (m/s), or one for all; 0.8-1.8, running 2.4-4.0 if not said."),
    ] = None,
    task: Annotated[str, typer.Option(help="What they do: walk or run.")] = "walk",
    predict: Annotated[
        bool, typer.Option("--predict", help="From speed and effort alone, not near a normative gait in a style.")
    ] = False,
    spread: Annotated[float, typer.Option(min=0.0, help="How far styles are from the normative one.")] = 1.0,
    model: Annotated[Path | None, typer.Option(help="Another model (.osim), in which all walk like --guide.")] = None,
    guide: Annotated[Path | None, typer.Option(help="With --model: its recorded coordinates (.mot, .sto).")] = None,
    loads: Annotated[Path | None, typer.Option(help="With --model: ground reactions, ExternalLoads .xml.")] = None,
    hold: Annotated[list[str] | None, typer.Option(help="With --model: a coordinate that stays; repeat it.")] = None,
    impairment: Annotated[
        list[str] | None,
        typer.Option(help="People of 5 to 85 years, most with this impairment, at --gaits visits; repeat it; or all."),
    ] = None,
    healthy: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="With --impairment: share of people with whom nothing is wrong; else 0.3."),
    ] = None,
    laws: Annotated[
        str | None,
        typer.Option(
            help="With --impairment: standard; drawn, constants of everybody's own; other, of contact, activation, "
            "strength; far, of effort, too."
        ),
    ] = None,
    rate: Annotated[float, typer.Option(min=10.0, help="Samples per second of the result (Hz).")] = 100.0,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    retry: Retry = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Solve and validate the walking or running of virtual people and write it as a corpus.

    People differ in mass, stature, proportions, strength and age as people do. Every solution must be a human gait and
    follow from its own forces; what is refused stands in the corpus with the reason. Running the same command again
    goes on where it was interrupted. People are our planar model; with --model that model, stretched to each of them,
    and they walk the recorded stride of --guide, each in a manner of their own. With --impairment (weak_plantarflexors,
    equinus, crouch, short_steps, asymmetric_strength, unsteady, or all) they are of any age, and every gait is a visit
    at which their impairment has another severity. With --predict beside it only the cause is known, weak muscles or
    stiff tissue, and the gait is what comes out; unsteady has no such cause.
    """
    people = {"subjects": subjects, "seed": seed, "gaits": gaits, "spread": spread, "rate": rate}
    files = {"--model": model, "--guide": guide, "--loads": loads}
    from synth.corpus.schema import CorpusMismatch, require_corpus_name

    try:
        require_corpus_name(out)
        if not impairment and (healthy is not None or laws is not None):
            raise ValueError("--healthy and --laws belong to an --impairment; give one, or leave them out.")
        walk = _walk_of(task, speeds, predict=predict)
        if impairment:
            foreign = bool(speeds) or task != "walk" or any(files.values()) or bool(hold)
            request = _impaired(people, impairment, healthy, laws, refused=foreign, predict=predict)
        elif model is None:
            request = _planar(people, walk, refused=bool(guide or loads or hold))
        else:
            request = _recorded(people, files, hold or [], refused=predict or bool(speeds) or task != "walk")
    except (CorpusMismatch, ValueError) as problem:
        stop(str(problem), as_json, ExitCode.USAGE)
    place = {"engine": engine, "n_workers": workers, "scheduler": scheduler}
    _report(_solved(request, out, place, retry=retry, as_json=as_json), out, as_json)


def _solved(request: Population, out: Path, place: dict[str, Any], *, retry: bool, as_json: bool) -> pd.DataFrame:
    """Rows of the population; ends the command in a sentence where it cannot be made."""
    from mocap_import.trial import TrialRefused
    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus import CorpusMismatch
    from synth.optimal_control.population.run import build_population

    try:
        with open_engine(place.pop("engine"), **place) as runner:
            return build_population(request, out, progress=None if as_json else track, engine=runner, retry=retry)
    except (CorpusMismatch, TrialRefused, ModelMismatch, EngineFailed, ValueError) as problem:
        stop(str(problem), as_json)
    except OSError as problem:
        reason = problem.strerror or problem
        stop(f"{out}: cannot be written ({reason}). Free space or choose another folder.", as_json)
    except KeyboardInterrupt:
        words = f"interrupted; what is finished is kept in {out}.parts, the same command goes on from there"
        stop(words, as_json, ExitCode.INTERRUPTED)


def _report(rows: pd.DataFrame, out: Path, as_json: bool) -> None:
    """Say what became of the gaits, and end with the code that it deserves."""
    accepted = int((rows.status != "refused").sum())
    counts = {str(kind): int(n) for kind, n in rows[rows.status == "refused"].kind.value_counts().items()}
    if as_json:
        figures = {"gaits": len(rows), "solved": int(rows.solved.sum()), "accepted": accepted, "refused": counts}
        typer.echo(json.dumps({"corpus": str(out), **figures}))
    else:
        typer.echo(f"{out}: {accepted} of {len(rows)} gaits solved and validated")
        for kind, count in counts.items():
            example = rows[rows.kind == kind].iloc[0]
            where = f"{example.subject}, {example.speed:.2f} m/s" if example.speed > 0.0 else example.subject
            typer.echo(f"  refused {count:5d}  {example.reason} ({where})")
    raise typer.Exit(int(exit_code(accepted, len(rows) - accepted)))


def _walk_of(task: str, speeds: str | None, *, predict: bool) -> dict[str, Any]:
    """How people of our planar model go: mode, speeds and task of a `PopulationRequest`."""
    from synth.optimal_control.gait.gait_mode import MODES

    if task not in MODES:
        raise ValueError(f"--task {task}: expected one of {', '.join(MODES)}.")
    limits = speed_range(speeds) if speeds else None
    return {"mode": task, "speeds": limits, "task": "predict" if predict else "track"}


def _planar(people: dict[str, Any], walk: dict[str, Any], *, refused: bool) -> Population:
    """People of our planar model; `refused` where options are given that do not belong to them."""
    from synth.optimal_control.population.planar_chunk import PopulationRequest

    if refused:
        raise ValueError("--guide, --loads and --hold belong to a --model; give one, or leave them out.")
    return PopulationRequest(**people, **walk)


def _impaired(
    people: dict[str, Any], kinds: list[str], healthy: float | None, laws: str | None, *, refused: bool, predict: bool
) -> Population:
    """People of any age with and without impairments; `refused` where options are given that do not belong to them."""
    from synth.impairment import HEALTHY, HEALTHY_SHARE, KINDS
    from synth.optimal_control.population.impaired_chunk import ImpairedRequest
    from synth.optimal_control.population.predicted_chunk import PredictedRequest
    from synth.optimal_control.population.predicted_impairment import CAUSES

    if refused:
        raise ValueError("people with an --impairment walk in our planar model at speeds of their own.")
    healthy = HEALTHY_SHARE if healthy is None else healthy
    if predict:
        if (laws or "standard") != "standard" or people["spread"] != 1.0:
            raise ValueError("with --predict people with an --impairment have the standard --laws and no --spread.")
        wanted = tuple(CAUSES) if kinds == ["all"] else tuple(kinds)
        known = {name: people[name] for name in ("subjects", "seed", "gaits", "rate")}
        return PredictedRequest(**known, impairments=wanted, healthy=healthy)
    wanted = tuple(k for k in KINDS if k != HEALTHY) if kinds == ["all"] else tuple(kinds)
    return ImpairedRequest(**people, impairments=wanted, healthy=healthy, laws=laws or "standard")


def _recorded(people: dict[str, Any], files: dict[str, Path | None], hold: list[str], *, refused: bool) -> Population:
    """People of any model who walk as it was recorded; `refused` where options are given that do not belong to them."""
    from synth.optimal_control.population.recorded_chunk import RecordedRequest

    if refused:
        raise ValueError("people of a --model walk as it was recorded; leave --predict, --speeds and --task out.")
    missing = [name for name, file in files.items() if file is None or not file.is_file()]
    if missing:
        raise ValueError(
            f"with --model there must be the files of --guide and --loads too; not there: {', '.join(missing)}."
        )
    model, coordinates, loads = (str(file.resolve()) for file in files.values())
    return RecordedRequest(**people, model=model, coordinates=coordinates, loads=loads, hold=tuple(hold))


def speed_range(text: str) -> tuple[float, float]:
    """Speeds (m/s) from ``"0.8-1.8"`` or ``"1.2"``.

    Raises
    ------
    ValueError
        The text is neither.
    """
    parts = text.split("-")
    try:
        values = [float(part) for part in parts]
    except ValueError:
        values = []
    if len(values) not in (1, 2):
        raise ValueError(f"--speeds {text}: expected a speed in m/s or a range, such as 1.2 or 0.8-1.8")
    return values[0], values[-1]
