"""The front door: one command, `kinesynth`, whose sub-commands live in each package's ``cli.py``.

A package is imported only when one of its commands is used. What a command raises on purpose (a refused trial, a model
that is none, a full disk, Ctrl-C) ends in one sentence and an exit code; ``KINESYNTH_DEBUG=1`` shows the traceback.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

OUR_PACKAGES = {
    "mocap_import",
    "opensim_models",
    "synth",
    "training",
    "recipes",
    "kinesynth",
    "kinesynth_demo",
    "kinesynth_doctor",
}
INTERRUPTED = 130
RESUMING = ("import", "motion", "gait", "train", "tune", "recipe", "demo")
"""Commands that keep what they finished and go on from there; the others write at their end."""
# command -> (one line of help, where its typer app may be)
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "import": ("Convert a folder of C3D files into trials.", ("mocap_import.cli:import_app",)),
    "labels": ("Show what the labels of a C3D file mean.", ("mocap_import.label_command:labels_app",)),
    "quality": ("Judge imported trials, in numbers and pictures.", ("mocap_import.quality_command:quality_app",)),
    "export": ("Write trials as .trc, .mot, CSV or C3D.", ("mocap_import.export_command:export_app",)),
    "model": ("Look at skeletons and OpenSim models.", ("opensim_models.cli:model_app",)),
    "motion": ("Scale, inverse kinematics, inverse dynamics.", ("opensim_models.cli:motion_app",)),
    "imu": ("Simulate inertial sensors on trials.", ("synth.cli:imu_app",)),
    "gait": ("Compute gait by optimal control.", ("synth.optimal_control.cli:gait_app", "synth.cli:gait_app")),
    "corpus": ("Look at a corpus, or check it.", ("synth.cli:corpus_app",)),
    "train": ("Train networks on a corpus.", ("training.cli:train_app",)),
    "network": ("Look at trained networks, and use them.", ("training.network_command:network_app",)),
    "stream": ("Estimate frame by frame, and watch it live.", ("training.stream_command:stream_app",)),
    "tune": ("Search hyperparameters of a joint model.", ("training.joint.tune_command:tune_app",)),
    "evaluate": ("Measure the errors of estimates.", ("training.cli:evaluate_app",)),
    "explain": (
        "Tell which sensor and phase a network uses.",
        ("training.explanation.explain_command:explain_app",),
    ),
    "compare": ("Put methods side by side on the same trials.", ("training.cli:compare_app",)),
    "report": ("Write one self-contained HTML page.", ("training.cli:report_app",)),
    "view": ("Look at a movement or a report in the browser.", ("kinesynth:view_app",)),
    "recipe": ("Run a system of the literature, or list them.", ("recipes.cli:recipe_app",)),
    "sample": ("Make a small archive of virtual people.", ("synth.sample_command:sample_app",)),
    "demo": ("Run the main job from an archive to a report.", ("kinesynth_demo:demo_app",)),
    "doctor": ("Check the installation and print the fix.", ("kinesynth_doctor:doctor_app",)),
}
EXAMPLE = """Example: kinesynth import recordings/ --out trials/ && kinesynth motion trials/ motion/

Exit codes: 0 all done, 1 an error, 2 wrong usage, 3 some inputs refused, 4 none usable, 130 interrupted."""


class Interrupted(Exception):  # noqa: N818  (not an error)
    """Ctrl-C, in a form that the command line library does not turn into an exit without a word."""


class LazyGroup(TyperGroup):
    """A group that imports a command's package when the command is used, not to list it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands in the order of the pipeline."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(find_app(cmd_name))
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (line, _) in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        """Run a command, keeping Ctrl-C apart from other ways to leave it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            raise Interrupted from interruption


app = typer.Typer(cls=LazyGroup, add_completion=False, no_args_is_help=True, rich_markup_mode=None, epilog=EXAMPLE)
view_app = typer.Typer(add_completion=False, rich_markup_mode=None)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@app.callback()
def _front_door(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")] = False,
) -> None:
    """From a laboratory's C3D archive to virtual IMU corpora, trained networks and an optimal-control baseline."""


