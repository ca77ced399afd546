"""Inverse dynamics over frames: recursive Newton-Euler on a linkage, and what inertial sensors on it would read.

The recursion of `multibody.inverse_dynamics`, which is its test (Featherstone, Rigid Body Dynamics Algorithms, 2008,
ch. 5), link by link in the links' own frames: velocities and accelerations go outwards, forces come back.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from opensim_models.kernel.compilation import compiled
from opensim_models.kernel.kinematics import evaluate_joints
from opensim_models.kernel.linkage import Links


class LinkMotion(NamedTuple):
    """Of every link in one frame, in its own axes; filled anew for every frame.

    Attributes
    ----------
    turn, shift : (n_links, 3, 3), (n_links, 3)
        The link in the frame of its parent (link → parent; m).
    joint : (n_links, 3)
        Value, first and second derivative of the link's functions.
    spin, spin_rate : (n_links, 3)
        Angular velocity and acceleration (rad/s, rad/s²).
    specific : (n_links, 3)
        Acceleration of the origin minus gravity (m/s²).
    """

    turn: np.ndarray
    shift: np.ndarray
    joint: np.ndarray
    spin: np.ndarray
    spin_rate: np.ndarray
    specific: np.ndarray


@compiled
def link_motion(n_links: int) -> LinkMotion:
    """Allocate the arrays."""
    vectors = np.empty((n_links, 3))
    return LinkMotion(
        np.empty((n_links, 3, 3)), vectors, vectors.copy(), vectors.copy(), vectors.copy(), vectors.copy()
    )


@compiled
def move_links(
    links: Links, q: np.ndarray, qd: np.ndarray, qdd: np.ndarray, gravity: np.ndarray, motion: LinkMotion
) -> None:
    """Carry velocities and accelerations outwards, in one frame."""
    E, r, spin, rate_of, specific = motion.turn, motion.shift, motion.spin, motion.spin_rate, motion.specific
    F = links.rotation
    evaluate_joints(links, q, motion.joint)
    for l in range(len(links.parent)):  # noqa: E741
        j = links.coordinate[l]
        value, slope, curvature = motion.joint[l, 0], motion.joint[l, 1], motion.joint[l, 2]
        rate, second = slope * qd[j], slope * qdd[j] + curvature * qd[j] * qd[j]
        turning = links.kind[l] == 0
        cos, sin = (math.cos(value), math.sin(value)) if turning else (1.0, 0.0)
        slide = 0.0 if turning else value
        xx, xy, xz = cos * F[l, 0, 0] + sin * F[l, 0, 1], cos * F[l, 0, 1] - sin * F[l, 0, 0], F[l, 0, 2]
        yx, yy, yz = cos * F[l, 1, 0] + sin * F[l, 1, 1], cos * F[l, 1, 1] - sin * F[l, 1, 0], F[l, 1, 2]
        zx, zy, zz = cos * F[l, 2, 0] + sin * F[l, 2, 1], cos * F[l, 2, 1] - sin * F[l, 2, 0], F[l, 2, 2]
        E[l, 0, 0], E[l, 0, 1], E[l, 0, 2] = xx, xy, xz
        E[l, 1, 0], E[l, 1, 1], E[l, 1, 2] = yx, yy, yz
        E[l, 2, 0], E[l, 2, 1], E[l, 2, 2] = zx, zy, zz
        rx, ry, rz = links.offset[l, 0] + xz * slide, links.offset[l, 1] + yz * slide, links.offset[l, 2] + zz * slide
        r[l, 0], r[l, 1], r[l, 2] = rx, ry, rz
        p = links.parent[l]
        if p >= 0:
            wx, wy, wz = spin[p, 0], spin[p, 1], spin[p, 2]
            ax, ay, az = rate_of[p, 0], rate_of[p, 1], rate_of[p, 2]
            cx, cy, cz = wy * rz - wz * ry, wz * rx - wx * rz, wx * ry - wy * rx
            sx = specific[p, 0] + ay * rz - az * ry + wy * cz - wz * cy
            sy = specific[p, 1] + az * rx - ax * rz + wz * cx - wx * cz
            sz = specific[p, 2] + ax * ry - ay * rx + wx * cy - wy * cx
        else:
            wx, wy, wz, ax, ay, az = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            sx, sy, sz = -gravity[0], -gravity[1], -gravity[2]
        wx, wy, wz = xx * wx + yx * wy + zx * wz, xy * wx + yy * wy + zy * wz, xz * wx + yz * wy + zz * wz
        ax, ay, az = xx * ax + yx * ay + zx * az, xy * ax + yy * ay + zy * az, xz * ax + yz * ay + zz * az
        sx, sy, sz = xx * sx + yx * sy + zx * sz, xy * sx + yy * sy + zy * sz, xz * sx + yz * sy + zz * sz
        if turning:
            ax, ay, az = ax + wy * rate, ay - wx * rate, az + second
            wz += rate
        else:
            sx, sy, sz = sx + 2.0 * wy * rate, sy - 2.0 * wx * rate, sz + second
        spin[l, 0], spin[l, 1], spin[l, 2] = wx, wy, wz
        rate_of[l, 0], rate_of[l, 1], rate_of[l, 2] = ax, ay, az
        specific[l, 0], specific[l, 1], specific[l, 2] = sx, sy, sz


@compiled
def demand(links: Links, motion: LinkMotion, force: np.ndarray, moment: np.ndarray) -> None:
    """Add the force and the moment about its origin (n_links, 3) that each link's own motion demands."""
    for l in range(len(links.parent)):  # noqa: E741
        mass = links.mass[l]
        if mass == 0.0:
            continue
        cx, cy, cz = links.centre[l, 0], links.centre[l, 1], links.centre[l, 2]
        wx, wy, wz = motion.spin[l, 0], motion.spin[l, 1], motion.spin[l, 2]
        ax, ay, az = motion.spin_rate[l, 0], motion.spin_rate[l, 1], motion.spin_rate[l, 2]
        vx, vy, vz = wy * cz - wz * cy, wz * cx - wx * cz, wx * cy - wy * cx
        fx = mass * (motion.specific[l, 0] + ay * cz - az * cy + wy * vz - wz * vy)
        fy = mass * (motion.specific[l, 1] + az * cx - ax * cz + wz * vx - wx * vz)
        fz = mass * (motion.specific[l, 2] + ax * cy - ay * cx + wx * vy - wy * vx)
        I = links.inertia  # noqa: E741
        hx = I[l, 0, 0] * wx + I[l, 0, 1] * wy + I[l, 0, 2] * wz
        hy = I[l, 1, 0] * wx + I[l, 1, 1] * wy + I[l, 1, 2] * wz
        hz = I[l, 2, 0] * wx + I[l, 2, 1] * wy + I[l, 2, 2] * wz
        force[l, 0] += fx
        force[l, 1] += fy
        force[l, 2] += fz
        moment[l, 0] += I[l, 0, 0] * ax + I[l, 0, 1] * ay + I[l, 0, 2] * az + wy * hz - wz * hy + cy * fz - cz * fy
        moment[l, 1] += I[l, 1, 0] * ax + I[l, 1, 1] * ay + I[l, 1, 2] * az + wz * hx - wx * hz + cz * fx - cx * fz
        moment[l, 2] += I[l, 2, 0] * ax + I[l, 2, 1] * ay + I[l, 2, 2] * az + wx * hy - wy * hx + cx * fy - cy * fx


