"""The error recipe of a corpus: what is added to clean inertial records at load time, from a stored seed.

Clean motion is stored once. Every reader (network and optimal-control baseline alike) that applies the stored recipe
receives identical records, because each sensor of each trial draws from its own child seed.

The steps, in this order, each left out by default but the last two of the mounting and noise:

1. position scatter: the sensor sits beside its placement (`synth.imu.mounting_motion`);
2. soft tissue: it moves on its mounting (`synth.imu.soft_tissue`, `synth.imu.tissue_spectrum`);
3. learnt errors: what real sensors showed against virtual ones (`synth.imu.learnt_error`);
4. left and right exchanged (`synth.imu.placement.swap_sides`);
5. misalignment (`synth.imu.misalignment`);
6. white noise as a share of the signal's SD (`synth.imu.white_noise`);
7. the sensor's datasheet errors (`synth.imu.sensor_error`), rounding and lost samples last.

Version 1 of the recipe knew steps 5 and 6 alone; its records are reproduced bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.imu.learnt_error import draw_learnt_error
from synth.imu.misalignment import MISALIGNMENT_LAWS, draw_by_law, misalign
from synth.imu.mounting_motion import in_sensor_frame, move_on_mounting, shift_on_segment
from synth.imu.placement import other_side, swap_sides
from synth.imu.recipe_text import RECIPE_NAME, RECIPE_VERSION, plain_recipe, read_recipe
from synth.imu.recording import ImuRecording
from synth.imu.sensor_error import SensorModel, add_sensor_errors
from synth.imu.soft_tissue import SoftTissue, add_soft_tissue
from synth.imu.tissue_spectrum import shipped_spectrum
from synth.imu.white_noise import add_noise, pooled_sds

NOISE_SCOPES = ("trial", "subject", "training_set")
TISSUE_KINDS = ("", "spring", "resampled")
LEARNT_TABLES = ("", "shipped")
LARGEST_POSITION_SD = 0.5
"""Metres; a sensor that scatters by more than a segment's length sits on another one: 10 is a slip for 10 mm."""


