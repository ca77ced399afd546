"""Commands of this package: `kinesynth model`, and `kinesynth motion` of `motion_command`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensim_models.motion_command import motion_app
from opensim_models.scale_command import scale

__all__ = ["model_app", "motion_app"]

if TYPE_CHECKING:
    from opensim_models.model.report import ModelReport

model_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Look at skeletons and OpenSim models."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
model_app.command("scale")(scale)


@model_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="An OpenSim model (.osim) or a skeleton (.json).")],
    as_json: AsJson = False,
) -> None:
    """Say what of a model is represented here, and name everything that is not.

    Example: kinesynth model check subject.osim
    """
    if file.suffix.lower() == ".json":
        from opensim_models.model.skeleton import load_skeleton

        _show(load_skeleton(file), as_json)
        return
    from dataclasses import asdict

    from opensim_models.model.report import report_model

    report = report_model(file)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        _show_report(report)
    if report.refusal:
        if not as_json:
            typer.echo(f"error: {report.refusal}", err=True)
        raise typer.Exit(1)


def _show_report(report: ModelReport) -> None:
    """Print a report as tables."""
    typer.echo(f"{report.name} ({report.path}): {report.mass:.2f} kg")
    typer.echo(f"\n{'part':30} {'count':>5}  {'here':16} detail")
    for row in report.rows:
        typer.echo(f"{row.part:30} {row.count:5}  {row.place:16} {row.detail}".rstrip())
    typer.echo(f"\n{'coordinate':30} {'kind':12} {'from':>9} {'to':>9} {'default':>9}  state")
    for c in report.coordinates:
        lower, upper = ("-" if c[end] is None else _shown(c[end], c["kind"]) for end in ("lower", "upper"))
        words = [word for word in ("locked", "clamped", "prescribed") if c[word]]
        words += [f"follows {c['follows']}"] if c["follows"] else []
        default = _shown(c["default"], c["kind"])
        typer.echo(f"{c['name']:30} {c['kind']:12} {lower:>9} {upper:>9} {default:>9}  {', '.join(words)}".rstrip())
    typer.echo(f"\n{'body':30} {'mass (kg)':>9}  joint")
    for body in report.bodies:
        typer.echo(f"{body['name']:30} {body['mass']:9.4g}  {body['joint']} on {body['parent']}")
    for finding in report.findings:
        typer.echo(f"note: {finding}")


def _shown(value: float, kind: str) -> str:
    """A coordinate's value for people: degrees or metres."""
    return f"{math.degrees(value):.1f}°" if kind == "rotation" else f"{value:.3f} m"


@model_app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="planar or lower_body")],
    mass: Annotated[float, typer.Option(help="Body mass (kg).")] = 75.0,
    height: Annotated[float, typer.Option(help="Stature (m).")] = 1.75,
    sex: Annotated[str, typer.Option(help="female, male or unknown")] = "unknown",
    table: Annotated[str, typer.Option(help="Mass table: winter or de_leva")] = "de_leva",
    out: Annotated[Path | None, typer.Option(help="Also write the skeleton to this .json file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build a generic skeleton for a mass and a height.

    Example: kinesynth model show lower_body --mass 62 --height 1.68 --sex female --out skeleton.json
    """
    from mocap_import.subject import Subject
    from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
    from opensim_models.model.skeleton import save_skeleton
    from opensim_models.model_mismatch import ModelMismatch

    builders = {"planar": planar_skeleton, "lower_body": lower_body_skeleton}
    if name not in builders:
        raise ModelMismatch(f"no generic skeleton {name!r}; choose one of {', '.join(builders)}.")
    skeleton = builders[name](Subject("generic", mass, height, sex), table=table)
    if out is not None:
        save_skeleton(skeleton, out)
    _show(skeleton, as_json)


@model_app.command("build")
def build(
    name: Annotated[str, typer.Argument(help="planar (10 coordinates, 18 muscles) or lower_body (23, 92)")],
    out: Annotated[Path, typer.Option(help="File to write: .osim, or .json for the skeleton alone.")],
    mass: Annotated[float, typer.Option(help="Body mass (kg).")] = 75.0,
    height: Annotated[float, typer.Option(help="Stature (m).")] = 1.75,
    sex: Annotated[str, typer.Option(help="female, male or unknown")] = "unknown",
    age: Annotated[float, typer.Option(help="Age (years); nan if unknown.")] = math.nan,
    table: Annotated[
        str, typer.Option(help="Masses: winter, de_leva, dumas, jensen (6-18 years), elderly")
    ] = "de_leva",
    strength: Annotated[str, typer.Option(help="published, mass_two_thirds or muscle_volume")] = "muscle_volume",
    as_json: AsJson = False,
) -> None:
    """Write our generic model, muscles and foot contact included, for a person.

    Example: kinesynth model build lower_body --mass 62 --height 1.68 --sex female --out subject.osim
    """
    from mocap_import.subject import Subject
    from opensim_models.generic.generic_model import generic_model, write_generic_model

    model = generic_model(name, Subject("generic", mass, height, sex, age), table, strength)
    write_generic_model(model, out)
    _show(model.skeleton, as_json)
    if not as_json:
        contents = f"{len(model.skeleton.muscles)} muscles, {len(model.skeleton.contacts)} contact spheres"
        typer.echo(f"written      {out}: {contents}")


def _show(skeleton: object, as_json: bool) -> None:
    """Print a skeleton as a table, or as JSON."""
    summary = {
        "name": skeleton.name,
        "mass_kg": skeleton.mass,
        "segments": {s.name: s.mass for s in skeleton.segments},
        "coordinates": list(skeleton.coordinate_names),
        "n_markers": len(skeleton.markers),
        "notes": list(skeleton.notes),
    }
    if as_json:
        typer.echo(json.dumps(summary))
        return
    typer.echo(
        f"{skeleton.name}: {skeleton.mass:.2f} kg, {len(skeleton.coordinates)} coordinates, "
        f"{len(skeleton.segments)} segments, {len(skeleton.markers)} markers"
    )
    typer.echo("segments     " + ", ".join(f"{s.name} {s.mass:.2f} kg" for s in skeleton.segments))
    typer.echo("coordinates  " + ", ".join(skeleton.coordinate_names))
    for note in skeleton.notes:
        typer.echo(f"note         {note}")
