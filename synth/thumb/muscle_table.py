"""The muscle table: forces, lengths and moment arms of the thumb's and the wrist's muscles in lateral pinch.

The numbers are rounded and quoted from memory of the published tables; take them as assumptions:

* share of the hand's muscular tension (%): Brand, Beach and Thompson, J Hand Surg 6:209, 1981; the adductor's is split
  3 : 2 between its oblique and its transverse head (assumption);
* optimal fibre and tendon slack lengths (m) of muscles from the forearm: Holzbaur, Murray and Delp, Ann Biomed Eng
  33:829, 2005; fibre lengths within the hand: Jacobson et al., J Hand Surg 17A:804, 1992, their tendons an assumption;
* moment arms (m) at the thumb: after Smutz et al., J Biomech 31:565, 1998, in the four axes of Goehler and Murray,
  J Biomech 43:1553, 2010; at the wrist: after Loren et al., J Biomech 29:331, 1996, and Holzbaur et al.;
* share of slow fibres: Johnson et al., J Neurol Sci 18:111, 1973 (thumb: APB 63 %, ADP 80 %), else about a half.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

THUMB = ("FPL", "FPB", "EPL", "EPB", "APL", "APB", "ADPo", "ADPt", "OPP")
"""Muscles of the thumb, in the order of every array."""
WRIST = ("ECRL", "ECRB", "ECU", "FCR", "FCU")
NERVES = ("median", "radial", "ulnar")
THUMB_AXES = ("cmc_flexion", "cmc_abduction", "mcp_flexion", "ip_flexion")
WRIST_AXES = ("wrist_flexion", "wrist_radial")
NEWTONS_A_PERCENT = 95.0
"""Force of one per cent of the hand's muscular tension in the typical man of 40 (N). Fitted once, so that the median
key pinch of simulated men of 20-59 is that of Mathiowetz et al. (1985), see `pinch_norm`."""


@dataclass(frozen=True)
class MuscleTable:
    """Muscles of the typical man, those of the thumb first.

    Attributes
    ----------
    names : tuple of str
    nerve : ndarray of int, shape (n_muscles,)
        Index into `NERVES`.
    max_force : ndarray, shape (n_muscles,)
        Maximum isometric force (N).
    slow_fibres : ndarray, shape (n_muscles,)
        Share of slow fibres.
    fibre_length, tendon_slack : ndarray, shape (n_muscles,)
        Optimal fibre length and tendon slack length (m).
    arms : ndarray, shape (6, n_muscles)
        Moment arms (m) at `THUMB_AXES` and `WRIST_AXES`; positive turns the named way.
    """

    names: tuple[str, ...]
    nerve: np.ndarray
    max_force: np.ndarray
    slow_fibres: np.ndarray
    fibre_length: np.ndarray
    tendon_slack: np.ndarray
    arms: np.ndarray

    @property
    def is_extrinsic(self) -> np.ndarray:
        """Whether a muscle of the thumb crosses the wrist, shape (9,)."""
        return np.isin(self.names[: len(THUMB)], ("FPL", "EPL", "EPB", "APL"))


@cache
def muscle_table() -> MuscleTable:
    """The table of the package, ``thumb_muscles.csv``."""
    path = Path(__file__).with_name("thumb_muscles.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["muscle"]: row for row in csv.DictReader(file)}
    names = THUMB + WRIST

    def column(word: str) -> np.ndarray:
        return np.array([float(rows[name][word]) for name in names])

    return MuscleTable(
        names,
        np.array([NERVES.index(rows[name]["nerve"]) for name in names]),
        NEWTONS_A_PERCENT * column("force_share"),
        column("slow_fibres"),
        column("fibre_length"),
        column("tendon_slack"),
        np.stack([column(axis) for axis in THUMB_AXES + WRIST_AXES]),
    )