@dataclass(frozen=True)
class ImuErrors:
    """Sensor errors as a recipe.

    Attributes
    ----------
    noise_share : float
        SD of the white noise as a share of the SD of each clean channel.
    misalignment_deg : float
        SD (deg) of the signed misalignment angle about a uniformly random axis, drawn per trial and sensor; or the
        angle of another law.
    seed : int
        Root of all draws, 0 <= seed < 2**63.
    noise_scope : {"trial", "subject", "training_set"}
        Records whose SD `noise_share` refers to. Beyond the trial, `noise_sd` holds it; see `with_noise_reference`.
    noise_sd : tuple of (str, tuple of 6 floats)
        Sensor → SD of force (m/s²) x y z and velocity (rad/s) x y z; empty for the scope ``"trial"``.
    misalignment_law : str
        One of `synth.imu.misalignment.MISALIGNMENT_LAWS`.
    misalignment_axis : tuple of 3 floats
        Axis of a cone, nominal sensor frame.
    position_sd : float
        SD (m) of the sensor's position along each axis of its frame, drawn per trial and sensor.
    swap_probability : float
        Probability that a left-right pair of sensors is exchanged in a trial, drawn for each pair.
    soft_tissue : {"", "spring", "resampled"} or SoftTissue
        ``"spring"``: the damped spring of each segment; ``"resampled"``: the shipped spectrum of cluster residuals;
        a `SoftTissue`: this spring for every sensor.
    sensor : SensorModel or None
        Datasheet errors, such as ``sensor_preset("bmi270")``; stored number by number.
    learnt : {"", "shipped"}
        Table of learnt errors.
    """

    noise_share: float = 0.15
    misalignment_deg: float = 13.5
    seed: int = 0
    noise_scope: str = "trial"
    noise_sd: tuple[tuple[str, tuple[float, ...]], ...] = ()
    misalignment_law: str = "signed_angle"
    misalignment_axis: tuple[float, float, float] = (0.0, 1.0, 0.0)
    position_sd: float = 0.0
    swap_probability: float = 0.0
    soft_tissue: str | SoftTissue = ""
    sensor: SensorModel | None = None
    learnt: str = ""

    def __post_init__(self) -> None:
        """Refuse values that are no recipe."""
        for name, example in (("noise_share", "a share >= 0 such as 0.15"), ("misalignment_deg", "degrees >= 0")):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be {example}; got {getattr(self, name)!r}.")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be an integer from 0 to 2**63 - 1; got {self.seed!r}.")
        for name, known in (
            ("noise_scope", NOISE_SCOPES),
            ("misalignment_law", MISALIGNMENT_LAWS),
            ("learnt", LEARNT_TABLES),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {getattr(self, name)!r}.")
        if not isinstance(self.soft_tissue, SoftTissue) and self.soft_tissue not in TISSUE_KINDS:
            known = ", ".join(map(repr, TISSUE_KINDS))
            raise ValueError(f"soft_tissue must be one of {known} or a SoftTissue; got {self.soft_tissue!r}.")
        if not 0.0 <= self.position_sd <= LARGEST_POSITION_SD:
            raise ValueError(
                f"position_sd must be metres from 0 to {LARGEST_POSITION_SD:g} such as 0.01; got {self.position_sd!r}."
            )
        if not 0.0 <= self.swap_probability <= 1.0:
            raise ValueError(f"swap_probability must be from 0 to 1; got {self.swap_probability!r}.")
        if len(self.misalignment_axis) != 3 or not 0 < np.linalg.norm(self.misalignment_axis) < np.inf:
            raise ValueError(f"misalignment_axis must be a direction (x, y, z); got {self.misalignment_axis!r}.")
        for sensor, values in self.noise_sd:
            if len(values) != 6 or not (np.isfinite(values).all() and min(values) >= 0):
                raise ValueError(f"noise_sd of {sensor!r} must be six standard deviations >= 0; got {values!r}.")
        if bool(self.noise_sd) != (self.noise_scope != "trial"):
            raise ValueError(
                f"noise_scope {self.noise_scope!r} with {len(self.noise_sd)} noise_sd: a scope beyond the trial needs "
                "the SD of every sensor and the trial none; make such a recipe by with_noise_reference."
            )

    def to_json(self) -> str:
        """One line of JSON, the form stored in a corpus; version 1 where that says it all."""
        return json.dumps(plain_recipe(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> ImuErrors:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If the recipe is unknown or has an unknown key, so that nobody reads records with half of their errors.
        """
        try:
            return ImuErrors(**read_recipe(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"expected the recipe {RECIPE_NAME!r} up to version {RECIPE_VERSION}, found {text[:200]!r} ({error}). "
                "Read it with the kinesynth that wrote it, or read clean records (clean=True)."
            ) from error

    def in_words(self) -> str:
        """The recipe as one phrase for reports."""
        over = {"trial": "its trial", "subject": "all trials of its subject", "training_set": "the training set"}
        law = {
            "signed_angle": f"N(0, {self.misalignment_deg:g}°) about random axes",
            "cone_uniform": f"up to {self.misalignment_deg:g}° to any side of an axis",
            "cone_half_normal": f"|N(0, {self.misalignment_deg:g}°)| to any side of an axis",
            "uniform": "any rotation",
        }
        noise = f"white noise with {100 * self.noise_share:g} % of each clean channel's SD over "
        noise += over[self.noise_scope]
        turned = self.misalignment_deg > 0 or self.misalignment_law == "uniform"
        words = [
            noise if self.noise_share or self.noise_sd else "no white noise",
            f"sensors turned by {law[self.misalignment_law]}" if turned else "no sensor turned",
        ]
        if self.position_sd:
            words.append(f"{1000 * self.position_sd:g} mm of position scatter")
        if self.swap_probability:
            words.append(f"left and right exchanged with probability {self.swap_probability:g}")
        if self.soft_tissue:
            kind = self.soft_tissue if isinstance(self.soft_tissue, str) else "one spring"
            words.append(f"soft tissue ({kind})")
        if self.sensor is not None:
            words.append(f"datasheet errors of {self.sensor.name}")
        if self.learnt:
            words.append(f"learnt errors ({self.learnt})")
        return ", ".join([*words, f"seed {self.seed}"])


def with_noise_reference(errors: ImuErrors, scope: str, trials: Iterable[Sequence[ImuRecording]]) -> ImuErrors:
    """Refer the noise share of a recipe to the SD over several trials.

    Parameters
    ----------
    errors : ImuErrors
    scope : {"subject", "training_set"}
        What `trials` are; a recipe of the scope subject belongs to this subject alone.
    trials : iterable of sequences of ImuRecording
        Their clean records. Of the training set only, or test trials leak into the noise.

    Returns
    -------
    ImuErrors
        With the SD of every sensor stored in it.
    """
    found = pooled_sds(trials)
    table = tuple((sensor, tuple(float(v) for v in sd)) for sensor, sd in sorted(found.items()))
    return replace(errors, noise_scope=scope, noise_sd=table)


def child_rng(errors: ImuErrors, purpose: str, *, subject: str, trial: str, sensor: str) -> np.random.Generator:
    """Random generator of one purpose for one sensor of one trial.

    The child seed is the SHA-256 of the names (never Python's `hash`, which changes from process to process), so a
    record does not depend on which other sensors or trials were read before it.
    """
    key = json.dumps([purpose, subject, trial, sensor], ensure_ascii=True).encode()
    words = np.frombuffer(hashlib.sha256(key).digest(), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence(entropy=errors.seed, spawn_key=tuple(int(w) for w in words)))


def errors_of_epoch(errors: ImuErrors, epoch: int) -> ImuErrors:
    """The recipe with the seed of an epoch, for errors that are drawn anew; epoch 0 is the stored one."""
    if epoch == 0:
        return errors
    seed = np.random.SeedSequence(errors.seed, spawn_key=(epoch,)).generate_state(1, np.uint64)[0] >> 1
    return replace(errors, seed=int(seed))


def apply_errors(
    recordings: Sequence[ImuRecording], errors: ImuErrors | None, *, subject: str, trial: str
) -> tuple[ImuRecording, ...]:
    """Add the errors of a recipe to the clean records of one trial.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Clean records, one a sensor.
    errors : ImuErrors or None
        None returns the records as they are.
    subject, trial : str
        Names that, with the sensor's, select the child seeds.

    Returns
    -------
    tuple of ImuRecording
        New records; `placement` stays the nominal one, since nobody who wears a misaligned sensor knows its angle.

    Raises
    ------
    ValueError
        If the recipe holds no SD of a sensor, or nothing was learnt of its segment.
    """
    if errors is None:
        return tuple(recordings)
    names = {"subject": subject, "trial": trial}
    mounted = tuple(_mounted(recording, errors, names) for recording in recordings)
    return tuple(_sensed(recording, errors, names) for recording in _swapped(mounted, errors, names))


def _rng(recording: ImuRecording, errors: ImuErrors, names: dict[str, str], purpose: str) -> np.random.Generator:
    return child_rng(errors, purpose, **names, sensor=recording.placement.sensor)


def _mounted(recording: ImuRecording, errors: ImuErrors, names: dict[str, str]) -> ImuRecording:
    """Steps 1 to 3: what depends on the segment under the sensor."""
    if errors.position_sd > 0:
        shift = errors.position_sd * _rng(recording, errors, names, "position").standard_normal(3)
        recording = shift_on_segment(recording, shift)
    if isinstance(errors.soft_tissue, SoftTissue):
        recording = add_soft_tissue(recording, errors.soft_tissue)
    elif errors.soft_tissue == "spring":
        recording = add_soft_tissue(recording)
    elif errors.soft_tissue == "resampled":
        spectrum = shipped_spectrum(recording.placement.segment)
        rng = _rng(recording, errors, names, "tissue")
        motion = spectrum.draw(len(recording.specific_force), recording.rate, rng)
        recording = move_on_mounting(recording, in_sensor_frame(motion, recording.placement.mounting))
    if errors.learnt:
        recording = draw_learnt_error(recording, rng=_rng(recording, errors, names, "learnt"))
    return recording


def _swapped(
    recordings: tuple[ImuRecording, ...], errors: ImuErrors, names: dict[str, str]
) -> tuple[ImuRecording, ...]:
    """Step 4; one draw for each pair of sensors."""
    if errors.swap_probability == 0:
        return recordings
    chosen = []
    for sensor in (recording.placement.sensor for recording in recordings):
        partner = other_side(sensor)
        if partner is not None:
            rng = child_rng(errors, "swap", **names, sensor=min(sensor, partner))
            if rng.random() < errors.swap_probability:
                chosen.append(sensor)
    return swap_sides(recordings, chosen)


def _sensed(recording: ImuRecording, errors: ImuErrors, names: dict[str, str]) -> ImuRecording:
    """Steps 5 to 7: what comes with the sensor itself."""
    turn = draw_by_law(
        errors.misalignment_law,
        _rng(recording, errors, names, "misalignment"),
        errors.misalignment_deg,
        errors.misalignment_axis,
    )
    sd = None
    if errors.noise_scope != "trial":
        table = dict(errors.noise_sd)
        sensor = recording.placement.sensor
        if sensor not in table:
            raise ValueError(
                f"the recipe refers noise to the {errors.noise_scope.replace('_', ' ')}, but holds no SD of sensor "
                f"{sensor!r}, only of {', '.join(table)}; make it again by with_noise_reference."
            )
        sd = np.array(table[sensor])
    rng = _rng(recording, errors, names, "noise")
    recording = add_noise(misalign(recording, turn), share=errors.noise_share, rng=rng, sd=sd)
    if errors.sensor is None:
        return recording
    return add_sensor_errors(recording, errors.sensor, _rng(recording, errors, names, "sensor"))
