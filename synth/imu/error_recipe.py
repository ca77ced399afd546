"""The error recipe of a corpus: what is added to clean inertial records at load time, from a stored seed.

Clean motion is stored once. Every reader (network and optimal-control baseline alike) that applies the stored recipe
receives identical records, because each sensor of each trial draws from its own child seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from synth.corpus_schema import CorpusMismatch
from synth.imu.misalignment import draw_misalignment, misalign
from synth.imu.recording import ImuRecording
from synth.imu.white_noise import add_noise

RECIPE_NAME = "noise_share+misalignment"
RECIPE_VERSION = 1


@dataclass(frozen=True)
class ImuErrors:
    """Sensor errors as a recipe: misalignment first, then white noise on the misaligned channels.

    Attributes
    ----------
    noise_share : float
        SD of the white noise as a share of the SD of each clean channel of the trial.
    misalignment_deg : float
        SD (deg) of the signed misalignment angle about a uniformly random axis, drawn per trial and sensor.
    seed : int
        Root of all draws, 0 <= seed < 2**63.
    """

    noise_share: float = 0.15
    misalignment_deg: float = 13.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that are no recipe."""
        if not (np.isfinite(self.noise_share) and self.noise_share >= 0):
            raise ValueError(f"noise_share must be a share >= 0 such as 0.15; got {self.noise_share!r}.")
        if not (np.isfinite(self.misalignment_deg) and self.misalignment_deg >= 0):
            raise ValueError(f"misalignment_deg must be degrees >= 0 such as 13.5; got {self.misalignment_deg!r}.")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be an integer from 0 to 2**63 - 1; got {self.seed!r}.")

    def to_json(self) -> str:
        """One line of JSON, the form stored in a corpus."""
        return json.dumps({"recipe": RECIPE_NAME, "version": RECIPE_VERSION, **asdict(self)}, sort_keys=True)

    @staticmethod
    def from_json(text: str, where: str = "error recipe") -> ImuErrors:
        """Read what `to_json` wrote.

        Raises
        ------
        CorpusMismatch
            If the recipe is unknown, so that nobody reads records with half of their errors.
        """
        try:
            stored = json.loads(text)
            known = {f.name for f in fields(ImuErrors)}
            if (stored.pop("recipe"), stored.pop("version")) != (RECIPE_NAME, RECIPE_VERSION) or set(stored) != known:
                raise ValueError("unknown recipe")
            return ImuErrors(**stored)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusMismatch(
                f"{where}: expected the recipe {RECIPE_NAME!r} version {RECIPE_VERSION}, found {text[:200]!r}. "
                "Read it with the kinesynth that wrote it, or read clean records (clean=True)."
            ) from error


def child_rng(errors: ImuErrors, purpose: str, *, subject: str, trial: str, sensor: str) -> np.random.Generator:
    """Random generator of one purpose for one sensor of one trial.

    The child seed is the SHA-256 of the names (never Python's `hash`, which changes from process to process), so a
    record does not depend on which other sensors or trials were read before it.
    """
    key = json.dumps([purpose, subject, trial, sensor], ensure_ascii=True).encode()
    words = np.frombuffer(hashlib.sha256(key).digest(), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence(entropy=errors.seed, spawn_key=tuple(int(w) for w in words)))


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
    """
    if errors is None:
        return tuple(recordings)
    worn = []
    for recording in recordings:
        names = {"subject": subject, "trial": trial, "sensor": recording.placement.sensor}
        turn = draw_misalignment(child_rng(errors, "misalignment", **names), sd_deg=errors.misalignment_deg)
        rng = child_rng(errors, "noise", **names)
        worn.append(add_noise(misalign(recording, turn), share=errors.noise_share, rng=rng))
    return tuple(worn)
