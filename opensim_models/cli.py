"""Commands of this package: `kinesynth model`, and `kinesynth motion` of `motion_command`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensim_models.build_command import build, say, show
from opensim_models.motion_command import motion_app
from opensim_models.scale_command import scale

__all__ = ["model_app", "motion_app"]

if TYPE_CHECKING:
    from opensim_models.model.report import ModelReport

model_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Look at skeletons and OpenSim models."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@model_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="An OpenSim model (.osim) or a skeleton (.json).")],
    as_json: AsJson = False,
) -> None:
    """Say what of a model is represented here, name everything that is not, and warn of what looks wrong.

    The column "here" says where a part is. In the skeleton: motion uses it. Described: its numbers are read and kept
    for muscle paths and contact, motion does without. Left out: nothing here uses it; the reason stands beside it.

    Exit code 0: it can be used, perhaps with warnings; 1: it cannot, and why.

    Example: kinesynth model check subject.osim
    """
    if file.suffix.lower() == ".json":
        from opensim_models.model.report import skeleton_findings
        from opensim_models.model.skeleton import load_skeleton

        skeleton = load_skeleton(file)
        findings = skeleton_findings(skeleton)
        say(skeleton, as_json, findings=findings)
        for finding in () if as_json else findings:
            typer.echo(f"warning: {finding}")
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
        typer.echo(f"{'note' if 'largest deviation' in finding else 'warning'}: {finding}")


def _shown(value: float, kind: str) -> str:
    """A coordinate's value for people: degrees or metres."""
    return f"{math.degrees(value):.1f}°" if kind == "rotation" else f"{value:.3f} m"


model_app.command("show")(show)
model_app.command("build")(build)
model_app.command("scale")(scale)
