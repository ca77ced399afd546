"""The movement recipe of a corpus: which other movements are drawn from a stored one when it is read.

As with the error recipe, the movement is stored once, as it was; every reader draws the same one from the stored seed,
the names and the epoch.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

RECIPE_NAME, RECIPE_VERSION = "movement", 1
DEEPEST = 0.3
"""RMS change of speed that `time_warp.draw_time_warp` can draw without standing still."""


@dataclass(frozen=True)
class MovementRecipe:
    """Other movements as a recipe.

    Attributes
    ----------
    mirror_probability : float
        That right and left are exchanged (`synth.imu.mirror_image`).
    warp_depth : float
        RMS of the relative change of speed along the same path (`synth.imu.time_warp`); 0: as it was.
    warp_highest : float
        Highest frequency (Hz) of that change.
    seed : int
        Root of all draws, 0 <= seed < 2**63.
    """

    mirror_probability: float = 0.0
    warp_depth: float = 0.0
    warp_highest: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that are no recipe."""
        if not 0.0 <= self.mirror_probability <= 1.0:
            raise ValueError(f"mirror_probability must be from 0 to 1; got {self.mirror_probability!r}.")
        if not 0.0 <= self.warp_depth <= DEEPEST:
            raise ValueError(f"warp_depth must be a share from 0 to {DEEPEST:g}; got {self.warp_depth!r}.")
        if not 0.0 < self.warp_highest < np.inf:
            raise ValueError(f"warp_highest must be a frequency (Hz) above 0; got {self.warp_highest!r}.")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be an integer from 0 to 2**63 - 1; got {self.seed!r}.")

    def rng(self, subject: str, trial: str, epoch: int) -> np.random.Generator:
        """Random generator of one trial in one epoch; it depends on nothing else."""
        words = hashlib.sha256(json.dumps(["movement", subject, trial], ensure_ascii=True).encode()).digest()
        key = (*map(int, np.frombuffer(words, dtype="<u4")), epoch)
        return np.random.default_rng(np.random.SeedSequence(entropy=self.seed, spawn_key=key))

    def to_json(self) -> str:
        """One line of JSON, the form stored in a corpus."""
        return json.dumps({"recipe": RECIPE_NAME, "version": RECIPE_VERSION} | asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> MovementRecipe:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            The recipe is unknown or has an unknown key, so that nobody reads half of it.
        """
        try:
            plain = json.loads(text)
            kind = (plain.pop("recipe"), plain.pop("version"))
            if kind != (RECIPE_NAME, RECIPE_VERSION):
                raise ValueError(f"unknown recipe {kind[0]!r} version {kind[1]!r}")
            return MovementRecipe(**plain)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"expected a recipe {RECIPE_NAME!r} of version {RECIPE_VERSION}, found {text[:200]!r} ({error}). "
                "Read it with the kinesynth that wrote it, or read clean trials (clean=True)."
            ) from error

    def in_words(self) -> str:
        """The recipe as one phrase for reports."""
        words = []
        if self.mirror_probability:
            words.append(f"right and left exchanged with probability {self.mirror_probability:g}")
        if self.warp_depth:
            words.append(f"speed changed by {100 * self.warp_depth:g} % RMS up to {self.warp_highest:g} Hz")
        return ", ".join([*(words or ["as it was"]), f"seed {self.seed}"])
