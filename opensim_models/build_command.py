"""Commands `kinesynth model show` and `model build`: our own models of a person.

`show` gives the skeleton that `kinesynth motion` scales and tracks, `build` the whole model with muscles and contact.
"""

from __future__ import annotations

import json
import math
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocap_import.batch import ExitCode
from mocap_import.command_end import stop

if TYPE_CHECKING:
    from mocap_import.subject import Subject
    from opensim_models.model.skeleton import Skeleton

TRACKED = "tracked: what `kinesynth motion` scales; feet of one piece, hinged knees, no muscles"
BUILT = "built: gliding knees, muscles and contact, lower_body with toes; `kinesynth model show` has the one for motion"


class TrackedModel(StrEnum):
    """Our own models."""

    PLANAR = "planar"
    LOWER_BODY = "lower_body"


class Sex(StrEnum):
    """Which column of the tables; unknown takes the mean."""

    FEMALE = "female"
    MALE = "male"
    F = "f"
    M = "m"
    UNKNOWN = "unknown"

    @property
    def word(self) -> str:
        """What `Subject.sex` says for it."""
        return {Sex.F: "female", Sex.M: "male"}.get(self, str(self))


class Table(StrEnum):
    """Tables of segment masses."""

    WINTER = "winter"
    DE_LEVA = "de_leva"
    DUMAS = "dumas"
    JENSEN = "jensen"
    ELDERLY = "elderly"


class Strength(StrEnum):
    """Laws of muscle strength."""

    PUBLISHED = "published"
    MASS_TWO_THIRDS = "mass_two_thirds"
    MUSCLE_VOLUME = "muscle_volume"