@view_app.command(
    epilog="Example: kinesynth view trials/S01/walk_01.trial.h5; kinesynth view imu.h5 --trial S01/walk_01"
)
def view(
    file: Annotated[
        Path, typer.Argument(help="Recording (.c3d, .trc, .trial.h5), coordinates, corpus, solution, run.")
    ],
    trial: Annotated[str, typer.Option(help="SUBJECT/NAME in a corpus; default: the first one.")] = "",
    beside: Annotated[Path | None, typer.Option(help="Corpus, solution or recording to show beside it.")] = None,
    align: Annotated[
        str, typer.Option(help="Of the one beside: zero, start (clocks of their sources), or seconds later.")
    ] = "zero",
    motion: Annotated[Path | None, typer.Option(help="Folder of `kinesynth motion`, for the skeleton.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model (.osim or .json) of the coordinates.")] = None,
    out: Annotated[Path | None, typer.Option(help="HTML file to write and keep; default: a temporary one.")] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Write the page, do not open it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at a movement in the browser: markers, skeleton, forces, sensors and signals, in one self-contained page.

    The folder of a run (or its report.html) opens its report. Where there is no browser, the address is printed.
    """
    from training.view_command import is_page, view_file

    notes: list[str] = []
    page = file / "report.html" if file.is_dir() else file
    if not is_page(file):
        page = out or Path(tempfile.mkdtemp(prefix="kinesynth-view-")) / "viewer.html"
        with tempfile.TemporaryDirectory(prefix="kinesynth-view-") as folder:
            shown = [
                None if place is None else _as_corpus(place, Path(folder) / str(i))
                for i, place in enumerate((file, beside))
            ]
            skeleton = _skeleton(model)
            notes = view_file(shown[0], page, trial=trial, beside=shown[1], motion=motion, model=skeleton, align=align)
    elif not page.is_file():
        raise FileNotFoundError(errno.ENOENT, "there is no such page", str(page))
    address = page.resolve().as_uri()
    for note in notes if not as_json else ():
        typer.echo(note, err=True)
    if as_json:
        typer.echo(json.dumps({"report" if is_page(file) else "page": address, "notes": notes}))
    elif no_open:
        typer.echo(str(page))
    else:
        import webbrowser

        typer.echo(address if webbrowser.open(address) else f"No browser found here; open {address}")


def _skeleton(model: Path | None) -> Any:
    """Skeleton of a model file; the viewer itself knows no OpenSim."""
    if model is None:
        return None
    from opensim_models.model.osim_skeleton import read_osim
    from opensim_models.model.skeleton import load_skeleton

    return load_skeleton(model) if model.suffix.lower() == ".json" else read_osim(model)


def _as_corpus(place: Path, folder: Path) -> Path:
    """A solution of optimal control as a corpus of one trial, so that only this door knows both; else the place."""
    solution = place / "solution.npz" if place.is_dir() else place
    if solution.suffix != ".npz" or not solution.is_file():
        return place
    from synth.optimal_control.result.solution_corpus import write_solution_corpus

    folder.mkdir()
    return write_solution_corpus(solution, folder / "solution.h5")


def find_app(name: str) -> typer.Typer:
    """Import the typer app of a command from the first place that has it."""
    for place in COMMANDS[name][1]:
        module_name, attribute = place.split(":")
        if module_name == "kinesynth":
            return globals()[attribute]
        if importlib.util.find_spec(module_name) is None:
            continue
        found = getattr(importlib.import_module(module_name), attribute, None)
        if found is not None:
            return found
    raise ModuleNotFoundError(f"`kinesynth {name}` is not part of this installation; looked in {COMMANDS[name][1]}.")


def version() -> str:
    """Version of the installed distribution, or of the source tree."""
    from importlib import metadata

    try:
        return metadata.version("kinesynth")
    except metadata.PackageNotFoundError:
        import tomllib

        return tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8"))["project"][
            "version"
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["--version"]:
        typer.echo(f"kinesynth {version()}")
        return 0
    with _noticed_interrupts() as interrupts:
        try:
            result = typer.main.get_command(app).main(args=arguments, prog_name="kinesynth", standalone_mode=False)
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except Exception as error:  # noqa: BLE001  (the border: every error becomes a sentence and an exit code)
            if interrupts and not isinstance(error, Interrupted):
                error = Interrupted()
            return _explain(error, as_json="--json" in arguments, command=next(iter(arguments), ""))
        finally:
            if interrupts:
                exec("")  # a Ctrl-C inside exec(), as dataclasses use it, is noted by Python, which else dies of it


@contextmanager
def _noticed_interrupts() -> Iterator[list[int]]:
    """Collect the Ctrl-C that came: inside an import, libraries turn KeyboardInterrupt into errors of other kinds."""
    came: list[int] = []

    def interrupt(number: int, frame: Any) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    # Only where Ctrl-C means what it means by default, not in a thread, a notebook or a job that ignores it.
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield came
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _explain(error: Exception, *, as_json: bool, command: str) -> int:
    """Print what went wrong and return the exit code."""
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # the command line library's own: wrong usage
        return _explain_usage(error, as_json=as_json)
    if isinstance(error, BrokenPipeError):  # the reader of our output has left, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    expected = is_expected(error)
    if os.environ.get("KINESYNTH_DEBUG") or not expected:
        traceback.print_exception(error)
    sentence = sentence_of(error, command)
    if not expected:
        sentence = f"unexpected {sentence} (this is a fault of Kinesynth: please report it with the lines above)"
    code = INTERRUPTED if isinstance(error, Interrupted) else 1
    _tell(sentence, as_json, code)
    return code


def _tell(sentence: str, as_json: bool, code: int) -> None:
    """Print why a command ends; the packages' own way is imported when it is needed, not to show help."""
    from mocap_import.command_end import tell

    tell(sentence, as_json, code)


def _explain_usage(error: Any, *, as_json: bool) -> int:
    """Say which words a command does not take, how it is used, and return the exit code."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":  # no command was named; the message is the help
        error.show()
        return error.exit_code
    if context is not None and not as_json:
        typer.echo(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", err=True)
    _tell(message[:1].lower() + message[1:], as_json, error.exit_code)
    return error.exit_code


def is_expected(error: BaseException) -> bool:
    """Whether an error is one that the project raises on purpose, or one of the machine: file, disk, memory."""
    ours = type(error).__module__.split(".")[0] in OUR_PACKAGES | {"__main__"}
    return ours or isinstance(error, OSError | MemoryError | ModuleNotFoundError)


def sentence_of(error: BaseException, command: str = "") -> str:
    """One sentence for an error, of this command."""
    if isinstance(error, Interrupted) and command in RESUMING:
        return "interrupted; what is finished is kept, and the same command goes on from there."
    if isinstance(error, Interrupted):
        return "interrupted; no file is left half-written. Run the same command again."
    if isinstance(error, OSError) and (error.errno == errno.ENOSPC or "No space left" in str(error)):
        place = f" while writing {error.filename}" if error.filename else ""
        return f"the disk is full{place}; earlier results are intact. Free some space and run the same command again."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer --workers or a smaller input."
    if type(error).__module__.split(".")[0] in OUR_PACKAGES:
        return str(error) or type(error).__name__
    if isinstance(error, ModuleNotFoundError | OSError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