@compiled
def take_load(
    links: Links,
    motion: LinkMotion,
    link: int,
    load: np.ndarray,
    way: np.ndarray,
    force: np.ndarray,
    moment: np.ndarray,
) -> None:
    """Subtract a load (6,) about the ground's origin from what a link demands, carried out to it from the ground.

    `way` (n_links,) is room for the links in between. The link is no -1: what acts on the ground, nothing here demands
    (`foot_load.loaded_links` refuses it).
    """
    length, l = 0, link  # noqa: E741
    while l >= 0:
        way[length] = l
        length += 1
        l = links.parent[l]  # noqa: E741
    E, r = motion.turn, motion.shift
    fx, fy, fz, mx, my, mz = load[0], load[1], load[2], load[3], load[4], load[5]
    for step in range(length - 1, -1, -1):
        l = way[step]  # noqa: E741
        mx, my, mz = (
            mx - (r[l, 1] * fz - r[l, 2] * fy),
            my - (r[l, 2] * fx - r[l, 0] * fz),
            mz - (r[l, 0] * fy - r[l, 1] * fx),
        )
        fx, fy, fz = (
            E[l, 0, 0] * fx + E[l, 1, 0] * fy + E[l, 2, 0] * fz,
            E[l, 0, 1] * fx + E[l, 1, 1] * fy + E[l, 2, 1] * fz,
            E[l, 0, 2] * fx + E[l, 1, 2] * fy + E[l, 2, 2] * fz,
        )
        mx, my, mz = (
            E[l, 0, 0] * mx + E[l, 1, 0] * my + E[l, 2, 0] * mz,
            E[l, 0, 1] * mx + E[l, 1, 1] * my + E[l, 2, 1] * mz,
            E[l, 0, 2] * mx + E[l, 1, 2] * my + E[l, 2, 2] * mz,
        )
    force[link, 0] -= fx
    force[link, 1] -= fy
    force[link, 2] -= fz
    moment[link, 0] -= mx
    moment[link, 1] -= my
    moment[link, 2] -= mz


