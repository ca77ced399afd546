"""Soft-tissue motion resampled from real trials: the spectrum of cluster residuals, and new motion with that spectrum.

The residual of a marker is its place minus where the rigid fit of its cluster has it, in the segment frame. It says how
skin moves *within* a cluster. What a whole cluster does against the bone is not in it (only pins or fluoroscopy show
that: some 18 mm and 10° at the thigh, 17 mm and 7° at the shank of six persons with knee prostheses, PMC8631460), so
motion drawn from it is a lower bound.

A sensor on that skin is displaced as a marker is, and turned as the line between two neighbouring markers is: the
smallest rotation that explains the difference r of their residuals over their distance d is  d × r / |d|².  Spectra are
means over markers and neighbours. New motion is Gaussian with random phases, each axis on its own; derivatives are
taken in the frequency domain and so are exact.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources

import numpy as np
from scipy.signal import welch

from mocap_import.stretch import stretches
from opensim_models.clinical.cluster_pose import MarkerCluster
from opensim_models.motion import SegmentMotion
from synth.imu.mounting_motion import MountingMotion

HIGHEST = 8.0
"""Band limit (Hz) of the motion: acceleration grows with the square of frequency, and above some 8 Hz the residual of
optical markers is their noise."""
_TABLE = "tissue_spectra.json"


@dataclass(frozen=True)
class TissueSpectrum:
    """How a sensor on soft tissue moves against its segment.

    Attributes
    ----------
    frequency : ndarray, shape (n_frequencies,)
        Hz, ascending from above 0.
    density : ndarray, shape (n_frequencies, 6)
        One-sided densities of displacement (3, m²/Hz) and rotation vector (3, rad²/Hz), segment axes.
    source : str
        Trials it was measured in.
    """

    frequency: np.ndarray
    density: np.ndarray
    source: str = ""

    @property
    def rms(self) -> np.ndarray:
        """RMS (6,) of displacement (m) and rotation vector (rad)."""
        return np.sqrt(np.trapezoid(self.density, self.frequency, axis=0))

    def draw(self, n_frames: int, rate: float, rng: np.random.Generator) -> MountingMotion:
        """Draw a motion with this spectrum.

        Parameters
        ----------
        n_frames : int
        rate : float
            Hz; what lies above its Nyquist frequency is left out.
        rng : numpy.random.Generator

        Returns
        -------
        MountingMotion
            Mean zero over a time much longer than the slowest frequency.
        """
        # Twice the length, so that the end of the record knows nothing of its beginning.
        length = 2 * max(n_frames, math.ceil(rate / self.frequency[0]))
        f = np.fft.rfftfreq(length, 1.0 / rate)
        inside = (f >= self.frequency[0]) & (f <= self.frequency[-1]) & (f < 0.5 * rate)
        density = np.stack([np.interp(f, self.frequency, column) for column in self.density.T], axis=1)
        size = np.sqrt(np.where(inside[:, None], density, 0.0) * rate * length / 4.0)
        spectrum = size * (rng.standard_normal((len(f), 6)) + 1j * rng.standard_normal((len(f), 6)))
        turn = 2j * np.pi * f[:, None]
        value, slope, curvature = (np.fft.irfft(spectrum * turn**k, n=length, axis=0)[:n_frames] for k in range(3))
        return MountingMotion(value[:, :3], slope[:, :3], curvature[:, :3], value[:, 3:], slope[:, 3:], rate)


def cluster_residuals(cluster: MarkerCluster, positions: np.ndarray, motion: SegmentMotion) -> np.ndarray:
    """Markers minus the rigid fit of their cluster, in the segment frame.

    Parameters
    ----------
    cluster : MarkerCluster
    positions : ndarray, shape (n_frames, n_markers, 3)
        Ground frame (m); NaN = not seen.
    motion : SegmentMotion
        The rigid fit.

    Returns
    -------
    ndarray, shape (n_frames, n_markers, 3)
        m; NaN where a marker or the pose is missing.
    """
    into_segment = motion.orientation.inv().as_matrix()
    local = np.einsum("nij,nmj->nmi", into_segment, positions - motion.origin[:, None])
    return local - cluster.reference


def measure_tissue(
    residuals: np.ndarray,
    reference: np.ndarray,
    rate: float,
    *,
    highest: float = HIGHEST,
    window: float = 2.0,
    source: str = "",
) -> TissueSpectrum:
    """Measure the spectrum of soft-tissue motion from cluster residuals.

    Parameters
    ----------
    residuals : ndarray, shape (n_frames, n_markers, 3)
        As `cluster_residuals` gives them; stretches of `window` or more without a gap are used.
    reference : ndarray, shape (n_markers, 3)
        Places of the markers in the segment frame (m).
    rate : float
        Hz.
    highest : float
        Band limit (Hz).
    window : float
        Length (s) of the stretches whose spectra are averaged; 1 / window is the lowest frequency.
    source : str

    Returns
    -------
    TissueSpectrum

    Raises
    ------
    ValueError
        If no marker, or no pair of neighbours, is seen for the length of a window.
    """
    residuals = np.asarray(residuals, dtype=float)
    neighbour = _neighbours(reference)
    arms = reference[neighbour] - reference
    difference = residuals[:, neighbour] - residuals
    turns = np.cross(arms, difference) / np.sum(arms**2, axis=1)[:, None]
    n_window = round(window * rate)
    found = [_mean_density(part, rate, n_window) for part in (residuals, turns)]
    if found[0] is None or found[1] is None:
        raise ValueError(
            f"{source or 'cluster residuals'}: expected a marker and its neighbour seen for {window:g} s in a row "
            f"({n_window} frames); found none in {len(residuals)} frames."
        )
    frequency = found[0][0]
    density = np.hstack([found[0][1], found[1][1]])
    band = (frequency > 0) & (frequency <= min(highest, 0.5 * rate))
    return TissueSpectrum(frequency[band], density[band], source)


def _neighbours(reference: np.ndarray) -> np.ndarray:
    apart = np.linalg.norm(reference[:, None] - reference[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return apart.argmin(axis=1)


def _mean_density(series: np.ndarray, rate: float, window: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean density (n_frequencies, 3) of series (n, m, 3) over their unbroken stretches, weighted by length."""
    total, weight, frequency = 0.0, 0, None
    for index in range(series.shape[1]):
        for start, stop in zip(*stretches(np.isfinite(series[:, index]).all(axis=1)), strict=True):
            if stop - start >= window:
                frequency, density = welch(series[start:stop, index], rate, nperseg=window, axis=0)
                total, weight = total + density * (stop - start), weight + stop - start
    return (frequency, total / weight) if weight else None


def spectrum_to_dict(spectrum: TissueSpectrum) -> dict:
    """Plain form of a spectrum for JSON."""
    return {
        "frequency": spectrum.frequency.tolist(),
        "density": spectrum.density.tolist(),
        "source": spectrum.source,
    }


def shipped_spectrum(segment: str) -> TissueSpectrum:
    """Spectrum that comes with the package, measured in walking trials of permissive sets (see its `source`).

    Parameters
    ----------
    segment : str
        OpenSim name, with or without side.

    Raises
    ------
    ValueError
        If none was measured for the segment.
    """
    table = json.loads(resources.files("synth.imu").joinpath(_TABLE).read_text(encoding="utf-8"))
    name = segment.removesuffix("_r").removesuffix("_l")
    if name not in table:
        raise ValueError(f"no soft-tissue spectrum was measured for {segment!r}; known are {', '.join(sorted(table))}.")
    row = table[name]
    return TissueSpectrum(np.array(row["frequency"]), np.array(row["density"]), row["source"])