Mass = Annotated[float, typer.Option("--mass", help="Body mass (kg), 2-400.")]
Height = Annotated[float, typer.Option("--height", help="Stature (m), 0.4-2.6.")]
WhichSex = Annotated[Sex, typer.Option("--sex", case_sensitive=False, help="unknown: mean of both.")]
Age = Annotated[float, typer.Option("--age", help="Age (years), 0-120; nan if unknown.")]
WhichTable = Annotated[
    Table, typer.Option("--table", help="Masses of segments; jensen for 6-18 years, with --age; elderly.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file of --out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


def show(
    name: Annotated[TrackedModel, typer.Argument(help="planar: 10 coordinates; lower_body: 21.")],
    mass: Mass = 75.0,
    height: Height = 1.75,
    sex: WhichSex = Sex.UNKNOWN,
    age: Age = math.nan,
    table: WhichTable = Table.DE_LEVA,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the skeleton to this .json file.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show the skeleton that `kinesynth motion` scales and tracks: feet of one piece, hinged knees, no muscles.

    The whole model, with muscles, contact and (lower_body) toes, hence 23 coordinates, is that of `kinesynth model
    build`.

    Example: kinesynth model show lower_body --mass 62 --height 1.68 --sex female --out skeleton.json
    """
    subject = _person(mass, height, sex, age, as_json)
    if out is not None:
        about = "show writes the skeleton, a .json file; `kinesynth model build` writes .osim, with muscles and contact"
        check_output(out, (".json",), about, force, as_json)
    from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
    from opensim_models.model.skeleton import save_skeleton

    builders = {TrackedModel.PLANAR: planar_skeleton, TrackedModel.LOWER_BODY: lower_body_skeleton}
    skeleton = builders[name](subject, table=str(table))
    if out is not None:
        save_skeleton(skeleton, out)
    say(skeleton, as_json, kind="tracked", file=None if out is None else str(out))
    if not as_json:
        typer.echo(f"kind         {TRACKED}; `kinesynth model build` writes the whole model")
        if out is not None:
            typer.echo(f"written      {out}: the skeleton, with markers")


def build(
    name: Annotated[TrackedModel, typer.Argument(help="planar: 10 coordinates, 18 muscles; lower_body: 23, 92.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .osim, or .json for the skeleton alone.")],
    mass: Mass = 75.0,
    height: Height = 1.75,
    sex: WhichSex = Sex.UNKNOWN,
    age: Age = math.nan,
    table: WhichTable = Table.DE_LEVA,
    strength: Annotated[Strength, typer.Option("--strength", help="How muscles grow.")] = Strength.MUSCLE_VOLUME,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write our whole model for a person: gliding knees, muscles, foot contact, and toes (lower_body).

    Hence it has more coordinates and segments than what `kinesynth model show` shows and `kinesynth motion` tracks.

    Example: kinesynth model build lower_body --mass 62 --height 1.68 --sex female --out subject.osim
    """
    subject = _person(mass, height, sex, age, as_json)
    check_output(out, (".osim", ".json"), "a model is written as .osim, or as .json", force, as_json)
    from opensim_models.generic.generic_model import generic_model, write_generic_model

    model = generic_model(str(name), subject, str(table), str(strength))
    write_generic_model(model, out)
    n_muscles, n_contacts = len(model.skeleton.muscles), len(model.skeleton.contacts)
    say(model.skeleton, as_json, kind="built", file=str(out), n_muscles=n_muscles, n_contacts=n_contacts)
    if not as_json:
        typer.echo(f"kind         {BUILT}")
        typer.echo(f"written      {out}: {n_muscles} muscles, {n_contacts} contact spheres")


def _person(mass: float, height: float, sex: Sex, age: float, as_json: bool) -> Subject:
    """The person of the options; wrong usage if nobody can be that."""
    from mocap_import.subject import HEIGHT_LIMITS, MASS_LIMITS, Subject, impossible_fact

    for option, value, (low, high), unit in (
        ("--mass", mass, MASS_LIMITS, "kg"),
        ("--height", height, HEIGHT_LIMITS, "m"),
    ):
        if math.isnan(value):
            stop(f"{option}: expected {low:g}-{high:g} {unit}, got nan.", as_json, ExitCode.USAGE)
    wrong = impossible_fact(mass, height, age)
    if wrong is not None:
        option = f"--{wrong[0]}" if wrong[0] in ("mass", "height", "age") else "--mass, --height"
        stop(f"{option}: {wrong[1]}", as_json, ExitCode.USAGE)
    return Subject("generic", mass, height, sex.word, age)


def check_output(out: Path, endings: tuple[str, ...], about: str, force: bool, as_json: bool) -> None:
    """Wrong usage if a file of another kind, a folder, or a file that shall stay is to be written.

    Parameters
    ----------
    out : Path
    endings : tuple of str
        With the dot, in small letters.
    about : str
        What is written here, for the refusal of another ending.
    force : bool
        Replace a file that is there, unless it is write-protected.
    as_json : bool
    """
    problem = ""
    above = next(folder for folder in out.absolute().parents if os.path.lexists(folder))
    if out.is_dir():
        problem = f"this is a folder; name a file, e.g. {out / f'subject{endings[0]}'}."
    elif out.suffix.lower() not in endings:
        problem = f"{about}."
    elif not above.is_dir():
        problem = f"{above} is a file, not a folder; choose another place."
    elif out.exists() and not force:
        problem = "this file is there already; choose another name, or replace it with --force."
    elif out.exists() and not out.stat().st_mode & 0o222:
        problem = "this file is write-protected and stays; choose another name, or remove it."
    elif not os.access(above, os.W_OK | os.X_OK):
        problem = f"the folder {above} is write-protected; choose another place."
    if problem:
        stop(f"--out {out}: {problem}", as_json, ExitCode.USAGE)


def say(skeleton: Skeleton, as_json: bool, **facts: object) -> None:
    """Print a skeleton as a table, or with more facts as JSON."""
    summary = {
        "name": skeleton.name,
        "mass_kg": skeleton.mass,
        "segments": {s.name: s.mass for s in skeleton.segments},
        "coordinates": list(skeleton.coordinate_names),
        "n_markers": len(skeleton.markers),
        "notes": list(skeleton.notes),
    }
    if as_json:
        typer.echo(json.dumps(summary | facts))
        return
    typer.echo(
        f"{skeleton.name}: {skeleton.mass:.2f} kg, {len(skeleton.coordinates)} coordinates, "
        f"{len(skeleton.segments)} segments, {len(skeleton.markers)} markers"
    )
    typer.echo("segments     " + ", ".join(f"{s.name} {s.mass:.2f} kg" for s in skeleton.segments))
    typer.echo("coordinates  " + ", ".join(skeleton.coordinate_names))
    for note in skeleton.notes:
        typer.echo(f"note         {note}")