@compiled
def _count_about(links: Links, motion: LinkMotion, link: int, point: np.ndarray, wrench: np.ndarray) -> None:
    """Turn a moment about the ground's origin into one about a point of a link: the point is carried to the ground."""
    E, r = motion.turn, motion.shift
    l, x, y, z = link, point[0], point[1], point[2]  # noqa: E741
    while l >= 0:
        x, y, z = (
            r[l, 0] + E[l, 0, 0] * x + E[l, 0, 1] * y + E[l, 0, 2] * z,
            r[l, 1] + E[l, 1, 0] * x + E[l, 1, 1] * y + E[l, 1, 2] * z,
            r[l, 2] + E[l, 2, 0] * x + E[l, 2, 1] * y + E[l, 2, 2] * z,
        )
        l = links.parent[l]  # noqa: E741
    wrench[3] -= y * wrench[2] - z * wrench[1]
    wrench[4] -= z * wrench[0] - x * wrench[2]
    wrench[5] -= x * wrench[1] - y * wrench[0]


@compiled
def newton_euler(
    links: Links,
    gravity: np.ndarray,
    q: np.ndarray,
    qd: np.ndarray,
    qdd: np.ndarray,
    load_link: np.ndarray,
    loads: np.ndarray,
    root_link: int,
    root_point: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Generalized forces (n_frames, n_q), and force and moment (n_frames, 6) that the ground owes the whole.

    Parameters
    ----------
    links : Links
    gravity : (3,)
        m/s².
    q, qd, qdd : (n_frames, n_q)
        Coordinates, speeds, accelerations.
    load_link : int array (k,)
        Links on which the loads act, none of them -1.
    loads : (n_frames, k, 6)
        Force (N) and moment about the ground's origin (N·m), ground frame. NaN makes unknown what depends on it: the
        coordinates between that link and the ground.
    root_link, root_point : int, (3,)
        Point of a link, in its frame (m), about which the moment of the ground is counted.
    """
    n_frames, n_links = len(q), len(links.parent)
    motion = link_motion(n_links)
    way = np.empty(n_links, dtype=np.int64)
    force, moment = np.zeros((n_links, 3)), np.zeros((n_links, 3))
    E, r = motion.turn, motion.shift
    tau, base = np.zeros(q.shape), np.zeros((n_frames, 6))
    for frame in range(n_frames):
        move_links(links, q[frame], qd[frame], qdd[frame], gravity, motion)
        force[:] = 0.0
        moment[:] = 0.0
        for k in range(len(load_link)):
            take_load(links, motion, load_link[k], loads[frame, k], way, force, moment)
        demand(links, motion, force, moment)
        for l in range(n_links - 1, -1, -1):  # noqa: E741
            along = moment[l, 2] if links.kind[l] == 0 else force[l, 2]
            tau[frame, links.coordinate[l]] += motion.joint[l, 1] * along
            fx = E[l, 0, 0] * force[l, 0] + E[l, 0, 1] * force[l, 1] + E[l, 0, 2] * force[l, 2]
            fy = E[l, 1, 0] * force[l, 0] + E[l, 1, 1] * force[l, 1] + E[l, 1, 2] * force[l, 2]
            fz = E[l, 2, 0] * force[l, 0] + E[l, 2, 1] * force[l, 1] + E[l, 2, 2] * force[l, 2]
            mx = E[l, 0, 0] * moment[l, 0] + E[l, 0, 1] * moment[l, 1] + E[l, 0, 2] * moment[l, 2]
            my = E[l, 1, 0] * moment[l, 0] + E[l, 1, 1] * moment[l, 1] + E[l, 1, 2] * moment[l, 2]
            mz = E[l, 2, 0] * moment[l, 0] + E[l, 2, 1] * moment[l, 1] + E[l, 2, 2] * moment[l, 2]
            mx += r[l, 1] * fz - r[l, 2] * fy
            my += r[l, 2] * fx - r[l, 0] * fz
            mz += r[l, 0] * fy - r[l, 1] * fx
            parent = links.parent[l]
            if parent >= 0:
                force[parent, 0] += fx
                force[parent, 1] += fy
                force[parent, 2] += fz
                moment[parent, 0] += mx
                moment[parent, 1] += my
                moment[parent, 2] += mz
            else:
                base[frame, 0] += fx
                base[frame, 1] += fy
                base[frame, 2] += fz
                base[frame, 3] += mx
                base[frame, 4] += my
                base[frame, 5] += mz
        _count_about(links, motion, root_link, root_point, base[frame])
    return tau, base


@compiled
def sensed(
    links: Links,
    gravity: np.ndarray,
    q: np.ndarray,
    qd: np.ndarray,
    qdd: np.ndarray,
    point_link: np.ndarray,
    point: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Specific force (m/s²) and angular velocity (rad/s), both (n_frames, k, 3), at points of links, in link axes.

    `point_link` (k,) and `point` (k, 3) say where, in the links' frames (m).
    """
    n_frames, k = len(q), len(point_link)
    motion = link_motion(len(links.parent))
    acceleration, velocity = np.empty((n_frames, k, 3)), np.empty((n_frames, k, 3))
    for frame in range(n_frames):
        move_links(links, q[frame], qd[frame], qdd[frame], gravity, motion)
        for i in range(k):
            l = point_link[i]  # noqa: E741
            x, y, z = point[i, 0], point[i, 1], point[i, 2]
            wx, wy, wz = motion.spin[l, 0], motion.spin[l, 1], motion.spin[l, 2]
            ax, ay, az = motion.spin_rate[l, 0], motion.spin_rate[l, 1], motion.spin_rate[l, 2]
            vx, vy, vz = wy * z - wz * y, wz * x - wx * z, wx * y - wy * x
            acceleration[frame, i, 0] = motion.specific[l, 0] + ay * z - az * y + wy * vz - wz * vy
            acceleration[frame, i, 1] = motion.specific[l, 1] + az * x - ax * z + wz * vx - wx * vz
            acceleration[frame, i, 2] = motion.specific[l, 2] + ax * y - ay * x + wx * vy - wy * vx
            velocity[frame, i, 0], velocity[frame, i, 1], velocity[frame, i, 2] = wx, wy, wz
    return acceleration, velocity
