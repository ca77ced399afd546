"""Command ``kinesynth gait imu``: the sagittal movement that explains seven inertial sensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocap_import.batch import ExitCode
from mocap_import.command_end import check_place, stop
from synth.optimal_control.command.track_command import AsJson, Out, Pictures, endings_of, run_or_stop, tell
from synth.optimal_control.command.track_options import window_of

if TYPE_CHECKING:
    from synth.imu.recording import ImuRecording
    from synth.optimal_control.command.movement_folder import MovementResult

Recording = Annotated[
    Path, typer.Argument(help="Real sensors: .csv, .sto, a _Accel.trc pair, Xsens .txt or their folder; a corpus .h5.")
]
Mass = Annotated[float, typer.Option("--mass", help="Body mass (kg).")]
Height = Annotated[float, typer.Option("--height", help="Stature (m).")]
Table = Annotated[Path | None, typer.Option("--table", help="Sensor table (.toml): sensors, segments, places, units.")]
Declare = Annotated[
    list[str] | None, typer.Option("--declare", help="Entry of the convention, as acceleration_unit=g; repeat it.")
]
Rate = Annotated[float | None, typer.Option("--rate", help="Hz, where the file does not state it.")]
Part = Annotated[str | None, typer.Option("--trial", help="Beginning of the file names in a folder of several.")]
Trust = Annotated[bool, typer.Option("--trust", help="Keep a declaration that the numbers contradict.")]
Of = Annotated[str, typer.Option("--of", help="SUBJECT/TRIAL of a corpus; not needed if it holds one.")]
Without = Annotated[list[str] | None, typer.Option("--without", help="Sensor to leave out; repeat it.")]
Window = Annotated[str | None, typer.Option("--window", help="START,END of one cycle in s; default: all that show.")]
Speed = Annotated[float | None, typer.Option("--speed", help="Mean forward speed (m/s); estimated without it.")]
Starts = Annotated[int, typer.Option("--starts", min=1, max=4, help="How many starts at most.")]
Model = Annotated[
    Path | None, typer.Option("--model", help="The person's .osim: explain the sensors in space, by joint torques.")
]
Muscles = Annotated[bool, typer.Option("--muscles/--torques", help="What moves the joints in the end.")]


def explain_imus(
    recording: Recording,
    mass: Mass,
    height: Height,
    out: Out = Path("movement"),
    table: Table = None,
    declare: Declare = None,
    rate: Rate = None,
    trial: Part = None,
    trust: Trust = False,
    of: Of = "",
    without: Without = None,
    window: Window = None,
    speed: Speed = None,
    starts: Starts = 4,
    muscles: Muscles = False,
    model: Model = None,
    picture: Pictures = None,
    as_json: AsJson = False,
) -> None:
    """Explain seven inertial sensors (pelvis, thighs, shanks, feet): the planar movement that would read like them.

    The model is generic, of this mass and height; with --model it is the person's own, and the movement in space. OUT
    holds the same as that of `gait track`, and the generic model. A run that was killed goes on where it was.
    """
    for place in (p for p in (recording, table, model) if p is not None):
        check_place(place, as_json)
    try:
        between = None if window is None else window_of(window)
        for name, value in (("mass", mass), ("height", height)):
            if not 0.0 < value < math.inf:
                raise ValueError(f"--{name} is {value:g}; expected a number above zero.")
    except ValueError as problem:
        stop(str(problem), as_json, ExitCode.USAGE)

    def work(say: Callable[[str], None]) -> MovementResult:
        from mocap_import.subject import Subject
        from synth.optimal_control.command.imu_run import explain_records, seven_sensors
        from synth.optimal_control.command.imu_wish import ImuWish
        from synth.optimal_control.command.spatial_imu_run import explain_in_space, sensors_in_space

        given = {"table": table, "declare": declare, "rate": rate, "trial": trial, "trust": trust}
        chosen_sensors = seven_sensors if model is None else sensors_in_space
        kept, notes = chosen_sensors(_recordings(recording, of, given), without or ())
        kinds = endings_of(picture)
        files = {"recording": recording, **({"table": table} if table is not None else {})}
        files = {word: path for word, path in files.items() if path.is_file()}
        subject = Subject("subject", mass, height)
        chosen = {"window": between, "speed": speed, "starts": starts, "muscles": muscles}
        wish = ImuWish(kept, subject, files, **chosen, notes=notes, pictures=kinds)
        return explain_records(wish, out, say=say) if model is None else explain_in_space(wish, model, out, say=say)

    tell(run_or_stop(work, out, as_json), out, as_json)


def _recordings(path: Path, of: str, given: dict) -> tuple[ImuRecording, ...]:
    """Records of a trial of a corpus, or of a file of real sensors."""
    if path.suffix.lower() == ".h5":
        from synth.corpus import Corpus, CorpusMismatch

        corpus = Corpus(path)
        keys = {f"{code}/{name}": (code, name) for code, name in corpus.trials()}
        if not of and len(keys) == 1:
            of = next(iter(keys))
        if of not in keys:
            raise CorpusMismatch(f"{path}: name one of its trials with --of: {', '.join(sorted(keys)[:8])}.")
        return corpus.read(*keys[of], clean=False).recordings
    from synth.real_imu.sensor_file import read_sensors
    from synth.sensor_command import convention_of

    convention = convention_of(given["declare"])
    known = {"table": given["table"], "convention": convention, "rate": given["rate"], "trial": given["trial"]}
    return read_sensors(path, **known, trust=given["trust"]).recordings
