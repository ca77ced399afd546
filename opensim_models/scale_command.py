"""Command `kinesynth model scale`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensim_models.build_command import AsJson, Sex, check_output

if TYPE_CHECKING:
    from opensim_models.scaling.model_scaling import ScaledModel

OWN = "lower_body"
"""Says our own model in the place of a file."""
DEFAULT_HIP = "harrington"


def scale(
    model: Annotated[Path, typer.Argument(help="An .osim or .json model, or lower_body for our own.")],
    out: Annotated[Path, typer.Option("--out", help="The scaled model: .osim or .json. The report lies beside it.")],
    static: Annotated[
        Path | None, typer.Option("--static", help="Static trial (.trial.h5 .trc .c3d); without: mass and height.")
    ] = None,
    moving: Annotated[
        list[Path] | None,
        typer.Option(
            "--moving", metavar="TRIAL", help="A moving trial to scale by instead; --moving A --moving B for more."
        ),
    ] = None,
    mass: Annotated[float | None, typer.Option("--mass", help="Body mass in kg, before that of the trial.")] = None,
    height: Annotated[float | None, typer.Option("--height", help="Stature in m, before that of the trial.")] = None,
    sex: Annotated[
        Sex, typer.Option("--sex", case_sensitive=False, help="For our own model; unknown: mean of both.")
    ] = Sex.UNKNOWN,
    markers: Annotated[
        Path | None, typer.Option("--markers", help='TOML with [markers] and lines "R.ASIS" = "RASI" (model = trial).')
    ] = None,
    hip: Annotated[
        str | None,
        typer.Option("--hip", help="Hip centre by --static: harrington (default), davis, plug_in_gait or bell."),
    ] = None,
    move_landmarks: Annotated[
        bool, typer.Option("--move-landmarks", help="Adjust anatomical markers to the trial too, not only the others.")
    ] = False,
    asymmetrical: Annotated[
        bool, typer.Option("--asymmetrical", help="Left and right have factors of their own.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of --out where they exist.")] = False,
    as_json: AsJson = False,
) -> None:
    """Scale a model to a subject, by a static trial, by moving trials, or by mass and height alone.

    Example: kinesynth model scale generic.osim --static static.trc --mass 62 --height 1.68 --out subject.osim
    """
    from opensim_models.scaling.report import write_report
    from opensim_models.scaling.scaling_doubt import with_doubts

    for name, number in (("--mass", mass), ("--height", height)):
        if number is not None and not 0 < number < math.inf:
            raise typer.BadParameter(f"expected a number above 0, got {number:g}.", param_hint=name)
    if static is not None and moving:
        raise typer.BadParameter("give --static or --moving, not both.", param_hint="--moving")
    _refuse_unused(model, static, moving or [], markers, move_landmarks, asymmetrical)
    _refuse_unused_person(model, static, sex, hip)
    settings = {"hip": hip or DEFAULT_HIP, "move_landmarks": move_landmarks, "symmetrical": not asymmetrical}
    report = out.with_name(out.stem + "_scaling.json")
    _check_outputs(out, report, (model, *([static] if static else []), *(moving or [])), force, as_json)
    scaled = scale_file(
        model, static, moving or [], (mass or math.nan, height or math.nan, sex.word), markers, settings
    )
    own = str(model) == OWN and static is not None
    scaled = replace(scaled, report=with_doubts(scaled.report, scaled.skeleton, own=own))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_scaled(model, scaled, out)
    write_report(report, scaled.report)
    if as_json:
        typer.echo(report.read_text(encoding="utf-8"))
    else:
        _show(scaled, out, report)


def _check_outputs(out: Path, report: Path, read: tuple[Path, ...], force: bool, as_json: bool) -> None:
    """Refuse to write over what shall stay, and, whatever is asked for, over what is read."""
    for path in (out, report):
        if any(path.exists() and source.exists() and path.samefile(source) for source in read):
            raise typer.BadParameter(f"{path} is read from; give another name.", param_hint="--out")
    check_output(out, (".osim", ".json"), "a model is written as .osim or as .json", force, as_json)
    check_output(report, (".json",), "the report is a .json file", force, as_json)


def _refuse_unused_person(model: Path, static: Path | None, sex: Sex, hip: str | None) -> None:
    """Refuse a sex or a regression of the hip that is unknown, or that nothing would look at."""
    from opensim_models.clinical.joint_centre import HIP_METHODS

    if hip is not None and hip not in HIP_METHODS:
        raise typer.BadParameter(f"{hip!r} is none of {', '.join(HIP_METHODS)}.", param_hint="--hip")
    if hip is not None and static is None:
        raise typer.BadParameter("the hip's regression is for a static trial only; give --static.", param_hint="--hip")
    if sex is not Sex.UNKNOWN and str(model) != OWN:
        raise typer.BadParameter(
            f"the masses of {model} keep their proportions, whatever the sex; it is for {OWN}.", param_hint="--sex"
        )


def _refuse_unused(
    model: Path, static: Path | None, moving: list[Path], markers: Path | None, move_landmarks: bool, asymmetrical: bool
) -> None:
    """Refuse options that the way of scaling would not look at."""
    by_static_alone = "our own model's factors are of both sides, its landmarks as measured; leave the option out."
    if str(model) == OWN and static is not None:
        for name, wanted in (("--move-landmarks", move_landmarks), ("--asymmetrical", asymmetrical)):
            if wanted:
                raise typer.BadParameter(by_static_alone, param_hint=name)
    if static is None and move_landmarks:
        raise typer.BadParameter(
            "landmarks are moved to a static trial only; give --static.", param_hint="--move-landmarks"
        )
    if static is None and not moving:
        for name, wanted in (("--markers", markers is not None), ("--asymmetrical", asymmetrical)):
            if wanted:
                raise typer.BadParameter(
                    "mass and height alone look at no trial; give --static or --moving.", param_hint=name
                )


def scale_file(
    model: Path,
    static: Path | None,
    moving: list[Path],
    facts: tuple[float, float, str],
    markers: Path | None,
    settings: dict,
) -> ScaledModel:
    """Scale the model of a file, or our own, by what was given."""
    from mocap_import.subject import Subject
    from opensim_models.archive.subject_motion import marker_map_of
    from opensim_models.motion_command import read_any_model
    from opensim_models.scaling.automatic_scaling import scale_automatically
    from opensim_models.scaling.model_scaling import ScaledModel, scale_by_static, scale_by_stature
    from opensim_models.scaling.report import refuse_impossible_subject
    from opensim_models.scaling.subject_scaling import load_recording, meaning_of, own_generic, scale_our_own

    known = Subject("", *facts)
    given = marker_map_of(markers)
    trials = [load_recording(path, known) for path in (moving or ([static] if static else []))]
    subject = trials[0].subject if trials else replace(known, code="subject")
    own = str(model) == OWN
    if own and static is not None:
        skeleton, _, scaled, remark = scale_our_own(trials, settings["hip"], given)
        report = replace(scaled.report, notes=scaled.report.notes + ((remark,) if remark else ()))
        return ScaledModel(skeleton, report, scaled.static_pose)
    if own and not trials:
        refuse_impossible_subject(subject)
    generic = own_generic(subject) if own else read_any_model(model)
    if static is not None:
        return scale_by_static(
            generic,
            subject,
            trials[0],
            meaning_of(trials[0]),
            given=given,
            symmetrical=settings["symmetrical"],
            hip_method=settings["hip"],
            move_landmarks=settings["move_landmarks"],
        )
    if trials:
        symmetrical = settings["symmetrical"]
        return scale_automatically(
            generic, subject, trials, meaning_of(trials[0]), given=given, symmetrical=symmetrical
        )
    return scale_by_stature(generic, subject)


def write_scaled(model: Path, scaled: ScaledModel, out: Path) -> None:
    """Write a scaled model: as JSON, or as .osim by OpenSim's ScaleTool if it came from one."""
    from opensim_models.model.osim_skeleton import read_osim
    from opensim_models.model.skeleton import save_skeleton
    from opensim_models.osim.client import build_model, scale_model

    if out.suffix.lower() == ".json":
        save_skeleton(scaled.skeleton, out)
    elif model.suffix.lower() != ".osim":
        build_model(scaled.skeleton, out)
    else:
        present = {m.name for m in read_osim(model).markers}
        places = {m.name: m.offset for m in scaled.skeleton.markers if m.name in present}
        new = {m.name: (m.segment, m.offset) for m in scaled.skeleton.markers if m.name not in present}
        scale_model(model, out, scaled.factors, scaled.report.mass, markers=places, added=new)


def _show(scaled: ScaledModel, out: Path, report: Path) -> None:
    """Print the report as tables."""
    typer.echo(scaled.report.sentence)
    typer.echo(f"\n{'segment':16} {'X':>7} {'Y':>7} {'Z':>7}")
    for name, own in scaled.report.factors.items():
        typer.echo(f"{name:16} " + " ".join(f"{factor:7.3f}" for factor in own))
    if scaled.report.pairs:
        typer.echo(f"\n{'length':40} {'model mm':>9} {'person mm':>10} {'factor':>7}")
        for pair in scaled.report.pairs:
            typer.echo(f"{pair.ends:40} {1000 * pair.model:9.1f} {1000 * pair.person:10.1f} {pair.factor:7.3f}")
    if scaled.report.residuals:
        typer.echo(f"\n{'marker':24} {'residual mm':>11}")
        for name, residual in scaled.report.residuals.items():
            typer.echo(f"{name:24} {1000 * residual:11.1f}")
    for note in scaled.report.notes:
        typer.echo(f"note: {note}")
    for doubt in scaled.report.doubts:
        typer.echo(f"doubt: {doubt}")
    typer.echo(f"\n{out}; report: {report}")
