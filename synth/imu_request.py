"""What `kinesynth imu` is asked for: records of an archive, of one trial, or of a corpus (done by `imu_run`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from synth.imu.error_recipe import ImuErrors
from synth.imu.movement_recipe import MovementRecipe
from synth.imu.simulation import METHODS
from synth.imu_options import check_recipe, placements_of_options, scope_of
from synth.record_file import OPENSENSE, opensense_file
from synth.record_place import check_record_places
from synth.record_settings import SOURCES, RecordSettings
from synth.single_trial import ANALYTIC
from synth.trial_cutoff import read_cutoff
from synth.trial_source import is_coordinates, is_markers

_CORPUS, _TABLE, _STORAGE = ".h5", ".csv", ".sto"


@dataclass(frozen=True)
class ImuRequest:
    """One run of the command.

    Attributes
    ----------
    kind : {"archive", "trial", "corpus"}
    source, out : Path
        `out` is a corpus, or None if one trial goes to other files alone.
    motion, model : Path, optional
    csv, sto : Path, optional
        Further files of one trial.
    settings : RecordSettings
    chosen : bool
        Sensors were asked for, by a set or a file.
    own_places : bool
        They come from a file.
    method : str, optional
        As given.
    scope : str
        Of the noise.
    training : tuple of str
    bake : bool
    n_workers : int, optional
    engine, scheduler : str
        See `mocap_import.engine.open_engine`.
    """

    kind: str
    source: Path
    out: Path | None
    motion: Path | None
    model: Path | None
    csv: Path | None
    sto: Path | None
    settings: RecordSettings
    chosen: bool = False
    own_places: bool = False
    method: str | None = None
    scope: str = "trial"
    training: tuple[str, ...] = ()
    bake: bool = False
    n_workers: int | None = None
    engine: str = "local"
    scheduler: str = ""

    @property
    def placed_anew(self) -> bool:
        """Sensors of a corpus are simulated anew: at places of their own, or on a skeleton that is named."""
        return self.own_places or self.motion is not None or self.model is not None

    def outputs(self) -> list[Path]:
        """Every file that will be written."""
        files = [file for file in (self.out, self.csv) if file is not None]
        if self.kind == "archive":
            files.append(self.out.with_suffix(_TABLE))
        return files + [opensense_file(self.sto, word) for word in OPENSENSE if self.sto is not None]

    def with_choices(
        self,
        errors: ImuErrors,
        method: str | None,
        cutoff: str | None,
        motions: str | None,
        scope: str,
        training: str,
        bake: bool,
        allow_gaps: bool = False,
    ) -> ImuRequest:
        """The request with a recipe and the way to differentiate.

        Raises
        ------
        ValueError
            A word that is unknown, or not for this kind of source.
        """
        plain = None if method is None else method.replace("-", "_")
        if plain not in (None, ANALYTIC, *METHODS):
            raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)} or {ANALYTIC}.")
        if plain == ANALYTIC and not is_coordinates(self.source):
            raise ValueError(f"method {ANALYTIC} is for coordinates (.mot) with a model, not for {self.source}.")
        if motions not in (None, *SOURCES):
            raise ValueError(f"source {motions!r} is unknown; expected one of {', '.join(SOURCES)}.")
        if self.kind == "corpus" and not self.placed_anew and (plain or cutoff or motions):
            raise ValueError(
                f"{self.source} holds records that were made already; --method, --cutoff and --source count only where "
                "sensors are simulated anew (--placements FILE, --motion FOLDER or --model FILE)."
            )
        if motions == "cluster" and (self.kind == "corpus" or is_coordinates(self.source)):
            raise ValueError(f"{self.source} holds no markers, so no marker clusters; use --source model, or none.")
        names = tuple(name.strip() for name in training.split(",") if name.strip())
        if names and scope_of(scope) != "training_set":
            raise ValueError("--training names the subjects of --noise-scope training_set; give both or none.")
        if self.kind == "trial" and scope_of(scope) == "training_set":
            raise ValueError("--noise-scope training_set needs an archive or a corpus; one trial has its own SD.")
        check_recipe(errors, self.settings.placements)
        settings = replace(
            self.settings,
            errors=errors,
            source=motions or "both",
            allow_gaps=allow_gaps,
            method=METHODS[0] if plain in (None, ANALYTIC) else plain,
            cutoff=read_cutoff(cutoff),
        )
        return replace(self, settings=settings, method=plain, scope=scope_of(scope), training=names, bake=bake)

    def with_movement(self, mirror: float, warp: float, seed: int) -> ImuRequest:
        """The request with a movement recipe, if one is asked for.

        Raises
        ------
        ValueError
            A number that is no recipe, or records that carry their errors for good, of which nothing can be drawn.
        """
        if not (mirror or warp):
            return self
        if self.bake:
            raise ValueError(
                "--mirror and --warp are drawn when a trial is read, from clean records; leave --bake out."
            )
        movement = MovementRecipe(mirror, warp, seed=seed)
        return replace(self, settings=replace(self.settings, movement=movement))


def make_request(
    source: Path,
    out: Path | None,
    motion: Path | None,
    model: Path | None,
    csv: Path | None,
    sto: Path | None,
    sensor_set: str | None,
    placements: Path | None,
    force: bool = False,
) -> ImuRequest:
    """What the arguments ask for.

    Raises
    ------
    ValueError
        Wrong usage: a kind of source or of output that there is not, something missing, or a file that shall stay.
    """
    placed = placements_of_options(sensor_set or "seven", placements)
    if source.is_dir():
        kind = "archive"
    elif is_markers(source) or is_coordinates(source):
        kind = "trial"
    elif source.suffix.lower() == _CORPUS:
        kind = "corpus"
    else:
        raise ValueError(
            f"{source}: expected a folder of trials, a trial (.trial.h5, .c3d, .trc, .mot, .sto) or a corpus (.h5)."
        )
    suffix = "" if out is None else out.suffix.lower()
    if kind == "trial" and suffix in (_TABLE, _STORAGE):
        csv, sto = (out, sto) if suffix == _TABLE else (csv, out)
        out, suffix = None, ""
    if out is None and (kind != "trial" or (csv is None and sto is None)):
        raise ValueError(f"{source}: say where the records go: --out FILE.h5" + (", .csv or .sto." * (kind == "trial")))
    if out is not None and suffix != _CORPUS:
        raise ValueError(f"{out}: expected a corpus (.h5){', a .csv or a .sto' if kind == 'trial' else ''}.")
    if kind != "trial" and (csv is not None or sto is not None):
        raise ValueError("--csv and --sto write the records of one trial, not of an archive or a corpus.")
    if kind == "archive" and (motion is None or not motion.is_dir()):
        raise ValueError(f"{source}: expected the folder of `kinesynth motion` after the folder of trials.")
    if kind == "archive" and model is not None:
        raise ValueError("--model is for one trial or a corpus; the skeletons of an archive are in its motion folder.")
    settings = RecordSettings(placements=placed, scaled=placements is None)
    chosen = placements is not None or sensor_set is not None
    request = ImuRequest(kind, source, out, motion, model, csv, sto, settings, chosen, placements is not None)
    check_record_places(request.outputs(), (source, motion, model, placements), force=force)
    return request
