"""Commands of this package: `kinesynth model` and `kinesynth motion`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

model_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Look at skeletons and OpenSim models."
)
motion_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="Scale skeletons and solve inverse kinematics."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@model_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="An OpenSim model (.osim) or a skeleton (.json).")],
    as_json: AsJson = False,
) -> None:
    """Say what a model holds and what of it is not represented here.

    Example: kinesynth model check subject.osim
    """
    from opensim_models.skeleton import Skeleton, load_skeleton

    if file.suffix.lower() == ".json":
        skeleton: Skeleton = load_skeleton(file)
    else:
        from opensim_models.osim_skeleton import read_osim

        skeleton = read_osim(file)
    _show(skeleton, as_json)


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
    from opensim_models.catalogue import lower_body_skeleton, planar_skeleton
    from opensim_models.model_mismatch import ModelMismatch
    from opensim_models.skeleton import save_skeleton

    builders = {"planar": planar_skeleton, "lower_body": lower_body_skeleton}
    if name not in builders:
        raise ModelMismatch(f"no generic skeleton {name!r}; choose one of {', '.join(builders)}.")
    skeleton = builders[name](Subject("generic", mass, height, sex), table=table)
    if out is not None:
        save_skeleton(skeleton, out)
    _show(skeleton, as_json)


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


@motion_app.command()
def motion(
    trials: Annotated[Path, typer.Argument(help="Folder written by `kinesynth import`.")],
    out: Annotated[Path, typer.Argument(help="Folder for skeletons, .mot files and motion.csv.")],
    as_json: AsJson = False,
) -> None:
    """Scale a skeleton to every subject's static trial and solve every moving trial.

    Example: kinesynth motion trials/ motion/
    """
    from mocap_import.batch import exit_code
    from mocap_import.progress import track
    from opensim_models.subject_motion import solve_archive_motion

    table = solve_archive_motion(trials, out, progress=None if as_json else track)
    solved = table[table.status == "solved"]
    refused = table[table.status == "refused"]
    if as_json:
        typer.echo(json.dumps({"out": str(out), "solved": len(solved), "refused": refused.to_dict("records")}))
    else:
        typer.echo(f"{len(solved)} trials solved, {len(refused)} refused; table: {out / 'motion.csv'}")
        for reason in refused.reason.unique():
            typer.echo(f"refused: {reason}")
    raise typer.Exit(exit_code(len(solved), len(refused)))
