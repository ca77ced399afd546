"""Joint centres seen by the sensors beside them: how sensors are turned and where they sit, without a network.

Two sensors beside a hinge feel the acceleration of one point, the joint. In the axes of sensor i with the joint at -r_i
from it, angular velocity ω and its slope α, the joint feels f_i - Γ_i r_i with Γ = [[-ω², -α], [α, -ω²]]; turned by the
tilts θ of both sensors the two must agree, but for a tilt δ between them that is not known:

    R(θ₁) (f₁ - Γ₁ r₁) = R(θ₂ + δ) (f₂ - Γ₂ r₂)

Linear in r₁, r₂ and (for a small one) δ: least squares over the frames of a person (the idea of Seel, Schauer and
Raisch, IEEE Int Conf Control Applications 2012, with tilts in place of their norms). A segment between two joints shows
both in its sensor's axes, so the line between them, and how the sensor is turned. Nothing is said of how a sensor is
turned that sees one joint only (pelvis, feet).
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfiltfilt

from training.physics.record import PhysicsData, SagittalRecord
from training.physics.tilt import TIME_CONSTANT

CUTOFF = 6.0
"""Hz, of both sides of the equations: of 3, 6 and 9, 6 left the least error of places on virtual teaching persons."""
SLOW = 0.3
"""Hz, below a stride."""
INFORMATIVE_SECONDS = 2.5
"""Errors of model and skin repeat with every stride: a record tells no more than its first strides do."""
PLACE_SD, TILT_SD = 0.03, 0.2
"""m, rad: how far sensors are from their nominal places, and tilts from each other, before anything is seen."""
ROUNDS = 4
_UNKNOWN = 5


def joint_placements(data: PhysicsData) -> tuple[np.ndarray, np.ndarray]:
    """Turns and places of the sensors of every person, from the joints.

    Parameters
    ----------
    data : PhysicsData

    Returns
    -------
    turns : ndarray, shape (n_people, n_sensors)
        Angle of each sensor on its segment (rad); 0 where it sees fewer than two joints.
    shifts : ndarray, shape (n_people, n_sensors, 2)
        Its place less the nominal one (m, segment frame); 0 where it sees none.
    """
    pairs = _joints(data)
    turns, shifts = np.zeros((len(data.people), len(data.sensors))), np.zeros((len(data.people), len(data.sensors), 2))
    for p, person in enumerate(data.people):
        records = [record for record in data.records if record.subject.code == person.code]
        joints = data.bodies.joints[p].double().numpy()
        seen: list[dict[str, np.ndarray]] = [{} for _ in data.sensors]
        for (above, below), segment in pairs.items():
            nominal = records[0].places[above] - joints[segment], records[0].places[below]
            one, other = joint_vectors(records, (above, below), nominal)
            seen[above].setdefault(f"end {segment}", one)
            seen[below]["origin"] = other
        for sensor, vectors in enumerate(seen):
            turns[p, sensor], shifts[p, sensor] = _worn(vectors, records[0].places[sensor], joints)
    return turns, shifts


def _joints(data: PhysicsData) -> dict[tuple[int, int], int]:
    """Pairs of sensors beside one joint → the segment that begins there."""
    of = {data.bodies.segments.index(segment): sensor for sensor, segment in enumerate(data.segments)}
    parents = data.bodies.parent
    return {(of[parents[s]], sensor): s for s, sensor in of.items() if parents[s] >= 0 and parents[s] in of}


def _worn(vectors: dict[str, np.ndarray], nominal: np.ndarray, joints: np.ndarray) -> tuple[float, np.ndarray]:
    """Turn and shift of a sensor from the places (sensor axes) of its joints against it."""
    ends = {int(name.split()[1]): vector for name, vector in vectors.items() if name.startswith("end")}
    begin = vectors.get("origin")
    if begin is None:  # the pelvis, whose angle nobody can tell: joints at their offsets
        places = [vector + joints[segment] for segment, vector in ends.items()]
        return 0.0, np.mean(places, axis=0) - nominal if places else np.zeros(2)
    if not ends:
        return 0.0, begin - nominal
    segment, end = next(iter(ends.items()))
    line, seen = joints[segment], begin - end
    turn = np.arctan2(line[1], line[0]) - np.arctan2(seen[1], seen[0])
    turn = float(np.pi - (np.pi - turn) % (2.0 * np.pi))
    return turn, rotations(np.array(turn)) @ begin - nominal


def joint_vectors(
    records: list[SagittalRecord], pair: tuple[int, int], nominal: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Places of two sensors against the joint between them, each in its own axes (m).

    Parameters
    ----------
    records : list of SagittalRecord
        Of one person.
    pair : tuple of int
        The sensor above the joint, and the one below.
    nominal : tuple of ndarray, shape (2,)
        Where they are believed to be before anything is seen.
    """
    rows, values = zip(*(_constraint(record, pair) for record in records), strict=True)
    matrix, read = np.concatenate(rows), np.concatenate(values)
    start = np.r_[nominal[0], nominal[1], 0.0]
    belief = np.r_[np.full(4, PLACE_SD), TILT_SD] ** -2.0
    found, frames = start, 4.0 * CUTOFF * INFORMATIVE_SECONDS / len(read)
    for _ in range(ROUNDS):  # what is left over tells how far the equations are to be believed
        weight = frames / max(float(np.mean((read - matrix @ found) ** 2)), 1e-12)
        normal = weight * matrix.T @ matrix + np.diag(belief)
        found = start + np.linalg.solve(normal, weight * matrix.T @ (read - matrix @ start))
    return found[:2], found[2:4]


def _constraint(record: SagittalRecord, pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Equations (2 n, 5) of one record, and what they must give (2 n,)."""
    first = round(TIME_CONSTANT * record.rate)  # tilts settle
    kept = slice(first if len(record.channels) > 2 * first else 0, None)
    known = ~record.is_missing[kept]
    sides = []
    for sensor in pair:
        reading = record.channels[:, sensor].astype(float)
        rate = reading[:, 2]
        slope = np.gradient(rate) * record.rate
        turning = np.stack([np.stack([-(rate**2), -slope], -1), np.stack([slope, -(rate**2)], -1)], -2)
        upright = rotations(_steady_tilt(record.tilts[:, sensor].astype(float), rate, record.rate))
        sides.append((np.einsum("tij,tj->ti", upright, reading[:, :2]), upright @ turning))
    (one, by_one), (other, by_other) = sides
    quarter = np.column_stack([-other[:, 1], other[:, 0]])
    matrix = np.concatenate([by_one, -by_other, quarter[..., None]], axis=-1)
    # both sides of the equations through one filter: what holds of every frame holds of what is left
    matrix, read = (_low_passed(values, record.rate, CUTOFF)[kept][known] for values in (matrix, one - other))
    return matrix.reshape(-1, _UNKNOWN), read.ravel()


def _steady_tilt(tilts: np.ndarray, rates: np.ndarray, rate: float) -> np.ndarray:
    """The gyroscope's integral, of which only what is slower than a stride is taken from the tilts.

    The tilts swing by a degree or two with every stride, as the accelerations of walking do, which would look like
    another place of the sensor.
    """
    turned = np.r_[0.0, np.cumsum(0.5 * (rates[1:] + rates[:-1]))] / rate
    return turned + _low_passed(np.unwrap(tilts) - turned, rate, SLOW)


def _low_passed(values: np.ndarray, rate: float, cutoff: float) -> np.ndarray:
    return sosfiltfilt(butter(2, min(cutoff, 0.4 * rate), fs=rate, output="sos"), values, axis=0)


def rotations(angles: np.ndarray) -> np.ndarray:
    """Matrices (..., 2, 2) that turn by angles (rad)."""
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
